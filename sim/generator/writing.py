# SPDX-License-Identifier: Apache-2.0
"""Writes a planned and furnished house in ProcTHOR's schema 1.0.0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sim.generator.clutter import Node
from sim.generator.openings import Opening, Side
from sim.generator.plan import PlannedRoom, Point
from sim.generator.request import HouseRequest
from sim.house.assets import object_types

SCHEMA = "1.0.0"
_FLOORS = {"Kitchen": "KitchenTiles", "Bathroom": "BathroomTiles", "LaundryRoom": "BathroomTiles"}


def write_house(
    request: HouseRequest,
    rooms: Sequence[PlannedRoom],
    sides: Sequence[Side],
    openings: Sequence[Opening],
    furniture: Sequence[Sequence[Node]],
    start: tuple[float, float],
    height_m: float,
) -> dict[str, Any]:
    """The JSON of a house. Positions are rounded to a tenth of a millimetre, so that it has one way to be written."""
    names: Counter[str] = Counter()
    objects = [_object(node, room, names) for room, nodes in enumerate(furniture) for node in nodes]
    return {
        "metadata": {
            "schema": SCHEMA,
            "agent": {
                "position": _point(start[0], 0.95, start[1]),
                "rotation": _point(0, 90, 0),
                "horizon": 0,
                "standing": True,
            },
            "request": request.name,
            "warnings": {},
        },
        "rooms": [_room(k, room) for k, room in enumerate(rooms)],
        "walls": [_wall(side, height_m) for side in sides]
        + [_wall(side, height_m, outdoors=True) for side in sides if side.beyond < 0],
        "doors": [_opening(k, opening) for k, opening in enumerate(openings) if opening.kind == "door"],
        "windows": [_opening(k, opening) for k, opening in enumerate(openings) if opening.kind == "window"],
        "objects": objects,
        "proceduralParameters": {
            "ceilingMaterial": {"name": "White"},
            "floorColliderThickness": 1.0,
            "receptacleHeight": 0.7,
            "skyboxId": "Sky1",
            "lights": [_light(k, room, height_m) for k, room in enumerate(rooms)],
            "reflections": [],
        },
    }


def _room(k: int, room: PlannedRoom) -> dict[str, Any]:
    return {
        "id": f"room|{k}",
        "roomType": room.kind,
        "floorPolygon": [_point(x / 10, 0, z / 10) for x, z in room.corners],
        "floorMaterial": {"name": _FLOORS.get(room.kind, "WoodFloor")},
        "children": [],
        "ceilings": [],
    }


def _wall(side: Side, height_m: float, *, outdoors: bool = False) -> dict[str, Any]:
    ends = (side.end, side.start) if outdoors else (side.start, side.end)
    corners = [_point(x / 10, y, z / 10) for y in (0.0, height_m) for x, z in ends]
    return {
        "id": _wall_id("exterior" if outdoors else str(side.room), side.start, side.end),
        "roomId": "exterior" if outdoors else f"room|{side.room}",
        "polygon": corners,
        "material": {"name": "Plaster"},
    }


def _wall_id(owner: str, a: Point, b: Point) -> str:
    xs, zs = sorted((a[0], b[0])), sorted((a[1], b[1]))
    return f"wall|{owner}|{xs[0] / 10:.2f}|{zs[0] / 10:.2f}|{xs[1] / 10:.2f}|{zs[1] / 10:.2f}"


def _opening(k: int, opening: Opening) -> dict[str, Any]:
    side, (x0, y0), (x1, y1) = opening.side, opening.low, opening.high
    leads_outdoors = side.beyond < 0
    beyond = "exterior" if leads_outdoors else str(side.beyond)
    is_door = opening.kind == "door"
    asset = ("Doorway" if opening.leaf else "Doorframe") if is_door else "Window"
    return {
        "id": f"{opening.kind}|{side.room}|{k}",
        "assetId": asset,
        "room0": f"room|{side.room}",
        "room1": f"room|{side.room if leads_outdoors else side.beyond}",
        "wall0": _wall_id(str(side.room), side.start, side.end),
        "wall1": _wall_id(beyond, side.start, side.end),
        "holePolygon": [_point(x0, y0, 0), _point(x1, y1, 0)],
        "assetPosition": _point((x0 + x1) / 2, (y0 + y1) / 2, 0),
        "openable": is_door and opening.leaf and not leads_outdoors,
        "openness": 1 if is_door and opening.leaf and not leads_outdoors else 0,
    }


def _object(node: Node, room: int, names: Counter[str]) -> dict[str, Any]:
    thing = node.thing
    name = f"{thing.type}|{room}"
    names[name] += 1
    made: dict[str, Any] = {
        "id": f"{name}|{names[name]}",
        "assetId": thing.type,
        "position": _point(thing.x, thing.bottom_m + thing.size_m[1] / 2, thing.z),
        "rotation": _point(0, thing.turn_deg, 0),
        "size": _point(*thing.size_m),
        "kinematic": not object_types()[thing.type].pickupable,
    }
    children = [_object(child, room, names) for child in node.holds]
    return {**made, "children": children} if children else made


def _light(k: int, room: PlannedRoom, height_m: float) -> dict[str, Any]:
    xs, zs = [x for x, _ in room.corners], [z for _, z in room.corners]
    position = _point((min(xs) + max(xs)) / 20, height_m - 0.2, (min(zs) + max(zs)) / 20)
    colour = {"r": 1.0, "g": 0.9, "b": 0.8}
    return {"id": f"light_{k}", "type": "point", "position": position, "intensity": 0.45, "range": 15, "rgb": colour}


def _point(x: float, y: float, z: float) -> dict[str, float]:
    return {"x": round(float(x), 4) + 0.0, "y": round(float(y), 4) + 0.0, "z": round(float(z), 4) + 0.0}
