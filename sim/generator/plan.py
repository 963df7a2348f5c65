# SPDX-License-Identifier: Apache-2.0
"""Floor plans: small homes by cutting a rectangle again and again, larger buildings as wings along halls.

All lengths are whole decimetres on the plan (x to the right, z upwards), so walls meet exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.generator.programme import HALL, Programme, WantedRoom, programme
from sim.generator.request import HouseRequest

Point = tuple[int, int]
_NARROWEST_DM = 20
_ROW_DEPTH_DM = {"flat": (36, 44), "house": (40, 50), "office": (42, 50)}
_HALL_DM = (14, 19)
_PLANS_DRAWN = 24
_SUITE_CHANCE = 0.6
_SUITE_BATH_DM = 22
_SUITE_BED_DM = 22


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Decimetres on the plan."""

    x0: int
    z0: int
    x1: int
    z1: int

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def depth(self) -> int:
        return self.z1 - self.z0

    def corners(self) -> tuple[Point, ...]:
        """Clockwise on the plan."""
        return ((self.x0, self.z0), (self.x0, self.z1), (self.x1, self.z1), (self.x1, self.z0))


@dataclass(frozen=True, slots=True)
class PlannedRoom:
    """A room on the plan: `corners` clockwise, every side along x or z."""

    kind: str
    corners: tuple[Point, ...]


def plan_rooms(request: HouseRequest) -> list[PlannedRoom]:
    """The rooms of a house, side by side without gaps. O(rooms)."""
    random = request.random(2)
    wanted = programme(request)
    if wanted.has_halls:
        rooms = _wings(wanted, _ROW_DEPTH_DM[request.kind], random)
    else:
        drawn = (_cut(_outline(wanted.wings[0], random), wanted.wings[0], random) for _ in range(_PLANS_DRAWN))
        rooms = min(drawn, key=_narrowest_shape)
    return _turned(rooms, mirrored=bool(random.integers(2)), swapped=bool(random.integers(2)))


def _narrowest_shape(rooms: Sequence[PlannedRoom]) -> float:
    """How many times longer than wide the longest room is; 1.6 at least, as shapes better than that are all good."""
    sizes = [np.ptp(np.array(room.corners), axis=0) for room in rooms]
    return max(1.6, *(float(size.max() / size.min()) for size in sizes))


def _outline(rooms: Sequence[WantedRoom], random: np.random.Generator) -> Rectangle:
    area_dm2 = 100 * sum(room.area_m2 for room in rooms)
    side = np.sqrt(area_dm2)
    width = round(side * float(random.uniform(1.0, 1.35)))
    return Rectangle(0, 0, width, round(area_dm2 / width))


def _cut(whole: Rectangle, rooms: Sequence[WantedRoom], random: np.random.Generator) -> list[PlannedRoom]:
    """Cut a rectangle across its longer side between two groups of rooms, and so on."""
    if len(rooms) == 1:
        return [PlannedRoom(rooms[0].kind, whole.corners())]
    n_first = 1 if len(rooms) == 2 else int(random.integers(1, len(rooms)))
    first, second = rooms[:n_first], rooms[n_first:]
    share = sum(r.area_m2 for r in first) / sum(r.area_m2 for r in rooms)
    if whole.width >= whole.depth:
        x = whole.x0 + _cut_at(whole.width, share)
        parts = Rectangle(whole.x0, whole.z0, x, whole.z1), Rectangle(x, whole.z0, whole.x1, whole.z1)
    else:
        z = whole.z0 + _cut_at(whole.depth, share)
        parts = Rectangle(whole.x0, whole.z0, whole.x1, z), Rectangle(whole.x0, z, whole.x1, whole.z1)
    return _cut(parts[0], first, random) + _cut(parts[1], second, random)


def _cut_at(length: int, share: float) -> int:
    return int(np.clip(round(length * share), _NARROWEST_DM, length - _NARROWEST_DM))


def _wings(wanted: Programme, depths: tuple[int, int], random: np.random.Generator) -> list[PlannedRoom]:
    """Wings to both sides of one long hall; a single wing has only its own hall."""
    wings = [_wing(rooms, depths, random) for rooms in wanted.wings]
    if len(wings) == 1:
        return wings[0]
    hall = int(random.integers(*_HALL_DM))
    rooms: list[PlannedRoom] = []
    tops = [0, 0]
    for k, wing in enumerate(wings):
        side = k % 2
        placed = [_moved(room, hall if side else 0, tops[side], mirrored=not side) for room in wing]
        tops[side] = max(z for room in placed for _, z in room.corners)
        rooms += placed
    return [*rooms, PlannedRoom(HALL, Rectangle(0, 0, hall, max(tops)).corners())]


def _wing(rooms: Sequence[WantedRoom], depths: tuple[int, int], random: np.random.Generator) -> list[PlannedRoom]:
    """A hall from (0, ...) to the right with a row of rooms above and below it, both as long as the hall."""
    depth = [int(random.integers(*depths)), int(random.integers(*depths))]
    hall = int(random.integers(*_HALL_DM))
    cells = _shared_out(_cells(rooms, random), depth)
    lengths = [sum(_width(cell, depth[k]) for cell in row) for k, row in enumerate(cells)]
    length = round(sum(lengths) / 2)
    planned = [PlannedRoom(HALL, Rectangle(0, depth[0], length, depth[0] + hall).corners())]
    for k, row in enumerate(cells):
        low = 0 if k == 0 else depth[0] + hall
        widths = np.array([_width(cell, depth[k]) for cell in row], float)
        ends = _ends(widths, length)
        for cell, x0, x1 in zip(row, ends, ends[1:], strict=False):
            planned += _cell_rooms(cell, Rectangle(x0, low, x1, low + depth[k]), hall_above=k == 0)
    return planned


