# SPDX-License-Identifier: Apache-2.0
"""Tables of memory.db and the numbered steps that bring older files up to date.

The record (what cannot be made again): origin, event, keyframe, shows, map_block, checkpoint, outbox.
The views (remade from the events by `rebuild`): object_version, object_box, edge, place, room, passage, frontier,
covered, event_words.

Times are int64 nanoseconds. A row of a view is valid in [vf, vt); vt is NULL while it still is.
"""

from __future__ import annotations

APPLICATION_ID = 0x546C6D6E  # "Tlmn"

_RECORD = """
CREATE TABLE origin(
    id INTEGER PRIMARY KEY, robot TEXT NOT NULL, session TEXT NOT NULL, map TEXT NOT NULL,
    UNIQUE(robot, session, map)
) STRICT;
CREATE TABLE event(
    id INTEGER PRIMARY KEY, stamp INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, label TEXT NOT NULL,
    x REAL, y REAL, z REAL, cell INTEGER, text TEXT NOT NULL, payload TEXT NOT NULL, snapshot TEXT NOT NULL,
    source TEXT NOT NULL, confidence REAL NOT NULL, origin INTEGER NOT NULL REFERENCES origin(id), hash BLOB NOT NULL
) STRICT;
CREATE INDEX event_by_stamp ON event(stamp);
CREATE INDEX event_by_kind ON event(kind, stamp);
CREATE INDEX event_by_subject ON event(subject, id) WHERE subject <> '';
CREATE INDEX event_by_cell ON event(cell, stamp) WHERE cell IS NOT NULL;
CREATE VIEW event_text AS SELECT id, label, text FROM event WHERE text <> '';
CREATE TABLE keyframe(
    id TEXT PRIMARY KEY, stamp INTEGER NOT NULL, sha TEXT NOT NULL, bytes INTEGER NOT NULL,
    pose TEXT NOT NULL, k TEXT NOT NULL, content TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX keyframe_by_sha ON keyframe(sha);
CREATE TABLE shows(
    object TEXT NOT NULL, stamp INTEGER NOT NULL, keyframe TEXT NOT NULL REFERENCES keyframe(id),
    u0 INTEGER NOT NULL, v0 INTEGER NOT NULL, u1 INTEGER NOT NULL, v1 INTEGER NOT NULL,
    PRIMARY KEY(object, stamp, keyframe)
) STRICT, WITHOUT ROWID;
CREATE INDEX shows_by_keyframe ON shows(keyframe);
CREATE TABLE map_block(
    key TEXT PRIMARY KEY, sha TEXT NOT NULL, bytes INTEGER NOT NULL,
    voxel_size_m REAL NOT NULL, n_occupied INTEGER NOT NULL, n_free INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX map_block_by_sha ON map_block(sha);
CREATE TABLE outbox(
    seq INTEGER PRIMARY KEY, session TEXT NOT NULL, stamp INTEGER NOT NULL, n_frames INTEGER NOT NULL,
    first_event INTEGER NOT NULL, n_events INTEGER NOT NULL
) STRICT;
CREATE TABLE checkpoint(
    session TEXT PRIMARY KEY, map TEXT NOT NULL, n_frames INTEGER NOT NULL, stamp INTEGER NOT NULL,
    state BLOB NOT NULL, sha BLOB NOT NULL, seq INTEGER NOT NULL REFERENCES outbox(seq)
) STRICT, WITHOUT ROWID;
"""

