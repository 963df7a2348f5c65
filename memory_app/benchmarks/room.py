# SPDX-License-Identifier: Apache-2.0
"""Depth images of a box room with a few boxes in it, so that the octree can be measured without a recording."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from memory_core.frame import CameraFrame
from memory_core.geometry import Box, canonical_pose

# No surface lies on a border of voxels, where rounding would decide which of two is occupied.
_ROOM = Box((-2.613, -2.127, -0.011), (2.713, 2.231, 2.527))
_FURNITURE = (
    Box((-2.613, 0.307, -0.011), (-1.713, 2.231, 0.513)),
    Box((0.213, -0.411, -0.011), (1.311, 0.511, 0.731)),
    Box((1.909, 1.211, -0.011), (2.713, 2.013, 1.907)),
    Box((-0.909, -2.127, 0.411), (0.607, -1.811, 2.113)),
)
_SHAPE = (480, 640)
_K = np.array([[585.0, 0, 320], [0, 585, 240], [0, 0, 1]])


def room_frames(n: int) -> Iterator[CameraFrame]:
    """n frames of 640x480, half a second apart, of a camera that turns on the spot and sways."""
    for i in range(n):
        turn = 2 * np.pi * i / n
        position = np.array([-0.6 + 0.3 * np.sin(3 * turn), -0.2 + 0.3 * np.cos(2 * turn), 1.3])
        T = _looking(position, turn, -0.25)
        depth = _depth(T)
        yield CameraFrame(
            stamp_ns=i * 500_000_000, rgb=np.zeros((*_SHAPE, 3), np.uint8), depth=depth, K=_K, T_world_cam=T
        )


def _looking(position: NDArray[np.float64], yaw: float, pitch: float) -> NDArray[np.float64]:
    forward = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)])
    right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
    T = np.eye(4)
    T[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    T[:3, 3] = position
    return canonical_pose(T)


def _depth(T: NDArray[np.float64]) -> NDArray[np.float32]:
    v, u = np.mgrid[0 : _SHAPE[0], 0 : _SHAPE[1]]
    rays = np.stack([(u - _K[0, 2]) / _K[0, 0], (v - _K[1, 2]) / _K[1, 1], np.ones(_SHAPE)], axis=-1) @ T[:3, :3].T
    with np.errstate(divide="ignore"):
        slopes = 1.0 / rays
    depth = _crossings(_ROOM, T[:3, 3], slopes)[1]
    for box in _FURNITURE:
        enters, leaves = _crossings(box, T[:3, 3], slopes)
        depth = np.where((enters < leaves) & (enters > 0), np.minimum(depth, enters), depth)
    return depth.astype(np.float32)


def _crossings(box: Box, origin: NDArray[np.float64], slopes: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Where rays with 1 / direction `slopes` enter and leave a box, in units of the direction."""
    a, b = (np.asarray(box.minimum) - origin) * slopes, (np.asarray(box.maximum) - origin) * slopes
    return np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)
