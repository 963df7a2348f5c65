# SPDX-License-Identifier: Apache-2.0
"""Which blocks of the octree a depth image shows: compiled loops over a pyramid of the image.

The pyramid holds the nearest and farthest reach at every halving of the image. Projecting a block's box into it tells
whether the block can be seen at all, and whether it is free as a whole. `mapping.octree.update` does the voxels.

Lengths are voxels. Positions are relative to the corner of the block that holds the camera, so that float32 is exact
enough anywhere in the world. Reach is depth along the optical axis, cut where the ray leaves the range; 0 is no
information. A block is 8x8x8 voxels, a cell 8x8x8 blocks.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

HIDDEN, SEEN, ALL_FREE = 0, 1, 2
CELL = 64  # voxels along a cell's edge
BLOCK = 8  # voxels along a block's edge
VOXELS = 512  # voxels in a block, and blocks in a cell

_NEAR = np.float32(0.05)
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_INFINITY = np.float32(np.inf)


class Camera(NamedTuple):
    """Pose and lens: R (3, 3), t (3,), lens (6,) = fx, fy, cx, cy, width, height; slopes of the pixels' rays.

    columns (W,) and rows (H,) are x/z and y/z. planes (5, 4) are inward normals of the frustum in map axes and the
    reach of a unit cube along each.
    """

    R: Floats
    t: Floats
    lens: Floats
    columns: Floats
    rows: Floats
    planes: Floats


class Pyramid(NamedTuple):
    """Reach of the image at every halving; levels (L, 3) are offset, width and height of each in the flat arrays.

    nearest is infinite where there is no depth, farthest is 0; around is the farthest of 3x3 neighbours.
    """

    levels: Ints
    nearest: Floats
    farthest: Floats
    around: Floats


class Scratch(NamedTuple):
    """Room for intermediate values, so that no frame asks for memory: W + 1 values a row of the image, 512 a block."""

    row: Floats
    codes: Ints  # (4, W + 1)
    fresh: NDArray[np.uint8]
    found: Ints
    offsets: Floats  # (3, 512)
    places: Ints
    depths: Floats
    reaches: Floats
    voxels: NDArray[np.int8]


def make_scratch(width: int) -> Scratch:
    """Scratch space for images of a width."""
    row, codes = np.empty(width, np.float32), np.empty((4, width + 1), np.int32)
    fresh, found = np.empty(width, np.uint8), np.empty(width, np.int32)
    offsets, places = np.empty((3, VOXELS), np.float32), np.empty(VOXELS, np.int32)
    depths, reaches = np.empty(VOXELS, np.float32), np.empty(VOXELS, np.float32)
    return Scratch(row, codes, fresh, found, offsets, places, depths, reaches, np.empty(VOXELS, np.int8))


class Visible(NamedTuple):
    """Tables from place to row: cell_table (nx, ny, nz) of cells, block_table (cells, 512) of blocks; -1 is none.

    cells (n, 3) are local coordinates; blocks (n, 5) local coordinates, SEEN or ALL_FREE, and the level of `around` in
    which to look for their voxels, -1 for level 0 of `farthest`.
    """

    cell_table: Ints
    cells: Ints
    block_table: Ints
    blocks: Ints


@compiled
def fill_reach(depth: Any, scale: Any, limit: Any, camera: Camera, pyramid: Pyramid) -> None:
    """Level 0 of the pyramid: depth (H, W) times scale, cut at distance `limit` from the camera along the ray."""
    height, width = depth.shape
    columns = camera.columns
    for v in range(height):
        across = _ONE + camera.rows[v] * camera.rows[v]
        source = depth[v]
        low = pyramid.nearest[v * width : v * width + width]
        high = pyramid.farthest[v * width : v * width + width]
        for u in range(width):
            cut = limit / np.sqrt(across + columns[u] * columns[u])
            value = source[u] * scale
            value = value if value < cut else cut
            high[u] = value
            low[u] = value if value > _ZERO else _INFINITY


@compiled(inline="always")
def _image(values: Floats, level: Any) -> Floats:
    offset, width, height = level
    return values[offset : offset + width * height].reshape((height, width))


@compiled
def _halve(fine: Floats, coarse: Floats, sign: Any) -> None:
    """coarse gets the largest of each 2x2 of sign * fine, times sign; edges of odd size stand alone."""
    height, width = fine.shape
    half = width // 2
    for y in range(coarse.shape[0]):
        a, b, out = fine[2 * y], fine[min(2 * y + 1, height - 1)], coarse[y]
        for x in range(half):
            p, q = max(sign * a[2 * x], sign * a[2 * x + 1]), max(sign * b[2 * x], sign * b[2 * x + 1])
            out[x] = sign * max(p, q)
        if half < coarse.shape[1]:
            out[half] = sign * max(sign * a[width - 1], sign * b[width - 1])


@compiled
def _spread(image: Floats, around: Floats, row: Floats) -> None:
    """around gets the largest of the 3x3 neighbours in image; row (W,) is scratch."""
    height, width = image.shape
    for y in range(height):
        a, b, c, out = image[max(y - 1, 0)], image[y], image[min(y + 1, height - 1)], around[y]
        for x in range(width):
            row[x] = max(a[x], b[x], c[x])
        for x in range(1, width - 1):
            out[x] = max(row[x - 1], row[x], row[x + 1])
        out[0] = max(row[0], row[min(1, width - 1)])
        out[width - 1] = max(row[max(width - 2, 0)], row[width - 1])


@compiled
def fill_pyramid(pyramid: Pyramid, camera: Camera, scratch: Scratch) -> None:
    """All other levels from level 0. `around` is left out at levels finer than any voxel in reach needs."""
    levels, last = pyramid.levels, pyramid.levels.shape[0] - 1
    for k in range(1, last + 1):
        fine, coarse = levels[k - 1], levels[k]
        _halve(_image(pyramid.nearest, fine), _image(pyramid.nearest, coarse), -_ONE)
        _halve(_image(pyramid.farthest, fine), _image(pyramid.farthest, coarse), _ONE)
    finest = _level(pyramid.farthest[levels[last, 0]] + np.float32(CELL), camera.lens, last)
    for k in range(max(finest, 0), last + 1):
        _spread(_image(pyramid.farthest, levels[k]), _image(pyramid.around, levels[k]), scratch.row)


@compiled(inline="always")
def _level(depth: Any, lens: Floats, last: int) -> int:
    """The pyramid level of which 3x3 pixels are about as large as a voxel at this depth; -1 when one pixel is."""
    pixels = _HALF * min(lens[0], lens[1]) / max(depth, _ONE)
    level = 0 if pixels >= 1 else -1
    while pixels >= 2 and level < last:
        pixels, level = pixels * _HALF, level + 1
    return level


@compiled(inline="always")
def _outside(x: Any, y: Any, z: Any, half: Any, planes: Floats) -> bool:
    """True when the cube around (x, y, z), relative to the camera, lies outside one of the frustum's planes."""
    outside = False
    for k in range(planes.shape[0]):
        n = planes[k]
        if n[0] * x + n[1] * y + n[2] * z + n[3] * half < _ZERO:
            outside = True
    return outside


