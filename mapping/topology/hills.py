# SPDX-License-Identifier: Apache-2.0
"""Wall clearance as a landscape: the hills of a tile, and how high the passes between them are.

Every cell belongs to the top that the steepest way up leads to, which may be in another tile: then the pass to there
joins the two pieces without question.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled
from mapping.topology.tiles import Cell, Cells, Edges, Ints, Pieces

_BIAS = 1 << 23
_AXIS = 24  # bits of a coordinate in a rank
_HEIGHT = 48  # bits below the height


def climb(heights: Ints, saddle: float) -> tuple[Ints, Cells]:
    """(pieces, ways) of a tile: numbers from 1 on, 0 where the height is 0, and which neighbour is uphill.

    Cells higher than `saddle` that touch are one piece. O(cells).

    Args:
        heights: of the tile with one cell around it.
    """
    pieces, ways = _climb_kernel(heights, saddle)
    return pieces, ways


def describe(pieces: Ints, heights: Ints, fits: Cells, corner: Cell) -> Pieces:
    """The pieces of a tile, in order of their numbers. O(cells)."""
    flat, n = pieces.ravel(), int(pieces.max(initial=0))
    peaks = np.zeros(n + 1, np.int32)
    np.maximum.at(peaks, flat, heights.ravel())
    areas = np.bincount(flat, minlength=n + 1)
    roomy = np.bincount(flat, weights=fits.ravel(), minlength=n + 1).astype(np.int64)
    numbers, first = np.unique(flat, return_index=True)
    first = first[numbers > 0]
    i, j = np.divmod(first, pieces.shape[1])
    return Pieces(peaks[1:], areas[1:], roomy[1:], _place(i + corner[0], j + corner[1]))


def inner_edges(pieces: Ints, heights: Ints, corner: Cell) -> Edges:
    """Borders between the pieces of one tile; each pair of which the first number is smaller once. O(cells)."""
    parts = []
    for a, b in ((np.s_[:-1, :], np.s_[1:, :]), (np.s_[:, :-1], np.s_[:, 1:])):
        i, j = np.nonzero((pieces[a] != pieces[b]) & (pieces[a] > 0) & (pieces[b] > 0))
        one, other = pieces[a][i, j], pieces[b][i, j]
        rank = _rank(np.minimum(heights[a][i, j], heights[b][i, j]), i + corner[0], j + corner[1])
        parts.append((np.minimum(one, other), np.maximum(one, other), rank))
    one, other, rank = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _gather(one, other, rank, np.zeros(len(one), np.bool_))


def cross_edges(
    one: tuple[Ints, Ints, Cells], other: tuple[Ints, Ints, Cells], along_x: bool, corner: Cell, saddle: float
) -> Edges:
    """Borders between the last row (or column) of a tile and the first of the next; (pieces, heights, ways) of both.

    Args:
        along_x: whether `other` follows in the direction of x.
        corner: map cell of the first cell of `one` at the border.
    """
    last, first = (np.s_[-1, :], np.s_[0, :]) if along_x else (np.s_[:, -1], np.s_[:, 0])
    up, down = (1, 2) if along_x else (3, 4)
    a, b = one[0][last], other[0][first]
    both = np.nonzero((a > 0) & (b > 0))[0]
    pass_height = np.minimum(one[1][last], other[1][first])[both]
    must = (one[2][last][both] == up) | (other[2][first][both] == down) | (pass_height > saddle)
    zero = np.zeros_like(both)
    i, j = (zero, both) if along_x else (both, zero)
    return _gather(a[both], b[both], _rank(pass_height, i + corner[0], j + corner[1]), must)


def heights_of(rank: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tenths of a cell."""
    return rank >> _HEIGHT


def _place(i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(((i + _BIAS) << _AXIS) | (j + _BIAS), np.int64)


def _rank(height: Any, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray((height.astype(np.int64) << _HEIGHT) | _place(i, j), np.int64)


def _gather(one: Any, other: Any, rank: NDArray[np.int64], must: NDArray[np.bool_]) -> Edges:
    """One edge for each pair: its highest rank, how often it occurs, whether any must be joined."""
    if not len(one):
        return Edges.none()
    keys = one.astype(np.int64) << 32 | other
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    return Edges(
        pairs=np.stack([one[order][starts], other[order][starts]], axis=1).astype(np.int32),
        rank=np.maximum.reduceat(rank[order], starts),
        length=np.diff(np.append(starts, len(order))),
        must=np.logical_or.reduceat(must[order], starts),
    )


@compiled
def _root(parent: Any, a: int) -> int:
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    return a


@compiled
def _climb_kernel(heights: Any, saddle: float) -> Any:
    """Pieces and ways; ways are 1 for +x, 2 for -x, 3 for +y, 4 for -y, 5 for a top. Equal heights rise with x, y."""
    n = heights.shape[0] - 2
    ways = np.zeros((n, n), np.uint8)
    parent = np.arange(n * n)
    for x in range(n):
        for y in range(n):
            height = heights[x + 1, y + 1]
            if height == 0:
                continue
            best, way = height, 5
            if heights[x, y + 1] > best:
                best, way = heights[x, y + 1], 2
            if heights[x + 1, y] > best or (heights[x + 1, y] == best and way == 2):
                best, way = heights[x + 1, y], 4
            if heights[x + 1, y + 2] >= best:
                best, way = heights[x + 1, y + 2], 3
            if heights[x + 2, y + 1] >= best:
                best, way = heights[x + 2, y + 1], 1
            ways[x, y] = way
            i, j = x + (way == 1) - (way == 2), y + (way == 3) - (way == 4)
            if 0 <= i < n and 0 <= j < n:
                parent[x * n + y] = i * n + j
    for x in range(n):
        for y in range(n):
            if heights[x + 1, y + 1] <= saddle:
                continue
            for side in range(2):
                i, j = x + (side == 0), y + (side == 1)
                if i < n and j < n and heights[i + 1, j + 1] > saddle:
                    a, b = _root(parent, x * n + y), _root(parent, i * n + j)
                    parent[max(a, b)] = min(a, b)
    pieces = np.zeros((n, n), np.int32)
    number = np.zeros(n * n, np.int32)
    m = 0
    for x in range(n):
        for y in range(n):
            if ways[x, y] == 0:
                continue
            root = _root(parent, x * n + y)
            if number[root] == 0:
                m += 1
                number[root] = m
            pieces[x, y] = number[root]
    return pieces, ways
