# SPDX-License-Identifier: Apache-2.0
"""How the map moves when its trajectory is corrected: every part with the node it was seen from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.pose_graph import block_kernels as kernels
from mapping.pose_graph import rigid
from mapping.pose_graph.anchors import BlockAnchors, blocks_of


@dataclass(frozen=True, eq=False, slots=True)
class Deltas:
    """A correction: T (n, 4, 4) how the surroundings of each node move in the map, metres.

    `at` says how what was seen from (fractions of) nodes moves; nothing known (-1) does not move.
    """

    T: NDArray[np.float64]

    def at(self, anchors: NDArray[Any]) -> NDArray[np.float64]:
        """(N, 4, 4) transforms for anchors (N,), between two nodes a mean of theirs. O(N)."""
        place = np.clip(np.asarray(anchors, np.float64), 0.0, len(self.T) - 1.0)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, len(self.T) - 1)
        T = rigid.between(self.T[low], self.T[high], place - low)
        T[np.asarray(anchors) < 0] = np.eye(4)
        return T


@dataclass(frozen=True, eq=False, slots=True)
class MovedBlocks:
    """Blocks (N, 3) in order, with log-odds (N, 512), and the node (N,) that each is anchored to."""

    blocks: NDArray[np.int64]
    voxels: NDArray[np.int8]
    nodes: NDArray[np.int32]


def move_blocks(
    blocks: NDArray[np.int64], voxels: NDArray[np.int8], nodes: NDArray[np.int32], deltas: Deltas,
    voxel_size_m: float, limits: tuple[int, int],
) -> MovedBlocks:  # fmt: skip
    """Blocks of log-odds moved with their anchors and laid onto the grid again.

    Each moves rigidly; a voxel takes the value of the block that its centre comes from (nearest voxel). Where several
    do, as on the two sides of a closed loop, their log-odds add up, within the limits. The order of the blocks does not
    matter. O(voxels); 5 bytes of scratch space for each voxel that may be covered.

    Args:
        blocks: (N, 3) coordinates in blocks of 8 voxels, voxels (N, 512) int8 with -128 for unknown.
        nodes: (N,) anchors, -1 for what does not move.
        limits: lowest and highest log-odds, in steps.
    """
    T = deltas.at(nodes)
    T[:, :3, 3] /= voxel_size_m
    at = np.ascontiguousarray(blocks, np.int64)
    keys, table = _targets(at, T)
    sums, nearby = (np.full((len(keys), 512), kernels.NOTHING, np.int16) for _ in range(2))
    owners = np.full(len(keys), -1, np.int32)
    kernels.gather(
        at,
        np.ascontiguousarray(voxels),
        np.ascontiguousarray(nodes, np.int32),
        T,
        _seams(at, nodes, T),
        keys,
        table,
        sums,
        nearby,
        owners,
    )
    settled, known = np.empty((len(keys), 512), np.int8), np.empty(len(keys), np.int16)
    kernels.settle(sums, nearby, limits[0], limits[1], settled, known)
    kept = np.flatnonzero(known)
    kept = kept[np.argsort(keys[kept])]
    return MovedBlocks(blocks_of(keys[kept]), settled[kept], owners[kept])


def _seams(blocks: NDArray[np.int64], nodes: NDArray[np.int32], T: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(N, 6) 1 on the sides -x, +x, -y, +y, -z, +z of blocks where there is a next one that moves otherwise."""
    places = BlockAnchors()
    places.put(blocks, np.arange(len(blocks), dtype=np.int32))
    seams = np.zeros((len(blocks), 6), np.uint8)
    for side in range(6):
        step = np.zeros(3, np.int64)
        step[side // 2] = 2 * (side % 2) - 1
        other = places.of(blocks + step)
        differs = (other >= 0) & (nodes[other] != nodes)
        rows = np.flatnonzero(differs)
        seams[rows, side] = (T[other[rows]] != T[rows]).any(axis=(1, 2))
    return seams


def _targets(blocks: NDArray[np.int64], T: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    room = max(1024, 3 * len(blocks))
    while True:
        keys = np.zeros(room, np.int64)
        table = np.full(1 << int(2 * room - 1).bit_length(), -1, np.int32)
        n = int(kernels.enter_targets(blocks, T, 0, keys, table))
        if n >= 0:
            return keys[:n], table
        room *= 2


def fill_unknown(blocks: NDArray[np.int64], nodes: NDArray[np.int32]) -> NDArray[np.int32]:
    """Nodes (N,) of blocks (N, 3), those without one (-1) like the newest of their neighbours, if any."""
    known = BlockAnchors()
    known.put(blocks[nodes >= 0], nodes[nodes >= 0])
    filled = nodes.copy()
    around = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    while (missing := np.flatnonzero(filled < 0)).size:
        found = np.stack([known.of(blocks[missing] + step) for step in around]).max(axis=0)
        if (found < 0).all():
            break
        filled[missing] = found
        known.put(blocks[missing[found >= 0]], found[found >= 0])
    return filled
