# SPDX-License-Identifier: Apache-2.0
"""Shortest ways over a grid of costs."""

from __future__ import annotations

import heapq
import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled

Cell = tuple[int, int]
NOWHERE = -1


@compiled
def spread(costs: NDArray[np.float32], start: int) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Cheapest way from a cell to every other; O(cells log cells).

    Args:
        costs: (nx, ny) of a metre in each cell, infinite where the robot does not fit.
        start: flat index.

    Returns:
        (nx * ny,) cost in cells, infinite where no way leads, and the flat index of the cell before.
    """
    nx, ny = costs.shape
    totals = np.full(nx * ny, np.inf)
    before = np.full(nx * ny, -1, np.int32)
    totals[start] = 0.0
    queue = [(0.0, start)]
    while len(queue) > 0:
        total, cell = heapq.heappop(queue)
        if total > totals[cell]:
            continue
        x, y = cell // ny, cell % ny
        for dx in range(-1, 2):
            for dy in range(-1, 2):
                i, j = x + dx, y + dy
                if (dx == 0 and dy == 0) or i < 0 or j < 0 or i >= nx or j >= ny:
                    continue
                step = math.sqrt(2.0) if dx != 0 and dy != 0 else 1.0
                after = total + step * costs[i, j]
                if after < totals[i * ny + j]:
                    totals[i * ny + j] = after
                    before[i * ny + j] = cell
                    heapq.heappush(queue, (after, i * ny + j))
    return totals, before


def trace(before: NDArray[np.int32], ny: int, end: int) -> list[Cell]:
    """Cells of the way to a flat index, the start first."""
    cells = []
    while end != NOWHERE:
        cells.append((end // ny, end % ny))
        end = int(before[end])
    return cells[::-1]


def corners(cells: list[Cell], costs: NDArray[np.float32]) -> list[Cell]:
    """A way without the cells that can be cut straight at no higher cost, the start left out. O(cells^2) at most."""
    kept: list[Cell] = []
    at = 0
    while at < len(cells) - 1:
        after = at + 1
        for far in range(at + 2, len(cells)):
            if not _is_straight(cells[at : far + 1], costs):
                break
            after = far
        kept.append(cells[after])
        at = after
    return kept


def _is_straight(cells: list[Cell], costs: NDArray[np.float32]) -> bool:
    """Whether the straight line between the ends costs no more than the way does."""
    (x0, y0), (x1, y1) = cells[0], cells[-1]
    length = math.hypot(x1 - x0, y1 - y0)
    share = np.linspace(0, 1, max(2, math.ceil(2 * length) + 1))
    line = costs[np.rint(x0 + share * (x1 - x0)).astype(int), np.rint(y0 + share * (y1 - y0)).astype(int)]
    way = sum(math.dist(a, b) * float(costs[b]) for a, b in pairwise(cells))
    return bool(length * line.mean() <= 1.02 * way)
