# SPDX-License-Identifier: Apache-2.0
"""Events into views: what is and was true, with the time for which it held.

Every function here is a pure function of the events so far, so views can be thrown away and made again.
"""

from __future__ import annotations

from typing import Any, get_args

import apsw

from memory_core.errors import BadInput
from memory_core.event import (
    Event,
    canonical_json,
    frontier_from_payload,
    frontier_payload,
    instance_from_payload,
    passage_from_payload,
    passage_payload,
    place_from_payload,
    room_from_payload,
)
from memory_core.graph import Predicate, State
from memory_core.store import query, schema

INSTANCE_KINDS = frozenset({"appeared", "saw", "moved", "vanished", "changed", "corrected"})
FOREVER_S = 3e38

_STATES = frozenset(get_args(State))
_PREDICATES = frozenset(get_args(Predicate))


def apply(connection: apsw.Connection, number: int, event: Event) -> None:
    """Bring the views up to date with one more event. O(log rows), times the things a `mapped` event names.

    Raises:
        BadInput: the payload does not hold what its kind promises.
    """
    try:
        if event.kind == "corrected" and not event.subject:
            _correct(connection, number, event)
        elif event.kind in INSTANCE_KINDS:
            _object(connection, number, event)
        elif event.kind == "mapped":
            _map(connection, number, event)
        elif event.kind in ("related", "unrelated"):
            _edge(connection, number, event)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"event {event.kind} of {event.subject!r}: bad payload ({error!r})") from error


def clear(connection: apsw.Connection) -> None:
    """Drop all views and make them anew, empty."""
    for table in (*schema.VIEW_TABLES, "event_words"):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    connection.execute(schema.VIEWS + schema.WORDS)


def seconds(stamp_ns: int | None) -> float:
    """The R*Tree's time axis. It is coarse (32 bit); what it finds is checked again on the exact columns."""
    return FOREVER_S if stamp_ns is None else stamp_ns / 1e9


def _object(connection: apsw.Connection, number: int, event: Event) -> None:
    instance = instance_from_payload(event.payload["instance"])
    if instance.id != event.subject or instance.state not in _STATES:
        raise ValueError(f"instance {instance.id!r} with state {instance.state!r} in an event of {event.subject!r}")
    current = query.row(connection, "SELECT id, vf FROM object_version WHERE object = ? AND vt IS NULL", (instance.id,))
    since = max(event.stamp_ns, current[1]) if current else event.stamp_ns
    if current and current[1] < since:
        connection.execute("UPDATE object_version SET vt = ? WHERE id = ?", (since, current[0]))
        connection.execute("UPDATE object_box SET t1 = ? WHERE id = ?", (seconds(since), current[0]))
    elif current:
        connection.execute("DELETE FROM object_version WHERE id = ?", (current[0],))
        connection.execute("DELETE FROM object_box WHERE id = ?", (current[0],))
    if event.payload.get("merged_into"):
        return
    low, high = instance.box.minimum, instance.box.maximum
    connection.execute(
        "INSERT INTO object_version VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,NULL)",
        (
            number, instance.id, instance.label, spaced(instance.words), instance.state, instance.room_id,
            instance.place_id, *low, *high, instance.first_seen_ns, instance.last_seen_ns, instance.n_observations,
            instance.confidence, since,
        ),
    )  # fmt: skip
    box = (low[0], high[0], low[1], high[1], low[2], high[2], seconds(since), FOREVER_S)
    connection.execute("INSERT INTO object_box VALUES(?,?,?,?,?,?,?,?,?)", (number, *box))


def spaced(words: tuple[str, ...]) -> str:
    """Words in a form that a single one can be looked for: " small red "."""
    return f" {' '.join(words)} " if words else ""


