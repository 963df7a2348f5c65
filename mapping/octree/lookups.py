# SPDX-License-Identifier: Apache-2.0
"""Everything that finds voxels of the octree: compiled loops over regions, blocks and voxels.

A region is 64x64x64 voxels: 512 blocks of 8x8x8. Regions are found in a hash table by their coordinates; each that is
in RAM has a slot in `children`, which says for each of its blocks, in Morton order, what is known of it. A region whose
voxels are not in RAM has slot -1: a loop that needs them says so and goes on with the next item; the caller brings the
region and calls again. Lengths are voxels; voxel i spans [i, i + 1).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled
from mapping.octree.update import LOWEST

Longs = NDArray[np.int64]
Ints = NDArray[np.int32]

MAX_BLOCK = 1 << 17  # blocks from the origin along an axis: voxel coordinates then fit 21 bits
UNKNOWN = -128
ABSENT = -127  # instead of a voxel's value: its region is not in RAM
NOTHING = -1  # child: nothing is known of the block
UNIFORM = -130  # child <= -2: all voxels of the block have the value UNIFORM - child
LOWEST_CHILD = UNIFORM - LOWEST
SATURATED, MISSING = 0, -1  # instead of the row of a block, see `survey`; no block has row 0

_EMPTY = -1
_BIAS = 1 << 17  # of region coordinates in keys
_FAR = 1e300
_SPREAD = np.array([0, 1, 8, 9, 64, 65, 72, 73], np.int64)  # two zero bits between the bits of 0 .. 7


class Index(NamedTuple):
    """The map as the loops see it.

    Attributes:
        places, numbers: (P,) the hash table: keys of regions, -1 where empty, and their numbers.
        slots: (R,) int32 row of `children` of each region, -1 where its voxels are not in RAM.
        children: (S, 512) int32 row of each block's voxels, or NOTHING, or a UNIFORM value.
        counts: (R, 2) int64 occupied and free voxels of each region.
        voxels, block_counts: (N, 512) int8 and (N, 2) int32, the blocks.
    """

    places: Longs
    numbers: Ints
    slots: Ints
    children: Ints
    counts: Longs
    voxels: NDArray[np.int8]
    block_counts: Ints


@compiled(inline="always")
def _key(x: Any, y: Any, z: Any) -> Any:
    """A region's key in the hash table: coordinates side by side, which takes a third less time than a Morton code."""
    return ((np.int64(x) + _BIAS) << 36) | ((np.int64(y) + _BIAS) << 18) | (np.int64(z) + _BIAS)


