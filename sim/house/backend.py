# SPDX-License-Identifier: Apache-2.0
"""The embedded house as a simulator: look, act, and (for evaluation only) know the truth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory_core.config import check
from memory_core.errors import NotPossible
from memory_core.frame import CameraFrame
from memory_core.geometry import Vec
from sim.frames import base_pose
from sim.house.agent import Agent, Refused
from sim.house.assets import AssetTable
from sim.house.camera import Camera
from sim.house.changes import Change, Changed, apply, refused
from sim.house.floor import GRID_M, Floor
from sim.house.placing import free_spots
from sim.house.schema import load_house
from sim.house.world import World
from sim.settings import SimSettings
from sim.types import Action, AgentPose, SimObject, SimRoom, StepResult


class HouseSimulator:
    """A robot in a house. Time is simulated: every action takes `settings.step_s`, whether it succeeds or not.

    The same house, seed, actions and changes give the same bytes. `history` holds the changes that people made.
    """

    def __init__(
        self,
        house: str | Path | None,
        settings: SimSettings,
        asset_database: str | Path | None = None,
        map_id: str = "map",
    ) -> None:
        """
        Raises:
            BadHouse: the description or the asset database cannot be used.
            BadSettings: a setting is out of range.
        """
        check(settings)
        self._house, self._settings, self._map_id = house, settings, map_id
        self._assets = AssetTable(asset_database)
        self._world, self._camera, self._agent = self._begin()
        self._n_steps = 0
        self._frame: CameraFrame | None = None
        self._objects: list[SimObject] | None = None
        self._agenda: list[tuple[int, Change]] = []
        self.history: list[Changed] = []
        self._is_open = True

    def reset(self, scene: str | None = None, seed: int | None = None) -> CameraFrame:
        """Begin anew, perhaps in another house or with other colours; the clock begins anew too, nothing scheduled."""
        self._house = scene or self._house
        if seed is not None:
            self._settings = replace(self._settings, seed=seed)
            check(self._settings)
        self._world, self._camera, self._agent = self._begin()
        self._n_steps, self._frame, self._objects, self._is_open = 0, None, None, True
        self._agenda, self.history = [], []
        return self.observe()

    def step(self, action: Action) -> StepResult:
        """Do one thing; what physics forbids gives `ok` False, a sentence and an unchanged world. O(faces + pixels)."""
        self._require_open()
        error = ""
        try:
            self._agent.act(action)
        except Refused as refusal:
            error = str(refusal)
        self._pass(1)
        return StepResult(self.observe(), ok=not error, error=error)

    def wait(self, seconds: float) -> CameraFrame:
        """Let time pass, at least a step; what was scheduled happens."""
        self._require_open()
        self._pass(max(1, math.ceil(seconds / self._settings.step_s - 1e-9)))
        return self.observe()

    def change(self, change: Change) -> Changed:
        """Let people change something now; it stands in `history`. O(objects + free places).

        Raises:
            NotPossible: it cannot be done; nothing has changed.
        """
        self._require_open()
        done = apply(self._world, change, self.now_ns, (self._agent.pose.x, self._agent.pose.y))
        self.history.append(done)
        self._agent.look_again()
        self._frame = self._objects = None
        return done

    def schedule(self, changes: Iterable[tuple[int, Change]]) -> None:
        """Changes that will happen by themselves, each with its simulated time in nanoseconds.

        Those that cannot be done when their time comes are in `history` with an error. What is past happens at the
        next step.
        """
        self._agenda = sorted([*self._agenda, *changes], key=lambda entry: entry[0])

    def observe(self) -> CameraFrame:
        """What the camera sees now; asking again gives the same frame."""
        self._require_open()
        if self._frame is None:
            self._frame = self._camera.frame(self._agent.pose, self._n_steps)
        return self._frame

    def objects(self) -> list[SimObject]:
        """The truth about all objects, in a fixed order; O(faces) after an action, then O(objects)."""
        if self._objects is None:
            self._objects = [self._world.truth(thing) for thing in self._world.things.values()]
        return list(self._objects)

    def object(self, uid: str) -> SimObject:
        """The truth about one object.

        Raises:
            NotPossible: there is no such object.
        """
        if uid not in self._world.things:
            raise NotPossible(f"there is no object {uid!r} in {self._world.house.name}")
        return self._world.truth(self._world.things[uid])

    def rooms(self) -> list[SimRoom]:
        return list(self._world.rooms.values())

    def reachable(self, grid_m: float = GRID_M) -> Vec:
        """(N, 2) points of a grid through the agent that it can walk to, metres; O(house area)."""
        floor = self._agent.floor()
        return floor.reachable(np.array([self._agent.pose.x, self._agent.pose.y]), grid_m)

    def can_stand(self, points: Vec) -> NDArray[np.bool_]:
        """(N,) whether the agent fits at points (N, 2) of the floor."""
        return self._agent.floor().can_stand(points)

    def sees(self, uid: str) -> bool:
        """Whether enough of an object is in the present image to act on it."""
        thing = self._world.things.get(uid)
        return thing is not None and self._agent.sees(thing.body.number)

    def fits(self, uid: str, receptacle: str) -> bool:
        """Whether there is room for an object on or in a receptacle now, were it open."""
        thing, holder = self._world.things[uid], self._world.things[receptacle]
        spots = free_spots(self._world, holder, thing, np.array(self.object(receptacle).box.center))
        return holder.type.receptacle and bool(spots)

    def holds_inside(self, uid: str) -> bool:
        """Whether what an object holds is "in" it rather than "on" it."""
        return self._world.things[uid].type.holds_inside

    def label_of(self, instance_id: int) -> str:
        """Spoken class name of a number in the instance images; "" for 0 and unknown numbers."""
        return self._world.labels.get(instance_id, "")

    def uid_of(self, instance_id: int) -> str:
        """The handle for acting on a number in the instance images; "" for 0 and unknown numbers."""
        bodies = self._world.scene.bodies
        return bodies[instance_id - 1].uid if 1 <= instance_id <= len(bodies) else ""

    @property
    def held(self) -> str:
        """uid of what is in the hand, "" if nothing."""
        return self._agent.in_hand.uid if self._agent.in_hand else ""

    @property
    def agent_pose(self) -> AgentPose:
        return self._agent.pose

    @property
    def T_world_base(self) -> Vec:  # noqa: N802 (T_a_b is the field's own name)
        """(4, 4) pose of the robot on the floor."""
        return base_pose(self._agent.pose.x, self._agent.pose.y, self._agent.pose.yaw_rad)

    @property
    def guessed_sizes(self) -> Mapping[str, int]:
        """How many objects got a typical or a default size because no database knew theirs."""
        return dict(self._assets.guessed)

    def close(self) -> None:
        """Free the images; the simulator cannot be used afterwards."""
        self._is_open = False
        self._frame = None

    @property
    def now_ns(self) -> int:
        """Simulated time: the stamp of the present frame."""
        return self._camera.stamp_ns(self._n_steps)

    def _pass(self, n_steps: int) -> None:
        """Let steps pass, and what is due by then happen."""
        self._n_steps += n_steps
        self._frame = self._objects = None
        n_due = sum(at_ns <= self.now_ns for at_ns, _ in self._agenda)
        due, self._agenda = self._agenda[:n_due], self._agenda[n_due:]
        for at_ns, change in due:
            try:
                done = apply(self._world, change, at_ns, (self._agent.pose.x, self._agent.pose.y))
            except NotPossible as reason:
                done = refused(change, at_ns, reason)
            self.history.append(done)
        if due:
            self._agent.look_again()

    def _begin(self) -> tuple[World, Camera, Agent]:
        self._assets.guessed.clear()
        world = World(load_house(self._house), self._assets, self._settings.seed)
        camera = Camera(world, self._settings, session_id=f"house {world.house.name}", map_id=self._map_id)
        return world, camera, Agent(world, self._settings, _start(world), camera.ids)

    def _require_open(self) -> None:
        if not self._is_open:
            raise NotPossible("the simulator is closed; call reset first")


def _start(world: World) -> AgentPose:
    wanted = world.house.start
    x, y = Floor(world).start((wanted.x, wanted.y) if wanted else None)
    return AgentPose(x=float(x), y=float(y), yaw_rad=wanted.yaw_rad if wanted else 0.0)
