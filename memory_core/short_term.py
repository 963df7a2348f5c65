# SPDX-License-Identifier: Apache-2.0
"""Working memory: the few things that are recent or matter to the task, placed relative to the robot.

Bounded, and asked before the long-term memory: what it cannot answer with confidence falls through, and the answer is
kept. Of several things of a kind, the one in here is taken to be meant; whatever needs all of them, a relation, a room
or the past to be settled falls through.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from memory_core.geometry import Vec, canonical_pose, invert_pose, transform_points
from memory_core.graph import Instance, Room
from memory_core.question import Answer, Evidence, Question, Result, Status
from memory_core.recall import lexicon, wording
from memory_core.recall.results import FRAME
from memory_core.replacement import make_policy


class LongTerm(Protocol):
    """What answers when working memory cannot."""

    def recall(self, question: Question) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Held:
    """One thing in working memory.

    Attributes:
        position: map frame, metres.
        relative: base frame of the robot now (x ahead, y left, z up), metres; None before a pose is known.
        is_pinned: kept because the task is about it.
    """

    result: Result
    relative: tuple[float, float, float] | None
    is_pinned: bool

    @property
    def position(self) -> tuple[float, float, float]:
        return self.result.position

    @property
    def description(self) -> str:
        return "" if self.relative is None else describe(self.relative)


@dataclass(frozen=True, slots=True)
class Stats:
    """How often working memory could answer. `evictions` counts things that had to leave."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0

    @property
    def hit_rate(self) -> float:
        return self.hits / max(1, self.hits + self.misses)


class ShortTermMemory:
    """At most `capacity` recent things and `pin_capacity` things that matter to the task.

    Args:
        long_term: answers what is not in here.
        policy: which thing leaves when there are too many, see memory_core.replacement.
        min_confidence: things less certain than this are not answered from here.
        options: of the policy, e.g. window=0.2.

    Raises:
        BadSettings: a capacity below 1, or an unknown policy.
    """

    def __init__(
        self,
        long_term: LongTerm,
        capacity: int = 32,
        policy: str = "flfu",
        *,
        pin_capacity: int = 16,
        min_confidence: float = 0.3,
        **options: float,
    ) -> None:
        self._long_term = long_term
        self._recent = make_policy(policy, capacity, **options)
        self._pins = make_policy("lru", pin_capacity)
        self._focus: frozenset[str] = frozenset()
        self._min_confidence = min_confidence
        self._things: dict[str, Result] = {}
        self._T_base_world: Vec | None = None
        self._now_ns = 0
        self.stats = Stats()

    def __len__(self) -> int:
        return len(self._things)

    def __contains__(self, thing_id: object) -> bool:
        return thing_id in self._things

    def observe(
        self,
        instances: Iterable[Instance],
        T_world_base: Vec,
        stamp_ns: int,
        rooms: Mapping[str, Room] | None = None,
    ) -> None:
        """Take in what was just seen from where the robot is. O(instances * log capacity).

        Things that are gone leave; an older observation never replaces a newer one.

        Args:
            T_world_base: (4, 4) pose of the robot's base (x ahead, y left, z up) in the map.
            rooms: by id, for the names of the rooms that things are in.

        Raises:
            BadFrame: the pose is not a finite rigid transform.
        """
        self._T_base_world = invert_pose(canonical_pose(T_world_base))
        self._now_ns = max(self._now_ns, stamp_ns)
        for instance in instances:
            known = self._things.get(instance.id)
            if known is not None and instance.last_seen_ns < known.last_seen_ns:
                continue
            if instance.state == "gone":
                self._forget(instance.id)
                continue
            room = (rooms or {}).get(instance.room_id)
            self._keep(_result(instance, wording.room_name(room) if room else "", known.evidence if known else ()))

    def focus(self, labels: Iterable[str]) -> None:
        """Keep things of these classes while the task lasts, and fetch what is known of them; () ends the task.

        Things of an earlier focus become ordinary recent things.
        """
        self._focus = frozenset(labels)
        for policy, is_pinned in ((self._pins, True), (self._recent, False)):
            for key in [key for key in self._things if key in policy]:
                if (self._things[key].label in self._focus) != is_pinned:
                    policy.discard(key)
                    self._admit(key)
        for label in sorted(self._focus):
            self._fetch(Question(kind="where", label=label))

    def recall(self, question: Question) -> Answer:
        """Answer from here when a confident match is here, else from the long-term memory, and keep what it says.

        Only the questions where a thing is and when it was last seen, about now, can be answered from here. O(things).
        """
        began = time.perf_counter()
        found = self._matches(question) if _is_about_now(question) else []
        if not found:
            self.stats = replace(self.stats, misses=self.stats.misses + 1)
            return self._fetch(question)
        self.stats = replace(self.stats, hits=self.stats.hits + 1)
        for result in found:
            self._touch(result.id)
        answer = self._answer(question, found)
        return replace(answer, latency_ms=1e3 * (time.perf_counter() - began))

    def things(self) -> list[Held]:
        """Everything in here, the nearest to the robot first. O(n log n)."""
        held = [
            Held(self._aged(result), self._relative(result.position), key in self._pins)
            for key, result in self._things.items()
        ]
        return sorted(held, key=lambda thing: (_distance(thing.relative), thing.result.id))

    def _fetch(self, question: Question) -> Answer:
        answer = self._long_term.recall(question)
        if question.as_of_ns is None:
            for result in answer.results:
                known = self._things.get(result.id)
                is_newer = known is None or result.last_seen_ns >= known.last_seen_ns
                if result.kind == "object" and result.state != "gone" and is_newer:
                    self._keep(result)
        return answer

    def _keep(self, result: Result) -> None:
        is_held = result.id in self._things
        self._things[result.id] = result
        (self._touch if is_held else self._admit)(result.id)

    def _admit(self, key: str) -> None:
        is_pinned = self._things[key].label in self._focus
        left = (self._pins if is_pinned else self._recent).admit(key)
        if left is not None:
            del self._things[str(left)]
            self.stats = replace(self.stats, evictions=self.stats.evictions + 1)

    def _touch(self, key: str) -> None:
        (self._pins if key in self._pins else self._recent).touch(key)

    def _forget(self, key: str) -> None:
        self._things.pop(key, None)
        self._pins.discard(key)
        self._recent.discard(key)

    def _matches(self, question: Question) -> list[Result]:
        """Confident results for a question, the most recently seen first."""
        found = [
            result
            for result in self._things.values()
            if question.label in lexicon.synonyms(result.label)
            and result.confidence >= self._min_confidence
            and all(set(lexicon.meanings(word)) & set(result.words) for word in question.words)
        ]
        return sorted(found, key=lambda result: (-result.last_seen_ns, result.id))

    def _answer(self, question: Question, found: Sequence[Result]) -> Answer:
        results = tuple(self._aged(result) for result in found)
        text = " ".join(self._sentence(result) for result in results[: question.limit])
        status: Status = "found" if len(results) == 1 else "ambiguous"
        return Answer(question, status, text, results[: question.limit], len(results))

    def _aged(self, result: Result) -> Result:
        return replace(result, age_s=max(0, self._now_ns - result.last_seen_ns) / 1e9)

    def _sentence(self, result: Result) -> str:
        relative = self._relative(result.position)
        where = [wording.in_room(result.room).strip(), describe(relative) if relative else ""]
        said = ", ".join(filter(None, where)) or "where it was"
        return f"The {wording.thing(result.label)} is {said}, seen {wording.ago(result.age_s)}."

    def _relative(self, position: tuple[float, float, float]) -> tuple[float, float, float] | None:
        if self._T_base_world is None:
            return None
        x, y, z = transform_points(self._T_base_world, np.asarray([position], np.float64))[0].tolist()
        return (x, y, z)


