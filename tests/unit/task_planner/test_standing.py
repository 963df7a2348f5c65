# SPDX-License-Identifier: Apache-2.0
"""Where to stand: near enough, clear of furniture, in the right room, facing the thing."""

import math
from dataclasses import replace

import pytest

from memory_core.geometry import Box
from memory_core.graph import Place
from task_planner.settings import PlannerSettings
from task_planner.standing import stand_for, stand_in_room

SETTINGS = PlannerSettings()


def gap_m(box, point):
    return box.distance_m((point[0], point[1], box.center[2]))


@pytest.fixture(params=[f"o{i}" for i in range(1, 17)])
def target(request, graph):
    return graph.instances[request.param]


def test_stands_are_within_reach_and_face_the_thing(graph, target):
    stand = stand_for(graph, target, SETTINGS, None)
    x, y, _ = target.position
    assert gap_m(target.box, stand.point) <= SETTINGS.reach_m
    assert stand.yaw_rad == pytest.approx(math.atan2(y - stand.point[1], x - stand.point[0]))


def test_stands_keep_off_everything_on_the_floor(graph, target):
    stand = stand_for(graph, target, SETTINGS, None)
    for other in graph.instances.values():
        if other.box.minimum[2] < 1.2 and other.state != "gone":
            assert gap_m(other.box, stand.point) >= SETTINGS.robot_radius_m - 1e-9


def test_stands_are_in_the_room_of_the_thing(graph, target):
    stand = stand_for(graph, target, SETTINGS, (2.0, -0.4, 0.0))
    assert graph.places[stand.place_id].room_id == target.room_id


def test_points_that_were_tried_are_avoided(graph):
    mug, tried = graph.instances["o4"], []
    for _ in range(4):
        stand = stand_for(graph, mug, SETTINGS, None, tried)
        assert all(math.dist(stand.point[:2], point[:2]) > SETTINGS.robot_radius_m for point in tried)
        tried.append(stand.point)


def test_a_screen_in_front_of_a_thing_is_walked_around(graph, make_thing):
    mug, south = graph.instances["o7"], (6.2, -1.5, 0.0)
    assert stand_for(graph, mug, SETTINGS, south).point[1] < -0.3

    screen = make_thing("o30", "room divider", (6.2, -0.3, 1.45), (3.0, 0.04, 2.4), "r2")
    screened = replace(graph, instances={**graph.instances, "o30": screen})
    assert stand_for(screened, mug, SETTINGS, south).point[1] > -0.3


def test_a_place_that_no_passage_leads_to_is_used_only_where_no_other_will_do(graph):
    mug = graph.instances["o7"]
    island = Place("p99", (6.2, 0.9, 0.0), 0.4, "r2")
    beside = replace(graph, places={"p5": replace(graph.places["p5"], position=(6.2, -1.2, 0.0)), "p99": island})

    assert stand_for(beside, mug, SETTINGS, (6.2, -1.2, 0.0)).place_id == "p5"
    assert stand_for(beside, mug, SETTINGS, (6.2, 0.9, 0.0)).place_id == "p99"


def test_a_thing_far_from_all_places_is_approached_as_near_as_is_known_to_be_free(graph, make_thing):
    far = make_thing("o31", "statue", (2.0, 30.0, 0.5), (0.3, 0.3, 1.0), "r1")
    stand = stand_for(graph, far, SETTINGS, None)
    assert stand is not None
    assert graph.places[stand.place_id].room_id == "r1"


def test_no_places_means_no_stand(graph):
    empty = replace(graph, places={})
    assert stand_for(empty, graph.instances["o1"], SETTINGS, None) is None
    assert stand_in_room(empty, "r1") is None


def test_the_stand_of_a_room_is_one_of_its_own_places(graph):
    for room_id in graph.rooms:
        assert graph.places[stand_in_room(graph, room_id).place_id].room_id == room_id


def test_moving_the_whole_world_moves_the_stand_with_it(graph):
    def moved(box):
        return Box(tuple(v + 5.0 for v in box.minimum), tuple(v + 5.0 for v in box.maximum))

    shifted = replace(
        graph,
        instances={k: replace(i, box=moved(i.box)) for k, i in graph.instances.items() if i.id != "o15"},
        places={k: replace(p, position=tuple(v + 5.0 for v in p.position)) for k, p in graph.places.items()},
    )
    flat = replace(graph, instances={k: i for k, i in graph.instances.items() if k != "o15"})
    here = stand_for(flat, flat.instances["o5"], SETTINGS, None)
    there = stand_for(shifted, shifted.instances["o5"], SETTINGS, None)
    # Heights decide what is an obstacle, so only the floor moves freely: both are within reach and face the sofa.
    assert gap_m(shifted.instances["o5"].box, there.point) == pytest.approx(
        gap_m(flat.instances["o5"].box, here.point), abs=0.3
    )
