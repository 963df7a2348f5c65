# SPDX-License-Identifier: Apache-2.0
"""The floor as a robot knows it, and the ways over it, on maps drawn by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest

from memory_app.exploring.ground import Ground
from memory_app.exploring.settings import ExplorationSettings

CELL_M = 0.05
FREE, OCCUPIED, UNKNOWN = 0, 1, -1


class Drawn:
    """An octree of a world whose columns are all of one kind each: told by a function of (x, y)."""

    voxel_size_m = CELL_M

    def __init__(self, kind):
        self.kind = kind

    def dense(self, minimum, maximum):
        low = np.floor(np.asarray(minimum) / CELL_M).astype(int)
        size = np.floor(np.asarray(maximum) / CELL_M).astype(int) + 1 - low
        x, y = ((low[k] + np.arange(size[k]) + 0.5) * CELL_M for k in (0, 1))
        plan = np.vectorize(self.kind)(*np.meshgrid(x, y, indexing="ij")).astype(np.int8)
        return np.repeat(plan[:, :, None], size[2], axis=2)


def ground_of(kind, reach_m=4.0):
    ground = Ground(ExplorationSettings(), CELL_M)
    ground.look(Drawn(kind), (0.0, 0.0), reach_m, 0.0)
    return ground


def with_a_wall(x, y):
    """Free floor within 3 m, and a wall at x = 1 with a gap 1 m wide at y = 2."""
    if max(abs(x), abs(y)) > 3:
        return UNKNOWN
    return OCCUPIED if 1.0 <= x < 1.1 and not 1.5 < y < 2.5 else FREE


def length_m(points):
    return sum(math.dist(a, b) for a, b in pairwise(points))


def test_on_open_floor_the_way_is_straight():
    corners = ground_of(lambda x, y: FREE).ways((0.0, 0.0)).to((2.0, 1.0))
    assert len(corners) == 1
    assert math.dist(corners[0], (2.0, 1.0)) <= CELL_M


def test_the_way_goes_through_the_gap_and_keeps_clear_of_the_wall():
    corners = ground_of(with_a_wall).ways((0.0, 0.0)).to((2.0, 0.0))
    way = [(0.0, 0.0), *corners]
    assert math.dist(way[-1], (2.0, 0.0)) <= CELL_M
    assert 4.0 <= length_m(way) <= 5.5
    for a, b in pairwise(way):
        for share in np.linspace(0, 1, 50):
            x, y = a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
            assert math.dist((x, y), (min(max(x, 1.0), 1.1), min(y, 1.5))) >= 0.15


@pytest.mark.parametrize("goal", [(3.8, 0.0), (10.0, 10.0), (1.05, -2.0)])
def test_no_way_leads_into_the_unseen_beyond_the_map_or_into_a_wall(goal):
    ways = ground_of(with_a_wall).ways((0.0, 0.0))
    if goal[0] == 1.05:
        ways = ground_of(lambda x, y: OCCUPIED if math.dist((x, y), goal) < 0.8 else FREE).ways((0.0, 0.0))
    assert ways.cost_m(goal) == math.inf
    assert ways.to(goal) == []


def test_a_gap_that_is_too_narrow_is_no_way():
    ways = ground_of(lambda x, y: OCCUPIED if 1.0 <= x < 1.1 and abs(y) > 0.15 else FREE).ways((0.0, 0.0))
    assert ways.cost_m((2.0, 0.0)) == math.inf


def test_a_robot_gets_out_of_the_blind_spot_under_its_camera():
    ways = ground_of(lambda x, y: UNKNOWN if math.hypot(x, y) < 0.5 else FREE).ways((0.0, 0.0))
    assert math.isfinite(ways.cost_m((2.0, 0.0)))


def test_where_it_bumped_it_does_not_try_again():
    ground = ground_of(with_a_wall)
    assert math.isfinite(ground.ways((0.0, 0.0)).cost_m((2.0, 0.0)))
    for y in np.arange(1.5, 2.6, 0.1):
        ground.bump((1.05, float(y)))
    assert ground.ways((0.0, 0.0)).cost_m((2.0, 0.0)) == math.inf


def test_the_grid_grows_with_the_world_and_forgets_nothing():
    ground = ground_of(lambda x, y: FREE, reach_m=1.0)
    assert ground.is_free((0.9, 0.9))
    assert not ground.is_free((9.0, -9.0))
    ground.look(Drawn(lambda x, y: FREE), (9.0, -9.0), 1.0, 0.0)
    ground.tread((-20.0, 3.0))
    assert all(ground.is_free(point) for point in ((0.9, 0.9), (-0.9, -0.9), (9.0, -9.0), (-20.0, 3.0)))
    assert not ground.is_free((4.0, -4.0))


def test_what_is_known_to_have_gone_is_free_again():
    ground = ground_of(with_a_wall)
    ground.look(Drawn(lambda x, y: FREE), (0.0, 0.0), 3.0, 0.0)
    assert length_m([(0.0, 0.0), *ground.ways((0.0, 0.0)).to((2.0, 0.0))]) <= 2.1
