# SPDX-License-Identifier: Apache-2.0
"""Blocks of a TSDF that move rigidly, each its own way, and are laid onto the grid again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import lean
from mapping.laying import lay
from mapping.octree.blocks import blocks_of, keys_of
from mapping.tsdf.blocks import TsdfBlocks
from mapping.tsdf.kernels import BLOCK, MAX_WEIGHT, Stored

_AROUND = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
_LEAST_SEEN = 0.5  # of the eight voxels around a point, by their shares, for its distance to be known
_AT_ONCE = 4096  # blocks, so that scratch space stays small


def moved(blocks: TsdfBlocks, T: NDArray[np.float64]) -> TsdfBlocks:
    """New blocks with everything moved by T (n, 4, 4), voxels, row by row; all are marked as changed.

    A voxel takes the distance between the voxels that its centre comes from, and the colour of the nearest. Where
    several blocks come to lie, as on both sides of a closed loop, their means are averaged. O(voxels).

    Raises:
        BadInput: something would leave the map's coordinates.
    """
    old = blocks.fetched()
    rows = np.nonzero(old.known[: blocks.n])[0]
    rows = rows[np.argsort(blocks.keys[rows])]
    at = blocks_of(blocks.keys[rows])
    result = TsdfBlocks()
    laid = lay(at, T[rows], "surfaces")
    for first in range(0, len(rows), _AT_ONCE):
        pairs = slice(*np.searchsorted(laid.of, [first, first + _AT_ONCE]).tolist())
        around = blocks.rows_of((at[first : first + _AT_ONCE, None] + _AROUND).reshape(-1, 3)).reshape(-1, 3, 3, 3)
        keys, which = np.unique(keys_of(laid.targets[pairs]), return_inverse=True)
        to = result.rows_near(blocks_of(keys).astype(np.int32), np.zeros(3, np.int64))[which.reshape(-1)]
        gather(at, around, first, laid.inverses, laid.of[pairs], laid.targets[pairs], to, old, result.stored)
    n = result.n
    result.stored.changed[:n] = result.stored.stale[:n] = result.stored.known[:n]
    return result


@lean
def _row_of(around: Any, x: Any, y: Any, z: Any) -> Any:
    """Row of the block of a voxel, whose coordinates count from the middle block's first."""
    return around[(x >> 3) + 1, (y >> 3) + 1, (z >> 3) + 1]


@lean
def _distance(x: Any, y: Any, z: Any, around: Any, old: Stored) -> Any:
    """Distance in steps at a point between voxel centres, and the share of them that were seen."""
    x0, y0, z0 = np.int64(np.floor(x)), np.int64(np.floor(y)), np.int64(np.floor(z))
    total, seen = 0.0, 0.0
    for c in range(8):
        a, b, d = x0 + (c >> 2), y0 + ((c >> 1) & 1), z0 + (c & 1)
        share = (1 - abs(x - a)) * (1 - abs(y - b)) * (1 - abs(z - d))
        row, i = _row_of(around, a, b, d), ((a & 7) << 6) | ((b & 7) << 3) | (d & 7)
        if row >= 0 and old.weight[row, i] > 0:
            total, seen = total + share * old.tsdf[row, i], seen + share
    return total / max(seen, 1e-9), seen


@lean
def _is_beside(at: Any, along: Any) -> Any:
    """Whether no step 0 .. 7 has at + step * along within a block."""
    end = at + (BLOCK - 1) * along
    return (at < 0 and end < 0) or (at >= BLOCK and end >= BLOCK)


@lean
def _put(value: Any, added: Any, old: Stored, row: Any, nearest: Any, new: Stored, to: Any, i: Any) -> None:
    """A distance with its weight, and the colour of the voxel nearest to it, into voxel i of a row."""
    before = np.int64(new.weight[to, i])
    both = before + added
    mean = (before * new.tsdf[to, i] + added * value) / both
    if added > before and old.rgb[row, 0, nearest] > 0:
        for c in range(3):
            new.rgb[to, c, i] = old.rgb[row, c, nearest]
    new.tsdf[to, i] = np.int16(np.floor(mean + 0.5))
    new.weight[to, i] = np.uint8(both if both < MAX_WEIGHT else MAX_WEIGHT)
    new.known[to] = 1


@lean
def gather(
    blocks: Any, around: Any, first: int, T: Any, of: Any, targets: Any, to: Any, old: Stored, new: Stored
) -> None:
    """Fills voxels of targets (m, 3), rows `to` (m,) of `new`, from the blocks (n, 3) `of` (m,) which each target is.

    T (n, 4, 4) brings the centres of voxels of `new` to where they are from. around (k, 3, 3, 3) are the rows in `old`
    around blocks first .. first + k - 1, of which the targets are.
    """
    for m in range(targets.shape[0]):
        j = of[m]
        M, block, near = T[j], blocks[j], around[j - first]
        row = near[1, 1, 1]
        dx, dy, dz = M[0, 2], M[1, 2], M[2, 2]
        pz = targets[m, 2] * BLOCK + 0.5
        for column in range(BLOCK * BLOCK):
            px, py = targets[m, 0] * BLOCK + (column >> 3) + 0.5, targets[m, 1] * BLOCK + (column & 7) + 0.5
            x0 = M[0, 0] * px + M[0, 1] * py + dx * pz + M[0, 3] - block[0] * BLOCK
            y0 = M[1, 0] * px + M[1, 1] * py + dy * pz + M[1, 3] - block[1] * BLOCK
            z0 = M[2, 0] * px + M[2, 1] * py + dz * pz + M[2, 3] - block[2] * BLOCK
            if _is_beside(x0, dx) or _is_beside(y0, dy) or _is_beside(z0, dz):
                continue
            for k in range(BLOCK):
                x, y, z = x0 + k * dx, y0 + k * dy, z0 + k * dz
                if not (x >= 0 and y >= 0 and z >= 0 and x < BLOCK and y < BLOCK and z < BLOCK):
                    continue
                nearest = (np.int64(x) << 6) | (np.int64(y) << 3) | np.int64(z)
                added = np.int64(old.weight[row, nearest])
                if added == 0:
                    continue
                value, seen = _distance(x - 0.5, y - 0.5, z - 0.5, near, old)
                if seen >= _LEAST_SEEN:
                    _put(value, added, old, row, nearest, new, to[m], (column << 3) | k)
