# SPDX-License-Identifier: Apache-2.0
"""Many rigid transforms at once: arrays (N, 4, 4), rotation vectors (N, 3) in radians."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Poses = NDArray[np.float64]
Vectors = NDArray[np.float64]

_SMALL = 1e-6


def invert(T: Poses) -> Poses:
    """Inverses of transforms (N, 4, 4)."""
    inverse = np.zeros_like(T)
    inverse[:, :3, :3] = T[:, :3, :3].transpose(0, 2, 1)
    inverse[:, :3, 3] = -np.einsum("nji,nj->ni", T[:, :3, :3], T[:, :3, 3])
    inverse[:, 3, 3] = 1.0
    return inverse


def cross(w: Vectors) -> NDArray[np.float64]:
    """(N, 3, 3) matrices of the cross product: cross(w) @ v == w x v."""
    matrix = np.zeros((len(w), 3, 3))
    matrix[:, 0, 1], matrix[:, 0, 2], matrix[:, 1, 2] = -w[:, 2], w[:, 1], -w[:, 0]
    matrix[:, 1, 0], matrix[:, 2, 0], matrix[:, 2, 1] = w[:, 2], -w[:, 1], w[:, 0]
    return matrix


def rotation(w: Vectors) -> NDArray[np.float64]:
    """(N, 3, 3) rotations by rotation vectors (N, 3)."""
    angle = np.linalg.norm(w, axis=1)
    square = np.maximum(angle * angle, _SMALL * _SMALL)
    a = np.where(angle < _SMALL, 1.0, np.sin(angle) / np.sqrt(square))
    b = np.where(angle < _SMALL, 0.5, (1.0 - np.cos(angle)) / square)
    W = cross(w)
    return np.asarray(np.eye(3) + a[:, None, None] * W + b[:, None, None] * (W @ W))


def rotation_vector(R: NDArray[np.float64]) -> Vectors:
    """(N, 3) rotation vectors of rotations (N, 3, 3), angles 0 .. pi."""
    q = quaternion(R)
    sine = np.linalg.norm(q[:, :3], axis=1)
    angle = 2.0 * np.arctan2(sine, q[:, 3])
    factor = np.where(sine < _SMALL, 2.0, angle / np.maximum(sine, _SMALL))
    return np.asarray(q[:, :3] * factor[:, None])


def quaternion(R: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 4) unit quaternions (x, y, z, w >= 0) of rotations (N, 3, 3)."""
    x, y, z = R[:, 0, 0], R[:, 1, 1], R[:, 2, 2]
    squares = 1.0 + np.stack([x - y - z, y - x - z, z - x - y, x + y + z], axis=1)
    a, b, c = R[:, 2, 1] - R[:, 1, 2], R[:, 0, 2] - R[:, 2, 0], R[:, 1, 0] - R[:, 0, 1]
    d, e, f = R[:, 0, 1] + R[:, 1, 0], R[:, 0, 2] + R[:, 2, 0], R[:, 1, 2] + R[:, 2, 1]
    candidates = np.stack([
        np.stack([squares[:, 0], d, e, a], axis=1), np.stack([d, squares[:, 1], f, b], axis=1),
        np.stack([e, f, squares[:, 2], c], axis=1), np.stack([a, b, c, squares[:, 3]], axis=1),
    ], axis=1)  # fmt: skip
    q = candidates[np.arange(len(R)), np.argmax(squares, axis=1)]
    q = q / np.linalg.norm(q, axis=1, keepdims=True)
    return np.asarray(np.where(q[:, 3:] < 0, -q, q))


def between(T0: Poses, T1: Poses, fraction: NDArray[Any]) -> Poses:
    """Transforms a fraction (N,) of the way from T0 to T1: straight line and the shortest turn."""
    turn = rotation_vector(T0[:, :3, :3].transpose(0, 2, 1) @ T1[:, :3, :3])
    T = T0.copy()
    T[:, :3, :3] = T0[:, :3, :3] @ rotation(turn * fraction[:, None])
    T[:, :3, 3] += (T1[:, :3, 3] - T0[:, :3, 3]) * fraction[:, None]
    return T


def orthonormal(T: Poses) -> Poses:
    """The same transforms with rotations that are exact to rounding."""
    u, _, vt = np.linalg.svd(T[:, :3, :3])
    mended = T.copy()
    mended[:, :3, :3] = u @ vt
    return mended


def move(T: Poses, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(N, 3) points, each moved by a transform of its own (N, 4, 4)."""
    return np.asarray(np.einsum("nij,nj->ni", T[:, :3, :3], points) + T[:, :3, 3])
