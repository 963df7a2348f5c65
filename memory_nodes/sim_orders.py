# SPDX-License-Identifier: Apache-2.0
"""What a simulated robot can be told: to drive, to go somewhere, to act; and what came of it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, get_args

from memory_core.errors import BadQuestion
from sim import Action, AgentPose
from sim.types import ActionName

_NAMES = get_args(ActionName)
_KEYS = ("id", "action", "uid", "instance", "distance_m", "angle_deg", "pose")
_WANT = f'want JSON {{"action": NAME}} with any of {", ".join(_KEYS)}'


@dataclass(frozen=True, slots=True)
class Drive:
    """Velocities of the base: metres a second ahead and to the left, radians a second to the left."""

    ahead_m_s: float
    left_m_s: float
    turn_rad_s: float

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.ahead_m_s + self.left_m_s + self.turn_rad_s)


@dataclass(frozen=True, slots=True)
class Goal:
    """A place on the floor, metres in the map frame, and where to look then."""

    x: float
    y: float
    yaw_rad: float


@dataclass(frozen=True, slots=True)
class Act:
    """One action; `instance`, a number of the instance image, names the object when the action has no uid."""

    id: Any
    action: Action
    instance: int = 0


Order = Drive | Goal | Act


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an order; `error` is one sentence when not `ok`."""

    id: Any
    action: str
    ok: bool
    error: str
    stamp_ns: int

    def to_json(self) -> str:
        about = {"id": self.id, "action": self.action, "ok": self.ok, "error": self.error, "stamp_ns": self.stamp_ns}
        return json.dumps(about)


def act_from(text: str) -> Act:
    """An action from JSON: {"id", "action", "uid" or "instance", "distance_m", "angle_deg", "pose": [x, y, yaw, tilt]}.

    Raises:
        BadQuestion: the text is no such JSON; its sentence says what was wanted.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadQuestion(f"{_WANT}, got {text[:80]!r}") from error
    if not isinstance(given, dict) or not set(given) <= set(_KEYS):
        raise BadQuestion(f"{_WANT}, got {text[:80]!r}")
    if given.get("action") not in _NAMES:
        raise BadQuestion(f"action: want one of {', '.join(_NAMES)}, got {given.get('action')!r}")
    uid, instance = given.get("uid", ""), given.get("instance", 0)
    if not isinstance(uid, str) or not isinstance(instance, int) or isinstance(instance, bool):
        raise BadQuestion(f"want a text as uid and a whole number as instance, got {uid!r} and {instance!r}")
    lengths = {name: _number(name, given[name]) for name in ("distance_m", "angle_deg") if name in given}
    pose = _pose(given["pose"]) if "pose" in given else None
    return Act(given.get("id"), Action(given["action"], uid=uid, pose=pose, **lengths), instance)


def _pose(values: Any) -> AgentPose:
    if not isinstance(values, list) or not 3 <= len(values) <= 4:
        raise BadQuestion(f"pose: want [x, y, yaw] or [x, y, yaw, tilt], metres and radians, got {values!r}")
    x, y, yaw, *tilt = (_number("pose", value) for value in values)
    return AgentPose(x=x, y=y, yaw_rad=yaw, horizon_rad=tilt[0] if tilt else 0.0)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e6:
        raise BadQuestion(f"{name}: want a finite number, got {value!r}")
    return float(value)
