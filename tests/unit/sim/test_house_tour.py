# SPDX-License-Identifier: Apache-2.0
"""The tour sees nearly everything, walks where one can walk, and is the same every time."""

from itertools import islice, pairwise

import numpy as np

import sim
from sim.house.floor import Floor
from sim.house.source import HouseTour
from sim.scores import visible_pixels


def test_steps_are_small_enough_to_overlap(tour):
    for before, after in pairwise(tour.poses):
        assert np.hypot(after.x - before.x, after.y - before.y) <= 0.25 + 1e-9
        turn = (after.yaw_rad - before.yaw_rad + np.pi) % (2 * np.pi) - np.pi
        assert abs(turn) <= np.radians(30) + 1e-9
        assert abs(after.horizon_rad - before.horizon_rad) <= np.radians(30) + 1e-9


def test_the_robot_stands_and_walks_only_where_it_fits(tour, own_world):
    floor = Floor(own_world)
    points = np.array([[pose.x, pose.y] for pose in tour.poses])
    assert floor.can_stand(points).all()
    assert all(floor.can_walk(a, b) for a, b in pairwise(points))


def test_every_room_is_visited(tour):
    for room in tour.rooms():
        assert sum(room.contains(pose.x, pose.y) for pose in tour.poses) > 20, room.label


def test_it_is_long_enough_and_not_longer(tour):
    assert 200 <= tour.n_frames <= 900


def test_everything_that_is_not_shut_away_is_seen_well(tour):
    objects = {o.uid: o for o in tour.objects()}
    pixels = visible_pixels(tour)
    shut = {uid for uid, o in objects.items() if o.parent and objects[o.parent].is_open is False and o.relation == "in"}
    assert len(shut) >= 5
    for uid in objects:
        assert (pixels[uid] == 0) if uid in shut else (pixels[uid] * 4 >= 1000), uid  # 4: as if at 320 x 240


def test_frames_can_start_anywhere(bathroom):
    tour = sim.house_source(bathroom, width=32, height=24)
    whole = [frame.stamp_ns for frame in tour.frames()]
    later = next(tour.frames(17))
    assert whole == sorted(set(whole))
    assert len(whole) == tour.n_frames
    assert later.stamp_ns == whole[17]
    np.testing.assert_array_equal(later.rgb, next(islice(tour.frames(), 17, None)).rgb)
    assert list(tour.frames(tour.n_frames)) == []


def test_the_same_house_gives_the_same_tour(bathroom):
    tour, again = (sim.house_source(bathroom, width=160, height=120) for _ in range(2))
    assert again.poses == tour.poses
    assert len(tour.poses) > 20
    for n in (0, 20):
        np.testing.assert_array_equal(next(again.frames(n)).rgb, next(tour.frames(n)).rgb)


def test_the_tour_of_another_house_sees_nearly_everything(procthor_world):
    source = HouseTour(procthor_world(7), sim.SimSettings(width=160, height=120))
    objects = {o.uid: o for o in source.objects()}
    pixels = visible_pixels(source)
    open_to_view = [uid for uid, o in objects.items() if not (o.parent and objects[o.parent].is_open is False)]
    assert np.mean([pixels[uid] >= 250 for uid in open_to_view]) >= 0.9
