# SPDX-License-Identifier: Apache-2.0
"""Which blocks of the octree a depth image shows: compiled loops over a pyramid of the image.

The pyramid holds the farthest reach at every halving of the image; `mapping.octree.image` fills it. Projecting a cube
into it tells whether the cube can be seen at all: cubes of 64, 32, 16 and 8 voxels, each only where the larger one can
be seen. `mapping.octree.update` does the voxels.

Lengths are voxels. Positions are relative to the corner of the block that holds the camera, so that float32 is exact
enough anywhere in the world. Reach is depth along the optical axis, cut where the ray leaves the range; 0 is no
information. A block is 8x8x8 voxels, a cell 8x8x8 blocks.

All that kernels take and give are plain arrays, so that the same contract serves another processor.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import lean

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

HIDDEN, SEEN, INSIDE, ALL_FREE = 0, 1, 2, 3
CELL = 64  # voxels along a cell's edge
BLOCK = 8  # voxels along a block's edge
VOXELS = 512  # voxels in a block, and blocks in a cell

_NEAR = np.float32(0.05)
_FINE = 7  # pixels across which a block is looked at, at most, less one
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)


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

    farthest is 0 where there is no depth; around is the farthest of 3x3 neighbours. Level 0 of farthest, and the first
    levels of around, are filled only when voxels are that small.
    """

    levels: Ints
    farthest: Floats
    around: Floats


class Visible(NamedTuple):
    """Tables from place to row: cell_table (nx, ny, nz) of cells, block_table (cells, 512) of blocks; -1 is none.

    cells (n, 3) are local coordinates. blocks (n, 6) are local coordinates; SEEN, or INSIDE when it is wholly inside
    the image, or ALL_FREE once `update_blocks` finds that it is as free as can be and no pixel ends in it; the level of
    `around` in which to look for their voxels, -1 for level 0 of `farthest`; and 1 where a pixel ends in it.
    """

    cell_table: Ints
    cells: Ints
    block_table: Ints
    blocks: Ints


class Ends(NamedTuple):
    """Voxels in which pixels end; voxels repeat where their pixels are not neighbours.

    codes (H * W + 8,) hold x << 2 * shift | y << shift | z, coordinates from the block that holds the camera plus
    offset, which keeps them positive.
    """

    codes: Any
    shift: int
    offset: int


@lean(inline="always")
def _level(depth: Any, lens: Floats, last: int) -> int:
    """The pyramid level of which 3x3 pixels are about as large as a voxel at this depth; -1 when one pixel is."""
    pixels = _HALF * min(lens[0], lens[1]) / max(depth, _ONE)
    level = 0 if pixels >= 1 else -1
    while pixels >= 2 and level < last:
        pixels, level = pixels * _HALF, level + 1
    return level


@lean(inline="always")
def _outside(x: Any, y: Any, z: Any, half: Any, planes: Floats) -> bool:
    """True when the cube around (x, y, z), relative to the camera, lies outside one of the frustum's planes."""
    outside = False
    for k in range(planes.shape[0]):
        n = planes[k]
        if n[0] * x + n[1] * y + n[2] * z + n[3] * half < _ZERO:
            outside = True
    return outside


@lean(inline="always")
def _range(center: Any, extent: Any, front: Any, back: Any, focal: Any, middle: Any) -> Any:
    """First and last pixel coordinate + 0.5, on one axis, of a cube seen from front > 0 to back."""
    low, high = center - extent, center + extent
    low, high = low / (front if low < 0 else back), high / (front if high > 0 else back)
    return (focal * low + middle + _HALF, focal * high + middle + _HALF)


@lean(inline="always")
def _level_of(size: Any, most: int, last: int) -> int:
    """The finest level above 0 at which `size` pixels are at most `most` + 2."""
    level, size = 1, size >> 1
    while size > most and level < last:
        level, size = level + 1, size >> 1
    return level


