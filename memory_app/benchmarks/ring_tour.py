# SPDX-License-Identifier: Apache-2.0
"""A long made-up tour of a ring of corridor with things along its walls: small depth images from poses that drift."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapping.pose_graph import rigid
from memory_core.frame import CameraFrame
from memory_core.geometry import canonical_pose

N_NODES, N_ROUNDS = 10_000, 20
STEP_NS = 100_000_000
_RADIUS_M, _HALF_WIDTH_M, _HEIGHT_M, _EYE_M = 24.0, 2.0, 2.5, 1.2
_STEP_SIGMA_M, _STEP_SIGMA_RAD = 0.004, 0.0004
_WIDTH, _ROWS, _FOCAL = 96, 72, 48.0
_LOOK_EVERY = 3 * N_ROUNDS  # frames, others in each round; the rest have no depth and cost little
_LABELS = ("box", "lamp", "vase", "stool", "basket", "ball", "pot")
_AHEAD = np.array([[0.0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
_FAR_M = 6.0


@dataclass(frozen=True, eq=False, slots=True)
class Trajectory:
    """True poses (N, 4, 4) of the optical frame and the same as they drifted, one for every node."""

    stamps_ns: NDArray[np.int64]
    truth: NDArray[np.float64]
    drifting: NDArray[np.float64]


def trajectory(rng: np.random.Generator, n: int = N_NODES) -> Trajectory:
    """A way of 0.3 m a step along the middle of the corridor, `n` / 500 times around."""
    turns = np.arange(n) * (2 * np.pi * N_ROUNDS / N_NODES)
    zero = np.zeros(n)
    truth = np.tile(np.eye(4), (n, 1, 1))
    truth[:, :3, :3] = rigid.rotation(np.stack([zero, zero, turns + np.pi / 2 - 0.35], axis=1))
    truth[:, :3, 3] = np.stack([_RADIUS_M * np.cos(turns), _RADIUS_M * np.sin(turns), zero + _EYE_M], axis=1)
    truth = rigid.orthonormal(truth @ _AHEAD)
    noise = np.tile(np.eye(4), (n - 1, 1, 1))
    noise[:, :3, 3] = rng.normal(size=(n - 1, 3)) * _STEP_SIGMA_M
    noise[:, :3, :3] = rigid.rotation(rng.normal(size=(n - 1, 3)) * _STEP_SIGMA_RAD)
    steps = rigid.invert(truth[:-1]) @ truth[1:] @ noise
    drifting = truth.copy()
    for i, step in enumerate(steps):
        drifting[i + 1] = canonical_pose(drifting[i] @ step)
    return Trajectory(np.arange(n, dtype=np.int64) * STEP_NS, truth, drifting)


class Ring:
    """The corridor and `n` balls along its walls, looked at by casting rays."""

    def __init__(self, n: int = 1200) -> None:
        at = np.arange(n) // 2 * (4 * np.pi / n)
        radius = _RADIUS_M + np.where(np.arange(n) % 2, 1.0, -1.0) * (_HALF_WIDTH_M - 0.25)
        self._centers = np.stack(
            [radius * np.cos(at), radius * np.sin(at), 0.4 + 0.8 * (np.arange(n) // 2 % 2)], axis=1
        )
        self._labels = {k + 1: _LABELS[k * 3 % len(_LABELS)] for k in range(n)}
        u, v = np.meshgrid(np.arange(_WIDTH), np.arange(_ROWS))
        self._rays = np.stack([(u - 47.5) / _FOCAL, (v - 35.5) / _FOCAL, np.ones(u.shape)], axis=-1).reshape(-1, 3)
        self._K = np.array([[_FOCAL, 0, 47.5], [0, _FOCAL, 35.5], [0, 0, 1]])
        self._rgb = np.full((_ROWS, _WIDTH, 3), 128, np.uint8)

    def frames(self, way: Trajectory) -> Iterator[CameraFrame]:
        """What the camera sees from the true poses, with the drifting ones written on it."""
        dark, nothing = np.zeros((8, 8), np.float32), np.zeros((8, 8), np.int32)
        for k, (stamp_ns, said) in enumerate(zip(way.stamps_ns.tolist(), way.drifting, strict=True)):
            if (k - k * N_ROUNDS // N_NODES) % _LOOK_EVERY:
                yield CameraFrame(
                    stamp_ns=stamp_ns, rgb=self._rgb[:8, :8], depth=dark, K=self._K, T_world_cam=said,
                    session_id="ring", instance_ids=nothing,
                )  # fmt: skip
                continue
            depth, ids = self._look(way.truth[k])
            shown = {int(ball): self._labels[int(ball)] for ball in np.unique(ids[ids > 0])}
            yield CameraFrame(
                stamp_ns=stamp_ns, rgb=self._rgb, depth=depth, K=self._K, T_world_cam=said, session_id="ring",
                instance_ids=ids, instance_labels=shown,
            )  # fmt: skip

    def _look(self, T: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Depth along the axis in metres, and the number of the ball in each pixel, 0 for none."""
        rays, at = self._rays @ T[:3, :3].T, T[:3, 3]
        depth = np.minimum(_plane(rays, at, 0.0), _plane(rays, at, _HEIGHT_M))
        for wall in (_RADIUS_M - _HALF_WIDTH_M, _RADIUS_M + _HALF_WIDTH_M):
            depth = np.minimum(depth, _cylinder(rays, at, wall))
        ids = np.zeros(len(rays), np.int32)
        for ball in np.flatnonzero(np.linalg.norm(self._centers - at, axis=1) < _FAR_M):
            hit = _ball(rays, at, self._centers[ball])
            ids[hit < depth] = ball + 1
            depth = np.minimum(depth, hit)
        return depth.reshape(_ROWS, _WIDTH).astype(np.float32), ids.reshape(_ROWS, _WIDTH)


def _plane(rays: NDArray[np.float64], at: NDArray[np.float64], z: float) -> NDArray[np.float64]:
    reach = (z - at[2]) / np.where(rays[:, 2] == 0, 1e-12, rays[:, 2])
    return np.asarray(np.where(reach > 0, reach, np.inf))


def _cylinder(rays: NDArray[np.float64], at: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    return _nearest(rays[:, :2], at[:2], radius)


def _ball(rays: NDArray[np.float64], at: NDArray[np.float64], center: NDArray[np.float64]) -> NDArray[np.float64]:
    return _nearest(rays, at - center, 0.2)


def _nearest(rays: NDArray[np.float64], at: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Where rays first come to the radius around the origin, infinite where they never do."""
    a, b = (rays * rays).sum(axis=1), rays @ at
    inside = b * b - a * (at @ at - radius * radius)
    root = np.sqrt(np.maximum(inside, 0.0))
    first, last = (-b - root) / a, (-b + root) / a
    reach = np.where(first > 1e-6, first, last)
    return np.asarray(np.where((inside > 0) & (reach > 1e-6), reach, np.inf))
