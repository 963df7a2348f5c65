# SPDX-License-Identifier: Apache-2.0
"""Questions answered: what is meant, what matches, and a sentence that says so."""

from __future__ import annotations

import time
from dataclasses import replace

import apsw

from memory_core.question import Answer, Question
from memory_core.recall import changes, vocabulary, wording
from memory_core.recall.check import checked
from memory_core.recall.finding import Finding
from memory_core.recall.meaning import Meaning, Unknown, meaning_of
from memory_core.recall.parse import EXAMPLES, Near, NotUnderstood, parse
from memory_core.recall.results import Teller
from memory_core.recall.vocabulary import Vocabulary
from memory_core.store import graph


def ask(connection: apsw.Connection, text: str, *, as_of_ns: int | None, near: Near | None, limit: int) -> Answer:
    """Answer a question in words."""
    began = time.perf_counter()
    checked(Question(kind="recall", as_of_ns=as_of_ns, near=near, limit=limit))
    names = vocabulary.load(connection, as_of_ns)
    now_ns = graph.newest_stamp(connection) if as_of_ns is None else as_of_ns
    question = parse(text, names, now_ns, near)
    if isinstance(question, NotUnderstood):
        answer = Answer(None, "unsupported", f"{question.reason} Try one of these.", examples=EXAMPLES)
    else:
        if question.as_of_ns is not None:
            as_of_ns = question.as_of_ns
            names = vocabulary.load(connection, as_of_ns)
        limit = 1 if question.limit == 1 else limit
        answer = _answered(connection, names, replace(question, as_of_ns=as_of_ns, now_ns=now_ns, limit=limit))
    return replace(answer, latency_ms=1e3 * (time.perf_counter() - began))


def recall(connection: apsw.Connection, question: Question) -> Answer:
    """Answer a structured question.

    Raises:
        BadQuestion: it is no possible question.
    """
    began = time.perf_counter()
    names = vocabulary.load(connection, checked(question).as_of_ns)
    answer = _answered(connection, names, question)
    return replace(answer, question=question, latency_ms=1e3 * (time.perf_counter() - began))


def _answered(connection: apsw.Connection, names: Vocabulary, asked: Question) -> Answer:
    question = checked(asked)
    now_ns = next((t for t in (question.now_ns, question.as_of_ns) if t is not None), None)
    now_ns = graph.newest_stamp(connection) if now_ns is None else now_ns
    teller = Teller(connection, names, question.as_of_ns, now_ns)
    meaning = meaning_of(question, names)
    if isinstance(meaning, Unknown):
        return Answer(question, "not_seen", meaning.text)
    if meaning.is_of_rooms:
        return _rooms(teller, question, meaning)
    if question.kind == "changed":
        return changes.answer(teller, question, meaning)
    answer = Finding(teller, question, meaning).answer()
    if question.as_of_ns is not None and question.as_of_ns < now_ns:
        answer = replace(answer, text=f"As of {wording.ago(teller.age_s(question.as_of_ns))}: {answer.text}")
    return answer


def _rooms(teller: Teller, question: Question, meaning: Meaning) -> Answer:
    """Answers about rooms themselves: where one is, how many there are, which are known."""
    results = tuple(teller.room(room) for room in meaning.rooms)
    shown, total = results[: question.limit], len(results)
    if question.kind == "count":
        verb = "is" if total == 1 else "are"
        text = f"There {verb} {wording.things(question.label, n=total)}."
        return Answer(question, "found", text, shown, total)
    text = " ".join(wording.whereabouts(result) for result in shown)
    several = total > 1 and question.kind == "where" and not question.every
    return Answer(question, "ambiguous" if several else "found", text, shown, total)
