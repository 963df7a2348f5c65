# SPDX-License-Identifier: Apache-2.0
"""AI2-THOR's metadata about objects as the truth that every simulator tells (for evaluation only)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from memory_core.geometry import Box
from memory_core.labels import STRUCTURE, spoken
from sim.frames import box_from_unity
from sim.house.assets import object_types
from sim.thor.observation import InstanceNumbers, triple
from sim.thor.scenes import room_at
from sim.types import SimObject, SimRoom


def objects_of(metadata: Mapping[str, Any], rooms: Sequence[SimRoom], numbers: InstanceNumbers) -> list[SimObject]:
    """All objects that are not part of the building, in AI2-THOR's order; O(objects x rooms)."""
    told = {str(thing["objectId"]): thing for thing in metadata["objects"]}
    boxes = {uid: _box(thing) for uid, thing in told.items()}
    kinds = {uid: spoken(str(thing["objectType"])) for uid, thing in told.items()}
    cut = _cut(told)
    things = {uid: thing for uid, thing in told.items() if kinds[uid] not in STRUCTURE and uid not in cut}
    held = _held(metadata, things)
    found = []
    for uid, thing in things.items():
        parent = "" if uid in held else _parent(thing, boxes, things)
        box = boxes[uid]
        found.append(
            SimObject(
                uid=uid,
                label=kinds[uid],
                box=box,
                room_id="" if uid in held else room_at(rooms, box.center[0], box.center[1]),
                parent=parent,
                relation=_relation(box, boxes[parent], told[parent]) if parent else "",
                state="held" if uid in held else "present",
                pickupable=bool(thing.get("pickupable")),
                receptacle=bool(thing.get("receptacle")),
                openable=bool(thing.get("openable")),
                toggleable=bool(thing.get("toggleable")),
                is_open=bool(thing.get("isOpen")) if thing.get("openable") else None,
                is_on=bool(thing.get("isToggled")) if thing.get("toggleable") else None,
                sliceable=bool(thing.get("sliceable")),
                instance_id=numbers.number(uid, str(thing["objectType"])),
            )
        )
    return found


def _cut(told: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """What is told of still, but has become slices ("Apple|1|AppleSliced_0") or a cracked egg."""
    whole = {uid.rpartition("|")[0] for uid in told if "Sliced" in uid or "Cracked" in uid}
    return {uid for uid in whole & set(told) if told[uid].get("isSliced") or told[uid].get("isBroken")}


def _held(metadata: Mapping[str, Any], things: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """What is in the hand, and what lies in that."""
    in_hand = {str(thing["objectId"]) for thing in metadata.get("inventoryObjects") or ()}
    in_hand |= {uid for uid, thing in things.items() if thing.get("isPickedUp")}
    return in_hand | {uid for uid, thing in things.items() if in_hand & set(thing.get("parentReceptacles") or ())}


def _box(thing: Mapping[str, Any]) -> Box:
    bounds = thing.get("axisAlignedBoundingBox")
    if not bounds:
        return box_from_unity(triple(thing["position"]), (0.0, 0.0, 0.0))
    return box_from_unity(triple(bounds["center"]), triple(bounds["size"]))


def _parent(thing: Mapping[str, Any], boxes: Mapping[str, Box], things: Mapping[str, Any]) -> str:
    """Of all receptacles around it, which may be nested and include the floor, the smallest."""
    around = [str(uid) for uid in thing.get("parentReceptacles") or () if uid in things]
    return min(around, key=lambda uid: (_volume(boxes[uid]), uid), default="")


def _volume(box: Box) -> float:
    width, depth, height = box.size
    return width * depth * height


def _relation(box: Box, holder: Box, thing: Mapping[str, Any]) -> Literal["on", "in"]:
    kind = object_types().get(str(thing["objectType"]))
    below_top = box.center[2] < holder.maximum[2]
    return "in" if kind is not None and kind.holds_inside and below_top else "on"
