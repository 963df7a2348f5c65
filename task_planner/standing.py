# SPDX-License-Identifier: Apache-2.0
"""Where to stand to see and reach a thing, from the free places around it."""

from __future__ import annotations

import math
from collections.abc import Collection

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from memory_core.geometry import Box
from memory_core.graph import Instance, Place, SceneGraph
from memory_core.routes import nearest_place
from task_planner.plan import Point, Stand
from task_planner.settings import PlannerSettings

# An obstacle reaches into the height of the robot's body; what hangs higher or lies flat is passed or stepped over.
_OBSTACLE_LOW_M, _OBSTACLE_HIGH_M = 0.08, 1.2
_HEADINGS = np.linspace(0.0, 2 * np.pi, 24, endpoint=False)
_LINE_OF_APPROACH_STEPS = 12
_NO_WAY_COST = 10.0
# Out of reach but in view is better than behind a wall; costs are metres off the comfortable distance.
_OTHER_ROOM_COST, _BLOCKED_COST, _UNVERIFIED_COST, _BEYOND_REACH_COST, _TRAVEL_COST = 20.0, 4.0, 0.3, 5.0, 0.05
_BEYOND_REACH_M = 1.0


def stand_for(
    graph: SceneGraph, target: Instance, settings: PlannerSettings, near: Point | None, avoid: Collection[Point] = ()
) -> Stand | None:
    """The best point to handle `target` from, facing it; None when no place is known.

    Candidates are places, points within their free radius around the target, and points on the straight line from a
    place to the target. They must keep off everything that stands on the floor; the best is at a comfortable
    distance, in the target's room, with no obstacle between, and with a way to it from `near`, not a long one.
    Points in `avoid` were tried.
    O(places * (instances + candidates of a place) + passages).
    """
    places = [graph.places[key] for key in sorted(graph.places)]
    if not places:
        return None
    points, owners, verified = _candidates(places, target.box, settings)
    clear = _gap(points, obstacles(graph)).min(axis=1, initial=np.inf) >= settings.robot_radius_m
    for tried in avoid:
        clear &= np.linalg.norm(points - tried[:2], axis=1) > settings.robot_radius_m
    within = _gap(points, _rectangles([target.box]))[:, 0] <= settings.reach_m + _BEYOND_REACH_M
    keep = clear & within
    if not keep.any():
        return _nearest_place(places, target, avoid)
    points, owners, verified = points[keep], owners[keep], verified[keep]
    cost = _cost(points, target, _between(graph, target), settings) + np.where(verified, 0.0, _UNVERIFIED_COST)
    connected = _connected(graph, near)
    by_place = [_OTHER_ROOM_COST * _is_elsewhere(p, target) + _NO_WAY_COST * (p.id not in connected) for p in places]
    cost += np.array(by_place)[owners]
    if near is not None:
        cost += _TRAVEL_COST * np.linalg.norm(points - near[:2], axis=1)
    best = int(np.argmin(cost))
    return _stand(points[best], places[owners[best]], target.box)


def stand_in_room(graph: SceneGraph, room_id: str) -> Stand | None:
    """The place of a room nearest to its middle, roomy ones preferred; None when the room has no places."""
    middle = np.asarray(graph.rooms[room_id].position)
    inside = [place for _, place in sorted(graph.places.items()) if place.room_id == room_id]
    if not inside:
        return None
    best = min(inside, key=lambda place: float(np.linalg.norm(middle[:2] - place.position[:2])) - place.radius_m)
    return Stand(best.position, 0.0, best.id)


