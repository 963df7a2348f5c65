# SPDX-License-Identifier: Apache-2.0
"""The event log: append only, each entry sealed with the hash of everything before it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apsw

from memory_core.errors import BadInput, CorruptMemory
from memory_core.event import KINDS, Event, canonical_json
from memory_core.store import query

GENESIS = bytes(32)

_CELL_M = 2.0
_CELLS = 1 << 30
_INT64 = 1 << 63
_COLUMNS = (
    "e.id, e.stamp, e.kind, e.subject, e.label, e.x, e.y, e.z, e.text, e.payload, e.snapshot, e.source, e.confidence, "
    "o.robot, o.session, o.map"
)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event with its number in the log; numbers grow and are never used again."""

    id: int
    event: Event


def normalised(event: Event) -> tuple[Event, bytes]:
    """The event as it will read back from the store, and its canonical bytes.

    Raises:
        BadInput: it cannot be stored: an unknown kind, a number that is none, or a payload that JSON cannot hold.
    """
    try:
        if event.kind not in KINDS:
            raise BadInput(f"event: want kind {', '.join(KINDS)}; got {event.kind!r}")
        if type(event.stamp_ns) is not int or not -_INT64 <= event.stamp_ns < _INT64:
            raise BadInput(f"event {event.kind}: want a stamp of whole ns in 64 bits, got {event.stamp_ns!r}")
        position = event.position and _triple(event.position)
        clean = replace(event, position=position, confidence=float(event.confidence) + 0.0)
        canonical = clean.canonical()
        payload = json.loads(canonical)["payload"]
        if payload != event.payload:
            raise BadInput(f"event {event.kind}: its payload does not survive JSON; names must be text, values plain")
        _check_text(clean)
        return clean, canonical
    except (TypeError, ValueError) as error:
        raise BadInput(f"event {event.kind} of {event.subject!r} cannot be stored: {error}") from error


