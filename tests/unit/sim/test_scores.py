# SPDX-License-Identifier: Apache-2.0
"""Scores of hand-made worlds whose values are known."""

import math
from types import SimpleNamespace

import pytest

from memory_core.geometry import Box
from memory_core.graph import Instance, Place, Relation, SceneGraph
from memory_core.question import Answer, Evidence, Question, Result
from sim.questions import Asked, Tolerance, _counts, _lists
from sim.scores import (
    Change,
    RouteEpisode,
    id_switches,
    ndtw,
    score_changes,
    score_objects,
    score_relations,
    score_rooms,
    score_routes,
    v_measure,
)
from sim.scores.answers import score_answers
from sim.types import SimObject, SimRoom

INFINITE = math.inf


def true(uid, label, center, size=(0.4, 0.4, 0.4), parent="", relation="", room="a"):
    return SimObject(
        uid=uid, label=label, box=Box.of(center, size), room_id=room, parent=parent, relation=relation,
        state="present", pickupable=True, receptacle=True, openable=False, toggleable=False, is_open=None, is_on=None,
        instance_id=1,
    )  # fmt: skip


def known(name, label, center, size=(0.4, 0.4, 0.4)):
    return Instance(name, label, {label: 1.0}, Box.of(center, size), "present", 0, 1, 5, 1.0, (), "r1")


TRUTH = [
    true("table", "table", (0, 0, 0.4), (1, 1, 0.8)),
    true("mug", "mug", (0, 0, 0.9), (0.1, 0.1, 0.2), "table", "on"),
    true("bowl", "bowl", (0.3, 0, 0.9), (0.2, 0.2, 0.2), "table", "on"),
    true("apple", "apple", (0.3, 0, 0.95), (0.1, 0.1, 0.1), "bowl", "in"),
]
PIXELS = {o.uid: 5000 for o in TRUTH}


def graph_of(*instances, relations=()):
    return SceneGraph(0, {i.id: i for i in instances}, relations=tuple(Relation(*r) for r in relations))


def all_known():
    return [known(f"o{n}", o.label, o.box.center, o.box.size) for n, o in enumerate(TRUTH)]


def test_centre_size_and_overlap_of_a_box_that_is_shifted_and_too_large():
    graph = graph_of(known("o1", "table", (0.1, 0, 0.4), (1.2, 1, 0.8)))
    score = score_objects(graph, TRUTH[:1], PIXELS)
    assert score.median_center_error_m == pytest.approx(0.1)
    assert score.median_size_error_m == pytest.approx(0.2)
    assert score.mean_iou == pytest.approx(1 / 1.2)


def test_an_object_known_by_another_id_than_before_is_one_switch():
    assert id_switches([{"mug": "o1"}, {"mug": "o1", "cup": "o2"}, {}, {"mug": "o1"}]) == 0
    assert id_switches([{"mug": "o1"}, {}, {"mug": "o3"}, {"mug": "o1"}]) == 2


def test_relations_are_scored_among_the_objects_that_both_know():
    right = [("o1", "on", "o0"), ("o2", "on", "o0"), ("o3", "in", "o2")]
    matches = score_objects(graph_of(*all_known()), TRUTH, PIXELS).matches
    score = score_relations(graph_of(*all_known(), relations=[*right, ("o0", "near", "o1")]), TRUTH, matches)
    assert (score.precision, score.recall, score.f1, score.n_true) == (1, 1, 1, 3)

    wrong = score_relations(graph_of(*all_known(), relations=[*right[:2], ("o3", "on", "o0")]), TRUTH, matches)
    assert wrong.precision == pytest.approx(2 / 3)
    assert wrong.recall == pytest.approx(2 / 3)
    assert wrong.f1 == pytest.approx(2 / 3)
    assert wrong.missed == (("apple", "in", "bowl"),)
    assert wrong.spurious == (("apple", "on", "table"),)

    partly = score_objects(graph_of(*all_known()[:2]), TRUTH, PIXELS).matches
    assert score_relations(graph_of(*all_known()[:2], relations=right[:1]), TRUTH, partly).n_true == 1


@pytest.mark.parametrize(
    ("truth", "found", "value"),
    [
        ("aabb", "xxyy", 1.0),
        ("aabb", "yyxx", 1.0),
        ("aabb", "xxxx", 0.0),
        ("aabb", "xyxy", 0.0),
        ("aabb", "xxyz", 0.8),  # homogeneity 1, completeness 2/3
        ("", "", 1.0),
    ],
)
def test_v_measure(truth, found, value):
    assert v_measure(list(truth), list(found)) == pytest.approx(value)


