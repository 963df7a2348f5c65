# SPDX-License-Identifier: Apache-2.0
"""A camera in a scene: pose in, colour, depth and instance images out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BadSettings
from memory_core.geometry import Vec, invert_pose
from sim.frames import intrinsics
from sim.house import raster, raster_numpy
from sim.house.scene import Scene

Images = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int32]]


class Renderer:
    """Draws a scene with one camera. Not thread-safe: it keeps its buffers."""

    def __init__(self, scene: Scene, width: int, height: int, hfov_deg: float, *, compiled: bool = True) -> None:
        """
        Args:
            compiled: False draws with plain numpy, 10 to 20 times slower and the same ids.

        Raises:
            BadSettings: an image size or a field of view no camera has.
        """
        if not (1 <= width <= 8192 and 1 <= height <= 8192 and 1.0 <= hfov_deg <= 170.0):
            raise BadSettings(f"camera: want 1..8192 pixels and 1..170 degrees, got {width} x {height}, {hfov_deg}")
        self.K = intrinsics(width, height, hfov_deg)
        self._scene, self._compiled = scene, compiled
        self._inverse_depth = np.zeros((height, width), np.float32)
        self._face = np.zeros((height, width), np.int32)

    def render(self, T_world_cam: Vec) -> Images:
        """rgb (H, W, 3) uint8, depth (H, W) float32 metres along z (0 = nothing), ids (H, W) int32 (0 = nothing).

        O(faces + pixels); the arrays are new each time.
        """
        self._rasterise(T_world_cam)
        shape = self._face.shape
        rgb, depth, ids = np.empty((*shape, 3), np.uint8), np.empty(shape, np.float32), np.empty(shape, np.int32)
        a, R, eye = self._scene.arrays, np.ascontiguousarray(T_world_cam[:3, :3]), T_world_cam[:3, 3].copy()
        if self._compiled:
            raster.shade(
                self._inverse_depth, self._face, a.normals, a.body, a.colour, a.material, a.light, a.power,
                a.T_body_world, a.pattern, R, eye, self.K, rgb, depth, ids,
            )  # fmt: skip
        else:
            raster_numpy.shade(a, R, eye, self.K, self._inverse_depth, self._face, rgb, depth, ids)
        return rgb, depth, ids

    def ids(self, T_world_cam: Vec) -> NDArray[np.int32]:
        """Only the instance image, several times faster than `render`."""
        self._rasterise(T_world_cam)
        numbers = np.append(self._scene.arrays.body + 1, np.int32(0))
        return np.asarray(numbers[self._face], np.int32)

    def _rasterise(self, T_world_cam: Vec) -> None:
        T_cam_world = invert_pose(T_world_cam)
        a, R, t = self._scene.arrays, np.ascontiguousarray(T_cam_world[:3, :3]), T_cam_world[:3, 3].copy()
        if self._compiled:
            raster.rasterise(a.corners, a.normals, a.two_sided, a.shown, R, t, self.K, self._inverse_depth, self._face)
        else:
            raster_numpy.rasterise(a, R, t, self.K, self._inverse_depth, self._face)
