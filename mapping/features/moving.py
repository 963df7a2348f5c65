# SPDX-License-Identifier: Apache-2.0
"""Blocks of the feature channel that move rigidly, each its own way, and are laid onto the grid again."""

from __future__ import annotations

from typing import Any

import numpy as np

from mapping.compiled import compiled

_BLOCK = 8
_CELLS = 4  # along the edge of a block
_MOST = 254  # votes of an item in a cell


@compiled
def _add(items: Any, counts: Any, item: Any, votes: Any) -> None:
    """Votes for an item in a cell, items (k,) and counts (k,); a full cell gives up as many of each (Misra, Gries)."""
    free = -1
    for i in range(items.shape[0]):
        if counts[i] > 0 and items[i] == item:
            counts[i] = min(np.int64(counts[i]) + votes, _MOST)
            return
        if counts[i] == 0 and free < 0:
            free = i
    if free >= 0:
        items[free], counts[free] = item, votes
        return
    least = votes
    for i in range(items.shape[0]):
        least = min(least, np.int64(counts[i]))
    for i in range(items.shape[0]):
        counts[i] -= least
    if votes > least:
        for i in range(items.shape[0]):
            if counts[i] == 0:
                items[i], counts[i] = item, votes - least
                return


@compiled
def gather(
    blocks: Any, T: Any, rows: Any, of: Any, targets: Any, to: Any, items: Any, counts: Any, seen: Any,
    new_items: Any, new_counts: Any, new_seen: Any,
) -> None:  # fmt: skip
    """Fills cells of targets (m, 3), rows `to` (m,) of the new arrays, from the block `of` (m,) which each target is.

    T (n, 4, 4) brings the centres of new voxels to where they are from; rows (n,) are those of the old arrays.
    """
    share = np.zeros(_CELLS * _CELLS * _CELLS, np.int64)
    for m in range(targets.shape[0]):
        j = of[m]
        M, row = T[j], rows[j]
        for cell in range(_CELLS * _CELLS * _CELLS):
            best: Any = -1
            most, bits = 0, 0
            for corner in range(8):
                px = targets[m, 0] * _BLOCK + 2 * (cell >> 4) + (corner >> 2) + 0.5
                py = targets[m, 1] * _BLOCK + 2 * ((cell >> 2) & 3) + ((corner >> 1) & 1) + 0.5
                pz = targets[m, 2] * _BLOCK + 2 * (cell & 3) + (corner & 1) + 0.5
                x = np.floor(M[0, 0] * px + M[0, 1] * py + M[0, 2] * pz + M[0, 3]) - blocks[j, 0] * _BLOCK
                y = np.floor(M[1, 0] * px + M[1, 1] * py + M[1, 2] * pz + M[1, 3]) - blocks[j, 1] * _BLOCK
                z = np.floor(M[2, 0] * px + M[2, 1] * py + M[2, 2] * pz + M[2, 3]) - blocks[j, 2] * _BLOCK
                if not (x >= 0 and y >= 0 and z >= 0 and x < _BLOCK and y < _BLOCK and z < _BLOCK):
                    continue
                a, b, c = np.int64(x), np.int64(y), np.int64(z)
                source = ((a >> 1) << 4) | ((b >> 1) << 2) | (c >> 1)
                if not (np.int64(seen[row, source]) >> (((a & 1) << 2) | ((b & 1) << 1) | (c & 1))) & 1:
                    continue
                bits |= 1 << corner
                share[source] += 1
                if share[source] > most:
                    best, most = source, share[source]
            if bits == 0:
                continue
            share[:] = 0
            new_seen[to[m], cell] |= bits
            for i in range(items.shape[2]):
                if counts[row, best, i] > 0:
                    _add(
                        new_items[to[m], cell],
                        new_counts[to[m], cell],
                        items[row, best, i],
                        np.int64(counts[row, best, i]),
                    )
