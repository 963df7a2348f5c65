# SPDX-License-Identifier: Apache-2.0
"""Contracting nodes, and taking contracted nodes out again."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable

from memory_core.routes.levels import NO_NODE, Arc, Levels

Rim = dict[int, dict[int, None]]
"""Uncontracted nodes, each with those that it may have lost a shortcut to."""


def contract(levels: Levels, nodes: Iterable[int], first_order: int, most_neighbours: int) -> int:
    """Contract nodes and what becomes small enough by it.

    Returns:
        The next free number for `Levels.order`.
    """
    arcs = levels.arcs
    queue = [_priority(levels, node) for node in nodes if len(arcs[node]) <= most_neighbours]
    heapq.heapify(queue)
    order = first_order
    while queue:
        priority = heapq.heappop(queue)
        node = priority[2]
        if levels.contracted[node] or priority != _priority(levels, node):
            continue  # a newer entry is in the queue
        _contract_one(levels, node, order)
        order += 1
        for x in arcs[node]:
            if len(arcs[x]) <= most_neighbours:
                heapq.heappush(queue, _priority(levels, x))
    return order


def _priority(levels: Levels, node: int) -> tuple[int, int, int]:
    """Fewest neighbours first, then the lowest. Ends of chains wait for their insides, which keeps them from being
    contracted one on top of the other."""
    return max(2, len(levels.arcs[node])), levels.height[node], node


def _contract_one(levels: Levels, node: int, order: int) -> None:
    """Its neighbours are joined by shortcuts over it. O(neighbours squared)."""
    arcs, height = levels.arcs, levels.height
    levels.contracted[node], levels.order[node] = 1, order
    levels.changed(node)
    for x in levels.below[node] or ():
        if levels.parent[x] == NO_NODE:
            levels.parent[x] = node
    around = list(arcs[node].items())
    for x, _ in around:
        del arcs[x][node]
        height[x] = max(height[x], height[node] + 1)
        levels.put_below(node, x)
    for k, (a, arc) in enumerate(around):
        _join_over(levels, node, a, arc, around[:k])


def _join_over(levels: Levels, mid: int, a: int, arc: Arc, others: list[tuple[int, Arc]]) -> None:
    """Shortcuts between an uncontracted node and others over `mid`, given the arcs from `mid`."""
    arcs = levels.arcs
    arcs_a, out_a, into_a = arcs[a], arc[0], arc[1]
    for b, (out_b, into_b, _, _) in others:
        out, into = into_a + out_b, into_b + out_a
        old = arcs_a.get(b)
        if old is None:
            arcs_a[b], arcs[b][a] = (out, into, mid, mid), (into, out, mid, mid)
        elif out < old[0] or into < old[1]:
            levels.offer(a, b, out, into, mid)


def free(levels: Levels, nodes: Iterable[int]) -> list[int]:
    """Uncontract nodes and all their ancestors, with arcs as if these had never been contracted.

    O(the arcs of all that is freed, and of what is contracted below that).

    Returns:
        All uncontracted nodes whose arcs may have changed.
    """
    freed = _ancestors(levels, nodes)
    rim = _take_out(levels, freed)
    _forget(levels, freed, rim)
    for node in freed:
        _join(levels, node)
    _join_rim(levels, rim)
    return [*freed, *rim]


def _ancestors(levels: Levels, nodes: Iterable[int]) -> dict[int, None]:
    found: dict[int, None] = {}
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found[node] = None
            waiting += [above for above in levels.arcs[node] if levels.contracted[above]]
    return found


def _take_out(levels: Levels, freed: dict[int, None]) -> Rim:
    rim: Rim = {}
    for node in freed:
        outside = [x for x in levels.arcs[node] if x not in freed]
        for x in outside:
            if levels.contracted[node]:
                rim.setdefault(x, {}).update(dict.fromkeys(outside))
            else:
                rim.setdefault(x, {})
                del levels.arcs[x][node]
    for node in freed:
        levels.contracted[node], levels.order[node] = 0, math.inf
        levels.parent[node], levels.arcs[node] = NO_NODE, {}
    return rim


def _forget(levels: Levels, freed: dict[int, None], rim: Iterable[int]) -> None:
    """Freed nodes lie below none, and are no parents."""
    for node in (*freed, *rim):
        below = [x for x in levels.below[node] or () if levels.contracted[x]]
        levels.below[node] = below or None
        if node in freed:
            for x in below:
                if levels.parent[x] == node:
                    levels.parent[x] = NO_NODE


def _join(levels: Levels, node: int) -> None:
    """Arcs of a freed node to uncontracted ones: edges of the graph, and shortcuts over nodes still contracted."""
    contracted, high = levels.contracted, 0
    for x in levels.neighbours(node):
        if not contracted[x]:
            levels.offer(node, x, levels.weight(node, x), levels.weight(x, node), NO_NODE)
    for mid in levels.below[node] or ():
        high = max(high, levels.height[mid] + 1)
        arcs = levels.arcs[mid]
        others = [(x, arc) for x, arc in arcs.items() if x != node and not contracted[x]]
        _join_over(levels, mid, node, arcs[node], others)
    levels.height[node] = high


def _join_rim(levels: Levels, rim: Rim) -> None:
    """Arcs between uncontracted nodes that may have been shortcuts over freed ones."""
    for a, others in rim.items():
        for b in others:
            if a < b:
                levels.arcs[a].pop(b, None)
                levels.arcs[b].pop(a, None)
                out, into, mid_out, mid_into = levels.best(a, b)
                if min(out, into) < math.inf:
                    levels.arcs[a][b] = out, into, mid_out, mid_into
                    levels.arcs[b][a] = into, out, mid_into, mid_out
