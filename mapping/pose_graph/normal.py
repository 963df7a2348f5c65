# SPDX-License-Identifier: Apache-2.0
"""The normal equations of a pose graph in blocks of 6x6, and their solution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from mapping.pose_graph.chain import SIZE, eliminate, substitute

Blocks = NDArray[np.float64]


class NotPositive(ArithmeticError):
    """The equations have no single solution; more damping gives one."""


def solve_blocks(diagonal: Blocks, links: NDArray[np.int64], off_diagonal: Blocks, rhs: Blocks) -> Blocks:
    """x (N, 6) with H x = rhs for a symmetric positive H of blocks.

    Nodes linked only to the one before and the one after them are eliminated in order, O(N); the equations between the
    others are solved by a sparse factorisation, O(loop closures) for closures that are local.

    Args:
        diagonal: (N, 6, 6).
        links: (M, 2) pairs a < b, possibly repeated, and off_diagonal (M, 6, 6) their blocks (a, b), added up.
        rhs: (N, 6).

    Raises:
        NotPositive: H is singular or not positive.
    """
    n = len(diagonal)
    is_step = links[:, 1] == links[:, 0] + 1
    following = np.zeros((n, SIZE, SIZE))
    np.add.at(following, links[is_step, 0], off_diagonal[is_step])
    stays = np.zeros(n, np.uint8)
    stays[links[~is_step].ravel()] = 1
    D, g = diagonal.copy(), rhs.copy()
    left = np.full(n, -1, np.int32)
    fill, factors, bridges = (np.zeros((n, SIZE, SIZE)) for _ in range(3))
    if eliminate(D, following, g, stays, left, fill, factors, bridges) >= 0:
        raise NotPositive("a node is not held by anything")
    x = np.zeros((n, SIZE))
    kept = np.flatnonzero(stays)
    if len(kept):
        x[kept] = _solve_kept(kept, D, g, left, bridges, links[~is_step], off_diagonal[~is_step])
    substitute(following, g, stays, left, fill, factors, x)
    return x


def _solve_kept(
    kept: NDArray[np.int64], D: Blocks, g: Blocks, left: NDArray[np.int32], bridges: Blocks,
    links: NDArray[np.int64], off_diagonal: Blocks,
) -> Blocks:  # fmt: skip
    """x of the nodes that stay, from their blocks, those of the chain between neighbours, and the loop closures."""
    position = np.full(len(D), -1, np.int64)
    position[kept] = np.arange(len(kept))
    bridged = kept[left[kept] >= 0]
    a = np.concatenate([position[left[bridged]], position[links[:, 0]]])
    b = np.concatenate([position[bridged], position[links[:, 1]]])
    upper = np.concatenate([bridges[bridged], off_diagonal])
    own = np.arange(len(kept))
    rows, columns = np.concatenate([own, a, b]), np.concatenate([own, b, a])
    blocks = np.concatenate([D[kept], upper, upper.transpose(0, 2, 1)])
    inside = np.arange(SIZE)
    i = np.broadcast_to(rows[:, None, None] * SIZE + inside[:, None], blocks.shape)
    j = np.broadcast_to(columns[:, None, None] * SIZE + inside, blocks.shape)
    size = SIZE * len(kept)
    H = sparse.coo_matrix((blocks.ravel(), (i.ravel(), j.ravel())), shape=(size, size)).tocsc()
    try:
        factor = splu(H, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError as error:
        raise NotPositive(str(error)) from error
    x = np.asarray(factor.solve(g[kept].ravel()), np.float64)
    if not np.isfinite(x).all():
        raise NotPositive("the equations are singular")
    return x.reshape(-1, SIZE)
