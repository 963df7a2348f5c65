# SPDX-License-Identifier: Apache-2.0
"""Ways from place to place over the passages of a scene graph, and how to say them."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import NotPossible
from memory_core.graph import Place, SceneGraph

Point = tuple[float, float, float]

UNNAMED_ROOM = "room"


@dataclass(frozen=True, eq=False, slots=True)
class Route:
    """A way through free space.

    Attributes:
        points: (N, 3) map frame, metres, start first; straight lines between them are free.
        place_ids: the places passed, in order.
    """

    points: NDArray[np.float64]
    length_m: float
    place_ids: tuple[str, ...]


def route(graph: SceneGraph, start: Point, goal: Point | str) -> Route:
    """The shortest way over the passages from a point to a point, a place or a room.

    Points belong to the nearest place. A goal point outside the free circle of its place (a thing on a table) is not
    entered: the way ends at the place. A room's goal is its place nearest to the room's position.
    A* over places: O((places + passages) log places), times one more scan of all places for each point.

    Raises:
        NotPossible: there are no places, the goal is unknown, or no passages lead there.
    """
    if not graph.places:
        raise NotPossible("no way known: the memory holds no places yet")
    first, last = nearest_place(graph, start), _goal_place(graph, goal)
    ids = _shortest(graph, first.id, last.id)
    if not ids:
        raise NotPossible(f"no way known from {first.id} to {last.id}: no passages join the two parts of the map")
    if len(ids) > 1 and _within(graph.places[ids[1]], start):
        ids = ids[1:]
    between = [graph.places[place_id].position for place_id in ids]
    end: list[Point] = []
    if not isinstance(goal, str) and _within(last, goal):
        end = [_at_height(goal, last.position)]
        between = [] if len(ids) == 1 and _within(last, start) else between
    way = np.array([_at_height(start, graph.places[ids[0]].position), *between, *end], np.float64)
    return Route(way, float(np.linalg.norm(np.diff(way, axis=0), axis=1).sum()), tuple(ids))


def nearest_place(graph: SceneGraph, point: Point) -> Place:
    """The place whose free circle is nearest to a point; of several that hold it, the one with the nearest centre.

    Raises:
        NotPossible: there are no places.
    """
    if not graph.places:
        raise NotPossible("no place known: the memory holds no places yet")

    def distance(place: Place) -> tuple[float, float, str]:
        centre = math.dist(place.position, point)
        level = math.hypot(place.position[0] - point[0], place.position[1] - point[1])
        return max(0.0, level - place.radius_m) + abs(place.position[2] - point[2]), centre, place.id

    return min(graph.places.values(), key=distance)


def describe(way: Route, graph: SceneGraph) -> str:
    """The route in words: "through the hallway into the kitchen, 6.3 m". Rooms without a name are left out."""
    rooms: list[str] = []
    for place_id in way.place_ids:
        room_id = graph.places[place_id].room_id
        if room_id in graph.rooms and (not rooms or rooms[-1] != room_id):
            rooms.append(room_id)
    names = [graph.rooms[room_id].label for room_id in rooms]
    between = [name for name in names[1:-1] if name != UNNAMED_ROOM]
    words = ["through the " + " and the ".join(between)] if between else []
    if names:
        words.append(("within the " if len(names) == 1 else "into the ") + names[-1])
    return ", ".join([*([" ".join(words)] if words else []), f"{way.length_m:.1f} m"])


def _goal_place(graph: SceneGraph, goal: Point | str) -> Place:
    if not isinstance(goal, str):
        return nearest_place(graph, goal)
    if goal in graph.places:
        return graph.places[goal]
    if goal not in graph.rooms:
        raise NotPossible(f"no way known: there is no place or room {goal!r}")
    inside = [place for place in graph.places.values() if place.room_id == goal]
    if not inside:
        raise NotPossible(f"no way known: no place in room {goal!r} ({graph.rooms[goal].label}) can be reached")
    return min(inside, key=lambda place: (math.dist(place.position, graph.rooms[goal].position), place.id))


def _shortest(graph: SceneGraph, start: str, goal: str) -> list[str]:
    """Ids along the shortest way, [] if there is none. Ties go to the smaller id, so answers repeat."""
    neighbours, stretch = _neighbours(graph)
    target = graph.places[goal].position
    best = {start: 0.0}
    came_from: dict[str, str] = {}
    done: set[str] = set()
    queue = [(stretch * math.dist(graph.places[start].position, target), start)]
    while queue:
        _, here = heapq.heappop(queue)
        if here == goal:
            return _trace(came_from, goal)
        if here in done:
            continue
        done.add(here)
        for there, length in neighbours.get(here, ()):
            travelled = best[here] + length
            if travelled < best.get(there, math.inf):
                best[there], came_from[there] = travelled, here
                heapq.heappush(queue, (travelled + stretch * math.dist(graph.places[there].position, target), there))
    return []


def _neighbours(graph: SceneGraph) -> tuple[dict[str, list[tuple[str, float]]], float]:
    """For each place its neighbours with the metres to them, and the least metres of passage per metre of air line.

    The second keeps A* exact even where passages are shorter than the air line, as learned costs may be.
    """
    neighbours: dict[str, list[tuple[str, float]]] = {}
    stretch = 1.0
    for passage in graph.passages:
        if passage.a not in graph.places or passage.b not in graph.places:
            continue
        air = math.dist(graph.places[passage.a].position, graph.places[passage.b].position)
        stretch = min(stretch, passage.length_m / air) if air > 0 else stretch
        neighbours.setdefault(passage.a, []).append((passage.b, passage.length_m))
        neighbours.setdefault(passage.b, []).append((passage.a, passage.length_m))
    return neighbours, stretch


def _trace(came_from: dict[str, str], goal: str) -> list[str]:
    ids = [goal]
    while ids[-1] in came_from:
        ids.append(came_from[ids[-1]])
    return ids[::-1]


def _within(place: Place, point: Point) -> bool:
    return math.hypot(place.position[0] - point[0], place.position[1] - point[1]) <= place.radius_m


def _at_height(point: Point, like: Point) -> Point:
    return float(point[0]), float(point[1]), like[2]
