# SPDX-License-Identifier: Apache-2.0
"""Where something can be put down on or in a receptacle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from memory_core.geometry import Box, Vec, invert_pose, transform_points
from sim.house.building import leaf_wall
from sim.house.compatibility import goes_together
from sim.house.geometry2d import inside_polygon
from sim.house.specs import OpeningSpec
from sim.house.world import Thing, World
from sim.types import SimRoom

_GAP_M = 0.01
_LIFT_M = 0.002
_STEP_M = 0.05
_SAME_SIZE = 0.7
_FLOOR_STEP_M = 0.1
_DOOR_FREE_M = 0.3


def free_spots(world: World, receptacle: Thing, thing: Thing, near: Vec) -> list[Vec]:
    """Free poses (4, 4) of a thing on a receptacle, nearest to a point (3,) first; none without room or when it does
    not belong there.

    The thing stands upright, turned like the receptacle, wholly on one surface, touching nothing else.
    O(surfaces x positions x boxes).
    """
    if not goes_together(thing.type.name, receptacle.type.name):
        return []
    # An open door is no obstacle, but what is put behind it must not hinder it from being closed.
    held = [_box_in(receptacle, child) for child in world.descendants(receptacle.uid)]
    obstacles = [*world.parts(receptacle), *held]
    goal = transform_points(invert_pose(receptacle.body.T_world_body), near[None])[0]
    for surfaces in _by_size(_surfaces(world, receptacle)):
        spots = [spot for surface in surfaces for spot in _spots_on(surface, thing.size, obstacles)]
        if spots:
            spots.sort(key=lambda spot: (float(np.linalg.norm(spot - goal)), tuple(spot)))
            return [_pose_at(receptacle, spot) for spot in spots]
    return []


def free_floor(world: World, room: SimRoom, thing: Thing, near: Vec) -> list[Vec]:
    """Free poses (4, 4) of a thing on the floor of a room, turned as it is, nearest to a point (3,) first.

    It stays off the walls, other things, open doorways and the room's corners. O(floor area x objects).
    """
    R = thing.body.T_world_body[:3, :3] if abs(thing.body.T_world_body[2, 2]) > 0.999 else np.eye(3)
    half = np.abs(R) @ thing.size / 2
    low, high = np.array(room.box.minimum[:2]) + half[:2] + _GAP_M, np.array(room.box.maximum[:2]) - half[:2] - _GAP_M
    if (low > high).any():
        return []
    x, y = np.meshgrid(*(_steps(a, b, _FLOOR_STEP_M) for a, b in zip(low, high, strict=True)), indexing="ij")
    centers = np.stack([x.ravel(), y.ravel(), np.full(x.size, half[2] + _LIFT_M)], axis=1)
    free = _in_room(centers, half, room)
    own = {thing.uid, *(held.uid for held in world.descendants(thing.uid))}
    for other in world.things.values():
        if other.uid not in own and not other.held:
            box = world.scene.bounds(other.body)
            free &= ~(np.abs(centers - box.center) < half + np.array(box.size) / 2 + _GAP_M).all(axis=1)
    for door in world.house.openings:
        free &= ~_in_doorway(centers, half, door, world)
    order = np.argsort(np.linalg.norm(centers[:, :2] - near[:2], axis=1), kind="stable")
    poses = []
    for k in order[free[order]]:
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = R, centers[k]
        poses.append(T)
    return poses


def _in_room(centers: Vec, half: Vec, room: SimRoom) -> NDArray[np.bool_]:
    """(N,) whether all four corners of a footprint lie in the room; a room's notch between them is not looked for."""
    inside = np.ones(len(centers), bool)
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            inside &= inside_polygon(centers[:, :2] + half[:2] * [i, j], np.array(room.polygon))
    return inside


def _in_doorway(centers: Vec, half: Vec, opening: OpeningSpec, world: World) -> NDArray[np.bool_]:
    """(N,) whether a footprint comes near the middle of a door."""
    found = leaf_wall(opening, {wall.id: wall for wall in world.house.walls}) if opening.kind == "door" else None
    if found is None:
        return np.zeros(len(centers), bool)
    wall, (x0, x1, _, _) = found
    middle = wall.start + (wall.end - wall.start) / wall.length_m * (x0 + x1) / 2
    gap = np.maximum(np.abs(centers[:, :2] - middle) - half[:2], 0)
    return np.asarray(np.linalg.norm(gap, axis=1) < max((x1 - x0) / 2, 0.3) + _DOOR_FREE_M)


def _pose_at(receptacle: Thing, spot: Vec) -> Vec:
    T_receptacle_thing = np.eye(4)
    T_receptacle_thing[:3, 3] = spot
    return np.asarray(receptacle.body.T_world_body @ T_receptacle_thing)


def _surfaces(world: World, receptacle: Thing) -> list[Box]:
    """The parts one can stand something on; below the top where the receptacle holds things inside."""
    is_door = receptacle.body.doors.reshape(-1, 6)[:, 0]
    parts = [part for part, door in zip(world.parts(receptacle), is_door, strict=True) if not door]
    highest = receptacle.size[2] / 2 - 1e-3
    return [part for part in parts if not receptacle.type.holds_inside or part.maximum[2] < highest]


def _by_size(surfaces: Sequence[Box]) -> Iterator[list[Box]]:
    """The surfaces in groups of about the same area, largest first: a seat before its arms."""
    left = sorted(surfaces, key=lambda surface: -surface.size[0] * surface.size[1])
    while left:
        largest = left[0].size[0] * left[0].size[1]
        group = [surface for surface in left if surface.size[0] * surface.size[1] >= _SAME_SIZE * largest]
        left = left[len(group) :]
        yield group


def _spots_on(surface: Box, size: Vec, obstacles: Sequence[Box]) -> list[Vec]:
    """Centres (3,) of a box of a size that stands on a surface and touches no obstacle."""
    low = np.array(surface.minimum[:2]) + size[:2] / 2
    high = np.array(surface.maximum[:2]) - size[:2] / 2
    if (low > high).any():
        return []
    x, y = np.meshgrid(_steps(low[0], high[0]), _steps(low[1], high[1]), indexing="ij")
    height = surface.maximum[2] + _LIFT_M + size[2] / 2
    centers = np.stack([x.ravel(), y.ravel(), np.full(x.size, height)], axis=1)
    free = np.ones(len(centers), bool)
    for box in obstacles:
        touches = np.abs(centers - box.center) < (size + np.array(box.size)) / 2 + [_GAP_M, _GAP_M, 0]
        free &= ~touches.all(axis=1)
    return list(centers[free])


def _steps(low: float, high: float, step_m: float = _STEP_M) -> Vec:
    """Positions from low to high at most a step apart, the middle among them."""
    n_steps = 2 * int(np.ceil((high - low) / step_m / 2)) + 1
    return np.linspace(low, high, n_steps) if n_steps > 1 else np.array([(low + high) / 2])


def _box_in(receptacle: Thing, other: Thing) -> Box:
    """Bounds of another thing in the receptacle's frame."""
    T = invert_pose(receptacle.body.T_world_body) @ other.body.T_world_body
    corners = other.body.faces.reshape(-1, 3) @ T[:3, :3].T + T[:3, 3]
    low, high = corners.min(axis=0), corners.max(axis=0)
    return Box((float(low[0]), float(low[1]), float(low[2])), (float(high[0]), float(high[1]), float(high[2])))
