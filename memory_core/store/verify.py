# SPDX-License-Identifier: Apache-2.0
"""Proof that a memory is whole: the file, the chain of events, the blobs, and views equal to the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import apsw

from memory_core.errors import BadInput, CorruptMemory, MemoryUnavailable
from memory_core.store import log, query, schema, views
from memory_core.store.blobs import IMAGE, MAP, Blobs, sha256
from memory_core.store.sqlite import Database

_SHOWN = 5
_ORDER = {
    "passage": "a, b, event", "place": "id, event", "keyframe_pose": "id, event", "room": "id, event",
    "frontier": "id, event",
    "covered": "object, event",
}  # fmt: skip
_RECORD_TABLES = ("event", "keyframe", "shows", "map_block", "checkpoint", "outbox", "origin")


@dataclass(frozen=True, slots=True)
class Report:
    """Outcome of a verification.

    Attributes:
        problems: one sentence each; empty when the memory is whole.
        counts: rows checked, by table, and "orphans": files nothing refers to, which do no harm.
    """

    problems: list[str]
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.problems


def verify(database: Database, blobs: Blobs) -> Report:
    """Check everything. O(events + blobs); readers and the writer may go on meanwhile."""
    counts: dict[str, int] = {}
    problems: list[str] = []
    try:
        with database.read() as connection:
            problems += _file(connection)
            for table in (*_RECORD_TABLES, *schema.VIEW_TABLES):
                counts[table] = query.value(connection, f"SELECT count(*) FROM {table}")
            problems += _chain(connection)
            problems += _blobs(database, connection, blobs)
            counts["orphans"] = len(orphans(connection, blobs))
            problems += _views(connection)
        problems += _indexes(database)
    except (CorruptMemory, MemoryUnavailable, BadInput) as error:
        problems.append(str(error))
    return Report(problems, counts)


def orphans(connection: apsw.Connection, blobs: Blobs) -> list[str]:
    """Files in the blob folder that no row refers to. O(files)."""
    used = {f"{sha}{IMAGE}" for (sha,) in query.rows(connection, "SELECT sha FROM keyframe")}
    used |= {f"{sha}{MAP}" for (sha,) in query.rows(connection, "SELECT sha FROM map_block")}
    return sorted(blobs.names() - used)


def _file(connection: apsw.Connection) -> Iterator[str]:
    for (line,) in list(query.rows(connection, "PRAGMA integrity_check(5)")):
        if line != "ok":
            yield f"database: {line}"
    for row in islice(query.rows(connection, "PRAGMA foreign_key_check"), _SHOWN):
        yield f"database: row {row[1]} of {row[0]} refers to a missing row of {row[2]}"
    for (line,) in list(query.rows(connection, "SELECT rtreecheck('main', 'object_box')")):
        if line != "ok":
            yield f"spatial index: {line}"


def _indexes(database: Database) -> Iterator[str]:
    """FTS5 checks itself by a write that changes nothing, so only a writer can ask for it."""
    if not database.is_writable:
        return
    with database.exclusive() as connection:
        try:
            connection.execute("INSERT INTO event_words(event_words, rank) VALUES('integrity-check', 1)")
        except apsw.CorruptError as error:
            yield f"text index: differs from the events ({error}); rebuild repairs it"


def _chain(connection: apsw.Connection) -> Iterator[str]:
    seal = log.GENESIS
    expected = 1
    for stored, stored_seal in log.every(connection):
        seal = log.chained(seal, stored.event.canonical())
        if stored.id != expected or seal != stored_seal:
            yield f"event {stored.id}: the log was altered here or just before (its seal does not fit)"
            return
        expected = stored.id + 1


def _blobs(database: Database, connection: apsw.Connection, blobs: Blobs) -> Iterator[str]:
    for what, table, suffix in (("keyframe", "keyframe", IMAGE), ("map region", "map_block", MAP)):
        key = "id" if table == "keyframe" else "key"
        for name, sha in list(query.rows(connection, f"SELECT {key}, sha FROM {table}")):
            trouble = _trouble(blobs, sha + suffix)
            if trouble and _is_still_wanted(database, table, sha):
                yield f"{what} {name}: {trouble}"


def _trouble(blobs: Blobs, name: str) -> str:
    try:
        return "" if sha256(blobs.get(name)) == name[:64] else f"the content of {name} was altered"
    except FileNotFoundError:
        return f"{name} is missing"
    except (CorruptMemory, OSError) as error:
        return str(error)


def _is_still_wanted(database: Database, table: str, sha: str) -> bool:
    """A writer may have replaced it since this verification began."""
    with database.read() as connection:
        return query.row(connection, f"SELECT 1 FROM {table} WHERE sha = ?", (sha,)) is not None


def _views(connection: apsw.Connection) -> Iterator[str]:
    """Replays the log into a scratch database and compares row by row."""
    scratch = apsw.Connection("")
    try:
        scratch.execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF")
        scratch.execute(schema.VIEWS)
        scratch.execute("BEGIN")
        for stored, _ in log.every(connection):
            views.apply(scratch, stored.id, stored.event)
        scratch.execute("COMMIT")
        for table in schema.VIEW_TABLES:
            sql = f"SELECT * FROM {table} ORDER BY {_ORDER.get(table, 'id')}"
            if any(a != b for a, b in _pairs(query.rows(connection, sql), query.rows(scratch, sql))):
                yield f"view {table}: differs from the events; rebuild repairs it"
    finally:
        scratch.close()


def _pairs(left: Iterator[object], right: Iterator[object]) -> Iterator[tuple[object, object]]:
    end = object()
    while True:
        pair = (next(left, end), next(right, end))
        if pair == (end, end):
            return
        yield pair
