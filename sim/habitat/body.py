# SPDX-License-Identifier: Apache-2.0
"""What the robot's body can do in Habitat: walk on the navigation mesh, turn, look. A refusal is one sentence."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

import numpy as np

from memory_core.geometry import Vec
from sim.habitat.connection import Connection
from sim.house.agent import Refused
from sim.types import Action, AgentPose

GRID_M = 0.25
_ARRIVED_M = 0.005
_STOREY_M = 0.5
_STEEPEST_RAD = math.radians(75)
_SIDEWAYS = {"MoveAhead": 0.0, "MoveBack": math.pi, "MoveLeft": math.pi / 2, "MoveRight": -math.pi / 2}
_TURNS = {"RotateLeft": 1, "RotateRight": -1}
_TILTS = {"LookDown": 1, "LookUp": -1}
_IMPOSSIBLE = frozenset({"OpenObject", "CloseObject", "ToggleObjectOn", "ToggleObjectOff", "SliceObject"})


class Body:
    """Pose of the robot, which it alone changes. A refused action changes nothing."""

    def __init__(self, connection: Connection, snap_m: float, seed: int) -> None:
        self._connection, self._snap_m = connection, snap_m
        x, y, self.floor_m = (float(value) for value in connection.start(seed))
        self.pose = AgentPose(x=x, y=y, yaw_rad=0.0)
        self._stand()

    def act(self, action: Action) -> None:
        """Carry out an action of the body.

        Raises:
            Refused: it cannot be done; nothing has changed.
        """
        if action.name in _SIDEWAYS:
            self._move(action)
        elif action.name in _TURNS or action.name in _TILTS:
            self._turn(action)
        elif action.name == "Teleport":
            self._teleport(action)
        elif action.name in _IMPOSSIBLE:
            raise Refused(f"{action.name} is not possible in Habitat, whose things have no such state.")
        elif action.name != "Done":
            raise Refused(f"{action.name} is not an action of this simulator.")

    def reachable(self) -> Vec:
        """(N, 2) points of the grid through the robot that it can walk to on its storey, sorted; O(points).

        Each is joined to the next by a straight way on the navigation mesh.
        """
        start = self._position()
        heights, queue = {(0, 0): start[2]}, deque([(0, 0)])
        while queue:
            here = queue.popleft()
            begin = np.array([start[0] + here[0] * GRID_M, start[1] + here[1] * GRID_M, heights[here]])
            for step in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                after = (here[0] + step[0], here[1] + step[1])
                if after in heights:
                    continue
                height = self._height_after(begin, begin + GRID_M * np.array([step[0], step[1], 0.0]))
                if height is not None and abs(height - start[2]) <= _STOREY_M:
                    heights[after] = height
                    queue.append(after)
        return np.array(sorted(heights), np.float64) * GRID_M + start[:2]

    def can_stand(self, x: float, y: float) -> bool:
        return self._connection.can_stand(np.array([x, y, self.floor_m]))

    def _position(self) -> Vec:
        return np.array([self.pose.x, self.pose.y, self.floor_m])

    def _stand(self) -> None:
        self._connection.stand(self._position(), self.pose.yaw_rad, self.pose.horizon_rad)

    def _height_after(self, begin: Vec, end: Vec) -> float | None:
        """Height of the floor where a straight way ends, None when it is blocked."""
        walked = self._connection.walked(begin, end)
        free = float(np.linalg.norm(walked[:2] - end[:2])) <= _ARRIVED_M  # not NaN
        return float(walked[2]) if free else None

    def _move(self, action: Action) -> None:
        distance = _finite(action.distance_m, "distance_m")
        if not 0 <= distance <= 10:
            raise Refused(f"{action.name} wants 0 to 10 m, got {distance:g} m.")
        heading = self.pose.yaw_rad + _SIDEWAYS[action.name]
        begin = self._position()
        end = begin + distance * np.array([math.cos(heading), math.sin(heading), 0.0])
        height = self._height_after(begin, end)
        if height is None:
            raise Refused(f"{action.name} by {distance:g} m is blocked by a wall or furniture.")
        self.pose, self.floor_m = replace(self.pose, x=float(end[0]), y=float(end[1])), height
        self._stand()

    def _turn(self, action: Action) -> None:
        angle = math.radians(_finite(action.angle_deg, "angle_deg"))
        if action.name in _TURNS:
            yaw = self.pose.yaw_rad + _TURNS[action.name] * angle
            self.pose = replace(self.pose, yaw_rad=(yaw + math.pi) % (2 * math.pi) - math.pi)
        else:
            horizon = self.pose.horizon_rad + _TILTS[action.name] * angle
            if abs(horizon) > _STEEPEST_RAD + 1e-9:
                raise Refused(
                    f"{action.name} would tilt the camera by {math.degrees(horizon):.0f} degrees, 75 is the limit."
                )
            self.pose = replace(self.pose, horizon_rad=horizon)
        self._stand()

    def _teleport(self, action: Action) -> None:
        pose = action.pose
        if pose is None:
            raise Refused("Teleport wants a pose.")
        for value in (pose.x, pose.y, pose.yaw_rad, pose.horizon_rad):
            _finite(value, "pose")
        if abs(pose.horizon_rad) > _STEEPEST_RAD + 1e-9:
            raise Refused("Teleport wants a tilt of the camera of at most 75 degrees.")
        wanted = np.array([pose.x, pose.y, self.floor_m])
        found = self._connection.snapped(wanted)
        gap_m = float(np.linalg.norm(found[:2] - wanted[:2]))
        if not (gap_m <= max(self._snap_m, _ARRIVED_M) and abs(found[2] - self.floor_m) <= _STOREY_M):
            raise Refused(f"The agent cannot stand at ({pose.x:.2f}, {pose.y:.2f}).")
        x, y = wanted[:2] if gap_m <= _ARRIVED_M else found[:2]
        self.pose, self.floor_m = replace(pose, x=float(x), y=float(y)), float(found[2])
        self._stand()


def _finite(value: float, name: str) -> float:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Refused(f"{name} wants a finite number, got {value!r}.")
    return float(value)
