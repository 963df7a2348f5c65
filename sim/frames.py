# SPDX-License-Identifier: Apache-2.0
"""Unity's left-handed y-up world to and from the right-handed z-up map, and the camera on the robot.

Unity: x right, y up, z forward, degrees, Euler angles applied in the order z, x, y, positive about y is clockwise
seen from above. Map (REP 103): x = z_unity, y = -x_unity, z = y_unity, so yaw = -rotation.y.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from memory_core.geometry import Vec, canonical_pose

R_ROS_UNITY: Vec = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
# Optical axes (x right, y down, z forward) in the base frame (x forward, y left, z up).
R_BASE_OPTICAL: Vec = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def ros_from_unity(points: ArrayLike) -> Vec:
    """(..., 3) points of Unity's world in the map frame, metres."""
    return np.asarray(np.asarray(points, np.float64) @ R_ROS_UNITY.T)


def unity_from_ros(points: ArrayLike) -> Vec:
    """(..., 3) points of the map frame in Unity's world, metres."""
    return np.asarray(np.asarray(points, np.float64) @ R_ROS_UNITY)


def yaw_from_unity(rotation_y_deg: float) -> float:
    """Heading in the map frame, radians counter-clockwise, of Unity's clockwise degrees."""
    return -math.radians(rotation_y_deg)


def rotation_from_unity(x_deg: float, y_deg: float, z_deg: float) -> Vec:
    """(3, 3) rotation in the map frame of Unity's Euler angles, degrees."""
    x, y, z = np.radians([x_deg, y_deg, z_deg])
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(R_ROS_UNITY @ about_y @ about_x @ about_z @ R_ROS_UNITY.T)


def size_from_unity(size: ArrayLike) -> Vec:
    """(3,) edge lengths along the map axes x, y, z of Unity's (x, y, z) edge lengths."""
    width, height, depth = np.asarray(size, np.float64)
    return np.array([depth, width, height])


def intrinsics(width: int, height: int, hfov_deg: float) -> Vec:
    """(3, 3) pinhole matrix with square pixels, (0, 0) at the centre of the top-left pixel."""
    focal = width / 2 / math.tan(math.radians(hfov_deg) / 2)
    return np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])


def base_pose(x: float, y: float, yaw_rad: float) -> Vec:
    """(4, 4) T_world_base of a robot on the floor."""
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    T = np.array([[cos, -sin, 0, x], [sin, cos, 0, y], [0, 0, 1, 0], [0, 0, 0, 1]])
    return canonical_pose(T)


def camera_pose(T_world_base: Vec, height_m: float, horizon_rad: float) -> Vec:
    """(4, 4) T_world_cam of a camera above the base, tilted down by `horizon_rad`."""
    cos, sin = math.cos(horizon_rad), math.sin(horizon_rad)
    T_base_cam = np.eye(4)
    T_base_cam[:3, :3] = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]) @ R_BASE_OPTICAL
    T_base_cam[2, 3] = height_m
    return canonical_pose(T_world_base @ T_base_cam)
