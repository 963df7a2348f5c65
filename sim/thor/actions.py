# SPDX-License-Identifier: Apache-2.0
"""Actions in AI2-THOR's own words: its arguments, its degrees, its axes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from memory_core.errors import NotPossible
from sim.frames import degrees_from_yaw, ros_from_unity, unity_from_ros, yaw_from_unity
from sim.types import Action, AgentPose

_NEAR_M = _NEAR_RAD = 0.01
_MOVES = frozenset({"MoveAhead", "MoveBack", "MoveLeft", "MoveRight"})
_TURNS = frozenset({"RotateLeft", "RotateRight", "LookUp", "LookDown"})
_HANDLINGS = frozenset({
    "PickupObject", "PutObject", "OpenObject", "CloseObject", "ToggleObjectOn", "ToggleObjectOff", "SliceObject",
})  # fmt: skip


def unity_action(action: Action, agent_y_m: float) -> dict[str, Any]:
    """The keyword arguments of the client's `step`. A name that is not in the vocabulary is passed on as it is.

    Args:
        agent_y_m: how high the agent's origin is above the floor, for Teleport.

    Raises:
        NotPossible: a number that is not finite, or a Teleport without a pose.
    """
    told: dict[str, Any] = {"action": action.name}
    if action.name in _MOVES:
        told["moveMagnitude"] = _finite(action.distance_m, "distance_m")
    elif action.name in _TURNS:
        told["degrees"] = _finite(action.angle_deg, "angle_deg")
    elif action.name == "Teleport":
        told.update(_teleport(action.pose, agent_y_m))
    elif action.name in _HANDLINGS:
        told["objectId"] = action.uid
    if action.name == "PutObject":
        told["placeStationary"] = True
    return told


def pose_of(agent: Mapping[str, Any]) -> AgentPose:
    """Where AI2-THOR says that the agent is."""
    x, y, _ = (float(value) for value in ros_from_unity([float(agent["position"][axis]) for axis in "xyz"]))
    yaw = (yaw_from_unity(float(agent["rotation"]["y"])) + math.pi) % (2 * math.pi) - math.pi
    horizon = math.remainder(math.radians(float(agent["cameraHorizon"])), 2 * math.pi)
    return AgentPose(x=x, y=y, yaw_rad=yaw, horizon_rad=horizon)


def same_pose(one: AgentPose, other: AgentPose) -> bool:
    """Within a centimetre and a hundredth of a radian."""
    turned = abs(math.remainder(one.yaw_rad - other.yaw_rad, 2 * math.pi))
    tilted = abs(one.horizon_rad - other.horizon_rad)
    return math.dist((one.x, one.y), (other.x, other.y)) < _NEAR_M and max(turned, tilted) < _NEAR_RAD


def _teleport(pose: AgentPose | None, agent_y_m: float) -> dict[str, Any]:
    if pose is None:
        raise NotPossible("Teleport wants a pose")
    x, y = _finite(pose.x, "pose.x"), _finite(pose.y, "pose.y")
    right, _, forward = (float(value) for value in unity_from_ros((x, y, 0.0)))
    return {
        "position": {"x": right, "y": agent_y_m, "z": forward},
        "rotation": {"x": 0.0, "y": degrees_from_yaw(_finite(pose.yaw_rad, "pose.yaw_rad")), "z": 0.0},
        "horizon": math.degrees(_finite(pose.horizon_rad, "pose.horizon_rad")),
        "standing": True,
    }


def _finite(value: float, name: str) -> float:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise NotPossible(f"{name} wants a finite number, got {value!r}")
    return float(value)
