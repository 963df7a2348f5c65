# SPDX-License-Identifier: Apache-2.0
"""One frame as the octree sees it: camera in voxels, depth pyramid, visible blocks, voxels in which pixels end."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.octree.image import Lens, Rows, fill_cuts, look, make_rows
from mapping.octree.kernels import BLOCK, CELL, VOXELS, Camera, Ends, Floats, Ints, Pyramid, Visible, find
from mapping.octree.table import MAX_BLOCK
from mapping.octree.update import Scratch, make_scratch
from memory_core.errors import BadFrame
from memory_core.frame import CameraFrame

_STEEPEST_RAY = 1e4  # x/z of a ray; beyond this a pixel looks sideways
_CELL_BLOCKS = CELL // BLOCK
_NARROW, _WIDE = 10, 20  # bits of a voxel coordinate in the code of where a pixel ends: three fit 32 or 64 bits


class View:
    """What one frame shows of the map. Its arrays are reused from frame to frame.

    Attributes after `look`:
        origin: (3,) int64 coordinates of the block that holds the camera.
        camera, pyramid: of the frame.
        blocks: (n, 6) int32 visible blocks relative to origin, see `mapping.octree.kernels.Visible`.
        hits: (n or more, 512) uint8, 1 for voxels in which a pixel ends; `update_blocks` clears it.
        scratch: for `update_blocks`.
    """

    origin: NDArray[np.int64]
    camera: Camera
    pyramid: Pyramid
    blocks: Ints
    scratch: Scratch
    _lens: Lens
    _rows: Rows
    _ends: Ends

    def __init__(self) -> None:
        self._shape: tuple[int, ...] = ()
        self._K = b""
        self._reach = 0.0
        self._T = np.eye(4)
        self._box: Ints = np.zeros((2, 3), np.int32)
        self._cells: Ints = np.empty((64, 3), np.int32)
        # filled, so that the first frame does not wait for their memory
        self._block_table: Ints = np.full((32, VOXELS), -1, np.int32)
        self._blocks: Ints = np.full((32 * VOXELS, 6), 0, np.int32)
        self.hits: NDArray[np.uint8] = np.full((1024, VOXELS), 0, np.uint8)
        self.scratch = make_scratch()

    def look(self, frame: CameraFrame, voxel_size_m: float, max_range_m: float) -> None:
        """Find the visible blocks and the hit voxels. O(pixels + blocks in the frustum).

        Raises:
            BadFrame: the view reaches beyond the map's coordinates.
        """
        reach = max_range_m / voxel_size_m
        block, position = locate(frame, voxel_size_m, reach)
        self._fit(frame, reach)
        T, depth = self._T, _read_only(frame.depth)
        T[:] = frame.T_world_cam
        voxels = (1 / voxel_size_m, reach)
        n_ends = look(
            depth, T, position, voxels, self._lens, self.camera, self.pyramid, self._rows, self._ends, self._box
        )
        self.origin = np.array(block, np.int64)
        self._find(n_ends)

    def _fit(self, frame: CameraFrame, reach: float) -> None:
        """Make lens, pyramid and scratch space anew when this is another camera, or another range, than before."""
        shape, K = frame.depth.shape, frame.K.tobytes()
        if shape == self._shape and self._K == K and self._reach == reach:
            return
        height, width = shape
        levels = pyramid_levels(width, height)
        self.pyramid = Pyramid(levels, *(np.zeros(int(levels[-1, 0]) + 1, np.float32) for _ in range(2)))
        self._lens = lens = _lens(frame.K, height, width, reach)
        arrays = np.zeros((3, 3), np.float32), np.zeros(3, np.float32)
        self.camera = Camera(*arrays, lens.lens, lens.columns, lens.rows, np.zeros((5, 4), np.float32))
        offset = (int(reach) // CELL + 1) * CELL
        wide = offset + reach + 2 * BLOCK >= 1 << _NARROW
        self._rows = make_rows(width, wide)
        codes = np.empty(height * width + BLOCK, np.int64 if wide else np.int32)
        self._ends = Ends(codes, _WIDE if wide else _NARROW, offset)
        self._shape, self._K, self._reach = shape, K, reach

    def _find(self, n_ends: int) -> None:
        low, high = self._box.tolist()
        first = [axis // _CELL_BLOCKS for axis in low]
        shape = [(end - 1) // _CELL_BLOCKS + 1 - begin for begin, end in zip(first, high, strict=True)]
        table = np.empty(shape, np.int32)
        self._cells = _at_least(self._cells, table.size)
        n = self._find_in(table, n_ends)
        if n < 0:
            self._block_table = _at_least(self._block_table, -n)
            self._blocks = _at_least(self._blocks, -n * VOXELS)
            n = self._find_in(table, n_ends)
        if n > len(self.hits):
            self.hits = _at_least(self.hits, n)
            n = self._find_in(table, n_ends)
        self.blocks = self._blocks[:n]

    def _find_in(self, table: Ints, n_ends: int) -> int:
        visible = Visible(table, self._cells, self._block_table, self._blocks)
        return int(find(self.camera, self.pyramid, self._box, self._ends, n_ends, visible, self.hits))


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The array in rows, not to be written: one type for the compiler, whoever made it."""
    view = np.require(array, None, ["C", "A"]).view()
    view.flags.writeable = False
    return view


