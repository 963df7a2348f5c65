# SPDX-License-Identifier: Apache-2.0
"""What happens in a house without the robot: people move, bring, take, open, switch and slice things."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from memory_core.errors import NotPossible
from memory_core.geometry import Box, Vec
from sim.house.floor import AGENT_RADIUS_M
from sim.house.placing import free_floor, free_spots
from sim.house.slicing import sliced
from sim.house.specs import ObjectSpec
from sim.house.world import LIGHT_SWITCH, Door, Thing, World
from sim.types import SimObject

ChangeName = Literal["move", "add", "remove", "open", "close", "switch_on", "switch_off", "slice"]
Point2 = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something people do in a house. They reach everywhere, but what has no room does not fit for them either.

    Attributes:
        uid: the object; for open and close also a door; for switch_on and switch_off also a room, meaning its light;
            for add a name not used yet.
        to: of move and add: the receptacle, or the room on whose floor it is put; "" with a position for just there.
        position: (3,) of its box's centre, metres. With `to`, the free place nearest to it is taken; without one, the
            place nearest to the middle.
        yaw_rad: heading, without `to`; None keeps it.
        asset: of add: name of the model, from which type and size follow.
        is_open, is_on: of add; a light switch is on or off as its room is.
    """

    name: ChangeName
    uid: str
    to: str = ""
    position: tuple[float, float, float] | None = None
    yaw_rad: float | None = None
    asset: str = ""
    is_open: bool = False
    is_on: bool | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """A change that was tried.

    Attributes:
        stamp_ns: simulated time.
        before, after: the object; None when it is not there, or when a door or a light was changed.
        made: uids of the slices.
        error: why it could not be done, in one sentence, and nothing has changed; "" when it was.
    """

    change: Change
    stamp_ns: int
    before: SimObject | None = None
    after: SimObject | None = None
    made: tuple[str, ...] = ()
    error: str = ""


def apply(world: World, change: Change, stamp_ns: int, robot: Point2 | None = None) -> Changed:
    """Let a change happen; O(objects + free places).

    Args:
        robot: where it stands; nothing is put there and no door is closed on it.

    Raises:
        NotPossible: it cannot be done; nothing has changed.
    """
    if change.name not in _CHANGES:
        raise NotPossible(f"change: want one of {', '.join(_CHANGES)}, got {change.name!r}")
    before = world.truth(world.things[change.uid]) if change.uid in world.things else None
    made = _CHANGES[change.name](world, change, robot)
    after = world.truth(world.things[change.uid]) if change.uid in world.things else None
    return Changed(change, stamp_ns, before, after, made)


def _move(world: World, change: Change, robot: Point2 | None) -> tuple[str, ...]:
    thing = _free_thing(world, change.uid)
    if change.to in {thing.uid, *(held.uid for held in world.descendants(thing.uid))}:
        raise NotPossible(f"{thing.uid} cannot be put on or in itself")
    T, parent = _place(world, thing, change, robot)
    world.move(thing, T)
    thing.parent = parent
    return ()


def _add(world: World, change: Change, robot: Point2 | None) -> tuple[str, ...]:
    if not change.uid or change.uid in world.known:
        raise NotPossible(f"add: want a name that no object ever had, got {change.uid!r}")
    if not change.asset:
        raise NotPossible(f"add {change.uid}: want the name of a model (asset)")
    spec = ObjectSpec(
        uid=change.uid, asset=change.asset, type="", center=np.zeros(3), rotation=np.eye(3), size=None,
        is_open=change.is_open, is_on=change.is_on, children=(),
    )  # fmt: skip
    thing = world.insert(spec)
    try:
        T, thing.parent = _place(world, thing, change, robot)
    except NotPossible:
        world.take_away(thing)
        world.known.discard(thing.uid)
        raise
    world.move(thing, T)
    if thing.type.name == LIGHT_SWITCH and thing.body.room_id:
        thing.is_on = world.is_lit(thing.body.room_id)
    return ()


def _remove(world: World, change: Change, robot: Point2 | None) -> tuple[str, ...]:
    world.take_away(_free_thing(world, change.uid))
    return ()


