# SPDX-License-Identifier: Apache-2.0
"""Habitat's world and the map."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_core.geometry import matrix_from_quaternion
from sim.frames import (
    R_ROS_HABITAT,
    base_pose,
    box_from_habitat,
    camera_pose,
    camera_pose_from_habitat,
    habitat_from_ros,
    habitat_rotation,
    ros_from_habitat,
)

metres = st.floats(-50, 50, allow_subnormal=False)
points = st.tuples(metres, metres, metres)
angles = st.floats(-math.pi, math.pi, allow_subnormal=False)
tilts = st.floats(-1.5, 1.5, allow_subnormal=False)


@given(points)
def test_going_to_habitat_and_back_changes_nothing(point):
    np.testing.assert_array_equal(ros_from_habitat(habitat_from_ros(point)), point)
    np.testing.assert_array_equal(habitat_from_ros(ros_from_habitat(point)), point)


def test_the_change_of_axes_keeps_handedness():
    assert np.linalg.det(R_ROS_HABITAT) == pytest.approx(1)
    np.testing.assert_array_equal(R_ROS_HABITAT @ R_ROS_HABITAT.T, np.eye(3))


@pytest.mark.parametrize(
    ("habitat", "ros"),
    [((0, 0, -1), (1, 0, 0)), ((1, 0, 0), (0, -1, 0)), ((0, 1, 0), (0, 0, 1)), ((2, 3, 5), (-5, -2, 3))],
)
def test_habitat_forward_is_x_right_is_minus_y_and_up_is_z(habitat, ros):
    np.testing.assert_array_equal(ros_from_habitat(habitat), ros)


def test_a_turn_to_the_left_is_positive_about_up_in_both_worlds():
    np.testing.assert_allclose(habitat_rotation(math.pi / 2), [0, math.sqrt(0.5), 0, math.sqrt(0.5)], atol=1e-12)
    forward = matrix_from_quaternion(habitat_rotation(math.pi / 2)) @ [0, 0, -1]
    np.testing.assert_allclose(ros_from_habitat(forward), [0, 1, 0], atol=1e-9)


def test_a_positive_horizon_looks_down():
    looking = matrix_from_quaternion(habitat_rotation(0.0, math.radians(30))) @ [0, 0, -1]
    np.testing.assert_allclose(looking, [0, -0.5, -math.cos(math.radians(30))], atol=1e-9)


@settings(deadline=None)
@given(points, angles, tilts)
def test_a_camera_told_to_habitat_comes_back_where_it_was(point, yaw, horizon):
    x, y, height = point
    wanted = camera_pose(base_pose(x, y, yaw), height, horizon)
    got = camera_pose_from_habitat(habitat_from_ros(point), habitat_rotation(yaw, horizon))
    np.testing.assert_allclose(got, wanted, atol=1e-9)


@settings(deadline=None)
@given(points, st.tuples(*[st.floats(0.01, 3)] * 3), angles, tilts)
def test_a_box_of_habitat_is_bounded_by_its_corners(center, half, yaw, tilt):
    rotation = habitat_rotation(yaw, tilt)
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    corners = ros_from_habitat((signs * half) @ matrix_from_quaternion(rotation).T + center)
    box = box_from_habitat(center, half, rotation)
    np.testing.assert_allclose(box.minimum, corners.min(axis=0), atol=1e-9)
    np.testing.assert_allclose(box.maximum, corners.max(axis=0), atol=1e-9)