# A version of an object is named by the event that made it, so rebuilding gives the same rows.
_FIRST_VIEWS = """
CREATE TABLE object_version(
    id INTEGER PRIMARY KEY, object TEXT NOT NULL, label TEXT NOT NULL, words TEXT NOT NULL, state TEXT NOT NULL,
    room TEXT NOT NULL, place TEXT NOT NULL,
    x0 REAL NOT NULL, y0 REAL NOT NULL, z0 REAL NOT NULL, x1 REAL NOT NULL, y1 REAL NOT NULL, z1 REAL NOT NULL,
    first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, n_observations INTEGER NOT NULL,
    confidence REAL NOT NULL, vf INTEGER NOT NULL, vt INTEGER
) STRICT;
CREATE UNIQUE INDEX object_current ON object_version(object) WHERE vt IS NULL;
CREATE INDEX object_history ON object_version(object, vf);
CREATE INDEX object_by_label ON object_version(label, vt);
CREATE INDEX object_by_room ON object_version(room, vt);
CREATE VIRTUAL TABLE object_box USING rtree(id, x0, x1, y0, y1, z0, z1, t0, t1);
CREATE TABLE edge(
    id INTEGER PRIMARY KEY, subject TEXT NOT NULL, predicate TEXT NOT NULL, object TEXT NOT NULL,
    confidence REAL NOT NULL, vf INTEGER NOT NULL, vt INTEGER
) STRICT;
CREATE UNIQUE INDEX edge_current ON edge(subject, predicate, object) WHERE vt IS NULL;
CREATE INDEX edge_by_subject ON edge(subject, predicate, vf);
CREATE INDEX edge_by_object ON edge(object, predicate, vf);
CREATE TABLE place(
    id TEXT NOT NULL, event INTEGER NOT NULL, x REAL NOT NULL, y REAL NOT NULL, z REAL NOT NULL,
    radius_m REAL NOT NULL, room TEXT NOT NULL, vf INTEGER NOT NULL, vt INTEGER, PRIMARY KEY(id, event)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX place_current ON place(id) WHERE vt IS NULL;
CREATE TABLE room(
    id TEXT NOT NULL, event INTEGER NOT NULL, label TEXT NOT NULL, x REAL NOT NULL, y REAL NOT NULL, z REAL NOT NULL,
    x0 REAL NOT NULL, y0 REAL NOT NULL, z0 REAL NOT NULL, x1 REAL NOT NULL, y1 REAL NOT NULL, z1 REAL NOT NULL,
    confidence REAL NOT NULL, vf INTEGER NOT NULL, vt INTEGER, PRIMARY KEY(id, event)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX room_current ON room(id) WHERE vt IS NULL;
CREATE TABLE passage(
    a TEXT NOT NULL, b TEXT NOT NULL, event INTEGER NOT NULL, length_m REAL NOT NULL,
    vf INTEGER NOT NULL, vt INTEGER, PRIMARY KEY(a, b, event)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX passage_current ON passage(a, b) WHERE vt IS NULL;
"""

# `content` of a frontier is its payload; `covered` tells which keyframe explains an object.
_FRONTIERS = """
CREATE TABLE frontier(
    id TEXT NOT NULL, event INTEGER NOT NULL, content TEXT NOT NULL, vf INTEGER NOT NULL, vt INTEGER,
    PRIMARY KEY(id, event)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX frontier_current ON frontier(id) WHERE vt IS NULL;
CREATE TABLE covered(
    object TEXT NOT NULL, event INTEGER NOT NULL, keyframe TEXT NOT NULL, vf INTEGER NOT NULL, vt INTEGER,
    PRIMARY KEY(object, event)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX covered_current ON covered(object) WHERE vt IS NULL;
"""
# Where a keyframe was taken, as corrected since; the keyframe itself keeps the pose it came with.
_CORRECTIONS = """
CREATE TABLE keyframe_pose(
    id TEXT NOT NULL, event INTEGER NOT NULL, pose TEXT NOT NULL, vf INTEGER NOT NULL, vt INTEGER,
    PRIMARY KEY(id, event)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX keyframe_pose_current ON keyframe_pose(id) WHERE vt IS NULL;
"""
# `more` of a passage is what its payload has after the length: cost, width of the door, middle of the door.
_DOORS = """
ALTER TABLE passage ADD COLUMN more TEXT NOT NULL DEFAULT '[]';
ALTER TABLE room ADD COLUMN floor TEXT NOT NULL DEFAULT '';
"""
VIEWS = _FIRST_VIEWS + _FRONTIERS + _CORRECTIONS + _DOORS

# Full text is newest first by row number, so neither positions nor ranks are kept.
WORDS = """
CREATE VIRTUAL TABLE event_words USING fts5(
    label, text, content='event_text', content_rowid='id', detail='none', columnsize=0
);
"""

VIEW_TABLES = (
    "object_version",
    "object_box",
    "edge",
    "place",
    "room",
    "passage",
    "frontier",
    "covered",
    "keyframe_pose",
)

MIGRATIONS: tuple[str, ...] = (_RECORD + _FIRST_VIEWS + WORDS, _FRONTIERS, _CORRECTIONS, _DOORS)
"""Step i brings a file from format i to format i + 1; the newest format is their number."""