@lean
def _farther(u0: Any, u1: Any, v0: Any, v1: Any, level: int, depth: Any, pyramid: Pyramid) -> bool:
    """Whether any pixel of u0 .. u1, v0 .. v1 may reach `depth`, as far as that level of the pyramid tells."""
    offset, width = pyramid.levels[level, 0], pyramid.levels[level, 1]
    for v in range(v0 >> level, (v1 >> level) + 1):
        start = offset + v * width
        for at in range(start + (u0 >> level), start + (u1 >> level) + 1):
            if pyramid.farthest[at] >= depth:
                return True
    return False


@lean
def _classify(x: Any, y: Any, z: Any, half: Any, camera: Camera, pyramid: Pyramid) -> int:
    """HIDDEN, SEEN, or for blocks INSIDE: a cube of half edge `half` around (x, y, z) from the camera, map axes."""
    R, lens = camera.R, camera.lens
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
    u0, u1 = np.int64(max(left, _ZERO)), np.int64(min(right, lens[4] - _ONE))
    v0, v1 = np.int64(max(top, _ZERO)), np.int64(min(bottom, lens[5] - _ONE))
    last = pyramid.levels.shape[0] - 1
    if not _farther(u0, u1, v0, v1, _level_of(max(u1 - u0, v1 - v0), 1, last), front, pyramid):
        return HIDDEN
    if half > BLOCK // 2:
        return SEEN
    level = _level(depth, lens, last)
    margin = np.int64(1) << max(level, 0)  # voxels look at pixels around their own
    a, b = max(u0 - margin, np.int64(0)), min(u1 + margin, np.int64(lens[4] - _ONE))
    c, d = max(v0 - margin, np.int64(0)), min(v1 + margin, np.int64(lens[5] - _ONE))
    fine = _level_of(max(b - a, d - c), _FINE, last)
    if not _farther(a, b, c, d, fine, front, pyramid):
        return HIDDEN
    return INSIDE if left >= 0 and top >= 0 and right < lens[4] and bottom < lens[5] else SEEN


@lean
def _find_cells(camera: Camera, pyramid: Pyramid, first: Any, visible: Visible) -> int:
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


@lean(inline="always")
def _from_camera(x: Any, y: Any, z: Any, half: Any, t: Floats) -> Any:
    """Centre, from the camera, of the cube of half edge `half` whose first block is (x, y, z)."""
    return (
        np.float32(x * BLOCK) + half - t[0],
        np.float32(y * BLOCK) + half - t[1],
        np.float32(z * BLOCK) + half - t[2],
    )