def _triple(position: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = (float(value) + 0.0 for value in position)
    return (x, y, z)


def _check_text(event: Event) -> None:
    texts = (event.subject, event.label, event.text, event.snapshot, event.source)
    "".join((*texts, event.robot_id, event.session_id, event.map_id)).encode()


def chained(previous: bytes, canonical: bytes) -> bytes:
    """The hash that seals an event: of the seal before it and its own bytes."""
    return hashlib.sha256(previous + canonical).digest()


def head(connection: apsw.Connection) -> tuple[int, bytes]:
    """Number and seal of the last event; (0, GENESIS) of an empty log. O(log events)."""
    row = query.row(connection, "SELECT id, hash FROM event ORDER BY id DESC LIMIT 1")
    return (row[0], row[1]) if row else (0, GENESIS)


class LogWriter:
    """Appends to the log within the caller's transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._last, self._seal = head(connection)
        self._origins: dict[tuple[str, str, str], int] = {}

    def append(self, event: Event, canonical: bytes) -> int:
        """Store one normalised event; returns its number. O(log events)."""
        self._last += 1
        self._seal = chained(self._seal, canonical)
        x, y, z = event.position or (None, None, None)
        payload = canonical_json(event.payload)
        self._connection.execute(
            "INSERT INTO event VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                self._last, event.stamp_ns, event.kind, event.subject, event.label, x, y, z, cell_of(x, y),
                event.text, payload, event.snapshot, event.source, event.confidence, self._origin(event), self._seal,
            ),
        )  # fmt: skip
        if event.text:
            words = (self._last, event.label, event.text)
            self._connection.execute("INSERT INTO event_words(rowid, label, text) VALUES(?,?,?)", words)
        return self._last

    def _origin(self, event: Event) -> int:
        names = (event.robot_id, event.session_id, event.map_id)
        if names not in self._origins:
            self._connection.execute("INSERT OR IGNORE INTO origin(robot, session, map) VALUES(?,?,?)", names)
            which = "SELECT id FROM origin WHERE robot = ? AND session = ? AND map = ?"
            self._origins[names] = query.value(self._connection, which, names)
        return self._origins[names]


def cell_of(x: float | None, y: float | None) -> int | None:
    """Number of the 2 m square that holds (x, y) metres; None outside of +-2e9 m or without a position."""
    if x is None or y is None or max(abs(x), abs(y)) >= _CELLS * _CELL_M:
        return None
    return ((math.floor(x / _CELL_M) + _CELLS) << 32) | (math.floor(y / _CELL_M) + _CELLS)


def every(connection: apsw.Connection, schema: str = "main") -> Iterator[tuple[StoredEvent, bytes]]:
    """All events in order, each with its stored seal. O(events); one at a time in RAM."""
    source = f"FROM {schema}.event e JOIN {schema}.origin o ON o.id = e.origin"
    for *row, seal in query.rows(connection, f"SELECT {_COLUMNS}, e.hash {source} ORDER BY e.id"):
        yield event_of(row), seal


def event_of(row: Sequence[Any]) -> StoredEvent:
    (number, stamp, kind, subject, label, x, y, z, text, payload, snapshot, source, confidence, *origin) = row
    try:
        values = json.loads(payload)
    except ValueError as error:
        raise CorruptMemory(f"event {number}: its payload is damaged ({error}); verify tells the extent") from error
    event = Event(
        kind=kind, stamp_ns=stamp, subject=subject, label=label, position=None if x is None else (x, y, z), text=text,
        payload=values, snapshot=snapshot, source=source, confidence=confidence,
        robot_id=origin[0], session_id=origin[1], map_id=origin[2],
    )  # fmt: skip
    return StoredEvent(number, event)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are wanted; empty fields do not restrict. See `Memory.events`."""

    since: int = 0
    kinds: tuple[str, ...] = ()
    subject: str = ""
    text: str = ""
    during_ns: tuple[int, int] | None = None
    limit: int | None = None
    newest_first: bool = False


def find(connection: apsw.Connection, wanted: Filter) -> list[StoredEvent]:
    """Events by filter, through the index of the most selective field."""
    number = "w.rowid" if wanted.text else "e.id"
    where: list[str] = [f"{number} > ?"]
    values: list[Any] = [wanted.since]
    if wanted.text:
        where.append("event_words MATCH ?")
        values.append(quoted(wanted.text))
    if wanted.subject:
        where.append("e.subject = ? AND e.subject <> ''")
        values.append(wanted.subject)
    if wanted.kinds:
        where.append(f"e.kind IN ({', '.join('?' * len(wanted.kinds))})")
        values += wanted.kinds
    if wanted.during_ns is not None:
        where.append("e.stamp BETWEEN ? AND ?")
        values += wanted.during_ns
    order = "DESC" if wanted.newest_first else "ASC"
    limit = -1 if wanted.limit is None else wanted.limit
    words = "event_words w CROSS JOIN " if wanted.text else ""
    on = "ON e.id = w.rowid " if wanted.text else ""
    rows = query.rows(
        connection,
        f"SELECT {_COLUMNS} FROM {words}event e {on}JOIN origin o ON o.id = e.origin "
        f"WHERE {' AND '.join(where)} ORDER BY {number} {order} LIMIT ?",
        [*values, limit],
    )
    return [event_of(row) for row in rows]


def quoted(text: str) -> str:
    """Any text as a full-text query for all of its words; its own syntax is only text."""
    words = re.findall(r"[^\W_]+", text)
    return " ".join(f'"{word}"' for word in words) or '""'


def select(connection: apsw.Connection, where: str, values: Sequence[Any], tail: str) -> list[StoredEvent]:
    """Events by a condition on e, the event."""
    source = "FROM event e JOIN origin o ON o.id = e.origin"
    return [event_of(row) for row in query.rows(connection, f"SELECT {_COLUMNS} {source} WHERE {where} {tail}", values)]
