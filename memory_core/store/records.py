# SPDX-License-Identifier: Apache-2.0
"""What is kept besides events: keyframes, map regions, checkpoints, and the digest over all of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import apsw

from memory_core.errors import BadInput, CorruptMemory
from memory_core.event import Keyframe, MapUpdate, canonical_json
from memory_core.packing import peek
from memory_core.store import log, query
from memory_core.store.blobs import IMAGE, MAP, sha256


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a session has been remembered, and what its builder needs to go on."""

    session_id: str
    n_frames: int
    stamp_ns: int
    state: bytes


def save_keyframes(connection: apsw.Connection, keyframes: Iterable[Keyframe]) -> None:
    for keyframe in keyframes:
        if query.row(connection, "SELECT 1 FROM keyframe WHERE id = ?", (keyframe.id,)):
            raise BadInput(f"keyframe {keyframe.id}: there is one of that id already; ids are never used again")
        try:
            _save_keyframe(connection, keyframe)
        except (TypeError, ValueError) as error:
            raise BadInput(f"keyframe {keyframe.id}: cannot be stored: {error}") from error


def _save_keyframe(connection: apsw.Connection, keyframe: Keyframe) -> None:
    sha = sha256(keyframe.jpeg)
    pose, k = [float(v) for v in keyframe.pose], [float(v) for v in keyframe.K]
    shows = sorted((name, *map(int, box)) for name, box in keyframe.shows.items())
    content = sha256(canonical_json([keyframe.id, keyframe.stamp_ns, sha, pose, k, shows]).encode())
    connection.execute(
        "INSERT INTO keyframe VALUES(?,?,?,?,?,?,?)",
        (keyframe.id, keyframe.stamp_ns, sha, len(keyframe.jpeg), canonical_json(pose), canonical_json(k), content),
    )
    rows = [(name, keyframe.stamp_ns, keyframe.id, *box) for name, *box in shows]
    connection.executemany("INSERT INTO shows VALUES(?,?,?,?,?,?,?)", rows)


_KEYFRAME = """
SELECT k.stamp, coalesce(p.pose, k.pose), k.k, k.sha FROM keyframe k
LEFT JOIN keyframe_pose p ON p.id = k.id AND p.vt IS NULL WHERE k.id = ?
"""


def load_keyframe(connection: apsw.Connection, identity: str) -> tuple[Keyframe, str] | None:
    """A keyframe without its image, at its corrected pose, and its blob. O(log keyframes + objects in it)."""
    row = query.row(connection, _KEYFRAME, (identity,))
    if row is None:
        return None
    boxes = query.rows(connection, "SELECT object, u0, v0, u1, v1 FROM shows WHERE keyframe = ?", (identity,))
    shows = {name: (u0, v0, u1, v1) for name, u0, v0, u1, v1 in boxes}
    pose, k = tuple(json.loads(row[1])), tuple(json.loads(row[2]))
    return Keyframe(identity, row[0], b"", pose, k, shows), row[3] + IMAGE


def save_map_blocks(connection: apsw.Connection, blocks: Mapping[str, bytes]) -> list[str]:
    """Point each region at its new content; returns the names of blobs that may have become useless."""
    replaced = []
    for key, content in blocks.items():
        old = query.row(connection, "SELECT sha FROM map_block WHERE key = ?", (key,))
        if old:
            replaced.append(old[0] + MAP)
        row = (key, sha256(content), len(content), *_described(key, content))
        connection.execute("INSERT OR REPLACE INTO map_block VALUES(?,?,?,?,?,?)", row)
    return replaced


def _described(key: str, content: bytes) -> tuple[float, int, int]:
    try:
        about = peek(content)
        return float(about["voxel_size_m"]), int(about["occupied"]), int(about["free"])
    except (CorruptMemory, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"map region {key}: want packed voxel_size_m, occupied, free and arrays; {error!r}") from error


def useless(connection: apsw.Connection, names: Iterable[str]) -> list[str]:
    """Those blobs that nothing refers to. O(names x log rows)."""
    return [name for name in names if not _is_used(connection, name)]


def _is_used(connection: apsw.Connection, name: str) -> bool:
    table = {IMAGE: "keyframe", MAP: "map_block"}.get(name[-4:])
    if table is None:
        return False
    return query.row(connection, f"SELECT 1 FROM {table} WHERE sha = ? LIMIT 1", (name[:-4],)) is not None


