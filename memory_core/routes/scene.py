# SPDX-License-Identifier: Apache-2.0
"""Ways from place to place over the passages of a scene graph, and how to say them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import NotPossible
from memory_core.graph import Place, SceneGraph
from memory_core.routes.near import Point
from memory_core.routes.scene_net import distance, net_of

UNNAMED_ROOM = "room"
_DETOUR_M = 1.0  # a place that can be reached may be this much farther from the goal than one that cannot


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
    """The way of least cost over the passages from a point to a point, a place, a room or an object.

    Passages cost their metres where nothing slower was learned.

    Points belong to the nearest place; a goal to one that can be reached if there is one hardly farther. A goal point
    outside the free circle of its place (a thing on a table) is not entered: the way ends at the place. A room is
    reached at its place nearest to the room's position, an object at its place.
    Of a graph that was asked before only the search is paid for, see SceneNet.

    Raises:
        NotPossible: there are no places, the goal is unknown, or no passages lead there.
    """
    if not graph.places:
        raise NotPossible("no way known: the memory holds no places yet")
    first = nearest_place(graph, start)
    net = net_of(graph)
    last = _goal_place(graph, goal, first)
    ids = net.shortest(first.id, last.id)
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
    return net_of(graph).nearest(point)[0]


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


def _goal_place(graph: SceneGraph, goal: Point | str, start: Place) -> Place:
    """The place to walk to.

    Raises:
        NotPossible: the goal is unknown or passages do not lead there from the start.
    """
    net = net_of(graph)
    wanted = _named(graph, goal) if isinstance(goal, str) else net.nearest(goal, slack_m=_DETOUR_M)
    open_ = [place for place in wanted if net.are_joined(start.id, place.id)]
    if not open_:
        about = goal if isinstance(goal, str) else f"({goal[0]:.2f}, {goal[1]:.2f}, {goal[2]:.2f})"
        raise NotPossible(f"no way known to {about}: no passages join the two parts of the map")
    if isinstance(goal, str) and goal in graph.rooms:
        return min(open_, key=lambda place: distance(place, graph.rooms[goal].position))
    return open_[0]


def _named(graph: SceneGraph, goal: str) -> list[Place]:
    """The places that a place, room or object id may mean.

    Raises:
        NotPossible: there is no such thing, or it has no place.
    """
    if goal in graph.places:
        return [graph.places[goal]]
    if goal in graph.instances:
        instance = graph.instances[goal]
        if instance.place_id not in graph.places:
            raise NotPossible(f"no way known: no place is known beside {goal!r} ({instance.label})")
        return [graph.places[instance.place_id]]
    if goal not in graph.rooms:
        raise NotPossible(f"no way known: there is no place, room or object {goal!r}")
    inside = [place for place in graph.places.values() if place.room_id == goal]
    if not inside:
        raise NotPossible(f"no way known: there is no place in room {goal!r} ({graph.rooms[goal].label})")
    return inside


def _within(place: Place, point: Point) -> bool:
    return math.hypot(place.position[0] - point[0], place.position[1] - point[1]) <= place.radius_m


def _at_height(point: Point, like: Point) -> Point:
    return float(point[0]), float(point[1]), like[2]
