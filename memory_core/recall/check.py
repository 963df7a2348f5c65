# SPDX-License-Identifier: Apache-2.0
"""Structured questions are checked once, at the door."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

from memory_core.errors import BadQuestion
from memory_core.question import Question, QuestionKind

KINDS: tuple[str, ...] = get_args(QuestionKind)
CHANGES = ("appeared", "moved", "vanished", "changed")
MOST_RESULTS = 10_000

_LONGEST_NAME = 200
_MOST_WORDS = 200
_INT64 = 1 << 63
_RELATIONS = ("on", "in", "near")


def checked(question: Question) -> Question:
    """The question with its names cleaned and its landmark where the rest looks for it.

    Raises:
        BadQuestion: a field has the wrong type or is out of range, or the question lacks what its kind is about.
    """
    if question.kind not in KINDS:
        raise BadQuestion(f"kind: want one of {', '.join(KINDS)}; got {question.kind!r}")
    _check_numbers(question)
    label, room, reference = (_name(f, getattr(question, f)) for f in ("label", "room", "reference"))
    if not isinstance(question.words, (tuple, list)) or len(question.words) > _MOST_WORDS:
        raise BadQuestion(f"words: want a tuple of at most {_MOST_WORDS} words, got {question.words!r:.80}")
    words = tuple(_name("words", word) for word in question.words)
    question = replace(question, label=label, room=room, reference=reference, words=words)
    return _complete(question)


def _name(field: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        raise BadQuestion(f"{field}: want text of at most {_LONGEST_NAME} characters, got {value!r:.80}")
    return " ".join(value.casefold().split())


def _check_numbers(question: Question) -> None:
    for field in ("since_ns", "until_ns", "as_of_ns", "now_ns"):
        value = getattr(question, field)
        if value is not None and not (_is_int(value) and -_INT64 <= value < _INT64):
            raise BadQuestion(f"{field}: want nanoseconds as a whole number of 64 bits, got {value!r}")
    if question.since_ns is not None and question.until_ns is not None and question.since_ns > question.until_ns:
        raise BadQuestion(f"since_ns {question.since_ns} is after until_ns {question.until_ns}")
    if not (_is_int(question.limit) and 1 <= question.limit <= MOST_RESULTS):
        raise BadQuestion(f"limit: want 1 .. {MOST_RESULTS}, got {question.limit!r}")
    if question.near is not None and not _is_point(question.near):
        raise BadQuestion(f"near: want three finite numbers x, y, z in metres, got {question.near!r}")
    if question.within_m is not None and not (_is_number(question.within_m) and question.within_m >= 0):
        raise BadQuestion(f"within_m: want metres >= 0, got {question.within_m!r}")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_point(value: object) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 3 and all(_is_number(v) for v in value)


def _complete(question: Question) -> Question:
    """A landmark or room given as the label of a question about what is there moves to where it belongs."""
    kind, label = question.kind, question.label
    if kind == "changed" and question.reference:
        raise BadQuestion("a question of kind changed takes a room or a point, but no reference")
    if kind == "in_room" and not question.room:
        question = replace(question, room=label, label="")
    if kind in ("near", "related") and not question.reference and not question.near:
        question = replace(question, reference=label, label="")
    if question.reference and not question.predicate:
        question = replace(question, predicate="near" if kind == "near" else "on")
    wanted = CHANGES if kind == "changed" else _RELATIONS
    if question.predicate and question.predicate not in wanted:
        raise BadQuestion(f"predicate: want one of {', '.join(wanted)}, got {question.predicate!r}")
    missing = {
        "where": not (question.label or question.words),
        "last_seen": not (question.label or question.words),
        "in_room": not question.room,
        "near": not (question.reference or question.near),
        "related": not question.reference,
    }
    if missing.get(kind):
        raise BadQuestion(f"a question of kind {kind} must say {_NEEDS[kind]}")
    return question


_NEEDS = {
    "where": "what is looked for (label or words)",
    "last_seen": "what was seen (label or words)",
    "in_room": "which room",
    "near": "near what (reference, or near = x, y, z)",
    "related": "on or in what (reference)",
}
