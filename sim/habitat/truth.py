# SPDX-License-Identifier: Apache-2.0
"""A Habitat scene's things as the truth that every simulator tells (for evaluation only).

Habitat does not say what holds what, nor what one can do with a thing: the first follows from the boxes, the second
from the class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from memory_core.geometry import Box
from memory_core.labels import STRUCTURE
from sim.habitat.things import Fixed, Movable, Things
from sim.house.assets import ObjectType, object_types, type_from_name
from sim.types import SimObject, SimRoom

_LARGEST_IN_HAND_M = 0.4
_TOUCHES_M = 0.05


@cache
def kind_of(label: str) -> ObjectType | None:
    """What one can do with things of a class; None for classes that are not in our table."""
    return object_types().get(type_from_name(label.replace(" ", "_")))


def objects_of(things: Things, rooms: Sequence[SimRoom]) -> list[SimObject]:
    """All that is not part of the building and has a known place, fixed ones first; O(objects^2)."""
    found = [_fixed(thing, thing.box) for thing in things.fixed if thing.box and thing.label not in STRUCTURE]
    found += [_movable(thing, rooms) for thing in things.movable.values()]
    return _with_parents(found)


def rooms_of(things: Things) -> list[SimRoom]:
    """The regions of the scene as rectangles around what belongs to them; none for a scene without regions."""
    members: dict[str, list[Box]] = {}
    for thing in things.fixed:
        if thing.region and thing.box:
            members.setdefault(thing.region, []).append(thing.box)
    return [_room(region, boxes, things.regions.get(region, "")) for region, boxes in members.items()]


def _room(region: str, boxes: Sequence[Box], label: str) -> SimRoom:
    x0, y0, z0 = (float(value) for value in np.min([box.minimum for box in boxes], axis=0))
    x1, y1, z1 = (float(value) for value in np.max([box.maximum for box in boxes], axis=0))
    corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    return SimRoom(region, label or "room", corners, Box((x0, y0, z0), (x1, y1, z1)))


def _fixed(thing: Fixed, box: Box) -> SimObject:
    return _sim_object(thing, box, thing.region)


def _movable(thing: Movable, rooms: Sequence[SimRoom]) -> SimObject:
    box, kind = thing.box, kind_of(thing.label)
    pickupable = kind.pickupable if kind else max(box.size) <= _LARGEST_IN_HAND_M
    if thing.held:
        return replace(_sim_object(thing, box, ""), state="held", pickupable=pickupable)
    return replace(_sim_object(thing, box, _room_at(rooms, box)), pickupable=pickupable)


def _sim_object(thing: Fixed | Movable, box: Box, room_id: str) -> SimObject:
    kind = kind_of(thing.label)
    return SimObject(
        uid=thing.uid,
        label=thing.label,
        box=box,
        room_id=room_id,
        parent="",
        relation="",
        state="present",
        pickupable=False,
        receptacle=kind is not None and kind.receptacle,
        openable=False,
        toggleable=False,
        is_open=None,
        is_on=None,
        instance_id=thing.number,
    )


def _room_at(rooms: Sequence[SimRoom], box: Box) -> str:
    """The smallest room around the middle of a thing."""
    around = [room for room in rooms if room.box.distance_m(box.center) == 0]
    return min(around, key=lambda room: (room.box.volume_m3, room.id)).id if around else ""


def _with_parents(things: Sequence[SimObject]) -> list[SimObject]:
    """The things, each with the smallest of the larger receptacles under its middle that reach up to its bottom."""
    if not things:
        return []
    lows, highs = np.array([t.box.minimum for t in things]), np.array([t.box.maximum for t in things])
    volumes = np.prod(highs - lows, axis=1)
    holds = np.array([t.receptacle and t.state == "present" for t in things])
    found = []
    for index, thing in enumerate(things):
        middle, bottom = (lows[index] + highs[index]) / 2, lows[index, 2]
        around = ((lows <= middle) & (middle <= highs))[:, :2].all(axis=1)
        reach_up = (lows[:, 2] < bottom) & (bottom <= highs[:, 2] + _TOUCHES_M)
        holders = np.flatnonzero(holds & around & reach_up & (volumes > volumes[index]))
        if thing.state == "held" or not len(holders):
            found.append(thing)
        else:
            found.append(_held_by(thing, things[holders[np.argmin(volumes[holders])]]))
    return found


def _held_by(thing: SimObject, holder: SimObject) -> SimObject:
    kind = kind_of(holder.label)
    inside = kind is not None and kind.holds_inside and thing.box.center[2] < holder.box.maximum[2]
    return replace(thing, parent=holder.uid, relation="in" if inside else "on")
