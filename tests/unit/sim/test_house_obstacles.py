# SPDX-License-Identifier: Apache-2.0
"""Looking for obstacles nearby first gives the same distances as looking at all of them."""

import numpy as np

from sim.house.geometry2d import distance_to_rectangles, distance_to_segments
from sim.house.obstacles import Obstacles


def drawn(random, n_segments, n_rectangles):
    starts = random.uniform(-20, 20, (n_segments, 2))
    angles = random.uniform(0, np.pi, n_rectangles)
    forward = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    axes = np.stack([forward, np.stack([-forward[:, 1], forward[:, 0]], axis=1)], axis=1)
    centers, halves = random.uniform(-20, 20, (n_rectangles, 2)), random.uniform(0.05, 2.0, (n_rectangles, 2))
    return (starts, starts + random.uniform(-4, 4, starts.shape)), (centers, axes, halves)


def test_distances_are_those_to_the_nearest_of_all():
    random = np.random.default_rng(3)
    for n_segments, n_rectangles in ((40, 60), (0, 5), (3, 0)):
        segments, rectangles = drawn(random, n_segments, n_rectangles)
        points = random.uniform(-25, 25, (2000, 2))
        wanted = np.minimum(distance_to_segments(points, *segments), distance_to_rectangles(points, *rectangles))
        np.testing.assert_array_equal(Obstacles(*segments, *rectangles).distance_m(points), wanted)


def test_without_obstacles_everything_is_infinitely_far_and_no_points_have_no_distances():
    nothing = Obstacles(*drawn(np.random.default_rng(0), 0, 0)[0], *drawn(np.random.default_rng(0), 0, 0)[1])
    assert np.isinf(nothing.distance_m(np.zeros((3, 2)))).all()
    assert nothing.distance_m(np.empty((0, 2))).shape == (0,)