def update_sha(update: MapUpdate, canonical: Iterable[bytes]) -> bytes:
    """Tells two updates apart; for finding out that one is being sent again."""
    content = hashlib.sha256(f"{update.session_id} {update.n_frames} {update.stamp_ns}".encode())
    for event in canonical:
        content.update(event)
    for keyframe in update.keyframes:
        content.update(sha256(keyframe.jpeg).encode())
    for key in sorted(update.map_blocks):
        content.update(f"{key} {sha256(update.map_blocks[key])}".encode())
    content.update(update.state)
    return content.digest()


def save_checkpoint(
    connection: apsw.Connection, update: MapUpdate, *, session: str, map_id: str, sha: bytes, events: list[int]
) -> None:
    first = events[0] if events else log.head(connection)[0] + 1
    connection.execute(
        "INSERT INTO outbox(session, stamp, n_frames, first_event, n_events) VALUES(?,?,?,?,?)",
        (session, update.stamp_ns, update.n_frames, first, len(events)),
    )
    row = (session, map_id, update.n_frames, update.stamp_ns, update.state, sha, connection.last_insert_rowid())
    connection.execute("INSERT OR REPLACE INTO checkpoint VALUES(?,?,?,?,?,?,?)", row)


def load_checkpoint(connection: apsw.Connection, session: str | None) -> Checkpoint | None:
    """The checkpoint of a session, or the newest of all. O(sessions)."""
    which, values = ("session = ?", (session,)) if session is not None else ("TRUE", ())
    row = query.row(
        connection,
        f"SELECT session, n_frames, stamp, state FROM checkpoint WHERE {which} ORDER BY seq DESC LIMIT 1",
        values,
    )
    return Checkpoint(*row) if row else None


def digest(connection: apsw.Connection) -> str:
    """SHA-256 of the canonical content, the same for the same input on every run. O(map regions + keyframes)."""
    content = hashlib.sha256(log.head(connection)[1])
    for key, sha in query.rows(connection, "SELECT key, sha FROM map_block ORDER BY key"):
        content.update(f"\nmap {key} {sha}".encode())
    for identity, described in query.rows(connection, "SELECT id, content FROM keyframe ORDER BY id"):
        content.update(f"\nkeyframe {identity} {described}".encode())
    return content.hexdigest()


def statistics(connection: apsw.Connection) -> dict[str, Any]:
    """What `Memory.info` says of the tables. O(events) in index pages for the count, O(views) for the rest."""
    first, last, n_events = query.only(connection, "SELECT min(stamp), max(stamp), count(*) FROM event")
    frames = query.only(connection, "SELECT coalesce(sum(n_frames), 0), max(stamp) FROM checkpoint")
    sessions = list(query.rows(connection, "SELECT session, map FROM checkpoint ORDER BY seq"))
    objects, gone = query.only(
        connection,
        "SELECT count(*) FILTER (WHERE state <> 'gone'), count(*) FILTER (WHERE state = 'gone') "
        "FROM object_version WHERE vt IS NULL",
    )
    octree = query.only(
        connection,
        "SELECT max(voxel_size_m), coalesce(sum(n_occupied), 0), coalesce(sum(n_free), 0), coalesce(sum(bytes), 0) "
        "FROM map_block WHERE instr(key, '/') = 0",  # other layers have names with a slash
    )
    ends = [stamp for stamp in (first, last, frames[1]) if stamp is not None]
    return {
        "map_id": sessions[-1][1] if sessions else "",
        "sessions": [session for session, _ in sessions],
        "frames": frames[0],
        "events": n_events,
        "objects": objects,
        "objects_gone": gone,
        "places": query.value(connection, "SELECT count(*) FROM place WHERE vt IS NULL"),
        "rooms": query.value(connection, "SELECT count(*) FROM room WHERE vt IS NULL"),
        "floors": query.value(connection, "SELECT count(DISTINCT nullif(floor, '')) FROM room WHERE vt IS NULL"),
        "frontiers": query.value(connection, "SELECT count(*) FROM frontier WHERE vt IS NULL"),
        "snapshots": query.value(connection, "SELECT count(*) FROM keyframe"),
        "octree": dict(zip(("voxel_size_m", "occupied", "free", "bytes"), octree, strict=True)),
        "span_ns": [min(ends), max(ends)] if ends else None,
    }
