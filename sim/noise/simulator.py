# SPDX-License-Identifier: Apache-2.0
"""A simulator whose robot has a real camera and does not know exactly where it is."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_core.config import check
from memory_core.frame import CameraFrame
from memory_core.geometry import Vec, invert_pose
from sim.noise.drift import LoopClosure, Odometry
from sim.noise.frames import is_lost, with_depth_noise
from sim.settings import NoiseSettings
from sim.types import Action, AgentPose, SimObject, SimRoom, Simulator, StepResult


class NoisySimulator:
    """A simulator with noise, drift and losses. Frames, `agent_pose` and `T_world_base` are what the robot believes;
    `objects`, `rooms` and `reachable` are the truth, and `simulator` is the perfect one.

    When a frame is lost the robot still holds the one before. Further abilities of the simulator pass through.
    """

    def __init__(self, simulator: Simulator, settings: NoiseSettings) -> None:
        """
        Raises:
            BadSettings: a setting is out of range.
        """
        check(settings)
        self.simulator = simulator
        self._settings = settings
        self._closure: LoopClosure | None = None
        self._begin()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.simulator, name)

    def reset(self, scene: str | None = None, seed: int | None = None) -> CameraFrame:
        """Begin anew; the same seed gives the same noise."""
        self.simulator.reset(scene, seed)
        self._begin()
        return self.observe()

    def step(self, action: Action) -> StepResult:
        """Do one thing; the pose of a Teleport is a believed one."""
        if action.pose is not None:
            action = replace(action, pose=_moved(action.pose, invert_pose(self._T_believed_true())))
        result = self.simulator.step(action)
        return replace(result, frame=self._taken(result.frame))

    def wait(self, seconds: float) -> CameraFrame:
        """Let time pass, in simulators that know how to."""
        simulator: Any = self.simulator
        return self._taken(simulator.wait(seconds))

    def observe(self) -> CameraFrame:
        """What the camera gives now; asking again gives the same frame."""
        return self._taken(self.simulator.observe())

    def take_closure(self) -> LoopClosure | None:
        """The latest loop closure that nobody took yet: the corrected trajectory, for the map."""
        taken, self._closure = self._closure, None
        return taken

    def objects(self) -> list[SimObject]:
        return self.simulator.objects()

    def rooms(self) -> list[SimRoom]:
        return self.simulator.rooms()

    def reachable(self) -> NDArray[np.float64]:
        return self.simulator.reachable()

    def label_of(self, instance_id: int) -> str:
        return self.simulator.label_of(instance_id)

    def uid_of(self, instance_id: int) -> str:
        return self.simulator.uid_of(instance_id)

    def close(self) -> None:
        self.simulator.close()

    @property
    def agent_pose(self) -> AgentPose:
        return _moved(self.simulator.agent_pose, self._T_believed_true())

    @property
    def T_world_base(self) -> Vec:  # noqa: N802 (T_a_b is the field's own name)
        return np.asarray(self._T_believed_true() @ self.simulator.T_world_base)

    @property
    def pose_error(self) -> tuple[float, float]:
        """How far, metres, and how much turned, radians, the robot is from where it believes to be."""
        return self._odometry.error

    def _begin(self) -> None:
        self._odometry = Odometry(self._settings)
        self._closure = None
        self._raw: CameraFrame | None = None
        self._frame = self.simulator.observe()
        self._taken(self._frame)

    def _T_believed_true(self) -> Vec:  # noqa: N802 (T_a_b is the field's own name)
        return self._odometry.T_believed_true() if self._settings.drift > 0 else np.eye(4)

    def _taken(self, frame: CameraFrame) -> CameraFrame:
        """What the robot holds after the simulator gave a frame."""
        if frame is self._raw:
            return self._frame
        is_first = self._raw is None
        self._raw = frame
        pose = frame.T_world_cam
        if self._settings.drift > 0:
            pose = self._odometry.believe(frame.stamp_ns, frame.T_world_cam)
            self._closure = self._odometry.closure or self._closure
        if is_first or not is_lost(frame.stamp_ns, self._settings):
            self._frame = with_depth_noise(replace(frame, T_world_cam=pose), self._settings)
        return self._frame


def _moved(pose: AgentPose, T: Vec) -> AgentPose:
    x, y = T[:2, :2] @ [pose.x, pose.y] + T[:2, 3]
    turn = math.atan2(T[1, 0], T[0, 0])
    yaw = (pose.yaw_rad + turn + math.pi) % (2 * math.pi) - math.pi
    return replace(pose, x=float(x), y=float(y), yaw_rad=yaw)
