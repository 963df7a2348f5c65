# SPDX-License-Identifier: Apache-2.0
"""Places, the ways between them, and rooms, kept up to date as the octree grows; ids stay as long as the thing does."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mapping.topology.fields import Necks, Rules, Scale
from mapping.topology.floor import Floor, Numbers
from mapping.topology.free_space import Columns, Storey
from mapping.topology.pace import Pose, travelled
from mapping.topology.rooms import label_room
from mapping.topology.stored import Stored, pack_tile, unpack_tile
from mapping.topology.things import Thing
from mapping.topology.tiles import Key
from memory_core import packing
from memory_core.config import setting
from memory_core.errors import CorruptMemory
from memory_core.event import room_from_payload, room_payload
from memory_core.frame import CameraFrame
from memory_core.geometry import Box, transform_points
from memory_core.graph import Instance, Passage, Place, Room
from memory_core.segment import UNLABELLED

LAYER = "topology"

Pair = tuple[str, str]

_NAME = re.compile(LAYER + r"/(-?\d+)_(-?\d+)_(\d+)")
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

    Where places are and how rooms are cut follows from the map and the objects alone, not from when they were looked
    at. Ids "p1", "p2", ... and "r1", "r2", ... are never given twice: a place that hardly moves keeps its id, a room
    that of the earlier room it overlaps most. Storeys are "s1", "s2", ... in the order of first sight.
    """

    def __init__(self, settings: TopologySettings | None = None) -> None:
        self.settings = settings or TopologySettings()
        self._floors: list[Floor] = []
        self._views: list[tuple[float, ...]] = []
        self._steps: list[tuple[float, float, float, int, int]] = []
        self._pose: Pose | None = None
        self._numbers = Numbers()
        self._named: dict[tuple[int, Key], tuple[dict[str, Place], dict[Pair, Passage]]] = {}
        self._places: dict[str, Place] = {}
        self._passages: dict[Pair, Passage] = {}
        self._rooms: dict[str, Room] = {}
        self._unstored: set[tuple[int, Key]] = set()
        self._hashes: dict[tuple[int, Key], bytes] = {}  # of the tiles as they are stored

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
        """Note where a frame may have changed the octree, and the way since the last. O(1): a few hundred pixels."""
        self._views.append(_view(frame, self.settings.max_range_m))
        x, y, z = frame.T_world_cam[:3, 3].tolist()
        step = None if self._pose is None else travelled(self._pose, (frame.stamp_ns, x, y, z))
        self._pose = (frame.stamp_ns, x, y, z)
        if step is not None:
            self._steps.append(step)

    def update(self, octree: Columns, instances: Mapping[str, Instance]) -> TopologyChange:
        """Follow the octree and the objects; what differs from before.

        The octree is read only where frames observed since the last update looked: O(columns looked at). Places are
        found anew where the floor changed, rooms where walls did, and in the rooms that reach there: O(their area).
        Besides, every object is compared with what it was: O(objects), some microseconds for each hundred.
        """
        self._look(octree.voxel_size_m)
        there = self._things(instances)
        old: dict[str, dict[Any, Any]] = {"places": {}, "passages": {}}
        new: dict[str, dict[Any, Any]] = {"places": {}, "passages": {}}
        rooms: dict[str, Room | None] = {}
        for n, floor in enumerate(self._floors):
            change = floor.update(octree, there[n], self._numbers)
            self._unstored.update((n, key) for key in change.stored)
            for key in sorted(change.tiles):
                self._rename(n, key, old, new)
            rooms.update(self._renewed(floor, change.rooms))
        return self._enter(old, new, rooms)

    def look_again(self, boxes: NDArray[np.float64]) -> None:
        """The octree changed without a frame, as by a correction of the trajectory: in boxes (N, 4) from above, metres.

        Each is minimum x, y and maximum x, y, on every storey. O(boxes); the next update reads them.
        """
        for storey in (floor.storey for floor in self._floors):
            camera_z = (storey.lowest_camera_layer + 0.5) * storey.voxel_size_m
            for box in boxes.tolist():
                storey.look(camera_z, box[:2], box[2:])
        self._pose = None

    def _look(self, voxel_size_m: float) -> None:
        for view in self._views:
            self._floor_of(view, voxel_size_m).storey.look(view[2], view[3:5], view[5:7])
        self._views.clear()
        for x, y, z, milliseconds, millimetres in self._steps:
            self._floor_of((x, y, z), voxel_size_m).pace.note(x, y, milliseconds, millimetres)
        self._steps.clear()

    def _things(self, instances: Mapping[str, Instance]) -> list[dict[str, Thing]]:
        """The objects of each storey; the label of what has no name is empty."""
        there: list[dict[str, Thing]] = [{} for _ in self._floors]
        for id, one in instances.items():
            floor = None if one.state in _ELSEWHERE else self._floor_at(one.box.minimum[2])
            if floor is not None:
                label = "" if one.label == UNLABELLED else one.label
                there[self._floors.index(floor)][id] = Thing(one.box, label, one.confidence)
        return there

    def _rename(self, n: int, key: Key, old: dict[str, dict[Any, Any]], new: dict[str, dict[Any, Any]]) -> None:
        """Places and passages of a tile as they were and as they are."""
        floor = self._floors[n]
        before = self._named.get((n, key), ({}, {}))
        now = (_places_of(floor, key), _passages_of(floor, key))
        old["places"].update(before[0])
        old["passages"].update(before[1])
        new["places"].update(now[0])
        new["passages"].update(now[1])
        if now != before:
            self._named[(n, key)] = now
            self._unstored.add((n, key))

    def _renewed(self, floor: Floor, numbers: Iterable[int]) -> dict[str, Room | None]:
        return {f"r{n}": _room(floor, n) if n in floor.rooms.shapes else None for n in sorted(numbers)}

    def _enter(
        self, old: dict[str, dict[Any, Any]], new: dict[str, dict[Any, Any]], rooms: dict[str, Room | None]
    ) -> TopologyChange:
        known_rooms = {id: self._rooms[id] for id in rooms if id in self._rooms}
        new["rooms"] = {id: room for id, room in rooms.items() if room is not None}
        old["rooms"] = known_rooms
        stores: dict[str, dict[Any, Any]] = {
            "places": self._places, "passages": self._passages, "rooms": self._rooms
        }  # fmt: skip
        altered, gone = {}, {}
        for name, store in stores.items():
            altered[name] = tuple(
                new[name][k] for k in sorted(new[name], key=_order) if old[name].get(k) != new[name][k]
            )
            gone[name] = tuple(k for k in sorted(old[name], key=_order) if k not in new[name])
            for k in gone[name]:
                store.pop(k, None)
            store.update(new[name])
        return TopologyChange(
            altered["places"], gone["places"], altered["passages"], gone["passages"], altered["rooms"], gone["rooms"]
        )

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

    def changed_blocks(self) -> dict[str, bytes]:
        """Content of every tile that changed since the last call, "topology/x_y_storey"; marks them as stored.

        O(cells of those tiles).
        """
        blocks = {}
        for n, key in sorted(self._unstored):
            storey = self._floors[n].storey
            places, passages = self._named.get((n, key), ({}, {}))
            named = tuple(places.values()), tuple(passages.values())
            content = pack_tile(Stored(storey.tiles.at[key], storey.voxel_size_m, *named))
            digest = _digest(content)
            if self._hashes.get((n, key)) != digest:
                self._hashes[n, key] = digest
                blocks[f"{LAYER}/{key[0]}_{key[1]}_{n}"] = content
        self._unstored.clear()
        return blocks

    def state(self) -> bytes:
        """What is needed to go on after a restart, besides the octree and the blocks. O(storeys + rooms)."""
        floors = {f"floor{n}": packing.pack(floor.storey.header()) for n, floor in enumerate(self._floors)}
        counters = {"n_places": self._numbers.places, "n_rooms": self._numbers.rooms, "n_floors": len(self._floors)}
        return packing.pack(
            {
                **floors,
                **counters,
                "rooms": [room_payload(self._rooms[id]) for id in sorted(self._rooms, key=_order)],
                "views": np.array(self._views, np.float64).reshape(-1, _VIEW_SIZE),
                "steps": [list(step) for step in self._steps],
                "pose": list(self._pose or ()),
                "voxel_size_m": self._floors[0].storey.voxel_size_m if self._floors else 0.0,
            }
        )

    def restore(self, state: bytes, blocks: Mapping[str, bytes]) -> None:
        """Become the topology that gave `state` and all these blocks, the newest of each name.

        The first update after it finds anew whatever follows from the blocks: O(everything), once.

        Raises:
            CorruptMemory: the bytes are damaged.
        """
        values = packing.unpack(state)
        self._restore_tiles(blocks, values["n_floors"], values["voxel_size_m"])
        for n, floor in enumerate(self._floors):
            header = packing.unpack(values[f"floor{n}"])
            floor.resume(header["layers"], header["dirty"])
        self._views = [tuple(view) for view in values["views"].tolist()]
        self._steps = [(x, y, z, int(ms), int(mm)) for x, y, z, ms, mm in values["steps"]]
        pose = values["pose"]
        self._pose = (int(pose[0]), float(pose[1]), float(pose[2]), float(pose[3])) if pose else None
        self._numbers = Numbers(values["n_places"], values["n_rooms"])
        self._rooms = {payload["id"]: room_from_payload(payload) for payload in values["rooms"]}

    def _restore_tiles(self, blocks: Mapping[str, bytes], n_floors: int, voxel_size_m: float) -> None:
        """Make the storeys and put the tiles into them."""
        rules = self.settings.rules
        stored = {_tile_name(name): unpack_tile(blocks[name], rules) for name in sorted(blocks)}
        self._hashes = {_tile_name(name): _digest(content) for name, content in blocks.items()}
        self._floors = []
        for _ in range(n_floors):
            self._add_floor(0, voxel_size_m)
        for n, floor in enumerate(self._floors):
            floor.restore({key: one.tile for (m, key), one in stored.items() if m == n})
        self._named = {
            where: ({p.id: p for p in one.places}, {(p.a, p.b): p for p in one.passages})
            for where, one in stored.items()
        }
        self._places = {id: place for places, _ in self._named.values() for id, place in places.items()}
        self._passages = {pair: way for _, passages in self._named.values() for pair, way in passages.items()}
        self._unstored.clear()

    def _floor_of(self, view: Sequence[float], voxel_size_m: float) -> Floor:
        """The storey a camera is on, a new one if it is far above or below all others."""
        layer = int(np.floor(view[2] / voxel_size_m))
        near = [f for f in self._floors if abs(f.storey.reference_layer - layer) * voxel_size_m <= _STOREY_M]
        if near:
            return min(near, key=lambda floor: abs(floor.storey.reference_layer - layer))
        return self._add_floor(layer, voxel_size_m)

    def _add_floor(self, layer: int, voxel_size_m: float) -> Floor:
        side = Scale(self.settings.rules, voxel_size_m).side
        storey = Storey(layer, voxel_size_m, self.settings.robot_height_m, side)
        self._floors.append(Floor(storey, self.settings.rules, f"s{len(self._floors) + 1}"))
        return self._floors[-1]

    def _floor_at(self, z: float) -> Floor | None:
        """The highest storey whose floor is below a height, else the lowest."""
        below = [floor for floor in self._floors if floor.storey.floor_z <= z + _STEP_M]
        if below:
            return max(below, key=lambda floor: floor.storey.floor_z)
        return min(self._floors, key=lambda floor: floor.storey.floor_z, default=None)


