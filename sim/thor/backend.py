# SPDX-License-Identifier: Apache-2.0
"""AI2-THOR as a simulator like the embedded house: look, act, and (for evaluation only) know the truth."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_core.config import check
from memory_core.errors import BackendUnavailable, NotPossible
from memory_core.frame import CameraFrame
from memory_core.geometry import Vec
from memory_core.labels import spoken
from sim.frames import base_pose, ros_from_unity
from sim.house.assets import object_types
from sim.settings import SimSettings
from sim.thor.actions import pose_of, same_pose, unity_action
from sim.thor.connection import Connection
from sim.thor.observation import InstanceNumbers, frame_of, reading, triple
from sim.thor.scenes import ThorScene, load_scene, room_of_bounds
from sim.thor.settings import ThorSettings
from sim.thor.truth import objects_of
from sim.types import Action, AgentPose, SimObject, SimRoom, StepResult

_FIRST_STAMP_NS = 1_000_000_000
_VISIBLE_SHARE = 1 / 7680  # of the image: 10 pixels at 320 x 240
_GRID_M = 0.25


class ThorSimulator:
    """A robot in AI2-THOR. Time is simulated: every action takes `settings.step_s`, whether it succeeds or not.

    The height of the camera is that of AI2-THOR's agent, and its scenes look the same whatever the seed; of the
    settings, `camera_height_m` and `seed` change nothing. When the process ends or does not answer, every call raises
    BackendUnavailable until `reset` has started it again.
    """

    def __init__(
        self, scene: str | Path | None, settings: SimSettings, thor: ThorSettings, map_id: str = "map"
    ) -> None:
        """
        Args:
            scene: name of a scene of the build, "FloorPlan1" when None; or a ProcTHOR house, FILE or FILE#INDEX.

        Raises:
            BackendUnavailable: AI2-THOR is not here or does not start.
            BadHouse: the house cannot be loaded.
            BadSettings: a setting is out of range.
        """
        check(settings)
        check(thor)
        self._settings, self._thor, self._map_id = settings, thor, map_id
        self._scene: ThorScene = load_scene(scene)
        self._connection = Connection(self._scene, settings, thor)
        self._event: Any = None
        self._numbers = InstanceNumbers()
        self._n_steps = 0
        self._frame: CameraFrame | None = None
        self._begin()

    def reset(self, scene: str | None = None, seed: int | None = None) -> CameraFrame:
        """Begin anew, perhaps in another scene; the clock begins anew too. Starts AI2-THOR again if it has ended."""
        if seed is not None:
            self._settings = replace(self._settings, seed=seed)
            check(self._settings)
        if scene is not None:
            self._scene = load_scene(scene)
        if self._connection.is_open:
            self._connection.reset(self._scene)
        else:
            self._connection = Connection(self._scene, self._settings, self._thor)
        self._begin()
        return self.observe()

    def step(self, action: Action) -> StepResult:
        """Do one thing; what physics forbids gives `ok` False, a sentence and an unchanged world.

        Raises:
            NotPossible: AI2-THOR does not know the action.
            BackendUnavailable: the process has ended or does not answer.
        """
        self._require_open()
        self._event = self._connection.step(unity_action(action, self._agent_y_m()))
        self._frame = None
        self._n_steps += 1
        ok = bool(self._metadata["lastActionSuccess"])
        error = "" if ok else str(self._metadata.get("errorMessage") or f"{action.name} failed.")
        return StepResult(self.observe(), ok=ok, error=error)

    def observe(self) -> CameraFrame:
        """What the camera sees now; asking again gives the same frame."""
        self._require_open()
        if self._frame is None:
            self._frame = self._read_frame()
        return self._frame

    def objects(self) -> list[SimObject]:
        """The truth about all objects, in AI2-THOR's order; O(objects x rooms)."""
        self._require_open()
        with reading("objects"):
            return objects_of(self._metadata, self.rooms(), self._numbers)

    def object(self, uid: str) -> SimObject:
        """The truth about one object.

        Raises:
            NotPossible: there is no such object.
        """
        for thing in self.objects():
            if thing.uid == uid:
                return thing
        raise NotPossible(f"there is no object {uid!r} in {self._scene.name}")

    def rooms(self) -> list[SimRoom]:
        """The rooms of a house; a scene of the build is one room."""
        with reading("bounds of the scene"):
            return list(self._scene.rooms) or [room_of_bounds(self._scene.name, self._metadata)]

    def reachable(self) -> Vec:
        """(N, 2) points of a grid through the agent that it can walk to, metres, sorted; takes no simulated time."""
        self._require_open()
        event = self._connection.step({"action": "GetReachablePositions"})
        with reading("reachable positions"):
            told = [triple(position) for position in event.metadata["actionReturn"] or []]
        points = ros_from_unity(np.array(told).reshape(-1, 3))[:, :2]
        return points[np.lexsort((points[:, 1], points[:, 0]))]

    def can_stand(self, points: Vec) -> NDArray[np.bool_]:
        """(N,) whether points (N, 2) of the floor are next to one that the agent can walk to."""
        free = self.reachable()
        gaps = np.linalg.norm(np.asarray(points)[:, None] - free[None], axis=2)
        return np.asarray(gaps.min(axis=1, initial=np.inf) <= _GRID_M / math.sqrt(2) + 1e-6)

    def sees(self, uid: str) -> bool:
        """Whether enough of an object is in the present image to act on it."""
        ids = self.observe().instance_ids
        assert ids is not None
        number = self._numbers.known(uid)
        return number > 0 and bool(np.count_nonzero(ids == number) >= ids.size * _VISIBLE_SHARE)

    def fits(self, uid: str, receptacle: str) -> bool:
        """Whether an object may have room on or in a receptacle: AI2-THOR tells only when it is tried."""
        return uid != receptacle and self.object(receptacle).receptacle

    def holds_inside(self, uid: str) -> bool:
        """Whether what an object holds is "in" it rather than "on" it."""
        label = self.object(uid).label
        return any(kind.holds_inside for kind in object_types().values() if spoken(kind.name) == label)

    def label_of(self, instance_id: int) -> str:
        """Spoken class name of a number in the instance images; "" for 0 and unknown numbers."""
        return self._numbers.labels.get(instance_id, "")

    def uid_of(self, instance_id: int) -> str:
        """The handle for acting on a number in the instance images; "" for 0 and unknown numbers."""
        return self._numbers.name(instance_id)

    @property
    def held(self) -> str:
        """uid of what is in the hand, "" if nothing."""
        in_hand = self._metadata.get("inventoryObjects") or []
        return str(in_hand[0]["objectId"]) if in_hand else ""

    @property
    def agent_pose(self) -> AgentPose:
        with reading("a pose"):
            return pose_of(self._metadata["agent"])

    @property
    def T_world_base(self) -> Vec:  # noqa: N802 (T_a_b is the field's own name)
        """(4, 4) pose of the robot on the floor."""
        pose = self.agent_pose
        return base_pose(pose.x, pose.y, pose.yaw_rad)

    def close(self) -> None:
        """End AI2-THOR; `reset` starts it again."""
        self._connection.close()
        self._frame = None

    def _begin(self) -> None:
        self._go_to_start()
        self._event = self._connection.event
        self._numbers, self._n_steps, self._frame = InstanceNumbers(), 0, None
        self.observe()

    def _go_to_start(self) -> None:
        """A house says where the agent begins; when it cannot stand there, it stays where AI2-THOR has put it."""
        start, self._event = self._scene.start, self._connection.event
        if start is not None and not same_pose(start, self.agent_pose):
            self._connection.step(unity_action(Action("Teleport", pose=start), self._agent_y_m()))

    def _agent_y_m(self) -> float:
        """How high AI2-THOR's origin of the agent is above the floor."""
        with reading("a pose"):
            return float(self._metadata["agent"]["position"]["y"])

    @property
    def _metadata(self) -> Any:
        return self._event.metadata

    def _read_frame(self) -> CameraFrame:
        stamp = _FIRST_STAMP_NS + self._n_steps * round(self._settings.step_s * 1e9)
        names = (f"ai2thor {self._scene.name}", self._map_id)
        with reading("a frame"):
            return frame_of(self._event, self._numbers, self._connection.far_m, stamp, names)

    def _require_open(self) -> None:
        if not self._connection.is_open:
            raise BackendUnavailable("AI2-THOR is not running; call reset to start it again")
