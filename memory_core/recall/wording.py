# SPDX-License-Identifier: Apache-2.0
"""Answers in plain sentences."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from memory_core.graph import Room
from memory_core.question import Question, Result
from memory_core.recall import lexicon
from memory_core.segment import UNLABELLED

_UNKNOWN_ROOM = "room"
_LISTED = 10
_STEPS = ((90, 1, "s"), (90 * 60, 60, "min"), (36 * 3600, 3600, "h"))


def plain(text: str) -> str:
    """Stored text on one line, without control characters."""
    return "".join(" " if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" else c for c in text)


def ago(seconds: float) -> str:
    """How long ago: "just now", "12 s ago", "3 days ago"."""
    if seconds < 1:
        return "just now"
    for limit, unit, name in _STEPS:
        if seconds < limit:
            return f"{seconds / unit:.0f} {name} ago"
    return f"{seconds / 86_400:.0f} days ago"


def room_name(room: Room) -> str:
    """What a room is called; one whose use is unknown is called by its number."""
    return f"room {room.id.removeprefix('r')}" if room.label in ("", _UNKNOWN_ROOM) else plain(room.label)


def thing(label: str, words: Sequence[str] = ()) -> str:
    """ "small red mug"."""
    return plain(" ".join((*words, label or UNLABELLED)))


def things(label: str, words: Sequence[str] = (), n: int = 2) -> str:
    """ "no red mugs", "1 red mug", "3 red mugs"."""
    return f"{n or 'no'} {thing(label, words) if n == 1 else lexicon.plural(thing(label, words))}"


def some(label: str, words: Sequence[str] = ()) -> str:
    return lexicon.with_article(thing(label, words))


def joined(parts: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def in_room(name: str) -> str:
    if not name:
        return ""
    return f" in {name}" if name.startswith("room ") else f" in the {name}"


def point(position: Sequence[float]) -> str:
    """Metres, rounded to centimetres."""
    return f"({', '.join(f'{value:.2f}' for value in position)})"


def at(result: Result) -> str:
    return f"at {point(result.position)}"


def called(result: Result) -> str:
    """A result in a sentence, e.g. "small red mug on the table in the kitchen (o3)"."""
    return f"{result.description}{in_room(result.room)} ({result.id})"


def whereabouts(result: Result) -> str:
    """One sentence about one thing that is there."""
    seen = f"seen {ago(result.age_s)}, confidence {result.confidence:.2f}"
    if result.kind == "room":
        return f"The {result.label} ({result.id}) is around {point(result.position)}."
    if result.state == "held":
        return f"The {called(result)} is being held, last {at(result)}, {seen}."
    if result.state == "unverified":
        return f"The {called(result)} should be {at(result)}, but that was not checked again: {seen}."
    return f"The {called(result)} is {at(result)}, {seen}."


def gone(result: Result, vanished_s: float) -> str:
    """One sentence about a thing that is no longer there."""
    return (
        f"The {called(result)} was {at(result)}, last seen {ago(result.age_s)}, "
        f"but it is no longer there: found gone {ago(vanished_s)}."
    )


def sighting(result: Result) -> str:
    """When a thing was last seen."""
    stamp = f"stamp {result.last_seen_ns / 1e9:.3f} s"
    return f"The {called(result)} was last seen {ago(result.age_s)} ({stamp}), {at(result)}."


def listed(results: Sequence[Result], total: int) -> str:
    """Some results in a row and how many more there are."""
    parts = [f"{called(result)} {at(result)}" for result in results[:_LISTED]]
    more = total - len(parts)
    return "; ".join(parts) + (f"; and {more} more" if more > 0 else "")


def scope(question: Question, rooms: Sequence[Room], reference: str) -> str:
    """The restrictions of a question: " on the table in the kitchen within 2 m of (0, 0, 0)"."""
    the = "" if re.fullmatch(r"o\d+", reference) else "the "
    said = f" {question.predicate} {the}{plain(reference)}" if reference else ""
    if rooms:
        said += in_room(room_name(rooms[0]) if len({room_name(room) for room in rooms}) == 1 else plain(question.room))
    if question.near is not None and question.within_m is not None:
        said += f" within {question.within_m:g} m of {point(question.near)}"
    return said


def examples_of(names: Sequence[str]) -> str:
    return f" Known: {joined([plain(name) for name in names])}." if names else ""
