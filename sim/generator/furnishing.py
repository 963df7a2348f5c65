# SPDX-License-Identifier: Apache-2.0
"""Puts furniture into a room: against its walls, in corners, in the middle, with free ways to all of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sim.generator.openings import Opening, Side
from sim.generator.plan import PlannedRoom
from sim.generator.priors import FURNITURE, HUNG, STUDIO, Group, Hung
from sim.generator.room_grid import Rect, RoomGrid
from sim.house.assets import object_types

_OFF_WALL_M = 0.05
_STEP_M = 0.1
_TRIES = 40
_WAYS_TRIED = 8
_DOORSTEP_M = 0.9
_GATE_M = 0.45
_BESIDE_M = 0.04
_CHAIR_SPACE_M = 0.62
_TABLE_MARGIN_M = 0.3
_LEAST_FREE = 0.45
_LOW_FURNITURE_M = 0.9
_HUNG_OFF_M = 0.006
_FRAME_M = 0.05
_SIZES = (0.9, 1.1)


@dataclass(frozen=True, slots=True)
class Placed:
    """A piece of furniture: the middle of its footprint, metres on the plan, its bottom's height, its size.

    Attributes:
        turn_deg: clockwise; at 0 it faces +z.
        size_m: (width, height, depth).
    """

    type: str
    x: float
    z: float
    bottom_m: float
    turn_deg: float
    size_m: tuple[float, float, float]

    def at(self, right: float, front: float) -> tuple[float, float]:
        """A point given from its middle, to its right and to its front."""
        cos, sin = math.cos(math.radians(self.turn_deg)), math.sin(math.radians(self.turn_deg))
        return self.x + right * cos + front * sin, self.z - right * sin + front * cos

    def rect(self, margin_m: float = 0.0) -> Rect:
        """The axis-aligned rectangle of its footprint."""
        return self.area(-self.size_m[0] / 2, self.size_m[0] / 2, -self.size_m[2] / 2, self.size_m[2] / 2, margin_m)

    def area(self, left: float, right: float, back: float, front: float, margin_m: float = 0.0) -> Rect:
        """The axis-aligned rectangle around a rectangle given from its middle."""
        corners = np.array([self.at(r, f) for r in (left, right) for f in (back, front)])
        low, high = corners.min(axis=0) - margin_m, corners.max(axis=0) + margin_m
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


@dataclass(frozen=True, slots=True)
class _Option:
    """One way to place a group: its pieces and the floor before it that stays free."""

    pieces: tuple[Placed, ...]
    clear: tuple[Rect, ...]


def furnish(
    room: PlannedRoom, sides: Sequence[Side], openings: Sequence[Opening], random: np.random.Generator, *, alone: bool
) -> tuple[list[Placed], RoomGrid]:
    """The furniture of one room, and its floor. `sides` and `openings` are those of this room, seen from it.

    O(pieces x (options + cells of the floor)).

    Args:
        alone: whether this is the only room of the house and must serve for everything.
    """
    grid = RoomGrid(room)
    for opening in openings:
        if opening.kind == "door":
            _keep_doorstep(grid, opening)
    placed: list[Placed] = []
    for group in (*(STUDIO if alone else ()), *FURNITURE[room.kind]):
        for _ in range(_how_many(group.chance, random)):
            options = (_place(wanted, grid, sides, openings, random) for wanted in _with_less_company(group))
            if option := next(filter(None, options), None):
                placed += option.pieces
    for hung in HUNG.get(room.kind, ()):
        for _ in range(_how_many(hung.chance, random)):
            placed += _hang(hung, sides, openings, placed, random)
    return placed, grid


def _with_less_company(group: Group) -> list[Group]:
    """The group and what to try where it does not fit: with less beside it, then alone."""
    fewer = replace(group, beside=group.beside[:1])
    return list(dict.fromkeys((group, fewer, replace(fewer, before=""), replace(group, beside=(), before=""))))


def varied_size(kind: str, random: np.random.Generator) -> tuple[float, float, float]:
    """(width, height, depth) of one of a type: a little larger or smaller than usual."""
    width, height, depth = object_types()[kind].size_m
    scale = random.uniform(*_SIZES, 3)
    return round(width * float(scale[0]), 3), round(height * float(scale[1]), 3), round(depth * float(scale[2]), 3)


def _how_many(chance: float, random: np.random.Generator) -> int:
    return int(chance) + int(random.random() < chance % 1)


def _along(side: Side, distance: float, off: float) -> tuple[float, float]:
    """The point (x, z) at a distance along a side and off it into the room, metres."""
    (xa, za), (xb, zb), (nx, nz) = side.start, side.end, side.inward
    dx, dz = np.sign(xb - xa), np.sign(zb - za)
    return xa / 10 + float(dx) * distance + nx * off, za / 10 + float(dz) * distance + nz * off


def _keep_doorstep(grid: RoomGrid, door: Opening) -> None:
    low, high = door.low[0], door.high[0]
    (xa, za), (xb, zb) = _along(door.side, low, 0.0), _along(door.side, high, _DOORSTEP_M)
    rect = (min(xa, xb), min(za, zb), max(xa, xb), max(za, zb))
    grid.keep_free(rect, gate=_along(door.side, (low + high) / 2, _GATE_M))


def _place(
    group: Group, grid: RoomGrid, sides: Sequence[Side], openings: Sequence[Opening], random: np.random.Generator
) -> _Option | None:
    """The first option, in random order, that fits and leaves ways to everything; None when there is none."""
    n_checked = 0
    for option in _options(group, grid, sides, openings, random):
        rects = [piece.rect() for piece in option.pieces]
        if not all(grid.fits(rect) for rect in rects) or not grid.fits(rects[0], option.clear):
            continue
        if n_checked >= _WAYS_TRIED:
            return None
        n_checked += 1
        area = sum((x1 - x0) * (z1 - z0) for x0, z0, x1, z1 in rects)
        if grid.free_share() - area / grid.floor_m2() >= _LEAST_FREE and grid.leaves_ways(rects, option.clear):
            for rect in rects:
                grid.place(rect)
            grid.place(rects[0], option.clear)
            return option
    return None


def _options(
    group: Group, grid: RoomGrid, sides: Sequence[Side], openings: Sequence[Opening], random: np.random.Generator
) -> Iterator[_Option]:
    width, height, depth = varied_size(group.type, random)
    size = (round(width * group.stretch, 3), height, depth)
    if group.mode == "middle":
        yield from _in_the_middle(group, size, grid, random)
        return
    places = [(side, at) for side in sides for at in _positions(side, size, corner=group.mode == "corner")]
    for k in random.permutation(len(places)):
        side, at = places[int(k)]
        if size[1] > _LOW_FURNITURE_M and _covers_opening(side, at, size[0], openings):
            continue
        off = _OFF_WALL_M + size[2] / 2
        off += float(random.uniform(0, 0.5)) if group.mode == "floor" else 0.0
        x, z = _along(side, at, off)
        turn = _facing(side)
        turn += float(random.choice([0.0, 90.0])) if group.mode == "floor" else 0.0
        yield _with_company(group, Placed(group.type, x, z, 0.0, turn, size), random)


def _positions(side: Side, size: tuple[float, float, float], *, corner: bool) -> list[float]:
    low = size[0] / 2 + _OFF_WALL_M
    high = side.length_m - low
    if high < low:
        return []
    return [low, high] if corner else np.arange(low, high + 1e-9, _STEP_M).tolist()


def _covers_opening(side: Side, at: float, width: float, openings: Sequence[Opening]) -> bool:
    """Whether something of a width before a wall would hide a part of a door or window."""
    return any(o.side == side and o.low[0] < at + width / 2 and at - width / 2 < o.high[0] for o in openings)


def _facing(side: Side) -> float:
    """The turn, degrees clockwise, of what stands with its back to a wall."""
    return math.degrees(math.atan2(*side.inward)) % 360


def _with_company(group: Group, piece: Placed, random: np.random.Generator) -> _Option:
    """A piece with what belongs beside and before it."""
    width, _, depth = piece.size_m
    pieces = [piece]
    for k, kind in enumerate(group.beside):
        size = varied_size(kind, random)
        right = (width / 2 + _BESIDE_M + size[0] / 2) * (-1 if k % 2 else 1)
        x, z = piece.at(right, -depth / 2 + size[2] / 2)
        pieces.append(Placed(kind, x, z, 0.0, piece.turn_deg, size))
    front = depth / 2
    if group.before:
        size = varied_size(group.before, random)
        x, z = piece.at(0.0, front + group.gap_m + size[2] / 2)
        faces = 180.0 if group.before == "Chair" else 0.0
        pieces.append(Placed(group.before, x, z, 0.0, (piece.turn_deg + faces) % 360, size))
        front += group.gap_m + size[2]
    if group.clear_m == 0:
        return _Option(tuple(pieces), ())
    # What is before it stands in the way already; one walks around that.
    clear = piece.area(-width / 2, width / 2, front if group.before else depth / 2, front + group.clear_m)
    return _Option(tuple(pieces), (clear,))


def _in_the_middle(
    group: Group, size: tuple[float, float, float], grid: RoomGrid, random: np.random.Generator
) -> Iterator[_Option]:
    """A table with seats along its long sides, and at its ends by chance."""
    seats = _seats(group.around, size, random) if group.around else []
    for _ in range(_TRIES):
        x, z = (float(random.uniform(low, high)) for low, high in zip(grid.low, grid.high, strict=True))
        table = Placed(group.type, round(x, 2), round(z, 2), 0.0, float(random.choice([0.0, 90.0])), size)
        pieces = [table]
        for right, front, turn, seat in seats:
            sx, sz = table.at(right, front)
            pieces.append(Placed(group.around, sx, sz, 0.0, (table.turn_deg + turn) % 360, seat))
        half = size[2] / 2 + _CHAIR_SPACE_M + _TABLE_MARGIN_M
        around = table.area(-size[0] / 2, size[0] / 2, -half, half)
        if grid.fits(around):
            yield _Option(tuple(pieces), ())


def _seats(
    kind: str, table: tuple[float, float, float], random: np.random.Generator
) -> list[tuple[float, float, float, tuple[float, float, float]]]:
    """(right, front, turn, size) of the seats around a table, each facing it."""
    width, _, depth = table
    n_along = max(1, int(width / 0.7))
    seats = []
    for side in (1, -1):
        for k in range(n_along):
            size = varied_size(kind, random)
            right = width * ((k + 0.5) / n_along - 0.5)
            gap = float(random.uniform(0.04, 0.09))
            turn = 180.0 if side > 0 else 0.0
            if random.random() < 0.9:
                seats.append((right, side * (depth / 2 + gap + size[2] / 2), turn, size))
    return seats


def _hang(
    hung: Hung,
    sides: Sequence[Side],
    openings: Sequence[Opening],
    placed: Sequence[Placed],
    random: np.random.Generator,
) -> list[Placed]:
    """Something on a free stretch of wall; nothing when there is none."""
    size = varied_size(hung.type, random)
    bottom = round(hung.height_m - size[1] / 2, 3)
    places = [(side, at) for side in sides for at in _positions(side, size, corner=False)]
    if hung.by_door:
        places = list(_beside_doors(openings, size[0]))
    for k in random.permutation(len(places))[:_TRIES]:
        side, at = places[int(k)]
        if _covers_opening(side, at, size[0] + _FRAME_M, openings):
            continue
        x, z = _along(side, at, _HUNG_OFF_M + size[2] / 2)
        thing = Placed(hung.type, x, z, bottom, _facing(side), size)
        if not any(_meet(thing, other) for other in placed):
            return [thing]
    return []


def _beside_doors(openings: Sequence[Opening], width: float) -> Iterator[tuple[Side, float]]:
    """Places on walls to both sides of the doors of a room."""
    for door in openings:
        if door.kind == "door":
            for at in (door.low[0] - _FRAME_M - width / 2, door.high[0] + _FRAME_M + width / 2):
                if width / 2 <= at <= door.side.length_m - width / 2:
                    yield door.side, at


def _meet(hung: Placed, other: Placed) -> bool:
    """Whether something on the wall would be hidden by, or run through, a piece of furniture or what is on it."""
    x0, z0, x1, z1 = hung.rect(0.06)
    a0, b0, a1, b1 = other.rect()
    top = other.bottom_m + other.size_m[1] + (0.45 if other.bottom_m == 0 else 0.0)
    overlap = min(x1, a1) > max(x0, a0) and min(z1, b1) > max(z0, b0)
    return overlap and hung.bottom_m < top and other.bottom_m < hung.bottom_m + hung.size_m[1]
