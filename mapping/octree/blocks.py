# SPDX-License-Identifier: Apache-2.0
"""The octree's arrays: regions by number, the slots of those whose voxels are in RAM, and rows of voxels.

A region's record stays for good: its code, how many of its voxels are occupied and free, when it was seen and changed.
Its voxels may come and go (`settle`, `vacate`); a block that is the same all over takes no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mapping.octree import morton
from mapping.octree.content import Content, name_of
from mapping.octree.lookups import MAX_BLOCK, NOTHING, UNIFORM, UNKNOWN, Index, Ints, Longs, enter, find
from mapping.octree.update import LOWEST, Stored
from mapping.octree.upkeep import Regions, Rows, halve, release, take_rows

VOXELS = 512
_REGION_BIAS = morton.BIAS >> 3
_BYTES_PER_ROW = VOXELS + 8 + 4 + 4 + 8 + 1 + 4
_BYTES_PER_SLOT = 512 * (4 + 8)
_ROW_SHARE = 0.8  # of a budget; the rest is for slots
_FIRST_ROWS, _FIRST_SLOTS, _FIRST_REGIONS = 1 << 18, 1 << 12, 1 << 12
_FEWEST_ROWS, _FEWEST_SLOTS = 4096, 64
_WARM_ROWS, _WARM_SLOTS = 4096, 32


def keys_of(blocks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Morton codes (N,) of block coordinates (N, 3)."""
    return morton.encode(blocks)


