# SPDX-License-Identifier: Apache-2.0
"""Where a round robot can stand and walk in a house."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BadHouse
from memory_core.geometry import Vec
from sim.house import building
from sim.house.geometry2d import inside_polygon
from sim.house.obstacles import Obstacles
from sim.house.specs import WallSpec
from sim.house.world import Thing, World

AGENT_RADIUS_M = 0.2
GRID_M = 0.25
_STEP_M = 0.05
_LOWEST_OBSTACLE_M = 0.05
_HEADROOM_M = 1.7  # above the highest camera of SimSettings, so that no camera is inside furniture
_SLACK_M = 1e-6


class Floor:
    """The obstacles of a world at one moment; make a new one when something moved or a door opened."""

    def __init__(self, world: World, radius_m: float = AGENT_RADIUS_M) -> None:
        self._house = world.house.name
        self._rooms = [room.corners for room in world.house.rooms]
        self._radius_m = radius_m
        segments = [segment for wall in world.house.walls for segment in _solid_segments(wall, world)]
        rectangles = [r for thing in world.things.values() if not thing.held for r in _footprints(thing, world)]
        self._obstacles = Obstacles(
            np.array([s[0] for s in segments]).reshape(-1, 2),
            np.array([s[1] for s in segments]).reshape(-1, 2),
            np.array([r[0] for r in rectangles]).reshape(-1, 2),
            np.array([r[1] for r in rectangles]).reshape(-1, 2, 2),
            np.array([r[2] for r in rectangles]).reshape(-1, 2),
        )

    def clearance_m(self, points: Vec) -> Vec:
        """(N,) distance from points (N, 2) to the nearest wall or furniture, 0 outside all rooms.

        O(N x obstacles nearby + obstacles).
        """
        inside = np.zeros(len(points), bool)
        for corners in self._rooms:
            at = ((points >= corners.min(axis=0)) & (points <= corners.max(axis=0))).all(axis=1)
            inside[at] |= inside_polygon(points[at], corners)
        distance = np.zeros(len(points))
        distance[inside] = self._obstacles.distance_m(points[inside])
        return distance

    def can_stand(self, points: Vec) -> NDArray[np.bool_]:
        """(N,) whether the robot fits at points (N, 2)."""
        return np.asarray(self.clearance_m(np.asarray(points, np.float64)) >= self._radius_m - _SLACK_M)

    def can_walk(self, start: Vec, end: Vec) -> bool:
        """Whether the straight way between two points (2,) is free; O(length)."""
        shares = _shares(float(np.linalg.norm(end - start)))[:, None]
        return bool(self.can_stand(start + shares * (end - start)).all())

    def start(self, wanted: tuple[float, float] | None) -> Vec:
        """(2,) where to begin: the wanted point if the robot fits there, else the roomiest point of a lattice.

        Raises:
            BadHouse: it fits nowhere.
        """
        if wanted is not None and self.can_stand(np.array([wanted]))[0]:
            return np.array(wanted)
        points = self._lattice(np.zeros(2))
        roomiest = points[np.argmax(self.clearance_m(points))]
        if not self.can_stand(roomiest[None])[0]:
            raise BadHouse(f"{self._house}: want room for a robot {2 * self._radius_m:g} m wide, there is none")
        return np.asarray(roomiest)

    def reachable(self, start: Vec, grid_m: float = GRID_M) -> Vec:
        """(N, 2) points of the grid through `start` that `can_walk` leads to from it, sorted; O(house area)."""
        points = self._lattice(start, grid_m)
        cells = np.round((points - start) / grid_m).astype(int)
        fits = {(int(i), int(j)) for (i, j), ok in zip(cells, self.can_stand(points), strict=True) if ok}
        ways = self._free_ways(fits, start, grid_m)
        seen, queue = {(0, 0)}, deque([(0, 0)])
        while queue:
            here = queue.popleft()
            for after in neighbours(here):
                if after in fits and after not in seen and (min(here, after), max(here, after)) in ways:
                    seen.add(after)
                    queue.append(after)
        return np.array(sorted(seen), np.float64) * grid_m + start

    def _free_ways(
        self, fits: set[tuple[int, int]], start: Vec, grid_m: float
    ) -> set[tuple[tuple[int, int], tuple[int, int]]]:
        edges = [(a, b) for a in sorted(fits) for b in ((a[0] + 1, a[1]), (a[0], a[1] + 1)) if b in fits]
        if not edges:
            return set()
        begin, end = (np.array([edge[i] for edge in edges], np.float64) * grid_m + start for i in (0, 1))
        free = np.ones(len(edges), bool)
        for share in _shares(grid_m)[1:-1]:
            free &= self.can_stand(begin + share * (end - begin))
        return {edge for edge, ok in zip(edges, free, strict=True) if ok}

    def _lattice(self, origin: Vec, grid_m: float = GRID_M) -> Vec:
        corners = np.concatenate(self._rooms)
        low = np.floor((corners.min(axis=0) - origin) / grid_m).astype(int)
        high = np.ceil((corners.max(axis=0) - origin) / grid_m).astype(int)
        i, j = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1), indexing="ij")
        return np.stack([i.ravel(), j.ravel()], axis=1) * grid_m + origin


def _shares(length_m: float) -> Vec:
    """Where on a straight way, 0..1, the robot must fit."""
    return np.linspace(0, 1, max(1, math.ceil(length_m / _STEP_M - 1e-9)) + 1)


def neighbours(cell: tuple[int, int]) -> list[tuple[int, int]]:
    i, j = cell
    return [(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)]


def _solid_segments(wall: WallSpec, world: World) -> list[tuple[Vec, Vec]]:
    """The parts of a wall side nobody walks through."""
    along = (wall.end - wall.start) / wall.length_m
    passages = sorted(_passages(wall, world))
    segments: list[tuple[Vec, Vec]] = []
    at = 0.0
    for low, high in [*passages, (wall.length_m, wall.length_m)]:
        if low > at:
            segments.append((wall.start + along * at, wall.start + along * low))
        at = max(at, high)
    return segments


def _passages(wall: WallSpec, world: World) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for opening in world.house.openings:
        door = world.doors.get(opening.id)
        if opening.kind != "door" or wall.id not in opening.walls or not (door is None or door.is_open):
            continue
        low, high, _, _ = building.hole_in(opening, wall)
        found.append((low, high))
    return found


def _footprints(thing: Thing, world: World) -> list[tuple[Vec, Vec, Vec]]:
    """Centre, axes and half lengths on the floor of the parts of a thing that a robot would bump into."""
    bounds = world.scene.bounds(thing.body)
    if bounds.maximum[2] < _LOWEST_OBSTACLE_M or bounds.minimum[2] > _HEADROOM_M:
        return []
    T = thing.body.T_world_body
    found = []
    for part in world.parts(thing):
        center = T[:3, :3] @ np.array(part.center) + T[:3, 3]
        half = np.array(part.size) / 2
        rise = float(np.abs(T[2, :3]) @ half)
        if center[2] + rise >= _LOWEST_OBSTACLE_M and center[2] - rise <= _HEADROOM_M:
            found.append(_rectangle(center, T[:3, :3], half))
    return found


def _rectangle(center: Vec, R: Vec, half: Vec) -> tuple[Vec, Vec, Vec]:
    """The floor rectangle under an oriented box; axis-aligned when the box leans."""
    if R[2, 2] > 0.999:
        forward = R[:2, 0] / np.linalg.norm(R[:2, 0])
        return center[:2], np.array([forward, [-forward[1], forward[0]]]), half[:2]
    return center[:2], np.eye(2), (np.abs(R) @ half)[:2]
