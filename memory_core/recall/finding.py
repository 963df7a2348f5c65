# SPDX-License-Identifier: Apache-2.0
"""Answers about things: where, when, how many, and what is near, in or on something."""

from __future__ import annotations

from dataclasses import dataclass, replace

from memory_core.question import Answer, Question, Result, Status
from memory_core.recall import evidence, retrieve, wording
from memory_core.recall.meaning import Meaning
from memory_core.recall.results import Teller
from memory_core.recall.retrieve import Match, Order, Things, Wanted

NEAR_M = 1.0
"""How far something may be to be near, when the question does not say; metres between the boxes."""

_OTHER = {"on": "in", "in": "on"}


@dataclass(frozen=True)
class Finding:
    """One question about things, ready to be answered."""

    teller: Teller
    question: Question
    meaning: Meaning

    def answer(self) -> Answer:
        """O(matches x log memory)."""
        if self.meaning.reference is not None and (missing := self._missing_reference(self.meaning.reference)):
            return missing
        kind = self.question.kind
        found, total = self._find(self._wanted(is_there=None if kind == "last_seen" else True))
        if kind == "count":
            return self._count(found, total)
        if not total:
            return self._nothing()
        if kind == "last_seen":
            return self._last_seen(found, total)
        return self._where(found, total) if kind == "where" else self._list(found, total)

    def _wanted(self, *, is_there: bool | None) -> Wanted:
        question = self.question
        within = question.within_m
        if within is None and question.predicate == "near":
            within = NEAR_M
        if within is None and question.kind == "near":
            within = NEAR_M
        orders: dict[str, Order] = {"near": "nearest", "last_seen": "latest"}
        return Wanted(
            replace(self.meaning.things, is_there=is_there),
            self.meaning.reference,
            question.predicate,
            question.near,
            within,
            question.since_ns,
            question.until_ns,
            question.as_of_ns,
            orders.get(question.kind, "best"),
            question.limit,
        )

    def _find(self, wanted: Wanted) -> tuple[list[Match], int]:
        return retrieve.find(self.teller.connection, wanted)

    def _given(self, status: Status, text: str, results: tuple[Result, ...], total: int) -> Answer:
        return Answer(self.question, status, self._instead() + text, results, total)

    def _instead(self) -> str:
        if not self.meaning.instead:
            return ""
        names = wording.joined([wording.thing(label) for label in self.meaning.instead])
        return f"No {wording.thing(self.question.label)} has been seen; taking {names} for it. "

    @property
    def _scope(self) -> str:
        return wording.scope(self.question, self.meaning.rooms, self.question.reference)

    def _where(self, found: list[Match], total: int) -> Answer:
        results = self.teller.results(found)
        several = total > 1 and len(found) > 1 and _tier(found[0]) == _tier(found[1])
        if total == 1 or self.question.limit == 1:
            return self._given("found", wording.whereabouts(results[0]), results, total)
        if several and not self.question.every:
            text = f"{self._things(total)} match{self._scope}: {wording.listed(results, total)}."
            return self._given("ambiguous", text, results, total)
        if several:
            text = f"There are {self._things(total)}{self._scope}: {wording.listed(results, total)}."
            return self._given("found", text, results, total)
        others = wording.listed(results[1:], total - 1)
        return self._given("found", f"{wording.whereabouts(results[0])} Less sure: {others}.", results, total)

    def _things(self, n: int) -> str:
        label = self.meaning.instead[0] if self.meaning.instead else self.question.label
        return wording.things(label or "thing", self.question.words, n)

    def _count(self, found: list[Match], total: int) -> Answer:
        verb = "is" if total == 1 else "are"
        text = f"There {verb} {self._things(total)}{self._scope}."
        return self._given("found" if total else "not_seen", text, self.teller.results(found), total)

    def _last_seen(self, found: list[Match], total: int) -> Answer:
        results = self.teller.results(found)
        if found[0].state == "gone":
            return self._given("gone", self._gone_text(found[0], results[0]), results, total)
        text = wording.sighting(results[0])
        if total > 1:
            text += f" That is the latest of {self._things(total)}."
        return self._given("found", text, results, total)

    def _list(self, found: list[Match], total: int) -> Answer:
        results = self.teller.results(found)
        listed = wording.listed(results, total)
        text = f"{total} {'thing' if total == 1 else 'things'}{self._scope}: {listed}."
        if self.question.label:
            text = f"{self._things(total)}{self._scope}: {listed}."
        return self._given("found", text, results, total)

    def _nothing(self) -> Answer:
        """Nothing that is there: perhaps it is gone, perhaps only a part of the question does not fit."""
        question = self.question
        if question.kind in ("where", "recall") and (question.label or question.words):
            found, total = self._find(replace(self._wanted(is_there=False), order="latest"))
            if total:
                results = self.teller.results(found)
                text = " ".join(self._gone_text(*pair) for pair in zip(found[:3], results, strict=False))
                return self._given("gone", text, results, total)
        return self._given("not_seen", self._nothing_text() + self._almost(), (), 0)

    def _nothing_text(self) -> str:
        question = self.question
        what = wording.thing(question.label, question.words) if question.label or question.words else ""
        when = " by then" if question.as_of_ns is not None else ""
        if what:
            return f"No {what} has been seen{self._scope}{when}."
        if not self._scope:
            return f"Nothing has been seen{when}."
        return f"Nothing is known to be{self._scope}{when}."

    def _almost(self) -> str:
        """What there is instead: without the words, elsewhere, or in the other relation."""
        question, wanted = self.question, self._wanted(is_there=True)
        label = question.label or "thing"
        if question.kind == "related" and wanted.reference is not None and question.predicate in _OTHER:
            other = _OTHER[question.predicate]
            found, total = self._find(replace(wanted, predicate=other))
            if total:
                return f" But {other} it: {wording.listed(self.teller.results(found), total)}."
        if question.words:
            found, total = self._find(replace(wanted, things=replace(wanted.things, words=())))
            if total and question.label:
                listed = wording.listed(self.teller.results(found), total)
                return f" Without {' '.join(question.words)}, {wording.things(label, (), total)}: {listed}."
        if question.label and (question.room or question.reference or question.within_m is not None):
            things = Things(wanted.things.labels, wanted.things.words, wanted.things.id)
            found, total = self._find(replace(wanted, things=things, reference=None, within_m=None))
            if total:
                return f" Elsewhere: {wording.listed(self.teller.results(found), total)}."
        return ""

    def _gone_text(self, match: Match, result: Result) -> str:
        vanished = evidence.vanished_ns(self.teller.connection, match)
        return wording.gone(result, self.teller.age_s(vanished))

    def _missing_reference(self, reference: Things) -> Answer | None:
        """An answer when the landmark itself is not there."""
        wanted = Wanted(replace(reference, is_there=None), as_of_ns=self.question.as_of_ns, limit=1)
        found, _ = self._find(wanted)
        if found and found[0].state != "gone":
            return None
        name = wording.plain(self.question.reference)
        if not found:
            return Answer(self.question, "not_seen", f"No {name} has been seen.")
        result = self.teller.results(found)[0]
        return Answer(self.question, "gone", self._gone_text(found[0], result), (result,), 0)


def _tier(match: Match) -> int:
    return {"gone": 2, "unverified": 1}.get(match.state, 0)
