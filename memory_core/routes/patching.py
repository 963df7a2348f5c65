# SPDX-License-Identifier: Apache-2.0
"""Changing weights and adding arcs in a contraction hierarchy where it stands, upwards from what changed."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable

from memory_core.routes.levels import NO_NODE, Levels

Pair = tuple[int, int]


def patch(levels: Levels, pairs: Iterable[Pair]) -> int:
    """Bring the arcs between pairs of nodes up to date, and all that is made of these arcs.

    No node changes its place in the order. O(arcs whose weight changes or that are new, times their neighbours).

    Returns:
        How many arcs were added or lead nowhere now: what contracting anew would do without.
    """
    queue: list[tuple[float, int, int]] = []
    waiting: set[Pair] = set()
    for a, b in pairs:
        _enqueue(levels, queue, waiting, a, b)
    n_loose = 0
    while queue:
        order, low, high = heapq.heappop(queue)
        waiting.discard((low, high))
        old, new = levels.arcs[low].get(high), levels.best(low, high)
        if order == math.inf:
            levels.arcs[low][high], levels.arcs[high][low] = new, (new[1], new[0], new[3], new[2])
            continue
        levels.arcs[low][high] = new
        levels.changed(low)
        if old is None:
            _rise(levels, low, high)
        if old is None or min(new[:2]) == math.inf > min(old[:2]):
            n_loose += 1
        if old is None or new[:2] != old[:2]:
            for a, b in _affected(levels, low, high):
                _enqueue(levels, queue, waiting, a, b)
    return n_loose


def _enqueue(levels: Levels, queue: list[tuple[float, int, int]], waiting: set[Pair], a: int, b: int) -> None:
    order_a, order_b = levels.order[a], levels.order[b]
    if (order_b, b) < (order_a, a):
        order_a, a, b = order_b, b, a
    if (a, b) not in waiting:
        waiting.add((a, b))
        heapq.heappush(queue, (order_a, a, b))


def _rise(levels: Levels, low: int, high: int) -> None:
    """A contracted node has a new arc."""
    levels.put_below(low, high)
    parent = levels.parent[low]
    if levels.contracted[high] and (parent == NO_NODE or levels.order[high] < levels.order[parent]):
        levels.parent[low] = high


def _affected(levels: Levels, mid: int, end: int) -> list[Pair]:
    """Pairs whose arc is missing, goes over `mid`, or should, now that the arc from `mid` to `end` changed."""
    arcs, order = levels.arcs, levels.order
    out, into, _, _ = arcs[mid][end]
    found = []
    for x, (out_x, into_x, _, _) in arcs[mid].items():
        if x == end:
            continue
        if order[x] < order[end]:
            known, forth, back = arcs[x].get(end), into_x + out, into + out_x
        else:
            known, forth, back = arcs[end].get(x), into + out_x, into_x + out
        if known is None or forth < known[0] or back < known[1] or mid in (known[2], known[3]):
            found.append((end, x))
    return found
