# SPDX-License-Identifier: Apache-2.0
"""How far it is to a point, and the way to a stand, over the places of one scene graph."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from memory_core.errors import NotPossible
from memory_core.graph import SceneGraph
from memory_core.routes import route
from task_planner.plan import Point, Stand


@dataclass(frozen=True, slots=True)
class Way:
    """Points to pass, start first and the stand last; `is_known` unless a straight line stands in for a route."""

    points: tuple[Point, ...]
    length_m: float
    place_ids: tuple[str, ...]
    is_known: bool = True


class Ways:
    """Distances and ways in one scene graph, remembered while a plan is made.

    Args:
        start: where the robot is; None when that is not known.
    """

    def __init__(self, graph: SceneGraph, start: Point | None) -> None:
        self._graph, self.start = graph, start
        self._metres: dict[tuple[Point, Point], float] = {}

    def metres(self, goal: Point) -> float:
        """Metres from the robot's start to a point by the shortest known way; 0 when the start is not known."""
        return self.between(self.start, goal) if self.start else 0.0

    def between(self, start: Point, goal: Point) -> float:
        """Metres from point to point, the last bit to the goal in a straight line; infinite when no way is known."""
        key = (start, goal)
        if key not in self._metres:
            self._metres[key] = self._measure(start, goal)
        return self._metres[key]

    def _measure(self, start: Point, goal: Point) -> float:
        if not self._graph.places:
            return math.dist(start[:2], goal[:2])
        try:
            found = route(self._graph, start, goal)
        except NotPossible:
            return math.inf
        return found.length_m + math.dist(found.points[-1][:2], goal[:2])

    def to(self, start: Point, stand: Stand) -> Way:
        """The way from a point to a stand, over the stand's place.

        A straight line when there is no place beside the stand or no way to it is known: what lies between was not
        seen to be free, so the robot finds out.
        """
        try:
            found = route(self._graph, start, stand.place_id or stand.point)
        except NotPossible:
            return Way((start, stand.point), math.dist(start[:2], stand.point[:2]), (), is_known=False)
        points = [_point(row) for row in found.points.tolist()]
        if len(points) > 1 and all(self._is_free(found.place_ids[-1], p) for p in (points[-2], stand.point)):
            points.pop()
        points.append(stand.point)
        length = sum(math.dist(p[:2], q[:2]) for p, q in itertools.pairwise(points))
        return Way(tuple(points), length, found.place_ids)

    def _is_free(self, place_id: str, point: Point) -> bool:
        place = self._graph.places[place_id]
        return math.dist(place.position[:2], point[:2]) <= place.radius_m


def _point(row: list[float]) -> Point:
    x, y, z = row
    return (x, y, z)
