# SPDX-License-Identifier: Apache-2.0
"""What every simulator speaks: actions, results, and the truth about objects and rooms (for evaluation only)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from memory_core.frame import CameraFrame
from memory_core.geometry import Box, Vec

ActionName = Literal[
    "MoveAhead", "MoveBack", "MoveLeft", "MoveRight", "RotateLeft", "RotateRight", "LookUp", "LookDown", "Teleport",
    "PickupObject", "PutObject", "OpenObject", "CloseObject", "ToggleObjectOn", "ToggleObjectOff", "SliceObject",
    "Done",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPose:
    """Where the agent stands: metres and radians, map frame; `horizon_rad` is the camera's tilt, down positive."""

    x: float
    y: float
    yaw_rad: float
    horizon_rad: float = 0.0


@dataclass(frozen=True, slots=True)
class Action:
    """One thing an agent does, named as AI2-THOR names it.

    Attributes:
        uid: the object acted on; for PutObject the receptacle.
        distance_m: for MoveAhead, MoveBack, MoveLeft, MoveRight.
        angle_deg: for RotateLeft, RotateRight, LookUp, LookDown.
        pose: for Teleport.
    """

    name: ActionName
    uid: str = ""
    distance_m: float = 0.25
    angle_deg: float = 30.0
    pose: AgentPose | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """The frame after an action; when not `ok`, `error` says why in one sentence and the world is as before."""

    frame: CameraFrame
    ok: bool
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimObject:
    """One object as it truly is now.

    Attributes:
        uid: the simulator's own name of it; the handle for actions.
        label: spoken class name.
        box: axis-aligned bounds in the map frame, metres.
        room_id: "" outside all rooms.
        parent: uid of what holds it; "" on the floor or the wall, or in the hand.
        relation: to the parent, "" without one.
        state: "present", or "held" in the agent's hand.
        is_open, is_on: None when it cannot be opened or switched.
        instance_id: its number in the frames' instance images.
    """

    uid: str
    label: str
    box: Box
    room_id: str
    parent: str
    relation: Literal["on", "in", ""]
    state: Literal["present", "held"]
    pickupable: bool
    receptacle: bool
    openable: bool
    toggleable: bool
    is_open: bool | None
    is_on: bool | None
    instance_id: int
    sliceable: bool = False


@dataclass(frozen=True, slots=True)
class SimRoom:
    """One room: `polygon` is (N, 2) corners in the map frame, metres, counter-clockwise."""

    id: str
    label: str
    polygon: tuple[tuple[float, float], ...]
    box: Box

    def contains(self, x: float, y: float) -> bool:
        """Whether a point of the floor lies in the room; O(corners)."""
        inside = False
        for (x0, y0), (x1, y1) in zip(self.polygon, self.polygon[1:] + self.polygon[:1], strict=True):
            if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
                inside = not inside
        return inside


class Simulator(Protocol):
    """A world to look at and act in. `objects` and `rooms` are truth: no memory may read them."""

    def reset(self, scene: str | None = None, seed: int | None = None) -> CameraFrame: ...

    def step(self, action: Action) -> StepResult: ...

    def observe(self) -> CameraFrame: ...

    def objects(self) -> list[SimObject]: ...

    def rooms(self) -> list[SimRoom]: ...

    def reachable(self) -> NDArray[np.float64]: ...

    def label_of(self, instance_id: int) -> str: ...

    def uid_of(self, instance_id: int) -> str: ...

    def close(self) -> None: ...

    @property
    def agent_pose(self) -> AgentPose: ...

    @property
    def T_world_base(self) -> Vec: ...  # noqa: N802 (T_a_b is the field's own name)
