# SPDX-License-Identifier: Apache-2.0
"""Plans as values: steps, why each is taken, and what the memory has to say about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from memory_core.question import Evidence

PlanStatus = Literal["found", "not_seen", "gone", "ambiguous", "unsupported", "impossible"]
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Stand:
    """Where to stand and which way to look: map frame, metres, radians; `place_id` is the place beside it."""

    point: Point
    yaw_rad: float
    place_id: str


@dataclass(frozen=True, slots=True)
class Step:
    """One skill with what it is applied to.

    `args` holds JSON values: `id`, `label`, `position` (map frame, metres) and `size` of the target; for GoTo and
    Search also `stand` (point, metres), `yaw_rad`, `route` (points to pass), `length_m` (None when the start is not
    known) and `places`; for Put `object` and `object_label` of what is put down and `relation` "in" or "on".
    """

    skill: str
    args: dict[str, Any]
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps that reach the goals, or the reason why there are none.

    Attributes:
        status: "found" only when the steps are expected to reach all goals. "not_seen" may come with steps that
            search for the thing.
        goals: what was understood, one phrase each.
        text: one or more plain sentences.
        evidence: the log entries and images that the choice of things rests on.
        examples: what can be asked, when nothing was understood.
    """

    status: PlanStatus
    text: str
    goals: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    latency_ms: float = 0.0
    examples: tuple[str, ...] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        """JSON values, as `tolman plan --json` prints them."""
        return asdict(self)
