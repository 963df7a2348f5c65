# SPDX-License-Identifier: Apache-2.0
"""Reads ProcTHOR house descriptions (schema 1.0.0) into values in the map frame."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import IO, Any

import numpy as np

from memory_core.errors import BadHouse
from memory_core.geometry import Vec
from sim.frames import rotation_from_unity, yaw_from_unity
from sim.house.reading import Value, distinct
from sim.types import AgentPose

OWN_HOUSE = "house"
_LARGEST_TEXT = 64 * 1024 * 1024


@dataclass(frozen=True, eq=False, slots=True)
class RoomSpec:
    """`corners` is (N, 2) in the map frame, metres, counter-clockwise."""

    id: str
    kind: str
    corners: Vec


@dataclass(frozen=True, eq=False, slots=True)
class WallSpec:
    """One side of a wall: from `start` to `end` (2,) on the floor, up to `height_m`; colour 0..1 or None."""

    id: str
    room_id: str
    start: Vec
    end: Vec
    height_m: float
    colour: tuple[float, float, float] | None

    @property
    def length_m(self) -> float:
        return float(np.linalg.norm(self.end - self.start))


@dataclass(frozen=True, eq=False, slots=True)
class OpeningSpec:
    """A door or window: a hole `low` to `high`, each (along the first wall, up) in metres.

    Attributes:
        walls: ids of the one or two wall sides it goes through; along the second it is measured from the other end.
        is_open: False when a leaf closes it.
    """

    id: str
    kind: str
    walls: tuple[str, ...]
    low: tuple[float, float]
    high: tuple[float, float]
    is_open: bool
    openable: bool


@dataclass(frozen=True, eq=False, slots=True)
class ObjectSpec:
    """One object: `center` (3,) of its box and `rotation` (3, 3) in the map frame; children hold world coordinates too.

    Attributes:
        asset: name of the model, from which type and size follow.
        type: class name if the description states it, else "".
        size: (3,) along its own axes (forward, left, up) if the description states it, else None.
        is_on: None if the description does not say.
    """

    uid: str
    asset: str
    type: str
    center: Vec
    rotation: Vec
    size: Vec | None
    is_open: bool
    is_on: bool | None
    children: tuple[ObjectSpec, ...]


@dataclass(frozen=True, eq=False, slots=True)
class House:
    """A whole description."""

    name: str
    rooms: tuple[RoomSpec, ...]
    walls: tuple[WallSpec, ...]
    openings: tuple[OpeningSpec, ...]
    objects: tuple[ObjectSpec, ...]
    start: AgentPose | None


def load_house(spec: str | Path | None = None) -> House:
    """The house of a specification.

    Args:
        spec: None or "house" for the one that comes along; FILE, or FILE#INDEX for a file with one house a line;
            "gen?rooms=5&seed=3&kind=office" or "generated#7" for one made up here, see sim.generator.

    Raises:
        BadHouse: the file cannot be read, is not JSON, has no such index, or lacks something needed.
    """
    return parse_house(*read_house(spec))


def read_house(spec: str | Path | None = None) -> tuple[Any, str]:
    """The parsed JSON of a specification, as it stands in the file, and its name.

    Raises:
        BadHouse: the file cannot be read, is not JSON, or has no such index.
    """
    if spec is None or str(spec) == OWN_HOUSE:
        text = resources.files("sim").joinpath("data", "own_house.json").read_text(encoding="utf-8")
        return _parse_json(text, OWN_HOUSE), OWN_HOUSE
    from sim import generator

    if request := generator.request_of(str(spec)):
        return generator.house_of(request), request.name
    path, index = _split(str(spec))
    name = path.name if index is None else f"{path.name}#{index}"
    return _parse_json(_house_text(path, index), name), name


def parse_house(content: Any, name: str) -> House:
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
    _require_unique([spec.uid for spec in _all(objects)], name)
    _require_unique([room.id for room in rooms], name)
    return House(name, rooms, walls, openings, objects, _start(top))


def _split(spec: str) -> tuple[Path, int | None]:
    file, mark, index = spec.rpartition("#")
    if mark and index.isdecimal() and not Path(spec).exists():
        return Path(file), int(index)
    return Path(spec), None


def _house_text(path: Path, index: int | None) -> str:
    try:
        with _open(path) as lines:
            if not _is_line_file(path) and (index is None or (index == 0 and path.suffix == ".json")):
                return _limited(lines.read(_LARGEST_TEXT + 1), path)
            return _line(lines, path, index or 0)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise BadHouse(f"{path}: cannot be read: {error}") from error


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _is_line_file(path: Path) -> bool:
    return ".jsonl" in path.suffixes[-2:]


def _line(lines: IO[str], path: Path, index: int) -> str:
    n_lines = 0
    while line := lines.readline(_LARGEST_TEXT + 1):
        _limited(line, path)
        if not line.strip():
            continue
        if n_lines == index:
            return line
        n_lines += 1
    raise BadHouse(f"{path}: want house #{index}, the file holds {n_lines} (counted from #0)")


def _limited(text: str, path: Path) -> str:
    if len(text) > _LARGEST_TEXT:
        raise BadHouse(f"{path}: want a house of at most {_LARGEST_TEXT >> 20} MiB of JSON, got more")
    return text


def _parse_json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadHouse(f"{name}: want a house in JSON: {error}") from error


def _room(value: Value) -> RoomSpec:
    polygon = value.at("floorPolygon")
    points = [corner.point() for corner in polygon.items()]
    corners = distinct(np.array(points)[:, :2]) if points else np.empty((0, 2))
    area = _signed_area(corners)
    if len(corners) < 3 or abs(area) < 1e-3:
        raise polygon.bad("at least 3 corners around an area", f"{len(points)} corners around {abs(area):.3g} m2")
    return RoomSpec(value.at("id").text(), value.at("roomType").text(), corners if area > 0 else corners[::-1])


def _signed_area(corners: Vec) -> float:
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


def _start(top: Value) -> AgentPose | None:
    if not (top.has("metadata") and top.at("metadata").has("agent")):
        return None
    agent = top.at("metadata").at("agent")
    x, y, _ = agent.at("position").point()
    yaw = agent.at("rotation").number_at("y", 0.0) if agent.has("rotation") else 0.0
    return AgentPose(x=float(x), y=float(y), yaw_rad=yaw_from_unity(yaw))


def _all(objects: tuple[ObjectSpec, ...]) -> Iterator[ObjectSpec]:
    for spec in objects:
        yield spec
        yield from _all(spec.children)


def _require_unique(names: list[str], house: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BadHouse(f"{house}: the id {name!r} is used twice")
        seen.add(name)
