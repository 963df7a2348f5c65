# SPDX-License-Identifier: Apache-2.0
"""Places, the ways between them, and rooms, kept up to date as the octree grows; ids stay as long as the thing does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mapping.topology.floor import Floor, Numbers, Rules
from mapping.topology.free_space import Columns, Storey
from mapping.topology.partition import Necks
from mapping.topology.rooms import label_room
from memory_core import packing
from memory_core.config import setting
from memory_core.event import place_from_payload, place_payload, room_from_payload, room_payload
from memory_core.frame import CameraFrame
from memory_core.geometry import Box, transform_points
from memory_core.graph import Instance, Passage, Place, Room

_STOREY_M = 1.5  # cameras farther apart in height are on different storeys
_STEP_M = 0.3  # what is less below a floor still belongs to it
_SAMPLES = 16  # rows and columns of pixels that tell what a frame may have changed
_MARGIN_M = 0.25
_VIEW_SIZE = 7
_ELSEWHERE = ("gone", "held")


@dataclass(frozen=True)
class TopologySettings:
    """How free space becomes places and rooms."""

    robot_radius_m: float = setting(0.2, "radius of the robot's footprint", unit="m", minimum=0.02, maximum=5.0)
    robot_height_m: float = setting(
        1.2, "height that must be free above the floor", unit="m", minimum=0.15, maximum=5.0
    )
    place_reach_m: float = setting(1.0, "farthest point a place stands for", unit="m", minimum=0.2, maximum=10.0)
    least_gain_m2: float = setting(0.1, "new floor a new place must stand for", unit="m2", minimum=0.0, maximum=10.0)
    least_pocket_m2: float = setting(0.5, "smaller floors, cut off from others, are ignored", unit="m2", minimum=0.0)
    door_width_m: float = setting(1.2, "a wider opening does not part rooms", unit="m", minimum=0.2, maximum=5.0)
    dip_m: float = setting(0.15, "how much a door is narrower, by half, than the smaller room", unit="m", minimum=0.0)
    least_room_m2: float = setting(1.5, "smaller rooms join their neighbour", unit="m2", minimum=0.0, maximum=100.0)
    max_range_m: float = setting(4.0, "how far frames change the octree", unit="m", minimum=0.2, maximum=50.0)

    @property
    def rules(self) -> Rules:
        necks = Necks(self.door_width_m, self.dip_m, self.least_room_m2)
        return Rules(self.robot_radius_m, self.place_reach_m, self.least_gain_m2, self.least_pocket_m2, necks)


@dataclass(frozen=True, slots=True)
class TopologyChange:
    """What differs from before an update: new or altered things, and ids of those that are no more."""

    places: tuple[Place, ...] = ()
    gone_places: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = ()
    gone_passages: tuple[tuple[str, str], ...] = ()
    rooms: tuple[Room, ...] = ()
    gone_rooms: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__dataclass_fields__)


class Topology:
    """The topological map of everything the cameras have seen.

    Ids "p1", "p2", ... and "r1", "r2", ... are never given twice. A place stays where it is for as long as the robot
    fits there; a room keeps the id of the earlier room it overlaps most.
    """

    def __init__(self, settings: TopologySettings | None = None) -> None:
        self.settings = settings or TopologySettings()
        self._floors: list[Floor] = []
        self._views: list[tuple[float, ...]] = []
        self._numbers = Numbers()
        self._places: dict[str, Place] = {}
        self._passages: dict[tuple[str, str], Passage] = {}
        self._rooms: dict[str, Room] = {}

    @property
    def places(self) -> Mapping[str, Place]:
        return self._places

    @property
    def passages(self) -> tuple[Passage, ...]:
        return tuple(self._passages.values())

    @property
    def rooms(self) -> Mapping[str, Room]:
        return self._rooms

    def observe(self, frame: CameraFrame) -> None:
        """Note where a frame may have changed the octree. O(1): a few hundred pixels are looked at."""
        self._views.append(_view(frame, self.settings.max_range_m))

    def update(self, octree: Columns, instances: Mapping[str, Instance]) -> TopologyChange:
        """Follow the octree and the objects; what differs from before.

        The octree is read only where frames observed since the last update looked: O(columns looked at); places and
        rooms are found anew on those storeys: O(area of the storey), some 10 ms for 100 m2 at 5 cm.
        """
        for view in self._views:
            self._floor_of(view, octree.voxel_size_m).storey.look(view[2], view[3:5], view[5:7])
        self._views.clear()
        there = [instance for instance in instances.values() if instance.state not in _ELSEWHERE]
        for floor in self._floors:
            things = [thing for thing in there if self._floor_at(thing.box.minimum[2]) is floor]
            floor.update(octree, self.settings.rules, things, self._numbers)
        before = (self._places, self._passages, self._rooms)
        self._places, self._passages = self._name_places()
        self._rooms = self._name_rooms(there)
        return _difference(before, (self._places, self._passages, self._rooms))

    def locate(self, position: ArrayLike) -> tuple[str, str]:
        """(place id, room id) of a point in the map frame, metres; "" for what is unknown. O(places of the room)."""
        x, y, z = (float(value) for value in np.asarray(position, np.float64))
        floor = self._floor_at(z)
        room = floor.room_at(x, y) if floor else 0
        return _ids(floor.place_at(x, y, room), room) if floor else ("", "")

    def locate_box(self, box: Box) -> tuple[str, str]:
        """(place id, room id) of a thing; better than `locate` for things against or in walls."""
        floor = self._floor_at(box.minimum[2])
        if floor is None:
            return "", ""
        room = floor.room_around(box)
        return _ids(floor.place_at(box.center[0], box.center[1], room), room)

    def state(self) -> bytes:
        """What is needed to go on after a restart; the octree is not in it."""
        floors = {f"floor{k}": packing.pack(floor.state()) for k, floor in enumerate(self._floors)}
        counters = {"n_places": self._numbers.places, "n_rooms": self._numbers.rooms, "n_floors": len(self._floors)}
        views = np.array(self._views, np.float64).reshape(-1, _VIEW_SIZE)
        named = {
            "places": [place_payload(place) for place in self._places.values()],
            "passages": [[passage.a, passage.b, passage.length_m] for passage in self._passages.values()],
            "rooms": [room_payload(room) for room in self._rooms.values()],
        }
        voxel_size_m = self._floors[0].storey.voxel_size_m if self._floors else 0.0
        return packing.pack({**floors, **counters, **named, "views": views, "voxel_size_m": voxel_size_m})

    def restore(self, state: bytes) -> None:
        """Become the topology that gave `state`.

        Raises:
            CorruptMemory: the bytes are damaged.
        """
        values = packing.unpack(state)
        size, height = values["voxel_size_m"], self.settings.robot_height_m
        packed = [packing.unpack(values[f"floor{k}"]) for k in range(values["n_floors"])]
        self._floors = [Floor.from_state(floor, size, height, self.settings.rules) for floor in packed]
        self._views = [tuple(view) for view in values["views"].tolist()]
        self._numbers = Numbers(values["n_places"], values["n_rooms"])
        self._places = {payload["id"]: place_from_payload(payload) for payload in values["places"]}
        self._passages = {(a, b): Passage(a, b, length) for a, b, length in values["passages"]}
        self._rooms = {payload["id"]: room_from_payload(payload) for payload in values["rooms"]}

    def _floor_of(self, view: tuple[float, ...], voxel_size_m: float) -> Floor:
        """The storey a camera is on, a new one if it is far above or below all others."""
        layer = int(np.floor(view[2] / voxel_size_m))
        near = [f for f in self._floors if abs(f.storey.reference_layer - layer) * voxel_size_m <= _STOREY_M]
        if near:
            return min(near, key=lambda floor: abs(floor.storey.reference_layer - layer))
        storey = Storey(layer, voxel_size_m, self.settings.robot_height_m, lowest_camera_layer=layer)
        self._floors.append(Floor(storey))
        return self._floors[-1]

    def _floor_at(self, z: float) -> Floor | None:
        """The highest storey whose floor is below a height, else the lowest."""
        below = [floor for floor in self._floors if floor.storey.floor_z <= z + _STEP_M]
        if below:
            return max(below, key=lambda floor: floor.storey.floor_z)
        return min(self._floors, key=lambda floor: floor.storey.floor_z, default=None)

    def _name_places(self) -> tuple[dict[str, Place], dict[tuple[str, str], Passage]]:
        places: dict[str, Place] = {}
        passages: dict[tuple[str, str], Passage] = {}
        for floor in self._floors:
            centers = [floor.center(cell) for cell in floor.cells]
            rooms = floor.place_rooms.tolist()
            for number, room, center, radius in zip(floor.numbers, rooms, centers, floor.radii, strict=True):
                place_id, room_id = _ids(number, room)
                places[place_id] = Place(place_id, center, round(radius, 3), room_id)
            for one, other in floor.links:
                a, b = sorted((one, other), key=lambda index: floor.numbers[index])
                pair = (f"p{floor.numbers[a]}", f"p{floor.numbers[b]}")
                passages[pair] = Passage(*pair, round(float(np.hypot(*np.subtract(centers[a], centers[b])[:2])), 3))
        return places, passages

    def _name_rooms(self, things: Sequence[Instance]) -> dict[str, Room]:
        contents: dict[str, list[tuple[str, float]]] = {}
        for thing in things:
            contents.setdefault(self.locate_box(thing.box)[1], []).append((thing.label, thing.confidence))
        found: dict[str, Room] = {}
        for floor in self._floors:
            for number, position, box in floor.rooms():
                room_id = f"r{number}"
                label, confidence = label_room(contents.get(room_id, ()))
                found[room_id] = Room(room_id, label, position, box, confidence)
        return found


def _ids(place: int, room: int) -> tuple[str, str]:
    return (f"p{place}" if place else "", f"r{room}" if room else "")


def _view(frame: CameraFrame, max_range_m: float) -> tuple[float, ...]:
    """(camera x, y, z, box minimum x, y, box maximum x, y) of what a frame may have changed, metres."""
    height, width = frame.depth.shape
    step_v, step_u = max(1, height // _SAMPLES), max(1, width // _SAMPLES)
    z = np.minimum(frame.depth[::step_v, ::step_u].astype(np.float64), max_range_m)
    x = (np.arange(0, width, step_u)[None, :] - frame.K[0, 2]) * z / frame.K[0, 0]
    y = (np.arange(0, height, step_v)[:, None] - frame.K[1, 2]) * z / frame.K[1, 1]
    camera = frame.T_world_cam[:3, 3]
    points = transform_points(frame.T_world_cam, np.stack([x, y, z], axis=-1).reshape(-1, 3))
    low = np.minimum(points.min(axis=0), camera) - _MARGIN_M
    high = np.maximum(points.max(axis=0), camera) + _MARGIN_M
    return (*camera.tolist(), *low[:2].tolist(), *high[:2].tolist())


def _difference(before: tuple[Any, Any, Any], after: tuple[Any, Any, Any]) -> TopologyChange:
    altered = [
        tuple(new[key] for key in new if old.get(key) != new[key]) for old, new in zip(before, after, strict=True)
    ]
    gone = [tuple(key for key in old if key not in new) for old, new in zip(before, after, strict=True)]
    return TopologyChange(altered[0], gone[0], altered[1], gone[1], altered[2], gone[2])
