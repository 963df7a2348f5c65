# SPDX-License-Identifier: Apache-2.0
"""What stands in a room tells what kind of room it is, and only then."""

from __future__ import annotations

import itertools

import pytest

from mapping.topology.rooms import UNKNOWN_ROOM, label_room


def contents(*labels, confidence=1.0):
    return [(label, confidence) for label in labels]


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (("fridge", "counter top", "chair"), "kitchen"),
        (("toilet", "sink", "mirror"), "bathroom"),
        (("bed", "dresser", "lamp"), "bedroom"),
        (("sofa", "television", "painting"), "living room"),
        (("desk", "monitor", "office chair"), "office"),
        (("bed", "television", "desk"), "bedroom"),
        (("sofa", "dining table", "television", "fridge", "stove burner", "sink"), "kitchen"),
    ],
)
def test_rooms_are_recognised_by_what_is_typical_of_them(labels, kind):
    assert label_room(contents(*labels))[0] == kind


@pytest.mark.parametrize("labels", [(), ("object",) * 30, ("painting", "vase"), ("chair", "chair", "chair", "chair")])
def test_thin_evidence_leaves_a_room_unnamed(labels):
    assert label_room(contents(*labels)) == (UNKNOWN_ROOM, 0.0)


def test_the_order_of_things_does_not_matter():
    things = contents("fridge", "sofa", "bed", "toilet")
    assert len({label_room(order) for order in itertools.permutations(things)}) == 1


def test_confidence_is_a_probability_that_grows_with_evidence():
    answers = [label_room(contents(*labels)) for labels in (("bed",), ("bed", "dresser"), ("bed", "dresser", "pillow"))]
    assert [kind for kind, _ in answers] == ["bedroom"] * 3
    probabilities = [probability for _, probability in answers]
    assert probabilities == sorted(probabilities)
    assert 0.5 < probabilities[0] < probabilities[-1] <= 1.0


def test_doubtful_things_count_less():
    sure, doubtful = (label_room(contents("bed", "pillow", confidence=c)) for c in (1.0, 0.3))
    assert doubtful[1] < sure[1]
    assert label_room(contents("bed", confidence=0.0))[0] == UNKNOWN_ROOM
    assert label_room(contents("bed", confidence=7.0)) == label_room(contents("bed"))


def test_many_of_the_same_thing_say_no_more_than_two():
    assert label_room(contents(*["plate"] * 40)) == label_room(contents("plate", "plate"))