def locate(frame: CameraFrame, voxel_size_m: float, reach: float) -> tuple[list[int], tuple[float, float, float]]:
    """Coordinates (3,) of the camera's block and its place (3,) in voxels from that block's corner."""
    at_m = frame.T_world_cam[:3, 3].tolist()
    x, y, z = at_m[0] / voxel_size_m, at_m[1] / voxel_size_m, at_m[2] / voxel_size_m
    if not max(abs(x), abs(y), abs(z)) + reach < BLOCK * (MAX_BLOCK - 1):
        limit_m = BLOCK * MAX_BLOCK * voxel_size_m
        raise BadFrame(f"T_world_cam: want a view within {limit_m:.0f} m of the map's origin, got a camera at {at_m}")
    block = [math.floor(axis / BLOCK) for axis in (x, y, z)]
    return block, (x - block[0] * BLOCK, y - block[1] * BLOCK, z - block[2] * BLOCK)


def _lens(K: NDArray[np.float64], height: int, width: int, reach: float) -> Lens:
    fx, fy, cx, cy = float(K[0, 0]), abs(float(K[1, 1])), float(K[0, 2]), float(K[1, 2])
    left, right = _slopes([-0.5, width - 0.5], cx, fx).tolist()
    top, bottom = _slopes([-0.5, height - 0.5], cy, fy).tolist()
    normals = np.array([[1, 0, -left], [-1, 0, right], [0, 1, -top], [0, -1, bottom], [0, 0, 1]])
    columns, rows = _slopes(np.arange(width), cx, fx), _slopes(np.arange(height), cy, fy)
    return Lens(
        flip=math.copysign(1.0, float(K[1, 1])),  # rows that run upwards are those of a camera with a flipped y axis
        lens=np.clip([fx, fy, cx, cy, width, height], -1e9, 1e9).astype(np.float32),
        columns=columns,
        rows=rows,
        cuts=_cuts(columns, rows, reach),
        normals=normals / np.linalg.norm(normals, axis=1, keepdims=True),
        corners=np.array([[x, y, 1.0] for x in (left, right) for y in (top, bottom)]),
    )


def _cuts(columns: Floats, rows: Floats, reach: float) -> Floats:
    cuts = np.empty((len(rows), len(columns)), np.float32)
    fill_cuts(columns, rows, np.float32(reach), cuts)
    return cuts


def _slopes(pixels: Any, center: float, focal: float) -> Floats:
    with np.errstate(over="ignore"):
        slopes = (np.asarray(pixels, np.float64) - center) / focal
    return np.clip(slopes, -_STEEPEST_RAY, _STEEPEST_RAY).astype(np.float32)


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
