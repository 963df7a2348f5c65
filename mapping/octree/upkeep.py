# SPDX-License-Identifier: Apache-2.0
"""What keeps regions and blocks of the octree in step with their voxels: compiled loops over rows of blocks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled
from mapping.octree.kernels import ALL_FREE
from mapping.octree.lookups import LOWEST_CHILD, MISSING, NOTHING, SATURATED, UNIFORM, UNKNOWN, Index, Ints, Longs

_SPREAD = np.array([0, 1, 8, 9, 64, 65, 72, 73], np.int64)  # two zero bits between the bits of 0 .. 7


class Rows(NamedTuple):
    """Blocks that have voxels of their own, by row.

    Attributes:
        regions, places: (N,) int32 number of the region and place among its children.
        told: (N, 2) int32 the counts that the region's counts include.
        changed: (N,) uint8, 1 where voxels changed in this frame.
        spare: (N,) int32, of which the first use[1] are rows that are free again.
        use: (2,) int64 rows that were ever used, and spare ones among them.
    """

    regions: Ints
    places: Ints
    told: Ints
    changed: NDArray[np.uint8]
    spare: Ints
    use: Longs


class Regions(NamedTuple):
    """What is kept of every region, by number.

    Attributes:
        changed_ns: (S, 512) int64 by slot: when each block's voxels last changed.
        latest_ns: (R,) int64 the latest of them.
        dirty: (R,) uint8, 1 where voxels changed since they were last handed out.
        queue: (R,) int32 the dirty ones, n_dirty[0] of them.
    """

    changed_ns: Longs
    latest_ns: Longs
    dirty: NDArray[np.uint8]
    queue: Ints
    n_dirty: Longs


@compiled
def take_row(rows: Rows) -> Any:
    """A row that is free; there must be one."""
    if rows.use[1] > 0:
        rows.use[1] -= 1
        return np.int64(rows.spare[rows.use[1]])
    rows.use[0] += 1
    return rows.use[0] - 1


@compiled
def take_rows(n: int, rows: Rows) -> Any:
    """n rows that are free; there must be as many."""
    taken = np.empty(n, np.int64)
    for i in range(n):
        taken[i] = take_row(rows)
    return taken


@compiled
def give_row(row: Any, rows: Rows) -> None:
    rows.spare[rows.use[1]] = row
    rows.use[1] += 1


@compiled
def allocate(blocks: Ints, origin: Longs, of_block: Ints, index: Index, rows: Rows, found: Ints) -> None:
    """Gives voxels of their own to the blocks (n, 3 or more) whose row in found (n,) is MISSING.

    of_block (n,) are their regions, in RAM; there must be enough free rows.
    """
    for i in range(found.shape[0]):
        if found[i] != MISSING:
            continue
        bx, by, bz = origin[0] + blocks[i, 0], origin[1] + blocks[i, 1], origin[2] + blocks[i, 2]
        place = (_SPREAD[bx & 7] << 2) | (_SPREAD[by & 7] << 1) | _SPREAD[bz & 7]
        number = of_block[i]
        slot = index.slots[number]
        child, row = np.int64(index.children[slot, place]), take_row(rows)
        n_occupied, n_free = 0, 0
        if child == NOTHING:
            index.voxels[row] = UNKNOWN
        else:
            index.voxels[row] = UNIFORM - child
            n_occupied, n_free = (512, 0) if UNIFORM - child >= 0 else (0, 512)
        index.block_counts[row, 0], index.block_counts[row, 1] = n_occupied, n_free
        rows.told[row, 0], rows.told[row, 1] = n_occupied, n_free
        rows.regions[row], rows.places[row], rows.changed[row] = number, place, 0
        index.children[slot, place], found[i] = row, row


@compiled
def note(blocks: Ints, found: Ints, stamp_ns: int, index: Index, rows: Rows, regions: Regions) -> None:
    """After a frame: what changed in the visible blocks (n, 6), whose rows are found (n,), goes to their regions.

    A block that stayed as it was when all of it was freed is as free as can be: it needs no voxels of its own.
    """
    for i in range(found.shape[0]):
        row = np.int64(found[i])
        if row == SATURATED:
            continue
        number, place = rows.regions[row], rows.places[row]
        slot = index.slots[number]
        if rows.changed[row] == 0:
            if blocks[i, 3] == ALL_FREE:
                index.children[slot, place] = LOWEST_CHILD
                give_row(row, rows)
            continue
        rows.changed[row] = 0
        for kind in range(2):
            index.counts[number, kind] += index.block_counts[row, kind] - rows.told[row, kind]
            rows.told[row, kind] = index.block_counts[row, kind]
        regions.changed_ns[slot, place] = stamp_ns
        regions.latest_ns[number] = stamp_ns
        if regions.dirty[number] == 0:
            regions.dirty[number] = 1
            regions.queue[regions.n_dirty[0]] = number
            regions.n_dirty[0] += 1


@compiled
def release(children: Ints, rows: Rows) -> None:
    """Frees the rows of the children (512,) of a region."""
    for child in children:
        if child >= 0:
            give_row(child, rows)


@compiled(inline="always")
def _halved(value: Any, times: Any) -> Any:
    """A log-odds value halved so many times, towards 0; unknown once nothing is left of it."""
    if value == UNKNOWN:
        return np.int64(UNKNOWN)
    half = np.int64(value) >> times if value > 0 else -((-np.int64(value)) >> times)
    return half if half != 0 else np.int64(UNKNOWN)


@compiled
def halve(number: int, times: int, index: Index, rows: Rows) -> None:
    """Halves every voxel of a region so many times and counts anew. Below 1 a voxel is unknown again."""
    slot, times = index.slots[number], min(times, 8)
    index.counts[number, 0], index.counts[number, 1] = 0, 0
    for place in range(512):
        child = np.int64(index.children[slot, place])
        if child == NOTHING:
            continue
        n_occupied, n_free = 0, 0
        if child < 0:
            value = _halved(UNIFORM - child, times)
            n_occupied, n_free = (512 if value >= 0 else 0), (512 if value < 0 and value != UNKNOWN else 0)
            index.children[slot, place] = NOTHING if value == UNKNOWN else UNIFORM - value
        else:
            voxels = index.voxels[child]
            for i in range(512):
                value = _halved(voxels[i], times)
                voxels[i] = np.int8(value)
                n_occupied += value >= 0
                n_free += (value < 0) & (value != UNKNOWN)
            index.block_counts[child, 0], index.block_counts[child, 1] = n_occupied, n_free
            rows.told[child, 0], rows.told[child, 1] = n_occupied, n_free
        index.counts[number, 0] += n_occupied
        index.counts[number, 1] += n_free
