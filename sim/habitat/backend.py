# SPDX-License-Identifier: Apache-2.0
"""Habitat as a simulator like the embedded house: look, act, and (for evaluation only) know the truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_core.config import check
from memory_core.errors import NotPossible
from memory_core.frame import CameraFrame
from memory_core.geometry import Vec
from sim.frames import base_pose, camera_pose_from_habitat, intrinsics
from sim.habitat.body import Body
from sim.habitat.connection import Connection
from sim.habitat.hand import Hand, Reach, sees
from sim.habitat.settings import HabitatSettings
from sim.habitat.things import Things
from sim.habitat.truth import kind_of, objects_of, rooms_of
from sim.house.agent import Refused
from sim.settings import SimSettings
from sim.types import Action, AgentPose, SimObject, SimRoom, StepResult

_FIRST_STAMP_NS = 1_000_000_000
_HANDLINGS = frozenset({"PickupObject", "PutObject"})


class HabitatSimulator:
    """A robot in a Habitat scene. Time is simulated: every action takes `settings.step_s`, whether it succeeds or not.

    The seed chooses where the robot begins. Numbers in the instance images are Habitat's semantic ids.
    """

    def __init__(
        self, scene: str | Path | None, settings: SimSettings, habitat: HabitatSettings, map_id: str = "map"
    ) -> None:
        """
        Args:
            scene: a file (*.glb, *.stage_config.json, ...), the name of a scene of `habitat.dataset`, or
                FILE.scene_dataset_config.json#SCENE.

        Raises:
            BackendUnavailable: habitat_sim is not here, cannot draw, or cannot load the scene.
            BadHouse: a file is missing.
            BadSettings: a setting is out of range.
        """
        check(settings)
        check(habitat)
        self._settings, self._habitat, self._map_id = settings, habitat, map_id
        self._connection: Connection | None = None
        self._frame: CameraFrame | None = None
        self._objects: list[SimObject] | None = None
        self._begin(scene)

    def reset(self, scene: str | None = None, seed: int | None = None) -> CameraFrame:
        """Begin anew, perhaps in another scene or at another place; the clock begins anew too."""
        if seed is not None:
            self._settings = replace(self._settings, seed=seed)
            check(self._settings)
        if scene is not None and scene != self._scene:
            self.close()
        self._begin(scene or self._scene)
        return self.observe()

    def step(self, action: Action) -> StepResult:
        """Do one thing; what cannot be done gives `ok` False, a sentence and an unchanged world."""
        self._open()
        error = ""
        try:
            if action.name in _HANDLINGS:
                self._handle(action)
            else:
                self._body.act(action)
        except Refused as refusal:
            error = str(refusal)
        self._n_steps += 1
        self._frame = None
        return StepResult(self.observe(), ok=not error, error=error)

    def observe(self) -> CameraFrame:
        """What the camera sees now; asking again gives the same frame."""
        connection = self._open()
        if self._frame is None:
            colour, depth, semantic = connection.images()
            self._frame = CameraFrame(
                stamp_ns=_FIRST_STAMP_NS + self._n_steps * round(self._settings.step_s * 1e9),
                rgb=np.ascontiguousarray(colour[..., :3], np.uint8),
                depth=_metres(depth),
                K=intrinsics(self._settings.width, self._settings.height, self._settings.hfov_deg),
                T_world_cam=camera_pose_from_habitat(*connection.camera()),
                session_id=f"habitat {Path(connection.scene).name}",
                map_id=self._map_id,
                instance_ids=self._things.read(semantic),
                instance_labels=self._things.labels,
            )
        return self._frame

    def objects(self) -> list[SimObject]:
        """The truth about all objects, in a fixed order; O(objects^2) after a handling, else O(objects)."""
        self._open()
        if self._objects is None:
            self._objects = objects_of(self._things, self._rooms)
        return list(self._objects)

    def object(self, uid: str) -> SimObject:
        """The truth about one object.

        Raises:
            NotPossible: there is no such object.
        """
        for thing in self.objects():
            if thing.uid == uid:
                return thing
        raise NotPossible(f"there is no object {uid!r} in {self._scene}")

    def rooms(self) -> list[SimRoom]:
        """The scene's regions, as rectangles; none for a scene without."""
        return list(self._rooms)

    def reachable(self) -> Vec:
        """(N, 2) points of a grid through the agent that it can walk to on its storey, metres, sorted."""
        self._open()
        return self._body.reachable()

    def can_stand(self, points: Vec) -> NDArray[np.bool_]:
        """(N,) whether the agent fits at points (N, 2) of the floor it stands on."""
        self._open()
        return np.array([self._body.can_stand(float(x), float(y)) for x, y in points], bool)

    def sees(self, uid: str) -> bool:
        """Whether enough of an object is in the present image to act on it."""
        return sees(self.observe(), self._things.number(uid))

    def fits(self, uid: str, receptacle: str) -> bool:
        """Whether an object may have room on or in a receptacle; only trying tells for sure."""
        return uid != receptacle and self.object(receptacle).receptacle

    def holds_inside(self, uid: str) -> bool:
        """Whether what an object holds is "in" it rather than "on" it."""
        kind = kind_of(self.object(uid).label)
        return kind is not None and kind.holds_inside

    def label_of(self, instance_id: int) -> str:
        """Spoken class name of a number in the instance images; "" for 0 and unknown numbers."""
        return self._things.labels.get(instance_id, "")

    def uid_of(self, instance_id: int) -> str:
        """The handle for acting on a number in the instance images; "" for 0 and unknown numbers."""
        return self._things.uid(instance_id)

    @property
    def held(self) -> str:
        """uid of what is in the hand, "" if nothing."""
        return self._hand.held.uid if self._hand.held else ""

    @property
    def agent_pose(self) -> AgentPose:
        return self._body.pose

    @property
    def T_world_base(self) -> Vec:  # noqa: N802 (T_a_b is the field's own name)
        """(4, 4) pose of the robot on the floor, which may lie at any height."""
        pose = self._body.pose
        T = base_pose(pose.x, pose.y, pose.yaw_rad)
        T[2, 3] = self._body.floor_m
        return T

    def close(self) -> None:
        """Free Habitat; `reset` loads the scene again."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._frame = None, None

    def _begin(self, scene: str | Path | None) -> None:
        if self._connection is None:
            self._connection = Connection(scene, self._settings, self._habitat)
            self._scene = scene
            self._things = Things(self._connection.semantic_objects(), self._connection.rigid_objects)
            self._rooms = rooms_of(self._things)
        for thing in self._things.movable.values():
            thing.go_home()
        self._hand = Hand(self._things)
        self._body = Body(self._connection, self._habitat.snap_m, self._settings.seed)
        self._n_steps, self._frame, self._objects = 0, None, None

    def _handle(self, action: Action) -> None:
        pose = self._body.pose
        reach = Reach(self.observe(), np.array([pose.x, pose.y, self._body.floor_m]), self._settings.reach_m)
        try:
            target = self.object(action.uid)
        except NotPossible:
            raise Refused(f"There is no object {action.uid!r} in this scene.") from None
        if action.name == "PickupObject":
            self._hand.pick_up(target, reach)
        else:
            self._hand.put(target, reach)
        self._objects = None

    def _open(self) -> Connection:
        if self._connection is None:
            raise NotPossible("the simulator is closed; call reset first")
        return self._connection


def _metres(depth: NDArray[Any]) -> NDArray[np.float32]:
    """Depth with 0 wherever Habitat tells no distance."""
    metres = np.array(depth, np.float32, order="C")
    metres[~(np.isfinite(metres) & (metres > 0))] = 0
    return metres
