# SPDX-License-Identifier: Apache-2.0
"""All nodes of Tolman in one process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

from rclpy.parameter import Parameter

from memory_nodes import runtime, transport
from memory_nodes.memory_node import MemoryNode
from memory_nodes.planner_node import PlannerNode
from memory_nodes.runtime import ServedNode


def run(ros_arguments: Sequence[str], *, with_planner: bool = True, simulator: Mapping[str, str] | None = None) -> None:
    """Serve the memory, its input and the planner until SIGINT or SIGTERM.

    Args:
        simulator: parameters of a simulator that is the robot; None for a robot out there.

    Raises:
        TolmanError: the nodes cannot be started as they were asked to.
    """
    room = transport.room_for_images() if simulator is not None else nullcontext()
    with room, runtime.ros(["tolman", *ros_arguments]) as stop:
        made = nodes(with_planner=with_planner)
        if simulator is not None:
            made.insert(0, _robot(simulator, made))
        runtime.spin(made, stop)


def _robot(parameters: Mapping[str, str], others: Sequence[ServedNode]) -> ServedNode:
    """The simulator as a node beside the others, in their namespace; the arguments of the process are theirs."""
    from memory_nodes.sim_node import SimNode

    given = [Parameter(name, value=value) for name, value in parameters.items()]
    try:
        return SimNode(namespace=others[-1].get_namespace(), use_global_arguments=False, parameter_overrides=given)
    except Exception:
        for node in others:
            node.close()
        raise


def run_simulator(ros_arguments: Sequence[str]) -> None:
    """Serve a simulator as a robot until SIGINT or SIGTERM.

    Raises:
        TolmanError: the simulator cannot be started, or it ended by itself.
    """
    from memory_nodes.sim_node import SimNode

    with transport.room_for_images(), runtime.ros(["tolman_sim", *ros_arguments]) as stop:
        runtime.spin([SimNode()], stop)


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
