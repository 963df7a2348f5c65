# SPDX-License-Identifier: Apache-2.0
"""A walk through a house that looks at nearly everything: where to stop, in which order, and every pose between.

Stops are chosen greedily from what small panoramas see; walking is straight lines between them that keep clear of
walls and furniture. Everything follows from the house, so the same house gives the same walk.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from memory_core.geometry import Vec
from sim.frames import base_pose, camera_pose
from sim.house.floor import GRID_M, Floor, neighbours
from sim.house.geometry2d import inside_polygon
from sim.house.renderer import Renderer
from sim.house.world import World
from sim.types import AgentPose

TURN_RAD = math.radians(30)
STRIDE_M = 0.25
_TILTS_RAD = (math.radians(35), math.radians(5))
_WALKING_TILT_RAD = math.radians(20)
_RING = 12
_PANORAMA = (96, 72)
_FLOOR_SEEN_M = 2.0
_ENOUGH_PIXELS = 1500
_REFERENCE_WIDTH = 320
# One panorama pixel stands for this many in a ring of frames of the reference width: larger images, overlapping views.
_PIXELS_PER_PIXEL = (_REFERENCE_WIDTH / _PANORAMA[0]) ** 2 * _RING / 4
_LEAST_GAIN = 0.4


@dataclass(frozen=True, slots=True)
class Stop:
    """A point of the grid where the robot turns once around with its camera tilted down by `tilt_rad`."""

    point: tuple[float, float]
    tilt_rad: float


def plan_tour(world: World, camera_height_m: float) -> list[AgentPose]:
    """Every pose of the walk, from the house's start pose on; consecutive ones differ by at most 0.25 m or 30 degrees.

    O(grid points x faces) for choosing the stops: about a second for a flat of four rooms.
    """
    floor = Floor(world)
    wanted = world.house.start
    start = floor.start((wanted.x, wanted.y) if wanted else None)
    grid = floor.reachable(start)
    stops = _choose_stops(world, grid, camera_height_m)
    walk = _Walk(floor, start, AgentPose(x=start[0], y=start[1], yaw_rad=wanted.yaw_rad if wanted else 0.0), grid)
    while stops:
        distances = walk.distances_m()
        nearest = min(stops, key=lambda stop: (distances[walk.cell(stop.point)], stop.point, -stop.tilt_rad))
        stops.remove(nearest)
        walk.go_to(nearest.point)
        walk.look_around(nearest.tilt_rad)
    return walk.poses


def _choose_stops(world: World, grid: Vec, camera_height_m: float) -> list[Stop]:
    """Stops that together see every object with enough pixels where possible, and all of the floor from nearby."""
    candidates = _every_other(grid)
    seen = np.stack([_panorama_pixels(world, point, camera_height_m) for point in candidates])
    n_points, n_tilts, n_bodies = seen.shape
    shares = np.minimum(seen * _PIXELS_PER_PIXEL / _ENOUGH_PIXELS, 1.0)
    nearby = _floor_cover(world, candidates)
    views = np.concatenate([shares, np.repeat(nearby[:, None], n_tilts, axis=1)], axis=2).reshape(
        n_points * n_tilts, -1
    )
    weight = np.concatenate([np.ones(n_bodies), np.full(nearby.shape[1], 2.0 * len(world.rooms) / nearby.shape[1])])
    got = np.zeros(views.shape[1])
    stops: list[Stop] = []
    while True:
        gains = ((np.minimum(got + views, 1.0) - got) * weight).sum(axis=1)
        best = int(np.argmax(gains))
        if gains[best] < _LEAST_GAIN:
            return stops
        got = np.minimum(got + views[best], 1.0)
        x, y = candidates[best // n_tilts]
        stops.append(Stop((float(x), float(y)), _TILTS_RAD[best % n_tilts]))


def _every_other(grid: Vec) -> Vec:
    """The points of every other row and column of the grid, or all when these are few."""
    cells = np.round((grid - grid[0]) / GRID_M).astype(int)
    coarse = grid[(cells % 2 == 0).all(axis=1)]
    return np.asarray(coarse if len(coarse) >= 8 else grid)


def _panorama_pixels(world: World, point: Vec, camera_height_m: float) -> NDArray[np.float64]:
    """(tilts, things) pixels of each object in a small panorama at each tilt."""
    renderer = Renderer(world.scene, *_PANORAMA, 90.0)
    numbers = np.array([thing.body.number for thing in world.things.values()], int)
    counts = np.zeros((len(_TILTS_RAD), len(world.scene.bodies) + 1))
    for t, tilt in enumerate(_TILTS_RAD):
        for quarter in range(4):
            base = base_pose(point[0], point[1], quarter * math.pi / 2)
            ids = renderer.ids(camera_pose(base, camera_height_m, tilt))
            counts[t] += np.bincount(ids.ravel(), minlength=counts.shape[1])
    return counts[:, numbers]


def _floor_cover(world: World, candidates: Vec) -> NDArray[np.float64]:
    """(N, N) 1 where candidate j is in the same room as candidate i and near it."""
    near = np.linalg.norm(candidates[:, None] - candidates, axis=2) <= _FLOOR_SEEN_M
    together = np.zeros_like(near)
    for room in world.house.rooms:
        inside = inside_polygon(candidates, room.corners)
        together |= inside[:, None] & inside
    return np.asarray(near & together, np.float64)


class _Walk:
    """The poses of a walk that grows."""

    def __init__(self, floor: Floor, origin: Vec, pose: AgentPose, grid: Vec) -> None:
        self._floor, self._origin = floor, origin
        self._cells = {self.cell((x, y)) for x, y in grid}
        self._edges: dict[tuple[tuple[int, int], tuple[int, int]], bool] = {}
        self.poses = [replace(pose, horizon_rad=_WALKING_TILT_RAD)]

    def cell(self, point: Sequence[float]) -> tuple[int, int]:
        i, j = np.round((np.asarray(point) - self._origin) / GRID_M).astype(int)
        return int(i), int(j)

    def distances_m(self) -> dict[tuple[int, int], float]:
        """Metres along the grid from where the walk is to every cell."""
        steps = {goal: n for goal, (_, n) in self._search().items()}
        return {goal: n * GRID_M for goal, n in steps.items()}

    def go_to(self, point: tuple[float, float]) -> None:
        """Walk to a point of the grid in straight lines."""
        for corner in self._corners(self.cell(point)):
            here = self.poses[-1]
            way = corner - np.array([here.x, here.y])
            length = float(np.linalg.norm(way))
            self._turn(math.atan2(way[1], way[0]), _WALKING_TILT_RAD)
            n_steps = math.ceil(length / STRIDE_M - 1e-9)
            for step in range(1, n_steps + 1):
                x, y = np.array([here.x, here.y]) + way * step / n_steps
                self.poses.append(replace(self.poses[-1], x=float(x), y=float(y)))

    def look_around(self, tilt_rad: float) -> None:
        """Turn once around, to the left."""
        self._turn(self.poses[-1].yaw_rad, tilt_rad)
        for _ in range(_RING):
            here = self.poses[-1]
            self.poses.append(replace(here, yaw_rad=_wrapped(here.yaw_rad + 2 * math.pi / _RING)))

    def _turn(self, yaw_rad: float, tilt_rad: float) -> None:
        here = self.poses[-1]
        turn = _wrapped(yaw_rad - here.yaw_rad)
        tilt = tilt_rad - here.horizon_rad
        n_steps = math.ceil(max(abs(turn), abs(tilt)) / TURN_RAD - 1e-9)
        for step in range(1, n_steps + 1):
            share = step / n_steps
            yaw = _wrapped(here.yaw_rad + turn * share)
            self.poses.append(replace(here, yaw_rad=yaw, horizon_rad=here.horizon_rad + tilt * share))

    def _search(self) -> dict[tuple[int, int], tuple[tuple[int, int], int]]:
        """Predecessor and steps of every cell, by breadth-first search from where the walk is."""
        here = self.cell((self.poses[-1].x, self.poses[-1].y))
        found = {here: (here, 0)}
        queue = deque([here])
        while queue:
            cell = queue.popleft()
            for after in neighbours(cell):
                if after in self._cells and after not in found and self._is_free(cell, after):
                    found[after] = (cell, found[cell][1] + 1)
                    queue.append(after)
        return found

    def _is_free(self, a: tuple[int, int], b: tuple[int, int]) -> bool:
        edge = (min(a, b), max(a, b))
        if edge not in self._edges:
            self._edges[edge] = self._floor.can_walk(self._point(a), self._point(b))
        return self._edges[edge]

    def _point(self, cell: tuple[int, int]) -> Vec:
        return np.asarray(np.array(cell, np.float64) * GRID_M + self._origin)

    def _corners(self, goal: tuple[int, int]) -> Iterator[Vec]:
        """Corners of the shortest way to a cell, with every detour cut that can be walked straight."""
        found = self._search()
        cells = [goal]
        while found[cells[-1]][1] > 0:
            cells.append(found[cells[-1]][0])
        points = [self._point(cell) for cell in reversed(cells)]
        at = 0
        while at < len(points) - 1:
            after = next(
                k for k in range(len(points) - 1, at, -1) if k == at + 1 or self._floor.can_walk(points[at], points[k])
            )
            yield points[after]
            at = after


def _wrapped(angle_rad: float) -> float:
    return (angle_rad + math.pi) % (2 * math.pi) - math.pi
