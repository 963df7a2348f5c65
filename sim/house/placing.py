# SPDX-License-Identifier: Apache-2.0
"""Where something can be put down on or in a receptacle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from memory_core.geometry import Box, Vec, invert_pose, transform_points
from sim.house.world import Thing, World

_GAP_M = 0.01
_LIFT_M = 0.002
_STEP_M = 0.05
_SAME_SIZE = 0.7


def free_spots(world: World, receptacle: Thing, thing: Thing, near: Vec) -> list[Vec]:
    """Free poses (4, 4) of a thing on a receptacle, nearest to a point (3,) first; none when there is no room.

    The thing stands upright, turned like the receptacle, wholly on one surface, touching nothing else.
    O(surfaces x positions x boxes).
    """
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


def _steps(low: float, high: float) -> Vec:
    """Positions from low to high at most a step apart, the middle among them."""
    n_steps = 2 * int(np.ceil((high - low) / _STEP_M / 2)) + 1
    return np.linspace(low, high, n_steps) if n_steps > 1 else np.array([(low + high) / 2])


def _box_in(receptacle: Thing, other: Thing) -> Box:
    """Bounds of another thing in the receptacle's frame."""
    T = invert_pose(receptacle.body.T_world_body) @ other.body.T_world_body
    corners = other.body.faces.reshape(-1, 3) @ T[:3, :3].T + T[:3, 3]
    low, high = corners.min(axis=0), corners.max(axis=0)
    return Box((float(low[0]), float(low[1]), float(low[2])), (float(high[0]), float(high[1]), float(high[2])))
