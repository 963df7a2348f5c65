# SPDX-License-Identifier: Apache-2.0
"""What changed: objects that appeared, moved, vanished or became otherwise, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memory_core.question import Answer, Question
from memory_core.recall import lexicon, wording
from memory_core.recall.check import CHANGES
from memory_core.recall.meaning import Meaning
from memory_core.recall.results import Teller
from memory_core.store import log, query

_LISTED = 10
_NOT_A_MERGE = "json_extract(e.payload, '$.merged_into') IS NULL"
_HAS_WORD = "EXISTS(SELECT 1 FROM json_each(e.payload, '$.instance.words') WHERE value IN ({}))"
_IS_WITHIN = "(e.x - ?) * (e.x - ?) + (e.y - ?) * (e.y - ?) + (e.z - ?) * (e.z - ?) <= ? * ?"


def answer(teller: Teller, question: Question, meaning: Meaning) -> Answer:
    """O(changes in the interval) to count them, O(limit x log events) to tell the newest."""
    kinds = (question.predicate,) if question.predicate else CHANGES
    found = [_of_kind(teller, question, meaning, kind) for kind in kinds]
    total = sum(n for _, n in found)
    newest = sorted((one for some, _ in found for one in some), key=lambda one: (-one.event.stamp_ns, -one.id))
    results = tuple(teller.change(one) for one in newest[: question.limit])
    start = question.since_ns
    since = f" since {wording.ago(teller.age_s(start))}" if start is not None and start >= 0 else ""
    if not total:
        return Answer(question, "not_seen", f"Nothing changed{_about(question, meaning)}{since}, as far as was seen.")
    sentences = [f"{r.description} ({wording.ago(teller.age_s(r.evidence[0].stamp_ns))})" for r in results[:_LISTED]]
    more = f" And {total - len(sentences)} more." if total > len(sentences) else ""
    n = "1 change" if total == 1 else f"{total} changes"
    return Answer(
        question, "found", f"{n}{_about(question, meaning)}{since}: {' '.join(sentences)}{more}", results, total
    )


def _about(question: Question, meaning: Meaning) -> str:
    is_limited = question.label or question.words
    about = f" of {wording.some(question.label, question.words)}" if is_limited else ""
    return about + wording.scope(question, meaning.rooms, "")


def _of_kind(teller: Teller, question: Question, meaning: Meaning, kind: str) -> tuple[list[log.StoredEvent], int]:
    """The newest changes of one kind, in order of the index, and how many there are."""
    conditions, values = _conditions(question, meaning, kind)
    where = " AND ".join(conditions)
    total = query.value(teller.connection, f"SELECT count(*) FROM event e WHERE {where}", values)
    tail = "ORDER BY e.stamp DESC, e.id DESC LIMIT ?"
    return log.select(teller.connection, where, [*values, question.limit], tail), total


def _conditions(question: Question, meaning: Meaning, kind: str) -> tuple[list[str], list[Any]]:
    conditions, values = ["e.kind = ?"], list[Any]((kind,))
    if kind == "changed":
        conditions.append(_NOT_A_MERGE)
    if question.since_ns is not None:
        conditions.append("e.stamp >= ?")
        values.append(question.since_ns)
    ends = [t for t in (question.until_ns, question.as_of_ns) if t is not None]
    if ends:
        conditions.append("e.stamp <= ?")
        values.append(min(ends))
    things = meaning.things
    if things.id:
        conditions.append("e.subject = ?")
        values.append(things.id)
    if things.labels is not None:
        conditions.append(f"e.label IN ({_marks(things.labels)})")
        values += things.labels
    if things.rooms is not None:
        conditions.append(f"json_extract(e.payload, '$.instance.room_id') IN ({_marks(things.rooms)})")
        values += things.rooms
    for word in things.words:
        meanings = lexicon.meanings(word)
        conditions.append(_HAS_WORD.format(_marks(meanings)))
        values += meanings
    if question.near is not None and question.within_m is not None:
        conditions.append(_IS_WITHIN)
        values += [value for value in (*question.near, question.within_m) for _ in range(2)]
    return conditions, values


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
