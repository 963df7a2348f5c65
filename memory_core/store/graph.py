# SPDX-License-Identifier: Apache-2.0
"""The scene graph as it is, or as it was at an earlier time, read back from the views."""

from __future__ import annotations

import json

import apsw

from memory_core.event import frontier_from_payload, instance_from_payload, passage_from_payload
from memory_core.geometry import Box
from memory_core.graph import Frontier, Instance, Passage, Place, Relation, Room, SceneGraph
from memory_core.store import query

Bindings = tuple[int, ...]


def holds(alias: str, as_of_ns: int | None) -> tuple[str, Bindings]:
    """Condition on a view's rows that hold now (None) or held at a time, and the values it needs."""
    if as_of_ns is None:
        return f"{alias}.vt IS NULL", ()
    return f"{alias}.vf <= ? AND ({alias}.vt IS NULL OR {alias}.vt > ?)", (as_of_ns, as_of_ns)


def newest_stamp(connection: apsw.Connection) -> int:
    """The latest time the memory knows of, 0 when it is empty. O(sessions + log events)."""
    stamps = query.rows(connection, "SELECT max(stamp) FROM checkpoint UNION ALL SELECT max(stamp) FROM event")
    return max((stamp for (stamp,) in stamps if stamp is not None), default=0)


def load(connection: apsw.Connection, as_of_ns: int | None = None) -> SceneGraph:
    """The scene graph now, O(graph), or as of a time, O(versions). Mappings are in order of their ids."""
    return SceneGraph(
        stamp_ns=newest_stamp(connection) if as_of_ns is None else as_of_ns,
        instances={instance.id: instance for instance in _instances(connection, as_of_ns)},
        places={place.id: place for place in _places(connection, as_of_ns)},
        rooms={room.id: room for room in rooms(connection, as_of_ns)},
        relations=tuple(_relations(connection, as_of_ns)),
        passages=tuple(_passages(connection, as_of_ns)),
        frontiers={frontier.id: frontier for frontier in frontiers(connection, as_of_ns)},
        snapshots=_snapshots(connection, as_of_ns),
    )


def _instances(connection: apsw.Connection, as_of_ns: int | None) -> list[Instance]:
    where, values = holds("v", as_of_ns)
    rows = query.rows(
        connection,
        f"SELECT e.payload FROM object_version v JOIN event e ON e.id = v.id WHERE {where} "
        "ORDER BY length(v.object), v.object",
        values,
    )
    return [instance_from_payload(json.loads(payload)["instance"]) for (payload,) in rows]


def _places(connection: apsw.Connection, as_of_ns: int | None) -> list[Place]:
    where, values = holds("v", as_of_ns)
    rows = query.rows(
        connection, f"SELECT id, x, y, z, radius_m, room FROM place v WHERE {where} ORDER BY length(id), id", values
    )
    return [Place(identity, (x, y, z), radius_m, room) for identity, x, y, z, radius_m, room in rows]


def rooms(connection: apsw.Connection, as_of_ns: int | None = None) -> list[Room]:
    """Rooms in order of their ids. O(rooms ever)."""
    where, values = holds("v", as_of_ns)
    rows = query.rows(
        connection,
        f"SELECT id, label, x, y, z, x0, y0, z0, x1, y1, z1, confidence, floor FROM room v WHERE {where} "
        "ORDER BY length(id), id",
        values,
    )
    return [Room(r[0], r[1], (r[2], r[3], r[4]), Box((r[5], r[6], r[7]), (r[8], r[9], r[10])), *r[11:]) for r in rows]


def frontiers(connection: apsw.Connection, as_of_ns: int | None = None) -> list[Frontier]:
    """Frontiers in order of their ids. O(frontiers ever)."""
    where, values = holds("v", as_of_ns)
    rows = query.rows(connection, f"SELECT content FROM frontier v WHERE {where} ORDER BY length(id), id", values)
    return [frontier_from_payload(json.loads(content)) for (content,) in rows]


def _snapshots(connection: apsw.Connection, as_of_ns: int | None) -> dict[str, str]:
    where, values = holds("v", as_of_ns)
    found = query.rows(
        connection, f"SELECT object, keyframe FROM covered v WHERE {where} ORDER BY length(object), object", values
    )
    return dict(found)


def _relations(connection: apsw.Connection, as_of_ns: int | None) -> list[Relation]:
    where, values = holds("v", as_of_ns)
    rows = query.rows(
        connection,
        f"SELECT subject, predicate, object, confidence FROM edge v WHERE {where} "
        "ORDER BY length(subject), subject, predicate, length(object), object",
        values,
    )
    return [Relation(*row) for row in rows]


def _passages(connection: apsw.Connection, as_of_ns: int | None) -> list[Passage]:
    where, values = holds("v", as_of_ns)
    rows = query.rows(
        connection,
        f"SELECT a, b, length_m, more FROM passage v WHERE {where} ORDER BY length(a), a, length(b), b",
        values,
    )
    return [passage_from_payload([a, b, length_m, *json.loads(more)]) for a, b, length_m, more in rows]
