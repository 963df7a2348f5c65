# SPDX-License-Identifier: Apache-2.0
"""What the names in a question refer to in this memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from memory_core.graph import Room
from memory_core.question import Question
from memory_core.recall import lexicon, wording
from memory_core.recall.retrieve import Things
from memory_core.recall.vocabulary import Vocabulary

_ROOM = "room"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name in the question means nothing here; `text` says so."""

    text: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """The names of a question, resolved.

    Attributes:
        things: what is looked for.
        reference: the landmark, None if there is none.
        rooms: rooms of the question; the things themselves when `is_of_rooms`.
        instead: labels taken for the one that was used, because nothing goes by it.
    """

    things: Things
    reference: Things | None = None
    rooms: tuple[Room, ...] = ()
    is_of_rooms: bool = False
    instead: tuple[str, ...] = ()


def meaning_of(question: Question, vocabulary: Vocabulary) -> Meaning | Unknown:
    """Resolve labels, rooms and landmark. O(labels + rooms)."""
    rooms: Sequence[Room] = ()
    if question.room:
        rooms = vocabulary.rooms_called(question.room)
        if not rooms:
            return Unknown(_no_such_room(question.room, vocabulary))
    things, approximate = _things(question.label, question.words, vocabulary)
    if things.labels == ():
        called = _rooms_asked_for(question, vocabulary)
        if called:
            return Meaning(Things(), rooms=tuple(called), is_of_rooms=True)
        return Unknown(_never_seen(question.label, question.words, vocabulary))
    reference = None
    if question.reference:
        reference = _reference(question.reference, vocabulary)
        if reference.labels == ():
            return Unknown(_never_seen(question.reference, (), vocabulary))
    in_rooms = tuple(room.id for room in rooms) if question.room else None
    things = Things(things.labels, things.words, things.id, in_rooms)
    instead = things.labels if approximate and things.labels else ()
    return Meaning(things, reference, tuple(rooms), instead=instead)


def _things(label: str, words: tuple[str, ...], vocabulary: Vocabulary) -> tuple[Things, bool]:
    if not label or label in lexicon.GENERIC:
        return Things(None, words), False
    if re.fullmatch(r"o\d+", label):
        return Things(None, words, id=label), False
    for name in dict.fromkeys((label, lexicon.singular(label, vocabulary.nouns))):
        labels, approximate = vocabulary.labels_for(name)
        if labels:
            return Things(labels, words), approximate
    return Things((), words), False


def _reference(name: str, vocabulary: Vocabulary) -> Things:
    """The longest known name at the end of a phrase; the words before it describe it."""
    words = name.split(" ")
    for start in range(len(words)):
        things, _ = _things(" ".join(words[start:]), tuple(words[:start]), vocabulary)
        if things.labels != ():
            return things
    return Things(())


def _rooms_asked_for(question: Question, vocabulary: Vocabulary) -> list[Room]:
    if question.kind not in ("where", "count", "recall", "last_seen") or question.reference:
        return []
    if question.label == _ROOM and question.kind != "where":
        return list((vocabulary.rooms or {}).values())
    return vocabulary.rooms_called(question.label)


def _no_such_room(name: str, vocabulary: Vocabulary) -> str:
    known = sorted({wording.room_name(room) for room in (vocabulary.rooms or {}).values()})
    return f"No {wording.plain(name)} is known.{wording.examples_of(known)}"


def _never_seen(label: str, words: Sequence[str], vocabulary: Vocabulary) -> str:
    return f"No {wording.thing(label, words)} has been seen.{_perhaps(label, vocabulary)}"


def _perhaps(label: str, vocabulary: Vocabulary) -> str:
    alike = [wording.plain(name) for name in vocabulary.alike(label)]
    return f" Known names that are similar: {wording.joined(alike)}." if alike else ""
