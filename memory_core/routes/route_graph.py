# SPDX-License-Identifier: Apache-2.0
"""A graph to find ways in: nodes with positions, directed edges with metres and a learned cost, both changing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BadInput, NotPossible
from memory_core.routes.hierarchy import Hierarchy
from memory_core.routes.near import Point, PointIndex
from memory_core.routes.settings import RouteSettings
from memory_core.routes.ways import shortest

Descriptor = NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """A node as it is now.

    Attributes:
        position: mean of all observations, metres.
        descriptor: mean of all observations, (D,) float32; None when it has none.
        visits: how many observations it stands for.
    """

    id: str
    position: Point
    descriptor: Descriptor | None
    visits: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A directed edge. `weight` is what a way pays for it."""

    start: str
    end: str
    length_m: float
    cost: float
    weight: float


@dataclass(frozen=True, slots=True)
class Way:
    """A way of least weight: nodes in order, both ends included."""

    ids: tuple[str, ...]
    length_m: float
    weight: float


class _Step(NamedTuple):
    """An edge as it is kept; `is_air` when its metres are the air line between its nodes."""

    weight: float
    length_m: float
    cost: float
    is_air: bool

    @property
    def is_weighted(self) -> bool:
        return self.weight != self.length_m


class RouteGraph:
    """Nodes and edges that are added, changed and removed at any time, and shortest ways between them.

    Every change costs O(edges of the nodes it touches). The hierarchy catches up when a way is asked for, at a cost
    that depends on what changed since the last question, not on the size of the graph.

    Memory: about 1 kB a node at two edges a node.

    Args:
        contracted: False for a graph that is asked only a few times: no hierarchy is made, searches are longer.
    """

    def __init__(self, settings: RouteSettings | None = None, *, contracted: bool = True) -> None:
        self.settings = settings or RouteSettings()
        self._is_contracted = contracted
        self._number: dict[str, int] = {}
        self._id: list[str] = []
        self._position: list[Point] = []
        self._seen: dict[int, tuple[Descriptor, int]] = {}  # descriptor and visits, of nodes that were observed
        self._out: list[dict[int, _Step]] = []
        self._into: list[list[int]] = []
        self._unused: list[int] = []
        self._n_weighted = 0  # edges whose weight is not their metres
        self._index = PointIndex(self.settings.merge_gate_m)
        self._hierarchy = Hierarchy(self._weight, self._neighbours)

    def __len__(self) -> int:
        return len(self._number)

    def __contains__(self, node_id: object) -> bool:
        return node_id in self._number

    def __iter__(self) -> Iterator[str]:
        return iter(self._number)

    @property
    def n_edges(self) -> int:
        """O(nodes)."""
        return sum(map(len, self._out))

    def node(self, node_id: str) -> Node:
        """Raises NotPossible when there is no such node."""
        number = self._of(node_id)
        descriptor, visits = self._seen.get(number, (None, 1))
        return Node(node_id, self._position[number], descriptor, visits)

    def edges(self, node_id: str) -> list[Edge]:
        """Edges that leave a node. Raises NotPossible when there is no such node."""
        return [self._edge(self._of(node_id), end) for end in self._out[self._of(node_id)]]

    def ends(self, node_id: str) -> list[str]:
        """Where the edges that leave a node lead. Raises NotPossible when there is no such node."""
        return [self._id[end] for end in self._out[self._of(node_id)]]

    def put_node(self, node_id: str, position: Sequence[float]) -> None:
        """Add a node, or move it; edges without metres of their own stretch with it. O(its edges).

        Raises:
            BadInput: the position is not three finite numbers.
        """
        point = _point(position, node_id)
        number = self._number.get(node_id)
        if number is None:
            number = self._add(node_id, point)
        self._place(number, point)

    def remove_node(self, node_id: str) -> None:
        """Take a node and its edges out. O(its edges and those of its neighbours). Raises NotPossible if unknown."""
        number = self._of(node_id)
        for end in list(self._out[number]):
            self._cut(number, end)
        for start in list(self._into[number]):
            self._cut(start, number)
        del self._number[node_id]
        self._seen.pop(number, None)
        self._index.discard(number)
        self._unused.append(number)

    def connect(self, start: str, end: str, length_m: float | None = None, cost: float = 0.0) -> None:
        """Set the edge from one node to another, whether it was there or not. O(1).

        Args:
            length_m: metres to go; None: the air line between the nodes, wherever they move.
            cost: learned cost of going there; below 0 draws ways to it, but no weight falls below 0.

        Raises:
            NotPossible: a node is unknown.
            BadInput: the ends are one node, or a number is not finite or no length.
        """
        a, b = self._ends(start, end)
        self._set(a, b, _length(length_m), _finite(cost, "cost"))

    def revisit(self, start: str, end: str, length_m: float | None = None, cost: float = 0.0) -> None:
        """Learn from going along an edge: half of what was known, half of what was met now; new edges are set. O(1).

        Metres stay the air line where both are. Raises as `connect`.
        """
        a, b = self._ends(start, end)
        new_m, known = _length(length_m), self._out[a].get(b)
        if known is None:
            self._set(a, b, new_m, _finite(cost, "cost"))
            return
        if not (known.is_air and new_m is None):
            new_m = (known.length_m + (self._air_m(a, b) if new_m is None else new_m)) / 2
        self._set(a, b, new_m, (known.cost + _finite(cost, "cost")) / 2)

    def disconnect(self, start: str, end: str) -> None:
        """Remove an edge. O(edges of its ends). Raises NotPossible when there is none."""
        a, b = self._ends(start, end)
        if b not in self._out[a]:
            raise NotPossible(f"there is no edge from {start!r} to {end!r}")
        self._cut(a, b)

    def observe(self, descriptor: Sequence[float] | NDArray[np.floating], position: Sequence[float]) -> str:
        """The node that an observation belongs to: a known one that looks alike and is near, else a new one.

        Alike and near are both needed (`merge_distance` between descriptors, `merge_gate_m` between positions): two
        corridors that look the same stay two. Of several the one that looks most alike is taken; its position and its
        descriptor become the means of all that was merged. New nodes are "v1", "v2", ...
        O(nodes within the gate * D).

        Raises:
            BadInput: the position or the descriptor is not finite, or its length is not that of those before.
        """
        point, seen = _point(position, "observation"), _descriptor(descriptor)
        known = self._alike(seen, point)
        if known is None:
            number = self._add(self._fresh_id(), point)
            self._seen[number] = (seen, 1)
            self._place(number, point)
        else:
            number, (mean, visits) = known, self._seen[known]
            share = 1 / (visits + 1)
            x, y, z = (old + (new - old) * share for old, new in zip(self._position[number], point, strict=True))
            self._seen[number] = (mean + (seen - mean) * np.float32(share), visits + 1)
            self._place(number, (x, y, z))
        return self._id[number]

    def nearest(self, position: Sequence[float]) -> str:
        """The node nearest to a point. O(nodes around it). Raises NotPossible when there are no nodes."""
        number = self._index.nearest(_point(position, "point"))
        if number is None:
            raise NotPossible("no way known: the graph has no nodes")
        return self._id[number]

    def settle(self) -> None:
        """Bring the hierarchy up to date now rather than with the next question."""
        self._hierarchy.settle(self._is_contracted)

    def shortest(self, start: str, goal: str) -> Way:
        """The way of least weight from node to node.

        After catching up with changes: O(nodes of the way + nodes and arcs above both ends in the hierarchy), which is
        a few hundred of each for a city's streets.

        Raises:
            NotPossible: a node is unknown, or no way leads there.
        """
        a, b = self._of(start), self._of(goal)
        self.settle()
        found = shortest(self._hierarchy.levels, a, b)
        if found is None:
            raise NotPossible(f"no way known from {start!r} to {goal!r}: no edges join them")
        numbers, weight = found
        return self._way(numbers) if self._n_weighted else Way(self._ids(numbers), weight, weight)

    def way_along(self, ids: Iterable[str]) -> Way:
        """The way over given nodes. Raises NotPossible when an edge between two of them is missing."""
        numbers = [self._of(node_id) for node_id in ids]
        for a, b in itertools.pairwise(numbers):
            if b not in self._out[a]:
                raise NotPossible(f"there is no edge from {self._id[a]!r} to {self._id[b]!r}")
        return self._way(numbers)

    def _way(self, numbers: list[int]) -> Way:
        out = self._out
        steps = [out[a][b] for a, b in itertools.pairwise(numbers)]
        return Way(self._ids(numbers), sum([step[1] for step in steps]), sum([step[0] for step in steps]))

    def _ids(self, numbers: list[int]) -> tuple[str, ...]:
        names = self._id
        return tuple([names[number] for number in numbers])

    def _weight(self, a: int, b: int) -> float:
        step = self._out[a].get(b)
        return math.inf if step is None else step[0]

    def _neighbours(self, number: int) -> list[int]:
        out = self._out[number]
        return [*out, *(start for start in self._into[number] if start not in out)]

    def _edge(self, a: int, b: int) -> Edge:
        step = self._out[a][b]
        return Edge(self._id[a], self._id[b], step.length_m, step.cost, step.weight)

    def _of(self, node_id: str) -> int:
        number = self._number.get(node_id)
        if number is None:
            raise NotPossible(f"no way known: there is no node {node_id!r}")
        return number

    def _ends(self, start: str, end: str) -> tuple[int, int]:
        if start == end:
            raise BadInput(f"edge: want two nodes, got {start!r} twice")
        return self._of(start), self._of(end)

    def _add(self, node_id: str, point: Point) -> int:
        if self._unused:
            number = self._unused.pop()
            self._id[number], self._position[number] = node_id, point
        else:
            number = len(self._id)
            self._id.append(node_id)
            self._position.append(point)
            self._out.append({})
            self._into.append([])
        self._number[node_id] = number
        return number

    def _fresh_id(self) -> str:
        number = len(self._number) + 1
        while f"v{number}" in self._number:
            number += 1
        return f"v{number}"

    def _place(self, number: int, point: Point) -> None:
        self._position[number] = point
        self._index.put(number, point)
        self._hierarchy.touch_node(number)
        for end, step in list(self._out[number].items()):
            if step.is_air:
                self._set(number, end, None, step.cost)
        for start in self._into[number]:
            step = self._out[start][number]
            if step.is_air:
                self._set(start, number, None, step.cost)

    def _set(self, a: int, b: int, length_m: float | None, cost: float) -> None:
        if b in self._out[a]:
            self._n_weighted -= self._out[a][b].is_weighted
        else:
            self._into[b].append(a)
        metres = self._air_m(a, b) if length_m is None else length_m
        weight = self.settings.per_edge + self.settings.per_metre * metres + self.settings.per_cost * cost
        step = self._out[a][b] = _Step(max(0.0, weight), metres, cost, length_m is None)
        self._n_weighted += step.is_weighted
        self._hierarchy.touch(a, b)

    def _air_m(self, a: int, b: int) -> float:
        return math.dist(self._position[a], self._position[b])

    def _cut(self, a: int, b: int) -> None:
        self._n_weighted -= self._out[a].pop(b).is_weighted
        self._into[b].remove(a)
        self._hierarchy.touch(a, b)

    def _alike(self, seen: Descriptor, point: Point) -> int | None:
        """The node within the gate whose descriptor is nearest, if that is near enough."""
        best = (self.settings.merge_distance, math.inf, -1)
        for number, metres in self._index.within(point, self.settings.merge_gate_m):
            if number in self._seen:
                mean = self._seen[number][0]
                if mean.shape != seen.shape:
                    raise BadInput(f"descriptor: want {mean.shape[0]} numbers as before, got {seen.shape[0]}")
                best = min(best, (float(np.linalg.norm(mean - seen)), metres, number))
        return best[2] if best[2] >= 0 else None


def _point(position: Sequence[float], name: str) -> Point:
    try:
        x, y, z = (float(value) for value in position)
    except (TypeError, ValueError, OverflowError):
        raise BadInput(f"position of {name!r}: want three numbers, got {position!r:.80}") from None
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
        raise BadInput(f"position of {name!r}: want finite metres, got {position!r:.80}")
    return x, y, z


def _descriptor(values: Sequence[float] | NDArray[np.floating]) -> Descriptor:
    descriptor = np.asarray(values, np.float32)
    if descriptor.ndim != 1 or not descriptor.size or not np.isfinite(descriptor).all():
        raise BadInput(f"descriptor: want (D,) finite numbers, got shape {descriptor.shape}")
    return descriptor


def _finite(value: float, name: str) -> float:
    if not math.isfinite(value):
        raise BadInput(f"{name}: want a finite number, got {value!r}")
    return float(value)


def _length(length_m: float | None) -> float | None:
    if length_m is None:
        return None
    if not length_m >= 0 or not math.isfinite(length_m):
        raise BadInput(f"length: want metres >= 0, got {length_m!r}")
    return float(length_m)
