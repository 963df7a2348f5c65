# SPDX-License-Identifier: Apache-2.0
"""Places and rooms of house tours against the floor plan, and what an update costs while a building grows."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mapping import Octree
from mapping.topology.topology import Topology
from memory_app.benchmarks.report import row
from memory_core.frame import CameraFrame
from memory_core.graph import Instance
from sim.house.assets import AssetTable
from sim.house.floor import Floor
from sim.house.schema import load_house
from sim.house.source import HouseTour
from sim.house.world import World
from sim.scores import v_measure
from sim.settings import SimSettings

_COMMIT_EVERY = 10
_STEP_M = 0.1
_CLEAR_M = 0.1
_REACH_M = 1.1


def house_rows(houses: Iterable[str | None]) -> list[dict[str, Any]]:
    """V-measure, number of rooms and cover of one tour of each house; None is the house that ships."""
    rows = []
    for house in houses:
        score = score_tour(house)
        name = Path(house).name if house else "own house"
        rows.append(
            row(
                f"{name}: rooms, V-measure by free floor",
                score.v_measure,
                "",
                rooms=score.n_rooms,
                true_rooms=score.n_true,
                places=score.n_places,
            )
        )
        rows.append(row(f"{name}: reachable floor within reach of its place", score.cover, ""))
        rows.append(row(f"{name}: update, median", score.update_ms, "ms"))
    return rows


@dataclass(frozen=True, slots=True)
class TourScore:
    """What the topology made of a tour.

    Attributes:
        v_measure: of rooms against floor polygons, each 10 cm x 10 cm of floor that is 10 cm clear of walls and
            furniture counting once.
        cover: share of the points a robot can reach whose place is within 1.1 m.
    """

    v_measure: float
    cover: float
    n_rooms: int
    n_true: int
    n_places: int
    update_ms: float


def score_tour(house: str | None) -> TourScore:
    """Map one tour of a house and compare. O(frames + floor)."""
    settings = SimSettings(width=160, height=120)
    world = World(load_house(house), AssetTable(None), settings.seed)
    tour = HouseTour(world, settings)
    topology, times = _mapped(tour)
    points, truth = _floor_points(tour, Floor(world, radius_m=_CLEAR_M))
    found = [topology.locate((x, y, 0.0))[1] for x, y in points]
    floor = Floor(world)
    reachable = floor.reachable(floor.start((tour.poses[0].x, tour.poses[0].y)), 0.2)
    near = [_is_near(topology, float(x), float(y)) for x, y in reachable]
    return TourScore(
        v_measure(truth, found), float(np.mean(near)), len(topology.rooms), len(tour.rooms()), len(topology.places),
        1e3 * float(np.median(times)),
    )  # fmt: skip


def _mapped(tour: HouseTour) -> tuple[Topology, list[float]]:
    octree, topology = Octree(0.05), Topology()
    times = []
    things = {
        f"o{k}": Instance(f"o{k}", thing.label, {thing.label: 1.0}, thing.box, "present", 0, 1, 5, 0.9)
        for k, thing in enumerate(tour.objects(), 1)
    }
    for n, frame in enumerate(tour.frames(), 1):
        octree.integrate(frame, 4.0)
        topology.observe(frame)
        if n % _COMMIT_EVERY == 0:
            start = time.thread_time()
            topology.update(octree, things)
            times.append(time.thread_time() - start)
    topology.update(octree, things)
    return topology, times


def _floor_points(tour: HouseTour, floor: Floor) -> tuple[NDArray[np.float64], list[str]]:
    """Points of free floor on a lattice, and the room that each truly is in."""
    points: list[NDArray[np.float64]] = []
    truth: list[str] = []
    for room in tour.rooms():
        x, y = (np.arange(room.box.minimum[k] + _STEP_M / 2, room.box.maximum[k], _STEP_M) for k in (0, 1))
        lattice = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
        inside = lattice[floor.can_stand(lattice)]
        inside = inside[[room.contains(float(a), float(b)) for a, b in inside]] if len(inside) else inside
        points.append(inside)
        truth += [room.id] * len(inside)
    return np.concatenate(points), truth


def _is_near(topology: Topology, x: float, y: float) -> bool:
    place_id, _ = topology.locate((x, y, 0.0))
    return bool(place_id) and math.dist(topology.places[place_id].position[:2], (x, y)) <= _REACH_M


_ROOM_M, _WALL_M, _DOOR_M = 4.0, 0.1, 0.9
_PITCH_M = _ROOM_M + _WALL_M
_CEILING_M, _LINTEL_M = 2.6, 2.0


class Building:
    """Columns of an endless building of square rooms with a door to each neighbour and a cupboard in each room.

    Only rooms that were `opened` are known, so it grows as a robot explores it.
    """

    voxel_size_m = 0.05

    def __init__(self) -> None:
        self.opened: set[tuple[int, int]] = set()

    def dense(self, minimum: ArrayLike, maximum: ArrayLike) -> NDArray[np.int8]:
        low = np.floor(np.asarray(minimum) / self.voxel_size_m).astype(int)
        size = np.floor(np.asarray(maximum) / self.voxel_size_m).astype(int) + 1 - low
        x, y, z = ((low[k] + np.arange(size[k]) + 0.5) * self.voxel_size_m for k in range(3))
        columns = self._columns(z)
        return np.ascontiguousarray(columns[self._kinds(x, y)])

    def _columns(self, z: NDArray[np.float64]) -> NDArray[np.int8]:
        """(5, nz) unknown, room, wall, door, cupboard."""
        inside = (z > 0) & (z < _CEILING_M)
        below = (z > -self.voxel_size_m) & (z < 0)
        room = np.where(below, 1, np.where(inside, 0, -1))
        wall = np.where(inside, 1, -1)
        door = np.where(inside & (z > _LINTEL_M), 1, room)
        cupboard = np.where(inside & (z < 0.9), 1, room)
        return np.stack([np.full(len(z), -1), room, wall, door, cupboard]).astype(np.int8)

    def _kinds(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
        """(nx, ny) which column it is."""
        i, j = np.floor(x / _PITCH_M).astype(int), np.floor(y / _PITCH_M).astype(int)
        u, v = (x - i * _PITCH_M)[:, None], (y - j * _PITCH_M)[None, :]
        middle = _WALL_M + _ROOM_M / 2
        wall_x, wall_y = u < _WALL_M, v < _WALL_M
        door = (wall_x & (np.abs(v - middle) < _DOOR_M / 2)) | (wall_y & (np.abs(u - middle) < _DOOR_M / 2))
        cupboard = (u > _PITCH_M - 0.6) & (v > _PITCH_M - 1.0)
        kinds = np.where(door, 3, np.where(wall_x | wall_y, 2, np.where(cupboard, 4, 1)))
        known = self._open(i, j) | (self._open(i - 1, j) & wall_x) | (self._open(i, j - 1) & wall_y)
        known |= self._open(i - 1, j - 1) & wall_x & wall_y
        return np.where(known, kinds, 0)

    def _open(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(nx, ny) whether the room of each column was opened."""
        (rows, of_row), (columns, of_column) = (np.unique(values, return_inverse=True) for values in (i, j))
        known = np.array([[(a, b) in self.opened for b in columns.tolist()] for a in rows.tolist()], np.bool_)
        return known[of_row][:, of_column]


