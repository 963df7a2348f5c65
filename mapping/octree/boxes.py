# SPDX-License-Identifier: Apache-2.0
"""What is in boxes of the octree, and near points: compiled loops over pairs of a box and a region it reaches into.

Pairs come from `mapping.octree.lookups.regions_of_boxes`; regions of a pair are in RAM. Boxes (N, 6) are first and last
voxel; lengths are voxels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mapping.compiled import compiled
from mapping.octree.lookups import NOTHING, UNIFORM, UNKNOWN, Index, Ints, Longs

_SPREAD = np.array([0, 1, 8, 9, 64, 65, 72, 73], np.int64)  # two zero bits between the bits of 0 .. 7


class Pairs(NamedTuple):
    """Which region a box reaches into: of_box and numbers (M,), corners (R, 3) coordinates of regions by number."""

    of_box: Ints
    numbers: Ints
    corners: Longs


@compiled(inline="always")
def _child(bx: Any, by: Any, bz: Any) -> Any:
    """Place of a block among those of its region."""
    return (_SPREAD[bx & 7] << 2) | (_SPREAD[by & 7] << 1) | _SPREAD[bz & 7]


@compiled(inline="always")
def _span(low: Any, high: Any, first: Any, size: Any) -> Any:
    """First and last of first .. first + size - 1 that lie in low .. high."""
    return max(low, first), min(high, first + size - 1)


@compiled
def _fill_block(child: Any, first: Any, last: Any, index: Index, out: Any) -> None:
    """Occupancy of the voxels first .. last (3,) of one block into out."""
    if child < 0:
        out[:] = 1 if UNIFORM - child >= 0 else 0
        return
    n = last[2] - first[2] + 1
    for x in range(first[0], last[0] + 1):
        for y in range(first[1], last[1] + 1):
            at = ((x & 7) << 6) | ((y & 7) << 3) | (first[2] & 7)
            source, target = index.voxels[child, at : at + n], out[x - first[0], y - first[1]]
            for k in range(n):
                target[k] = -1 if source[k] == UNKNOWN else (1 if source[k] >= 0 else 0)


@compiled
def fill_boxes(boxes: Longs, pairs: Pairs, index: Index, out: Any) -> None:
    """Occupancy of the known voxels of one box, boxes (1, 6), into out (nx, ny, nz)."""
    first, last = np.empty(3, np.int64), np.empty(3, np.int64)
    low, high = boxes[0, :3], boxes[0, 3:]
    for pair in range(pairs.numbers.shape[0]):
        number = pairs.numbers[pair]
        corner, children = pairs.corners[number] * 8, index.children[index.slots[number]]
        x0, x1 = _span(low[0] >> 3, high[0] >> 3, corner[0], 8)
        y0, y1 = _span(low[1] >> 3, high[1] >> 3, corner[1], 8)
        z0, z1 = _span(low[2] >> 3, high[2] >> 3, corner[2], 8)
        for bx in range(x0, x1 + 1):
            for by in range(y0, y1 + 1):
                for bz in range(z0, z1 + 1):
                    child = np.int64(children[_child(bx, by, bz)])
                    if child != NOTHING:
                        first[0], last[0] = _span(low[0], high[0], bx * 8, 8)
                        first[1], last[1] = _span(low[1], high[1], by * 8, 8)
                        first[2], last[2] = _span(low[2], high[2], bz * 8, 8)
                        a, b = first - low, last - low + 1
                        _fill_block(child, first, last, index, out[a[0] : b[0], a[1] : b[1], a[2] : b[2]])


@compiled
def _count_block(child: Any, first: Any, last: Any, index: Index) -> Any:
    """Occupied and free voxels among first .. last (3,) of one block."""
    volume = (last[0] - first[0] + 1) * (last[1] - first[1] + 1) * (last[2] - first[2] + 1)
    if child < 0:
        occupied = UNIFORM - child >= 0
        return (volume if occupied else np.int64(0)), (np.int64(0) if occupied else volume)
    if volume == 512:
        return np.int64(index.block_counts[child, 0]), np.int64(index.block_counts[child, 1])
    n_occupied, n_known = np.int64(0), np.int64(0)
    for x in range(first[0], last[0] + 1):
        for y in range(first[1], last[1] + 1):
            for z in range(first[2], last[2] + 1):
                value = index.voxels[child, ((x & 7) << 6) | ((y & 7) << 3) | (z & 7)]
                n_occupied += value >= 0
                n_known += value != UNKNOWN
    return n_occupied, n_known - n_occupied


@compiled
def _count_region(low: Any, high: Any, corner: Any, children: Any, index: Index, first: Any, last: Any) -> Any:
    """Occupied and free voxels of the part of a region in low .. high (3,); first and last (3,) are scratch."""
    n_occupied, n_free = np.int64(0), np.int64(0)
    x0, x1 = _span(low[0] >> 3, high[0] >> 3, corner[0], 8)
    y0, y1 = _span(low[1] >> 3, high[1] >> 3, corner[1], 8)
    z0, z1 = _span(low[2] >> 3, high[2] >> 3, corner[2], 8)
    for bx in range(x0, x1 + 1):
        for by in range(y0, y1 + 1):
            for bz in range(z0, z1 + 1):
                child = np.int64(children[_child(bx, by, bz)])
                if child != NOTHING:
                    first[0], last[0] = _span(low[0], high[0], bx * 8, 8)
                    first[1], last[1] = _span(low[1], high[1], by * 8, 8)
                    first[2], last[2] = _span(low[2], high[2], bz * 8, 8)
                    occupied, free = _count_block(child, first, last, index)
                    n_occupied += occupied
                    n_free += free
    return n_occupied, n_free


@compiled
def count_boxes(boxes: Longs, pairs: Pairs, index: Index, only_any: bool, totals: Longs) -> None:
    """Adds to totals (N, 2) the occupied and free voxels of boxes; with only_any none beyond the first occupied."""
    first, last = np.empty(3, np.int64), np.empty(3, np.int64)
    for pair in range(pairs.numbers.shape[0]):
        i, number = pairs.of_box[pair], pairs.numbers[pair]
        if only_any and (totals[i, 0] > 0 or index.counts[number, 0] == 0):
            continue
        low, high, corner = boxes[i, :3], boxes[i, 3:], pairs.corners[number] * 8
        if (low <= corner * 8).all() and (high >= corner * 8 + 63).all():
            totals[i] += index.counts[number]
        else:
            children = index.children[index.slots[number]]
            n_occupied, n_free = _count_region(low, high, corner, children, index, first, last)
            totals[i, 0] += n_occupied
            totals[i, 1] += n_free


@compiled(inline="always")
def _beside(position: Any, low: Any, size: Any) -> Any:
    """How far a position is from low .. low + size on one axis."""
    return max(low - position, position - low - size, 0.0)


@compiled(inline="always")
def _gap(p: Any, x: Any, y: Any, z: Any, size: Any) -> Any:
    """Squared distance of a point from a cube."""
    a, b, c = _beside(p[0], x, size), _beside(p[1], y, size), _beside(p[2], z, size)
    return a * a + b * b + c * c


@compiled
def _nearest_in_block(p: Any, x: Any, y: Any, z: Any, voxels: Any, best: Any) -> Any:
    """The smaller of best and the squared distance of the nearest occupied voxel of the block at (x, y, z)."""
    for a in range(8):
        dx = _beside(p[0], x + a, 1)
        for b in range(8):
            dy = _beside(p[1], y + b, 1)
            across = dx * dx + dy * dy
            if across < best:
                for c in range(8):
                    if voxels[(a << 6) | (b << 3) | c] >= 0:
                        dz = _beside(p[2], z + c, 1)
                        best = min(best, across + dz * dz)
    return best


@compiled
def nearest_occupied(points: Any, pairs: Pairs, index: Index, squares: Any) -> None:
    """Lowers squares (N,) to the squared distance of points (N, 3), in voxels, from the nearest occupied voxel."""
    for pair in range(pairs.numbers.shape[0]):
        i, number = pairs.of_box[pair], pairs.numbers[pair]
        p, best = points[i], squares[i]
        corner = pairs.corners[number] * 8
        x, y, z = corner[0] * 8, corner[1] * 8, corner[2] * 8
        if index.counts[number, 0] == 0 or _gap(p, x, y, z, 64) >= best:
            continue
        children = index.children[index.slots[number]]
        for bx in range(8):
            for by in range(8):
                for bz in range(8):
                    child = np.int64(children[_child(bx, by, bz)])
                    if child == NOTHING or (child >= 0 and index.block_counts[child, 0] == 0):
                        continue
                    gap = _gap(p, x + bx * 8, y + by * 8, z + bz * 8, 8)
                    if gap >= best or (child < 0 and UNIFORM - child < 0):
                        continue
                    if child < 0:
                        best = gap
                    else:
                        voxels = index.voxels[child]
                        best = _nearest_in_block(p, x + bx * 8, y + by * 8, z + bz * 8, voxels, best)
        squares[i] = best
