# SPDX-License-Identifier: Apache-2.0
"""Which names mean something: the labels and rooms in this memory, and the lexicon."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import apsw

from memory_core.graph import Room
from memory_core.recall import lexicon
from memory_core.segment import UNLABELLED
from memory_core.store import graph, query

_LABELS = """
WITH RECURSIVE known(label) AS (
    SELECT min(label) FROM object_version
    UNION ALL
    SELECT (SELECT min(label) FROM object_version WHERE label > known.label) FROM known WHERE known.label IS NOT NULL
) SELECT label FROM known WHERE label IS NOT NULL
"""


@dataclass(frozen=True)
class Vocabulary:
    """Names known at the time of a question.

    Attributes:
        labels: every class of thing ever in the memory.
        rooms: rooms by id.
    """

    labels: frozenset[str] = frozenset()
    rooms: Mapping[str, Room] | None = None

    @cached_property
    def nouns(self) -> frozenset[str]:
        """Names of things, known here or at least in the lexicon."""
        return self.labels | lexicon.NOUNS

    @cached_property
    def room_names(self) -> frozenset[str]:
        labels = frozenset(room.label for room in (self.rooms or {}).values())
        return labels | lexicon.ROOM_NAMES.keys() | (self.rooms or {}).keys()

    def rooms_called(self, name: str) -> list[Room]:
        """Rooms of that id or label, in order of their ids. O(rooms)."""
        rooms = self.rooms or {}
        if name in rooms:
            return [rooms[name]]
        numbered = re.fullmatch(r"room (\d+)", name)
        if numbered and f"r{numbered[1]}" in rooms:
            return [rooms[f"r{numbered[1]}"]]
        exact = [room for room in rooms.values() if room.label == name]
        wanted = lexicon.ROOM_NAMES.get(name, name)
        return exact or [room for room in rooms.values() if lexicon.ROOM_NAMES.get(room.label, room.label) == wanted]

    def labels_for(self, name: str) -> tuple[tuple[str, ...], bool]:
        """Labels in this memory that a name means, and whether they only come close to it.

        Empty when nothing of the kind is known. O(labels).
        """
        same = self.labels & lexicon.synonyms(name)
        if same:
            return tuple(sorted(same)), False
        kinds = {label for label in self.labels if label.endswith(f" {name}")}
        if kinds:
            return tuple(sorted(kinds)), False
        return tuple(sorted(self.labels & lexicon.cousins(name))), True

    def alike(self, name: str) -> list[str]:
        """Up to three labels that may have been meant. O(labels)."""
        words = set(name.split())
        sharing = sorted(label for label in self.labels if words & set(label.split()))
        close = difflib.get_close_matches(name, sorted(self.labels - {UNLABELLED}), n=3, cutoff=0.7)
        return list(dict.fromkeys([*close, *sharing]))[:3]


def load(connection: apsw.Connection, as_of_ns: int | None = None) -> Vocabulary:
    """The names in a memory. O(labels x log versions + rooms)."""
    labels = frozenset(label for (label,) in query.rows(connection, _LABELS))
    return Vocabulary(labels, {room.id: room for room in graph.rooms(connection, as_of_ns)})