def _edge(connection: apsw.Connection, number: int, event: Event) -> None:
    predicate, target = event.payload["predicate"], event.payload["object"]
    if predicate not in _PREDICATES:
        raise ValueError(f"predicate {predicate!r}")
    names = (event.subject, predicate, target)
    _end(connection, "edge", "subject = ? AND predicate = ? AND object = ?", names, event.stamp_ns)
    if event.kind == "related":
        confidence = float(event.payload.get("confidence", 1.0))
        row = (number, *names, confidence, event.stamp_ns)
        connection.execute("INSERT INTO edge VALUES(?,?,?,?,?,?,NULL)", row)


def _map(connection: apsw.Connection, number: int, event: Event) -> None:
    stamp, changes = event.stamp_ns, event.payload
    for identity in [*changes.get("gone_places", ()), *(place["id"] for place in changes.get("places", ()))]:
        _end(connection, "place", "id = ?", (identity,), stamp)
    for place in map(place_from_payload, changes.get("places", ())):
        row = (place.id, number, *place.position, place.radius_m, place.room_id, stamp)
        connection.execute("INSERT INTO place VALUES(?,?,?,?,?,?,?,?,NULL)", row)
    for identity in [*changes.get("gone_rooms", ()), *(room["id"] for room in changes.get("rooms", ()))]:
        _end(connection, "room", "id = ?", (identity,), stamp)
    for room in map(room_from_payload, changes.get("rooms", ())):
        values = (room.id, number, room.label, *room.position, *room.box.minimum, *room.box.maximum, room.confidence)
        connection.execute(
            "INSERT INTO room VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,NULL,?)", (*values, stamp, room.floor_id)
        )
    for a, b in [*changes.get("gone_passages", ()), *(ends[:2] for ends in changes.get("passages", ()))]:
        _end(connection, "passage", "a = ? AND b = ?", (a, b), stamp)
    for passage in map(passage_from_payload, changes.get("passages", ())):
        a, b, length_m, *more = passage_payload(passage)
        way = (a, b, number, length_m, stamp, canonical_json(more))
        connection.execute("INSERT INTO passage VALUES(?,?,?,?,?,NULL,?)", way)
    _frontiers(connection, number, stamp, changes)


def _correct(connection: apsw.Connection, number: int, event: Event) -> None:
    """New poses of keyframes; everything else that a correction moves has events of its own."""
    for identity, pose in event.payload.get("keyframes", {}).items():
        if len(pose) != 16:
            raise ValueError(f"a pose of {len(pose)} numbers")
        _end(connection, "keyframe_pose", "id = ?", (identity,), event.stamp_ns)
        row = (identity, number, canonical_json([float(value) for value in pose]), event.stamp_ns)
        connection.execute("INSERT INTO keyframe_pose VALUES(?,?,?,?,NULL)", row)


def _frontiers(connection: apsw.Connection, number: int, stamp: int, changes: dict[str, Any]) -> None:
    frontiers = list(map(frontier_from_payload, changes.get("frontiers", ())))
    for identity in [*changes.get("gone_frontiers", ()), *(frontier.id for frontier in frontiers)]:
        _end(connection, "frontier", "id = ?", (identity,), stamp)
    for frontier in frontiers:
        content = canonical_json(frontier_payload(frontier))
        connection.execute("INSERT INTO frontier VALUES(?,?,?,?,NULL)", (frontier.id, number, content, stamp))
    for name, keyframe in changes.get("snapshots", ()):
        _end(connection, "covered", "object = ?", (name,), stamp)
        if keyframe:
            connection.execute("INSERT INTO covered VALUES(?,?,?,?,NULL)", (name, number, keyframe, stamp))


def _end(connection: apsw.Connection, table: str, which: str, names: tuple[Any, ...], stamp: int) -> None:
    """Close what holds now; what would have held for no time at all is dropped."""
    connection.execute(f"DELETE FROM {table} WHERE {which} AND vt IS NULL AND vf >= ?", (*names, stamp))
    connection.execute(f"UPDATE {table} SET vt = ? WHERE {which} AND vt IS NULL", (stamp, *names))
