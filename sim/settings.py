# SPDX-License-Identifier: Apache-2.0
"""Settings of the simulators."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import setting


@dataclass(frozen=True, slots=True)
class SimSettings:
    """How a simulated robot looks at its world."""

    width: int = setting(320, "image width", unit="px", minimum=16, maximum=4096)
    height: int = setting(240, "image height", unit="px", minimum=16, maximum=4096)
    hfov_deg: float = setting(90.0, "horizontal field of view", unit="deg", minimum=10.0, maximum=150.0)
    camera_height_m: float = setting(1.5, "height of the camera above the floor", unit="m", minimum=0.1, maximum=1.6)
    step_s: float = setting(0.1, "simulated time one action takes", unit="s", minimum=0.001, maximum=60.0)
    reach_m: float = setting(1.5, "how far, on the floor plan, the arm reaches", unit="m", minimum=0.1, maximum=5.0)
    seed: int = setting(0, "seed of colours and patterns", minimum=0)
    compiled: bool = setting(
        True, "draw the embedded house with compiled code; plain numpy is slower, ids are the same"
    )


@dataclass(frozen=True, slots=True)
class NoiseSettings:
    """How far a simulated robot's camera and odometry are from perfect."""

    depth_camera: str = setting("perfect", "kind of depth camera", choices=("perfect", "structured_light", "tof"))
    drift: float = setting(
        0.0, "error of the pose, as a share of the way travelled so far (up to some 10 m)", minimum=0.0, maximum=0.2
    )
    drop: float = setting(0.0, "share of the frames that never arrive", minimum=0.0, maximum=0.9)
    loop_closures: bool = setting(True, "whether a place seen before mends the pose, as in a SLAM system")
    noise_seed: int = setting(0, "seed of all of these", minimum=0)

    @property
    def is_perfect(self) -> bool:
        """Whether nothing would be changed."""
        return self.depth_camera == "perfect" and self.drift == 0 and self.drop == 0
