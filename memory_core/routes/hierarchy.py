# SPDX-License-Identifier: Apache-2.0
"""A contraction hierarchy over a directed graph that changes.

Nodes are contracted one by one, those with the fewest neighbours first: dead ends, then the insides of chains, then
ever larger junctions. A contracted node hands its ways on to its neighbours as shortcuts, so that a shortest way is
found by climbing from both ends to nodes that were contracted later. No witnesses are looked for, so what a node hands
on depends on nothing but the nodes below it, and a change reaches only what was made of it. A new node goes below all
others. When many arcs were patched, or a lone line of new nodes became long, what is concerned is contracted anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from memory_core.routes.contracting import contract, free
from memory_core.routes.levels import NO_NODE, Levels
from memory_core.routes.patching import Pair, patch

_MOST_NEIGHBOURS = 64  # a node with more stays uncontracted: graphs without small cuts would fill up with shortcuts
_LONGEST_TAIL = 256  # new nodes that hang on each other below the rest
_PATCHED_SHARE = 0.25  # of the nodes; arcs patched in before all is contracted anew
_MANY_SHARE = 0.05  # of the nodes; so many changes at once are not patched


class Hierarchy:
    """Keeps `levels` in step with a graph that somebody else holds.

    Args:
        weight: weight(a, b) of the edge from a to b, >= 0, infinite when there is none.
        neighbours: all nodes that an edge joins to a node, in either direction.
    """

    def __init__(
        self,
        weight: Callable[[int, int], float],
        neighbours: Callable[[int], Iterable[int]],
        most_neighbours: int = _MOST_NEIGHBOURS,
    ) -> None:
        self.levels = Levels(weight, neighbours)
        self._most = most_neighbours
        self._touched: dict[Pair, None] = {}
        self._left: list[int] = []  # uncontracted because nobody wanted it so far
        self._tail: dict[int, int] = {}  # new nodes: how many hang on each other up to here
        self._n_patched = 0
        self._first_order, self._next_order = 0, 0

    def touch(self, a: int, b: int) -> None:
        """The edges between two nodes appeared, changed weight or vanished; either may be new. O(1)."""
        self._touched[(a, b) if a <= b else (b, a)] = None

    def touch_node(self, node: int) -> None:
        """A node appeared. O(1)."""
        self._touched[(node, node)] = None

    def settle(self, contracted: bool = True) -> None:
        """Catch up with all that was touched.

        O(n log n) for a new graph with small cuts (streets, places); else O(arcs that the changes reach).

        Args:
            contracted: False leaves what changed uncontracted, which costs little now and makes searches longer.
        """
        n_before = len(self.levels.arcs)
        pairs, self._touched = list(self._touched), {}
        if pairs:
            self.levels.unfolded.clear()
            self.levels.grow(1 + max(b for _, b in pairs))
            if contracted and not self._left and len(pairs) <= 1 + _MANY_SHARE * n_before:
                self._patch(pairs, n_before)
            else:
                self._left = free(self.levels, [*self._left, *dict.fromkeys(node for pair in pairs for node in pair)])
        if contracted and self._left:
            self.levels.unfolded.clear()
            self._contract(self._left)
            self._left = []

    def _contract(self, nodes: list[int]) -> None:
        for node in nodes:
            self._tail.pop(node, None)
        self._next_order = contract(self.levels, nodes, self._next_order, self._most)

    def _patch(self, pairs: list[Pair], n_before: int) -> None:
        levels = self.levels
        for node in range(n_before, len(levels.arcs)):
            self._first_order -= 1
            levels.order[node], levels.contracted[node] = self._first_order, 1
        self._n_patched += patch(levels, [pair for pair in pairs if pair[0] != pair[1]])
        long = []
        for node in range(n_before, len(levels.arcs)):
            parent = levels.parent[node]
            self._tail[node] = 1 + (self._tail.get(parent, 0) if parent != NO_NODE else 0)
            if self._tail[node] > _LONGEST_TAIL:
                long.append(node)
        if self._n_patched > _PATCHED_SHARE * len(levels.arcs) + _LONGEST_TAIL:
            long, self._n_patched = list(range(len(levels.arcs))), 0
        if long:
            self._contract(free(levels, long))
