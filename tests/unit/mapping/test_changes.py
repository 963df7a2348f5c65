# SPDX-License-Identifier: Apache-2.0
"""Gone, moved and back again: absence counts only where the place was seen free."""

import numpy as np
import pytest

EYE, TARGET = (1.6, 0.6, 1.3), (0.0, 0.0, 0.5)


@pytest.fixture
def desk(box_world):
    box_world.put("table", (0, 0, 0.35), (1.0, 0.8, 0.7), colour=(150, 100, 50))
    box_world.put("vase", (0.2, 0.2, 0.85), (0.14, 0.14, 0.3), colour=(30, 60, 200))
    return box_world


def stare(world, start_s, n=15, eye=EYE, target=TARGET):
    return [world.frame(eye, target, start_s + 0.1 * k) for k in range(n)]


def by_label(graph, label):
    return [i for i in graph.instances.values() if i.label == label]


def kinds(updates, subject):
    return [e.kind for u in updates for e in u.events if e.subject == subject]


def test_what_was_taken_away_is_gone_once_its_place_was_seen_free(desk, mapped):
    frames = stare(desk, 0.0)
    desk.boxes.pop("vase")
    mapper, updates = mapped(frames + stare(desk, 2.0))
    (vase,) = by_label(mapper.graph(), "vase")

    assert vase.state == "gone"
    assert vase.last_seen_ns == frames[-1].stamp_ns
    assert "vanished" in kinds(updates, vase.id)


def test_what_is_hidden_stays_present(desk, mapped):
    frames = stare(desk, 0.0)
    desk.put("screen", (0.9, 0.45, 0.9), (0.05, 1.2, 1.8), colour=(90, 90, 90))
    mapper, _ = mapped(frames + stare(desk, 2.0))

    assert by_label(mapper.graph(), "vase")[0].state == "present"


def test_what_is_out_of_view_stays_present(desk, mapped):
    frames = stare(desk, 0.0)
    desk.boxes.pop("vase")
    mapper, _ = mapped(frames + stare(desk, 2.0, target=(3.5, 3.0, 0.5)))

    assert by_label(mapper.graph(), "vase")[0].state == "present"


@pytest.mark.parametrize("pause", [0, 15])
def test_a_thing_carried_elsewhere_keeps_its_id(desk, mapped, pause):
    """Whether its old place is seen free before or after it is seen at the new one."""
    frames = stare(desk, 0.0)
    where = desk.boxes.pop("vase")
    frames += stare(desk, 2.0, n=pause)
    desk.put("vase", (-0.3, -0.2, 0.85), (0.14, 0.14, 0.3), colour=(30, 60, 200))
    mapper, updates = mapped(frames + stare(desk, 4.0, n=20))
    (vase,) = by_label(mapper.graph(), "vase")

    assert vase.state == "present"
    assert "moved" in kinds(updates, vase.id)
    assert np.linalg.norm(np.subtract(vase.position, desk.boxes["vase"].center)) < 0.05
    assert np.linalg.norm(np.subtract(vase.position, where.center)) > 0.3


def test_two_alike_newcomers_are_not_guessed_to_be_the_one_that_went(desk, mapped):
    frames = stare(desk, 0.0)
    desk.boxes.pop("vase")
    frames += stare(desk, 2.0)
    desk.put("vase1", (-0.3, -0.2, 0.85), (0.14, 0.14, 0.3), colour=(30, 60, 200))
    desk.put("vase2", (-0.3, 0.2, 0.85), (0.14, 0.14, 0.3), colour=(30, 60, 200))
    mapper, _ = mapped(frames + stare(desk, 4.0, n=20))

    assert sorted(i.state for i in by_label(mapper.graph(), "vase")) == ["gone", "present", "present"]


def test_a_thin_thing_is_gone_when_it_is_no_longer_seen_from_where_it_was(box_world, mapped):
    box_world.put("table", (0, 0, 0.35), (1.0, 0.8, 0.7), colour=(150, 100, 50))
    box_world.put("newspaper", (0.1, 0.1, 0.705), (0.4, 0.3, 0.01), colour=(240, 240, 240))
    frames = stare(box_world, 0.0)
    box_world.boxes.pop("newspaper")
    mapper, _ = mapped(frames + stare(box_world, 2.0, n=40))

    assert {i.label: i.state for i in mapper.graph().instances.values()} == {"table": "present", "newspaper": "gone"}
