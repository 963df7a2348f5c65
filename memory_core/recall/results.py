# SPDX-License-Identifier: Apache-2.0
"""Matches as results: described, dated and with their evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import apsw

from memory_core.event import instance_from_payload
from memory_core.graph import Room
from memory_core.question import Evidence, Result
from memory_core.recall import evidence, wording
from memory_core.recall.retrieve import Match
from memory_core.recall.vocabulary import Vocabulary
from memory_core.store import query
from memory_core.store.graph import holds
from memory_core.store.log import StoredEvent

FRAME = "map"

_DIGITS = 6  # micrometres


@dataclass(frozen=True)
class Teller:
    """Tells matches of one memory at one time.

    Attributes:
        as_of_ns: the time of the views, None for now.
        now_ns: what ages count from.
    """

    connection: apsw.Connection
    vocabulary: Vocabulary
    as_of_ns: int | None
    now_ns: int

    def results(self, matches: Sequence[Match]) -> tuple[Result, ...]:
        """O(matches x log memory)."""
        return tuple(self._result(match) for match in matches)

    def age_s(self, stamp_ns: int) -> float:
        return max(0, self.now_ns - stamp_ns) / 1e9

    def room_name(self, identity: str) -> str:
        room = (self.vocabulary.rooms or {}).get(identity)
        return wording.room_name(room) if room else ""

    def room(self, room: Room) -> Result:
        """A room as a result; its evidence is the event that made it what it is."""
        where, values = holds("v", self.as_of_ns)
        source = "room v JOIN event e ON e.id = v.event"
        row = query.row(
            self.connection,
            f"SELECT e.id, e.stamp, v.vf, e.snapshot FROM {source} WHERE v.id = ? AND {where}",
            (room.id, *values),
        )
        since = row[2] if row else self.now_ns
        return Result(
            room.id, "room", room.label, room.position, room.box.size, FRAME, wording.room_name(room), "", "present",
            since, since, self.age_s(since), room.confidence, wording.room_name(room),
            (Evidence(row[0], row[1], row[3]),) if row else (),
        )  # fmt: skip

    def change(self, stored: StoredEvent) -> Result:
        """An event about an object as a result."""
        event = stored.event
        one = instance_from_payload(event.payload["instance"])
        room = self.room_name(one.room_id)
        said = wording.plain(event.text) or f"The {wording.thing(one.label, one.words)} {event.kind}."
        proof = (Evidence(stored.id, event.stamp_ns, event.snapshot),)
        return Result(
            one.id, "object", one.label, _rounded(one.position), _rounded(one.box.size), FRAME, room, one.place_id,
            one.state, one.first_seen_ns, one.last_seen_ns, self.age_s(one.last_seen_ns), one.confidence, said, proof,
            one.words,
        )  # fmt: skip

    def _result(self, match: Match) -> Result:
        words = tuple(match.words.split())
        description = wording.thing(match.label, words) + self._relation(match)
        return Result(
            match.id, "object", match.label, _rounded(match.box.center), _rounded(match.box.size), FRAME,
            self.room_name(match.room),
            match.place, match.state, match.first_seen_ns, match.last_seen_ns, self.age_s(match.last_seen_ns),
            match.confidence, description, evidence.of(self.connection, match, self.as_of_ns), words,
        )  # fmt: skip

    def _relation(self, match: Match) -> str:
        """ " on the dining table", "" when it is on or in nothing known; of what is gone, what it was on or in last."""
        on, at = ("TRUE", ()) if match.state == "gone" else holds("g", self.as_of_ns)
        landmark, at_too = holds("v", self.as_of_ns)
        order = "g.vf DESC" if match.state == "gone" else "g.confidence DESC"
        row = query.row(
            self.connection,
            f"SELECT g.predicate, v.label FROM edge g JOIN object_version v ON v.object = g.object AND {landmark} "
            f"WHERE g.subject = ? AND g.predicate IN ('on', 'in') AND {on} ORDER BY {order}, g.id LIMIT 1",
            (*at_too, match.id, *at),
        )
        return f" {row[0]} the {wording.thing(row[1])}" if row else ""


def _rounded(values: tuple[float, float, float]) -> tuple[float, float, float]:
    x, y, z = (round(value, _DIGITS) for value in values)
    return (x, y, z)
