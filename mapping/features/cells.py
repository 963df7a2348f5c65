# SPDX-License-Identifier: Apache-2.0
"""Which bank items each cell of the map looks like: votes in cells of 2x2x2 voxels, on the octree's hashed blocks.

A cell keeps at most four items. One more vote than it has places takes one from each (Misra and Gries), so an item with
more than a fifth of a cell's votes is always among them. At 255 votes all are halved: what changed wins in the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.features import kernels, moving
from mapping.laying import lay
from mapping.octree.blocks import blocks_of, keys_of
from mapping.octree.storage import REGION
from mapping.octree.table import MAX_BLOCK, allocate, find_all, insert
from memory_core.errors import CorruptMemory
from memory_core.packing import unpack

N_CELLS = 64  # in a block of 8x8x8 voxels
N_ITEMS = 4  # kept in a cell
_CORNERS = np.stack(np.meshgrid(*[np.arange(2)] * 3, indexing="ij"), axis=-1).reshape(8, 3)
_KINDS = {"keys": "int64", "rows": "uint32", "cells": "uint8", "seen": "uint8", "items": "uint16", "counts": "uint8"}


class FeatureCells:
    """Votes for bank items in the cells that surfaces were seen in. Grows by doubling.

    Attributes (the first `n` rows are in use, a row is a block):
        keys: (capacity,) int64, as the octree's.
        items, counts: (capacity, 64, 4) uint16 bank items and uint8 votes for them, 0 where the place is free.
        seen: (capacity, 64) uint8, one bit for each voxel of a cell that a pixel fell into.
        changed: (capacity,) uint8, 1 where something changed since last stored.
    """

    def __init__(self, capacity: int = 1024) -> None:
        self.n = 0
        self._emptied: set[tuple[int, ...]] = set()
        self._allocate(capacity)

    def _allocate(self, capacity: int) -> None:
        self.keys: NDArray[np.int64] = np.zeros(capacity, np.int64)
        self.items: NDArray[np.uint16] = np.zeros((capacity, N_CELLS, N_ITEMS), np.uint16)
        self.counts: NDArray[np.uint8] = np.zeros((capacity, N_CELLS, N_ITEMS), np.uint8)
        self.seen: NDArray[np.uint8] = np.zeros((capacity, N_CELLS), np.uint8)
        self.changed: NDArray[np.uint8] = np.zeros(capacity, np.uint8)
        places = 1 << int(2 * capacity - 1).bit_length()
        self._table_keys, self._table_rows = np.full(places, -1, np.int64), np.zeros(places, np.int32)

    def _reserve(self, n_more: int) -> None:
        """Room for n_more rows. O(1) amortised."""
        if self.n + n_more <= len(self.keys):
            return
        n, old = self.n, self._arrays()
        capacity = len(self.keys)
        while capacity < n + n_more:
            capacity *= 2
        self._allocate(capacity)
        for array, before in zip(self._arrays(), old, strict=True):
            array[:n] = before[:n]
        insert(self.keys[:n], 0, self._table_keys, self._table_rows)

    def _arrays(self) -> tuple[NDArray[Any], ...]:
        return self.keys, self.items, self.counts, self.seen, self.changed

    def vote(self, votes: NDArray[np.int32]) -> None:
        """Enter votes (M, 5): cell x, y, z, bank item, bits of its voxels. O(M)."""
        blocks = votes[:, :3] >> 2
        inside = (np.abs(blocks) < MAX_BLOCK).all(axis=1)
        if not inside.all():
            votes, blocks = votes[inside], blocks[inside]
        rows = self._rows_near(np.ascontiguousarray(blocks))
        kernels.apply_votes(votes, rows, self.items, self.counts, self.seen, self.changed)

    def _rows_near(self, blocks: NDArray[np.int32]) -> NDArray[np.int32]:
        self._reserve(len(blocks))
        rows = np.empty(len(blocks), np.int32)
        origin = np.zeros(3, np.int64)
        self.n = allocate(blocks, origin, self.n, self.keys, self._table_keys, self._table_rows, rows)
        return rows

    def rename(self, names: NDArray[np.int32]) -> None:
        """Bank items have new indexes names[old]. O(blocks)."""
        kernels.rename(np.ascontiguousarray(names), self.items[: self.n], self.counts[: self.n])
        self.changed[: self.n] = 1

    def move(self, T: NDArray[np.float64]) -> None:
        """Move each block rigidly, T (n, 4, 4) voxels, row by row; all of it has changed. O(cells).

        A voxel was seen where the one that its centre comes from was; a cell takes the votes of the cell that most of
        its voxels come from. Where several blocks come to lie, their votes add up in order of their keys.

        Raises:
            BadInput: something would leave the map's coordinates; nothing is changed.
        """
        rows = np.argsort(self.keys[: self.n])
        blocks = blocks_of(self.keys[rows])
        of, targets, inverses = lay(blocks, T[rows], "features")
        moved = FeatureCells(64)
        keys, which = np.unique(keys_of(targets), return_inverse=True)
        to = moved._rows_near(blocks_of(keys).astype(np.int32))[which.reshape(-1)]
        moving.gather(
            blocks, inverses, rows, of, targets, to, self.items, self.counts, self.seen,
            moved.items, moved.counts, moved.seen,
        )  # fmt: skip
        moved._keep(np.flatnonzero(moved.seen[: moved.n].any(axis=1)))
        moved._emptied = self._emptied | {tuple(region) for region in (blocks // REGION).tolist()}
        self.__dict__.update(moved.__dict__)

    def _keep(self, rows: NDArray[np.int64]) -> None:
        """Only these rows (N,), which have changed. O(N)."""
        old = [array[rows] for array in self._arrays()]
        self.n = len(rows)
        self._allocate(max(64, 1 << len(rows).bit_length()))
        for array, kept in zip(self._arrays(), old, strict=True):
            array[: self.n] = kept
        self.changed[: self.n] = 1
        insert(self.keys[: self.n], 0, self._table_keys, self._table_rows)

    def scores(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 64) mean of the values (m,) of each cell's items, weighted by votes. O(blocks)."""
        scores = np.zeros((self.n, N_CELLS), np.float32)
        kernels.score(values, self.items[: self.n], self.counts[: self.n], scores)
        return scores

    def voxels(self, rows: NDArray[np.int64], cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Coordinates (M, 3) of the voxels seen in cells (N,) of rows (N,), and which of the N each belongs to."""
        bits = (self.seen[rows, cells][:, None] >> np.arange(7, -1, -1)) & 1
        which, corner = np.nonzero(bits[:, ::-1])
        inside = np.stack([cells >> 4, (cells >> 2) & 3, cells & 3], axis=1)
        low = blocks_of(self.keys[rows]) * 8 + 2 * inside
        return low[which] + _CORNERS[corner], which

    def rows_of(self, keys: NDArray[np.int64]) -> NDArray[np.int32]:
        """Row of each block key (N,), -1 where there is none. O(N)."""
        return np.asarray(find_all(np.ascontiguousarray(keys), self._table_keys, self._table_rows), np.int32)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, headroom included."""
        return sum(array.nbytes for array in (*self._arrays(), self._table_keys, self._table_rows))

    def changed_regions(self) -> dict[str, dict[str, Any]]:
        """Arrays of every region with changes, by "x_y_z" as in the octree, in an order that depends on content only.

        Marks them as stored. O(blocks + cells in changed regions).
        """
        changed = self.keys[: self.n][self.changed[: self.n] != 0]
        dirty = {tuple(region) for region in (blocks_of(changed) // REGION).tolist()} | self._emptied
        parts: dict[tuple[int, ...], list[int]] = {region: [] for region in sorted(dirty)}
        for row, region in enumerate((blocks_of(self.keys[: self.n]) // REGION).tolist()):
            if tuple(region) in dirty:
                parts[tuple(region)].append(row)
        self.changed[: self.n] = 0
        self._emptied = set()
        return {"_".join(map(str, region)): self._region(np.array(rows, np.int64)) for region, rows in parts.items()}

    def _region(self, rows: NDArray[np.int64]) -> dict[str, Any]:
        rows = rows[np.argsort(self.keys[rows])]
        at, cells = np.nonzero(self.seen[rows])
        of, votes = self.items[rows[at], cells], self.counts[rows[at], cells]
        return {
            "keys": self.keys[rows], "rows": at.astype(np.uint32), "cells": cells.astype(np.uint8),
            "seen": self.seen[rows[at], cells], "items": of, "counts": votes,
        }  # fmt: skip

    def restore_regions(self, regions: Mapping[str, bytes], n_items: int) -> None:
        """Put back packed regions; all are checked first. O(cells in them).

        Raises:
            CorruptMemory: they are damaged, or point to more than n_items bank items.
        """
        checked = [_checked(name, unpack(regions[name]), n_items) for name in sorted(regions)]
        for values in checked:
            rows = self._rows_near(blocks_of(values["keys"]).astype(np.int32))[values["rows"]]
            cells = values["cells"]
            self.items[rows, cells], self.counts[rows, cells] = values["items"], values["counts"]
            self.seen[rows, cells] = values["seen"]


def _checked(name: str, values: dict[str, Any], n_items: int) -> dict[str, Any]:
    kinds = {field: str(getattr(values.get(field), "dtype", "none")) for field in _KINDS}
    shapes = [getattr(values.get(field), "shape", ()) for field in ("rows", "cells", "seen", "items", "counts")]
    n = shapes[0][0] if shapes[0] else 0
    if kinds != _KINDS or shapes != [(n,)] * 3 + [(n, N_ITEMS)] * 2:
        raise CorruptMemory(f"features of region {name}: its arrays are missing or of the wrong type")
    keys = values["keys"]
    at = blocks_of(keys)
    fits = keys.ndim == 1 and (keys_of(at) == keys).all() and (np.abs(at) < MAX_BLOCK).all()
    used = values["items"][values["counts"] > 0]
    if not fits or (n and (values["rows"].max() >= len(keys) or values["cells"].max() >= N_CELLS)):
        raise CorruptMemory(f"features of region {name}: its cells are not in its blocks")
    if len(used) and used.max() >= n_items:
        raise CorruptMemory(f"features of region {name}: it points to bank item {used.max()}, there are {n_items}")
    return values
