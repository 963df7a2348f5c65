# SPDX-License-Identifier: Apache-2.0
"""One frame as the octree sees it: camera in voxels, depth pyramid, visible blocks, voxels in which pixels end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.octree.kernels import (
    BLOCK,
    CELL,
    VOXELS,
    Camera,
    Floats,
    Ints,
    Pyramid,
    Scratch,
    Visible,
    fill_pyramid,
    fill_reach,
    find_blocks,
    find_cells,
    make_scratch,
)
from mapping.octree.table import MAX_BLOCK
from mapping.octree.update import mark_hits
from memory_core.errors import BadFrame
from memory_core.frame import CameraFrame

_STEEPEST_RAY = 1e4  # x/z of a ray; beyond this a pixel looks sideways
_MARGIN = 0.01  # voxels, more than float32 rounding
_CELL_BLOCKS = CELL // BLOCK


class View:
    """What one frame shows of the map. Its arrays are reused from frame to frame.

    Attributes after `look`:
        origin: (3,) int64 coordinates of the block that holds the camera.
        camera, pyramid: of the frame.
        blocks: (n, 5) int32 visible blocks relative to origin, see `mapping.octree.kernels.Visible`.
        hits: (n or more, 512) uint8, 1 for voxels in which a pixel ends; `update_blocks` clears it.
    """

    origin: NDArray[np.int64]
    camera: Camera
    pyramid: Pyramid
    blocks: Ints
    scratch: Scratch
    _lens: _Lens

    def __init__(self) -> None:
        self._shape: tuple[int, ...] = ()
        self._K = np.zeros((3, 3))
        self._cells: Ints = np.empty((64, 3), np.int32)
        self._block_table: Ints = np.empty((64, VOXELS), np.int32)
        self._blocks: Ints = np.empty((64 * VOXELS, 5), np.int32)
        self.hits: NDArray[np.uint8] = np.zeros((1024, VOXELS), np.uint8)

    def look(self, frame: CameraFrame, voxel_size_m: float, max_range_m: float) -> None:
        """Find the visible blocks and the hit voxels. O(pixels + blocks in the frustum).

        Raises:
            BadFrame: the view reaches beyond the map's coordinates.
        """
        scale, limit = np.float32(1 / voxel_size_m), np.float32(max_range_m / voxel_size_m)
        self.origin, position = _locate(frame, voxel_size_m, float(limit))
        self._fit(frame)
        self.camera, corners = _camera(self._lens, frame, position)
        depth = np.require(frame.depth, np.float32, ["C", "A"]).view()
        depth.flags.writeable = False  # one type for the compiler, whoever made the image
        fill_reach(depth, scale, limit, self.camera, self.pyramid)
        fill_pyramid(self.pyramid, self.camera, self.scratch)
        low, high = _box(corners * self.pyramid.farthest[-1], position, float(limit))
        first_cell = low // _CELL_BLOCKS
        visible = self._find(low, high, first_cell)
        corner = (*(position - first_cell * CELL).astype(np.float32), scale)
        mark_hits(depth, corner, self.camera, self.pyramid, visible, self.hits, self.scratch)

    def _fit(self, frame: CameraFrame) -> None:
        """Make lens and pyramid anew when this is another camera than before."""
        shape = frame.depth.shape
        if shape != self._shape:
            levels = pyramid_levels(shape[1], shape[0])
            size = int(levels[-1, 0]) + 1
            self.pyramid = Pyramid(levels, *(np.zeros(size, np.float32) for _ in range(3)))
            self.scratch = make_scratch(shape[1])
        if shape != self._shape or not np.array_equal(frame.K, self._K):
            self._shape, self._K = shape, frame.K.copy()
            self._lens = _lens(frame.K, *shape)

    def _find(self, low: Ints, high: Ints, first_cell: Ints) -> Visible:
        table = np.empty(tuple((high - 1) // _CELL_BLOCKS + 1 - first_cell), np.int32)
        self._cells = _at_least(self._cells, table.size)
        visible = Visible(table, self._cells, self._block_table, self._blocks)
        n = find_cells(self.camera, self.pyramid, first_cell, visible)
        self._block_table = _at_least(self._block_table, n)
        self._blocks = _at_least(self._blocks, n * VOXELS)
        visible = Visible(table, self._cells[:n], self._block_table, self._blocks)
        self.blocks = self._blocks[: find_blocks(self.camera, self.pyramid, low, high, visible)]
        self.hits = _at_least(self.hits, len(self.blocks))
        return visible


def _locate(frame: CameraFrame, voxel_size_m: float, reach: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Coordinates (3,) of the camera's block and its place (3,) in voxels from that block's corner."""
    position = frame.T_world_cam[:3, 3] / voxel_size_m
    if not (np.abs(position) + reach < BLOCK * (MAX_BLOCK - 1)).all():
        limit_m, at_m = BLOCK * MAX_BLOCK * voxel_size_m, frame.T_world_cam[:3, 3].tolist()
        raise BadFrame(f"T_world_cam: want a view within {limit_m:.0f} m of the map's origin, got a camera at {at_m}")
    origin = np.floor(position / BLOCK)
    return origin.astype(np.int64), position - origin * BLOCK


