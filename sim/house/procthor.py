# SPDX-License-Identifier: Apache-2.0
"""Reads ProcTHOR house descriptions (schema 1.0.0) into values in the map frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from memory_core.errors import BadHouse
from memory_core.geometry import Vec
from sim.frames import rotation_from_unity, yaw_from_unity
from sim.house.reading import Value, distinct
from sim.house.specs import House, ObjectSpec, OpeningSpec, RoomSpec, WallSpec
from sim.types import AgentPose


def parse_procthor(content: Any, name: str) -> House:
    """The house of parsed JSON; `name` begins the messages of errors.

    Raises:
        BadHouse: something needed is missing or impossible, with its path.
    """
    top = Value(content, f"{name}: ")
    rooms = tuple(_room(value) for value in top.at("rooms").items())
    if not rooms:
        raise top.at("rooms").bad("at least one room", [])
    walls = tuple(_wall(value) for value in top.at("walls").items() if not _is_outside(value))
    kinds = (("door", "doors"), ("window", "windows"))
    openings = tuple(_opening(value, kind) for kind, key in kinds for value in top.items_at(key))
    objects = tuple(_object(value) for value in top.at("objects").items())
    require_unique([spec.uid for spec in all_objects(objects)], name)
    require_unique([room.id for room in rooms], name)
    return House(name, rooms, walls, openings, objects, start_of(top))


def _room(value: Value) -> RoomSpec:
    polygon = value.at("floorPolygon")
    points = [corner.point() for corner in polygon.items()]
    corners = distinct(np.array(points)[:, :2]) if points else np.empty((0, 2))
    area = signed_area(corners)
    if len(corners) < 3 or abs(area) < 1e-3:
        raise polygon.bad("at least 3 corners around an area", f"{len(points)} corners around {abs(area):.3g} m2")
    return RoomSpec(value.at("id").text(), value.at("roomType").text(), corners if area > 0 else corners[::-1])


def signed_area(corners: Vec) -> float:
    x, y = corners[:, 0], corners[:, 1]
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _is_outside(value: Value) -> bool:
    return value.at("id").text().startswith("wall|exterior") or bool(value.has("empty") and value.content["empty"])


def _wall(value: Value) -> WallSpec:
    polygon = value.at("polygon")
    points = [corner.point() for corner in polygon.items()]
    if len(points) != 4:
        raise polygon.bad("4 corners", f"{len(points)}")
    bottom = points[:2] if points[0][2] <= points[2][2] else points[2:]
    height = max(point[2] for point in points) - min(point[2] for point in points)
    if height < 1e-3 or np.linalg.norm(bottom[1] - bottom[0]) < 1e-6:
        raise polygon.bad("a wall with a length and a height", polygon.content)
    colour = None
    if value.has("material") and isinstance(value.content["material"], dict) and value.at("material").has("color"):
        shade = value.at("material").at("color")
        colour = (shade.at("r").number(), shade.at("g").number(), shade.at("b").number())
    return WallSpec(value.at("id").text(), value.text_at("roomId"), bottom[0][:2], bottom[1][:2], height, colour)


def _opening(value: Value, kind: str) -> OpeningSpec:
    if value.has("holePolygon"):
        corners = list(value.at("holePolygon").items())
        if len(corners) < 2:
            raise value.at("holePolygon").bad("2 corners", value.content["holePolygon"])
    else:
        corners = [value.at("boundingBox").at("min"), value.at("boundingBox").at("max")]
    xs = sorted(corner.at("x").number() for corner in corners[:2])
    ys = sorted(corner.at("y").number() for corner in corners[:2])
    walls = tuple(text for text in (value.text_at("wall0"), value.text_at("wall1")) if text)
    asset = value.text_at("assetId")
    leads_outside = any(wall.startswith("wall|exterior") for wall in walls) or len(walls) < 2
    has_leaf = kind == "door" and (leads_outside or not asset.lower().startswith("doorframe"))
    openable = value.has("openable") and bool(value.content["openable"])
    is_open = not has_leaf or value.number_at("openness", 0.0) > 0
    low, high = (xs[0], max(ys[0], 0.0)), (xs[1], ys[1])
    return OpeningSpec(value.at("id").text(), kind, walls, low, high, is_open, openable and has_leaf)


def _object(value: Value) -> ObjectSpec:
    rotation = value.at("rotation") if value.has("rotation") else Value({}, value.path)
    angles = [rotation.number_at(axis, 0.0) for axis in "xyz"]
    return ObjectSpec(
        uid=value.at("id").text(),
        asset=value.at("assetId").text(),
        type=value.text_at("objectType"),
        center=value.at("position").point(),
        rotation=rotation_from_unity(*angles),
        size=_size(value.at("size")) if value.has("size") else None,
        is_open=value.number_at("openness", 0.0) > 0,
        is_on=bool(value.content["isOn"]) if value.has("isOn") else None,
        children=tuple(_object(child) for child in value.items_at("children")),
    )


def _size(value: Value) -> Vec:
    width, height, depth = (value.at(axis).number() for axis in "xyz")
    if min(width, height, depth) <= 0:
        raise value.bad("positive lengths", value.content)
    return np.array([depth, width, height])


def start_of(top: Value) -> AgentPose | None:
    if not (top.has("metadata") and top.at("metadata").has("agent")):
        return None
    agent = top.at("metadata").at("agent")
    x, y, _ = agent.at("position").point()
    yaw = agent.at("rotation").number_at("y", 0.0) if agent.has("rotation") else 0.0
    return AgentPose(x=float(x), y=float(y), yaw_rad=yaw_from_unity(yaw))


def all_objects(objects: tuple[ObjectSpec, ...]) -> Iterator[ObjectSpec]:
    for spec in objects:
        yield spec
        yield from all_objects(spec.children)


def require_unique(names: list[str], house: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BadHouse(f"{house}: the id {name!r} is used twice")
        seen.add(name)
