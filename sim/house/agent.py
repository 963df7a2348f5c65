# SPDX-License-Identifier: Apache-2.0
"""What an agent's body can do in a house: walk, turn, take, put, open. A refusal is one sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from memory_core.geometry import Box, Vec
from sim.house.compatibility import goes_together
from sim.house.floor import AGENT_RADIUS_M, Floor
from sim.house.placing import free_spots
from sim.house.slicing import sliced
from sim.house.world import Door, Thing, World
from sim.settings import SimSettings
from sim.types import Action, AgentPose

_HAND_HEIGHT_M = 1.0
_SPOTS_TRIED = 12
_STEEPEST_RAD = math.radians(75)
_VISIBLE_SHARE = 1 / 7680  # of the image: 10 pixels at 320 x 240
_SIDEWAYS = {"MoveAhead": 0.0, "MoveBack": math.pi, "MoveLeft": math.pi / 2, "MoveRight": -math.pi / 2}
_TURNS = {"RotateLeft": 1, "RotateRight": -1}
_TILTS = {"LookDown": 1, "LookUp": -1}


class Refused(Exception):
    """An action that physics forbids; the message is the sentence for the result."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence[0].upper() + sentence[1:])


class Agent:
    """The body of the agent: its pose, its hand, and the rules. A refused action changes nothing."""

    def __init__(
        self, world: World, settings: SimSettings, pose: AgentPose, see: Callable[[AgentPose], NDArray[np.int32]]
    ) -> None:
        """
        Args:
            see: the instance image (H, W) as seen from a pose.
        """
        self.pose = pose
        self.in_hand: Thing | None = None
        self._world, self._settings, self._see = world, settings, see
        self._floor = Floor(world)

    def act(self, action: Action) -> None:
        """Carry out an action.

        Raises:
            Refused: it cannot be done; nothing has changed.
        """
        if action.name == "Done":
            return
        if action.name in _SIDEWAYS:
            self._move(action)
        elif action.name in _TURNS or action.name in _TILTS:
            self._turn(action)
        elif action.name == "Teleport":
            self._teleport(action)
        elif action.name in _HANDLINGS:
            _HANDLINGS[action.name](self, action.uid)
        else:
            raise Refused(f"{action.name} is not an action of this simulator.")

    def floor(self) -> Floor:
        """Where it can stand now."""
        return self._floor

    def look_again(self) -> None:
        """Something in the house has changed."""
        self._floor = Floor(self._world)

    def sees(self, number: int) -> bool:
        """Whether enough of a body is in the image to act on it; O(pixels)."""
        ids = self._see(self.pose)
        return bool(np.count_nonzero(ids == number) >= ids.size * _VISIBLE_SHARE)

    def _move(self, action: Action) -> None:
        distance = _finite(action.distance_m, "distance_m")
        heading = self.pose.yaw_rad + _SIDEWAYS[action.name]
        start = np.array([self.pose.x, self.pose.y])
        end = start + distance * np.array([math.cos(heading), math.sin(heading)])
        if not 0 <= distance <= 10:
            raise Refused(f"{action.name} wants 0 to 10 m, got {distance:g} m.")
        if not self._floor.can_walk(start, end):
            raise Refused(f"{action.name} by {distance:g} m is blocked by a wall or furniture.")
        self.pose = replace(self.pose, x=float(end[0]), y=float(end[1]))

    def _turn(self, action: Action) -> None:
        angle = math.radians(_finite(action.angle_deg, "angle_deg"))
        if action.name in _TURNS:
            yaw = self.pose.yaw_rad + _TURNS[action.name] * angle
            self.pose = replace(self.pose, yaw_rad=(yaw + math.pi) % (2 * math.pi) - math.pi)
            return
        horizon = self.pose.horizon_rad + _TILTS[action.name] * angle
        if abs(horizon) > _STEEPEST_RAD + 1e-9:
            raise Refused(
                f"{action.name} would tilt the camera by {math.degrees(horizon):.0f} degrees, 75 is the limit."
            )
        self.pose = replace(self.pose, horizon_rad=horizon)

    def _teleport(self, action: Action) -> None:
        pose = action.pose
        if pose is None:
            raise Refused("Teleport wants a pose.")
        for value in (pose.x, pose.y, pose.yaw_rad, pose.horizon_rad):
            _finite(value, "pose")
        if abs(pose.horizon_rad) > _STEEPEST_RAD + 1e-9:
            raise Refused("Teleport wants a tilt of the camera of at most 75 degrees.")
        if not self._floor.can_stand(np.array([[pose.x, pose.y]]))[0]:
            raise Refused(f"The agent cannot stand at ({pose.x:.2f}, {pose.y:.2f}).")
        self.pose = pose

    def _pick_up(self, uid: str) -> None:
        thing = self._thing(uid)
        if not thing.type.pickupable:
            raise Refused(f"{_name(thing)} cannot be picked up.")
        if self.in_hand is not None:
            raise Refused(f"The hand already holds {_name(self.in_hand)}.")
        self._require_in_reach(thing.body.number, self._world.scene.bounds(thing.body), _name(thing))
        thing.parent, self.in_hand = "", thing
        self._hold(thing, held=True)
        self._floor = Floor(self._world)

    def _put(self, uid: str) -> None:
        thing, receptacle = self.in_hand, self._thing(uid)
        if thing is None:
            raise Refused("The hand is empty.")
        if not receptacle.type.receptacle:
            raise Refused(f"Nothing can be put on or in {_name(receptacle)}.")
        if receptacle.type.openable and not receptacle.is_open:
            raise Refused(f"{_name(receptacle)} is closed.")
        if not goes_together(thing.type.name, receptacle.type.name):
            raise Refused(f"{_name(thing)} does not belong on or in {_name(receptacle)}.")
        self._require_in_reach(receptacle.body.number, self._world.scene.bounds(receptacle.body), _name(receptacle))
        spots = free_spots(self._world, receptacle, thing, np.array([self.pose.x, self.pose.y, _HAND_HEIGHT_M]))
        if not spots:
            raise Refused(f"There is no room for {_name(thing)} on or in {_name(receptacle)}.")
        thing.parent, self.in_hand = uid, None
        self._hold(thing, held=False)
        self._set_down(thing, spots)
        self._floor = Floor(self._world)

    def _hold(self, thing: Thing, *, held: bool) -> None:
        """What lies in a thing is held with it."""
        for moved in [thing, *self._world.descendants(thing.uid)]:
            moved.held = held
            self._world.redraw(moved)

    def _set_down(self, thing: Thing, spots: Sequence[Vec]) -> None:
        """Move a thing to the nearest of the spots, tried in even steps, where the agent sees it; else the nearest."""
        for spot in [*spots[:: max(1, len(spots) // _SPOTS_TRIED)], spots[0]]:
            self._world.move(thing, spot)
            if self.sees(thing.body.number):
                return

    def _set_open(self, uid: str, *, is_open: bool) -> None:
        target = self._world.doors.get(uid) or self._thing(uid)
        name = "the door" if isinstance(target, Door) else _name(target)
        openable = target.spec.openable if isinstance(target, Door) else target.type.openable
        if not openable:
            raise Refused(f"{name} cannot be opened or closed.")
        if target.is_open == is_open:
            raise Refused(f"{name} is already {'open' if is_open else 'closed'}.")
        bounds = self._world.scene.bounds(target.body)
        if isinstance(target, Door) and not is_open and self._gap_m(bounds) < AGENT_RADIUS_M:
            raise Refused("The agent stands in the doorway.")
        if isinstance(target, Door) and target.is_open:
            self._require_doorway_in_reach(target, bounds, name)
        else:
            self._require_in_reach(target.body.number, bounds, name)
        self._world.set_open(target, is_open=is_open)
        self.look_again()
        if not self._floor.can_stand(np.array([[self.pose.x, self.pose.y]]))[0]:
            self._world.set_open(target, is_open=not is_open)
            self.look_again()
            raise Refused(f"The agent stands in the way of {name}.")

    def _set_on(self, uid: str, *, is_on: bool) -> None:
        thing = self._thing(uid)
        if not thing.type.toggleable:
            raise Refused(f"{_name(thing)} cannot be switched.")
        if thing.is_on == is_on:
            raise Refused(f"{_name(thing)} is already {'on' if is_on else 'off'}.")
        self._require_in_reach(thing.body.number, self._world.scene.bounds(thing.body), _name(thing))
        self._world.set_on(thing, is_on=is_on)

    def _slice(self, uid: str) -> None:
        thing = self._thing(uid)
        if not thing.type.sliceable:
            raise Refused(f"{_name(thing)} cannot be sliced.")
        if thing.held:
            raise Refused(f"{_name(thing)} is in the hand; put it down to slice it.")
        self._require_in_reach(thing.body.number, self._world.scene.bounds(thing.body), _name(thing))
        sliced(self._world, thing)

    def _thing(self, uid: str) -> Thing:
        thing = self._world.things.get(uid)
        if thing is None:
            raise Refused(f"There is no object {uid!r} in this house.")
        return thing

    def _require_in_reach(self, number: int, box: Box, name: str) -> None:
        if not self.sees(number):
            raise Refused(f"{name} is not in view.")
        gap = self._gap_m(box)
        if gap > self._settings.reach_m:
            raise Refused(f"{name} is {gap:.1f} m away, the arm reaches {self._settings.reach_m:g} m.")

    def _require_doorway_in_reach(self, door: Door, box: Box, name: str) -> None:
        """An open leaf is not drawn; it can be closed where it would be seen when closed."""
        self._world.scene.show(door.body, shown=True)
        try:
            self._require_in_reach(door.body.number, box, name)
        finally:
            self._world.scene.show(door.body, shown=False)

    def _gap_m(self, box: Box) -> float:
        """Distance from the agent to a box on the floor plan."""
        return box.distance_m((self.pose.x, self.pose.y, box.center[2]))


_HANDLINGS: dict[str, Callable[[Agent, str], None]] = {
    "PickupObject": lambda agent, uid: agent._pick_up(uid),
    "PutObject": lambda agent, uid: agent._put(uid),
    "OpenObject": lambda agent, uid: agent._set_open(uid, is_open=True),
    "CloseObject": lambda agent, uid: agent._set_open(uid, is_open=False),
    "ToggleObjectOn": lambda agent, uid: agent._set_on(uid, is_on=True),
    "ToggleObjectOff": lambda agent, uid: agent._set_on(uid, is_on=False),
    "SliceObject": lambda agent, uid: agent._slice(uid),
}


def _name(thing: Thing) -> str:
    return f"the {thing.body.label} {thing.uid}"


def _finite(value: float, name: str) -> float:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Refused(f"{name} wants a finite number, got {value!r}.")
    return float(value)
