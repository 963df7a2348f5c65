# SPDX-License-Identifier: Apache-2.0
"""The planner as a node: an instruction in words comes in, a plan and the first place to drive to go out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import Any

from geometry_msgs.msg import PoseStamped
from std_msgs.msg import String

from memory_core.memory import Memory
from memory_nodes import convert
from memory_nodes.counts import Counts
from memory_nodes.runtime import ServedNode, guarded
from task_planner import Plan, PlannerSettings, plan

NAME = "tolman_planner"
_DEPTH = 10

Position = tuple[float, float, float]


class PlannerNode(ServedNode):
    """~/goal_text (String) -> ~/plan (String, JSON as `tolman plan --json`) and goal_pose (PoseStamped).

    Args:
        frame: name of the map frame.
        robot_position: tells where the robot is now, None when that is not known.
        focus: is told the classes of the things that a plan is about.
    """

    def __init__(
        self,
        memory: Memory,
        settings: PlannerSettings,
        counts: Counts,
        frame: str,
        robot_position: Callable[[], Position | None],
        focus: Callable[[Iterable[str]], None],
        **node_options: Any,
    ) -> None:
        super().__init__(NAME, **node_options)
        self._memory, self._settings, self._frame, self._robot_position = memory, settings, frame, robot_position
        self._focus = focus
        self._plans = self.create_publisher(String, "~/plan", _DEPTH)
        self._goals = self.create_publisher(PoseStamped, "goal_pose", _DEPTH)
        self.create_subscription(String, "~/goal_text", guarded(self, counts, "goal", self._on_goal), _DEPTH)

    def _on_goal(self, message: String) -> None:
        made = plan(message.data, self._memory, self._robot_position(), settings=self._settings)
        self.get_logger().info(f"{message.data!r}: {made.status}. {made.text}")
        self._plans.publish(String(data=json.dumps(made.to_json(), allow_nan=False)))
        self._focus(sorted({str(step.args["label"]) for step in made.steps if "label" in step.args}))
        goal = goal_pose(made, self._frame, self.get_clock().now().nanoseconds)
        if goal is not None:
            self._goals.publish(goal)


def goal_pose(made: Plan, frame: str, stamp_ns: int) -> PoseStamped | None:
    """Where the first step of a plan that moves the robot wants it to stand; None when no step moves it."""
    for step in made.steps:
        if "stand" in step.args:
            half = float(step.args["yaw_rad"]) / 2
            x, y, _ = step.args["stand"]
            return convert.pose_message(frame, stamp_ns, (x, y, 0.0), (math.sin(half), math.cos(half)))
    return None
