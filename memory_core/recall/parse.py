# SPDX-License-Identifier: Apache-2.0
"""Text into a Question: free word order, no guessing. What is not surely understood is left to the caller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from memory_core.question import Question
from memory_core.recall import lexicon, times, tokens
from memory_core.recall.phrases import Phrase, phrases
from memory_core.recall.vocabulary import Vocabulary

LONGEST_TEXT = 2_000

EXAMPLES = (
    "where is the mug?",
    "what is on the dining table?",
    "what is in the kitchen?",
    "when did you last see the keys?",
    "how many chairs are in the living room?",
    "what changed in the last 10 minutes?",
)
NOT_UNDERSTOOD = "I do not understand this question."
TOO_LONG = f"This question is too long; at most {LONGEST_TEXT} characters are read."
WHERE_ARE_YOU = "I do not know where you are; ask with your position (near = x, y, z in metres)."

NEAR_ME_M = 2.0

_CHANGES = {"CHANGED": "", "MOVED": "moved", "APPEARED": "appeared", "VANISHED": "vanished"}


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """Why a text is no question that can be answered."""

    reason: str = NOT_UNDERSTOOD


Near = tuple[float, float, float]


def parse(text: str, vocabulary: Vocabulary, now_ns: int, near: Near | None = None) -> Question | NotUnderstood:
    """The question that a text asks. O(length + labels).

    Args:
        now_ns: what "ago" and "last" count from.
        near: position of the asker, metres; the meaning of "near me".
    """
    if len(text) > LONGEST_TEXT:
        return NotUnderstood(TOO_LONG)
    said = times.extract(tokens.normalised(text), now_ns)
    pieces = tokens.tokenise(said.text, vocabulary)
    if any(token.kind == "refuse" for token in pieces):
        return NotUnderstood()
    named = phrases(pieces)
    if named is None:
        return NotUnderstood()
    cues = [token.text for token in pieces if token.kind == "cue"]
    about = [phrase for phrase in named if not phrase.preposition]
    if len(about) == 2 and {"HAVE", "CONTAIN"} & set(cues) and about[0].room and not about[0].label:
        if about[0].is_plural:
            return NotUnderstood()
        named = [replace(phrase, preposition="in") if phrase is about[0] else phrase for phrase in named]
        about = about[1:]
    where = _location([phrase for phrase in named if phrase.preposition], near)
    if isinstance(where, NotUnderstood):
        return where
    question = _asked(cues, about, where)
    if question is None:
        return NotUnderstood()
    return _at_its_time(question, said, near)


def _at_its_time(question: Question, said: times.Times, near: Near | None) -> Question | NotUnderstood:
    if question.kind == "changed" and said.as_of_ns is not None:
        question = replace(question, since_ns=said.as_of_ns)
    elif said.as_of_ns is not None:
        question = replace(question, as_of_ns=said.as_of_ns)
    if question.since_ns is None:
        question = replace(question, since_ns=said.since_ns)
    if lexicon.SUPERLATIVES & set(question.words):
        if near is None:
            return NotUnderstood(WHERE_ARE_YOU)
        words = tuple(word for word in question.words if word not in lexicon.SUPERLATIVES)
        question = replace(question, words=words, limit=1)
    return replace(question, near=question.near or near)


@dataclass(frozen=True, slots=True)
class Location:
    """Where the things of a question are said to be; empty fields do not restrict."""

    room: str = ""
    reference: str = ""
    predicate: str = ""
    near: Near | None = None

    @property
    def is_given(self) -> bool:
        return bool(self.room or self.reference or self.near)


def _location(places: Sequence[Phrase], near: Near | None) -> Location | NotUnderstood:
    found = Location()
    for phrase in places:
        if phrase.is_me:
            if near is None:
                return NotUnderstood(WHERE_ARE_YOU)
            found = replace(found, near=near)
            continue
        if phrase.room:
            if found.room or (not phrase.label and phrase.preposition != "in"):
                return NotUnderstood()
            found = replace(found, room=phrase.room)
        if phrase.label:
            if found.reference or phrase.is_generic:
                return NotUnderstood()
            found = replace(found, reference=phrase.name, predicate=phrase.preposition)
    return found


def _asked(cues: Sequence[str], about: Sequence[Phrase], where: Location) -> Question | None:
    """The question of some cues about at most one thing."""
    if len(about) > 1:
        return None
    head = about[0] if about else None
    change = next((cue for cue in cues if cue in _CHANGES), None)
    if "COUNT" in cues:
        return None if change else _count(head, where)
    if "WHERE" in cues:
        return _where(head, where)
    if change:
        return _changed(head, where, _CHANGES[change])
    if "WHEN" in cues or "LAST" in cues:
        return _last_seen(cues, head, where)
    if _is_container_question(cues, head, where):
        return _contents(head)
    if "WHAT" in cues:
        return _what(cues, head, where)
    if {"EXIST", "SEEN"} & set(cues) or {"DO", "HAVE"} <= set(cues) or ("BE" in cues and where.is_given):
        if head is not None and head.is_generic:
            return _what(cues, head, where)
        question = _where(head, where)
        return replace(question, every=True) if question and "EXIST" in cues else question
    return None


def _restricted(question: Question, head: Phrase | None, where: Location) -> Question | None:
    """The question with the head's label and words and with its location; None if it names two rooms."""
    room = where.room
    if head is not None:
        if head.room and where.room:
            return None
        room = room or (head.room if head.label else "")
        label = "object" if head.is_generic else head.label
        question = replace(question, label=label, words=head.words, every=head.is_plural)
    question = replace(question, room=room, reference=where.reference, predicate=where.predicate)
    return replace(question, near=where.near, within_m=NEAR_ME_M) if where.near else question


