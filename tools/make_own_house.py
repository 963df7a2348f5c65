# SPDX-License-Identifier: Apache-2.0
"""Writes sim/data/own_house.json: a flat of four rooms in ProcTHOR's house schema, laid out by hand.

Usage: python tools/make_own_house.py > sim/data/own_house.json

Plan (Unity: x to the right, z upwards, metres; the numbers of the rooms are their ids):

    8.3 +-----------+---------+
        | 4 bedroom  5 bath   |
    4.5 +--   ------+---------+
        D 2 living   3 kitchen|
      0 +-----------+---------+
        0           5         9
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sim.house.assets import object_types

HEIGHT_M = 2.6
WIDE_DOOR, TALL_DOOR = 1.0, 2.1

ROOMS = {
    2: ("LivingRoom", (0.0, 0.0, 5.0, 4.5)),
    3: ("Kitchen", (5.0, 0.0, 9.0, 4.5)),
    4: ("Bedroom", (0.0, 4.5, 5.0, 8.3)),
    5: ("Bathroom", (5.0, 4.5, 9.0, 8.3)),
}
# Between which rooms (1 is outside), on which side of the first, from where along that side.
DOORS = [(2, 3, "east", 1.9), (2, 4, "north", 0.5), (4, 5, "east", 2.4), (2, 1, "west", 0.8)]
# Room, side, from, to along it.
WINDOWS = [(2, "south", 3.9, 4.7), (3, "east", 1.8, 3.2), (4, "north", 0.3, 1.3), (4, "west", 0.7, 1.6)]
# Room, side, how far along it, height of the centre.
PAINTINGS = [
    (2, "south", 2.5, 1.6),
    (2, "north", 4.0, 1.6),
    (3, "north", 2.0, 1.6),
    (4, "north", 2.9, 1.6),
    (5, "east", 1.2, 1.5),
]


@dataclass(frozen=True)
class On:
    """Something held: where on its parent (to its right, to its front) from the parent's middle, how high, turned."""

    type: str
    right: float = 0.0
    front: float = 0.0
    level: float | None = None
    turn: float = 0.0
    holds: tuple[On, ...] = ()


