# SPDX-License-Identifier: Apache-2.0
"""All nodes of Tolman in one process."""

from __future__ import annotations

from collections.abc import Sequence

from memory_nodes import runtime
from memory_nodes.memory_node import MemoryNode
from memory_nodes.planner_node import PlannerNode
from memory_nodes.runtime import ServedNode


def run(ros_arguments: Sequence[str], *, with_planner: bool = True) -> None:
    """Serve the memory, its input and the planner until SIGINT or SIGTERM.

    Raises:
        TolmanError: the nodes cannot be started as they were asked to.
    """
    with runtime.ros(["tolman", *ros_arguments]) as stop:
        runtime.spin(nodes(with_planner=with_planner), stop)


def nodes(*, with_planner: bool = True, **node_options: object) -> list[ServedNode]:
    """The nodes in the order in which they are closed: first what listens, last what remembers."""
    memory = MemoryNode(**node_options)
    made: list[ServedNode] = [memory.input]
    if with_planner:
        made.append(
            PlannerNode(
                memory.memory,
                memory.planner_settings,
                memory.counts,
                memory.frame,
                lambda: memory.robot_position,
                memory.working_memory.focus,
                **node_options,
            )
        )
    return [*made, memory]
