# SPDX-License-Identifier: Apache-2.0
"""What a depth image says about the voxels of visible blocks: compiled loops of the octree, second half.

A voxel is hit when a pixel ends in it, else missed when its centre is nearer than the farthest reach of the pixels
around its place, in an area of about its size. Like OctoMap's, an end outweighs being looked through; unlike OctoMap,
no ray is cast: the cost is that of the voxels in view, not of pixels times range. Units as in `mapping.octree.kernels`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled
from mapping.octree.kernels import ALL_FREE, BLOCK, VOXELS, Camera, Floats, Ints, Pyramid, Scratch, Visible

# OctoMap's defaults, log(p / (1 - p)) of hit 0.7, miss 0.4, clamps 0.1192 and 0.971, in steps of 1 / 27.126.
HIT, MISS, LOWEST, HIGHEST, UNKNOWN = 23, -11, -54, 95, -128
STEPS_PER_LOG_ODD = 27.126

_NEAR = np.float32(0.05)
_SLACK = np.float32(0.7)  # how far outside the image a voxel's centre may be, in voxels: half its mean width
_BEHIND = np.float32(1e-3)  # a surface on the border of two voxels is in the one behind it, however depth was rounded
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_INFINITY = np.float32(np.inf)

_Bytes = NDArray[np.uint8]


class Stored(NamedTuple):
    """The map's blocks: voxels (N, 512), counts (N, 2) of occupied and free, changed (N,), totals (2,) of counts."""

    voxels: NDArray[np.int8]
    counts: Ints
    changed: _Bytes
    totals: NDArray[np.int64]


@compiled
def _encode_row(depth: Any, reach: Floats, slope: Any, camera: Camera, corner: Any, codes: Ints, codes_z: Ints) -> None:
    """Voxels in which the pixels of one row end: x << 16 | y in codes, z in codes_z, -1 where none ends in range."""
    R, columns = camera.R, camera.columns
    x0, y0, z0 = R[0, 0], R[1, 0], R[2, 0]
    x1, y1, z1 = R[0, 1] * slope + R[0, 2], R[1, 1] * slope + R[1, 2], R[2, 1] * slope + R[2, 2]
    x2, y2, z2, scale = corner
    for u in range(depth.shape[0]):
        r = reach[u]
        hit = (r > _ZERO) & (depth[u] * scale <= r)
        r += _BEHIND
        x = np.int32((x0 * columns[u] + x1) * r + x2)
        y = np.int32((y0 * columns[u] + y1) * r + y2)
        z = np.int32((z0 * columns[u] + z1) * r + z2)
        code = np.int32(np.int32(x << 16) | y)
        codes[u] = code if hit else np.int32(-1)
        codes_z[u] = z if hit else np.int32(-1)


@compiled
def _mark(code: Any, z: Any, visible: Visible, hits: _Bytes) -> None:
    x, y = code >> 16, code & 0xFFFF
    i, j, k = x >> 6, y >> 6, z >> 6
    table = visible.cell_table
    if i < table.shape[0] and j < table.shape[1] and k < table.shape[2]:
        cell = table[i, j, k]
        if cell >= 0:
            row = visible.block_table[cell, (((x >> 3) & 7) << 6) | (((y >> 3) & 7) << 3) | ((z >> 3) & 7)]
            if row >= 0:
                hits[row, ((x & 7) << 6) | ((y & 7) << 3) | (z & 7)] = 1


@compiled
def mark_hits(
    depth: Any, corner: Any, camera: Camera, pyramid: Pyramid, visible: Visible, hits: _Bytes, scratch: Scratch
) -> None:
    """Sets hits[row of the block, voxel] to 1 where a pixel of depth (H, W) ends.

    corner is the camera relative to the first cell's corner, and voxels per unit of depth. Neighbouring pixels mostly
    end in the same voxel, so only those that differ from their left and their upper neighbour are looked up.
    """
    height, width = depth.shape
    codes, fresh, found = scratch.codes, scratch.fresh, scratch.found
    codes[:] = -1
    for v in range(height):
        here, here_z = codes[2 * (v & 1)], codes[2 * (v & 1) + 1]
        above, above_z = codes[2 - 2 * (v & 1)], codes[3 - 2 * (v & 1)]
        reach = pyramid.farthest[v * width : v * width + width]
        _encode_row(depth[v], reach, camera.rows[v], camera, corner, here[1:], here_z[1:])
        for u in range(width):
            code, z = here[u + 1], here_z[u + 1]
            new = (code != here[u]) | (z != here_z[u])
            new &= (code != above[u + 1]) | (z != above_z[u + 1])
            fresh[u] = np.uint8(new & (code >= 0))
        n = 0
        for u in range(width):
            found[n] = u
            n += fresh[u]
        for i in range(n):
            u = found[i] + 1
            _mark(here[u], here_z[u], visible, hits)


@compiled
def _fill_offsets(R: Floats, offsets: Floats) -> None:
    """offsets (3, 512): each voxel of a block relative to its first one, camera axes."""
    for i in range(VOXELS):
        x, y, z = np.float32(i >> 6), np.float32((i >> 3) & 7), np.float32(i & 7)
        for axis in range(3):
            offsets[axis, i] = R[0, axis] * x + R[1, axis] * y + R[2, axis] * z