# fmt: off
# Room, type, x, z, turned clockwise in degrees, what it holds.
FURNITURE: list[tuple[int, str, float, float, float, tuple[On, ...]]] = [
    (2, "Sofa", 2.5, 0.5, 0, (On("Pillow", -0.6, 0.1, 0.38), On("Pillow", 0.6, 0.1, 0.38, 20), On("RemoteControl", 0.1, 0.25, 0.38, 70))),
    (2, "CoffeeTable", 2.5, 1.8, 0, (On("Book", -0.35, 0.05, turn=15), On("Mug", 0.1, -0.1), On("Newspaper", 0.35, 0.1, turn=80), On("Bowl", -0.05, 0.15))),
    (2, "ArmChair", 4.3, 1.0, 300, (On("Pillow", 0, 0.1, 0.4),)),
    (2, "TVStand", 2.7, 4.25, 180, (On("Television"), On("Candle", 0.58, 0.12), On("Statue", -0.57, 0.1))),
    (2, "ShelvingUnit", 0.2, 3.1, 90, (
        On("Book", -0.25, 0.03, 0.39, 10), On("Book", 0.1, 0.03, 0.39), On("Vase", -0.2, 0.05, 0.77), On("Box", 0.1, 0.0, 0.04),
        On("Statue", 0.2, 0.05, 0.77), On("Book", 0.0, 0.04, 1.14), On("TissueBox", 0.28, 0.05, 1.14))),
    (2, "FloorLamp", 0.35, 0.35, 0, ()),
    (2, "HousePlant", 4.65, 4.1, 0, ()),
    (2, "BasketBall", 3.6, 3.0, 0, ()),
    (3, "Sink", 5.65, 0.3, 0, (On("Faucet", 0, -0.12, 0.85), On("DishSponge", 0.1, 0.05, 0.6))),
    (3, "CounterTop", 7.0, 0.35, 0, (
        On("Toaster", -0.7, -0.05), On("CoffeeMachine", -0.3, -0.1), On("Mug", 0.0, 0.15), On("Plate", 0.25, 0.1),
        On("Bread", 0.5, 0.05, turn=30), On("Pot", 0.72, -0.1), On("SoapBottle", 0.05, -0.15))),
    (3, "Fridge", 8.5, 0.45, 0, (On("Apple", -0.15, 0.05, 0.9), On("Egg", 0.1, 0.1, 0.9), On("Lettuce", 0.0, 0.0, 0.5), On("Tomato", 0.15, 0.05, 1.3))),
    (3, "DiningTable", 7.0, 2.6, 0, (
        On("Plate", -0.4, 0.22), On("Plate", 0.4, -0.22), On("Bowl", 0.0, 0.0), On("Cup", -0.1, 0.3), On("Apple", 0.3, 0.2), On("Mug", 0.55, 0.05),
        On("Potato", -0.2, -0.25, turn=40))),
    (3, "Chair", 6.6, 3.4, 180, ()),
    (3, "Chair", 7.4, 3.4, 170, ()),
    (3, "Chair", 6.6, 1.8, 0, ()),
    (3, "Chair", 7.4, 1.8, 10, ()),
    (3, "GarbageCan", 8.75, 1.3, 270, ()),
    (3, "Cabinet", 8.7, 3.9, 270, (On("Microwave", 0, 0.02), On("Pan", 0.0, 0.0, 0.1), On("Bottle", 0.2, 0.0, 0.4))),
    (4, "Bed", 2.9, 7.2, 180, (
        On("Pillow", -0.35, -0.7, 0.52), On("Pillow", 0.35, -0.7, 0.52), On("TeddyBear", 0.0, -0.2, 0.52, 30), On("Book", 0.4, 0.4, 0.52, 60))),
    (4, "SideTable", 1.75, 8.05, 180, (On("DeskLamp", -0.1, -0.05), On("AlarmClock", 0.12, 0.1), On("Drawer", 0, 0, 0.3, holds=(On("Watch", 0.1, 0, 0.03),)))),
    (4, "SideTable", 4.05, 8.05, 180, (On("CellPhone", -0.1, 0.05, turn=20), On("Mug", 0.1, 0.0))),
    (4, "Dresser", 0.3, 6.9, 90, (On("Vase", -0.35, 0.0), On("KeyChain", 0.0, 0.1), On("Box", 0.3, -0.03))),
    (4, "Desk", 3.6, 4.86, 0, (
        On("Laptop", 0.0, -0.02), On("Book", -0.45, 0.05), On("Book", -0.45, 0.04, 0.802, 25), On("DeskLamp", 0.5, -0.15), On("Cup", 0.4, 0.15))),
    (4, "Chair", 3.6, 5.28, 180, ()),
    (4, "LaundryHamper", 4.68, 7.98, 180, ()),
    (5, "Bathtub", 8.55, 7.3, 0, ()),
    (5, "Toilet", 6.6, 7.9, 180, (On("ToiletPaper", 0.0, -0.22),)),
    (5, "Sink", 7.5, 4.8, 0, (On("Faucet", 0, -0.12, 0.85), On("SoapBar", 0.15, 0.05, 0.6), On("Cup", -0.26, -0.18))),
    (5, "WashingMachine", 6.3, 4.85, 0, (On("SprayBottle", 0.1, 0.1),)),
    (5, "GarbageCan", 8.65, 4.8, 0, ()),
    (5, "Stool", 5.5, 7.9, 0, (On("Towel", 0.0, 0.0, 0.62),)),
]
# fmt: on


def point(x: float, y: float, z: float) -> dict[str, float]:
    return {"x": round(x, 4), "y": round(y, 4), "z": round(z, 4)}