@lean(inline="always")
def _kind_of(x: Any, y: Any, z: Any, size: Any, box: Ints, camera: Camera, pyramid: Pyramid) -> int:
    """Kind of the cube of size^3 blocks whose first is (x, y, z); HIDDEN when it is not in the box (2, 3) of blocks."""
    if x + size <= box[0, 0] or y + size <= box[0, 1] or z + size <= box[0, 2]:
        return HIDDEN
    if x >= box[1, 0] or y >= box[1, 1] or z >= box[1, 2]:
        return HIDDEN
    half = np.float32(size * (BLOCK // 2))
    a, b, c = _from_camera(x, y, z, half, camera.t)
    return _classify(a, b, c, half, camera, pyramid)


@lean
def _find_in(
    x: Any, y: Any, z: Any, box: Ints, camera: Camera, pyramid: Pyramid, rows: Ints, blocks: Ints, n: int
) -> int:
    """Appends the visible ones of the 2x2x2 blocks from (x, y, z) on to blocks[n:], and to their cell's rows (512,)."""
    R, half = camera.R, np.float32(BLOCK / 2)
    for i in range(8):
        bx, by, bz = x + (i >> 2), y + (i >> 1 & 1), z + (i & 1)
        kind = _kind_of(bx, by, bz, 1, box, camera, pyramid)
        if kind == HIDDEN:
            continue
        rows[(bx & 7) << 6 | (by & 7) << 3 | bz & 7] = n
        p, q, r = _from_camera(bx, by, bz, half, camera.t)
        block = blocks[n]
        block[0], block[1], block[2], block[3], block[5] = bx, by, bz, kind, 0
        block[4] = _level(R[0, 2] * p + R[1, 2] * q + R[2, 2] * r, camera.lens, pyramid.levels.shape[0] - 1)
        n += 1
    return n


@lean
def _find_blocks(camera: Camera, pyramid: Pyramid, box: Ints, n_cells: int, visible: Visible) -> int:
    """Fills blocks and block_table with the visible ones of the cells that are in the box (2, 3); returns how many."""
    n = 0
    for cell in range(n_cells):
        rows = visible.block_table[cell]
        rows[:] = -1
        cx, cy, cz = visible.cells[cell, 0] * 8, visible.cells[cell, 1] * 8, visible.cells[cell, 2] * 8
        for i in range(8):
            x, y, z = cx + (i >> 2) * 4, cy + (i >> 1 & 1) * 4, cz + (i & 1) * 4
            if _kind_of(x, y, z, 4, box, camera, pyramid) == HIDDEN:
                continue
            for j in range(8):
                a, b, c = x + (j >> 2) * 2, y + (j >> 1 & 1) * 2, z + (j & 1) * 2
                if _kind_of(a, b, c, 2, box, camera, pyramid) != HIDDEN:
                    n = _find_in(a, b, c, box, camera, pyramid, rows, visible.blocks, n)
    return n


@lean
def _mark_hits(places: Ends, n_ends: int, first: Any, visible: Visible, hits: Any) -> None:
    """Sets hits[row of the block, voxel] to 1 where a pixel ends, and tells the block; first (3,) is the first cell."""
    table, block_table, blocks = visible.cell_table, visible.block_table, visible.blocks
    nx, ny, nz = table.shape
    shift, mask = places.shift, (1 << places.shift) - 1
    in_block = ~(7 << 2 * shift | 7 << shift | 7)
    i0, j0, k0 = places.offset // CELL + first[0], places.offset // CELL + first[1], places.offset // CELL + first[2]
    last, row = np.int64(-1), np.int64(-1)
    for e in range(n_ends):
        code = np.int64(places.codes[e])
        block = code & in_block
        if block != last:
            last, row = block, np.int64(-1)
            x, y, z = code >> 2 * shift, (code >> shift) & mask, code & mask
            i, j, k = (x >> 6) - i0, (y >> 6) - j0, (z >> 6) - k0
            if code >= 0 and i >= 0 and j >= 0 and k >= 0 and i < nx and j < ny and k < nz and table[i, j, k] >= 0:
                row = np.int64(block_table[table[i, j, k], (x & 56) << 3 | y & 56 | (z & 56) >> 3])
        if row >= 0:
            hits[row, (code >> 2 * shift & 7) << 6 | (code >> shift & 7) << 3 | code & 7] = 1
            blocks[row, 5] = 1


@lean
def find(camera: Camera, pyramid: Pyramid, box: Ints, places: Ends, n_ends: int, visible: Visible, hits: Any) -> int:
    """Fills `visible` with what can be seen in the box (2, 3) of blocks, and sets hits (n, 512) where pixels end.

    cell_table must span the cells of the box, and cells hold as many. Returns the number of blocks, or minus the number
    of cells when block_table or blocks (512 a cell) have no room for theirs. hits is left alone when it has fewer rows
    than there are blocks.
    """
    first = (box[0, 0] >> 3, box[0, 1] >> 3, box[0, 2] >> 3)
    n_cells = _find_cells(camera, pyramid, first, visible)
    if n_cells > visible.block_table.shape[0] or n_cells * VOXELS > visible.blocks.shape[0]:
        return -n_cells
    n = _find_blocks(camera, pyramid, box, n_cells, visible)
    if n <= hits.shape[0]:
        _mark_hits(places, n_ends, first, visible, hits)
    return n