@compiled
def _free_voxels(voxels: Any, new: Any) -> None:
    """new (512,): a miss for all voxels of a block."""
    for i in range(VOXELS):
        old = np.int16(voxels[i])
        known = np.int16(0) if old == UNKNOWN else old
        new[i] = np.int8(max(np.int16(known + np.int16(MISS)), np.int16(LOWEST)))


@compiled
def _add(voxels: Any, hits: _Bytes, depths: Floats, reaches: Floats, new: Any) -> None:
    """new (512,): a hit for voxels with a hit, else a miss for those with a reach beyond them."""
    for i in range(VOXELS):
        old = np.int16(voxels[i])
        known = np.int16(0) if old == UNKNOWN else old
        up = min(np.int16(known + np.int16(HIT)), np.int16(HIGHEST))
        down = max(np.int16(known + np.int16(MISS)), np.int16(LOWEST))
        through = down if depths[i] < reaches[i] else old
        new[i] = np.int8(up if hits[i] != 0 else through)
    hits[:] = 0


@compiled
def _store(new: Any, voxels: Any) -> Any:
    """Copies new to voxels; how many differed, and how many are occupied and free now."""
    # sums stay in 16 bits: the loop is then four times as fast
    differing, occupied, known = np.int16(0), np.int16(0), np.int16(0)
    for i in range(VOXELS):
        value = new[i]
        differing = np.int16(differing + np.int16(value != voxels[i]))
        occupied = np.int16(occupied + np.int16(value >= 0))
        known = np.int16(known + np.int16(value != UNKNOWN))
        voxels[i] = value
    return differing, occupied, known - occupied


@compiled
def _project(
    x: Any, y: Any, z: Any, offsets: Floats, lens: Floats, level: Any, width: Any, depths: Floats, at: Ints
) -> None:
    """Depth, and pixel in an image of the given level, of each voxel of the block whose first is at (x, y, z).

    Depth is infinite for voxels behind the camera or more than _SLACK outside the image.
    """
    dx, dy, dz = offsets[0], offsets[1], offsets[2]
    fx, fy, cx, cy = lens[0], lens[1], lens[2] + _HALF, lens[3] + _HALF
    last_u, last_v = np.nextafter(lens[4], _ZERO), np.nextafter(lens[5], _ZERO)
    for i in range(VOXELS):
        depth = z + dz[i]
        inverse = _ONE / max(depth, _NEAR)
        u, v = (x + dx[i]) * inverse * fx + cx, (y + dy[i]) * inverse * fy + cy
        column, row = min(max(u, _ZERO), last_u), min(max(v, _ZERO), last_v)
        slack = _SLACK * inverse
        seen = (abs(column - u) <= slack * fx) & (abs(row - v) <= slack * fy) & (depth > _NEAR)
        at[i] = np.int32(np.int32(np.int32(np.int32(row) >> level) * width) + np.int32(np.int32(column) >> level))
        depths[i] = depth if seen else _INFINITY


@compiled
def update_blocks(
    blocks: Ints, rows: Ints, hits: _Bytes, camera: Camera, pyramid: Pyramid, stored: Stored, scratch: Scratch
) -> None:
    """Adds one frame to the voxels of the visible blocks and clears their hits; rows (n,) are theirs in `stored`."""
    R, t = camera.R, camera.t
    offsets, at, depths, reaches = scratch.offsets, scratch.places, scratch.depths, scratch.reaches
    new = scratch.voxels
    _fill_offsets(R, offsets)
    for n in range(blocks.shape[0]):
        voxels, counts = stored.voxels[rows[n]], stored.counts[rows[n]]
        if blocks[n, 3] == ALL_FREE:
            _free_voxels(voxels, new)
        else:
            x = np.float32(blocks[n, 0] * BLOCK) + _HALF - t[0]
            y = np.float32(blocks[n, 1] * BLOCK) + _HALF - t[1]
            z = np.float32(blocks[n, 2] * BLOCK) + _HALF - t[2]
            X, Y = R[0, 0] * x + R[1, 0] * y + R[2, 0] * z, R[0, 1] * x + R[1, 1] * y + R[2, 1] * z
            Z = R[0, 2] * x + R[1, 2] * y + R[2, 2] * z
            level = max(blocks[n, 4], 0)
            offset, width, _ = pyramid.levels[level]
            _project(X, Y, Z, offsets, camera.lens, level, width, depths, at)
            image = (pyramid.around if blocks[n, 4] >= 0 else pyramid.farthest)[offset:]
            for i in range(VOXELS):
                reaches[i] = image[np.uint32(at[i])]
            _add(voxels, hits[n], depths, reaches, new)
        differing, occupied, free = _store(new, voxels)
        if differing:
            stored.totals[0] += occupied - counts[0]
            stored.totals[1] += free - counts[1]
            counts[0], counts[1], stored.changed[rows[n]] = occupied, free, 1
