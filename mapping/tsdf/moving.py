# SPDX-License-Identifier: Apache-2.0
"""Blocks of a TSDF that move rigidly, each its own way, and are laid onto the grid again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled
from mapping.octree.blocks import blocks_of, in_range
from mapping.tsdf.blocks import TsdfBlocks
from mapping.tsdf.kernels import BLOCK, MAX_WEIGHT, VOXELS, Stored
from memory_core.errors import BadInput

_AROUND = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
_CORNERS = np.array([[c >> 2, c >> 1 & 1, c & 1] for c in range(8)], np.float64)
_LEAST_SEEN = 0.5  # of the eight voxels around a point, by their shares, for its distance to be known


def moved(blocks: TsdfBlocks, T: NDArray[np.float64]) -> TsdfBlocks:
    """New blocks with everything moved by T (n, 4, 4), voxels, row by row; all are marked as changed.

    A voxel takes the distance between the voxels that its centre comes from, and the colour of the nearest. Where
    several blocks come to lie, as on both sides of a closed loop, their means are averaged. O(voxels).

    Raises:
        BadInput: something would leave the map's coordinates.
    """
    rows = np.nonzero(blocks.stored.known[: blocks.n])[0]
    rows = rows[np.argsort(blocks.keys[rows])]
    at, result = blocks_of(blocks.keys[rows]), TsdfBlocks()
    for block, row in zip(at, rows, strict=True):
        around = blocks.rows_of(block + _AROUND).reshape(3, 3, 3)
        targets = _targets(block, T[row])
        to = result.rows_near(targets.astype(np.int32), np.zeros(3, np.int64))
        gather(block, around, np.linalg.inv(T[row]), targets, to, blocks.fetched(), result.stored)
    n = result.n
    result.stored.known[:n] = (result.stored.weight[:n] > 0).any(axis=1)
    result.stored.changed[:n] = result.stored.stale[:n] = result.stored.known[:n]
    return result


def _targets(block: NDArray[np.int64], T: NDArray[np.float64]) -> NDArray[np.int64]:
    """Blocks (m, 3) that may hold some of a block after it moved."""
    corners = (block + _CORNERS) * BLOCK @ T[:3, :3].T + T[:3, 3]
    low, high = (np.floor(edge / BLOCK).astype(np.int64) for edge in (corners.min(axis=0), corners.max(axis=0)))
    if not in_range(np.stack([low, high])):
        raise BadInput("correction: it moves surfaces out of the map's coordinates")
    return np.asarray(np.argwhere(np.ones(high - low + 1, bool)) + low, np.int64)


@compiled
def _row_of(around: Any, x: Any, y: Any, z: Any) -> Any:
    """Row of the block of a voxel, whose coordinates count from the middle block's first."""
    return around[(x >> 3) + 1, (y >> 3) + 1, (z >> 3) + 1]


@compiled
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


@compiled
def gather(block: Any, around: Any, T: Any, targets: Any, to: Any, old: Stored, new: Stored) -> None:
    """Fills voxels of targets (m, 3), rows `to` of `new`, whose centres T (4, 4) brings into a block of `old`."""
    for m in range(targets.shape[0]):
        for i in range(VOXELS):
            px = targets[m, 0] * BLOCK + (i >> 6) + 0.5
            py, pz = targets[m, 1] * BLOCK + ((i >> 3) & 7) + 0.5, targets[m, 2] * BLOCK + (i & 7) + 0.5
            x = T[0, 0] * px + T[0, 1] * py + T[0, 2] * pz + T[0, 3] - block[0] * BLOCK
            y = T[1, 0] * px + T[1, 1] * py + T[1, 2] * pz + T[1, 3] - block[1] * BLOCK
            z = T[2, 0] * px + T[2, 1] * py + T[2, 2] * pz + T[2, 3] - block[2] * BLOCK
            if not (x >= 0 and y >= 0 and z >= 0 and x < BLOCK and y < BLOCK and z < BLOCK):
                continue
            row = around[1, 1, 1]
            nearest = (np.int64(x) << 6) | (np.int64(y) << 3) | np.int64(z)
            added = np.int64(old.weight[row, nearest])
            value, seen = _distance(x - 0.5, y - 0.5, z - 0.5, around, old)
            if added == 0 or seen < _LEAST_SEEN:
                continue
            before = np.int64(new.weight[to[m], i])
            both = before + added
            mean = (before * new.tsdf[to[m], i] + added * value) / both
            if added > before and old.rgb[row, 0, nearest] > 0:
                new.rgb[to[m], :, i] = old.rgb[row, :, nearest]
            new.tsdf[to[m], i] = np.int16(np.floor(mean + 0.5))
            new.weight[to[m], i] = np.uint8(both if both < MAX_WEIGHT else MAX_WEIGHT)