@compiled(inline="always")
def _place(key: Any, mask: Any) -> Any:
    return np.int64(((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(30)) & np.uint64(mask))


@compiled
def _number(x: Any, y: Any, z: Any, places: Longs, numbers: Ints) -> Any:
    """Number of a region, -1 when there is none."""
    mask = places.shape[0] - 1
    key = _key(x, y, z)
    place = _place(key, mask)
    while places[place] != key:
        if places[place] == _EMPTY:
            return -1
        place = (place + 1) & mask
    return np.int64(numbers[place])


@compiled(inline="always")
def _child(bx: Any, by: Any, bz: Any) -> Any:
    """Place of a block among those of its region."""
    return (_SPREAD[bx & 7] << 2) | (_SPREAD[by & 7] << 1) | _SPREAD[bz & 7]


@compiled(inline="always")
def _in_block(x: Any, y: Any, z: Any) -> Any:
    return ((x & 7) << 6) | ((y & 7) << 3) | (z & 7)


@compiled
def enter(corners: Longs, first: int, places: Longs, numbers: Ints) -> None:
    """Enters the regions at corners[first:] (n, 3), which are not in the table yet; their index is their number."""
    mask = places.shape[0] - 1
    for number in range(first, corners.shape[0]):
        key = _key(corners[number, 0], corners[number, 1], corners[number, 2])
        place = _place(key, mask)
        while places[place] != _EMPTY:
            place = (place + 1) & mask
        places[place], numbers[place] = key, number


@compiled
def find(corners: Longs, places: Longs, numbers: Ints) -> Any:
    """Number of the region at each of corners (N, 3), -1 where there is none."""
    found = np.empty(corners.shape[0], np.int32)
    for i in range(corners.shape[0]):
        found[i] = _number(corners[i, 0], corners[i, 1], corners[i, 2], places, numbers)
    return found


@compiled
def survey(
    blocks: Ints, origin: Longs, index: Index, clock: int, touched: Longs, rows: Ints, of_block: Ints, near: Ints
) -> Any:
    """rows (n,) of visible blocks (n, 6), see `mapping.octree.kernels.Visible`, at local coordinates from origin.

    A row is MISSING where the block has no voxels of its own yet, and SATURATED where they all are as free as can be
    and no pixel ends in them. of_block (n,) gets the region's number, -1 where there is none. Every region's
    number goes to `near` once and `clock` to touched[number]. Returns how many near regions, missing rows, and blocks
    without a region there are.
    """
    n_near, n_missing, n_outside = 0, 0, 0
    rx, ry, rz, number, slot = np.int64(MAX_BLOCK), np.int64(0), np.int64(0), np.int64(-1), np.int64(-1)
    for i in range(blocks.shape[0]):
        bx, by, bz = origin[0] + blocks[i, 0], origin[1] + blocks[i, 1], origin[2] + blocks[i, 2]
        if (bx >> 3) != rx or (by >> 3) != ry or (bz >> 3) != rz:
            rx, ry, rz = bx >> 3, by >> 3, bz >> 3
            number = _number(rx, ry, rz, index.places, index.numbers)
            slot = np.int64(index.slots[number]) if number >= 0 else np.int64(-1)
            if number >= 0 and touched[number] != clock:
                touched[number], near[n_near] = clock, number
                n_near += 1
        of_block[i] = number
        n_outside += 1 if number < 0 else 0
        child = np.int64(index.children[slot, _child(bx, by, bz)]) if slot >= 0 else np.int64(NOTHING)
        if child >= 0:
            rows[i] = child
        elif child == LOWEST_CHILD and blocks[i, 5] == 0:
            rows[i] = SATURATED
        else:
            rows[i] = MISSING
            n_missing += 1
    return n_near, n_missing, n_outside


@compiled
def values_at(points: Any, per_metre: float, index: Index, values: Any, wanted: Ints) -> int:
    """Log-odds steps at points (N, 3) in metres; -128 where unknown, not finite, or out of the map's range.

    Where the region is not in RAM the value is ABSENT and wanted its number; returns how many those are.
    """
    n_absent = 0
    limit = 8.0 * MAX_BLOCK
    rx, ry, rz, number, slot = np.int64(MAX_BLOCK), np.int64(0), np.int64(0), np.int64(-1), np.int64(-1)
    for i in range(points.shape[0]):
        x, y, z = points[i, 0] * per_metre, points[i, 1] * per_metre, points[i, 2] * per_metre
        values[i] = UNKNOWN
        if not (abs(x) < limit and abs(y) < limit and abs(z) < limit):
            continue
        a, b, c = np.int64(np.floor(x)), np.int64(np.floor(y)), np.int64(np.floor(z))
        if (a >> 6) != rx or (b >> 6) != ry or (c >> 6) != rz:
            rx, ry, rz = a >> 6, b >> 6, c >> 6
            number = _number(rx, ry, rz, index.places, index.numbers)
            slot = np.int64(index.slots[number]) if number >= 0 else np.int64(-1)
        if slot >= 0:
            child = np.int64(index.children[slot, _child(a >> 3, b >> 3, c >> 3)])
            if child >= 0:
                values[i] = index.voxels[child, _in_block(a, b, c)]
            elif child != NOTHING:
                values[i] = UNIFORM - child
        elif number >= 0:
            values[i] = ABSENT
            wanted[n_absent] = number
            n_absent += 1
    return n_absent


@compiled(inline="always")
def _known(n_occupied: Any, n_free: Any, n_voxels: Any) -> Any:
    """Occupancy of a cell: occupied when any voxel is, free when all are, else unknown."""
    if n_occupied > 0:
        return 1
    return 0 if n_free == n_voxels else -1


@compiled
def _tally(slot: Any, first: Any, last: Any, index: Index) -> Any:
    """Occupied and free voxels of the children first .. last - 1 of a slot."""
    n_occupied, n_free = np.int64(0), np.int64(0)
    for child in index.children[slot, first:last]:
        if child >= 0:
            n_occupied += index.block_counts[child, 0]
            n_free += index.block_counts[child, 1]
        elif child != NOTHING:
            occupied = UNIFORM - child >= 0
            n_occupied += 512 if occupied else 0
            n_free += 0 if occupied else 512
    return n_occupied, n_free


@compiled
def _in_part(x: Any, y: Any, z: Any, size: Any, child: Any, index: Index) -> Any:
    """Occupied and free voxels of a cell of `size` <= 8 voxels in the block of a child."""
    n_occupied, n_known = np.int64(0), np.int64(0)
    if child >= 0:
        for a in range(x, x + size):
            for b in range(y, y + size):
                for c in range(z, z + size):
                    value = index.voxels[child, _in_block(a, b, c)]
                    n_occupied += value >= 0
                    n_known += value != UNKNOWN
    elif child != NOTHING:
        n_known = size * size * size
        n_occupied = n_known if UNIFORM - child >= 0 else np.int64(0)
    return n_occupied, n_known - n_occupied


@compiled
def cells_at(cells: Any, level: int, index: Index, values: Any, wanted: Ints) -> int:
    """Occupancy of cells (N, 3), in units of 2^level <= 64 voxels; values and wanted as in `values_at`."""
    n_absent = 0
    size = 1 << level
    for i in range(cells.shape[0]):
        x, y, z = cells[i, 0] << level, cells[i, 1] << level, cells[i, 2] << level
        number = _number(x >> 6, y >> 6, z >> 6, index.places, index.numbers)
        values[i] = -1
        if number < 0:
            continue
        slot = index.slots[number]
        if slot < 0:
            values[i] = ABSENT
            wanted[n_absent] = number
            n_absent += 1
            continue
        first = _child(x >> 3, y >> 3, z >> 3)
        if level == 6:
            n_occupied, n_free = index.counts[number, 0], index.counts[number, 1]
        elif level >= 3:
            n_occupied, n_free = _tally(slot, first, first + (1 << (3 * level - 9)), index)
        else:
            n_occupied, n_free = _in_part(x, y, z, size, np.int64(index.children[slot, first]), index)
        values[i] = _known(n_occupied, n_free, size * size * size)
    return n_absent


@compiled
def regions_of_boxes(boxes: Longs, index: Index, of_box: Ints, found: Ints) -> int:
    """Regions that boxes (N, 6), first and last voxel, reach into: of_box and found (M,) are box and region of each.

    Returns how many there are; only the first M are written.
    """
    n = 0
    for i in range(boxes.shape[0]):
        for rx in range(boxes[i, 0] >> 6, (boxes[i, 3] >> 6) + 1):
            for ry in range(boxes[i, 1] >> 6, (boxes[i, 4] >> 6) + 1):
                for rz in range(boxes[i, 2] >> 6, (boxes[i, 5] >> 6) + 1):
                    number = _number(rx, ry, rz, index.places, index.numbers)
                    if number >= 0:
                        if n < found.shape[0]:
                            of_box[n], found[n] = i, number
                        n += 1
    return n


@compiled(inline="always")
def _crossing(position: Any, direction: Any, low: Any, size: Any) -> Any:
    """Distance along the ray at which it leaves low .. low + size on one axis."""
    if direction > 0:
        return (low + size - position) / direction
    if direction < 0:
        return (low - position) / direction
    return _FAR


@compiled
def _first_in_block(
    px: Any, py: Any, pz: Any, dx: Any, dy: Any, dz: Any, bx: Any, by: Any, bz: Any, distance: Any, voxels: Any
) -> Any:
    """Distance at which the ray enters the first occupied voxel of a block that it is in at `distance`, or -1."""
    x = min(max(np.int64(np.floor(px + distance * dx)), bx * 8), bx * 8 + 7)
    y = min(max(np.int64(np.floor(py + distance * dy)), by * 8), by * 8 + 7)
    z = min(max(np.int64(np.floor(pz + distance * dz)), bz * 8), bz * 8 + 7)
    step_x, step_y, step_z = 1 if dx > 0 else -1, 1 if dy > 0 else -1, 1 if dz > 0 else -1
    next_x, next_y, next_z = _crossing(px, dx, x, 1), _crossing(py, dy, y, 1), _crossing(pz, dz, z, 1)
    width_x = abs(1 / dx) if dx != 0 else _FAR
    width_y = abs(1 / dy) if dy != 0 else _FAR
    width_z = abs(1 / dz) if dz != 0 else _FAR
    while (x >> 3) == bx and (y >> 3) == by and (z >> 3) == bz:
        if voxels[_in_block(x, y, z)] >= 0:
            return distance
        if next_x <= next_y and next_x <= next_z:
            distance, x, next_x = next_x, x + step_x, next_x + width_x
        elif next_y <= next_z:
            distance, y, next_y = next_y, y + step_y, next_y + width_y
        else:
            distance, z, next_z = next_z, z + step_z, next_z + width_z
    return -1.0


@compiled(inline="always")
def _block_at(position: Any, region: Any) -> Any:
    """Block coordinate of a position, kept within a region."""
    return min(max(np.int64(np.floor(position)) >> 3, region * 8), region * 8 + 7)


@compiled
def cast_rays(
    origins: Any, directions: Any, limit: float, index: Index, distances: Any, blocks: Longs, wanted: Ints
) -> int:
    """Distance to the first occupied voxel along each ray, infinity when there is none within `limit`.

    origins (N, 3) in voxels, directions (N, 3) of unit length; distances (N,) and blocks (N, 3) are where each ray
    is, and where it has come to if it needs a region not in RAM: the region's number then goes to wanted. Returns how
    many those are; they have a negative distance, -1 - the distance so far. Regions and blocks without occupied voxels
    are crossed in one step.
    """
    n_stopped = 0
    for i in range(origins.shape[0]):
        px, py, pz = origins[i, 0], origins[i, 1], origins[i, 2]
        dx, dy, dz = directions[i, 0], directions[i, 1], directions[i, 2]
        bx, by, bz = blocks[i, 0], blocks[i, 1], blocks[i, 2]
        distance = distances[i]
        distances[i] = np.inf
        rx, ry, rz, number = np.int64(MAX_BLOCK), np.int64(0), np.int64(0), np.int64(-1)
        while distance <= limit and max(abs(bx), abs(by), abs(bz)) <= MAX_BLOCK:
            if (bx >> 3) != rx or (by >> 3) != ry or (bz >> 3) != rz:
                rx, ry, rz = bx >> 3, by >> 3, bz >> 3
                number = _number(rx, ry, rz, index.places, index.numbers)
            size, x, y, z = 64, rx * 64, ry * 64, rz * 64
            if number >= 0 and index.counts[number, 0] > 0:
                if index.slots[number] < 0:
                    distances[i] = -1 - distance
                    blocks[i, 0], blocks[i, 1], blocks[i, 2] = bx, by, bz
                    wanted[n_stopped] = number
                    n_stopped += 1
                    break
                size, x, y, z = 8, bx * 8, by * 8, bz * 8
                child = np.int64(index.children[index.slots[number], _child(bx, by, bz)])
                found = -1.0
                if child >= 0:
                    if index.block_counts[child, 0] > 0:
                        found = _first_in_block(px, py, pz, dx, dy, dz, bx, by, bz, distance, index.voxels[child])
                elif child != NOTHING and UNIFORM - child >= 0:
                    found = distance
                if found >= 0:
                    distances[i] = found if found <= limit else np.inf
                    break
            out_x, out_y, out_z = _crossing(px, dx, x, size), _crossing(py, dy, y, size), _crossing(pz, dz, z, size)
            distance = max(distance, min(out_x, out_y, out_z))
            along_x = out_x <= out_y and out_x <= out_z
            along_y = not along_x and out_y <= out_z
            if size == 64:
                bx = _block_at(px + distance * dx, rx)
                by = _block_at(py + distance * dy, ry)
                bz = _block_at(pz + distance * dz, rz)
                x, y, z, size = rx * 8, ry * 8, rz * 8, 8
            else:
                x, y, z, size = bx, by, bz, 1
            if along_x:
                bx = x + size if dx > 0 else x - 1
            elif along_y:
                by = y + size if dy > 0 else y - 1
            else:
                bz = z + size if dz > 0 else z - 1
    return n_stopped