def _where(head: Phrase | None, where: Location) -> Question | None:
    if head is None:
        return None
    if not head.label:
        if where.is_given:
            return None
        return Question(kind="where", label=head.room, every=head.is_plural)
    if head.is_generic and not head.words:
        return _listing(head, where)
    return _restricted(Question(kind="where"), head, where)


def _count(head: Phrase | None, where: Location) -> Question | None:
    if head is None or (not head.label and where.is_given):
        return None
    if not head.label:
        return Question(kind="count", label=head.room, every=True)
    return _restricted(Question(kind="count"), head, where)


def _last_seen(cues: Sequence[str], head: Phrase | None, where: Location) -> Question | None:
    if head is None or not head.label or (head.is_generic and not head.words):
        return None
    if not {"SEEN", "LAST"} & set(cues):
        return None
    return _restricted(Question(kind="last_seen"), head, where)


def _changed(head: Phrase | None, where: Location, how: str) -> Question | None:
    if where.reference or (head is not None and not head.label):
        return None
    question = _restricted(Question(kind="changed"), head, where)
    return replace(question, predicate=how) if question else None


def _is_container_question(cues: Sequence[str], head: Phrase | None, where: Location) -> bool:
    """What does X contain? What does X have in it?"""
    if head is None or head.is_generic or where.is_given:
        return False
    return "WHAT" in cues and ("CONTAIN" in cues or ("DO" in cues and "HAVE" in cues))


def _contents(head: Phrase | None) -> Question | None:
    if head is None:
        return None
    if head.label:
        return Question(kind="related", reference=head.name, predicate="in", room=head.room, every=True)
    return Question(kind="in_room", room=head.room, every=True)


def _what(cues: Sequence[str], head: Phrase | None, where: Location) -> Question | None:
    if head is None or head.is_generic:
        if where.is_given or (head is not None and head.words) or "SEEN" in cues or (head and head.is_plural):
            return _listing(head, where)
        return None
    if not head.label:
        return Question(kind="recall", label="room", every=True) if head.room == "room" and head.is_plural else None
    if head.is_known and (where.is_given or head.room or head.is_plural):
        question = _restricted(Question(kind="recall"), head, where)
        return replace(question, every=True) if question else None
    return None


def _listing(head: Phrase | None, where: Location) -> Question | None:
    """What is in, on or near something; or everything there is."""
    question = _restricted(Question(kind="recall", every=True), head, where)
    if question is None:
        return None
    question = replace(question, every=True)
    if where.reference:
        return replace(question, kind="near" if where.predicate == "near" else "related")
    if question.room:
        return replace(question, kind="in_room")
    return replace(question, kind="near") if where.near else question
