# SPDX-License-Identifier: Apache-2.0
"""Reads dumps of an iTHOR scene's metadata into a house: boxes as they are measured, walls put around them.

Such a dump is what AI2-THOR's client gives as `event.metadata`, a list with one of these, its list of objects, or a
dictionary of these by objectId. There are no walls in it: one rectangular room around everything gets four.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from memory_core.errors import BadHouse
from memory_core.geometry import Vec
from sim.frames import ros_from_unity, rotation_from_unity, size_from_unity
from sim.house.procthor import start_of
from sim.house.reading import Value
from sim.house.specs import House, ObjectSpec, OpeningSpec, RoomSpec, WallSpec
from sim.types import AgentPose

_ROOM_KINDS = ((100, "Kitchen"), (300, "LivingRoom"), (400, "Bedroom"), (500, "Bathroom"))
_PART_OF_THE_BUILDING = frozenset({"Floor", "Window", "Wall", "Ceiling", "Door", "Doorway", "Doorframe"})
_LEAST_HEIGHT_M = 2.5
_FARTHEST_WINDOW_M = 0.5
_SAME_M = 0.005
_STRAIGHT_DEG = 1.0


def is_metadata(content: Any) -> bool:
    """Whether parsed JSON looks like such a dump."""
    return _objects(content) is not None


def _objects(content: Any) -> list[Any] | None:
    """The objects of a dump, None when it is none."""
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict) and "objects" in content[0]:
        content = content[0]
    if isinstance(content, dict):
        content = content["objects"] if isinstance(content.get("objects"), list) else list(content.values())
    if isinstance(content, list) and content and all(isinstance(o, dict) and "objectType" in o for o in content):
        return content if all("axisAlignedBoundingBox" in o for o in content) else None
    return None


def parse_metadata(content: Any, name: str) -> House:
    """The house of a dump; `name` begins the messages of errors.

    Raises:
        BadHouse: it is no dump, or something needed is missing or impossible, with its path.
    """
    found = _objects(content)
    if found is None:
        raise BadHouse(f"{name}: want the metadata of an iTHOR scene")
    values = {f"objects[{i}]": Value(o, f"{name}: objects[{i}]") for i, o in enumerate(found)}
    by_id = {value.at("objectId").text(): value for value in values.values()}
    if len(by_id) < len(values):
        raise BadHouse(f"{name}: an objectId is used twice")
    things = {uid: v for uid, v in by_id.items() if v.at("objectType").text() not in _PART_OF_THE_BUILDING}
    low, high = _around(list(by_id.values()), things)
    room = _room(low, high, _kind(content, name))
    walls = _walls(room, max(_LEAST_HEIGHT_M, high[2] + 0.05))
    windows = [v for v in by_id.values() if v.at("objectType").text() == "Window"]
    openings = tuple(opening for value in windows if (opening := _window(value, walls)))
    return House(name, (room,), walls, openings, _tree(things), _start(content, name))


def _bounds(value: Value) -> tuple[Vec, Vec]:
    """Least and greatest corner (3,) in the map frame."""
    box = value.at("axisAlignedBoundingBox")
    middle = box.at("center").point()
    half = np.abs(_size(box.at("size"))) / 2
    return middle - half, middle + half


def _size(value: Value) -> Vec:
    return size_from_unity([value.at(axis).number() for axis in "xyz"])


def _around(everything: list[Value], things: dict[str, Value]) -> tuple[Vec, Vec]:
    """Corners of the box around the floor and all things, metres."""
    floors = [value for value in everything if value.at("objectType").text() == "Floor"]
    boxes = [_bounds(value) for value in [*things.values(), *floors]]
    low, high = np.min([b[0] for b in boxes], axis=0), np.max([b[1] for b in boxes], axis=0)
    if (high - low)[:2].min() < 0.1:
        raise BadHouse(f"{everything[0].path}: want things or a Floor that make a room, all lie in one spot")
    return low, high


def _room(low: Vec, high: Vec, kind: str) -> RoomSpec:
    low, high = low - 0.01, high + 0.01  # what hangs on a wall is not in it
    corners = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
    return RoomSpec("room|0", kind, corners)


def _kind(content: Any, name: str) -> str:
    """The kind of room, which AI2-THOR tells by the number of the scene."""
    top = content[0] if isinstance(content, list) else content
    scene = top.get("sceneName") if isinstance(top, dict) else None
    number = re.search(r"FloorPlan(\d+)", scene if isinstance(scene, str) else name)
    if number is None:
        return "Room"
    return next((kind for limit, kind in _ROOM_KINDS if int(number[1]) < limit), "Room")


def _walls(room: RoomSpec, height_m: float) -> tuple[WallSpec, ...]:
    ends = zip(room.corners, np.roll(room.corners, -1, axis=0), strict=True)
    return tuple(WallSpec(f"wall|{i}", room.id, a, b, height_m, None) for i, (a, b) in enumerate(ends))


def _window(value: Value, walls: tuple[WallSpec, ...]) -> OpeningSpec | None:
    """The hole of a window in the wall that it is nearest to; None when it is near none."""
    low, high = _bounds(value)
    middle = (low + high)[:2] / 2
    wall = min(walls, key=lambda w: abs(_beside(w, middle)))
    along = (wall.end - wall.start) / wall.length_m
    if abs(_beside(wall, middle)) > _FARTHEST_WINDOW_M or low[2] >= wall.height_m:
        return None
    ends = sorted(float((corner[:2] - wall.start) @ along) for corner in (low, high))
    start, end = np.clip(ends, 0.05, wall.length_m - 0.05)
    if end - start < 0.05:
        return None
    bottom, top = max(float(low[2]), 0.05), min(float(high[2]), wall.height_m - 0.05)
    return OpeningSpec(
        value.at("objectId").text(), "window", (wall.id,), (float(start), bottom), (float(end), top), True, False
    )


def _beside(wall: WallSpec, point: Vec) -> float:
    """Distance of a point (2,) from the line of a wall, metres."""
    along = (wall.end - wall.start) / wall.length_m
    offset = point - wall.start
    return float(along[0] * offset[1] - along[1] * offset[0])


def _tree(things: dict[str, Value]) -> tuple[ObjectSpec, ...]:
    """All objects, each below the smallest of what it lies on or in."""
    volumes = {uid: float(np.prod(np.subtract(*_bounds(value)[::-1]))) for uid, value in things.items()}
    parents = {uid: _parent(value, volumes) for uid, value in things.items()}
    children: dict[str, list[str]] = {}
    for uid, parent in parents.items():
        children.setdefault(parent, []).append(uid)

    def made(uid: str) -> ObjectSpec:
        return _object(things[uid], tuple(made(child) for child in children.get(uid, ())))

    return tuple(made(uid) for uid in children.get("", ()))


def _parent(value: Value, volumes: dict[str, float]) -> str:
    """Among the receptacles it is said to lie in, the smallest that is larger than itself; "" for none."""
    uid = value.at("objectId").text()
    named = [holder.text() for holder in value.items_at("parentReceptacles")]
    larger = [name for name in named if volumes.get(name, 0.0) > volumes[uid]]
    return min(larger, key=lambda name: (volumes[name], name), default="")


def _object(value: Value, children: tuple[ObjectSpec, ...]) -> ObjectSpec:
    center, R, size = _box(value)
    return ObjectSpec(
        uid=value.at("objectId").text(),
        asset=value.text_at("assetId") or value.at("objectType").text(),
        type=value.at("objectType").text(),
        center=center,
        rotation=R,
        size=np.maximum(size, 1e-3),
        is_open=bool(value.has("isOpen") and value.content["isOpen"]),
        is_on=bool(value.content["isToggled"]) if value.has("isToggled") else None,
        children=children,
    )


def _box(value: Value) -> tuple[Vec, Vec, Vec]:
    """Centre (3,), rotation (3, 3) and size (3,): the oriented box where one is told, else the one along the axes."""
    rotation = value.at("rotation") if value.has("rotation") else Value({}, value.path)
    angles = [rotation.number_at(axis, 0.0) for axis in "xyz"]
    R = rotation_from_unity(*angles)
    if value.has("objectOrientedBoundingBox"):
        corners = np.array(list(_corners(value.at("objectOrientedBoundingBox").at("cornerPoints"))))
        local = (corners - corners.mean(axis=0)) @ R
        half = np.abs(local).max(axis=0)
        if len(corners) == 8 and np.abs(np.abs(local) - half).max() < _SAME_M:
            return corners.mean(axis=0), R, 2 * half
    low, high = _bounds(value)
    quarter = round(angles[1] / 90) * 90
    if abs(angles[1] - quarter) > _STRAIGHT_DEG:
        return (low + high) / 2, np.eye(3), high - low
    R = np.round(rotation_from_unity(0, quarter, 0))
    return (low + high) / 2, R, np.abs(R.T @ (high - low))


def _corners(value: Value) -> Iterator[Vec]:
    for corner in value.items():
        yield ros_from_unity([number.number() for number in corner.items()])


def _start(content: Any, name: str) -> AgentPose | None:
    """Where the agent is, if the dump says so."""
    top = content[0] if isinstance(content, list) else content
    return start_of(Value({"metadata": top}, f"{name}: ")) if isinstance(top, dict) else None
