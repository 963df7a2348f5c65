# SPDX-License-Identifier: Apache-2.0
"""Finds movers in depth images: surfaces in space that the octree knows to be free, followed over time."""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mapping.flow.flow import FlowLayer, Mover
from mapping.flow.settings import FlowSettings
from memory_core.frame import CameraFrame

_PIXELS = 20_000  # of an image are looked at
_SURELY_FREE = -0.8  # log-odds: looked through twice or more
_OCCUPIED = 0.8  # log-odds: seen more than once lately, so part of the place
_MARGIN_VOXELS = 2  # that a mover's surface is from what is part of the place
_LEAST_VOXELS = 8  # of a mover in one frame
_LOWEST_M = 0.3  # from its lowest to its highest point
_LARGEST_M = 1.6  # what is longer is a wall seen from a wrong pose
_HEIGHTS_M = (-1.0, -0.5, 0.0)  # from the camera, at which a cell of the floor counts as seen
_SLACK_M = 0.1
_LONGEST_S = 5.0  # without frames; then everything may have changed


class Occupancy(Protocol):
    """What is asked of an octree."""

    @property
    def voxel_size_m(self) -> float: ...

    def log_odds(self, points: ArrayLike) -> NDArray[np.float32]: ...


class MoverWatch:
    """The movers around the camera. O(pixels looked at + the grid of the channels) a frame, bounded memory."""

    def __init__(self, settings: FlowSettings | None = None, max_range_m: float = 4.0) -> None:
        self.flow = FlowLayer(settings)
        self.max_range_m = float(max_range_m)
        self._stamp_ns: int | None = None

    def observe(self, frame: CameraFrame, octree: Occupancy) -> None:
        """Look at a frame before it enters the octree, which would make its movers part of the map."""
        dt_s = 0.0 if self._stamp_ns is None else (frame.stamp_ns - self._stamp_ns) / 1e9
        if not 0.0 <= dt_s <= _LONGEST_S:
            self.flow, dt_s = FlowLayer(self.flow.settings), 0.0
        self._stamp_ns = frame.stamp_ns
        self.flow.center_on(float(frame.T_world_cam[0, 3]), float(frame.T_world_cam[1, 3]))
        arrived = self._arrivals(frame, octree)
        self.flow.update(self._blobs(arrived, octree.voxel_size_m), dt_s=dt_s, observed=self._observed(frame))

    def movers(self, after_s: float = 0.0) -> list[Mover]:
        """What moves, and where it will be so long after the last frame."""
        return self.flow.movers(after_s)

    def begin_session(self) -> None:
        """Forget what moved: the clock of another run tells nothing about it."""
        self.flow, self._stamp_ns = FlowLayer(self.flow.settings), None

    def _arrivals(self, frame: CameraFrame, octree: Occupancy) -> NDArray[np.float64]:
        """Points (N, 3), map frame, that lie where the octree is sure that nothing was."""
        step = max(1, round((frame.depth.size / _PIXELS) ** 0.5))
        z = frame.depth[::step, ::step].astype(np.float64)
        v, u = np.nonzero((z > 0) & (z <= self.max_range_m))
        z, K = z[v, u], frame.K
        rays = np.stack([(u * step - K[0, 2]) / K[0, 0] * z, (v * step - K[1, 2]) / K[1, 1] * z, z], axis=1)
        points = rays @ frame.T_world_cam[:3, :3].T + frame.T_world_cam[:3, 3]
        points = points[octree.log_odds(points) <= _SURELY_FREE]
        if not len(points):
            return points
        steps = [step for step in range(-_MARGIN_VOXELS, _MARGIN_VOXELS + 1) if step]
        around = np.concatenate([np.eye(3) * step for step in steps]) * octree.voxel_size_m
        near = octree.log_odds((points[:, None] + around).reshape(-1, 3)).reshape(-1, len(around))
        return np.asarray(points[~(near >= _OCCUPIED).any(axis=1)])

    def _blobs(self, points: NDArray[np.float64], voxel_size_m: float) -> NDArray[np.float64]:
        """Middles (N, 2) of what hangs together on the floor's grid and is as large as something that moves."""
        n, size = self.flow.settings.n_cells, self.flow.settings.cell_m
        cells = np.floor((points[:, :2] - self.flow.origin) / size).astype(np.int64)
        inside = ((cells >= 0) & (cells < n)).all(axis=1)
        points, cells = points[inside], cells[inside]
        if not len(points):
            return np.empty((0, 2))
        mask = np.zeros((n, n), np.uint8)
        mask[cells[:, 0], cells[:, 1]] = 1
        _, parts = cv2.connectedComponents(mask, connectivity=8)
        of = parts[cells[:, 0], cells[:, 1]]
        found = []
        for part in range(1, int(of.max()) + 1):
            own = points[of == part]
            n_voxels = len(np.unique(np.floor(own / voxel_size_m), axis=0))
            extent = np.ptp(own, axis=0)
            if n_voxels >= _LEAST_VOXELS and extent[2] >= _LOWEST_M and extent[:2].max() <= _LARGEST_M:
                found.append(own[:, :2].mean(axis=0))
        return np.array(found).reshape(-1, 2)

    def _observed(self, frame: CameraFrame) -> NDArray[np.bool_]:
        """(n, n) cells of the floor that the image looks at or through, at one of a few heights."""
        n, size = self.flow.settings.n_cells, self.flow.settings.cell_m
        grid = np.stack(np.meshgrid(np.arange(n), np.arange(n), indexing="ij"), -1).reshape(-1, 2)
        xy = (grid + 0.5) * size + self.flow.origin
        seen = np.zeros(n * n, bool)
        T, K, (height, width) = frame.T_world_cam, frame.K, frame.depth.shape
        for above in _HEIGHTS_M:
            offsets = np.column_stack([xy - T[:2, 3], np.full(len(xy), above)])
            x, y, z = (offsets @ T[:3, :3]).T
            front = (z > 0.1) & (z <= self.max_range_m)
            with np.errstate(divide="ignore", invalid="ignore"):
                u, v = np.rint(x / z * K[0, 0] + K[0, 2]), np.rint(y / z * K[1, 1] + K[1, 2])
                front &= (u >= 0) & (u < width) & (v >= 0) & (v < height)
            at = np.nonzero(front)[0]
            depth = frame.depth[v[at].astype(np.int64), u[at].astype(np.int64)]
            seen[at] |= (depth > 0) & (z[at] <= depth + _SLACK_M)
        return seen.reshape(n, n)

    def state(self) -> dict[str, Any]:
        """Values from which `restore` goes on exactly; small, only where something may move."""
        return {**self.flow.state(), "stamp_ns": self._stamp_ns}

    def restore(self, state: dict[str, Any]) -> None:
        """Raises CorruptMemory when the state is damaged or of other settings."""
        self.flow.restore(state)
        self._stamp_ns = state.get("stamp_ns")
