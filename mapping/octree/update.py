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

from mapping.compiled import lean
from mapping.octree.kernels import ALL_FREE, BLOCK, INSIDE, VOXELS, Camera, Floats, Ints, Pyramid

# OctoMap's defaults, log(p / (1 - p)) of hit 0.7, miss 0.4, clamps 0.1192 and 0.971, in steps of 1 / 27.126.
HIT, MISS, LOWEST, HIGHEST, UNKNOWN = 23, -11, -54, 95, -128
STEPS_PER_LOG_ODD = 27.126

_NEAR = np.float32(0.05)
_SLACK = np.float32(0.7)  # how far outside the image a voxel's centre may be, in voxels: half its mean width
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_INFINITY = np.float32(np.inf)

_Bytes = NDArray[np.uint8]


class Stored(NamedTuple):
    """The map's blocks: voxels (N, 512), counts (N, 2) of occupied and free, changed (N,), totals (2,) of counts."""

    voxels: NDArray[np.int8]
    counts: Ints
    changed: _Bytes
    totals: NDArray[np.int64]


class Scratch(NamedTuple):
    """Room for the values of one block, so that no frame asks for memory.

    offsets (3, 512); places, depths, reaches and through (512,), and the new voxels (512,).
    """

    offsets: Floats
    places: Ints
    depths: Floats
    reaches: Floats
    through: _Bytes
    voxels: NDArray[np.int8]


def make_scratch() -> Scratch:
    """Scratch space for `update_blocks`."""
    offsets, places = np.empty((3, VOXELS), np.float32), np.empty(VOXELS, np.int32)
    depths, reaches = np.empty(VOXELS, np.float32), np.empty(VOXELS, np.float32)
    return Scratch(offsets, places, depths, reaches, np.empty(VOXELS, np.uint8), np.empty(VOXELS, np.int8))


@lean
def _fill_offsets(R: Floats, lens: Floats, offsets: Floats) -> None:
    """offsets (3, 512): each voxel of a block relative to its first one, camera axes; x and y times focal length."""
    for i in range(VOXELS):
        x, y, z = np.float32(i >> 6), np.float32((i >> 3) & 7), np.float32(i & 7)
        offsets[0, i] = (R[0, 0] * x + R[1, 0] * y + R[2, 0] * z) * lens[0]
        offsets[1, i] = (R[0, 1] * x + R[1, 1] * y + R[2, 1] * z) * lens[1]
        offsets[2, i] = R[0, 2] * x + R[1, 2] * y + R[2, 2] * z


@lean
def _project_inside(
    x: Any, y: Any, z: Any, offsets: Floats, lens: Floats, level: Any, width: Any, depths: Floats, at: Ints
) -> None:
    """Depth, and pixel in an image of the given level, of each voxel of a block wholly inside the image.

    The first voxel is at (x, y, z), camera axes, x and y times focal length.
    """
    dx, dy, dz = offsets[0], offsets[1], offsets[2]
    scale = _ONE / np.float32(np.int32(1) << level)
    cx, cy = (lens[2] + _HALF) * scale, (lens[3] + _HALF) * scale
    for i in range(VOXELS):
        depth = z + dz[i]
        inverse = scale / depth
        u, v = (x + dx[i]) * inverse + cx, (y + dy[i]) * inverse + cy
        at[i] = np.int32(np.int32(np.int32(v) * width) + np.int32(u))
        depths[i] = depth


@lean
def _project(
    x: Any, y: Any, z: Any, offsets: Floats, lens: Floats, level: Any, width: Any, depths: Floats, at: Ints
) -> None:
    """As `_project_inside` for any block; depth is infinite behind the camera or more than _SLACK outside the image."""
    dx, dy, dz = offsets[0], offsets[1], offsets[2]
    scale = _ONE / np.float32(np.int32(1) << level)
    cx, cy, slack_u, slack_v = (lens[2] + _HALF) * scale, (lens[3] + _HALF) * scale, _SLACK * lens[0], _SLACK * lens[1]
    last_u, last_v = np.nextafter(lens[4] * scale, _ZERO), np.nextafter(lens[5] * scale, _ZERO)
    for i in range(VOXELS):
        depth = z + dz[i]
        inverse = scale / (depth if depth > _NEAR else _NEAR)
        u, v = (x + dx[i]) * inverse + cx, (y + dy[i]) * inverse + cy
        column, row = u if u > _ZERO else _ZERO, v if v > _ZERO else _ZERO
        column, row = column if column < last_u else last_u, row if row < last_v else last_v
        seen = (abs(column - u) <= inverse * slack_u) & (abs(row - v) <= inverse * slack_v) & (depth > _NEAR)
        at[i] = np.int32(np.int32(np.int32(row) * width) + np.int32(column))
        depths[i] = depth if seen else _INFINITY


