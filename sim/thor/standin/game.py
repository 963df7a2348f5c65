# SPDX-License-Identifier: Apache-2.0
"""What AI2-THOR's process does with an action: it begins scenes, acts, and answers with metadata and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np

from memory_core.errors import TolmanError
from sim.thor.standin.place import FAR_M, MissingArgument, Place, PlaceMaker, Stance, View, point
from sim.types import ActionName

_ACTIONS = frozenset(get_args(ActionName)) | {"TeleportFull", "Pass"}
_SCENES = tuple(
    [f"FloorPlan{n}_physics" for first in (1, 201, 301, 401) for n in range(first, first + 30)] + ["Procedural"]
)
_COLOUR_FACTOR = 2654435761  # odd, so that no two numbers below 2^24 share a colour
_DEPTH, _IDS, _RGB = "image_depth", "image_ids", "image"


@dataclass(frozen=True, slots=True)
class Reply:
    """One message to the client: its metadata, and its images by the names of its form."""

    metadata: dict[str, Any]
    images: dict[str, bytes]


@dataclass(slots=True)
class _Outcome:
    """How the last action ended."""

    action: str = ""
    error: str = ""
    code: str = ""
    value: Any = None


@dataclass
class Game:
    """The state of the process. `handle` never raises for what a client may send."""

    make_place: PlaceMaker
    view: View
    scene: str = "FloorPlan1_physics"
    _place: Place | None = None
    _wanted: dict[str, bool] = field(default_factory=dict)

    def first(self) -> Reply:
        """What the process says unasked."""
        return self._reply(_Outcome("Initialize"), 0)

    def handle(self, action: Mapping[str, Any]) -> Reply:
        """The answer to an action of the client."""
        outcome = _Outcome(str(action.get("action", "")))
        try:
            outcome.value = self._do(outcome.action, action)
        except MissingArgument as missing:
            outcome.error, outcome.code = f"{outcome.action} is missing the argument {missing}", "MissingArguments"
        except _Unknown:
            outcome.error, outcome.code = f"{outcome.action} is not a valid action", "InvalidAction"
        except (_Refused, TolmanError) as refusal:
            outcome.error = str(refusal)
        except (KeyError, TypeError, ValueError) as error:
            outcome.error, outcome.code = f"{outcome.action}: bad argument: {error!r}", "InvalidArgument"
        return self._reply(outcome, int(action.get("sequenceId", 0)))

    def _do(self, name: str, told: Mapping[str, Any]) -> Any:
        """Carry out an action; returns its actionReturn."""
        if name == "GetScenesInBuild":
            return list(_SCENES)
        if name == "Reset":
            self.scene, self._place = str(told["sceneName"]), None
            return None
        if name == "ChangeResolution":
            self.view = replace(self.view, width=int(told["x"]), height=int(told["y"]))
            return None
        if name == "ChangeQuality":
            return None
        if name == "Initialize":
            return self._initialize(told)
        if name == "CreateHouse":
            self._place = self.make_place(dict(told["house"]), self.view)
            return None
        return self._act(name, told)

    def _act(self, name: str, told: Mapping[str, Any]) -> Any:
        known = name in _ACTIONS or name == "GetReachablePositions"
        if not known:
            raise _Unknown
        if self._place is None:
            raise _Refused(f"{name}: there is no scene yet")
        if name == "GetReachablePositions":
            return self._place.reachable()
        if error := self._place.act(name, told):
            raise _Refused(error)
        return None

    def _initialize(self, told: Mapping[str, Any]) -> dict[str, float]:
        self.view = replace(
            self.view,
            vfov_deg=float(told.get("fieldOfView", self.view.vfov_deg)),
            reach_m=float(told.get("visibilityDistance", self.view.reach_m)),
        )
        self._wanted = {
            _RGB: bool(told.get("renderImage", True)),
            _DEPTH: bool(told.get("renderDepthImage")),
            _IDS: bool(told.get("renderInstanceSegmentation")),
        }
        if self.scene != "Procedural":
            self._place = self.make_place(None, self.view)
        return {"cameraNearPlane": 0.1, "cameraFarPlane": FAR_M}

    def _reply(self, outcome: _Outcome, sequence_id: int) -> Reply:
        place = self._place
        agent = _metadata(outcome, self.scene, self.view)
        images: dict[str, bytes] = {}
        if place is not None:
            agent.update(_told(place))
            images = self._images(place)
        return Reply({"agents": [agent], "sequenceId": sequence_id, "activeAgentId": 0}, images)

    def _images(self, place: Place) -> dict[str, bytes]:
        """Rows from the bottom, as Unity sends them."""
        shown = place.images()
        depth = np.where((shown.depth > 0) & (shown.depth < FAR_M), shown.depth, np.float32(FAR_M))
        made: dict[str, np.ndarray[Any, Any]] = {
            _RGB: shown.rgb,
            _DEPTH: depth.astype(np.float32),
            _IDS: _colours(shown.numbers),
        }
        return {key: np.ascontiguousarray(made[key][::-1]).tobytes() for key, on in self._wanted.items() if on}


class _Unknown(Exception):
    """No action of AI2-THOR."""


class _Refused(Exception):
    """The action fails; the message says why."""


def _metadata(outcome: _Outcome, scene: str, view: View) -> dict[str, Any]:
    """What every message holds, also when there is no scene."""
    return {
        "screenWidth": view.width,
        "screenHeight": view.height,
        "lastAction": outcome.action,
        "lastActionSuccess": not outcome.error,
        "errorMessage": outcome.error,
        "errorCode": outcome.code,
        "actionReturn": outcome.value,
        "thirdPartyCameras": [],
        "colors": [],
        "objects": [],
        "inventoryObjects": [],
        "agent": _agent(Stance(point((0, 0, 0)), 0.0, 0.0, point((0, 0, 0)))),
        "sceneName": scene,
        "depthFormat": "Meters",
        "fov": view.vfov_deg,
        "isSceneAtRest": True,
        "collided": False,
        "currentTime": 0.0,
    }


def _told(place: Place) -> dict[str, Any]:
    """What there is to tell of a scene."""
    stance = place.stance()
    center, size = place.bounds()
    objects = place.objects()
    held = [{"objectId": o["objectId"], "objectType": o["objectType"]} for o in objects if o.get("isPickedUp")]
    return {
        "agent": _agent(stance),
        "cameraPosition": stance.camera,
        "objects": objects,
        "inventoryObjects": held,
        "colors": _table(place.names()),
        "sceneBounds": {"center": center, "size": size},
    }


def _agent(stance: Stance) -> dict[str, Any]:
    return {
        "name": "agent",
        "position": stance.position,
        "rotation": {"x": 0.0, "y": stance.rotation_y_deg, "z": 0.0},
        "cameraHorizon": stance.horizon_deg,
        "isStanding": True,
    }


def _table(names: Sequence[str]) -> list[dict[str, Any]]:
    colours = _colours(np.arange(1, len(names) + 1, dtype=np.int32))
    return [{"name": name, "color": colour[:3].tolist()} for name, colour in zip(names, colours, strict=True)]


def _colours(numbers: np.ndarray[Any, np.dtype[np.int32]]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(..., 4) red, green, blue and 255 of numbers; nothing is black."""
    packed = (numbers.astype(np.uint64) * np.uint64(_COLOUR_FACTOR)) & np.uint64(0xFFFFFF)
    channels = [(packed >> np.uint64(shift)) & np.uint64(255) for shift in (0, 8, 16)]
    return np.stack([*channels, np.full_like(packed, 255)], axis=-1).astype(np.uint8)
