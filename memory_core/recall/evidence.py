# SPDX-License-Identifier: Apache-2.0
"""Why an answer should be believed: the events behind it and the images that show it."""

from __future__ import annotations

import apsw

from memory_core.question import Evidence
from memory_core.recall.retrieve import Match
from memory_core.store import query

_CANDIDATES = 8
_ABOUT = "subject = ? AND subject <> ''"  # the second half lets SQLite use the index, which leaves out ""


def of(connection: apsw.Connection, match: Match, as_of_ns: int | None) -> tuple[Evidence, ...]:
    """The event that made the object what it is, and the one in which it first appeared. O(log memory)."""
    latest = query.only(connection, "SELECT id, stamp, snapshot FROM event WHERE id = ?", (match.event_id,))
    first = query.row(
        connection,
        f"SELECT id, stamp, snapshot FROM event WHERE {_ABOUT} AND kind = 'appeared' ORDER BY id LIMIT 1",
        (match.id,),
    )
    shown = best_keyframe(connection, match.id, as_of_ns)
    found = [Evidence(latest[0], latest[1], shown or latest[2])]
    if first and first[0] != match.event_id:
        found.append(Evidence(*first))
    return tuple(found)


def best_keyframe(connection: apsw.Connection, identity: str, as_of_ns: int | None) -> str:
    """Of the latest keyframes that show an object, the one that shows it largest; "" if none does. O(log keyframes)."""
    until = (1 << 63) - 1 if as_of_ns is None else as_of_ns
    best = query.row(
        connection,
        "SELECT keyframe FROM (SELECT * FROM shows WHERE object = ? AND stamp <= ? ORDER BY stamp DESC LIMIT ?) "
        "ORDER BY (u1 - u0) * (v1 - v0) DESC, stamp DESC LIMIT 1",
        (identity, until, _CANDIDATES),
    )
    return best[0] if best else ""


def vanished_ns(connection: apsw.Connection, match: Match) -> int:
    """When something that is gone was found to be gone. O(log events)."""
    row = query.row(
        connection,
        f"SELECT stamp FROM event WHERE {_ABOUT} AND kind = 'vanished' AND id <= ? ORDER BY id DESC LIMIT 1",
        (match.id, match.event_id),
    )
    return row[0] if row else match.since_ns
