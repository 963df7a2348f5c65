# SPDX-License-Identifier: Apache-2.0
"""What the octree's benchmark calls true is true: on a wall, on a post, and for maps that are right or wrong."""

import numpy as np
import pytest

from mapping.octree.octree import Octree
from memory_app.benchmarks.octree_truth import ends, known, scores, truth_rows
from memory_core import CameraFrame

VOXEL_M, RANGE_M = 0.05, 4.0
K = np.array([[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]])


def frame(depth):
    T = np.eye(4)
    T[:3, 3] = 0.0131, 0.0173, 0.0119
    return CameraFrame(
        stamp_ns=0, rgb=np.zeros((48, 64, 3), np.uint8), depth=depth.astype(np.float32), K=K, T_world_cam=T
    )


@pytest.fixture
def post_before_a_wall():
    depth = np.full((48, 64), 2.0)
    depth[:, 31:33] = 1.0
    return frame(depth)


@pytest.fixture
def truth(post_before_a_wall):
    return known([post_before_a_wall], [ends(post_before_a_wall, RANGE_M)], VOXEL_M, RANGE_M)


def test_every_seen_surface_is_a_surface_and_never_free(truth):
    assert (truth.surface >= truth.seen_surface).all()
    assert not (truth.surface & truth.seen_free).any()
    assert truth.seen_surface.any()


def test_space_before_the_wall_is_free_and_behind_it_nothing_is_known(truth):
    depths = truth.centers[:, 2] * VOXEL_M - 0.0119
    free = truth.seen_free.reshape(-1)

    assert free.sum() > 1000
    assert depths[free].max() < 2.0


def test_a_post_is_thin_and_a_wall_is_not(truth):
    depths = truth.centers[:, 2] * VOXEL_M - 0.0119
    thin = truth.thin.reshape(-1)

    assert thin.any()
    assert (np.abs(depths[thin] - 1.0) < VOXEL_M).all()


def test_a_map_that_says_the_truth_scores_one_and_its_opposite_scores_none(truth):
    right = np.full(truth.surface.size, -1, np.int8)
    right[truth.seen_free.reshape(-1)] = 0
    right[truth.seen_surface.reshape(-1)] = 1
    wrong = np.where(right < 0, right, 1 - right).astype(np.int8)

    assert set(scores(right, truth).values()) == {1.0}
    assert set(scores(wrong, truth).values()) == {0.0}


def test_the_octree_finds_the_post_and_frees_what_is_before_the_wall(post_before_a_wall, truth):
    octree = Octree(VOXEL_M)
    octree.integrate(post_before_a_wall, RANGE_M)
    score = scores(octree.occupancy(truth.centers * VOXEL_M), truth)

    assert score["occupied recall"] == score["occupied recall, thin"] == score["occupied precision"] == 1.0
    assert score["free recall"] > 0.99


def test_pixels_beyond_the_range_end_nowhere(post_before_a_wall):
    assert len(ends(post_before_a_wall, 1.5)) == 2 * 48


def test_rows_have_a_peer_only_when_it_is_there(truth):
    unknown = np.full(truth.surface.size, -1, np.int8)

    alone = truth_rows("post", truth, unknown, "OctoMap", None)
    beside = truth_rows("post", truth, unknown, "OctoMap", unknown)
    assert {result["peer_value"] for result in alone} == {None}
    assert {result["peer_value"] for result in beside} == {0.0}
    assert {result["ratio"] for result in beside} == {None}
