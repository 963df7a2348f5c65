# SPDX-License-Identifier: Apache-2.0
"""What was seen long ago fades, by the clock alone and only when someone looks."""

import numpy as np
import pytest

from mapping.octree.octree import Octree
from memory_core import CameraFrame
from memory_core.errors import BadSettings

S = 10**9
THERE, BEFORE = [[0.01, 0.01, 1.02]], [[0.01, 0.01, 0.52]]


def frame(stamp_s, depth_m=1.02, x=0.0):
    T = np.eye(4)
    T[0, 3] = x
    depth = np.full((24, 32), depth_m, np.float32)
    K = np.array([[40.0, 0, 15.5], [0, 40.0, 11.5], [0, 0, 1]])
    return CameraFrame(stamp_ns=stamp_s * S, rgb=np.zeros((24, 32, 3), np.uint8), depth=depth, K=K, T_world_cam=T)


def test_log_odds_halve_with_each_half_life_until_nothing_is_known():
    octree = Octree(decay_half_life_s=10.0)
    for _ in range(8):
        octree.integrate(frame(0))
    first = octree.log_odds(THERE)[0]
    seen = []
    for k in range(1, 8):
        octree.advance(10 * k * S)
        seen.append(float(octree.log_odds(THERE)[0]))

    np.testing.assert_allclose(seen[:4], first / 2.0 ** np.arange(1, 5), atol=1.01 / 27.126)
    assert np.isnan(seen[-1])
    assert octree.occupancy(THERE) == -1
    octree.dense([-2, -2, 0], [2, 2, 2])
    assert octree.counts() == (0, 0)


def test_without_a_half_life_nothing_fades():
    octree = Octree()
    octree.integrate(frame(0))
    before = octree.log_odds(THERE)
    octree.advance(10**6 * S)

    assert octree.log_odds(THERE) == before


def test_a_thing_that_left_long_ago_is_cleared_by_fewer_looks():
    looks = []
    for half_life_s in (0.0, 30.0):
        octree = Octree(decay_half_life_s=half_life_s)
        for _ in range(8):
            octree.integrate(frame(0))
        n = 0
        while octree.occupancy(THERE) == 1:
            octree.integrate(frame(90 + n // 30, depth_m=2.0))
            n += 1
        looks.append(n)

    assert looks[1] < looks[0] / 2


def test_how_often_and_where_one_looks_does_not_matter():
    quiet, watched = Octree(decay_half_life_s=7.0), Octree(decay_half_life_s=7.0)
    paged = Octree(decay_half_life_s=7.0, ram_budget_bytes=3 << 20)
    for k in range(24):
        view = frame(3 * k, depth_m=1.02 + 0.1 * (k % 5), x=4.0 * (k % 6))
        for octree in (quiet, watched, paged):
            octree.integrate(view)
        watched.occupancy(np.random.default_rng(k).uniform(-3, 25, (500, 3)))
        watched.advance((3 * k + (1 if k < 23 else 0)) * S)
        watched.dense([-1, -1, 0], [24, 1, 2])
        watched.raycast([[0, 0, 1]], [[1, 0, 0]], 30)
    regions = quiet.changed_regions()

    assert watched.changed_regions() == regions
    assert paged.changed_regions() == regions


def test_a_restored_map_fades_on_as_if_never_stopped():
    octree = Octree(decay_half_life_s=10.0)
    for k in range(4):
        octree.integrate(frame(3 * k))
    stored = octree.changed_regions()
    restored = Octree(decay_half_life_s=10.0)
    restored.restore_regions(stored)
    for view in (frame(35, depth_m=2.0), frame(52, depth_m=1.5)):
        octree.integrate(view)
        restored.integrate(view)

    assert restored.changed_regions() == octree.changed_regions()


def test_a_clock_that_goes_back_changes_nothing():
    octree = Octree(decay_half_life_s=10.0)
    octree.integrate(frame(100))
    before = octree.log_odds(THERE)
    octree.advance(0)
    octree.integrate(frame(50, depth_m=0.0))

    assert octree.log_odds(THERE) == before


@pytest.mark.parametrize("half_life_s", [-1.0, np.nan, np.inf])
def test_impossible_half_lives_are_refused(half_life_s):
    with pytest.raises(BadSettings, match="decay_half_life_s"):
        Octree(decay_half_life_s=half_life_s)