@compiled(inline="always")
def _range(center: Any, extent: Any, front: Any, back: Any, focal: Any, middle: Any) -> Any:
    """First and last pixel coordinate + 0.5, on one axis, of a cube seen from front > 0 to back."""
    low, high = center - extent, center + extent
    low, high = low / (front if low < 0 else back), high / (front if high > 0 else back)
    return (focal * low + middle + _HALF, focal * high + middle + _HALF)


@compiled
def _classify(x: Any, y: Any, z: Any, half: Any, camera: Camera, pyramid: Pyramid) -> int:
    """HIDDEN, SEEN or ALL_FREE: a cube of half edge `half` around (x, y, z) relative to the camera, map axes."""
    R, lens, levels = camera.R, camera.lens, pyramid.levels
    if _outside(x, y, z, half, camera.planes):
        return HIDDEN
    depth = R[0, 2] * x + R[1, 2] * y + R[2, 2] * z
    extent = half * (abs(R[0, 2]) + abs(R[1, 2]) + abs(R[2, 2]))
    front, back = depth - extent, depth + extent
    if front < _NEAR:
        return SEEN
    center = R[0, 0] * x + R[1, 0] * y + R[2, 0] * z
    extent = half * (abs(R[0, 0]) + abs(R[1, 0]) + abs(R[2, 0]))
    left, right = _range(center, extent, front, back, lens[0], lens[2])
    center = R[0, 1] * x + R[1, 1] * y + R[2, 1] * z
    extent = half * (abs(R[0, 1]) + abs(R[1, 1]) + abs(R[2, 1]))
    top, bottom = _range(center, extent, front, back, lens[1], lens[3])
    if not (right >= 0 and bottom >= 0 and left < lens[4] and top < lens[5]):
        return HIDDEN
    inside = left >= 0 and top >= 0 and right < lens[4] and bottom < lens[5]
    u0, u1 = np.int64(max(left, _ZERO)), np.int64(min(right, lens[4] - _ONE))
    v0, v1 = np.int64(max(top, _ZERO)), np.int64(min(bottom, lens[5] - _ONE))
    last = levels.shape[0] - 1
    level, size = 1, max(u1 - u0, v1 - v0) >> 1
    while size > 1 and level < last:
        level, size = level + 1, size >> 1
    offset, width = levels[level, 0], levels[level, 1]
    low, high = _INFINITY, _ZERO
    for v in range(v0 >> level, (v1 >> level) + 1):
        for u in range(u0 >> level, (u1 >> level) + 1):
            low = min(low, pyramid.nearest[offset + v * width + u])
            high = max(high, pyramid.farthest[offset + v * width + u])
    if front > high:
        return HIDDEN
    if not (inside and back < low and half <= BLOCK):
        return SEEN
    level = _level(depth, lens, last)
    image = pyramid.around if level >= 0 else pyramid.farthest
    level = max(level, 0)
    offset, width = levels[level, 0], levels[level, 1]
    n_blind = 0
    for v in range(v0 >> level, (v1 >> level) + 1):
        row = image[offset + v * width : offset + v * width + width]
        for u in range(u0 >> level, (u1 >> level) + 1):
            n_blind += row[u] == _ZERO
    return SEEN if n_blind else ALL_FREE


