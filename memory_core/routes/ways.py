# SPDX-License-Identifier: Apache-2.0
"""Shortest ways in a contraction levels: climb from both ends, meet, and unfold the shortcuts."""

from __future__ import annotations

import heapq
import itertools
import math

from memory_core.routes.levels import NO_NODE, Levels

_OUT, _INTO = 0, 1
_LONGEST_KEPT, _MOST_KEPT = 256, 20_000  # nodes of an unfolded arc, and arcs, that are remembered


class _Side:
    """What one end of the way has reached: least weight and the node before, by node."""

    def __init__(self, start: int, direction: int) -> None:
        self.direction = direction
        self.least: dict[int, float] = {start: 0.0}
        self.before: dict[int, int] = {}

    def relax(self, levels: Levels, node: int, enough: float) -> None:
        """Try the arcs of a contracted node, unless ways over it are too long anyway."""
        here = self.least.get(node, math.inf)
        if here < enough:
            least, before, weight_of = self.least, self.before, self.least.get
            for there, weight in levels.climb(node)[self.direction]:
                weight += here  # noqa: PLW2901  # a name less in the innermost loop
                if weight < weight_of(there, math.inf):
                    least[there], before[there] = weight, node


def shortest(levels: Levels, start: int, goal: int) -> tuple[list[int], float] | None:
    """Nodes along a way of least weight, both ends included, and its weight; None when no way leads there.

    The levels must be settled. O(ancestors of both ends and their arcs + nodes of the way), and a bidirectional
    Dijkstra among nodes that are not contracted.
    """
    if start == goal:
        return [start], 0.0
    ahead, back = _Side(start, _OUT), _Side(goal, _INTO)
    enough, meeting = _climb(levels, ahead, back, start, goal)
    meeting = _search_core(levels, ahead, back, enough, meeting)
    if meeting == NO_NODE:
        return None
    return _without_loops(_unfold(levels, ahead, back, meeting)), ahead.least[meeting] + back.least[meeting]


def _climb(levels: Levels, ahead: _Side, back: _Side, a: int, b: int) -> tuple[float, int]:
    """Relax the arcs of the ancestors of both ends, in the order in which they were contracted.

    Returns:
        The least weight of a way over a contracted node that both ends reach, and this node.
    """
    order, parent = levels.order, levels.parent
    a, b = (node if levels.contracted[node] else NO_NODE for node in (a, b))
    enough, meeting = math.inf, NO_NODE
    while a != b:
        if b == NO_NODE or (a != NO_NODE and order[a] < order[b]):
            ahead.relax(levels, a, enough)
            a = parent[a]
        else:
            back.relax(levels, b, enough)
            b = parent[b]
    while a != NO_NODE:
        both = ahead.least.get(a, math.inf) + back.least.get(a, math.inf)
        if both < enough:
            enough, meeting = both, a
        ahead.relax(levels, a, enough)
        back.relax(levels, a, enough)
        a = parent[a]
    return enough, meeting


def _search_core(levels: Levels, ahead: _Side, back: _Side, enough: float, meeting: int) -> int:
    """The meeting node of the shortest way, where nodes that are not contracted may lie between the two climbs."""
    queues = []
    for side, other in ((ahead, back), (back, ahead)):
        top = [(weight, node) for node, weight in side.least.items() if not levels.contracted[node]]
        heapq.heapify(top)
        queues.append((top, side, other))
        for weight, node in top:
            if weight + other.least.get(node, math.inf) < enough:
                enough, meeting = weight + other.least[node], node
    while queues[0][0] and queues[1][0] and queues[0][0][0][0] + queues[1][0][0][0] < enough:
        queue, side, other = min(queues, key=lambda entry: entry[0][0][0])
        here, node = heapq.heappop(queue)
        if here > side.least[node]:
            continue
        for there, arc in levels.arcs[node].items():
            weight = here + arc[side.direction]
            if weight < side.least.get(there, math.inf):
                side.least[there], side.before[there] = weight, node
                heapq.heappush(queue, (weight, there))
                if weight + other.least.get(there, math.inf) < enough:
                    enough, meeting = weight + other.least[there], there
    return meeting


def _unfold(levels: Levels, ahead: _Side, back: _Side, meeting: int) -> list[int]:
    """All nodes of the graph along the arcs that two climbs took to where they met."""
    arcs = levels.arcs
    climbed = [meeting]
    while climbed[-1] in ahead.before:
        climbed.append(ahead.before[climbed[-1]])
    climbed.reverse()
    way = climbed[:1]
    for a, b in itertools.pairwise(climbed):
        way += _inside(levels, a, b, arcs[a][b][2])
        way.append(b)
    here = meeting
    while here in back.before:
        there = back.before[here]
        way += _inside(levels, here, there, arcs[there][here][3])
        way.append(there)
        here = there
    return way


def _inside(levels: Levels, a: int, b: int, mid: int) -> list[int]:
    """The nodes that an arc from a to b over `mid` stands for, without its ends; remembered until something changes."""
    if mid == NO_NODE:
        return []
    known = levels.unfolded.get((a, b))
    if known is None:
        known = _unfold_arc(levels, a, b, mid)
        if len(known) <= _LONGEST_KEPT and len(levels.unfolded) < _MOST_KEPT:
            levels.unfolded[a, b] = known
    return known


def _unfold_arc(levels: Levels, a: int, b: int, mid: int) -> list[int]:
    arcs = levels.arcs
    inside: list[int] = []
    waiting: list[tuple[int, int]] = []
    while True:
        while mid != NO_NODE:
            waiting.append((mid, b))
            b, mid = mid, arcs[mid][a][3]
        if not waiting:
            return inside
        a, b = waiting.pop()
        inside.append(a)
        mid = arcs[a][b][2]


def _without_loops(way: list[int]) -> list[int]:
    """Loops of weight zero cut out; a shortest way has no others."""
    if len(set(way)) == len(way):
        return way
    last = {node: k for k, node in enumerate(way)}
    short, k = [], 0
    while k < len(way):
        short.append(way[k])
        k = last[way[k]] + 1
    return short
