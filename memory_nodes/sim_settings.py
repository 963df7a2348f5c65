# SPDX-License-Identifier: Apache-2.0
"""Settings of the simulator node, and which settings of the simulators become its parameters."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import check, setting
from memory_nodes.parameters import Section
from sim import NoiseSettings, SimSettings
from sim.habitat.settings import HabitatSettings
from sim.making import SIMULATORS
from sim.thor.settings import ThorSettings


@dataclass(frozen=True, slots=True)
class SimNodeSettings:
    """Which simulator is the robot, how fast its time passes, and what its frames are called."""

    simulator: str = setting("house", "which simulator is the robot", choices=SIMULATORS)
    scene: str = setting("", "what to load, as for `tolman sim --scene`; empty: the simulator's own")
    rate: float = setting(1.0, "times real time; one step of sim.step_s is one frame", minimum=0.01, maximum=1000.0)
    publish_instances: bool = setting(True, "publish instances and instance_labels, the simulator's segmentation")
    world_frame: str = setting("map", "frame of the world")
    odom_frame: str = setting("odom", "frame of the odometry")
    base_frame: str = setting("base_link", "frame of the robot on the floor")
    camera_frame: str = setting("camera_optical", "optical frame of the camera")
    robot_radius_m: float = setting(0.2, "half the width of the robot's base", unit="m", minimum=0.05, maximum=2.0)
    goal_tolerance_m: float = setting(0.2, "how near a goal is reached", unit="m", minimum=0.01, maximum=5.0)
    cmd_vel_timeout_s: float = setting(
        0.5, "simulated time after which a cmd_vel that is not repeated ends", unit="s", minimum=0.01, maximum=60.0
    )

    def __post_init__(self) -> None:
        check(self)


SECTIONS = (
    Section("", SimNodeSettings()),
    Section("sim.", SimSettings()),
    Section("noise.", NoiseSettings()),
    Section("ai2thor.", ThorSettings()),
    Section("habitat.", HabitatSettings()),
)