def _candidates(
    places: list[Place], box: Box, settings: PlannerSettings
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """(N, 2) points, (N,) index of the place each belongs to, (N,) whether it lies in that place's free disc."""
    centers = np.array([place.position[:2] for place in places])
    radii = np.array([place.radius_m for place in places])
    around, toward = _ring(box, settings), _lines(centers, box, settings)
    distance = np.linalg.norm(around[:, None] - centers[None], axis=2)
    # Clearance shrinks by a metre a metre away from the place.
    room_left = radii[None] - distance
    owner = np.argmax(room_left, axis=1)
    free = room_left.max(axis=1) >= settings.robot_radius_m
    n_lines = len(toward) // len(places)
    points = np.concatenate([centers, around[free], toward])
    owners = np.concatenate([np.arange(len(places)), owner[free], np.repeat(np.arange(len(places)), n_lines)])
    verified = np.concatenate([np.ones(len(places) + free.sum(), bool), np.zeros(len(toward), bool)])
    return points, owners, verified


def _distances(settings: PlannerSettings) -> NDArray[np.float64]:
    return np.linspace(settings.robot_radius_m + 0.05, settings.reach_m + _BEYOND_REACH_M, 14)


def _ring(box: Box, settings: PlannerSettings) -> NDArray[np.float64]:
    """Points around a box at several distances from its footprint, (24 * 14, 2)."""
    half = np.asarray(box.size[:2]) / 2
    directions = np.stack([np.cos(_HEADINGS), np.sin(_HEADINGS)], axis=1)
    to_edge = np.min(half / np.maximum(np.abs(directions), 1e-9), axis=1)
    reach = to_edge[:, None] + _distances(settings)
    return np.asarray(box.center[:2] + (directions[:, None, :] * reach[..., None]).reshape(-1, 2))


def _lines(centers: NDArray[np.float64], box: Box, settings: PlannerSettings) -> NDArray[np.float64]:
    """For each place, points at several distances from the box on the way from the place to it, (places * 14, 2)."""
    low, high = np.asarray(box.minimum[:2]), np.asarray(box.maximum[:2])
    touch = np.clip(centers, low, high)
    back = centers - touch
    length = np.linalg.norm(back, axis=1, keepdims=True)
    unit = back / np.maximum(length, 1e-9)
    reach = np.minimum(_distances(settings)[None, :], length)
    return np.asarray((touch[:, None, :] + unit[:, None, :] * reach[..., None]).reshape(-1, 2))


def obstacles(graph: SceneGraph) -> NDArray[np.float64]:
    """(N, 4) footprints (x0, y0, x1, y1) of the things that stand in the robot's way."""
    return _rectangles(
        [i.box for i in graph.instances.values() if i.state not in ("gone", "held") and _is_in_the_way(i.box)]
    )


def _is_in_the_way(box: Box) -> bool:
    return box.maximum[2] > _OBSTACLE_LOW_M and box.minimum[2] < _OBSTACLE_HIGH_M


def _between(graph: SceneGraph, target: Instance) -> NDArray[np.float64]:
    """Footprints of what could hide the target: reaches above its middle and is not what it lies on or in."""
    holders = {relation.object for relation in graph.relations if relation.subject == target.id}
    height = target.box.center[2]
    return _rectangles(
        [
            other.box
            for other in graph.instances.values()
            if other.id != target.id
            and other.id not in holders
            and other.state not in ("gone", "held")
            and other.box.maximum[2] > height + 0.1
            and other.box.minimum[2] < height
        ]
    )


def _rectangles(boxes: list[Box]) -> NDArray[np.float64]:
    return np.array([[*box.minimum[:2], *box.maximum[:2]] for box in boxes]).reshape(-1, 4)


def _gap(points: NDArray[np.float64], rectangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, M) distances of points (N, 2) to rectangles (M, 4), 0 inside."""
    below = rectangles[None, :, :2] - points[:, None]
    above = points[:, None] - rectangles[None, :, 2:]
    return np.asarray(np.linalg.norm(np.maximum(0.0, np.maximum(below, above)), axis=2))


def _cost(
    points: NDArray[np.float64], target: Instance, between: NDArray[np.float64], settings: PlannerSettings
) -> NDArray[np.float64]:
    gap = _gap(points, _rectangles([target.box]))[:, 0]
    fractions = np.linspace(0.0, 1.0, _LINE_OF_APPROACH_STEPS)[None, :, None]
    middle = np.asarray(target.box.center[:2])
    line = points[:, None, :] * (1 - fractions) + middle * fractions
    blocked = (_gap(line.reshape(-1, 2), between) <= 0.0).reshape(len(points), -1).any(axis=1)
    beyond = np.maximum(0.0, gap - settings.reach_m)
    return np.abs(gap - settings.comfortable_m) + _BEYOND_REACH_COST * beyond + _BLOCKED_COST * blocked


def _connected(graph: SceneGraph, near: Point | None) -> set[str]:
    """Places that passages join to the one nearest to a point; all places when there is no point."""
    if near is None:
        return set(graph.places)
    net: nx.Graph[str] = nx.Graph((passage.a, passage.b) for passage in graph.passages)
    here = nearest_place(graph, near).id
    return {here} | (nx.node_connected_component(net, here) if here in net else set())


def _is_elsewhere(place: Place, target: Instance) -> bool:
    return bool(place.room_id and target.room_id and place.room_id != target.room_id)


def _nearest_place(places: list[Place], target: Instance, avoid: Collection[Point]) -> Stand | None:
    """As near as is known to be free, though out of reach; the same room before another."""
    left = [place for place in places if place.position not in avoid]
    if not left:
        return None
    best = min(left, key=lambda place: (_is_elsewhere(place, target), target.box.distance_m(place.position)))
    return _stand(np.asarray(best.position[:2]), best, target.box)


def _stand(point: NDArray[np.float64], place: Place, box: Box) -> Stand:
    dx, dy = box.center[0] - point[0], box.center[1] - point[1]
    return Stand((float(point[0]), float(point[1]), place.position[2]), math.atan2(dy, dx), place.id)
