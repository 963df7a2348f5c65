# SPDX-License-Identifier: Apache-2.0
"""A house that stands: its scene, its objects with their state, and what holds what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from memory_core.geometry import Box, Vec, invert_pose, transform_points
from memory_core.labels import spoken
from sim.house import building
from sim.house.assets import AssetTable, ObjectType
from sim.house.geometry2d import distance_to_segments, inside_polygon
from sim.house.lighting import Lighting
from sim.house.proxies import Extent, parts_of
from sim.house.scene import PLAIN, PLANKS, PLASTER, TILES, Body, Scene, seeded_colour
from sim.house.specs import House, ObjectSpec, OpeningSpec, RoomSpec
from sim.types import SimObject, SimRoom

LIGHT_SWITCH = "LightSwitch"
_SLIDE_SHARE = 0.6  # of its depth that a drawer comes out
_TILED_ROOMS = frozenset({"Kitchen", "Bathroom"})


@dataclass(eq=False)
class Thing:
    """One object and its state; `size` (3,) along its own axes (forward, left, up), metres."""

    body: Body
    type: ObjectType
    size: Vec
    parent: str
    is_open: bool
    is_on: bool
    held: bool = False

    @property
    def uid(self) -> str:
        return self.body.uid


@dataclass(eq=False)
class Door:
    """A door with a leaf. It is part of the building, but can be opened and closed."""

    body: Body
    spec: OpeningSpec
    is_open: bool


class World:
    """Everything in a house, mutable; a simulator or a tour draws it and acts on it."""

    def __init__(self, house: House, assets: AssetTable, seed: int = 0) -> None:
        self.house = house
        self.rooms = {room.id: _sim_room(room, house) for room in house.rooms}
        self.things: dict[str, Thing] = {}
        self.known: set[str] = set()  # uids that ever were
        self.doors: dict[str, Door] = {}
        self._assets = assets
        self._lighting = Lighting(house)
        self.scene = Scene(seed, self._lighting.initial())
        self.labels: dict[int, str] = {}
        self._add_building(seed)
        for spec in house.objects:
            self._insert(spec, "")
        for thing in self.things.values():
            self.redraw(thing)
        for door in self.doors.values():
            self.scene.show(door.body, shown=not door.is_open)
        off = {
            thing.body.room_id for thing in self.things.values() if thing.type.name == LIGHT_SWITCH and not thing.is_on
        }
        for room in house.rooms:
            self.light_room(room.id, is_on=room.id not in off)

    def room_at(self, x: float, y: float) -> str:
        """Id of the room over a point of the floor, else of the nearest room within 0.3 m, else ""."""
        point = np.array([[x, y]])
        for room in self.house.rooms:
            box = self.rooms[room.id].box
            if box.distance_m((x, y, box.center[2])) == 0 and inside_polygon(point, room.corners)[0]:
                return room.id
        gaps = {r.id: float(_gap_to_walls(point, r)) for r in self.house.rooms}
        nearest = min(gaps, key=lambda room_id: gaps[room_id])
        return nearest if gaps[nearest] < 0.3 else ""

    def truth(self, thing: Thing) -> SimObject:
        """The thing as the outside sees it."""
        kind = thing.type
        return SimObject(
            uid=thing.uid,
            label=thing.body.label,
            box=self.scene.bounds(thing.body),
            room_id="" if thing.held else thing.body.room_id,
            parent=thing.parent,
            relation=self._relation(thing),
            state="held" if thing.held else "present",
            pickupable=kind.pickupable,
            receptacle=kind.receptacle,
            openable=kind.openable,
            toggleable=kind.toggleable,
            sliceable=kind.sliceable,
            is_open=thing.is_open if kind.openable else None,
            is_on=thing.is_on if kind.toggleable else None,
            instance_id=thing.body.number,
        )

    def children(self, uid: str) -> list[Thing]:
        return [thing for thing in self.things.values() if thing.parent == uid]

    def descendants(self, uid: str) -> Iterator[Thing]:
        """What it holds, and what that holds, and so on."""
        for child in self.children(uid):
            yield child
            yield from self.descendants(child.uid)

    def move(self, thing: Thing, T_world_body: Vec) -> None:
        """Put a thing elsewhere with all it holds; O(faces moved)."""
        T_new_old = T_world_body @ invert_pose(thing.body.T_world_body)
        for moved in [thing, *self.descendants(thing.uid)]:
            T = T_new_old @ moved.body.T_world_body
            before = moved.body.room_id
            self.scene.move(moved.body, T, self.room_at(T[0, 3], T[1, 3]))
            if moved.is_on:
                self._lighting.update(self, before)
                self._lighting.update(self, moved.body.room_id)

    def insert(self, spec: ObjectSpec, parent: str = "") -> Thing:
        """Put a new thing into the house with all that it holds; O(faces of the house)."""
        thing = self._insert(spec, parent)
        for new in [thing, *self.descendants(thing.uid)]:
            self.redraw(new)
        self._lighting.update(self, thing.body.room_id)
        return thing

    def _insert(self, spec: ObjectSpec, parent: str) -> Thing:
        kind, size = self._assets.describe(spec)
        T = _pose(spec)
        held = tuple(_box_in(invert_pose(T), child, self._assets.size(child)) for child in spec.children)
        parts = parts_of(kind.shape, Extent(_triple(size), held, spec.asset))
        room_id = self.room_at(spec.center[0], spec.center[1])
        body = self.scene.add_object(spec.uid, spoken(kind.name), room_id, parts, T)
        is_on = spec.is_on if spec.is_on is not None else kind.name == LIGHT_SWITCH
        thing = Thing(body, kind, size, parent, spec.is_open and kind.openable, is_on)
        self.things[spec.uid] = thing
        self.known.add(spec.uid)
        self.labels[body.number] = body.label
        for child in spec.children:
            self._insert(child, spec.uid)
        return thing

    def take_away(self, thing: Thing) -> None:
        """Take a thing out of the house with all that it holds; its number is not used again."""
        for gone in [*self.descendants(thing.uid), thing]:
            self.scene.show(gone.body, shown=False)
            del self.things[gone.uid]
            self._lighting.update(self, gone.body.room_id)

    def set_open(self, target: Thing | Door, *, is_open: bool) -> None:
        """Open or close a thing or a door; a drawer comes out, or goes back."""
        if isinstance(target, Thing) and target.type.slides and target.is_open != is_open:
            self.move(target, self.slid(target, is_open=is_open))
        target.is_open = is_open
        if isinstance(target, Door):
            self.scene.show(target.body, shown=not is_open)
        else:
            self.redraw(target)

    def slid(self, thing: Thing, *, is_open: bool) -> Vec:
        """(4, 4) where a drawer is after it is opened or closed; a drawer that was open at first goes back too."""
        T = thing.body.T_world_body.copy()
        way = _SLIDE_SHARE * thing.size[0] * (1 if is_open else -1)
        T[:3, 3] += way * T[:3, 0]
        return T

    def set_on(self, thing: Thing, *, is_on: bool) -> None:
        """Switch a thing; a lamp shines, a light switch is that of its room."""
        thing.is_on = is_on
        if thing.type.name == LIGHT_SWITCH:
            self.light_room(thing.body.room_id, is_on=is_on)
        else:
            self._lighting.update(self, thing.body.room_id)

    def light_room(self, room_id: str, *, is_on: bool) -> None:
        """Switch the light at the ceiling of a room; its light switches follow."""
        for thing in self.things.values():
            if thing.type.name == LIGHT_SWITCH and thing.body.room_id == room_id:
                thing.is_on = is_on
        self._lighting.is_on[room_id] = is_on
        self._lighting.update(self, room_id)

    def is_lit(self, room_id: str) -> bool:
        """Whether the light at the ceiling of a room is on."""
        return self._lighting.is_on[room_id]

    def redraw(self, thing: Thing) -> None:
        """Draw a thing as its state says: not at all in the hand, without its door when open."""
        self.scene.show(thing.body, shown=not thing.held, door_closed=not thing.is_open)

    def parts(self, thing: Thing) -> list[Box]:
        """The boxes a thing is drawn with, in its own frame."""
        faces = thing.body.faces.reshape(-1, 24, 3)
        return [Box(_triple(f.min(axis=0)), _triple(f.max(axis=0))) for f in faces]

    def _relation(self, thing: Thing) -> Literal["on", "in", ""]:
        parent = self.things.get(thing.parent)
        if parent is None:
            return ""
        inside = transform_points(invert_pose(parent.body.T_world_body), thing.body.T_world_body[None, :3, 3])[0]
        below_top = inside[2] < parent.size[2] / 2
        return "in" if parent.type.holds_inside and below_top else "on"

    def _add_building(self, seed: int) -> None:
        kinds = {room.id: room.kind for room in self.house.rooms}
        openings = {opening.id: opening for opening in self.house.openings}
        for piece in building.build(self.house):
            kind = kinds.get(piece.room_id, "")
            material, colour = _finish(piece, kind, seed)
            body = self.scene.add_surface(piece.uid, piece.label, piece.room_id, piece.faces, material, colour)
            self.labels[body.number] = body.label
            if piece.label == "door":
                self.doors[piece.uid] = Door(body, openings[piece.uid], openings[piece.uid].is_open)


def _pose(spec: ObjectSpec) -> Vec:
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = spec.rotation, spec.center
    return T


def _box_in(T_parent_world: Vec, child: ObjectSpec, size: Vec) -> Box:
    """Bounds of a child in its parent's frame."""
    T = T_parent_world @ _pose(child)
    half = np.abs(T[:3, :3]) @ (size / 2)
    return Box(_triple(T[:3, 3] - half), _triple(T[:3, 3] + half))


