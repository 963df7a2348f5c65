# SPDX-License-Identifier: Apache-2.0
"""Unity's world and the map."""

import math

import numpy as np
import pytest

from sim.frames import (
    R_ROS_UNITY,
    base_pose,
    camera_pose,
    intrinsics,
    ros_from_unity,
    rotation_from_unity,
    size_from_unity,
    unity_from_ros,
    yaw_from_unity,
)


def test_going_to_unity_and_back_changes_nothing(rng):
    points = rng.uniform(-20, 20, (100, 3))
    np.testing.assert_array_equal(ros_from_unity(unity_from_ros(points)), points)


def test_the_change_of_axes_flips_handedness():
    assert np.linalg.det(R_ROS_UNITY) == pytest.approx(-1)


@pytest.mark.parametrize(
    ("unity", "ros"), [((0, 0, 1), (1, 0, 0)), ((1, 0, 0), (0, -1, 0)), ((0, 1, 0), (0, 0, 1)), ((2, 3, 5), (5, -2, 3))]
)
def test_unity_forward_is_x_right_is_minus_y_and_up_is_z(unity, ros):
    np.testing.assert_array_equal(ros_from_unity(unity), ros)


def test_unity_90_degrees_about_y_looks_along_minus_y():
    yaw = yaw_from_unity(90)
    np.testing.assert_allclose([math.cos(yaw), math.sin(yaw)], [0, -1], atol=1e-12)
    np.testing.assert_allclose(rotation_from_unity(0, 90, 0) @ [1, 0, 0], [0, -1, 0], atol=1e-12)


def test_unity_rotation_about_x_by_90_degrees_tips_forward_down():
    np.testing.assert_allclose(rotation_from_unity(90, 0, 0) @ [1, 0, 0], [0, 0, -1], atol=1e-12)


def test_rotations_stay_rotations(rng):
    for angles in rng.uniform(-180, 180, (50, 3)):
        R = rotation_from_unity(*angles)
        np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(R) == pytest.approx(1)


def test_a_width_of_unity_runs_along_y():
    np.testing.assert_array_equal(size_from_unity((1, 2, 3)), (3, 1, 2))


def test_the_camera_looks_forward_with_its_image_upright():
    T = camera_pose(base_pose(1.0, 2.0, 0.0), 1.5, 0.0)
    np.testing.assert_allclose(T[:3, 3], [1, 2, 1.5])
    np.testing.assert_allclose(T[:3, 2], [1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(T[:3, 1], [0, 0, -1], atol=1e-9)


def test_a_positive_horizon_looks_down_and_a_positive_yaw_to_the_left():
    T = camera_pose(base_pose(0, 0, math.pi / 2), 1.5, math.radians(30))
    np.testing.assert_allclose(T[:3, 2], [0, math.cos(math.radians(30)), -0.5], atol=1e-9)


def test_ninety_degrees_of_view_put_45_degrees_at_the_border():
    K = intrinsics(320, 240, 90.0)
    assert K[0, 0] == pytest.approx(160)
    assert (K[0, 2], K[1, 2]) == (159.5, 119.5)
