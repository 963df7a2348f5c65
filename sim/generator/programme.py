# SPDX-License-Identifier: Apache-2.0
"""Which rooms a building has, and how large they should be."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sim.generator.request import HouseRequest

HALL = "Hallway"
_MOST_IN_WING = 12
_LEAST_WITH_HALL = 5
# Square metres, from and to.
_AREAS_M2 = {
    "LivingRoom": (17, 26),
    "Kitchen": (10, 15),
    "Bedroom": (11, 16),
    "Bathroom": (5.5, 8),
    "DiningRoom": (11, 15),
    "LaundryRoom": (5.5, 7.5),
    "StorageRoom": (5, 7.5),
    "Office": (10, 15),
    "MeetingRoom": (15, 24),
}
_HOME = ["LivingRoom", "Bathroom", "Bedroom", "Kitchen", "Bedroom", "Bathroom", "Office", "DiningRoom", "LaundryRoom"]
_HOME_AND_MORE = ["Bedroom", "Bathroom", "StorageRoom", "Bedroom", "Office", "LivingRoom", "Kitchen"]
_WORK = ["Office", "Bathroom", "MeetingRoom", "Office", "Kitchen", "Office", "StorageRoom"]
_WORK_AND_MORE = ["Office", "Office", "MeetingRoom", "Office", "Office", "Bathroom", "Office", "StorageRoom"]
_LARGER = {"flat": 1.0, "house": 1.25, "office": 1.1}


@dataclass(frozen=True, slots=True)
class WantedRoom:
    """A room to be: its kind and the floor it should have."""

    kind: str
    area_m2: float


@dataclass(frozen=True, slots=True)
class Programme:
    """The rooms of a building, wing by wing; every wing with a hall has its rooms on both sides of it.

    Attributes:
        wings: the rooms of each wing, halls not among them.
        has_halls: whether wings have halls; several wings have one more hall that joins them.
    """

    wings: tuple[tuple[WantedRoom, ...], ...]
    has_halls: bool


def programme(request: HouseRequest) -> Programme:
    """Rooms that add up, with the halls, to the number that is wanted. O(rooms)."""
    random = request.random(1)
    n_rooms = request.n_rooms
    if n_rooms < _LEAST_WITH_HALL:
        return Programme((_wanted(request, n_rooms, random),), has_halls=False)
    n_wings = 1 if n_rooms <= _MOST_IN_WING + 1 else -(-(n_rooms - 1) // (_MOST_IN_WING + 1))
    n_halls = n_wings + (n_wings > 1)
    rooms = _wanted(request, n_rooms - n_halls, random)
    ends = np.linspace(0, len(rooms), n_wings + 1).round().astype(int)
    wings = tuple(rooms[a:b] for a, b in pairwise(ends))
    return Programme(wings, has_halls=True)


def _wanted(request: HouseRequest, n_rooms: int, random: np.random.Generator) -> tuple[WantedRoom, ...]:
    first, more = (_WORK, _WORK_AND_MORE) if request.kind == "office" else (_HOME, _HOME_AND_MORE)
    kinds = [first[i] if i < len(first) else more[(i - len(first)) % len(more)] for i in range(n_rooms)]
    larger = _LARGER[request.kind] * (1.25 if n_rooms == 1 else 1.0)
    return tuple(WantedRoom(kind, larger * float(random.uniform(*_AREAS_M2[kind]))) for kind in kinds)
