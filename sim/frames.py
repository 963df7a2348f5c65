# SPDX-License-Identifier: Apache-2.0
"""The worlds of Unity and Habitat, both y-up, to and from the right-handed z-up map, and the camera on the robot.

Unity: x right, y up, z forward, degrees, Euler angles applied in the order z, x, y, positive about y is clockwise
seen from above. Map (REP 103): x = z_unity, y = -x_unity, z = y_unity, so yaw = -rotation.y.

Habitat: right-handed, x right, y up, -z forward. Map: x = -z_habitat, y = -x_habitat, z = y_habitat; a turn about y is
the same turn about z.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from memory_core.geometry import Box, Vec, canonical_pose, matrix_from_quaternion

R_ROS_UNITY: Vec = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
R_ROS_HABITAT: Vec = np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
# Optical axes (x right, y down, z forward) in the frame of OpenGL's camera (x right, y up, -z forward).
R_GL_OPTICAL: Vec = np.diag([1.0, -1.0, -1.0])
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


def degrees_from_yaw(yaw_rad: float) -> float:
    """Unity's rotation about y, 0 <= degrees < 360, of a heading in the map frame."""
    return -math.degrees(yaw_rad) % 360.0


def unity_size(size: ArrayLike) -> Vec:
    """(3,) Unity's (x, y, z) edge lengths of edge lengths along the map axes."""
    depth, width, height = np.asarray(size, np.float64)
    return np.array([width, height, depth])


def box_from_unity(center: ArrayLike, size: ArrayLike) -> Box:
    """Axis-aligned bounds in the map frame of Unity's centre and edge lengths, each (3,) metres."""
    middle, half = ros_from_unity(center), size_from_unity(size) / 2
    low, high = middle - half, middle + half
    return Box((float(low[0]), float(low[1]), float(low[2])), (float(high[0]), float(high[1]), float(high[2])))


def camera_pose_from_unity(position: ArrayLike, rotation_y_deg: float, horizon_deg: float) -> Vec:
    """(4, 4) T_world_cam of Unity's camera: where it is (3,), which way the agent faces, how far it looks down."""
    x, y, height_m = (float(value) for value in ros_from_unity(position))
    return camera_pose(base_pose(x, y, yaw_from_unity(rotation_y_deg)), height_m, math.radians(horizon_deg))


def ros_from_habitat(points: ArrayLike) -> Vec:
    """(..., 3) points of Habitat's world in the map frame, metres."""
    return np.asarray(np.asarray(points, np.float64) @ R_ROS_HABITAT.T)


def habitat_from_ros(points: ArrayLike) -> Vec:
    """(..., 3) points of the map frame in Habitat's world, metres."""
    return np.asarray(np.asarray(points, np.float64) @ R_ROS_HABITAT)


def habitat_rotation(yaw_rad: float, horizon_rad: float = 0.0) -> Vec:
    """Quaternion (x, y, z, w) in Habitat's world of what faces a heading of the map and looks down by an angle."""
    turn, tilt = yaw_rad / 2, -horizon_rad / 2
    cos, sin = math.cos(turn), math.sin(turn)
    return np.array([cos * math.sin(tilt), sin * math.cos(tilt), -sin * math.sin(tilt), cos * math.cos(tilt)])


def camera_pose_from_habitat(position: ArrayLike, rotation: ArrayLike) -> Vec:
    """(4, 4) T_world_cam of Habitat's camera: where it is (3,), and its quaternion (x, y, z, w)."""
    T = np.eye(4)
    T[:3, :3] = R_ROS_HABITAT @ matrix_from_quaternion(rotation) @ R_GL_OPTICAL
    T[:3, 3] = ros_from_habitat(position)
    return canonical_pose(T)


def box_from_habitat(center: ArrayLike, half_extents: ArrayLike, rotation: ArrayLike) -> Box:
    """Axis-aligned bounds in the map frame of Habitat's box: centre (3,), half edges (3,), quaternion (x, y, z, w)."""
    R = R_ROS_HABITAT @ matrix_from_quaternion(rotation)
    return Box.of(ros_from_habitat(center), 2 * np.abs(R) @ np.asarray(half_extents, np.float64))


def intrinsics(width: int, height: int, hfov_deg: float) -> Vec:
    """(3, 3) pinhole matrix with square pixels, (0, 0) at the centre of the top-left pixel."""
    return _pinhole(width, height, width / 2 / math.tan(math.radians(hfov_deg) / 2))


def intrinsics_from_vertical(width: int, height: int, vfov_deg: float) -> Vec:
    """`intrinsics` of a vertical field of view, which is how Unity tells it."""
    return _pinhole(width, height, height / 2 / math.tan(math.radians(vfov_deg) / 2))


def vertical_fov_deg(width: int, height: int, hfov_deg: float) -> float:
    """Vertical field of view of an image with a horizontal one."""
    return math.degrees(2 * math.atan(math.tan(math.radians(hfov_deg) / 2) * height / width))


def horizontal_fov_deg(width: int, height: int, vfov_deg: float) -> float:
    """Horizontal field of view of an image with a vertical one, to 1e-9 degrees."""
    return round(math.degrees(2 * math.atan(math.tan(math.radians(vfov_deg) / 2) * width / height)), 9)


def _pinhole(width: int, height: int, focal_px: float) -> Vec:
    """To 1e-9 pixels, so that an angle told across and the same angle told up and down give the same bytes."""
    focal = round(focal_px, 9)
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
