# SPDX-License-Identifier: Apache-2.0
"""The embedded house as AI2-THOR would show and tell it: its pictures, its physics, in Unity's axes and words."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sim.frames import (
    degrees_from_yaw,
    horizontal_fov_deg,
    ros_from_unity,
    unity_from_ros,
    unity_size,
    yaw_from_unity,
)
from sim.house.backend import HouseSimulator
from sim.settings import SimSettings
from sim.thor.standin.place import AGENT_Y_M, Images, Point, Stance, View, point, required
from sim.thor.standin.wording import written
from sim.types import Action, AgentPose, SimObject

_GRID_M = 0.25
_TURN_DEG = 90.0
_TILT_DEG = 30.0


class HousePlace:
    """A house of the embedded simulator, which does the physics."""

    def __init__(
        self, house: dict[str, Any] | None, view: View, *, spec: str, camera_height_m: float, seed: int
    ) -> None:
        """
        Args:
            house: a ProcTHOR description; None for the house of `spec`.

        Raises:
            BadHouse: the house cannot be loaded.
        """
        settings = SimSettings(
            width=view.width,
            height=view.height,
            hfov_deg=horizontal_fov_deg(view.width, view.height, view.vfov_deg),
            camera_height_m=camera_height_m,
            reach_m=view.reach_m,
            seed=seed,
        )
        self._view, self._camera_height_m = view, camera_height_m
        if house is None:
            self._house = HouseSimulator(spec, settings)
            return
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "house.json"
            file.write_text(json.dumps(house), encoding="utf-8")
            self._house = HouseSimulator(file, settings)

    def act(self, action: str, arguments: Mapping[str, Any]) -> str:
        return self._house.step(self._action(action, arguments)).error

    def stance(self) -> Stance:
        pose = self._house.agent_pose
        return Stance(
            position=point([*unity_from_ros((pose.x, pose.y, 0.0))[[0]], AGENT_Y_M, pose.x]),
            rotation_y_deg=degrees_from_yaw(pose.yaw_rad),
            horizon_deg=math.degrees(pose.horizon_rad),
            camera=point(unity_from_ros((pose.x, pose.y, self._camera_height_m))),
        )

    def objects(self) -> list[dict[str, Any]]:
        things = self._house.objects()
        ids = self._house.observe().instance_ids
        assert ids is not None
        seen = set(np.flatnonzero(np.bincount(ids.ravel())).tolist())
        return [self._told(thing, things, thing.instance_id in seen) for thing in things]

    def names(self) -> Sequence[str]:
        names: list[str] = []
        while name := self._house.uid_of(len(names) + 1):
            names.append(name)
        return names

    def images(self) -> Images:
        frame = self._house.observe()
        assert frame.instance_ids is not None
        return Images(frame.rgb, frame.depth, frame.instance_ids)

    def reachable(self) -> list[Point]:
        ground = self._house.reachable(_GRID_M)
        points = unity_from_ros(np.column_stack([ground, np.zeros(len(ground))]))
        return [{"x": float(x), "y": AGENT_Y_M, "z": float(z)} for x, _, z in points]

    def bounds(self) -> tuple[Point, Point]:
        boxes = [room.box for room in self._house.rooms()]
        low = np.min([box.minimum for box in boxes], axis=0)
        high = np.max([box.maximum for box in boxes], axis=0)
        return point(unity_from_ros((low + high) / 2)), point(unity_size(high - low))

    def _action(self, name: str, told: Mapping[str, Any]) -> Action:
        """An action of the common vocabulary from AI2-THOR's arguments.

        Raises:
            MissingArgument: one that it needs is not there.
        """
        if name.startswith("Move"):
            return Action(name, distance_m=float(told.get("moveMagnitude") or _GRID_M))  # type: ignore[arg-type]
        if name.startswith(("Rotate", "Look")):
            usual = _TURN_DEG if name.startswith("Rotate") else _TILT_DEG
            return Action(name, angle_deg=float(told.get("degrees", usual)))  # type: ignore[arg-type]
        if name.startswith("Teleport"):
            return Action("Teleport", pose=self._pose(told))
        if name in ("Done", "Pass"):
            return Action("Done")
        return Action(name, str(required(told, "objectId")))  # type: ignore[arg-type]

    def _pose(self, told: Mapping[str, Any]) -> AgentPose:
        pose = self._house.agent_pose
        position, rotation, horizon = told.get("position"), told.get("rotation"), told.get("horizon")
        x, y = pose.x, pose.y
        if position is not None:
            x, y, _ = (float(value) for value in ros_from_unity([position[axis] for axis in "xyz"]))
        yaw = pose.yaw_rad if rotation is None else yaw_from_unity(float(rotation["y"]))
        tilt = pose.horizon_rad if horizon is None else math.radians(float(horizon))
        return AgentPose(x=x, y=y, yaw_rad=yaw, horizon_rad=tilt)

    def _told(self, thing: SimObject, things: Sequence[SimObject], in_image: bool) -> dict[str, Any]:
        """AI2-THOR's metadata of one object."""
        center, size = unity_from_ros(thing.box.center), unity_size(thing.box.size)
        pose = self._house.agent_pose
        distance = math.dist((pose.x, pose.y), thing.box.center[:2])
        corners = [
            (center + np.array([i, j, k]) * size / 2).tolist() for i in (1, -1) for j in (1, -1) for k in (1, -1)
        ]
        return {
            "name": thing.uid,
            "objectId": thing.uid,
            "objectType": written(thing.label),
            "assetId": written(thing.label),
            "position": point(center),
            "rotation": point((0.0, 0.0, 0.0)),
            "axisAlignedBoundingBox": {"cornerPoints": corners, "center": point(center), "size": point(size)},
            "objectOrientedBoundingBox": {"cornerPoints": corners} if thing.pickupable else None,
            "visible": in_image and distance <= self._view.reach_m,
            "distance": distance,
            "pickupable": thing.pickupable,
            "moveable": False,
            "receptacle": thing.receptacle,
            "openable": thing.openable,
            "isOpen": bool(thing.is_open),
            "openness": 1.0 if thing.is_open else 0.0,
            "sliceable": thing.sliceable,
            "isSliced": False,
            "toggleable": thing.toggleable,
            "isToggled": bool(thing.is_on),
            "isPickedUp": thing.uid == self._house.held,
            "isMoving": False,
            "parentReceptacles": [thing.parent] if thing.parent else None,
            "receptacleObjectIds": [other.uid for other in things if other.parent == thing.uid],
            "mass": 1.0,
            "temperature": "RoomTemp",
            "salientMaterials": None,
        }
