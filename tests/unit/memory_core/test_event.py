# SPDX-License-Identifier: Apache-2.0
"""Events have one form in bytes; payloads give back what they were made of."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_core import Box, Event, Instance, MapUpdate, Place, Room, SceneGraph
from memory_core.event import (
    frontier_from_payload,
    frontier_payload,
    instance_from_payload,
    instance_payload,
    place_from_payload,
    place_payload,
    room_from_payload,
    room_payload,
)
from memory_core.graph import Frontier

NUMBER = st.floats(-1e6, 1e6, allow_nan=False)
POINT = st.tuples(NUMBER, NUMBER, NUMBER)
STAMP = st.integers(-(1 << 62), 1 << 62)
BOX = st.builds(Box.of, POINT, st.tuples(*[st.floats(0, 1e3)] * 3))
INSTANCE = st.builds(
    Instance,
    id=st.text(),
    label=st.text(),
    label_scores=st.dictionaries(st.text(), st.floats(0, 1), max_size=3),
    box=BOX,
    state=st.sampled_from(["present", "gone"]),
    first_seen_ns=STAMP,
    last_seen_ns=STAMP,
    n_observations=st.integers(0, 1 << 40),
    confidence=st.floats(0, 1),
    words=st.lists(st.text(), max_size=3).map(tuple),
)


def through_json(payload):
    return json.loads(json.dumps(payload))


@given(INSTANCE)
def test_an_instance_comes_back_from_its_payload(instance):
    assert instance_from_payload(through_json(instance_payload(instance))) == instance


@given(st.builds(Place, st.text(), POINT, NUMBER, st.text()))
def test_a_place_comes_back_from_its_payload(place):
    assert place_from_payload(through_json(place_payload(place))) == place


@given(st.builds(Room, st.text(), st.text(), POINT, BOX, NUMBER))
def test_a_room_comes_back_from_its_payload(room):
    assert room_from_payload(through_json(room_payload(room))) == room


def test_the_order_in_which_a_payload_was_filled_does_not_matter():
    one = Event(kind="did", stamp_ns=1, payload={"a": 1, "b": {"c": 2, "d": 3}})
    other = Event(kind="did", stamp_ns=1, payload={"b": {"d": 3, "c": 2}, "a": 1})

    assert one.canonical() == other.canonical()


@given(
    st.builds(
        Frontier, id=st.text(), kind=st.sampled_from(["floor", "space"]), position=POINT, viewpoint=POINT,
        yaw_rad=NUMBER, area_m2=NUMBER, unseen_m3=NUMBER, normal=POINT, first_seen_ns=STAMP, snapshot=st.text(),
    )
)  # fmt: skip
def test_a_frontier_goes_through_its_payload_unchanged(frontier):
    assert frontier_from_payload(through_json(frontier_payload(frontier))) == frontier


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "said"}, {"stamp_ns": 2}, {"subject": "o1"}, {"label": "mug"}, {"position": (0.0, 0.0, 1e-9)},
        {"text": "x"}, {"payload": {"a": 1.5}}, {"snapshot": "k1"}, {"source": "x"}, {"confidence": 0.5},
        {"robot_id": "x"}, {"session_id": "x"}, {"map_id": "x"},
    ],
)  # fmt: skip
def test_every_field_counts(change):
    plain = {"kind": "did", "stamp_ns": 1}

    assert Event(**plain).canonical() != Event(**{**plain, **change}).canonical()


def test_events_put_before_an_update_come_first():
    own, before = Event(kind="did", stamp_ns=2), Event(kind="session", stamp_ns=1)
    update = MapUpdate(2, 1, SceneGraph(2), (own,))

    assert update.plus(before).events == (before, own)
    assert update.events == (own,)
