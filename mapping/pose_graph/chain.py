# SPDX-License-Identifier: Apache-2.0
"""Elimination of the nodes of a trajectory that only follow each other: compiled loops of the pose graph's solver.

The normal equations of a trajectory are a chain of 6x6 blocks with a few blocks elsewhere, at loop closures. Nodes that
have neighbours in the chain only are eliminated one after the other, which leaves equations between the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mapping.compiled import compiled

SIZE = 6


@compiled
def _factor(A: Any, L: Any) -> bool:
    """L (6, 6) lower with L @ L.T == A; False when A is not positive."""
    for i in range(SIZE):
        for j in range(i + 1):
            total = A[i, j]
            for k in range(j):
                total -= L[i, k] * L[j, k]
            if i == j:
                if not total > 0.0:
                    return False
                L[i, i] = np.sqrt(total)
            else:
                L[i, j] = total / L[j, j]
    return True


@compiled
def _solve(L: Any, B: Any, X: Any) -> None:
    """X (6, m) with (L @ L.T) @ X == B."""
    for c in range(B.shape[1]):
        for i in range(SIZE):
            total = B[i, c]
            for k in range(i):
                total -= L[i, k] * X[k, c]
            X[i, c] = total / L[i, i]
        for i in range(SIZE - 1, -1, -1):
            total = X[i, c]
            for k in range(i + 1, SIZE):
                total -= L[k, i] * X[k, c]
            X[i, c] = total / L[i, i]


@compiled
def eliminate(
    diagonal: Any, following: Any, gradient: Any, stays: Any, left: Any, fill: Any, factors: Any, bridges: Any
) -> int:
    """Eliminates every node that does not stay, in order; returns -1, or the node at which a block was not positive.

    Args:
        diagonal: (N, 6, 6) blocks of the nodes; those that stay are changed to what is left of them.
        following: (N, 6, 6) block (i, i + 1), zero where i and i + 1 are not linked.
        gradient: (N, 6) right-hand side; changed likewise.
        stays: (N,) uint8, 1 for nodes that stay.
        left: (N,) int32, gets for each eliminated node the last one before it that stays, -1 for none.
        fill: (N, 6, 6) gets the block (left, i) at the moment i is eliminated.
        factors: (N, 6, 6) gets the factors of the eliminated blocks.
        bridges: (N, 6, 6) gets the block (left, i) for nodes that stay, from the chain between the two.
    """
    n = diagonal.shape[0]
    last = -1
    carry, new = np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE))
    B, X = np.zeros((SIZE, 2 * SIZE + 1)), np.zeros((SIZE, 2 * SIZE + 1))
    for i in range(n):
        left[i] = last
        if stays[i]:
            for r in range(SIZE):
                for c in range(SIZE):
                    bridges[i, r, c] = carry[r, c]
                    carry[r, c] = following[i, r, c]
            last = i
            continue
        for r in range(SIZE):
            B[r, 2 * SIZE] = gradient[i, r]
            for c in range(SIZE):
                fill[i, r, c] = carry[r, c]
                B[r, c], B[r, SIZE + c] = carry[c, r], following[i, r, c]
        if not _factor(diagonal[i], factors[i]):
            return i
        _solve(factors[i], B, X)
        for r in range(SIZE):
            for c in range(SIZE):
                of_left, of_next, both = 0.0, 0.0, 0.0
                for k in range(SIZE):
                    of_left += carry[r, k] * X[k, c]
                    of_next += following[i, k, r] * X[k, SIZE + c]
                    both += carry[r, k] * X[k, SIZE + c]
                new[r, c] = -both
                if last >= 0:
                    diagonal[last, r, c] -= of_left
                if i + 1 < n:
                    diagonal[i + 1, r, c] -= of_next
            for k in range(SIZE):
                if last >= 0:
                    gradient[last, r] -= carry[r, k] * X[k, 2 * SIZE]
                if i + 1 < n:
                    gradient[i + 1, r] -= following[i, k, r] * X[k, 2 * SIZE]
        for r in range(SIZE):
            for c in range(SIZE):
                carry[r, c] = new[r, c] if last >= 0 else 0.0
    return -1


@compiled
def substitute(following: Any, gradient: Any, stays: Any, left: Any, fill: Any, factors: Any, x: Any) -> None:
    """Fills x (N, 6) for the eliminated nodes, last first; those that stay are there already."""
    n = gradient.shape[0]
    B, X = np.zeros((SIZE, 1)), np.zeros((SIZE, 1))
    for i in range(n - 1, -1, -1):
        if stays[i]:
            continue
        for r in range(SIZE):
            total = gradient[i, r]
            for k in range(SIZE):
                if left[i] >= 0:
                    total -= fill[i, k, r] * x[left[i], k]
                if i + 1 < n:
                    total -= following[i, r, k] * x[i + 1, k]
            B[r, 0] = total
        _solve(factors[i], B, X)
        for r in range(SIZE):
            x[i, r] = X[r, 0]