@lean
def _look_through(block: Any, camera: Camera, pyramid: Pyramid, scratch: Scratch) -> bool:
    """Fills through (512,): 1 for the voxels of a block that are nearer than the farthest reach around them.

    Returns whether there are any.
    """
    R, t, lens, at, depths = camera.R, camera.t, camera.lens, scratch.places, scratch.depths
    reaches, through = scratch.reaches, scratch.through
    x = np.float32(block[0] * BLOCK) + _HALF - t[0]
    y = np.float32(block[1] * BLOCK) + _HALF - t[1]
    z = np.float32(block[2] * BLOCK) + _HALF - t[2]
    X = (R[0, 0] * x + R[1, 0] * y + R[2, 0] * z) * lens[0]
    Y = (R[0, 1] * x + R[1, 1] * y + R[2, 1] * z) * lens[1]
    Z = R[0, 2] * x + R[1, 2] * y + R[2, 2] * z
    level = max(block[4], 0)
    offset, width = pyramid.levels[level, 0], pyramid.levels[level, 1]
    if block[3] == INSIDE:
        _project_inside(X, Y, Z, scratch.offsets, lens, level, width, depths, at)
    else:
        _project(X, Y, Z, scratch.offsets, lens, level, width, depths, at)
    image = (pyramid.around if block[4] >= 0 else pyramid.farthest)[offset:]
    for i in range(VOXELS):
        reaches[i] = image[np.uint32(at[i])]
    n = np.int16(0)
    for i in range(VOXELS):
        beyond = np.uint8(1) if depths[i] < reaches[i] else np.uint8(0)
        through[i] = beyond
        n = np.int16(n + np.int16(beyond))
    return bool(n > 0)


@lean
def _miss(voxels: Any, through: _Bytes, new: Any) -> None:
    """new (512,): a miss for the voxels that are looked through. All values fit 8 bits, so 8 bits are enough."""
    for i in range(VOXELS):
        old = voxels[i]
        known = np.int8(0) if old == UNKNOWN else old
        down = np.int8(known + np.int8(MISS))
        down = down if down > LOWEST else np.int8(LOWEST)
        new[i] = down if through[i] != 0 else old


@lean
def _hit(voxels: Any, hits: _Bytes, new: Any) -> None:
    """Puts a hit in new (512,) for voxels (512,) with a hit, and clears it."""
    for i in range(VOXELS):
        old = voxels[i]
        known = np.int8(0) if old == UNKNOWN else old
        up = np.int8(known + np.int8(HIT))
        up = up if up < HIGHEST else np.int8(HIGHEST)
        missed = new[i]
        new[i] = up if hits[i] != 0 else missed
    hits[:] = 0


@lean
def _all_lowest(voxels: Any) -> bool:
    n = np.int16(0)
    for i in range(VOXELS):
        n = np.int16(n + np.int16(voxels[i] == LOWEST))
    return bool(n == VOXELS)


@lean
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


@lean
def update_blocks(
    blocks: Ints, rows: Ints, hits: _Bytes, camera: Camera, pyramid: Pyramid, stored: Stored, scratch: Scratch
) -> None:
    """Adds one frame to the voxels of the visible blocks and clears their hits; rows (n,) are theirs in `stored`.

    A block that is as free as can be, and in which no pixel ends, stays as it is, is not looked at further and becomes
    ALL_FREE.
    """
    _fill_offsets(camera.R, camera.lens, scratch.offsets)
    through, new = scratch.through, scratch.voxels
    for n in range(blocks.shape[0]):
        block, voxels, counts = blocks[n], stored.voxels[rows[n]], stored.counts[rows[n]]
        hit = block[5] != 0
        if not hit and counts[1] == VOXELS and _all_lowest(voxels):
            block[3] = ALL_FREE
            continue
        if not _look_through(block, camera, pyramid, scratch) and not hit:
            continue
        _miss(voxels, through, new)
        if hit:
            _hit(voxels, hits[n], new)
        differing, occupied, free = _store(new, voxels)
        if differing:
            stored.totals[0] += occupied - counts[0]
            stored.totals[1] += free - counts[1]
            counts[0], counts[1], stored.changed[rows[n]] = occupied, free, 1