@compiled
def find_cells(camera: Camera, pyramid: Pyramid, first: Ints, visible: Visible) -> int:
    """Fills cell_table and cells with the cells from `first` (3,) on that may be seen; returns their number."""
    half = np.float32(CELL / 2)
    nx, ny, nz = visible.cell_table.shape
    n = 0
    for i in range(nx):
        x = np.float32((first[0] + i) * CELL) + half - camera.t[0]
        for j in range(ny):
            y = np.float32((first[1] + j) * CELL) + half - camera.t[1]
            for k in range(nz):
                z = np.float32((first[2] + k) * CELL) + half - camera.t[2]
                visible.cell_table[i, j, k] = -1
                if _classify(x, y, z, half, camera, pyramid) != HIDDEN:
                    visible.cell_table[i, j, k] = n
                    row = visible.cells[n]
                    row[0], row[1], row[2] = first[0] + i, first[1] + j, first[2] + k
                    n += 1
    return n


@compiled
def find_blocks(camera: Camera, pyramid: Pyramid, low: Ints, high: Ints, visible: Visible) -> int:
    """Fills blocks with the visible ones from low (3,) to below high (3,) in the cells; returns their number.

    block_table gets the rows of SEEN blocks only: no pixel ends in the others.
    """
    R, last, half = camera.R, pyramid.levels.shape[0] - 1, np.float32(BLOCK / 2)
    n = 0
    for c in range(visible.cells.shape[0]):
        rows = visible.block_table[c]
        rows[:] = -1
        cx, cy, cz = visible.cells[c, 0] * 8, visible.cells[c, 1] * 8, visible.cells[c, 2] * 8
        for bx in range(max(cx, low[0]), min(cx + 8, high[0])):
            x = np.float32(bx * BLOCK) + half - camera.t[0]
            for by in range(max(cy, low[1]), min(cy + 8, high[1])):
                y = np.float32(by * BLOCK) + half - camera.t[1]
                for bz in range(max(cz, low[2]), min(cz + 8, high[2])):
                    z = np.float32(bz * BLOCK) + half - camera.t[2]
                    kind = _classify(x, y, z, half, camera, pyramid)
                    if kind == SEEN:
                        rows[((bx - cx) << 6) | ((by - cy) << 3) | (bz - cz)] = n
                    if kind != HIDDEN:
                        block = visible.blocks[n]
                        block[0], block[1], block[2], block[3] = bx, by, bz, kind
                        block[4] = _level(R[0, 2] * x + R[1, 2] * y + R[2, 2] * z, camera.lens, last)
                        n += 1
    return n