def blocks_of(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Block coordinates (N, 3) of Morton codes (N,)."""
    return morton.decode(keys)


def in_range(blocks: NDArray[np.int64]) -> bool:
    """Whether all block coordinates can be in a map."""
    return bool((np.abs(blocks) < MAX_BLOCK).all())


class VoxelMirror(Protocol):
    """A copy of the rows of voxels on another processor, see `mapping.gpu.mirror`."""

    def written_on_host(self, rows: NDArray[Any]) -> None:
        """These rows are new here."""
        ...

    def download(self) -> None:
        """Have all rows here as they are."""
        ...

    def follow(self, arrays: Sequence[NDArray[Any]], n_used: int) -> None:
        """The rows are in another array now."""
        ...


class Blocks:
    """Regions and their blocks. Without a budget it grows by doubling; with one it never takes more.

    Memory is asked for in advance and used only as it fills, so that no frame waits for a copy of the map.

    Attributes:
        n_regions: regions known; the arrays below have room for more.
        codes, corners: (R,) Morton code and (R, 3) coordinates of regions.
        home: (R,) int32 slot of a region in RAM, -1 of others; `index.slots` may hide it for a while.
        touched, seen_ns: (R,) int64 when a region was last asked for, and last in view.
        halvings: (R,) int64 how many halvings its voxels have seen, see `mapping.octree.decay`.
        stored: (R,) bool, whether the store has it as it is.
        low, high: (3,) first and last region on each axis.
        totals: (2,) int64 occupied and free voxels of all regions.
        mirror: who else has rows of voxels, and may have newer ones; None for nobody.
    """

    def __init__(self, budget_bytes: int | None = None) -> None:
        rows, slots = _FIRST_ROWS, _FIRST_SLOTS
        if budget_bytes is not None:
            rows = max(int(budget_bytes * _ROW_SHARE) // _BYTES_PER_ROW, _FEWEST_ROWS)
            slots = max(int(budget_bytes * (1 - _ROW_SHARE)) // _BYTES_PER_SLOT, _FEWEST_SLOTS)
        self.is_bounded = budget_bytes is not None
        self.n_regions = 0
        self.mirror: VoxelMirror | None = None
        self.totals = np.zeros(2, np.int64)
        self.low, self.high = np.full(3, MAX_BLOCK), np.full(3, -MAX_BLOCK)
        self._make_regions(_FIRST_REGIONS)
        self._make_rows(rows)
        self._make_slots(slots)
        self._touch()
        self._voxels[0], self._counts[0], self._rows.use[0] = LOWEST, (0, VOXELS), 1
        self._bind()

    def _touch(self) -> None:
        """Write to the rows and slots of a first room, so that the first frame does not wait for their memory."""
        arrays: list[NDArray[Any]] = [self._voxels, self._counts, *self._rows[:-1]]
        slots: list[NDArray[Any]] = [self._children, self._changed_ns, self._of_slot]
        for array in arrays:
            array[:_WARM_ROWS] = 0
        for array in slots:
            array[:_WARM_SLOTS] = 0

    def _make_regions(self, capacity: int) -> None:
        self.codes: Longs = np.full(capacity, -1, np.int64)
        self.corners: Longs = np.zeros((capacity, 3), np.int64)
        self.home: Ints = np.full(capacity, -1, np.int32)
        self.touched: Longs = np.zeros(capacity, np.int64)
        self.seen_ns: Longs = np.zeros(capacity, np.int64)
        self.halvings: Longs = np.zeros(capacity, np.int64)
        self.stored: NDArray[np.bool_] = np.zeros(capacity, np.bool_)
        self._slots: Ints = np.full(capacity, -1, np.int32)
        self._region_counts: Longs = np.zeros((capacity, 2), np.int64)
        self._latest_ns: Longs = np.zeros(capacity, np.int64)
        self._dirty: NDArray[np.uint8] = np.zeros(capacity, np.uint8)
        self._queue: Ints = np.zeros(capacity, np.int32)
        self._n_dirty: Longs = np.zeros(1, np.int64)
        self._make_table()

    def _make_table(self) -> None:
        n_places = 1 << int(4 * len(self.codes) - 1).bit_length()
        self._places: Longs = np.full(n_places, -1, np.int64)
        self._numbers: Ints = np.zeros(n_places, np.int32)

    def _make_rows(self, capacity: int) -> None:
        self._voxels: NDArray[np.int8] = np.empty((capacity, VOXELS), np.int8)
        self._counts: Ints = np.empty((capacity, 2), np.int32)
        self._rows = Rows(
            np.empty(capacity, np.int32), np.empty(capacity, np.int32), np.empty((capacity, 2), np.int32),
            np.zeros(capacity, np.uint8), np.empty(capacity, np.int32), np.zeros(2, np.int64),
        )  # fmt: skip

    def _make_slots(self, capacity: int) -> None:
        self._children: Ints = np.empty((capacity, 512), np.int32)
        self._changed_ns: Longs = np.empty((capacity, 512), np.int64)
        self._of_slot: Ints = np.empty(capacity, np.int32)
        self._spare_slots: list[int] = []
        self._n_slots = 0

    def _bind(self) -> None:
        """Show the arrays, which may be new ones, to the compiled loops."""
        self.index = Index(
            self._places, self._numbers, self._slots, self._children, self._region_counts, self._voxels, self._counts
        )
        self.regions = Regions(self._changed_ns, self._latest_ns, self._dirty, self._queue, self._n_dirty)
        self.rows = self._rows
        self.updated = Stored(self._voxels, self._counts, self._rows.changed, self.totals)

    def fetched(self) -> Index:
        """`index` with all voxels as they are, wherever they were. O(rows that another processor changed since)."""
        if self.mirror is not None:
            self.mirror.download()
        return self.index

    def written(self, rows: NDArray[Any]) -> None:
        """Voxels were written to rows (n,) here."""
        if self.mirror is not None:
            self.mirror.written_on_host(rows)

    @property
    def n_free_rows(self) -> int:
        n_used, n_spare = self._rows.use.tolist()
        return int(len(self._voxels) - n_used + n_spare)

    @property
    def n_free_slots(self) -> int:
        return len(self._children) - self._n_slots + len(self._spare_slots)

    @property
    def nbytes(self) -> int:
        """Bytes of what is in use or was; room that was never used takes no memory."""
        rows, slots = int(self._rows.use[0]) * _BYTES_PER_ROW, self._n_slots * _BYTES_PER_SLOT
        return rows + slots + self._places.nbytes + self._numbers.nbytes + self.n_regions * 100

    def grow(self, n_rows: int, n_slots: int) -> None:
        """Room for so many more rows and slots. O(1) amortised. Only without a budget."""
        if self.n_free_rows < n_rows:
            capacity = _doubled(len(self._voxels), n_rows - self.n_free_rows)
            n = int(self._rows.use[0])
            self._voxels, self._counts = _grown(self._voxels, n, capacity), _grown(self._counts, n, capacity)
            old = self._rows
            regions, places, told = (_grown(array, n, capacity) for array in (old.regions, old.places, old.told))
            changed, spare = _grown(old.changed, n, capacity), _grown(old.spare, n, capacity)
            self._rows = Rows(regions, places, told, changed, spare, old.use)
            if self.mirror is not None:
                self.mirror.follow([self._voxels], n)
        if self.n_free_slots < n_slots:
            capacity = _doubled(len(self._children), n_slots - self.n_free_slots)
            self._children = _grown(self._children, self._n_slots, capacity)
            self._changed_ns = _grown(self._changed_ns, self._n_slots, capacity)
            self._of_slot = _grown(self._of_slot, self._n_slots, capacity)
        self._bind()

    def add(self, codes: Longs) -> Ints:
        """Numbers of new regions, codes (N,) without repetition. O(N) amortised."""
        first, n = self.n_regions, self.n_regions + len(codes)
        if n > len(self.codes):
            self._grow_regions(_doubled(len(self.codes), n - len(self.codes)))
        self.codes[first:n], self.corners[first:n] = codes, morton.decode(codes, _REGION_BIAS)
        self.n_regions = n
        self.low = np.minimum(self.low, self.corners[first:n].min(axis=0, initial=MAX_BLOCK))
        self.high = np.maximum(self.high, self.corners[first:n].max(axis=0, initial=-MAX_BLOCK))
        enter(self.corners[:n], first, self._places, self._numbers)
        return np.arange(first, n, dtype=np.int32)

    def _grow_regions(self, capacity: int) -> None:
        n, old = self.n_regions, dict(vars(self))
        self._make_regions(capacity)
        names = ("codes", "corners", "home", "touched", "seen_ns", "halvings", "stored")
        for name in (*names, "_slots", "_region_counts", "_latest_ns", "_dirty", "_queue"):
            getattr(self, name)[:n] = old[name][:n]
        self._n_dirty = old["_n_dirty"]
        enter(self.corners[:n], 0, self._places, self._numbers)
        self._bind()

    def numbers_of(self, codes: Longs) -> Ints:
        """Number of each region (N,), -1 where there is none. O(N)."""
        corners = morton.decode(codes, _REGION_BIAS)
        return np.asarray(find(corners, self._places, self._numbers), np.int32)

    def name(self, number: int) -> str:
        return name_of(self.corners[number])

    def set_counts(self, number: int, occupied: int, free: int) -> None:
        """What a region that is not in RAM holds."""
        counts = self._region_counts[number]
        self.totals += (occupied - counts[0], free - counts[1])
        counts[:] = occupied, free

    def settle(self, number: int, content: Content) -> None:
        """Bring a region's voxels into RAM, where there must be room for them. O(its blocks)."""
        slot = self._spare_slots.pop() if self._spare_slots else self._n_slots
        self._n_slots = max(self._n_slots, slot + 1)
        self.home[number] = self._slots[number] = slot
        self._of_slot[slot] = number
        children, mixed = self._children[slot], content.whole == UNKNOWN
        children[:], self._changed_ns[slot] = NOTHING, 0
        children[content.places[~mixed]] = UNIFORM - content.whole[~mixed].astype(np.int32)
        self._changed_ns[slot, content.places] = content.changed_ns
        rows = take_rows(int(mixed.sum()), self._rows)
        children[content.places[mixed]] = rows
        counts = content.mixed_counts()
        self._voxels[rows], self._counts[rows], self._rows.told[rows] = content.log_odds, counts, counts
        self._rows.regions[rows], self._rows.places[rows] = number, content.places[mixed]
        self._rows.changed[rows] = 0
        self.written(rows)
        self.halvings[number] = content.halvings
        self._latest_ns[number] = content.changed_ns.max(initial=0)
        self.set_counts(number, *content.counts())

    def vacate(self, number: int) -> None:
        """Let go of a region's voxels. O(its blocks)."""
        slot = int(self.home[number])
        release(self._children[slot], self._rows)
        self._spare_slots.append(slot)
        self._of_slot[slot] = self.home[number] = self._slots[number] = -1

    def content(self, number: int) -> Content:
        """A region in RAM as it is: blocks of which something is known, in Morton order. O(its blocks)."""
        self.fetched()
        slot = int(self.home[number])
        children = self._children[slot].copy()
        rows = children[children >= 0]
        children[children >= 0] = np.where(self._counts[rows].sum(axis=1) > 0, rows, NOTHING)
        places = np.nonzero(children != NOTHING)[0]
        children = children[places]
        values = np.where(children < 0, UNIFORM - children, UNKNOWN).astype(np.int8)
        changed_ns, halvings = self._changed_ns[slot, places], int(self.halvings[number])
        return Content(places, values, self._voxels[children[children >= 0]], changed_ns, halvings).simplified()

    def halve(self, number: int, times: int) -> None:
        """Halve the log-odds of a region in RAM. O(its blocks)."""
        before = self._region_counts[number].copy()
        halve(number, times, self.fetched(), self._rows)
        children = self._children[self.home[number]]
        self.written(children[children >= 0])
        self.totals += self._region_counts[number] - before

    def residents(self) -> Ints:
        """Numbers of the regions in RAM. O(those)."""
        numbers = self._of_slot[: self._n_slots]
        return np.asarray(numbers[numbers >= 0])

    def take_dirty(self) -> list[int]:
        """Numbers of the regions that changed since the last call, ordered by place; they are clean then."""
        numbers = self._queue[: self._n_dirty[0]].tolist()
        self._n_dirty[0] = 0
        self._dirty[numbers] = 0
        return sorted(numbers, key=lambda number: tuple(self.corners[number]))

    def mark_dirty(self, number: int) -> None:
        """A region is to be handed out, though no frame changed it."""
        if not self._dirty[number]:
            self._queue[self._n_dirty[0]] = number
            self._n_dirty[0] += 1
            self._dirty[number] = 1

    def forget_dirty(self, number: int) -> None:
        """A region that was replaced as a whole has not changed."""
        if self._dirty[number]:
            queue = self._queue[: self._n_dirty[0]]
            kept = queue[queue != number]
            self._queue[: len(kept)] = kept
            self._n_dirty[0], self._dirty[number] = len(kept), 0


def _doubled(capacity: int, n_more: int) -> int:
    return capacity << max(1, ((capacity + n_more - 1) // capacity).bit_length())


def _grown(old: NDArray[Any], n: int, capacity: int) -> NDArray[Any]:
    new = np.empty((capacity, *old.shape[1:]), old.dtype)
    new[:n] = old[:n]
    return new