def growth_rows(n_flats: int = 100) -> list[dict[str, Any]]:
    """What an update costs while a building of flats of four rooms grows `n_flats`-fold, row by row. O(flats).

    The second row is compared with the last: their flats have as many neighbours.
    """
    topology, building = Topology(), Building()
    times = []
    per_row = max(2, round(math.sqrt(n_flats)))
    for flat in (divmod(n, per_row) for n in range(n_flats)):
        for room in ((2 * flat[0] + a, 2 * flat[1] + b) for a in (0, 1) for b in (0, 1)):
            building.opened.add(room)
            for frame in _looks(room):
                topology.observe(frame)
        start = time.thread_time()
        topology.update(building, {})
        topology.changed_blocks()
        topology.state()
        times.append(time.thread_time() - start)
    early, late = (1e3 * float(np.median(some)) for some in (times[per_row : 2 * per_row], times[-per_row:]))
    return [
        row("building grown, update of one flat: early", early, "ms", flats=per_row),
        row(
            f"building grown {n_flats}-fold, update of one flat: late",
            late,
            "ms",
            rooms=len(topology.rooms),
            true_rooms=4 * n_flats,
            places=len(topology.places),
        ),
        row("building grown: late against early", late / early, "times"),
    ]


def _looks(room: tuple[int, int]) -> Iterator[CameraFrame]:
    """Four looks around from the middle of a room; only pose and reach matter."""
    x, y = ((k * _PITCH_M) + _WALL_M + _ROOM_M / 2 for k in room)
    K = np.array([[20.0, 0, 19.5], [0, 20.0, 14.5], [0, 0, 1]])
    for quarter in range(4):
        c, s = math.cos(quarter * math.pi / 2), math.sin(quarter * math.pi / 2)
        T = np.eye(4)
        T[:3, :3] = np.round(np.array([[s, 0, c], [-c, 0, s], [0, -1, 0]]), 6)
        T[:3, 3] = x, y, 1.2
        depth = np.full((30, 40), _ROOM_M / 2 + _WALL_M, np.float32)
        yield CameraFrame(stamp_ns=0, rgb=np.zeros((30, 40, 3), np.uint8), depth=depth, K=K, T_world_cam=T)