def describe(relative: tuple[float, float, float]) -> str:
    """A point in the robot's base frame (x ahead, y left, metres) in words: "1.2 m ahead, 0.4 m left"."""
    ahead, left = round(relative[0], 1), round(relative[1], 1)
    parts = [f"{abs(ahead):.1f} m {'ahead' if ahead > 0 else 'behind'}"] if ahead else []
    parts += [f"{abs(left):.1f} m {'left' if left > 0 else 'right'}"] if left else []
    return ", ".join(parts) or "here"


def _is_about_now(question: Question) -> bool:
    """Can a handful of recent things answer this without the rest of the memory?"""
    fields = ("room", "reference", "predicate", "near", "within_m", "every")
    is_restricted = any(getattr(question, field) for field in fields) or question.label in lexicon.GENERIC
    timed = (question.since_ns, question.until_ns, question.as_of_ns, question.now_ns)
    return question.kind in ("where", "last_seen") and not is_restricted and all(t is None for t in timed)


def _distance(relative: tuple[float, float, float] | None) -> float:
    return math.inf if relative is None else math.hypot(*relative)


def _result(instance: Instance, room: str, evidence: tuple[Evidence, ...]) -> Result:
    return Result(
        id=instance.id,
        kind="object",
        label=instance.label,
        position=instance.position,
        size=instance.box.size,
        frame=FRAME,
        room=room,
        place=instance.place_id,
        state=instance.state,
        first_seen_ns=instance.first_seen_ns,
        last_seen_ns=instance.last_seen_ns,
        age_s=0.0,
        confidence=instance.confidence,
        description=wording.thing(instance.label, instance.words),
        evidence=evidence,
        words=instance.words,
    )
