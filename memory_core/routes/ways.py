# SPDX-License-Identifier: Apache-2.0
"""Shortest ways in a contraction levels: climb from both ends, meet, and unfold the shortcuts."""

from __future__ import annotations

import heapq
import itertools
import math

from memory_core.routes.levels import NO_NODE, Levels

_OUT, _INTO = 0, 1


class _Side:
    """What one end of the way has reached: least weight and the node before, by node."""

    def __init__(self, start: int, direction: int) -> None:
        self.direction = direction
        self.least: dict[int, float] = {start: 0.0}
        self.before: dict[int, int] = {}

    def climb(self, levels: Levels, node: int, enough: float, met: dict[int, float]) -> tuple[float, int]:
        """Relax the arcs of all ancestors.

        Returns:
            The least weight below `enough` of a way to a node that the other side `met`, and this node.
        """
        parent, contracted, climb_of = levels.parent, levels.contracted, levels.climb
        least, before, direction = self.least, self.before, self.direction
        weight_of, meeting = least.get, NO_NODE
        while node != NO_NODE and contracted[node]:
            here = weight_of(node)
            if here is not None and here < enough:
                if node in met and here + met[node] < enough:
                    enough, meeting = here + met[node], node
                for there, weight in climb_of(node)[direction]:
                    weight += here  # noqa: PLW2901  # a name less in the innermost loop
                    if weight < weight_of(there, math.inf):
                        least[there], before[there] = weight, node
            node = parent[node]
        return enough, meeting


def shortest(levels: Levels, start: int, goal: int) -> tuple[list[int], float] | None:
    """Nodes along a way of least weight, both ends included, and its weight; None when no way leads there.

    The levels must be settled. O(ancestors of both ends and their arcs + nodes of the way), and a bidirectional
    Dijkstra among nodes that are not contracted.
    """
    if start == goal:
        return [start], 0.0
    ahead, back = _Side(start, _OUT), _Side(goal, _INTO)
    ahead.climb(levels, start, math.inf, {})
    enough, meeting = back.climb(levels, goal, math.inf, ahead.least)
    meeting = _search_core(levels, ahead, back, enough, meeting)
    if meeting == NO_NODE:
        return None
    return _without_loops(_unfold(levels, ahead, back, meeting)), ahead.least[meeting] + back.least[meeting]


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
        _append_between(levels, way, a, b, arcs[a][b][2])
        way.append(b)
    here = meeting
    while here in back.before:
        there = back.before[here]
        _append_between(levels, way, here, there, arcs[there][here][3])
        way.append(there)
        here = there
    return way


def _append_between(levels: Levels, way: list[int], a: int, b: int, mid: int) -> None:
    """The nodes that a shortcut from a to b over `mid` stands for, without its ends."""
    arcs = levels.arcs
    waiting: list[tuple[int, int]] = []
    while True:
        while mid != NO_NODE:
            waiting.append((mid, b))
            b, mid = mid, arcs[mid][a][3]
        if not waiting:
            return
        a, b = waiting.pop()
        way.append(a)
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