@dataclass(frozen=True, eq=False)
class _Lens:
    """What does not depend on the pose; arrays as in `Camera`, normals (5, 3) and corners (4, 3) in camera axes."""

    lens: Floats
    columns: Floats
    rows: Floats
    normals: NDArray[np.float64]
    corners: NDArray[np.float64]


def _lens(K: NDArray[np.float64], height: int, width: int) -> _Lens:
    fx, fy, cx, cy = float(K[0, 0]), abs(float(K[1, 1])), float(K[0, 2]), float(K[1, 2])
    left, right = _slopes([-0.5, width - 0.5], cx, fx).tolist()
    top, bottom = _slopes([-0.5, height - 0.5], cy, fy).tolist()
    normals = np.array([[1, 0, -left], [-1, 0, right], [0, 1, -top], [0, -1, bottom], [0, 0, 1]])
    return _Lens(
        lens=np.clip([fx, fy, cx, cy, width, height], -1e9, 1e9).astype(np.float32),
        columns=_slopes(range(width), cx, fx),
        rows=_slopes(range(height), cy, fy),
        normals=normals / np.linalg.norm(normals, axis=1, keepdims=True),
        corners=np.array([[x, y, 1.0] for x in (left, right) for y in (top, bottom)]),
    )


def _camera(lens: _Lens, frame: CameraFrame, position: NDArray[np.float64]) -> tuple[Camera, NDArray[np.float64]]:
    """The frame's camera, and the rays through its image's corners (4, 3), z = 1, in map axes."""
    R = frame.T_world_cam[:3, :3]
    if frame.K[1, 1] < 0:  # an image whose rows run upwards is that of a camera with a flipped y axis
        R = R * (1, -1, 1)
    normals = lens.normals @ R.T
    planes = np.column_stack([normals, np.abs(normals).sum(axis=1)]).astype(np.float32)
    at = position.astype(np.float32)
    camera = Camera(np.ascontiguousarray(R, np.float32), at, lens.lens, lens.columns, lens.rows, planes)
    return camera, lens.corners @ R.T


def _slopes(pixels: Any, center: float, focal: float) -> Floats:
    with np.errstate(over="ignore"):
        slopes = (np.asarray(pixels, np.float64) - center) / focal
    return np.clip(slopes, -_STEEPEST_RAY, _STEEPEST_RAY).astype(np.float32)


def _box(far_corners: NDArray[np.float64], position: NDArray[np.float64], limit: float) -> tuple[Ints, Ints]:
    """First block of the box around the frustum, cut at `limit` from the camera, and the one after its last."""
    points = np.vstack([far_corners, np.zeros(3)])
    low = np.maximum(points.min(axis=0), -limit) + position - _MARGIN
    high = np.minimum(points.max(axis=0), limit) + position + _MARGIN
    return np.floor(low / BLOCK).astype(np.int32), np.floor(high / BLOCK).astype(np.int32) + 1


def _at_least(array: NDArray[Any], n: int) -> NDArray[Any]:
    """The array, or zeros of at least twice its length when it has fewer than n rows."""
    return array if len(array) >= n else np.zeros((max(n, 2 * len(array)), *array.shape[1:]), array.dtype)


def pyramid_levels(width: int, height: int) -> Ints:
    """(L, 3) offset, width and height of each level; the last is one pixel, and there are at least two."""
    levels = [(0, width, height)]
    while levels[-1][1:] != (1, 1) or len(levels) == 1:
        offset, w, h = levels[-1]
        levels.append((offset + w * h, (w + 1) // 2, (h + 1) // 2))
    return np.array(levels, np.int32)
