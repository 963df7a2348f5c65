# SPDX-License-Identifier: Apache-2.0
"""Driving a simulated robot in small actions, by the pose that its frames tell."""

from __future__ import annotations

import math
from collections.abc import Callable

from memory_app.exploring.ground import Point2
from memory_app.exploring.settings import ExplorationSettings
from memory_app.walking import wrapped
from memory_core.frame import CameraFrame
from sim import Action, Simulator, StepResult

_LEAST_TURN_RAD = math.radians(1)
_LEAST_WAY_M = 0.03
_STEEPEST_RAD = math.radians(60)


class Driver:
    """The wheels and the neck of a robot. Every frame that an action gives is handed on; every action counts.

    Args:
        see: takes each frame.
    """

    def __init__(self, sim: Simulator, see: Callable[[CameraFrame], None], settings: ExplorationSettings) -> None:
        self._sim, self._see, self._settings = sim, see, settings
        self.n_actions = self.n_bumps = 0
        self.driven_m = 0.0
        self._frame = sim.observe()
        see(self._frame)

    @property
    def position(self) -> Point2:
        x, y = self._frame.T_world_cam[:2, 3].tolist()
        return (x, y)

    @property
    def height_m(self) -> float:
        """Of the camera in the map."""
        return float(self._frame.T_world_cam[2, 3])

    @property
    def yaw_rad(self) -> float:
        forward = self._frame.T_world_cam[:3, 2]
        return math.atan2(float(forward[1]), float(forward[0]))

    @property
    def tilt_rad(self) -> float:
        """Of the camera below the horizon."""
        return -math.asin(max(-1.0, min(1.0, float(self._frame.T_world_cam[2, 2]))))

    def step_towards(self, point: Point2) -> bool | None:
        """One action on the way to a point: True when done, None when already there, False when something was hit."""
        way = math.dist(self.position, point)
        if way < _LEAST_WAY_M:
            return None
        turn = wrapped(math.atan2(point[1] - self.position[1], point[0] - self.position[0]) - self.yaw_rad)
        # What is near needs no exact heading: the next steps make up for it.
        if abs(turn) > max(_LEAST_TURN_RAD, math.atan2(_LEAST_WAY_M, way)):
            self._turn(turn)
            return True
        before = self.position
        ok = self._act(Action("MoveAhead", distance_m=min(way, self._settings.stride_m))).ok
        self.driven_m += math.dist(before, self.position)
        self.n_bumps += not ok
        return ok

    def turn_to(self, yaw_rad: float) -> None:
        """Turn the shorter way, in as many actions as it takes."""
        turn = wrapped(yaw_rad - self.yaw_rad)
        n_actions = math.ceil(abs(turn) / math.radians(self._settings.turn_deg) - 1e-6)
        if abs(turn) > _LEAST_TURN_RAD:
            for _ in range(n_actions):
                self._turn(turn / n_actions)

    def look_around(self) -> None:
        """Turn once around, to the left."""
        n_actions = math.ceil(360 / self._settings.turn_deg - 1e-6)
        for _ in range(n_actions):
            self._turn(2 * math.pi / n_actions)

    def tilt_to(self, tilt_rad: float) -> None:
        tilt = max(-_STEEPEST_RAD, min(_STEEPEST_RAD, tilt_rad)) - self.tilt_rad
        if abs(tilt) > _LEAST_TURN_RAD:
            name = "LookDown" if tilt > 0 else "LookUp"
            self._act(Action(name, angle_deg=math.degrees(abs(tilt))))  # type: ignore[arg-type]

    def _turn(self, turn_rad: float) -> None:
        turn_deg = min(math.degrees(abs(turn_rad)), self._settings.turn_deg)
        self._act(Action("RotateLeft" if turn_rad > 0 else "RotateRight", angle_deg=turn_deg))

    def _act(self, action: Action) -> StepResult:
        result = self._sim.step(action)
        self.n_actions += 1
        self._frame = result.frame
        self._see(result.frame)
        return result
