# SPDX-License-Identifier: Apache-2.0
"""Which node of the pose graph each block of the map was last seen from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.pose_graph import block_kernels as kernels
from memory_core.errors import CorruptMemory
from memory_core.frame import CameraFrame
from memory_core.packing import pack, unpack

LAYER = "anchors"
_REGION = 3  # blocks of a region share all but the last three bits of their coordinates, as in the octree's regions
_BIAS = 1 << 20
_AXIS = (1 << 21) - 1


def blocks_of(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Block coordinates (N, 3) of keys (N,)."""
    return np.stack([(keys >> 42) & _AXIS, (keys >> 21) & _AXIS, keys & _AXIS], axis=1) - _BIAS


class BlockAnchors:
    """One int32 for each block that was ever in view: 12 bytes a block, beside 512 of the octree.

    Stored by region like the octree itself, so an update writes only regions that were looked at from a new node; a
    robot that stands still writes nothing.
    """

    def __init__(self) -> None:
        self.n = 0
        self.keys = np.zeros(4096, np.int64)
        self.nodes = np.full(4096, -1, np.int32)
        self._changed = np.zeros(4096, np.bool_)
        self._emptied: set[str] = set()
        self._table = np.full(16384, -1, np.int32)

    def look(self, frame: CameraFrame, node: int, block_m: float, range_m: float) -> None:
        """What a frame sees up to a range was seen from a node. O(range^3 / block^3): rays half a block apart."""
        step_m = block_m / 2
        focal = float(min(frame.K[0, 0], abs(frame.K[1, 1])))
        step_px = max(1, int(focal * step_m / range_m))
        height, width = frame.depth.shape
        n_rays = (height // step_px + 1) * (width // step_px + 1)
        rows = np.empty(n_rays * (int(range_m / step_m) + 3), np.int32)
        depth, K, T = (np.ascontiguousarray(a) for a in (frame.depth, frame.K, frame.T_world_cam))
        while True:
            n_seen, self.n = kernels.see_rays(
                depth, K, T, step_px, step_m, range_m, 1.0 / block_m, self.n, self.keys, self._table, rows
            )
            if n_seen >= 0:
                break
            self._grow()
        self._anchor(rows[:n_seen], node)

    def see(self, blocks: NDArray[np.integer[Any]], node: int) -> None:
        """Blocks (N, 3) were seen from a node. O(N)."""
        self._anchor(self._rows(blocks), node)

    def _anchor(self, rows: NDArray[np.int32], node: int) -> None:
        rows = rows[self.nodes[rows] != node]
        self._changed[rows], self.nodes[rows] = True, node

    def put(self, blocks: NDArray[np.int64], nodes: NDArray[np.int32]) -> None:
        """Blocks (N, 3), all different, were seen from nodes (N,). O(N)."""
        rows = self._rows(blocks)
        self._changed[rows] |= self.nodes[rows] != nodes
        self.nodes[rows] = nodes

    def of(self, blocks: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
        """(N,) nodes of blocks (N, 3), -1 where a block was never seen. O(N)."""
        rows = np.empty(len(blocks), np.int32)
        kernels.find(np.ascontiguousarray(blocks, np.int64), self.keys, self._table, rows)
        return np.where(rows >= 0, self.nodes[rows], np.int32(-1))

    def replace(self, blocks: NDArray[np.int64], nodes: NDArray[np.int32]) -> None:
        """Forget all blocks and take these (N, 3) with their nodes (N,) instead. O(all)."""
        before = set(self._regions(np.arange(self.n)))
        self.__dict__.update(BlockAnchors().__dict__)
        rows = self._rows(blocks)  # may make the arrays anew
        self.nodes[rows] = nodes
        self._changed[: self.n] = True
        self._emptied = before - set(self._regions(np.arange(self.n)))

    def changed_regions(self) -> dict[str, bytes]:
        """Regions that changed since the last call, by the names under which a memory stores them. O(changed)."""
        every = self._regions(np.flatnonzero(self._changed[: self.n]))
        packed = {name: _pack(np.zeros(0, np.int64), np.zeros(0, np.int32)) for name in sorted(self._emptied)}
        if every:
            wanted = _region_keys(self.keys[: self.n])
            order = np.lexsort((self.keys[: self.n], wanted))
            starts = np.searchsorted(wanted[order], list(every.values()), side="left")
            ends = np.searchsorted(wanted[order], list(every.values()), side="right")
            for name, start, end in zip(every, starts.tolist(), ends.tolist(), strict=True):
                rows = order[start:end]
                packed[name] = _pack(self.keys[rows], self.nodes[rows])
        self._changed[:] = False
        self._emptied = set()
        return packed

    def restore_regions(self, regions: Mapping[str, bytes]) -> None:
        """Take over what `changed_regions` gave; not reported as changed.

        Raises:
            CorruptMemory: a region is damaged.
        """
        for name in sorted(regions):
            values = unpack(regions[name])
            keys, nodes = values.get("keys"), values.get("nodes")
            if not (isinstance(keys, np.ndarray) and isinstance(nodes, np.ndarray) and keys.shape == nodes.shape):
                raise CorruptMemory(f"anchors {name}: keys or nodes are missing")
            rows = self._rows(blocks_of(keys))  # may make the arrays anew
            self.nodes[rows] = nodes

    def _rows(self, blocks: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
        while self.n + len(blocks) > len(self.keys):
            self._grow()
        rows = np.empty(len(blocks), np.int32)
        at = np.ascontiguousarray(blocks, np.int64)
        self.n = kernels.rows_of(at, self.n, self.keys, self._table, rows)
        return rows

    def _grow(self) -> None:
        for name, fill in (("keys", 0), ("nodes", -1), ("_changed", 0)):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.full_like(old, fill)]))
        self._table = np.full(4 * len(self.keys), -1, np.int32)
        kernels.enter(self.keys, self.n, self._table)

    def _regions(self, rows: NDArray[np.integer[Any]]) -> dict[str, int]:
        """Name of each region of the rows and the key that its blocks share, in order of the keys."""
        shared = np.unique(_region_keys(self.keys[rows]))
        names = blocks_of(shared) >> _REGION
        return {f"{LAYER}/{x}_{y}_{z}": key for (x, y, z), key in zip(names.tolist(), shared.tolist(), strict=True)}


def _region_keys(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    low = (1 << _REGION) - 1
    return np.asarray(keys & ~((low << 42) | (low << 21) | low), np.int64)


def _pack(keys: NDArray[np.int64], nodes: NDArray[np.int32]) -> bytes:
    return pack({"voxel_size_m": 0.0, "occupied": 0, "free": 0, "keys": keys, "nodes": nodes})
