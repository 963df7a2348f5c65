# SPDX-License-Identifier: Apache-2.0
"""The octree says what OctoMap says: on real frames and on a drawn room."""

import numpy as np
import pytest

from mapping.octree.octree import Octree
from memory_app.benchmarks.octomap_peer import CppOctomap, PyOctomap, build_driver
from memory_app.benchmarks.octree import agreement
from memory_app.benchmarks.room import room_frames
from memory_core.errors import BackendUnavailable
from recordings import open_source

pytest.importorskip("pyoctomap")


def compare(frames, voxel_size_m, *, discretize):
    ours, theirs = Octree(voxel_size_m), PyOctomap(voxel_size_m, 4.0, discretize=discretize)
    for frame in frames:
        ours.integrate(frame, 4.0)
        theirs.insert(frame)
    low, high = ours.bounds()
    low, high = low - 8 * voxel_size_m, high + 8 * voxel_size_m
    box = ours.dense(low, high)
    centers = (np.argwhere(box > -2) + ours.voxel_of(low) + 0.5) * voxel_size_m
    return agreement(box.ravel(), theirs.occupancy(centers))


@pytest.mark.parametrize("discretize", [True, False])
def test_real_frames_give_the_map_that_octomap_makes(shared_data, discretize):
    source = open_source(shared_data("rgbd/sevenscenes_redkitchen"))
    frames = [next(source.frames(start)) for start in (0, 60, 120, 180, 240)]
    same = compare(frames, 0.05, discretize=discretize)

    assert same["agree_percent"] >= 99.3
    assert same["occupied_iou"] >= 0.97
    assert same["free_iou"] >= 0.90


def test_a_drawn_room_gives_the_map_that_octomap_makes_with_rays_beyond_the_range():
    same = compare(list(room_frames(4)), 0.1, discretize=False)

    assert same["agree_percent"] >= 99.9
    assert same["occupied_iou"] >= 0.99
    assert same["free_iou"] >= 0.95


def test_agreement_counts_unknown_as_different_only_in_the_unions():
    ours, theirs = np.array([1, 0, 0, -1, 1], np.int8), np.array([1, 0, 1, 0, -1], np.int8)

    assert agreement(ours, theirs) == {
        "agree_percent": pytest.approx(200 / 3),
        "occupied_iou": pytest.approx(1 / 3),
        "free_iou": pytest.approx(1 / 3),
        "only_ours": 1,
        "only_theirs": 1,
    }


def test_the_cpp_driver_answers_for_the_same_map_as_the_python_binding(tmp_path):
    try:
        program = build_driver(tmp_path)
    except BackendUnavailable as error:
        pytest.skip(f"the C++ driver cannot be built: {error}")
    frame = next(room_frames(1))
    python = PyOctomap(0.2, 4.0, discretize=True)
    python.insert(frame)
    points = np.random.default_rng(0).uniform(-2, 2, (500, 3))
    with CppOctomap(program, 0.2, 4.0, discretize=True) as driver:
        cost = driver.insert(frame)
        driver.search(points)
        driver.cast(frame.T_world_cam[:3, 3].copy(), points)
        assert driver.memory_bytes() > 0

    assert cost.wall_ms > 0
    assert (python.occupancy(points) >= 0).any()
