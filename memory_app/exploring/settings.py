# SPDX-License-Identifier: Apache-2.0
"""Settings of exploration, with their units and limits."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import setting


@dataclass(frozen=True, slots=True)
class ExplorationSettings:
    """How a robot looks for what its map does not know yet."""

    robot_radius_m: float = setting(0.2, "radius of the robot's footprint", unit="m", minimum=0.05, maximum=2.0)
    robot_height_m: float = setting(1.6, "what hangs lower is in the way", unit="m", minimum=0.2, maximum=3.0)
    lowest_obstacle_m: float = setting(0.1, "what lies lower is not", unit="m", minimum=0.0, maximum=0.5)
    comfort_m: float = setting(
        0.4, "distance from obstacles that is worth a detour", unit="m", minimum=0.0, maximum=3.0
    )
    stride_m: float = setting(0.25, "longest way of one action", unit="m", minimum=0.05, maximum=2.0)
    turn_deg: float = setting(30.0, "widest turn of one action", unit="deg", minimum=5.0, maximum=90.0)
    tilt_deg: float = setting(22.0, "tilt of the camera while driving, down", unit="deg", minimum=-30.0, maximum=60.0)
    replan_every: int = setting(6, "actions between two looks at the map", minimum=1, maximum=100)
    loyalty: float = setting(1.5, "how much better another frontier must be to turn away", minimum=1.0, maximum=10.0)
    enough_m3: float = setting(3.0, "unseen space beyond which more does not count", unit="m3", minimum=0.1)
    space_weight: float = setting(
        0.2, "what is unseen counts so much where the robot cannot drive into it", minimum=0.01, maximum=1.0
    )
    least_m3: float = setting(0.15, "frontiers that hide less are left alone", unit="m3", minimum=0.0)
    lead_actions: float = setting(4.0, "actions added to the way when gains are weighed", minimum=0.0, maximum=100.0)
    max_actions: int = setting(6000, "give up after so many actions", minimum=1, maximum=1_000_000)
