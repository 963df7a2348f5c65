# SPDX-License-Identifier: Apache-2.0
"""The blocks of an octree in memory: arrays with headroom, their hash table, and what has changed since last stored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.octree.table import MAX_BLOCK, allocate, find_all, insert

UNKNOWN = -128  # log-odds of a voxel that was never seen
VOXELS = 512
_BIAS = 1 << 20
_AXIS = (1 << 21) - 1


def keys_of(blocks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Keys (N,) of block coordinates (N, 3)."""
    biased = blocks + _BIAS
    return np.asarray((biased[:, 0] << 42) | (biased[:, 1] << 21) | biased[:, 2], np.int64)


def blocks_of(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Block coordinates (N, 3) of keys (N,)."""
    return np.stack([(keys >> 42) & _AXIS, (keys >> 21) & _AXIS, keys & _AXIS], axis=1) - _BIAS


def in_range(blocks: NDArray[np.int64]) -> bool:
    """Whether all block coordinates can have keys."""
    return bool((np.abs(blocks) < MAX_BLOCK).all())


class Blocks:
    """Rows of 8x8x8 voxels, found by key. Grows by doubling; rows are never removed or moved.

    Attributes (the first `n` rows are in use):
        keys: (capacity,) int64.
        voxels: (capacity, 512) int8 log-odds steps, -128 unknown; z fastest.
        counts: (capacity, 2) int32 occupied and free voxels of each block.
        changed: (capacity,) uint8, 1 where voxels changed since it was last cleared.
        totals: (2,) int64 sum of counts.
    """

    def __init__(self, capacity: int = 4096) -> None:
        self.n = 0
        self.keys: NDArray[np.int64] = np.zeros(capacity, np.int64)
        self.voxels: NDArray[np.int8] = np.full((capacity, VOXELS), UNKNOWN, np.int8)
        self.counts: NDArray[np.int32] = np.zeros((capacity, 2), np.int32)
        self.changed: NDArray[np.uint8] = np.zeros(capacity, np.uint8)
        self.totals = np.zeros(2, np.int64)
        self._rows: NDArray[np.int32] = np.empty(capacity, np.int32)
        self._index(capacity)

    def _index(self, capacity: int) -> None:
        places = 1 << int(2 * capacity - 1).bit_length()
        self.table_keys = np.full(places, -1, np.int64)
        self.table_rows = np.zeros(places, np.int32)
        insert(self.keys[: self.n], 0, self.table_keys, self.table_rows)

    def reserve(self, n_more: int) -> None:
        """Make room for n_more rows. O(1) amortised."""
        capacity = len(self.keys)
        if self.n + n_more <= capacity:
            return
        while capacity < self.n + n_more:
            capacity *= 2
        self.keys = _grown(self.keys, self.n, capacity, 0)
        self.voxels = _grown(self.voxels, self.n, capacity, UNKNOWN)
        self.counts = _grown(self.counts, self.n, capacity, 0)
        self.changed = _grown(self.changed, self.n, capacity, 0)
        self._index(capacity)

    def rows_near(self, blocks: NDArray[np.int32], origin: NDArray[np.int64]) -> NDArray[np.int32]:
        """Rows of the blocks (m, 3 or more) at local coordinates from origin (3,), made where missing. O(m).

        The answer is overwritten by the next call.
        """
        self.reserve(len(blocks))
        if len(self._rows) < len(blocks):
            self._rows = np.empty(2 * len(blocks), np.int32)
        rows = self._rows[: len(blocks)]
        self.n = allocate(blocks, origin, self.n, self.keys, self.table_keys, self.table_rows, rows)
        return rows

    def rows_of(self, keys: NDArray[np.int64]) -> NDArray[np.int32]:
        """Row of each key (N,), -1 where there is no such block. O(N)."""
        return np.asarray(find_all(np.ascontiguousarray(keys), self.table_keys, self.table_rows), np.int32)

    def put(self, keys: NDArray[np.int64], voxels: NDArray[np.int8]) -> None:
        """Set whole blocks, keys (N,) without repetition and voxels (N, 512); not marked as changed. O(N)."""
        rows = self.rows_near(blocks_of(keys).astype(np.int32), np.zeros(3, np.int64))
        occupied = (voxels >= 0).sum(axis=1)
        counts = np.stack([occupied, (voxels != UNKNOWN).sum(axis=1) - occupied], axis=1).astype(np.int32)
        self.totals += (counts - self.counts[rows]).sum(axis=0)
        self.voxels[rows], self.counts[rows], self.changed[rows] = voxels, counts, 0

    def forget(self, keys: NDArray[np.int64]) -> None:
        """Make blocks unknown where they exist, keys (N,) without repetition; not marked as changed. O(N)."""
        rows = self.rows_of(keys)
        rows = rows[rows >= 0]
        self.totals -= self.counts[rows].sum(axis=0)
        self.voxels[rows], self.counts[rows], self.changed[rows] = UNKNOWN, 0, 0

    @property
    def nbytes(self) -> int:
        arrays = (self.keys, self.voxels, self.counts, self.changed, self.table_keys, self.table_rows)
        return sum(array.nbytes for array in arrays)


def _grown(old: NDArray[Any], n: int, capacity: int, fill: int) -> NDArray[Any]:
    new = np.full((capacity, *old.shape[1:]), fill, old.dtype)
    new[:n] = old[:n]
    return new
