# SPDX-License-Identifier: Apache-2.0
"""Poses that agree best with what is known between them: Levenberg-Marquardt on SE(3), with doubt in loop closures.

A constraint's error is (translation, rotation vector) of the measured against the present pose of b in a. Robust
constraints get weights by graduated truncated least squares: first all count, then those that the rest contradicts
count ever less, down to 0. Steps of the trajectory are never doubted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapping.pose_graph import rigid
from mapping.pose_graph.linearise import accumulate, fill_errors
from mapping.pose_graph.normal import NotPositive, solve_blocks

DOUBTFUL_CHI2 = 22.46  # exceeded by one good constraint in a thousand: chi-square with six degrees of freedom
_GRADUATION = 10.0
_MOST_STEPS = 30
_STEPS_BETWEEN = 3  # with fewer, poses that a false closure bent have no time to come back
_LAST_ROUNDS = 3
_FIRST_STEPS = 3  # before outliers are known, an exact solution is worth nothing
_SETTLED = 1e-6  # relative gain of a step that is not worth another
_NEARLY = 1e-2  # the same before outliers are known
_MOST_DAMPING = 1e8


@dataclass(frozen=True, eq=False, slots=True)
class Links:
    """Constraints as arrays: nodes a and b (M,), T_a_b (M, 4, 4), information (M, 6, 6), robust (M,) bool."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    T: NDArray[np.float64]
    information: NDArray[np.float64]
    robust: NDArray[np.bool_]

    def plus(self, other: Links) -> Links:
        names = ("a", "b", "T", "information", "robust")
        return Links(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in names))


@dataclass(frozen=True, eq=False, slots=True)
class Solution:
    """Poses (N, 4, 4), weights (M,) of the constraints (0: left out), the final cost and the number of steps."""

    poses: NDArray[np.float64]
    weights: NDArray[np.float64]
    chi2: float
    n_steps: int


def solve(poses: NDArray[np.float64], links: Links, fixed: NDArray[np.bool_]) -> Solution:
    """Poses that agree best with the constraints.

    Args:
        poses: (N, 4, 4) to begin with, in order of the trajectory.
        fixed: (N,) poses that stay; at least one of every connected part, or the others only follow weakly.

    O(steps x (nodes + constraints)) for local loop closures; a few tens of steps with robust constraints, else few.
    The same input gives the same bits.
    """
    weights = np.ones(len(links.a))
    poses, chi2, n_steps = _minimise(poses, links, weights, fixed, _FIRST_STEPS, _NEARLY)
    squares = _chi2(_errors(poses, links), links)
    worst = float(squares[links.robust].max(initial=0.0))
    if worst <= DOUBTFUL_CHI2:
        poses, chi2, more = _minimise(poses, links, weights, fixed, _MOST_STEPS)
        return Solution(rigid.orthonormal(poses), weights, chi2, n_steps + more)
    mu = DOUBTFUL_CHI2 / (2.0 * worst - DOUBTFUL_CHI2)
    while n_steps < 4 * _MOST_STEPS:
        weights = np.where(links.robust, _graduated(squares, mu), 1.0)
        poses, chi2, more = _minimise(poses, links, weights, fixed, _STEPS_BETWEEN, _NEARLY)
        n_steps += more
        squares = _chi2(_errors(poses, links), links)
        mu *= _GRADUATION
        if ((weights == 0.0) | (weights == 1.0)).all():
            break
    for _ in range(_LAST_ROUNDS):
        chosen = np.where(links.robust & (squares > DOUBTFUL_CHI2), 0.0, 1.0)
        is_settled, weights = np.array_equal(chosen, weights), chosen
        poses, chi2, more = _minimise(poses, links, weights, fixed, _MOST_STEPS)
        n_steps += more
        squares = _chi2(_errors(poses, links), links)
        if is_settled:
            break
    return Solution(rigid.orthonormal(poses), weights, chi2, n_steps)


def _graduated(squares: NDArray[np.float64], mu: float) -> NDArray[np.float64]:
    """Weight of each squared error: 1 below a band around the limit, 0 above it; the band narrows as mu grows."""
    low, high = mu / (mu + 1.0) * DOUBTFUL_CHI2, (mu + 1.0) / mu * DOUBTFUL_CHI2
    between = np.sqrt(DOUBTFUL_CHI2 * mu * (mu + 1.0) / np.maximum(squares, 1e-300)) - mu
    return np.asarray(np.where(squares <= low, 1.0, np.where(squares >= high, 0.0, between)))


def _minimise(
    poses: NDArray[np.float64],
    links: Links,
    weights: NDArray[np.float64],
    fixed: NDArray[np.bool_],
    most: int,
    settled: float = _SETTLED,
) -> tuple[NDArray[np.float64], float, int]:
    damping = 1e-9
    pairs = np.sort(np.stack([links.a, links.b], axis=1), axis=1)
    errors = _errors(poses, links)
    cost = float(weights @ _chi2(errors, links))
    for n in range(most):
        diagonal, off_diagonal, rhs = _normal_equations(poses, errors, links, weights, fixed)
        scale = np.einsum("nii->ni", diagonal)
        while True:
            damped = diagonal.copy()
            np.einsum("nii->ni", damped)[:] = scale * (1.0 + damping) + 1e-12
            try:
                step = solve_blocks(damped, pairs, off_diagonal, rhs)
                tried = _moved(poses, step)
                tried_errors = _errors(tried, links)
                tried_cost = float(weights @ _chi2(tried_errors, links))
            except NotPositive:
                tried_cost = np.inf
            if tried_cost <= cost or damping > _MOST_DAMPING:
                break
            damping = max(10.0 * damping, 1e-6)
        if not tried_cost <= cost:
            return poses, cost, n + 1
        gain = cost - tried_cost
        poses, errors, cost, damping = tried, tried_errors, tried_cost, max(damping / 10.0, 1e-9)
        if gain <= settled * max(cost, 1e-9) or float(np.abs(step).max(initial=0.0)) < 1e-8:
            return poses, cost, n + 1
    return poses, cost, most


def _errors(poses: NDArray[np.float64], links: Links) -> NDArray[np.float64]:
    """(M, 6) translation in metres and rotation vector by which each constraint is missed."""
    errors = np.empty((len(links.a), 6))
    fill_errors(poses, links.a, links.b, links.T, errors)
    return errors


def _chi2(errors: NDArray[np.float64], links: Links) -> NDArray[np.float64]:
    return np.asarray(np.einsum("mi,mij,mj->m", errors, links.information, errors))


def _moved(poses: NDArray[np.float64], step: NDArray[np.float64]) -> NDArray[np.float64]:
    """Poses after steps (N, 6) in their own axes."""
    moved = poses.copy()
    moved[:, :3, 3] += np.einsum("nij,nj->ni", poses[:, :3, :3], step[:, :3])
    moved[:, :3, :3] = poses[:, :3, :3] @ rigid.rotation(step[:, 3:])
    return moved


def _normal_equations(
    poses: NDArray[np.float64], errors: NDArray[np.float64], links: Links, weights: NDArray[np.float64],
    fixed: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Diagonal blocks, blocks (lower, higher node) of the constraints, and right-hand side."""
    diagonal, rhs = np.zeros((len(poses), 6, 6)), np.zeros((len(poses), 6))
    across = np.empty((len(errors), 6, 6))
    accumulate(
        poses, links.a, links.b, links.T, links.information, weights, fixed, errors, diagonal, across, rhs
    )  # fmt: skip
    diagonal[fixed] += np.eye(6)
    return diagonal, across, rhs
