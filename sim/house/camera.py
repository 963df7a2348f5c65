# SPDX-License-Identifier: Apache-2.0
"""Frames of a world as a robot at a pose would take them."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from memory_core.frame import CameraFrame
from memory_core.geometry import Vec
from sim.frames import base_pose, camera_pose
from sim.house.renderer import Renderer
from sim.house.world import World
from sim.settings import SimSettings
from sim.types import AgentPose

FIRST_STAMP_NS = 1_000_000_000


class Camera:
    """One robot's camera in a world. Simulated time only: the n-th frame is always stamped the same."""

    def __init__(self, world: World, settings: SimSettings, *, session_id: str, map_id: str = "map") -> None:
        self._renderer = Renderer(
            world.scene, settings.width, settings.height, settings.hfov_deg, compiled=settings.compiled
        )
        self._settings, self._session_id, self._map_id = settings, session_id, map_id
        self._labels = MappingProxyType(world.labels)

    def T_world_cam(self, pose: AgentPose) -> Vec:  # noqa: N802 (T_a_b is the field's own name)
        """(4, 4) of the camera when the agent stands at a pose."""
        base = base_pose(pose.x, pose.y, pose.yaw_rad)
        return camera_pose(base, self._settings.camera_height_m, pose.horizon_rad)

    def ids(self, pose: AgentPose) -> NDArray[np.int32]:
        """(H, W) instance image from a pose; several times faster than `frame`."""
        return self._renderer.ids(self.T_world_cam(pose))

    def stamp_ns(self, n_steps: int) -> int:
        """When the frame `n_steps` steps after the beginning is taken."""
        return FIRST_STAMP_NS + n_steps * round(self._settings.step_s * 1e9)

    def frame(self, pose: AgentPose, n_steps: int) -> CameraFrame:
        """What the camera sees `n_steps` steps after the beginning; O(faces + pixels)."""
        T_world_cam = self.T_world_cam(pose)
        rgb, depth, ids = self._renderer.render(T_world_cam)
        return CameraFrame(
            stamp_ns=self.stamp_ns(n_steps),
            rgb=rgb,
            depth=depth,
            K=self._renderer.K,
            T_world_cam=T_world_cam,
            session_id=self._session_id,
            map_id=self._map_id,
            instance_ids=ids,
            instance_labels=self._labels,
        )
