# SPDX-License-Identifier: Apache-2.0
"""A small scripted flat, told as updates: two rooms, a table with a mug and an apple, a sofa with a book."""

from types import SimpleNamespace

import numpy as np
import pytest

from memory_core import Box, Event, Instance, Keyframe, MapUpdate, Place, Room, SceneGraph
from memory_core.event import instance_payload, place_payload, room_payload
from memory_core.memory import Memory
from memory_core.packing import pack

SECOND = 1_000_000_000
ROOMS = (
    Room("r1", "kitchen", (0.0, 0.0, 1.0), Box.of((0, 0, 1), (6, 6, 3)), 0.9),
    Room("r2", "room", (10.0, 0.0, 1.0), Box.of((10, 0, 1), (6, 6, 3)), 0.1),
)
PLACES = (Place("p1", (0.0, 1.0, 0.0), 0.5, "r1"), Place("p2", (10.0, 1.0, 0.0), 0.6, "r2"))


def instance(
    id, label, center, *, t, size=(0.1, 0.1, 0.1), words=(), room="r1", state="present", first=None, n=1, confidence=0.9
):
    first_ns = (t if first is None else first) * SECOND
    box = Box.of(center, size)
    return Instance(id, label, {label: 1.0}, box, state, first_ns, t * SECOND, n, confidence, tuple(words), room, "p1")


def told(kind, one, t, **more):
    text = f"The {' '.join((*one.words, one.label))} ({one.id}) {kind}."
    payload = {"instance": instance_payload(one), **more}
    return Event(
        kind=kind, stamp_ns=t * SECOND, subject=one.id, label=one.label, position=one.position, text=text,
        payload=payload, session_id="s1", source="truth", snapshot="k1",
    )  # fmt: skip


def related(subject, predicate, object, t, *, holds=True):
    payload = {"predicate": predicate, "object": object, "confidence": 0.8}
    kind = "related" if holds else "unrelated"
    return Event(kind=kind, stamp_ns=t * SECOND, subject=subject, payload=payload, session_id="s1")


def mapped(t, *, rooms=(), places=(), passages=(), **gone):
    payload = {
        "rooms": [room_payload(room) for room in rooms],
        "places": [place_payload(place) for place in places],
        "passages": [list(passage) for passage in passages],
        **gone,
    }
    return Event(kind="mapped", stamp_ns=t * SECOND, payload=payload, session_id="s1")


def region(seed, occupied=7, free=9):
    log_odds = np.random.default_rng(seed).integers(-3, 4, (4, 512)).astype(np.int8)
    return pack({"voxel_size_m": 0.05, "occupied": occupied, "free": free, "log_odds": log_odds})


def keyframe(number, t, shows=(), box=(0, 0, 9, 9)):
    pose = tuple(float(value) for value in np.eye(4).ravel())
    K = tuple(float(value) for value in np.eye(3).ravel())
    return Keyframe(f"k{number}", t * SECOND, b"jpeg %d" % number, pose, K, dict.fromkeys(shows, box))


def update(t, n_frames, events=(), *, keyframes=(), blocks=None, state=b"state"):
    return MapUpdate(t * SECOND, n_frames, SceneGraph(t * SECOND), tuple(events), keyframes, blocks or {}, state)


def flat():
    """Updates at 100 s (all is seen), 160 s (the white mug moved, the apple vanished) and 200 s (the sofa was seen)."""
    t = 100
    things = (
        instance("o1", "dining table", (0, 0, 0.4), t=t, size=(2, 1, 0.8), words=("large", "brown")),
        instance("o2", "mug", (0.2, 0, 0.85), t=t, words=("small", "red")),
        instance("o3", "mug", (2, 2, 0.85), t=t, words=("small", "white")),
        instance("o4", "sofa", (10, 0, 0.4), t=t, size=(2, 1, 0.8), words=("large", "grey"), room="r2"),
        instance("o5", "apple", (0.5, 0, 0.85), t=t, words=("small", "red")),
        instance("o6", "television", (10, 1.2, 0.4), t=t, size=(1, 0.2, 0.8), room="r2"),
        instance("o7", "book", (9.5, 0, 0.85), t=t, room="r2"),
    )
    first = [
        mapped(t, rooms=ROOMS, places=PLACES, passages=[("p1", "p2", 10.0)]),
        *(told("appeared", thing, t) for thing in things),
        related("o2", "on", "o1", t), related("o5", "on", "o1", t), related("o7", "on", "o4", t),
        related("o4", "near", "o6", t),
    ]  # fmt: skip
    moved = instance("o3", "mug", (1, 2, 0.85), t=160, words=("small", "white"), first=100)
    gone = instance("o5", "apple", (0.5, 0, 0.85), t=130, words=("small", "red"), first=100, state="gone")
    sofa = instance("o4", "sofa", (10, 0, 0.4), t=200, size=(2, 1, 0.8), words=("large", "grey"), room="r2", first=100)
    second = [told("moved", moved, 160), told("vanished", gone, 160), related("o5", "on", "o1", 160, holds=False)]
    shown = [thing.id for thing in things]
    return (
        update(100, 50, first, keyframes=(keyframe(1, 100, shown),), blocks={"a": region(1), "b": region(2)}),
        update(160, 100, second, keyframes=(keyframe(2, 160, ["o3"]),), blocks={"b": region(3)}),
        update(200, 150, [told("saw", sofa, 200)]),
    )


@pytest.fixture
def script():
    """Functions that make instances, events and updates; times are seconds."""
    return SimpleNamespace(
        SECOND=SECOND, ROOMS=ROOMS, PLACES=PLACES, instance=instance, told=told, related=related, mapped=mapped,
        region=region, keyframe=keyframe, update=update, flat=flat,
    )  # fmt: skip


@pytest.fixture
def empty(tmp_path):
    """A new memory."""
    with Memory.open(tmp_path / "memory") as memory:
        yield memory


@pytest.fixture
def flat_memory(empty):
    """A memory of the flat."""
    for one in flat():
        empty.remember(one)
    return empty