def test_rooms_are_scored_by_the_places_in_them():
    square = ((0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0))
    rooms = [
        SimRoom("a", "kitchen", square, Box((0, 0, 0), (2, 2, 2))),
        SimRoom("b", "bedroom", tuple((x + 2, y) for x, y in square), Box((2, 0, 0), (4, 2, 2))),
    ]

    def graph(*names):
        spots = [(0.5, 1, 0), (1.5, 1, 0), (2.5, 1, 0), (3.5, 1, 0)]
        return SceneGraph(0, places={f"p{n}": Place(f"p{n}", at, 0.3, names[n]) for n, at in enumerate(spots)})

    assert score_rooms(graph("r1", "r1", "r2", "r2"), rooms) == 1
    assert score_rooms(graph("r1", "r1", "r1", "r1"), rooms) == 0


def test_changes_are_found_invented_missed_and_late():
    happened = [
        Change("moved", "mug", (1, 0, 1), 10_000_000_000),
        Change("vanished", "book", (4, 4, 0), 20_000_000_000),
    ]
    told = [
        Change("moved", "mug", (1.1, 0, 1), 13_000_000_000),
        Change("moved", "mug", (1.1, 0, 1), 9_000_000_000),  # before it happened
        Change("vanished", "book", (1, 1, 0), 25_000_000_000),  # elsewhere
    ]
    score = score_changes(told, happened)
    assert score.precision == pytest.approx(1 / 3)
    assert score.recall == pytest.approx(1 / 2)
    assert score.f1 == pytest.approx(0.4)
    assert score.median_delay_s == pytest.approx(3.0)
    assert score.missed == (happened[1],)
    assert set(score.spurious) == {told[1], told[2]}
    assert score_changes([], []).f1 == 1


def test_success_and_spl_depend_on_the_radius_and_leave_unreachable_goals_out():
    straight = RouteEpisode([(0, 0), (2, 0)], [(2, 0)], 2.0)
    detour = RouteEpisode([(0, 0), (0, 1), (2, 1), (2, 0.5)], [(2, 0)], 2.0)  # 3.5 m, ends 0.5 m away
    walled_in = RouteEpisode([(0, 0)], [(0, 0)], INFINITE)
    wide = score_routes([straight, detour, walled_in], radius_m=1.0)
    assert (wide.n_episodes, wide.n_unreachable) == (2, 1)
    assert wide.success == 1
    assert wide.spl == pytest.approx((1 + 2 / 3.5) / 2)
    narrow = score_routes([straight, detour, walled_in], radius_m=0.25)
    assert narrow.success == 0.5
    assert narrow.spl == 0.5
    assert narrow.tc == 1

    lost = RouteEpisode([(0, 0), (5, 5)], [(2, 0)], 2.0)
    unsure = RouteEpisode([(0, 0), (2, 0)], [(2, 0)], 2.0, stopped=False)
    assert score_routes([lost, unsure], radius_m=1.0).success == 0


def test_ndtw_is_one_for_the_same_way_and_falls_with_the_gap():
    way = [(0, 0), (1, 0), (2, 0)]
    beside = [(x, 1.5) for x, _ in way]
    assert ndtw(way, way) == 1
    assert ndtw([(0, 0), (0, 0), (1, 0), (2, 0)], way) == 1  # waiting costs nothing
    assert ndtw(beside, way) == pytest.approx(math.exp(-0.5))
    assert ndtw(beside, way, threshold_m=1.5) == pytest.approx(math.exp(-1.0))
    assert score_routes([RouteEpisode(beside, [(2, 0)], 2.0, way)], radius_m=2).ndtw == pytest.approx(math.exp(-0.5))


def test_answers_are_exactly_right_nearly_right_or_wrong():
    mug = TRUTH[1]
    asked = [Asked("where", "where", _lists([mug])), Asked("how many", "count", _counts(3))]

    def answers(shift_m, count):
        proof = (Evidence(1, 0, "k1"),)
        center = (mug.box.center[0] + shift_m, *mug.box.center[1:])
        result = Result(
            "o1", "object", "mug", center, mug.box.size, "map", "", "", "present", 0, 0, 0, 1, evidence=proof
        )
        found = Answer(Question(kind="where"), "found", "", (result,))
        return {"where": found, "how many": Answer(Question(kind="count"), "found", "", count=count)}

    def score(shift_m, count, **tolerance):
        return score_answers(asked, answers(shift_m, count).__getitem__, **tolerance)

    assert (score(0.0, 3).exact, score(0.0, 3).within) == (1, 1)
    assert (score(0.6, 4).exact, score(0.6, 4).within) == (0, 1)
    assert (score(2.0, 3).exact, score(2.0, 3).within) == (0.5, 0.5)
    assert score(0.6, 4, tolerance=Tolerance(center_m=0.7)).within == 0.5
    assert [question for question, _ in score(2.0, 3).wrong] == ["where"]


def test_nothing_asked_is_nothing_wrong():
    assert score_answers([], SimpleNamespace).exact == 1
