# SPDX-License-Identifier: Apache-2.0
"""Where each kept image was taken, relative to a node of the pose graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import CorruptMemory
from memory_core.packing import pack, unpack

LAYER = "keyposes"
_CHUNK = 256
_STILL_M = 1e-4


class KeyframePoses:
    """Keyframes "k1", "k2", ... with their nodes. Adding one costs O(1); 100 bytes each, stored in chunks of 256."""

    def __init__(self) -> None:
        self.n = 0
        self._nodes = np.zeros(_CHUNK, np.int32)
        self._poses = np.zeros((_CHUNK, 3, 4))
        self._changed: set[int] = set()

    def add(self, keyframe_id: str, node: int, pose: tuple[float, ...]) -> None:
        """A keyframe was taken at a pose (T_world_cam, 16 numbers), near a node."""
        row = int(keyframe_id[1:]) - 1
        while row >= len(self._nodes):
            self._nodes = np.concatenate([self._nodes, np.full_like(self._nodes, -1)])
            self._poses = np.concatenate([self._poses, np.zeros_like(self._poses)])
        self._nodes[self.n : row] = -1
        self._nodes[row] = node
        self._poses[row] = np.array(pose).reshape(4, 4)[:3]
        self.n = max(self.n, row + 1)
        self._changed.add(row // _CHUNK)

    def move(self, T: NDArray[np.float64]) -> dict[str, list[float]]:
        """Move all with their nodes, T (n, 4, 4); returns the new poses of those that moved, by id. O(keyframes)."""
        rows = np.flatnonzero(self._nodes[: self.n] >= 0)
        moved = np.einsum("nij,njk->nik", T[self._nodes[rows], :3, :3], self._poses[rows])
        moved[:, :, 3] += T[self._nodes[rows], :3, 3]
        differs = np.abs(moved - self._poses[rows]).max(axis=(1, 2), initial=0.0) > _STILL_M
        rows, moved = rows[differs], moved[differs]
        self._poses[rows] = moved
        self._changed.update((rows // _CHUNK).tolist())
        whole = np.concatenate([moved.reshape(-1, 12), np.tile([0.0, 0.0, 0.0, 1.0], (len(rows), 1))], axis=1)
        return {f"k{row + 1}": pose for row, pose in zip(rows.tolist(), whole.tolist(), strict=True)}

    def changed_chunks(self) -> dict[str, bytes]:
        """Chunks that changed since the last call, by the names under which a memory stores them. O(changed)."""
        chunks = {f"{LAYER}/{k}_0_0": self._chunk(k) for k in sorted(self._changed)}
        self._changed.clear()
        return chunks

    def _chunk(self, k: int) -> bytes:
        rows = slice(k * _CHUNK, min((k + 1) * _CHUNK, self.n))
        about: dict[str, Any] = {"voxel_size_m": 0.0, "occupied": 0, "free": 0}
        return pack({**about, "nodes": self._nodes[rows], "poses": self._poses[rows]})

    def restore_chunks(self, chunks: Mapping[str, bytes]) -> None:
        """Become the keyframes that gave these chunks.

        Raises:
            CorruptMemory: one is damaged.
        """
        self.__dict__.update(KeyframePoses().__dict__)
        for name in sorted(chunks, key=lambda name: int(name.split("/")[1].split("_")[0])):
            values = unpack(chunks[name])
            try:
                first = int(name.split("/")[1].split("_")[0]) * _CHUNK
                for offset, (node, pose) in enumerate(zip(values["nodes"].tolist(), values["poses"], strict=True)):
                    self.add(f"k{first + offset + 1}", node, (*pose.ravel().tolist(), 0.0, 0.0, 0.0, 1.0))
            except (KeyError, ValueError, AttributeError) as error:
                raise CorruptMemory(f"{name}: does not hold the poses of keyframes ({error!r})") from error
        self._changed.clear()
