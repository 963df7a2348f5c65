# SPDX-License-Identifier: Apache-2.0
"""The blocks of a TSDF in memory: arrays with headroom, found by key."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.octree.blocks import VoxelMirror, blocks_of
from mapping.octree.table import allocate, find, insert
from mapping.tsdf.kernels import VOXELS, Stored

Values = tuple[NDArray[np.int16], NDArray[np.uint8], NDArray[np.uint8]]


_ORIGIN = np.zeros(3, np.int64)


class TsdfBlocks:
    """Rows of 8x8x8 voxels, found by key. Grows by doubling; rows are never removed or moved.

    Room is asked for in advance and takes memory only as it fills, so that no frame waits for a copy of the map.

    Attributes (the first `n` rows are in use):
        keys: (capacity,) int64.
        stored: tsdf (capacity, 512) int16 in steps of 1 / STEPS of the truncation distance; weight (capacity, 512)
            uint8, 0 is never seen; rgb (capacity, 3, 512) uint8, red 0 is no colour yet; known, changed and stale
            (capacity,) uint8, 1 where any voxel was seen, changed since last stored, changed since last meshed.
        mirror: who else has rows of tsdf, weight and rgb, and may have newer ones; None for nobody.
    """

    def __init__(self, capacity: int = 1 << 16) -> None:
        self.n = 0
        self.mirror: VoxelMirror | None = None
        self.keys: NDArray[np.int64] = np.zeros(capacity, np.int64)
        self.stored = _rows(capacity)
        self._index(capacity)

    def _index(self, capacity: int) -> None:
        places = 1 << int(2 * capacity - 1).bit_length()
        self._table_keys = np.full(places, -1, np.int64)
        self._table_rows = np.zeros(places, np.int32)
        insert(self.keys[: self.n], 0, self._table_keys, self._table_rows)

    @property
    def voxels(self) -> list[NDArray[Any]]:
        """tsdf, weight and rgb as (capacity, m), without copying."""
        return [self.stored.tsdf, self.stored.weight, self.stored.rgb.reshape(len(self.keys), 3 * VOXELS)]

    def fetched(self) -> Stored:
        """`stored` with all voxels as they are, wherever they were. O(rows that another processor changed since)."""
        if self.mirror is not None:
            self.mirror.download()
        return self.stored

    def _written(self, rows: NDArray[Any]) -> None:
        if self.mirror is not None:
            self.mirror.written_on_host(rows)

    def reserve(self, n_more: int) -> None:
        """Make room for n_more rows. O(1) amortised."""
        capacity = len(self.keys)
        if self.n + n_more <= capacity:
            return
        while capacity < self.n + n_more:
            capacity *= 2
        self.keys = np.concatenate([self.keys, np.zeros(capacity - len(self.keys), np.int64)])
        larger = _rows(capacity)
        for name, new in larger._asdict().items():
            new[: self.n] = getattr(self.stored, name)[: self.n]
        self.stored = larger
        if self.mirror is not None:
            self.mirror.follow(self.voxels, self.n)
        self._index(capacity)

    def rows_near(self, blocks: NDArray[np.int32], origin: NDArray[np.int64]) -> NDArray[np.int32]:
        """Rows (m,) of the blocks (m, 3) at local coordinates from origin (3,), made where missing. O(m)."""
        self.reserve(len(blocks))
        rows, n_before = np.empty(len(blocks), np.int32), self.n
        self.n = allocate(blocks, origin, self.n, self.keys, self._table_keys, self._table_rows, rows)
        self._written(np.arange(n_before, self.n))
        return rows

    def rows_of(self, blocks: NDArray[Any], origin: NDArray[np.int64] = _ORIGIN) -> NDArray[np.int32]:
        """Row of each block (m, 3) at coordinates from origin (3,), -1 where there is no such block. O(m)."""
        rows = np.empty(len(blocks), np.int32)
        find(np.ascontiguousarray(blocks), origin, self._table_keys, self._table_rows, rows)
        return rows

    def put(self, keys: NDArray[np.int64], values: Values) -> None:
        """Set whole blocks, keys (N,) without repetition and tsdf, weight, rgb; not marked as changed. O(N)."""
        rows = self.rows_near(blocks_of(keys).astype(np.int32), _ORIGIN)
        stored = self.stored
        stored.tsdf[rows], stored.weight[rows], stored.rgb[rows] = values
        stored.known[rows], stored.changed[rows], stored.stale[rows] = 1, 0, 1
        self._written(rows)

    def clear(self, blocks: NDArray[np.int64]) -> None:
        """Make blocks (N, 3) unseen where they exist; not marked as changed. O(N)."""
        rows = self.rows_of(blocks)
        rows = rows[rows >= 0]
        for array in self.stored._asdict().values():
            array[rows] = 0
        self._written(rows)
        self.stored.stale[rows] = 1

    def marked(self, flags: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Coordinates (m, 3) of the blocks whose flag is set, in order of key. O(blocks)."""
        return np.asarray(blocks_of(np.sort(self.keys[: self.n][flags[: self.n] != 0])), np.int64)

    @property
    def nbytes(self) -> int:
        """Bytes of what is in use; room that was never used takes no memory."""
        rows = self.n * sum(array[:1].nbytes for array in (self.keys, *self.stored))
        return rows + self._table_keys.nbytes + self._table_rows.nbytes


def _rows(capacity: int) -> Stored:
    return Stored(
        tsdf=np.zeros((capacity, VOXELS), np.int16),
        weight=np.zeros((capacity, VOXELS), np.uint8),
        rgb=np.zeros((capacity, 3, VOXELS), np.uint8),
        known=np.zeros(capacity, np.uint8),
        changed=np.zeros(capacity, np.uint8),
        stale=np.zeros(capacity, np.uint8),
    )
