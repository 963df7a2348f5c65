# SPDX-License-Identifier: Apache-2.0
"""Where blocks of 8x8x8 voxels that move rigidly, each its own way, come to lie on the grid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapping.octree.blocks import in_range
from memory_core.errors import BadInput

_BLOCK = 8
_CORNERS = np.array([[c >> 2, c >> 1 & 1, c & 1] for c in range(8)], np.float64)


class Laid(NamedTuple):
    """Pairs of a block and one that it may cover some of after it moved.

    of (M,) is which of the N blocks, targets (M, 3) what it may cover; inverses (N, 4, 4) of the motions, in voxels.
    """

    of: NDArray[np.int64]
    targets: NDArray[np.int64]
    inverses: NDArray[np.float64]


def lay(blocks: NDArray[np.int64], T: NDArray[np.float64], what: str) -> Laid:
    """Where blocks (N, 3) may come to lie when they move by T (N, 4, 4), voxels; pairs in order of the blocks. O(N).

    Raises:
        BadInput: `what` they hold would leave the map's coordinates.
    """
    corners = (blocks[:, None] + _CORNERS) * _BLOCK @ T[:, :3, :3].transpose(0, 2, 1) + T[:, None, :3, 3]
    low, high = (np.floor(edge / _BLOCK).astype(np.int64) for edge in (corners.min(axis=1), corners.max(axis=1)))
    if not in_range(np.stack([low, high])):
        raise BadInput(f"correction: it moves {what} out of the map's coordinates")
    size = high - low + 1
    n = size.prod(axis=1)
    of = np.repeat(np.arange(len(blocks)), n)
    step, across = np.arange(len(of)) - np.repeat(np.cumsum(n) - n, n), size[of]
    inside = [step // (across[:, 1] * across[:, 2]), step // across[:, 2] % across[:, 1], step % across[:, 2]]
    inverses = T.copy()
    inverses[:, :3, :3] = T[:, :3, :3].transpose(0, 2, 1)
    inverses[:, :3, 3] = -np.einsum("nji,nj->ni", T[:, :3, :3], T[:, :3, 3])
    return Laid(of, low[of] + np.stack(inside, axis=1), inverses)
