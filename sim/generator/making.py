# SPDX-License-Identifier: Apache-2.0
"""Makes a house: plans rooms, joins them by doors, furnishes them, scatters things, writes it all down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sim.generator.clutter import Node, filled
from sim.generator.furnishing import furnish
from sim.generator.openings import Opening, Side, doors_of, seen_from, sides_of, windows_of
from sim.generator.plan import PlannedRoom, plan_rooms
from sim.generator.request import HouseRequest
from sim.generator.room_grid import RoomGrid
from sim.generator.writing import write_house

_HEIGHTS_M = (2.45, 2.9)


def generate(n_rooms: int = 4, seed: int = 0, kind: str = "flat", clutter: float = 1.0) -> dict[str, Any]:
    """A house in ProcTHOR's schema 1.0.0, with every size stated. The same arguments give the same bytes.

    All rooms can be reached from the start pose, through open doors, by a robot 0.4 m wide. O(floor area); about
    20 ms a room.

    Args:
        n_rooms: in all, corridors among them, 1 to 200.
        seed: which of the many such houses.
        kind: "flat", "house" or "office".
        clutter: how many small things there are, as a multiple of the usual number, 0 to 5.

    Raises:
        BadHouse: an argument is out of range.
    """
    return house_of(HouseRequest(n_rooms, seed, kind, clutter))


def house_of(request: HouseRequest) -> dict[str, Any]:
    """The house of a request, see `generate`."""
    rooms = plan_rooms(request)
    sides = sides_of(rooms)
    random = request.random(3)
    doors = doors_of(rooms, sides, random)
    openings = [*doors, *windows_of(rooms, sides, doors, random)]
    made = [_furnished(request, k, rooms, sides, openings) for k in range(len(rooms))]
    largest = int(np.argmax([grid.floor_m2() for _, grid in made]))
    height_m = round(float(random.uniform(*_HEIGHTS_M)), 2)
    return write_house(
        request, rooms, sides, openings, [nodes for nodes, _ in made], made[largest][1].standing_point(), height_m
    )


def _furnished(
    request: HouseRequest, k: int, rooms: Sequence[PlannedRoom], sides: Sequence[Side], openings: Sequence[Opening]
) -> tuple[list[Node], RoomGrid]:
    """One room's furniture with what is on and in it; its chance does not depend on other rooms."""
    own_sides = [side for side in sides if side.room == k]
    own_openings = [seen for opening in openings if (seen := seen_from(opening, k)) is not None]
    pieces, grid = furnish(rooms[k], own_sides, own_openings, request.random(4, k), alone=len(rooms) == 1)
    random = request.random(5, k)
    return [filled(piece, rooms[k].kind, request.clutter, random) for piece in pieces], grid
