# SPDX-License-Identifier: Apache-2.0
"""Errors of constraints and their normal equations, one constraint after the other: compiled loops of the solver.

A constraint's error is (translation in metres, rotation vector) of the measured against the present pose of b in a.
A step of a pose is (translation, rotation vector) in its own axes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mapping.compiled import compiled

_SMALL = 1e-4


@compiled
def _log(R: Any, w: Any) -> None:
    """w (3,) rotation vector of a rotation R (3, 3)."""
    trace = R[0, 0] + R[1, 1] + R[2, 2]
    i = 3
    largest = trace
    for k in range(3):
        if R[k, k] > largest:
            largest, i = R[k, k], k
    q = np.empty(4)
    if i == 3:
        q[0], q[1], q[2] = R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]
        q[3] = 1.0 + trace
    else:
        j, k = (i + 1) % 3, (i + 2) % 3
        q[i] = 1.0 + 2.0 * R[i, i] - trace
        q[j], q[k] = R[j, i] + R[i, j], R[k, i] + R[i, k]
        q[3] = R[k, j] - R[j, k]
    norm = np.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3])
    sign = -1.0 if q[3] < 0 else 1.0
    sine = np.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2]) / norm
    angle = 2.0 * np.arctan2(sine, sign * q[3] / norm)
    factor = 2.0 if sine < 1e-9 else angle / sine
    for k in range(3):
        w[k] = sign * q[k] / norm * factor


@compiled
def fill_errors(poses: Any, a: Any, b: Any, T: Any, errors: Any) -> None:
    """errors (M, 6) of constraints T (M, 4, 4) between nodes a and b (M,) at poses (N, 4, 4)."""
    inner, turn = np.empty(3), np.empty((3, 3))
    both = np.empty((3, 3))
    for m in range(a.shape[0]):
        A, B, Z = poses[a[m]], poses[b[m]], T[m]
        for r in range(3):
            inner[r] = -Z[r, 3]
            for k in range(3):
                inner[r] += A[k, r] * (B[k, 3] - A[k, 3])
            for c in range(3):
                both[r, c] = A[0, r] * B[0, c] + A[1, r] * B[1, c] + A[2, r] * B[2, c]
        for r in range(3):
            errors[m, r] = Z[0, r] * inner[0] + Z[1, r] * inner[1] + Z[2, r] * inner[2]
            for c in range(3):
                turn[r, c] = Z[0, r] * both[0, c] + Z[1, r] * both[1, c] + Z[2, r] * both[2, c]
        _log(turn, errors[m, 3:])


@compiled
def _cross(w: Any, W: Any) -> None:
    W[0, 0], W[0, 1], W[0, 2] = 0.0, -w[2], w[1]
    W[1, 0], W[1, 1], W[1, 2] = w[2], 0.0, -w[0]
    W[2, 0], W[2, 1], W[2, 2] = -w[1], w[0], 0.0


@compiled
def _inverse_right_jacobian(w: Any, J: Any, W: Any) -> None:
    """J (3, 3) change of a rotation vector w by a small turn on its right; W (3, 3) is scratch."""
    angle = np.sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2])
    factor = 1.0 / 12.0
    if angle > _SMALL:
        half = 0.5 * min(angle, np.pi - 1e-6)
        factor = (1.0 - half / np.tan(half)) / (angle * angle)
    _cross(w, W)
    for r in range(3):
        for c in range(3):
            J[r, c] = (1.0 if r == c else 0.0) + 0.5 * W[r, c]
            for k in range(3):
                J[r, c] += factor * W[r, k] * W[k, c]


@compiled
def fill_jacobians(A: Any, B: Any, Z: Any, error: Any, of_a: Any, of_b: Any, scratch: Any) -> None:
    """of_a and of_b (6, 6): change of one error by steps of its two poses; scratch (4, 3, 3)."""
    both, inverse, W, apart = scratch[0], scratch[1], scratch[2], scratch[3, 0]
    of_a[:] = 0.0
    of_b[:] = 0.0
    for r in range(3):
        apart[r] = 0.0
        for k in range(3):
            apart[r] += A[k, r] * (B[k, 3] - A[k, 3])
        for c in range(3):
            both[r, c] = A[0, r] * B[0, c] + A[1, r] * B[1, c] + A[2, r] * B[2, c]
    _inverse_right_jacobian(error[3:], inverse, W)
    _cross(apart, W)
    for r in range(3):
        for c in range(3):
            of_a[r, c] = -Z[c, r]
            for k in range(3):
                of_a[r, 3 + c] += Z[k, r] * W[k, c]
                of_b[r, c] += Z[k, r] * both[k, c]
                of_a[3 + r, 3 + c] -= inverse[r, k] * both[c, k]
            of_b[3 + r, 3 + c] = inverse[r, c]


@compiled
def _product(X: Any, Y: Any, out: Any, sign: float) -> None:
    """out (6, 6) += sign * X.T @ Y."""
    for r in range(6):
        for c in range(6):
            total = 0.0
            for k in range(6):
                total += X[k, r] * Y[k, c]
            out[r, c] += sign * total


@compiled
def accumulate(
    poses: Any, a: Any, b: Any, T: Any, information: Any, weights: Any, fixed: Any, errors: Any,
    diagonal: Any, across: Any, rhs: Any,
) -> None:  # fmt: skip
    """Adds all constraints to diagonal (N, 6, 6) and rhs (N, 6); across (M, 6, 6) gets blocks (lower, higher node)."""
    of_a, of_b, scratch = np.empty((6, 6)), np.empty((6, 6)), np.empty((4, 3, 3))
    left_a, left_b = np.empty((6, 6)), np.empty((6, 6))
    for m in range(a.shape[0]):
        i, j = a[m], b[m]
        fill_jacobians(poses[i], poses[j], T[m], errors[m], of_a, of_b, scratch)
        if fixed[i]:
            of_a[:] = 0.0
        if fixed[j]:
            of_b[:] = 0.0
        left_a[:] = 0.0
        left_b[:] = 0.0
        _product(information[m], of_a, left_a, weights[m])
        _product(information[m], of_b, left_b, weights[m])
        _product(of_a, left_a, diagonal[i], 1.0)
        _product(of_b, left_b, diagonal[j], 1.0)
        across[m] = 0.0
        if i < j:
            _product(of_a, left_b, across[m], 1.0)
        else:
            _product(of_b, left_a, across[m], 1.0)
        for r in range(6):
            for k in range(6):
                rhs[i, r] -= left_a[k, r] * errors[m, k]
                rhs[j, r] -= left_b[k, r] * errors[m, k]
