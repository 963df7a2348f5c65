# SPDX-License-Identifier: Apache-2.0
"""Compiled loops of the feature channel: evidence of bank items, cells that pixels fall into, votes, and scores.

A cell is 2x2x2 voxels; a block of 8x8x8 voxels has 64 cells, each with a few bank items and their votes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled

Keys = NDArray[np.int64]
Ints = NDArray[np.int32]

_MOST = 255  # votes of an item in a cell; there all votes of the cell are halved, so that old ones fade
_JUMP = 0.05  # of the depth: a pixel next to such a step lies between two surfaces
_LIMIT = float(1 << 20)  # voxels from the origin that have a key


@compiled
def to_grid(rows: Any, steps: float, out: Any) -> bool:
    """Unit vectors out (N, D) of rows (N, D), rounded to 1/steps; False if a row is not finite or has no direction."""
    for i in range(rows.shape[0]):
        square = 0.0
        for j in range(rows.shape[1]):
            square += np.float64(rows[i, j]) * np.float64(rows[i, j])
        if not 0.0 < square < np.inf:
            return False
        scale = steps / np.sqrt(square)
        for j in range(rows.shape[1]):
            out[i, j] = np.float32(np.rint(rows[i, j] * scale) / steps)
    return True


@compiled
def keep_evidence(items: Ints, cosines: Any, places: Keys, best: Any, best_at: Keys) -> None:
    """best (n, k), descending, and best_at (n, k, 3) of the items (N,) seen at places (N, 3) with cosines (N,).

    Of equal cosines the earlier stays.
    """
    last = best.shape[1] - 1
    for i in range(items.shape[0]):
        cosines_of, places_of = best[items[i]], best_at[items[i]]
        if cosines[i] <= cosines_of[last]:
            continue
        at = last
        while at > 0 and cosines[i] > cosines_of[at - 1]:
            cosines_of[at] = cosines_of[at - 1]
            places_of[at] = places_of[at - 1]
            at -= 1
        cosines_of[at] = cosines[i]
        places_of[at] = places[i]


@compiled(inline="always")
def _is_between(depth: Any, v: Any, u: Any, z: Any) -> Any:
    """Whether the pixel lies on the step between two surfaces."""
    limit = _JUMP * z
    between = False
    if u > 0 and depth[v, u - 1] > 0 and abs(depth[v, u - 1] - z) > limit:
        between = True
    if u + 1 < depth.shape[1] and depth[v, u + 1] > 0 and abs(depth[v, u + 1] - z) > limit:
        between = True
    return between


@compiled(inline="always")
def _slot(x: Any, y: Any, z: Any, item: Any, mask: Any) -> Any:
    mixed = np.uint64(x) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(y) * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed ^= np.uint64(z) * np.uint64(0x165667B19E3779F9) ^ np.uint64(item) * np.uint64(0xD6E8FEB86659FD93)
    return np.int64((mixed >> np.uint64(29)) & np.uint64(mask))


@compiled
def collect(
    depth: Any,
    K: Any,
    T: Any,
    items: Any,
    first: tuple[int, int],
    step: int,
    range_m: float,
    per_m: float,
    slots: Ints,
    votes: Ints,
) -> Any:
    """votes (M, 5): cell x, y, z, bank item, bits of its voxels, one for each cell and item that pixels fall into.

    items (h, w) is the bank item of each pixel of a window of the image that begins at `first` (u, v), -1 for none.
    Returns how many votes there are. The slots are -1 before and after; votes must have room for all pixels.
    """
    n: Any = 0
    mask = slots.shape[0] - 1
    used = np.empty(votes.shape[0], np.int64)
    for row in range(0, items.shape[0], step):
        for column in range(0, items.shape[1], step):
            item = items[row, column]
            v, u = first[1] + row, first[0] + column
            z = np.float64(depth[v, u])
            if item < 0 or z <= 0.0 or z > range_m or _is_between(depth, v, u, z):
                continue
            a, b = (u - K[0, 2]) * z / K[0, 0], (v - K[1, 2]) * z / K[1, 1]
            x = (T[0, 0] * a + T[0, 1] * b + T[0, 2] * z + T[0, 3]) * per_m
            y = (T[1, 0] * a + T[1, 1] * b + T[1, 2] * z + T[1, 3]) * per_m
            w = (T[2, 0] * a + T[2, 1] * b + T[2, 2] * z + T[2, 3]) * per_m
            if not (abs(x) < _LIMIT and abs(y) < _LIMIT and abs(w) < _LIMIT):
                continue
            i, j, k = np.int64(np.floor(x)), np.int64(np.floor(y)), np.int64(np.floor(w))
            cx, cy, cz = i >> 1, j >> 1, k >> 1
            slot = _slot(cx, cy, cz, item, mask)
            while slots[slot] >= 0:
                vote = votes[slots[slot]]
                if vote[0] == cx and vote[1] == cy and vote[2] == cz and vote[3] == item:
                    break
                slot = (slot + 1) & mask
            if slots[slot] < 0:
                slots[slot], used[n] = n, slot
                votes[n, 0], votes[n, 1], votes[n, 2], votes[n, 3], votes[n, 4] = cx, cy, cz, item, 0
                n += 1
            votes[slots[slot], 4] |= 1 << (((i & 1) << 2) | ((j & 1) << 1) | (k & 1))
    for entry in range(n):
        slots[used[entry]] = -1
    return n


@compiled(inline="always")
def _vote(items: Any, counts: Any, item: Any) -> None:
    """One vote for an item in a cell: items (k,) and counts (k,) of it; see `mapping.features.cells`."""
    free = -1
    for i in range(items.shape[0]):
        if counts[i] > 0 and items[i] == item:
            counts[i] += 1
            if counts[i] == _MOST:
                for j in range(items.shape[0]):
                    counts[j] >>= 1
            return
        if counts[i] == 0 and free < 0:
            free = i
    if free >= 0:
        items[free], counts[free] = item, 1
        return
    for i in range(items.shape[0]):
        counts[i] -= 1


@compiled
def apply_votes(votes: Ints, rows: Ints, items: Any, counts: Any, seen: Any, changed: Any) -> None:
    """Enter votes (M, 5) into the cells of their blocks' rows (M,)."""
    for i in range(votes.shape[0]):
        row = rows[i]
        cell = ((votes[i, 0] & 3) << 4) | ((votes[i, 1] & 3) << 2) | (votes[i, 2] & 3)
        _vote(items[row, cell], counts[row, cell], votes[i, 3])
        seen[row, cell] |= votes[i, 4]
        changed[row] = 1


@compiled
def rename(names: Ints, items: Any, counts: Any) -> None:
    """Give the items of all cells their new index, names[old]; votes of items that became one are added up."""
    for row in range(items.shape[0]):
        for cell in range(items.shape[1]):
            of, votes = items[row, cell], counts[row, cell]
            for i in range(of.shape[0]):
                if votes[i] == 0:
                    continue
                of[i] = names[of[i]]
                for j in range(i):
                    if votes[j] > 0 and of[j] == of[i]:
                        votes[j] = min(_MOST - 1, np.int64(votes[j]) + np.int64(votes[i]))
                        votes[i] = 0
                        break


@compiled
def score(values: Any, items: Any, counts: Any, scores: Any) -> None:
    """scores (n, 64): mean of the values (m,) of each cell's items, weighted by their votes; 0 without votes."""
    for row in range(items.shape[0]):
        for cell in range(items.shape[1]):
            total, weight = 0.0, np.int64(0)
            for i in range(items.shape[2]):
                count = np.int64(counts[row, cell, i])
                if count > 0:
                    total += values[items[row, cell, i]] * count
                    weight += count
            scores[row, cell] = total / weight if weight > 0 else 0.0
