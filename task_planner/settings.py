# SPDX-License-Identifier: Apache-2.0
"""Settings of the planner."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import setting


@dataclass(frozen=True, slots=True)
class PlannerSettings:
    """How near the robot goes, how wide it is, and how much the planner searches."""

    reach_m: float = setting(
        1.3,
        "distance on the floor from the robot's centre within which it can handle a thing",
        unit="m",
        minimum=0.3,
        maximum=5.0,
    )
    robot_radius_m: float = setting(0.2, "half the width of the robot's base", unit="m", minimum=0.05, maximum=2.0)
    comfortable_m: float = setting(
        0.6, "distance from a thing at which the robot prefers to stand", unit="m", minimum=0.1, maximum=3.0
    )
    min_confidence: float = setting(
        0.2, "things less certain than this are used only when there is no other", minimum=0.0, maximum=1.0
    )
    leave_as_found: bool = setting(True, "close what had to be opened, where a hand is free to do it")
    max_states: int = setting(100_000, "states the symbolic search may visit", minimum=100, maximum=10_000_000)
