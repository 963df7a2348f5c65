# SPDX-License-Identifier: Apache-2.0
"""Poses, boxes and projection obey their laws."""

import numpy as np
import pytest

from memory_core.errors import BadFrame
from memory_core.geometry import (
    Box,
    canonical_pose,
    interpolate_pose,
    invert_pose,
    matrix_from_quaternion,
    pose_matrix,
    quaternion_from_matrix,
    transform_points,
    unproject,
)

K = np.array([[525.0, 0, 319.5], [0, 525.0, 239.5], [0, 0, 1]])


def random_pose(rng):
    q = rng.normal(size=4)
    return pose_matrix(rng.uniform(-5, 5, 3), q / np.linalg.norm(q))


def test_a_rotation_goes_through_a_quaternion_and_back_to_the_bit(rng):
    for _ in range(200):
        R = random_pose(rng)[:3, :3]
        again = matrix_from_quaternion(quaternion_from_matrix(R))
        np.testing.assert_array_equal(again, matrix_from_quaternion(quaternion_from_matrix(again)))
        np.testing.assert_allclose(again, R, atol=1e-8)


def test_half_turns_have_quaternions():
    for R in (np.diag([1.0, -1, -1]), np.diag([-1.0, 1, -1]), np.diag([-1.0, -1, 1]), np.eye(3)):
        np.testing.assert_allclose(matrix_from_quaternion(quaternion_from_matrix(R)), R, atol=1e-9)


def test_a_quaternion_and_its_negative_are_the_same_rotation(rng):
    q = rng.normal(size=4)
    q /= np.linalg.norm(q)

    np.testing.assert_allclose(matrix_from_quaternion(q), matrix_from_quaternion(-q), atol=1e-9)


@pytest.mark.parametrize("q", [[0, 0, 0, 0], [0, 0, 0, 2], [np.nan, 0, 0, 1], [0, 0, 1], [np.inf, 0, 0, 0]])
def test_what_is_no_quaternion_is_refused(q):
    with pytest.raises(BadFrame, match="quaternion: want 4 numbers"):
        matrix_from_quaternion(q)


def test_making_a_pose_canonical_twice_changes_nothing(rng):
    for _ in range(50):
        rough = random_pose(rng)
        rough[:3, :3] += rng.uniform(-1e-3, 1e-3, (3, 3))
        once = canonical_pose(rough)
        np.testing.assert_array_equal(canonical_pose(once), once)
        np.testing.assert_allclose(once[:3, :3] @ once[:3, :3].T, np.eye(3), atol=1e-12)
        np.testing.assert_allclose(once, rough, atol=5e-3)


@pytest.mark.parametrize(
    "T", [np.eye(3), np.zeros((4, 4)), np.diag([1.0, 1, -1, 1]), np.full((4, 4), np.nan), np.diag([2.0, 2, 2, 1])]
)
def test_what_is_no_rigid_transform_is_refused(T):
    with pytest.raises(BadFrame, match="pose: want"):
        canonical_pose(T)


def test_a_pose_and_its_inverse_undo_each_other(rng):
    T, points = random_pose(rng), rng.uniform(-3, 3, (20, 3))

    np.testing.assert_allclose(invert_pose(T) @ T, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(transform_points(invert_pose(T), transform_points(T, points)), points, atol=1e-9)


def test_transforms_compose(rng):
    T_a_b, T_b_c, points = random_pose(rng), random_pose(rng), rng.uniform(-3, 3, (20, 3))

    one_step = transform_points(T_a_b @ T_b_c, points)
    np.testing.assert_allclose(one_step, transform_points(T_a_b, transform_points(T_b_c, points)), atol=1e-9)


def test_interpolation_begins_and_ends_where_it_should_and_keeps_its_speed(rng):
    T0, T1 = random_pose(rng), random_pose(rng)
    middle = interpolate_pose(T0, T1, 0.5)

    np.testing.assert_allclose(interpolate_pose(T0, T1, 0.0), T0, atol=1e-6)
    np.testing.assert_allclose(interpolate_pose(T0, T1, 1.0), T1, atol=1e-6)
    first, second = invert_pose(T0) @ middle, invert_pose(middle) @ T1
    np.testing.assert_allclose(np.trace(first[:3, :3]), np.trace(second[:3, :3]), atol=1e-6)


def test_projecting_the_unprojected_points_returns_their_pixels(rng):
    depth = rng.uniform(0.3, 5.0, (48, 64)).astype(np.float32)
    depth[rng.random(depth.shape) < 0.2] = 0.0
    points = unproject(depth, K)

    u, v, w = K @ points.T
    np.testing.assert_allclose(np.stack([v / w, u / w], axis=1), np.argwhere(depth > 0), atol=1e-9)


def test_the_gap_between_boxes_is_the_smallest_distance_between_their_points(rng):
    for _ in range(50):
        a, b = (Box.of(rng.uniform(-2, 2, 3), rng.uniform(0.1, 2, 3)) for _ in range(2))
        inside_b = rng.uniform(b.minimum, b.maximum, (4000, 3))
        sampled = min(a.distance_m(point) for point in inside_b[:500])
        assert a.gap_m(b) == b.gap_m(a)
        assert a.gap_m(b) <= sampled + 1e-12
        nearest = np.clip(a.center, b.minimum, b.maximum)
        assert a.gap_m(b) <= a.distance_m(nearest) + 1e-12


def test_a_box_knows_its_centre_size_and_volume():
    box = Box.of((1, 2, 3), (2, 4, 6))

    assert (box.center, box.size, box.volume_m3) == ((1.0, 2.0, 3.0), (2.0, 4.0, 6.0), 48.0)
    assert box.distance_m((1, 2, 3)) == 0.0
    assert box.distance_m((1, 2, 7)) == 1.0
    assert box.distance_m((5, 7, 3)) == pytest.approx(np.hypot(3, 3))
