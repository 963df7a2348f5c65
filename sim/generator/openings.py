# SPDX-License-Identifier: Apache-2.0
"""Wall sides of a floor plan, and the doors and windows in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from memory_core.errors import BadHouse
from sim.generator.plan import PlannedRoom, Point
from sim.generator.programme import HALL

DOOR_M, TALL_DOOR_M = 0.95, 2.1
_WIDEST_DOOR_M = 1.6
_BESIDE_DOOR_M = 0.15
_LEAST_WALL_M = DOOR_M + 2 * _BESIDE_DOOR_M
_LEAST_WINDOW_WALL_M = 1.2
_OPEN_PLAN = frozenset({HALL, "LivingRoom", "DiningRoom", "Kitchen"})
_MIDDLE = "LivingRoom"
_WINDOWLESS = frozenset({"StorageRoom", "LaundryRoom"})
_LOOP_CHANCE = 0.3
_LOOP_COST = 2.0
# How little one wants a door between two kinds of rooms; unnamed pairs with a hall cost 0.5, others 4.
_COSTS = {
    frozenset({HALL}): 0.1,
    frozenset({_MIDDLE, HALL}): 0.2,
    frozenset({_MIDDLE, "Kitchen"}): 0.6,
    frozenset({_MIDDLE, "DiningRoom"}): 0.7,
    frozenset({"Kitchen", "DiningRoom"}): 0.8,
    frozenset({_MIDDLE, "Bedroom"}): 1.5,
    frozenset({_MIDDLE, "Bathroom"}): 2.2,
    frozenset({"Bedroom", "Bathroom"}): 1.8,
    frozenset({"Office", "MeetingRoom"}): 2.5,
    frozenset({"Kitchen", "Bathroom"}): 6.0,
}


@dataclass(frozen=True, slots=True)
class Side:
    """A stretch of wall seen from one room: from `start` to `end` (decimetres), the room to the right of the way.

    Attributes:
        room: index of the room.
        beyond: index of the room on the other side, -1 outdoors.
    """

    room: int
    start: Point
    end: Point
    beyond: int

    @property
    def length_m(self) -> float:
        return (abs(self.end[0] - self.start[0]) + abs(self.end[1] - self.start[1])) / 10

    @property
    def inward(self) -> Point:
        """Unit vector into the room."""
        dx, dz = np.sign(self.end[0] - self.start[0]), np.sign(self.end[1] - self.start[1])
        return int(dz), int(-dx)


@dataclass(frozen=True, slots=True)
class Opening:
    """A hole in a side, metres along it and up: a "door" or a "window".

    Attributes:
        leaf: whether a door can be closed; one that leads outdoors is closed.
    """

    kind: str
    side: Side
    low: tuple[float, float]
    high: tuple[float, float]
    leaf: bool


def sides_of(rooms: Sequence[PlannedRoom]) -> list[Side]:
    """All wall sides, cut so that each is between two rooms or between one and outdoors. O(rooms^2)."""
    points = {corner for room in rooms for corner in room.corners}
    pieces = [(k, a, b) for k, room in enumerate(rooms) for a, b in _edges(room) for a, b in _pieces(a, b, points)]
    owners = {(a, b): k for k, a, b in pieces}
    return [Side(k, a, b, owners.get((b, a), -1)) for k, a, b in pieces]


def _edges(room: PlannedRoom) -> Iterator[tuple[Point, Point]]:
    return zip(room.corners, room.corners[1:] + room.corners[:1], strict=True)


def _pieces(a: Point, b: Point, points: set[Point]) -> Iterator[tuple[Point, Point]]:
    """A wall cut at the corners of all rooms along it."""
    axis = 0 if a[1] == b[1] else 1
    low, high = sorted((a[axis], b[axis]))
    stops = sorted({p[axis] for p in points if p[1 - axis] == a[1 - axis] and low <= p[axis] <= high})
    along = stops if a[axis] < b[axis] else stops[::-1]
    return pairwise([(s, a[1]) if axis == 0 else (a[0], s) for s in along])


def doors_of(rooms: Sequence[PlannedRoom], sides: Sequence[Side], random: np.random.Generator) -> list[Opening]:
    """One door to every room by the likeliest ways, some more for short cuts, and one that leads outdoors.

    Raises:
        BadHouse: two rooms have no wall in common long enough for a door.
    """
    shared: dict[tuple[int, int], list[Side]] = defaultdict(list)
    for side in sides:
        if side.beyond > side.room and side.length_m >= _LEAST_WALL_M:
            shared[side.room, side.beyond].append(side)
    ways = sorted(shared, key=lambda pair: (_cost(rooms, pair), float(random.random())))
    group = list(range(len(rooms)))
    chosen: list[tuple[int, int]] = []
    for a, b in ways:
        joins = group[a] != group[b]
        if joins or (_cost(rooms, (a, b)) < _LOOP_COST and random.random() < _LOOP_CHANCE):
            chosen.append((a, b))
            group = [group[a] if g == group[b] else g for g in group] if joins else group
    if len(set(group)) > 1:
        raise BadHouse("generated house: want every room next to another, some are not")
    doors = [_door(rooms, max(shared[pair], key=lambda s: s.length_m), random) for pair in chosen]
    return doors + _entrance(rooms, sides, random)


def _cost(rooms: Sequence[PlannedRoom], pair: tuple[int, int]) -> float:
    kinds = frozenset(rooms[k].kind for k in pair)
    return _COSTS.get(kinds, 0.5 if HALL in kinds else 4.0)


def _door(rooms: Sequence[PlannedRoom], side: Side, random: np.random.Generator) -> Opening:
    wide = all(rooms[k].kind in _OPEN_PLAN for k in (side.room, side.beyond))
    width = min(float(random.uniform(DOOR_M, _WIDEST_DOOR_M)), side.length_m - 2 * _BESIDE_DOOR_M) if wide else DOOR_M
    return _hole("door", side, width, 0.0, TALL_DOOR_M, random, leaf=not wide)


def _entrance(rooms: Sequence[PlannedRoom], sides: Sequence[Side], random: np.random.Generator) -> list[Opening]:
    outer = [s for s in sides if s.beyond < 0 and s.length_m >= _LEAST_WALL_M]
    likely = [s for s in outer if rooms[s.room].kind == HALL] or [s for s in outer if rooms[s.room].kind == _MIDDLE]
    options = likely or outer
    side = options[int(random.integers(len(options)))]
    return [_hole("door", side, DOOR_M, 0.0, TALL_DOOR_M, random, leaf=True)]


def windows_of(
    rooms: Sequence[PlannedRoom], sides: Sequence[Side], doors: Sequence[Opening], random: np.random.Generator
) -> list[Opening]:
    """Windows in most walls that face outdoors and have no door."""
    with_door = {door.side for door in doors}
    windows = []
    for side in sides:
        if side.beyond >= 0 or side in with_door or side.length_m < _LEAST_WINDOW_WALL_M:
            continue
        kind = rooms[side.room].kind
        if kind in _WINDOWLESS or random.random() < 0.25:
            continue
        small = kind == "Bathroom"
        width = min(0.6 if small else float(random.uniform(0.9, 1.8)), side.length_m - 0.5)
        windows.append(_hole("window", side, width, 1.4 if small else 0.95, 2.05, random, leaf=False))
    return windows


def _hole(
    kind: str, side: Side, width: float, bottom: float, top: float, random: np.random.Generator, *, leaf: bool
) -> Opening:
    """A hole somewhere along a side: near one end more often than not, as that leaves more wall free."""
    spare = side.length_m - width - 2 * _BESIDE_DOOR_M
    anywhere = float(random.random())
    share = float(random.choice([0.0, 1.0, anywhere])) if kind == "door" else 0.3 + 0.4 * anywhere
    low = _BESIDE_DOOR_M + max(spare, 0.0) * share
    return Opening(kind, side, (round(low, 3), bottom), (round(low + width, 3), top), leaf)


def seen_from(opening: Opening, room: int) -> Opening | None:
    """The same opening as measured in the wall side of one of its two rooms; None when it is not a room's."""
    side = opening.side
    if side.room == room:
        return opening
    if side.beyond != room:
        return None
    low, high = side.length_m - opening.high[0], side.length_m - opening.low[0]
    other = Side(room, side.end, side.start, side.room)
    return Opening(opening.kind, other, (low, opening.low[1]), (high, opening.high[1]), opening.leaf)