def _places_of(floor: Floor, key: Key) -> dict[str, Place]:
    found = {}
    for cell, number in sorted(floor.tiles.at[key].numbers.items(), key=lambda one: one[1]):
        center = floor.center(cell)
        place_id, room_id = _ids(number, floor.room_at(center[0], center[1]))
        found[place_id] = Place(place_id, center, round(floor.radius_m(cell), 3), room_id)
    return found


def _passages_of(floor: Floor, key: Key) -> dict[Pair, Passage]:
    """The ways that begin in a tile, with their doors and what they cost."""
    found = {}
    for cells in floor.tiles.at[key].links:
        a, b = sorted(cells, key=floor.number_of)
        pair = (f"p{floor.number_of(a)}", f"p{floor.number_of(b)}")
        length_m = round(math.dist(floor.center(a), floor.center(b)), 3)
        cost = round(length_m * floor.pace.factor(a, b), 3)
        door = floor.door_between(a, b)
        found[pair] = Passage(*pair, length_m, cost, *(door or (0.0, None)))
    return found


def _room(floor: Floor, number: int) -> Room:
    position, box = floor.room_box(number)
    label, confidence = label_room(floor.contents_of(number))
    return Room(f"r{number}", label, position, box, confidence, floor.name)


def _tile_name(name: str) -> tuple[int, Key]:
    """Storey and tile of a block's name.

    Raises:
        CorruptMemory: it is not the name of a tile.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise CorruptMemory(f"map block {name!r}: want {LAYER}/x_y_storey")
    return int(found[3]), (int(found[1]), int(found[2]))


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _order(key: Any) -> Any:
    """Ids in order of their numbers."""
    return tuple((len(part), part) for part in ((key,) if isinstance(key, str) else key))


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
