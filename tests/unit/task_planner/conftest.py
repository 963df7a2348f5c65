# SPDX-License-Identifier: Apache-2.0
"""A small flat known by heart: three rooms in a row, things in them, places down the middle."""

from dataclasses import replace

import pytest

from memory_core.geometry import Box
from memory_core.graph import Instance, Passage, Place, Relation, Room, SceneGraph
from memory_core.question import Answer, Evidence, Result

NOW_NS = 1_000_000_000_000


def thing(id, label, center, size, room, **changes):
    values = {
        "id": id,
        "label": label,
        "label_scores": {label: 1.0},
        "box": Box.of(center, size),
        "state": "present",
        "first_seen_ns": NOW_NS - 600_000_000_000,
        "last_seen_ns": NOW_NS - 180_000_000_000,
        "n_observations": 20,
        "confidence": 0.9,
        "room_id": room,
    }
    return Instance(**{**values, **changes})


THINGS = (
    thing("o1", "dining table", (2, 0.9, 0.4), (1.2, 0.8, 0.8), "r1"),
    thing("o2", "fridge", (0.4, -1.5, 0.9), (0.7, 0.7, 1.8), "r1"),
    thing("o3", "apple", (2.2, 0.8, 0.84), (0.08, 0.08, 0.08), "r1"),
    thing("o4", "mug", (1.8, 1.0, 0.85), (0.1, 0.1, 0.1), "r1", words=("small", "red")),
    thing("o5", "sofa", (6, 1.4, 0.4), (1.8, 0.8, 0.8), "r2"),
    thing("o6", "coffee table", (6, 0.0, 0.2), (1.0, 0.5, 0.4), "r2"),
    thing("o7", "mug", (6.2, 0.0, 0.45), (0.1, 0.1, 0.1), "r2", words=("small", "blue")),
    thing("o8", "egg", (0.4, -1.4, 0.9), (0.05, 0.05, 0.06), "r1"),
    thing("o9", "floor lamp", (7.5, -1.5, 0.8), (0.3, 0.3, 1.6), "r2"),
    thing("o10", "bed", (10, 1.0, 0.3), (2.0, 1.5, 0.6), "r3"),
    thing("o11", "drawer", (11.4, -1.0, 0.4), (0.4, 0.5, 0.3), "r3"),
    thing("o12", "pen", (11.4, -1.0, 0.42), (0.1, 0.02, 0.02), "r3"),
    thing("o13", "book", (10.2, 0.8, 0.62), (0.2, 0.15, 0.03), "r3"),
    thing("o14", "vase", (6.4, 0.1, 0.5), (0.1, 0.1, 0.2), "r2", state="gone"),
    thing("o15", "painting", (8.4, 1.9, 1.6), (0.6, 0.05, 0.4), "r3"),
    thing("o16", "microwave", (2.0, -1.6, 1.1), (0.5, 0.4, 0.3), "r1"),
)

PLACES = tuple(
    Place(f"p{i}", (x, 0.0 if room != "r1" else -0.4, 0.0), 0.8, room)
    for i, (x, room) in enumerate(
        [
            (1.0, "r1"),
            (2.5, "r1"),
            (3.8, "r1"),
            (5.0, "r2"),
            (6.5, "r2"),
            (7.6, "r2"),
            (8.8, "r3"),
            (10.2, "r3"),
            (11, "r3"),
        ],
        start=1,
    )
)

FLAT = SceneGraph(
    stamp_ns=NOW_NS,
    instances={instance.id: instance for instance in THINGS},
    places={place.id: place for place in PLACES},
    rooms={
        "r1": Room("r1", "kitchen", (2.0, 0.0, 0.0), Box((0, -2, 0), (4, 2, 2.5)), 0.9),
        "r2": Room("r2", "living room", (6.0, 0.0, 0.0), Box((4, -2, 0), (8, 2, 2.5)), 0.9),
        "r3": Room("r3", "bedroom", (10.0, 0.0, 0.0), Box((8, -2, 0), (12, 2, 2.5)), 0.9),
    },
    relations=(
        Relation("o3", "on", "o1"),
        Relation("o4", "on", "o1"),
        Relation("o7", "on", "o6"),
        Relation("o8", "in", "o2"),
        Relation("o12", "in", "o11"),
        Relation("o13", "on", "o10"),
        Relation("o3", "near", "o4"),
        Relation("o5", "near", "o6"),
    ),
    passages=tuple(Passage(f"p{i}", f"p{i + 1}", 1.3) for i in range(1, 9)),
)


class KnownFlat:
    """A memory that holds one scene graph and remembers an image of each thing."""

    def __init__(self, graph=FLAT):
        self._graph = graph

    def graph(self, as_of_ns=None):
        return self._graph

    def recall(self, question):
        results = tuple(_result(i) for i in self._graph.instances.values() if question.label in (i.id, i.label))
        return Answer(question, "found" if results else "not_seen", "", results, len(results))


def _result(instance):
    evidence = (Evidence(int(instance.id[1:]) + 100, instance.last_seen_ns, "k1"),)
    return Result(
        id=instance.id,
        kind="object",
        label=instance.label,
        position=instance.position,
        size=instance.box.size,
        frame="map",
        room=instance.room_id,
        place="",
        state=instance.state,
        first_seen_ns=instance.first_seen_ns,
        last_seen_ns=instance.last_seen_ns,
        age_s=180.0,
        confidence=instance.confidence,
        evidence=evidence,
    )


@pytest.fixture
def flat():
    return KnownFlat()


@pytest.fixture
def graph():
    return FLAT


@pytest.fixture
def with_things():
    """Returns a function: changed or further instances -> a memory of the flat with them."""

    def build(*instances, **changes):
        things = {**FLAT.instances, **{instance.id: instance for instance in instances}}
        return KnownFlat(replace(FLAT, instances=things, **changes))

    return build


@pytest.fixture
def make_thing():
    return thing