def side(room: int, name: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Start and end (x, z) of a side of a room, clockwise on the plan."""
    x0, z0, x1, z1 = ROOMS[room][1]
    ends = {
        "west": ((x0, z0), (x0, z1)),
        "north": ((x0, z1), (x1, z1)),
        "east": ((x1, z1), (x1, z0)),
        "south": ((x1, z0), (x0, z0)),
    }
    return ends[name]


OPPOSITE = {"west": "east", "east": "west", "north": "south", "south": "north"}


def wall_id(room: int, name: str) -> str:
    (xa, za), (xb, zb) = side(room, name)
    return f"wall|{room}|{min(xa, xb):.2f}|{min(za, zb):.2f}|{max(xa, xb):.2f}|{max(za, zb):.2f}"


def walls() -> list[dict[str, Any]]:
    made = []
    for room in ROOMS:
        for name in ("west", "north", "east", "south"):
            (xa, za), (xb, zb) = side(room, name)
            polygon = [point(xa, 0, za), point(xb, 0, zb), point(xa, HEIGHT_M, za), point(xb, HEIGHT_M, zb)]
            made.append({"id": wall_id(room, name), "roomId": f"room|{room}", "polygon": polygon})
    return made


def along(room: int, name: str, low: float, high: float) -> tuple[float, float]:
    """A stretch given from the left or lower end of a side, measured from the side's own start."""
    (xa, za), (xb, zb) = side(room, name)
    length = math.hypot(xb - xa, zb - za)
    return (low, high) if name in ("west", "north") else (length - high, length - low)


def opening(
    kind: str, rooms: tuple[int, int], name: str, low: float, high: float, bottom: float, top: float
) -> dict[str, Any]:
    first, second = rooms
    x0, x1 = along(first, name, low, high)
    outside = second == 1
    far_wall = (
        wall_id(first, name).replace(f"wall|{first}", "wall|exterior") if outside else wall_id(second, OPPOSITE[name])
    )
    return {
        "id": f"{kind}|{second}|{first}" if kind == "door" else f"window|{first}|{name}",
        "assetId": ("Doorway" if outside else "Doorframe") if kind == "door" else "Window",
        "room0": f"room|{first}",
        "room1": f"room|{first if outside else second}",
        "wall0": wall_id(first, name),
        "wall1": far_wall,
        "holePolygon": [point(x0, bottom, 0), point(x1, top, 0)],
        "assetPosition": point((x0 + x1) / 2, (bottom + top) / 2, 0),
        "openable": False,
        "openness": 0,
    }


class Names:
    """Ids of objects: type, room and a number."""

    def __init__(self) -> None:
        self._used: Counter[tuple[str, int]] = Counter()

    def next(self, kind: str, room: int) -> str:
        self._used[kind, room] += 1
        return f"{kind}|{room}|{self._used[kind, room]}"


def thing(
    names: Names, room: int, kind: str, x: float, z: float, bottom: float, turn: float, holds: tuple[On, ...]
) -> dict[str, Any]:
    height = object_types()[kind].size_m[1]
    made: dict[str, Any] = {
        "id": names.next(kind, room),
        "assetId": kind,
        "position": point(x, bottom + height / 2, z),
        "rotation": point(0, turn % 360, 0),
        "kinematic": not object_types()[kind].pickupable,
    }
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    children = [
        thing(
            names,
            room,
            on.type,
            x + on.right * cos + on.front * sin,
            z - on.right * sin + on.front * cos,
            bottom + (height + 0.002 if on.level is None else on.level),
            turn + on.turn,
            on.holds,
        )
        for on in holds
    ]
    return {**made, "children": children} if children else made


def painting(names: Names, room: int, name: str, distance: float, height: float) -> dict[str, Any]:
    (xa, za), _ = side(room, name)
    turn = {"west": 90, "north": 180, "east": 270, "south": 0}[name]
    x0, z0, *_ = ROOMS[room][1]
    off = 0.005 + object_types()["Painting"].size_m[2] / 2
    nx, nz = math.sin(math.radians(turn)), math.cos(math.radians(turn))
    x, z = (xa, z0 + distance) if name in ("west", "east") else (x0 + distance, za)
    return thing(names, room, "Painting", x + nx * off, z + nz * off, height - 0.3, turn, ())


def house() -> dict[str, Any]:
    names = Names()
    rooms = []
    for room, (kind, (x0, z0, x1, z1)) in ROOMS.items():
        corners = [point(x, 0, z) for x, z in ((x0, z0), (x0, z1), (x1, z1), (x1, z0))]
        rooms.append({"id": f"room|{room}", "roomType": kind, "floorPolygon": corners, "children": [], "ceilings": []})
    objects = [thing(names, room, kind, x, z, 0.0, turn, holds) for room, kind, x, z, turn, holds in FURNITURE]
    objects += [painting(names, *place) for place in PAINTINGS]
    return {
        "metadata": {
            "schema": "1.0.0",
            "agent": {"position": point(1.25, 0.95, 2.25), "rotation": point(0, 90, 0), "horizon": 0},
        },
        "rooms": rooms,
        "walls": walls(),
        "doors": [opening("door", (a, b), name, low, low + WIDE_DOOR, 0.0, TALL_DOOR) for a, b, name, low in DOORS],
        "windows": [opening("window", (room, 1), name, low, high, 0.9, 2.0) for room, name, low, high in WINDOWS],
        "objects": objects,
    }


if __name__ == "__main__":
    json.dump(house(), sys.stdout, indent=1)
    sys.stdout.write("\n")