def _triple(values: Vec) -> tuple[float, float, float]:
    return (float(values[0]), float(values[1]), float(values[2]))


def _gap_to_walls(point: Vec, room: RoomSpec) -> float:
    return float(distance_to_segments(point, room.corners, np.roll(room.corners, -1, axis=0))[0])


def _finish(piece: building.Piece, room_kind: str, seed: int) -> tuple[int, Sequence[float]]:
    """Material and colour of a part of the building."""
    if piece.label == "floor":
        return TILES if room_kind in _TILED_ROOMS else PLANKS, seeded_colour(room_kind + "floor", seed, 110, 200)
    if piece.label == "ceiling":
        return PLAIN, (235.0, 235.0, 230.0)
    if piece.label == "door":
        return PLAIN, seeded_colour(piece.uid, seed, 90, 200)
    if piece.colour is not None:
        return PLASTER, [70 + 180 * min(max(share, 0.0), 1.0) for share in piece.colour]
    return PLASTER, seeded_colour(piece.room_id + "wall", seed, 160, 240)


def _sim_room(room: RoomSpec, house: House) -> SimRoom:
    height = max((w.height_m for w in house.walls if w.room_id == room.id), default=2.5)
    low, high = room.corners.min(axis=0), room.corners.max(axis=0)
    box = Box((float(low[0]), float(low[1]), 0.0), (float(high[0]), float(high[1]), height))
    corners = tuple((float(x), float(y)) for x, y in room.corners)
    return SimRoom(room.id, spoken(room.kind), corners, box)
