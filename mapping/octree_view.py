# SPDX-License-Identifier: Apache-2.0
"""One frame as the octree sees it: camera in voxels, depth pyramid, visible blocks and the voxels in which pixels end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapping import octree_kernels as kernels
from mapping.octree_table import MAX_BLOCK
from memory_core.errors import BadFrame
from memory_core.frame import CameraFrame

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_MARGIN = 0.01  # voxels, more than float32 rounding
_BLOCKS = 8  # blocks along a cell's edge
_STEEPEST_RAY = 1e4  # x/z of a ray; beyond this a pixel looks sideways


class Camera:
    """Pose and lens in voxels, relative to the corner of the block that holds the camera.

    Attributes:
        origin: (3,) int64 coordinates of that block.
        R, t: (3, 3) and (3,) float32.
        lens: (6,) float32 fx, fy, cx, cy, width, height.
        columns, rows: (W,), (H,) float32, x/z and y/z of the pixels' rays.
        planes: (5, 4) float32 inward normals of the frustum in map axes and the reach of a unit cube along each.
        corners: (4, 3) float64 rays through the image's corners in map axes, z = 1.

    Raises:
        BadFrame: something within `reach` voxels of the camera has no voxel coordinates.
    """

    def __init__(self, frame: CameraFrame, voxel_size_m: float, reach: float) -> None:
        height, width = frame.depth.shape
        K, R = frame.K, frame.T_world_cam[:3, :3].copy()
        if K[1, 1] < 0:  # an image whose rows run upwards is that of a camera with a flipped y axis
            R[:, 1] *= -1
        fx, fy = float(K[0, 0]), abs(float(K[1, 1]))
        position = frame.T_world_cam[:3, 3] / voxel_size_m
        if not (np.abs(position) + reach < kernels.BLOCK * (MAX_BLOCK - 1)).all():
            limit_m = kernels.BLOCK * MAX_BLOCK * voxel_size_m
            at = frame.T_world_cam[:3, 3].tolist()
            raise BadFrame(
                f"T_world_cam: want the view within {limit_m:.0f} m of the map's origin, got a camera at {at}"
            )
        self.origin = np.floor(position / kernels.BLOCK).astype(np.int64)
        self.R = R.astype(np.float32)
        self.t = (position - self.origin * kernels.BLOCK).astype(np.float32)
        self.lens = np.array([fx, fy, K[0, 2], K[1, 2], width, height]).clip(-1e9, 1e9).astype(np.float32)
        self.columns = _slopes(np.arange(width), K[0, 2], fx)
        self.rows = _slopes(np.arange(height), K[1, 2], fy)
        left, right = _slopes(np.array([-0.5, width - 0.5]), K[0, 2], fx).tolist()
        top, bottom = _slopes(np.array([-0.5, height - 0.5]), K[1, 2], fy).tolist()
        self.corners = np.array([[x, y, 1.0] for x in (left, right) for y in (top, bottom)]) @ R.T
        normals = np.array([[1, 0, -left], [-1, 0, right], [0, 1, -top], [0, -1, bottom], [0, 0, 1]])
        normals = normals / np.linalg.norm(normals, axis=1, keepdims=True) @ R.T
        self.planes = np.column_stack([normals, np.abs(normals).sum(axis=1)]).astype(np.float32)


def _slopes(pixels: NDArray[np.generic], center: float, focal: float) -> Floats:
    with np.errstate(over="ignore"):
        slopes = (pixels.astype(np.float64) - center) / focal
    return np.clip(slopes, -_STEEPEST_RAY, _STEEPEST_RAY).astype(np.float32)


class View:
    """What one frame shows of the map. Its arrays are reused from frame to frame.

    Attributes after `look`:
        camera: of the frame.
        blocks: (n, 4) int32 visible blocks, coordinates relative to camera.origin, and SEEN or ALL_FREE.
        hits: (n, 512) uint8, 1 for voxels in which a pixel ends; `update_blocks` clears it.
    """

    camera: Camera
    blocks: Ints
    hits: NDArray[np.uint8]
    levels: Ints
    farthest: Floats

    def __init__(self) -> None:
        self._shape = (0, 0)
        self._cells = np.empty((64, 3), np.int32)
        self._block_table = np.empty((64, kernels.VOXELS), np.int32)
        self._blocks = np.empty((64 * kernels.VOXELS, 4), np.int32)
        self._hits = np.zeros((1024, kernels.VOXELS), np.uint8)
        self.offsets = np.empty((3, kernels.VOXELS), np.float32)

    def look(self, frame: CameraFrame, voxel_size_m: float, max_range_m: float) -> None:
        """Find the visible blocks and the hit voxels. O(pixels + blocks in the frustum).

        Raises:
            BadFrame: the view reaches beyond the map's coordinates.
        """
        scale, limit = np.float32(1 / voxel_size_m), np.float32(max_range_m / voxel_size_m)
        camera = self.camera = Camera(frame, voxel_size_m, float(limit))
        depth = np.require(frame.depth, np.float32, ["C", "A"]).view()
        depth.flags.writeable = False  # one type for the compiler, whoever made the image
        self._fit(depth.shape)
        kernels.fill_reach(depth, scale, limit, camera.columns, camera.rows, self._nearest, self.farthest)
        kernels.fill_pyramid(self.levels, self._nearest, self.farthest)
        low, high = self._box(float(self.farthest[-1]), float(limit))
        cell_low = low // _BLOCKS
        cell_table = np.empty((high - 1) // _BLOCKS + 1 - cell_low, np.int32)
        self._find_blocks(low, high, cell_low, cell_table)
        corner = camera.t - (cell_low * kernels.CELL).astype(np.float32)
        kernels.mark_hits(
            depth, scale, self._reach, camera.columns, camera.rows, camera.R, tuple(corner), cell_table,
            self._block_table, self._hits, self._codes, self._fresh, self._found,
        )  # fmt: skip
        kernels.fill_offsets(camera.R, self.offsets)

    def _fit(self, shape: tuple[int, ...]) -> None:
        if shape == self._shape:
            return
        height, width = shape
        self._shape = (height, width)
        self.levels = pyramid_levels(width, height)
        size = int(self.levels[-1, 0]) + 1
        self._nearest, self.farthest = np.zeros(size, np.float32), np.zeros(size, np.float32)
        self._reach = self.farthest[: height * width].reshape(height, width)
        self._codes = np.empty((4, width + 1), np.int32)
        self._fresh, self._found = np.empty(width, np.uint8), np.empty(width, np.int32)

    def _box(self, farthest: float, limit: float) -> tuple[Ints, Ints]:
        """First block of the box around the frustum up to depth `farthest`, and the one after its last."""
        points = np.vstack([self.camera.corners * farthest, np.zeros(3)])
        low = np.maximum(points.min(axis=0), -limit) + self.camera.t - _MARGIN
        high = np.minimum(points.max(axis=0), limit) + self.camera.t + _MARGIN
        first, last = np.floor(low / kernels.BLOCK), np.floor(high / kernels.BLOCK)
        return first.astype(np.int32), last.astype(np.int32) + 1

    def _find_blocks(self, low: Ints, high: Ints, cell_low: Ints, cell_table: Ints) -> None:
        camera = self.camera
        look = (camera.R, camera.t, camera.lens, camera.planes, self.levels, self._nearest, self.farthest)
        self._cells = _at_least(self._cells, cell_table.size)
        cells = self._cells[: kernels.visible_cells(*look, cell_low, cell_table, self._cells)]
        self._block_table = _at_least(self._block_table, len(cells))
        self._blocks = _at_least(self._blocks, len(cells) * kernels.VOXELS)
        self.blocks = self._blocks[: kernels.visible_blocks(*look, cells, low, high, self._block_table, self._blocks)]
        self._hits = _at_least(self._hits, len(self.blocks))
        self.hits = self._hits


def _at_least(array: NDArray[np.generic], n: int) -> NDArray[np.generic]:
    """The array, or zeros of at least twice its length when it has fewer than n rows."""
    return array if len(array) >= n else np.zeros((max(n, 2 * len(array)), *array.shape[1:]), array.dtype)


def pyramid_levels(width: int, height: int) -> Ints:
    """(L, 3) offset, width and height of each level; the last is one pixel, and there are at least two."""
    levels = [(0, width, height)]
    while levels[-1][1:] != (1, 1) or len(levels) == 1:
        offset, w, h = levels[-1]
        levels.append((offset + w * h, (w + 1) // 2, (h + 1) // 2))
    return np.array(levels, np.int32)