def _open(world: World, change: Change, robot: Point2 | None) -> tuple[str, ...]:
    target: Thing | Door = world.doors.get(change.uid) or _thing(world, change.uid)
    can = target.spec.openable if isinstance(target, Door) else target.type.openable
    if not can:
        raise NotPossible(f"{change.uid} cannot be opened or closed")
    if isinstance(target, Door) and change.name == "close" and _is_at(world.scene.bounds(target.body), robot):
        raise NotPossible(f"{change.uid} cannot be closed: the robot stands in it")
    world.set_open(target, is_open=change.name == "open")
    if isinstance(target, Thing) and target.type.slides and _is_at(world.scene.bounds(target.body), robot):
        world.set_open(target, is_open=change.name != "open")
        raise NotPossible(f"the robot stands in the way of {change.uid}")
    return ()


def _switch(world: World, change: Change, robot: Point2 | None) -> tuple[str, ...]:
    is_on = change.name == "switch_on"
    if change.uid in world.rooms:
        world.light_room(change.uid, is_on=is_on)
        return ()
    thing = _thing(world, change.uid)
    if not thing.type.toggleable:
        raise NotPossible(f"{change.uid} cannot be switched")
    world.set_on(thing, is_on=is_on)
    return ()


def _slice(world: World, change: Change, robot: Point2 | None) -> tuple[str, ...]:
    thing = _free_thing(world, change.uid)
    if not thing.type.sliceable:
        raise NotPossible(f"{change.uid} cannot be sliced")
    return tuple(part.uid for part in sliced(world, thing))


_CHANGES: dict[str, Callable[[World, Change, Point2 | None], tuple[str, ...]]] = {
    "move": _move,
    "add": _add,
    "remove": _remove,
    "open": _open,
    "close": _open,
    "switch_on": _switch,
    "switch_off": _switch,
    "slice": _slice,
}


def _thing(world: World, uid: str) -> Thing:
    if uid not in world.things:
        raise NotPossible(f"there is no object {uid!r} in {world.house.name}")
    return world.things[uid]


def _free_thing(world: World, uid: str) -> Thing:
    thing = _thing(world, uid)
    if thing.held:
        raise NotPossible(f"{uid} is in the robot's hand")
    return thing


def _place(world: World, thing: Thing, change: Change, robot: Point2 | None) -> tuple[Vec, str]:
    """Pose (4, 4) and parent of a thing that is put somewhere."""
    if change.to in world.things:
        receptacle = world.things[change.to]
        if not receptacle.type.receptacle:
            raise NotPossible(f"nothing can be put on or in {change.to}")
        near = np.array(change.position or world.scene.bounds(receptacle.body).center)
        spots, parent = free_spots(world, receptacle, thing, near), change.to
    elif change.to in world.rooms:
        room = world.rooms[change.to]
        near = np.array(change.position or (*room.box.center[:2], 0.0))
        spots, parent = free_floor(world, room, thing, near), ""
    elif change.to:
        raise NotPossible(f"{change.to} is neither an object nor a room of {world.house.name}")
    elif change.position is None or not np.isfinite([*change.position, change.yaw_rad or 0.0]).all():
        raise NotPossible(f"{change.name} {change.uid}: want somewhere to put it, got {change.position}")
    else:
        spots, parent = [_pose(thing, change.position, change.yaw_rad)], ""
    free = next((T for T in spots if not _is_at(_bounds(thing, T), robot)), None)
    if free is None:
        raise NotPossible(f"there is no room for {thing.uid} at {change.to or change.position}")
    return free, parent


def _pose(thing: Thing, position: tuple[float, float, float], yaw_rad: float | None) -> Vec:
    T = thing.body.T_world_body.copy()
    T[:3, 3] = position
    if yaw_rad is not None:
        cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
        T[:3, :3] = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return T


def _bounds(thing: Thing, T: Vec) -> Box:
    half = np.abs(T[:3, :3]) @ thing.size / 2
    low, high = T[:3, 3] - half, T[:3, 3] + half
    return Box((float(low[0]), float(low[1]), float(low[2])), (float(high[0]), float(high[1]), float(high[2])))


def _is_at(box: Box, robot: Point2 | None) -> bool:
    """Whether a robot stands in a box on the floor plan."""
    return robot is not None and box.distance_m((*robot, box.center[2])) < AGENT_RADIUS_M


def refused(change: Change, stamp_ns: int, reason: NotPossible) -> Changed:
    """The record of a change that could not be done."""
    return replace(Changed(change, stamp_ns), error=str(reason))
