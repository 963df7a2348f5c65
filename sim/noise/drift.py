# SPDX-License-Identifier: Apache-2.0
"""Where a robot believes its camera is: odometry that drifts with the way, and loop closures that mend it.

The error is that of a robot on a floor: a shift and a turn about the vertical. Its direction wanders with the way, so
over short ways it grows in proportion to them, and over long ones with their root, as a random walk does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_core.geometry import Vec, canonical_pose
from sim.settings import NoiseSettings

_MEMORY_M = 10.0  # the way after which the direction of the error has nothing to do with what it was
_TURN_PER_DRIFT = 0.1  # radians a metre, and radians a radian turned
_CLOSURE_M, _CLOSURE_RAD = 0.01, math.radians(0.1)  # what a closure leaves
_LEAST_LOOP_M = 4.0
_NEAR_M, _NEAR_RAD = 1.5, math.radians(60)


@dataclass(frozen=True, slots=True)
class _Node:
    """One frame: true and believed position (2,), believed minus true heading, travelled way, true view direction."""

    stamp_ns: int
    T_true: Vec
    believed: Vec
    error_rad: float
    way_m: float
    view: Vec


@dataclass(frozen=True, eq=False, slots=True)
class LoopClosure:
    """A place was recognised: the trajectory (N stamps and (N, 4, 4) T_world_cam) as it is known since then.

    Attributes:
        stamp_ns, seen_at_ns: of the frame that recognised it, and of the frame that it recognised.
        shift_m: how far the present pose moved.
    """

    stamp_ns: int
    seen_at_ns: int
    shift_m: float
    stamps_ns: NDArray[np.int64]
    poses: Vec


class Odometry:
    """Believed poses for true ones, in order. The same settings and true poses give the same believed ones.

    The first pose is known exactly. With loop closures, a place seen before from about the same pose puts the robot
    right again, as far as it was right then, and spreads the error over the loop. O(nodes) a pose.
    """

    def __init__(self, settings: NoiseSettings) -> None:
        self._settings = settings
        self._nodes: list[_Node] = []
        self._ways, self._places, self._views = np.zeros(64), np.zeros((64, 2)), np.zeros((64, 2))  # of the nodes
        self._bias = np.zeros(3)  # of the error's direction: along, across, turn; each of variance 1
        self._closed_at_m = 0.0
        self.closure: LoopClosure | None = None

    def believe(self, stamp_ns: int, T_true: Vec) -> Vec:
        """(4, 4) where the robot believes its camera is when it is truly at T_true; `closure` is set by it or None."""
        self.closure = None
        if not self._nodes:
            rng = self._rng(stamp_ns)
            self._bias = rng.standard_normal(3)
            self._append(_Node(stamp_ns, T_true, T_true[:2, 3].copy(), 0.0, 0.0, T_true[:2, 2].copy()))
            return T_true
        node = self._advanced(stamp_ns, T_true)
        seen = self._recognised(node) if self._settings.loop_closures else None
        self._append(node)
        if seen is not None:
            self._close(seen)
        return _pose(self._nodes[-1])

    @property
    def error(self) -> tuple[float, float]:
        """How far the robot is from where it believes to be, metres, and how much it is turned, radians."""
        if not self._nodes:
            return (0.0, 0.0)
        last = self._nodes[-1]
        return float(np.linalg.norm(last.believed - last.T_true[:2, 3])), last.error_rad

    def T_believed_true(self) -> Vec:  # noqa: N802 (T_a_b is the field's own name)
        """(4, 4) that maps true points near the robot to where it believes them."""
        if not self._nodes:
            return np.eye(4)
        return np.asarray(_pose(self._nodes[-1]) @ np.linalg.inv(self._nodes[-1].T_true))

    def _rng(self, stamp_ns: int) -> np.random.Generator:
        return np.random.default_rng([self._settings.noise_seed, 2, stamp_ns])

    def _advanced(self, stamp_ns: int, T_true: Vec) -> _Node:
        last = self._nodes[-1]
        rng, drift = self._rng(stamp_ns), self._settings.drift
        step = T_true[:2, 3] - last.T_true[:2, 3]
        length = float(np.linalg.norm(step))
        turned = _heading_change(last.T_true, T_true)
        keep = math.exp(-length / _MEMORY_M)
        self._bias = keep * self._bias + math.sqrt(1 - keep**2) * rng.standard_normal(3)
        along, across, turn = self._bias * drift
        unit = step / length if length > 0 else step
        wrong = length * (along * unit + across * np.array([-unit[1], unit[0]]))
        error_rad = last.error_rad + _TURN_PER_DRIFT * turn * (length + abs(turned))
        believed = last.believed + _rotated(step + wrong, last.error_rad)
        return _Node(stamp_ns, T_true, believed, error_rad, last.way_m + length, T_true[:2, 2])

    def _recognised(self, node: _Node) -> int | None:
        """Index of the earliest node with about the same view; None without one, or when one was found just before."""
        if node.way_m - self._closed_at_m < _LEAST_LOOP_M:
            return None
        n_old = int(np.searchsorted(self._ways[: len(self._nodes)], node.way_m - _LEAST_LOOP_M, side="right"))
        away = np.linalg.norm(self._places[:n_old] - node.T_true[:2, 3], axis=1)
        views = self._views[:n_old]
        turn = np.arctan2(views[:, 0] * node.view[1] - views[:, 1] * node.view[0], views @ node.view)
        found = np.flatnonzero((away <= _NEAR_M) & (np.abs(turn) <= _NEAR_RAD))
        return int(found[0]) if len(found) else None

    def _append(self, node: _Node) -> None:
        n = len(self._nodes)
        if n == len(self._ways):
            self._ways = np.resize(self._ways, 2 * n)
            self._places, self._views = np.resize(self._places, (2 * n, 2)), np.resize(self._views, (2 * n, 2))
        self._ways[n], self._places[n], self._views[n] = node.way_m, node.T_true[:2, 3], node.view
        self._nodes.append(node)

    def _close(self, seen: int) -> None:
        """Take the error of the recognised node, and spread what is taken back over the way since then."""
        rng = self._rng(self._nodes[-1].stamp_ns + 1)
        old, last = self._nodes[seen], self._nodes[-1]
        error_rad = old.error_rad + _CLOSURE_RAD * float(rng.standard_normal())
        offset = last.T_true[:2, 3] - old.T_true[:2, 3]
        believed = old.believed + _rotated(offset, error_rad) + _CLOSURE_M * rng.standard_normal(2)
        turn, shift = error_rad - last.error_rad, believed - last.believed
        loop_m = last.way_m - old.way_m
        for k in range(seen + 1, len(self._nodes)):
            node = self._nodes[k]
            share = (node.way_m - old.way_m) / loop_m
            at = node.believed + share * shift
            self._nodes[k] = _Node(node.stamp_ns, node.T_true, at, node.error_rad + share * turn, node.way_m, node.view)
        self._closed_at_m = last.way_m
        self.closure = LoopClosure(
            last.stamp_ns,
            old.stamp_ns,
            float(np.linalg.norm(shift)),
            np.array([node.stamp_ns for node in self._nodes], np.int64),
            np.stack([_pose(node) for node in self._nodes]),
        )


def _pose(node: _Node) -> Vec:
    cos, sin = math.cos(node.error_rad), math.sin(node.error_rad)
    T = node.T_true.copy()
    T[:3, :3] = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]) @ T[:3, :3]
    T[:2, 3] = node.believed
    return canonical_pose(T)


def _rotated(vector: Vec, angle_rad: float) -> Vec:
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([cos * vector[0] - sin * vector[1], sin * vector[0] + cos * vector[1]])


def _angle(a: Vec, b: Vec) -> float:
    """From direction a (2,) to b, radians."""
    return math.atan2(float(a[0] * b[1] - a[1] * b[0]), float(a @ b))


def _heading_change(T0: Vec, T1: Vec) -> float:
    return _angle(T0[:2, 2], T1[:2, 2])
