# SPDX-License-Identifier: Apache-2.0
"""Questions about a house with a judge for each answer, made from the truth and from what was to be seen."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from memory_core.question import Answer, Result
from sim.scores.sightings import ENOUGH_PIXELS, Sighting
from sim.types import SimObject, SimRoom
from sim.wording import worded

_ABSENT = ("piano", "umbrella", "bicycle", "guitar", "suitcase", "helmet", "skateboard", "aquarium")
_CENTER_M = 0.3
_SURELY_NEAR_M = 0.3
_SURELY_FAR_M = 3.0
_NS = 1e-9


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far an answer may be from the truth: metres of a centre, things of a number, seconds of a time."""

    center_m: float = _CENTER_M
    count: int = 0
    stamp_s: float = 0.0


EXACT = Tolerance()
NEARLY = Tolerance(center_m=1.0, count=1, stamp_s=2.0)


class Check(Protocol):
    """Why an answer is wrong, None when it is right within a tolerance."""

    def __call__(self, answer: Answer, tolerance: Tolerance = EXACT) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and its judge: `check` returns why an answer is wrong, None when it is right."""

    text: str
    kind: str
    check: Check


def generate(
    truth: Sequence[SimObject],
    rooms: Sequence[SimRoom],
    seen: Mapping[str, Sighting],
    *,
    seed: int = 0,
    min_pixels: int = ENOUGH_PIXELS,
    limit: int = 10,
) -> list[Asked]:
    """Questions of every kind about what was seen clearly, and about things that do not exist.

    Args:
        truth: the objects as they are when the questions are asked.
        seen: of sim.scores.sightings.
        limit: how many results an answer gives at most.
    """
    return _Examiner(truth, rooms, seen, np.random.default_rng(seed), min_pixels, limit).questions()


@dataclass
class _Examiner:
    truth: Sequence[SimObject]
    rooms: Sequence[SimRoom]
    seen: Mapping[str, Sighting]
    rng: np.random.Generator
    min_pixels: int
    limit: int
    _by_label: dict[str, list[SimObject]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for thing in self.truth:
            if thing.uid in self.seen:
                self._by_label[thing.label].append(thing)

    def questions(self) -> list[Asked]:
        return [
            *self._where(), *self._last_seen(), *self._count(), *self._count_in_rooms(),
            *self._near(), *self._in_rooms(), *self._held(), *self._absent(),
        ]  # fmt: skip

    def _clear(self, things: Sequence[SimObject]) -> list[SimObject]:
        return [thing for thing in things if self.seen[thing.uid].n_pixels >= self.min_pixels]

    def _labels(self) -> list[str]:
        """Labels of which all things seen at all were seen clearly, and few enough to list."""
        labels = (label for label, things in self._by_label.items() if self._clear(things) == things)
        return sorted(label for label in labels if len(self._by_label[label]) <= self.limit)

    def _unique(self) -> list[SimObject]:
        return [self._by_label[label][0] for label in self._labels() if len(self._by_label[label]) == 1]

    def _ask(self, kind: str, check: Check, *, label: str = "", room: str = "") -> Asked:
        return Asked(worded(kind, self.rng, label=label, room=room), kind, check)

    def _where(self) -> list[Asked]:
        return [self._ask("where", _lists(self._by_label[label]), label=label) for label in self._labels()]

    def _last_seen(self) -> list[Asked]:
        return [self._ask("last_seen", _dates(self.seen[thing.uid]), label=thing.label) for thing in self._unique()]

    def _count(self) -> list[Asked]:
        labels = [label for label in self._labels() if len(self._by_label[label]) > 1]
        return [self._ask("count", _counts(len(self._by_label[label])), label=label) for label in labels]

    def _count_in_rooms(self) -> list[Asked]:
        asked = []
        for room in self._rooms():
            for label in self._labels():
                n_here = sum(thing.room_id == room.id for thing in self._by_label[label])
                if n_here and len(self._by_label[label]) > 1:
                    asked.append(self._ask("count_in_room", _counts(n_here), label=label, room=room.label))
        return asked

    def _near(self) -> list[Asked]:
        asked = []
        for thing in self._unique():
            others = [o for others in self._by_label.values() for o in others if o.uid != thing.uid]
            near = [o for o in self._clear(others) if thing.box.gap_m(o.box) <= _SURELY_NEAR_M]
            if len(near) >= 2 and not thing.pickupable:
                far = [o for o in others if thing.box.gap_m(o.box) > _SURELY_FAR_M]
                asked.append(self._ask("near", _names_some(near, far), label=thing.label))
        return asked

    def _rooms(self) -> list[SimRoom]:
        """Rooms whose label no other room has."""
        labels = [room.label for room in self.rooms]
        return [room for room in self.rooms if labels.count(room.label) == 1]

    def _in_rooms(self) -> list[Asked]:
        asked = []
        for room in self._rooms():
            inside = [o for things in self._by_label.values() for o in things if o.room_id == room.id]
            outside = [o for things in self._by_label.values() for o in things if o.room_id != room.id]
            clear = self._clear(inside)
            if clear:
                check = _names_only(clear, inside, outside, self.limit)
                asked.append(self._ask("in_room", check, room=room.label))
        return asked

    def _held(self) -> list[Asked]:
        """What is on, or in, a thing; the things that hold something and are the only ones of their label."""
        asked = []
        for holder in self._unique():
            held = [o for o in self.truth if o.parent == holder.uid and o.uid in self.seen]
            clear = self._clear(held)
            relations = {o.relation for o in held}
            if not clear or len(relations) != 1 or len(held) > self.limit:
                continue
            outside = [o for o in self.truth if o.uid in self.seen and holder.box.gap_m(o.box) > _CENTER_M]
            check = _names_only(clear, self._all_held(holder.uid), outside, self.limit)
            asked.append(self._ask(held[0].relation, check, label=holder.label))
        return asked

    def _all_held(self, uid: str) -> list[SimObject]:
        held = [o for o in self.truth if o.parent == uid]
        return held + [o for child in held for o in self._all_held(child.uid)]

    def _absent(self) -> list[Asked]:
        names = [name for name in _ABSENT if name not in {thing.label for thing in self.truth}]
        asked = [self._ask(kind, _denies, label=name) for kind in ("where", "last_seen") for name in names[::2]]
        return asked + [self._ask("count", _counts(0), label=name) for name in names[1::2]]


def _stands_for(result: Result, thing: SimObject, tolerance: Tolerance) -> bool:
    if result.label != thing.label:
        return False
    return (
        math.dist(result.position, thing.box.center) <= tolerance.center_m or thing.box.distance_m(result.position) == 0
    )


def _objects(answer: Answer) -> list[Result]:
    return [result for result in answer.results if result.kind == "object"]


def _without_proof(answer: Answer) -> str | None:
    if any(not result.evidence for result in _objects(answer)):
        return "a result has no evidence"
    return None


def _lists(things: Sequence[SimObject]) -> Check:
    """All these things and no others; several may be called found or ambiguous."""
    statuses = ("found",) if len(things) == 1 else ("found", "ambiguous")

    def check(answer: Answer, tolerance: Tolerance = EXACT) -> str | None:
        if answer.status not in statuses:
            return f"status {answer.status}, want {' or '.join(statuses)}"
        for thing in things:
            if not any(_stands_for(result, thing, tolerance) for result in _objects(answer)):
                return f"{thing.uid} is missing"
        for result in _objects(answer):
            if not any(_stands_for(result, thing, tolerance) for thing in things):
                return f"{result.id} ({result.label}) is none of them"
        return _without_proof(answer)

    return check


def _dates(sighting: Sighting) -> Check:
    """A stamp between the last clear sight and the last pixel."""

    def check(answer: Answer, tolerance: Tolerance = EXACT) -> str | None:
        if answer.status != "found" or not _objects(answer):
            return f"status {answer.status}, want found"
        stamp, slack_ns = _objects(answer)[0].last_seen_ns, tolerance.stamp_s / _NS
        if not sighting.last_clear_ns - slack_ns <= stamp <= sighting.last_ns + slack_ns:
            low, high = sighting.last_clear_ns * _NS, sighting.last_ns * _NS
            return f"last seen at {stamp * _NS:.2f} s, want {low:.2f} to {high:.2f} s"
        return _without_proof(answer)

    return check


def _counts(n_things: int) -> Check:
    """Exactly so many."""

    def check(answer: Answer, tolerance: Tolerance = EXACT) -> str | None:
        if answer.status == "unsupported":
            return "not understood"
        return None if abs(answer.count - n_things) <= tolerance.count else f"counts {answer.count}, want {n_things}"

    return check


def _names_some(wanted: Sequence[SimObject], forbidden: Sequence[SimObject]) -> Check:
    """At least one of the wanted things and none of the forbidden."""

    def check(answer: Answer, tolerance: Tolerance = EXACT) -> str | None:
        results = _objects(answer)
        if answer.status != "found" or not any(_stands_for(r, o, tolerance) for r in results for o in wanted):
            return f"status {answer.status}, names none of {', '.join(o.label for o in wanted)}"
        for result in results:
            if any(_stands_for(result, thing, tolerance) for thing in forbidden):
                return f"{result.id} ({result.label}) is far away"
        return _without_proof(answer)

    return check


def _names_only(
    wanted: Sequence[SimObject], allowed: Sequence[SimObject], forbidden: Sequence[SimObject], limit: int
) -> Check:
    """All the wanted things, or as many as the limit lets through, and none of the forbidden."""

    def check(answer: Answer, tolerance: Tolerance = EXACT) -> str | None:
        results = _objects(answer)
        if answer.status != "found":
            return f"status {answer.status}, want found"
        named = [thing for thing in wanted if any(_stands_for(result, thing, tolerance) for result in results)]
        if len(named) < len(wanted) and len(results) < limit:
            missing = [thing.uid for thing in wanted if thing not in named]
            return f"{', '.join(missing)} missing"
        for result in results:
            is_allowed = any(_stands_for(result, thing, tolerance) for thing in [*wanted, *allowed])
            if not is_allowed and any(_stands_for(result, thing, tolerance) for thing in forbidden):
                return f"{result.id} ({result.label}) does not belong there"
        return _without_proof(answer)

    return check


def _denies(answer: Answer, tolerance: Tolerance = EXACT) -> str | None:
    if answer.status != "not_seen" or _objects(answer):
        return f"status {answer.status} with {len(answer.results)} results, want not_seen"
    return None
