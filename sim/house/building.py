# SPDX-License-Identifier: Apache-2.0
"""Floors, ceilings, walls with holes, jambs and door leaves, as planar faces in the map frame.

ProcTHOR's walls have no thickness and come twice, once for each room, with furniture 25 mm and pictures 5 mm off them.
Each side is moved 4 mm into its room, so that the two differ and nothing that hangs on the wall is swallowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from memory_core.errors import BadHouse
from memory_core.geometry import Vec
from sim.house.geometry2d import inside_polygon, triangulate
from sim.house.specs import House, OpeningSpec, RoomSpec, WallSpec

INSET_M = 0.004
Hole = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """One body of the building: `faces` (F, 4, 3) metres; a triangle repeats its last corner."""

    uid: str
    label: str
    room_id: str
    faces: Vec
    colour: tuple[float, float, float] | None = None


def build(house: House) -> list[Piece]:
    """All bodies of the building: a floor and a ceiling for each room, walls, and leaves in doors.

    Raises:
        BadHouse: a floor crosses itself.
    """
    rooms = {room.id: room for room in house.rooms}
    top = max((wall.height_m for wall in house.walls), default=2.5)
    heights = {
        room.id: max((w.height_m for w in house.walls if w.room_id == room.id), default=top) for room in house.rooms
    }
    holes = holes_of(house)
    pieces = [piece for room in house.rooms for piece in _floor_and_ceiling(room, heights[room.id], house.name)]
    pieces += [_wall(wall, rooms.get(wall.room_id), holes.get(wall.id, [])) for wall in house.walls]
    walls = {wall.id: wall for wall in house.walls}
    doors = (opening for opening in house.openings if opening.kind == "door" and leaf_wall(opening, walls))
    return [*pieces, *(_leaf(door, walls) for door in doors)]


def holes_of(house: House) -> dict[str, list[Hole]]:
    """Holes (from, to, bottom, top) of each wall side, metres along the wall; mirrored for the second side."""
    walls = {wall.id: wall for wall in house.walls}
    holes: dict[str, list[Hole]] = {}
    for opening in house.openings:
        for wall_id in opening.walls:
            if wall := walls.get(wall_id):
                holes.setdefault(wall_id, []).append(hole_in(opening, wall))
    return holes


def hole_in(opening: OpeningSpec, wall: WallSpec) -> Hole:
    """The hole (from, to, bottom, top) of an opening in one of its walls, metres along that wall side."""
    low, high = opening.low[0], opening.high[0]
    if opening.walls.index(wall.id) == 1:
        low, high = wall.length_m - high, wall.length_m - low
    low, high = np.clip([low, high], 0, wall.length_m)
    return float(low), float(high), opening.low[1], min(opening.high[1], wall.height_m)


def leaf_wall(door: OpeningSpec, walls: dict[str, WallSpec]) -> tuple[WallSpec, Hole] | None:
    """The first known wall side a door is in, with its hole there."""
    for wall_id in door.walls:
        if wall_id in walls:
            return walls[wall_id], hole_in(door, walls[wall_id])
    return None


def _floor_and_ceiling(room: RoomSpec, height: float, house: str) -> list[Piece]:
    triangles = triangulate(room.corners)
    area = sum(_area(room.corners[list(triangle)]) for triangle in triangles)
    if abs(area - _area(room.corners)) > 0.01 * area + 1e-6:
        raise BadHouse(f"{house}: the floor of {room.id} crosses itself")
    flat = np.column_stack([room.corners, np.zeros(len(room.corners))])
    floor = np.array([flat[[a, b, c, c]] for a, b, c in triangles])
    ceiling = np.array([flat[[c, b, a, a]] + [0, 0, height] for a, b, c in triangles])
    return [
        Piece(f"floor|{room.id}", "floor", room.id, floor),
        Piece(f"ceiling|{room.id}", "ceiling", room.id, ceiling),
    ]


def _area(corners: Vec) -> float:
    x, y = corners.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def inward(wall: WallSpec, room: RoomSpec | None) -> Vec:
    """(2,) unit normal of a wall side that points into its room."""
    along = (wall.end - wall.start) / wall.length_m
    normal = np.array([-along[1], along[0]])
    if room is None:
        return normal
    probe = (wall.start + wall.end) / 2 + normal * 0.05
    return normal if inside_polygon(probe[None], room.corners)[0] else -normal


def _wall(wall: WallSpec, room: RoomSpec | None, holes: list[Hole]) -> Piece:
    along = (wall.end - wall.start) / wall.length_m
    normal = inward(wall, room)

    def corner(distance: float, z: float, depth: float = INSET_M) -> Vec:
        return np.append(wall.start + along * distance + normal * depth, z)

    def panel(x0: float, x1: float, z0: float, z1: float) -> list[Vec]:
        return [corner(x0, z0), corner(x1, z0), corner(x1, z1), corner(x0, z1)]

    faces = [panel(*hole) for hole in _solid_panels(wall, holes)]
    for x0, x1, z0, z1 in holes:
        ring = [(x0, z0), (x1, z0), (x1, z1), (x0, z1)]
        for (xa, za), (xb, zb) in zip(ring, ring[1:] + ring[:1], strict=True):
            faces.append([corner(xa, za), corner(xb, zb), corner(xb, zb, 0.0), corner(xa, za, 0.0)])
    return Piece(wall.id, "wall", wall.room_id, np.array(faces), wall.colour)


def _solid_panels(wall: WallSpec, holes: list[Hole]) -> list[Hole]:
    """Rectangles of a wall side around its holes; it reaches a little beyond its ends so that corners are tight."""
    ends = {-INSET_M, wall.length_m + INSET_M}
    edges = sorted(ends | {x for hole in holes for x in hole[:2]})
    panels: list[Hole] = []
    for x0, x1 in pairwise(edges):
        z = 0.0
        for bottom, top in sorted((h[2], h[3]) for h in holes if h[0] <= (x0 + x1) / 2 <= h[1]):
            if bottom > z:
                panels.append((x0, x1, z, bottom))
            z = max(z, top)
        if wall.height_m > z and x1 > x0:
            panels.append((x0, x1, z, wall.height_m))
    return panels or [(0.0, wall.length_m, wall.height_m - 1e-3, wall.height_m)]


def _leaf(door: OpeningSpec, walls: dict[str, WallSpec]) -> Piece:
    found = leaf_wall(door, walls)
    assert found is not None
    wall, (x0, x1, z0, z1) = found
    along = (wall.end - wall.start) / wall.length_m
    (ax, ay), (bx, by) = wall.start + along * x0, wall.start + along * x1
    leaf = np.array([[[ax, ay, z0], [bx, by, z0], [bx, by, z1], [ax, ay, z1]]])
    return Piece(door.id, "door", wall.room_id, leaf)
