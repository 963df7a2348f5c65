# SPDX-License-Identifier: Apache-2.0
"""What a contraction hierarchy consists of: arcs between nodes, and which node was contracted after which."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

Arc = tuple[float, float, int, int]
"""Weight out, weight in, and the node that each of the two goes over; NO_NODE for an edge of the graph itself."""

NO_NODE = -1
Climb = tuple[list[tuple[int, float]], list[tuple[int, float]]]
"""Where the arcs of a contracted node lead and what they weigh, outwards and against their direction."""

_NO_ARC: Arc = (math.inf, math.inf, NO_NODE, NO_NODE)


class Levels:
    """Nodes 0, 1, ... and their arcs.

    All arcs of a contracted node end at nodes that were contracted later or not at all, and these are joined with each
    other. An arc may lead nowhere (infinite both ways): it is there because this rule wants it.

    Attributes:
        weight: weight(a, b) of the graph's edge from a to b, >= 0, infinite when there is none.
        neighbours: all nodes that an edge of the graph joins to a node, in either direction.
        arcs: for a contracted node, to those contracted after it; for any other, to all uncontracted neighbours.
        below: for each node the contracted nodes that have arcs to it.
        parent: of a contracted node the first contracted among its arcs, NO_NODE when there is none.
        order: when a node was contracted: every number at the ends of its arcs is larger; infinite for uncontracted.
        height: 1 + the largest height below it when it was contracted.
        unfolded: nodes inside arcs that ways went over, from end to end; empty after every change.
    """

    def __init__(self, weight: Callable[[int, int], float], neighbours: Callable[[int], Iterable[int]]) -> None:
        self.weight, self.neighbours = weight, neighbours
        self.arcs: list[dict[int, Arc]] = []
        self.below: list[list[int] | None] = []
        self.parent: list[int] = []
        self.contracted = bytearray()
        self.order: list[float] = []
        self.height: list[int] = []
        self.unfolded: dict[tuple[int, int], list[int]] = {}
        self._climbs: list[Climb | None] = []

    def grow(self, n: int) -> None:
        """Have at least n nodes; new ones have no arcs and are not contracted."""
        for _ in range(len(self.arcs), n):
            self.arcs.append({})
            self.below.append(None)
            self.parent.append(NO_NODE)
            self.contracted.append(0)
            self.order.append(math.inf)
            self.height.append(0)
            self._climbs.append(None)

    def climb(self, node: int) -> Climb:
        """The arcs of a contracted node that lead somewhere; kept until they change."""
        made = self._climbs[node]
        if made is None:
            arcs = self.arcs[node].items()
            out = [(end, arc[0]) for end, arc in arcs if arc[0] < math.inf]
            made = self._climbs[node] = (out, [(end, arc[1]) for end, arc in arcs if arc[1] < math.inf])
        return made

    def changed(self, node: int) -> None:
        """The arcs of a contracted node changed."""
        self._climbs[node] = None

    def put_below(self, node: int, above: int) -> None:
        """Note that a contracted node has an arc to `above`."""
        below = self.below[above]
        if below is None:
            self.below[above] = [node]
        else:
            below.append(node)

    def offer(self, a: int, b: int, out: float, into: float, mid: int) -> None:
        """Lower the arc between two uncontracted nodes to weights a -> b and b -> a where these are less."""
        old_out, old_into, mid_out, mid_into = self.arcs[a].get(b, _NO_ARC)
        if out < old_out:
            old_out, mid_out = out, mid
        if into < old_into:
            old_into, mid_into = into, mid
        self.arcs[a][b] = old_out, old_into, mid_out, mid_into
        self.arcs[b][a] = old_into, old_out, mid_into, mid_out

    def best(self, a: int, b: int) -> Arc:
        """The arc from a to b anew: the graph's edge, or over a contracted node below both. O(nodes below)."""
        out, into, mid_out, mid_into = self.weight(a, b), self.weight(b, a), NO_NODE, NO_NODE
        below_a, below_b = self.below[a] or (), self.below[b] or ()
        few, end = (below_a, b) if len(below_a) <= len(below_b) else (below_b, a)
        for mid in few:
            arcs = self.arcs[mid]
            if end in arcs:
                to_a, to_b = arcs[a], arcs[b]
                if to_a[1] + to_b[0] < out:
                    out, mid_out = to_a[1] + to_b[0], mid
                if to_b[1] + to_a[0] < into:
                    into, mid_into = to_b[1] + to_a[0], mid
        return out, into, mid_out, mid_into
