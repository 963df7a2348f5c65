# SPDX-License-Identifier: Apache-2.0
"""The places of a scene graph made ready for routes, once for each graph."""

from __future__ import annotations

import math
import weakref

import numpy as np

from memory_core.graph import Passage, Place, SceneGraph
from memory_core.routes.near import Point
from memory_core.routes.route_graph import RouteGraph
from memory_core.routes.settings import RouteSettings

_MANY_PLACES = 3000  # contracting takes as long as some ten searches without; worth it when these are long
_ROUNDING_M = 1e-6
_BY_COST = RouteSettings(per_metre=0.0, per_cost=1.0)

_nets: dict[int, tuple[weakref.ref[SceneGraph], SceneNet]] = {}


class SceneNet:
    """Passages as a RouteGraph, places as arrays, and which places hang together. Read-only once made."""

    def __init__(self, graph: SceneGraph) -> None:
        self._places = list(graph.places.values())
        self._positions = np.array([place.position for place in self._places], np.float64).reshape(-1, 3)
        self._radii = np.array([place.radius_m for place in self._places], np.float64)
        self._net = RouteGraph(_BY_COST, contracted=len(self._places) >= _MANY_PLACES)
        for place in self._places:
            self._net.put_node(place.id, place.position)
        for (a, b), passage in _cheapest_passages(graph).items():
            self._net.connect(a, b, passage.length_m, passage.cost)
            self._net.connect(b, a, passage.length_m, passage.cost)
        self._net.settle()
        self._part = _parts(graph, self._net)

    def nearest(self, point: Point, slack_m: float = 0.0) -> list[Place]:
        """Places whose free circle is at most `slack_m` farther than the nearest one, nearest first.

        Of several at one distance the one with the nearest centre comes first, then the smaller id. O(places), a few
        nanoseconds each.
        """
        level = np.hypot(*(self._positions[:, :2] - np.array(point[:2])).T)
        gaps = np.maximum(0.0, level - self._radii) + np.abs(self._positions[:, 2] - point[2])
        few = [self._places[k] for k in np.nonzero(gaps <= gaps.min() + slack_m + _ROUNDING_M)[0]]
        few.sort(key=lambda place: distance(place, point))
        most = distance(few[0], point)[0] + slack_m
        return [place for place in few if distance(place, point)[0] <= most]

    def are_joined(self, a: str, b: str) -> bool:
        """Whether passages lead from place to place. O(1)."""
        return self._part[a] == self._part[b]

    def shortest(self, start: str, goal: str) -> list[str]:
        """Ids along a way of least cost between two places that are joined."""
        return list(self._net.shortest(start, goal).ids)


def net_of(graph: SceneGraph) -> SceneNet:
    """The net of a graph, made when the graph is first asked about and dropped with it. O(1) from then on."""
    known = _nets.get(id(graph))
    if known is not None and known[0]() is graph:
        return known[1]
    key, net = id(graph), SceneNet(graph)
    _nets[key] = weakref.ref(graph, lambda _: _nets.pop(key, None)), net
    return net


def distance(place: Place, point: Point) -> tuple[float, float, str]:
    """Metres from a point to a place's free circle, to its centre, and the id to settle ties."""
    level = math.hypot(place.position[0] - point[0], place.position[1] - point[1])
    gap = max(0.0, level - place.radius_m) + abs(place.position[2] - point[2])
    return gap, math.dist(place.position, point), place.id


def _cheapest_passages(graph: SceneGraph) -> dict[tuple[str, str], Passage]:
    """Passages by their ends, the smaller id first."""
    found: dict[tuple[str, str], Passage] = {}
    for passage in graph.passages:
        if passage.a in graph.places and passage.b in graph.places and passage.a != passage.b:
            pair = (passage.a, passage.b) if passage.a < passage.b else (passage.b, passage.a)
            if pair not in found or passage.cost < found[pair].cost:
                found[pair] = passage
    return found


def _parts(graph: SceneGraph, net: RouteGraph) -> dict[str, int]:
    """For each place the number of the part of the map that it belongs to."""
    part: dict[str, int] = {}
    for number, place_id in enumerate(graph.places):
        waiting = [] if place_id in part else [place_id]
        while waiting:
            here = waiting.pop()
            if here not in part:
                part[here] = number
                waiting += net.ends(here)
    return part
