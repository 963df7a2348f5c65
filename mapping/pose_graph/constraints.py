# SPDX-License-Identifier: Apache-2.0
"""What is said about the trajectory from outside: poses that are better known now, and relations between two."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BadFrame, BadInput
from memory_core.geometry import canonical_pose


@dataclass(frozen=True, eq=False, slots=True)
class Constraint:
    """Node b was seen from node a: a loop closure, or a measured motion.

    Attributes:
        a, b: numbers of nodes, 1 for "n1".
        T_a_b: (4, 4) pose of camera b in camera a.
        information: (6, 6) inverse covariance of (x, y, z in metres, rotation vector in radians), in the axes of b.
        is_certain: never taken for an outlier.

    Raises:
        BadInput: numbers that are no nodes, a pose that is none, or an information matrix that is not positive.
    """

    a: int
    b: int
    T_a_b: NDArray[np.float64]
    information: NDArray[np.float64] = field(default_factory=lambda: np.diag([1e4] * 3 + [1e5] * 3))
    is_certain: bool = False

    def __post_init__(self) -> None:
        if self.a == self.b or min(self.a, self.b) < 1:
            raise BadInput(f"constraint: want two nodes with numbers from 1 on, got {self.a} and {self.b}")
        try:
            object.__setattr__(self, "T_a_b", canonical_pose(self.T_a_b))
        except BadFrame as error:
            raise BadInput(f"constraint {self.a}-{self.b}: {error}") from error
        matrix = np.asarray(self.information, np.float64)
        whole = matrix.shape == (6, 6) and np.isfinite(matrix).all() and np.allclose(matrix, matrix.T)
        if not whole or np.linalg.eigvalsh(matrix)[0] < -1e-9 * np.abs(matrix).max():
            raise BadInput(f"constraint {self.a}-{self.b}: want a symmetric positive (6, 6) information matrix")


@dataclass(frozen=True, eq=False, slots=True)
class CorrectedPoses:
    """A trajectory of the camera as it is known now, e.g. of a SLAM system after a loop closure.

    Attributes:
        stamps_ns: (N,) int64, ascending, on the clock of the frames.
        poses: (N, 4, 4) T_world_cam of the optical frame, metres.
        session_id: only poses of this session are meant; "" for all.

    Raises:
        BadInput: no poses, stamps out of order, or a pose that is none.
    """

    stamps_ns: NDArray[np.int64]
    poses: NDArray[np.float64]
    session_id: str = ""

    def __post_init__(self) -> None:
        stamps, poses = np.asarray(self.stamps_ns, np.int64), np.asarray(self.poses, np.float64)
        if not len(stamps) or stamps.ndim != 1 or poses.shape != (len(stamps), 4, 4):
            raise BadInput(f"corrected poses: want N stamps and (N, 4, 4) poses, got {stamps.shape} and {poses.shape}")
        if (np.diff(stamps) <= 0).any():
            raise BadInput("corrected poses: want stamps that ascend and do not repeat")
        R = poses[:, :3, :3]
        errors = np.abs(R @ R.transpose(0, 2, 1) - np.eye(3)).max(axis=(1, 2)) + np.abs(poses[:, 3] - (0, 0, 0, 1)).max(
            1
        )
        if not (np.isfinite(poses).all() and (errors < 1e-2).all() and (np.linalg.det(R) > 0).all()):
            worst = int(np.argmax(np.where(np.isfinite(errors), errors, np.inf)))
            raise BadInput(f"corrected poses: pose {worst} at {stamps[worst] / 1e9:.3f} s is no rigid transform")
        object.__setattr__(self, "stamps_ns", stamps)
        object.__setattr__(self, "poses", poses)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a correction did.

    Attributes:
        n_nodes: nodes in the graph, `n_moved` of them moved.
        largest_m, largest_rad: how far the camera's pose was moved at most.
        outliers: constraints (a, b) that contradict the others and were left out.
    """

    n_nodes: int
    n_moved: int
    largest_m: float
    largest_rad: float
    outliers: tuple[tuple[int, int], ...] = ()