def _cells(rooms: Sequence[WantedRoom], random: np.random.Generator) -> list[list[WantedRoom]]:
    """Rooms that share a cell of a row: a bedroom may have a bathroom of its own, if another one is left for all."""
    beds = [room for room in rooms if room.kind == "Bedroom"]
    baths = [room for room in rooms if room.kind == "Bathroom"]
    suites = [[bed, bath] for bed, bath in zip(beds, baths[1:], strict=False) if random.random() < _SUITE_CHANCE]
    taken = {id(room) for suite in suites for room in suite}
    cells = suites + [[room] for room in rooms if id(room) not in taken]
    return [cells[k] for k in random.permutation(len(cells))]


def _width(cell: Sequence[WantedRoom], depth: int) -> float:
    least = _NARROWEST_DM if len(cell) == 1 else _SUITE_BATH_DM + _SUITE_BED_DM
    return max(least, 100 * sum(room.area_m2 for room in cell) / depth)


def _shared_out(cells: list[list[WantedRoom]], depth: Sequence[int]) -> tuple[list[list[WantedRoom]], ...]:
    """Two rows of about the same length; the kitchen goes next to the living room."""
    rows: tuple[list[list[WantedRoom]], ...] = ([], [])
    for cell in sorted(cells, key=lambda c: -_width(c, depth[0])):
        lengths = [sum(_width(c, depth[k]) for c in row) for k, row in enumerate(rows)]
        rows[int(np.argmin(lengths))].append(cell)
    order = {id(cell): k for k, cell in enumerate(cells)}
    for row in rows:
        row.sort(key=lambda cell: (_sociable(cell), order[id(cell)]))
    return rows


def _sociable(cell: Sequence[WantedRoom]) -> int:
    return {"LivingRoom": 0, "Kitchen": 1, "DiningRoom": 2}.get(cell[0].kind, 3)


def _ends(widths: np.ndarray[tuple[int], np.dtype[np.float64]], length: int) -> list[int]:
    """Where the cells of a row begin and end so that they fill it; the narrow ones keep what they need."""
    spare = np.maximum(widths - _NARROWEST_DM, 0.0)
    missing = length - widths.sum()
    scaled = widths + missing * (spare / spare.sum() if spare.sum() > 0 else np.full(len(widths), 1 / len(widths)))
    return [0, *np.cumsum(scaled).round().astype(int).tolist()]


def _cell_rooms(cell: Sequence[WantedRoom], space: Rectangle, *, hall_above: bool) -> list[PlannedRoom]:
    """One room, or a bedroom around the bathroom in its corner away from the hall."""
    if len(cell) == 1 or space.width < _SUITE_BATH_DM + _SUITE_BED_DM - 4:
        return [PlannedRoom(cell[0].kind, space.corners())] if len(cell) == 1 else _halves(cell, space)
    x = space.x1 - _SUITE_BATH_DM
    deep = round(space.depth * 0.55)
    if hall_above:
        z = space.z0 + deep
        bath = Rectangle(x, space.z0, space.x1, z)
        bed = ((space.x0, space.z0), (space.x0, space.z1), (space.x1, space.z1), (space.x1, z), (x, z), (x, space.z0))
    else:
        z = space.z1 - deep
        bath = Rectangle(x, z, space.x1, space.z1)
        bed = ((space.x0, space.z0), (space.x0, space.z1), (x, space.z1), (x, z), (space.x1, z), (space.x1, space.z0))
    return [PlannedRoom(cell[0].kind, bed), PlannedRoom(cell[1].kind, bath.corners())]


def _halves(cell: Sequence[WantedRoom], space: Rectangle) -> list[PlannedRoom]:
    x = space.x0 + round(space.width * 0.55)
    left, right = Rectangle(space.x0, space.z0, x, space.z1), Rectangle(x, space.z0, space.x1, space.z1)
    return [PlannedRoom(cell[0].kind, left.corners()), PlannedRoom(cell[1].kind, right.corners())]


def _moved(room: PlannedRoom, dx: int, dz: int, *, mirrored: bool) -> PlannedRoom:
    corners = [((-x if mirrored else x) + dx, z + dz) for x, z in room.corners]
    return PlannedRoom(room.kind, tuple(reversed(corners) if mirrored else corners))


def _turned(rooms: Sequence[PlannedRoom], *, mirrored: bool, swapped: bool) -> list[PlannedRoom]:
    """The same plan seen otherwise, moved so that it begins at (0, 0)."""
    turned = []
    for room in rooms:
        corners = [(-x if mirrored else x, z) for x, z in room.corners]
        corners = [(z, x) for x, z in corners] if swapped else corners
        turned.append(corners if mirrored == swapped else corners[::-1])
    low = np.array([corner for corners in turned for corner in corners]).min(axis=0)
    return [
        PlannedRoom(room.kind, tuple((int(x - low[0]), int(z - low[1])) for x, z in corners))
        for room, corners in zip(rooms, turned, strict=True)
    ]
