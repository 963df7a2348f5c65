# SPDX-License-Identifier: Apache-2.0
"""What AI2-THOR is to load, and the rooms that are in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memory_core.geometry import Box
from memory_core.labels import spoken
from sim.frames import box_from_unity
from sim.house.schema import House, RoomSpec, parse_house, read_house
from sim.types import AgentPose, SimRoom

DEFAULT_SCENE = "FloorPlan1"
_NAME = re.compile(r"FloorPlan\w*$")
# iTHOR numbers its scenes by the kind of room, a hundred for each.
_KINDS = {0: "kitchen", 2: "living room", 3: "bedroom", 4: "bathroom"}
_NEAR_M = 0.3


@dataclass(frozen=True, eq=False, slots=True)
class ThorScene:
    """A scene: `content` is the name of one in the build, or a ProcTHOR house.

    Attributes:
        rooms: of a house; none of a scene of the build.
        start: where the agent of a house begins; None when it is not said.
    """

    name: str
    content: str | dict[str, Any]
    rooms: tuple[SimRoom, ...]
    start: AgentPose | None = None


def load_scene(spec: str | Path | None) -> ThorScene:
    """The scene of a specification: a name such as "FloorPlan1", or a house as for sim.house.schema.load_house.

    Raises:
        BadHouse: the house cannot be loaded.
    """
    if spec is None or (_NAME.match(str(spec)) and not Path(spec).exists()):
        return ThorScene(str(spec or DEFAULT_SCENE), str(spec or DEFAULT_SCENE), ())
    content, name = read_house(spec)
    house = parse_house(content, name)
    return ThorScene(name, content, _rooms(house), house.start)


def room_of_bounds(scene: str, metadata: Mapping[str, Any]) -> SimRoom:
    """The one room of a scene of the build, as large as the scene."""
    bounds = metadata.get("sceneBounds") or {"center": {}, "size": {}}
    box = box_from_unity(*([bounds[part].get(axis, 0.0) for axis in "xyz"] for part in ("center", "size")))
    (x0, y0, _), (x1, y1, _) = box.minimum, box.maximum
    number = re.search(r"\d+", scene)
    kind = _KINDS.get(int(number[0]) // 100, "room") if number else "room"
    return SimRoom("room|0", kind, ((x0, y0), (x1, y0), (x1, y1), (x0, y1)), box)


def room_at(rooms: Sequence[SimRoom], x: float, y: float) -> str:
    """Id of the room over a point of the floor, else of the nearest room within 0.3 m, else ""."""
    for room in rooms:
        if room.contains(x, y):
            return room.id
    gaps = {room.id: room.box.distance_m((x, y, room.box.center[2])) for room in rooms}
    nearest = min(gaps, key=lambda room_id: gaps[room_id], default="")
    return nearest if nearest and gaps[nearest] < _NEAR_M else ""


def _rooms(house: House) -> tuple[SimRoom, ...]:
    return tuple(_room(room, house) for room in house.rooms)


def _room(room: RoomSpec, house: House) -> SimRoom:
    height = max((wall.height_m for wall in house.walls if wall.room_id == room.id), default=2.5)
    low, high = np.min(room.corners, axis=0), np.max(room.corners, axis=0)
    box = Box((float(low[0]), float(low[1]), 0.0), (float(high[0]), float(high[1]), height))
    corners = tuple((float(x), float(y)) for x, y in room.corners)
    return SimRoom(room.id, spoken(room.kind), corners, box)
