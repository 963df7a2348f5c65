# SPDX-License-Identifier: Apache-2.0
"""Settings of Habitat alone."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import setting


@dataclass(frozen=True, slots=True)
class HabitatSettings:
    """How Habitat is started, and the robot's body in it."""

    dataset: str = setting("", "scene dataset's configuration (*.scene_dataset_config.json); empty for a scene alone")
    gpu_device_id: int = setting(-1, "CUDA device to draw with; -1 for OpenGL without CUDA", minimum=-1)
    navmesh: str = setting("", "navigation mesh to load; empty for the scene's own, or one computed for this robot")
    physics: bool = setting(False, "let Habitat simulate physics (needs a Habitat built with Bullet)")
    agent_radius_m: float = setting(0.2, "radius of the robot", unit="m", minimum=0.01, maximum=2.0)
    agent_height_m: float = setting(1.7, "height of the robot", unit="m", minimum=0.1, maximum=3.0)
    snap_m: float = setting(0.1, "how far a Teleport is moved to where the robot can stand", unit="m", minimum=0.0)
    probe_timeout_s: float = setting(120.0, "how long it may take to find out whether Habitat can draw", unit="s")
