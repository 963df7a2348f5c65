# SPDX-License-Identifier: Apache-2.0
"""Poses, boxes and pinhole projection. `T_a_b` maps points from b to a; quaternions are (x, y, z, w)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memory_core.errors import BadFrame

Vec = NDArray[np.float64]

# Quaternions are rounded to this grid so that matrix -> quaternion -> matrix returns the very same bits:
# a pose that went through a bag equals the one that was written.
_QUATERNION_STEP = 2.0**-32
_MAX_ROTATION_ERROR = 1e-2


def matrix_from_quaternion(quaternion: ArrayLike) -> Vec:
    """(3, 3) rotation of a quaternion (x, y, z, w), which is normalised first.

    Raises:
        BadFrame: the quaternion is not finite or its norm is not within 1 % of 1.
    """
    q = np.asarray(quaternion, np.float64)
    norm = float(np.linalg.norm(q)) if q.shape == (4,) else float("nan")
    if not abs(norm - 1.0) <= _MAX_ROTATION_ERROR:
        raise BadFrame(f"quaternion: want 4 numbers x, y, z, w of norm 1, got {q.tolist()}")
    x, y, z, w = _on_grid(q / norm)
    s = 2.0 / (x * x + y * y + z * z + w * w)
    return np.array(
        [
            [1 - s * (y * y + z * z), s * (x * y - z * w), s * (x * z + y * w)],
            [s * (x * y + z * w), 1 - s * (x * x + z * z), s * (y * z - x * w)],
            [s * (x * z - y * w), s * (y * z + x * w), 1 - s * (x * x + y * y)],
        ]
    )


def quaternion_from_matrix(R: ArrayLike) -> Vec:
    """Quaternion (x, y, z, w) of a rotation matrix, largest component positive, rounded to 2^-32."""
    m = np.asarray(R, np.float64)
    squares = np.array([m[0, 0] - m[1, 1] - m[2, 2], m[1, 1] - m[0, 0] - m[2, 2], m[2, 2] - m[0, 0] - m[1, 1], 0.0])
    squares[3] = m[0, 0] + m[1, 1] + m[2, 2]
    i = int(np.argmax(squares))
    q = np.empty(4)
    if i == 3:
        q[:] = [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], 1 + squares[3]]
    else:
        j, k = (i + 1) % 3, (i + 2) % 3
        q[i] = 1 + squares[i]
        q[j] = m[i, j] + m[j, i]
        q[k] = m[i, k] + m[k, i]
        q[3] = m[k, j] - m[j, k]
    return _on_grid(q / np.linalg.norm(q))


def _on_grid(q: Vec) -> Vec:
    rounded = np.round(q / _QUATERNION_STEP) * _QUATERNION_STEP
    largest = int(np.argmax(np.abs(rounded)))
    return np.asarray(-rounded if rounded[largest] < 0 else rounded) + 0.0  # + 0.0 turns -0.0 into 0.0


def pose_matrix(position: ArrayLike, quaternion: ArrayLike) -> Vec:
    """(4, 4) pose of a position in metres and a quaternion (x, y, z, w)."""
    T = np.eye(4)
    T[:3, :3] = matrix_from_quaternion(quaternion)
    T[:3, 3] = np.asarray(position, np.float64)
    if not np.isfinite(T).all():
        raise BadFrame(f"position: want 3 finite metres, got {np.asarray(position).tolist()}")
    return T


def canonical_pose(T: ArrayLike) -> Vec:
    """The pose with an exactly orthonormal rotation; idempotent to the bit, also through a quaternion.

    Recorded rotations are often orthonormal only to 1e-4; up to 1e-2 is taken as rounding and mended.

    Raises:
        BadFrame: not a finite (4, 4) rigid transform.
    """
    pose = np.asarray(T, np.float64)
    if pose.shape != (4, 4) or not np.isfinite(pose).all():
        raise BadFrame(f"pose: want a finite (4, 4) matrix, got shape {pose.shape}" + _not_finite(pose))
    R = pose[:3, :3]
    error = float(np.abs(R @ R.T - np.eye(3)).max())
    determinant = float(np.linalg.det(R))
    if error > _MAX_ROTATION_ERROR or determinant < 0 or not np.allclose(pose[3], [0, 0, 0, 1]):
        raise BadFrame(
            f"pose: want a rotation and a translation, got R Rt off by {error:.3g}, determinant {determinant:.3g}, "
            f"last row {pose[3].tolist()}"
        )
    u, _, vt = np.linalg.svd(R)
    return pose_matrix(pose[:3, 3], quaternion_from_matrix(u @ vt))


def _not_finite(pose: Vec) -> str:
    return "" if np.isfinite(pose).all() else " with NaN or infinity"


def invert_pose(T: Vec) -> Vec:
    """The inverse of a rigid transform, (4, 4)."""
    inverse = np.eye(4)
    inverse[:3, :3] = T[:3, :3].T
    inverse[:3, 3] = -T[:3, :3].T @ T[:3, 3]
    return inverse


def transform_points(T: Vec, points: NDArray[np.floating]) -> Vec:
    """(N, 3) points moved by a (4, 4) transform."""
    return np.asarray(points @ T[:3, :3].T + T[:3, 3])


def interpolate_pose(T0: Vec, T1: Vec, fraction: float) -> Vec:
    """The pose a fraction (0..1) of the way from T0 to T1: straight line and slerp."""
    q0, q1 = quaternion_from_matrix(T0[:3, :3]), quaternion_from_matrix(T1[:3, :3])
    dot = float(q0 @ q1)
    q1, dot = (-q1, -dot) if dot < 0 else (q1, dot)
    angle = float(np.arccos(min(1.0, dot)))
    if angle < 1e-6:
        q = q0 + fraction * (q1 - q0)
    else:
        q = (np.sin((1 - fraction) * angle) * q0 + np.sin(fraction * angle) * q1) / np.sin(angle)
    return pose_matrix((1 - fraction) * T0[:3, 3] + fraction * T1[:3, 3], q / np.linalg.norm(q))


def unproject(depth: NDArray[np.float32], K: Vec) -> Vec:
    """Points seen by a pinhole camera, in its optical frame (x right, y down, z forward).

    Args:
        depth: (H, W) metres along z; 0 means no return.
        K: (3, 3) intrinsics, pixels.

    Returns:
        (N, 3) metres, row-major over the N pixels that returned.
    """
    v, u = np.nonzero(depth > 0)
    z = depth[v, u].astype(np.float64)
    return np.stack([(u - K[0, 2]) * z / K[0, 0], (v - K[1, 2]) * z / K[1, 1], z], axis=1)


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box in the map frame, metres."""

    minimum: tuple[float, float, float]
    maximum: tuple[float, float, float]

    @staticmethod
    def of(center: ArrayLike, size: ArrayLike) -> Box:
        """The box around a centre (3,) with full edge lengths size (3,)."""
        c, half = np.asarray(center, np.float64), np.asarray(size, np.float64) / 2
        return Box(_triple(c - half), _triple(c + half))

    @property
    def center(self) -> tuple[float, float, float]:
        return _triple((np.asarray(self.minimum) + np.asarray(self.maximum)) / 2)

    @property
    def size(self) -> tuple[float, float, float]:
        return _triple(np.asarray(self.maximum) - np.asarray(self.minimum))

    @property
    def volume_m3(self) -> float:
        return float(np.prod(self.size))

    def distance_m(self, point: ArrayLike) -> float:
        """Distance from a point to the box, 0 inside."""
        p = np.asarray(point, np.float64)
        outside = np.maximum(np.maximum(np.asarray(self.minimum) - p, p - np.asarray(self.maximum)), 0.0)
        return float(np.linalg.norm(outside))

    def gap_m(self, other: Box) -> float:
        """Shortest distance between two boxes, 0 when they touch or overlap."""
        a = np.maximum(np.asarray(self.minimum) - other.maximum, np.asarray(other.minimum) - self.maximum)
        return float(np.linalg.norm(np.maximum(a, 0.0)))


def overlap_share(a: Box, b: Box, margin_m: float) -> float:
    """Common volume over the volume of the smaller box, after growing both by a margin; 0..1."""
    common, volume_a, volume_b = _volumes(a, b, margin_m)
    smaller = min(volume_a, volume_b)
    return common / smaller if smaller > 0 else 0.0


def iou(a: Box, b: Box, margin_m: float = 0.0) -> float:
    """Common volume over the volume of both together, after growing both by a margin; 0..1."""
    common, volume_a, volume_b = _volumes(a, b, margin_m)
    both = volume_a + volume_b - common
    return common / both if both > 0 else 0.0


def _volumes(a: Box, b: Box, margin_m: float) -> tuple[float, float, float]:
    """What two boxes have in common, and their own volumes, all after growing both by a margin."""
    common = volume_a = volume_b = 1.0
    for i in range(3):
        low_a, high_a = a.minimum[i] - margin_m, a.maximum[i] + margin_m
        low_b, high_b = b.minimum[i] - margin_m, b.maximum[i] + margin_m
        common *= max(0.0, min(high_a, high_b) - max(low_a, low_b))
        volume_a *= high_a - low_a
        volume_b *= high_b - low_b
    return common, volume_a, volume_b


def _triple(values: Vec) -> tuple[float, float, float]:
    return (float(values[0]), float(values[1]), float(values[2]))
