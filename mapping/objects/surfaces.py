# SPDX-License-Identifier: Apache-2.0
"""Which voxels belong to which thing: a hash from voxel to owners, and for each owner the list of its voxels.

A voxel may have several owners (a cup and the table it stands on share some). Every entry counts the frames that
saw it and keeps the mean of the points in it, so that boxes are finer than voxels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.objects import surface_kernels as kernels


class Surfaces:
    """Surface voxels of all owners; owners are small whole numbers chosen by the caller.

    `anchor` is the node of the pose graph that the frames given to `add` belong to, -1 while there is none.
    `overlaps` and `add` cost O(voxels given), whatever the number of owners; `release` O(voxels of the owner).
    """

    def __init__(self, voxels_per_owner: int) -> None:
        self.voxels_per_owner = voxels_per_owner
        self.anchor = -1.0
        self.keys = np.zeros(1024, np.int64)
        self.owners = np.full(1024, -1, np.int32)
        self.hits = np.zeros(1024, np.uint16)
        self.means = np.zeros((1024, 3), np.float32)
        self.anchors = np.full(1024, -1.0, np.float32)
        self._links = np.full(1024, -1, np.int32)
        self._slots = np.full(4096, -1, np.int32)
        self._heads = np.full(256, -1, np.int32)
        self._sizes = np.zeros(256, np.int32)
        self._votes = np.zeros(256, np.int32)
        # used entries, head of the free list, used or dead slots
        self._counters = np.array([0, -1, 0], np.int64)

    def n_voxels(self, owner: int) -> int:
        return int(self._sizes[owner]) if owner < len(self._sizes) else 0

    def overlaps(self, keys: NDArray[np.int64]) -> list[tuple[int, int]]:
        """(owner, how many of the voxels it owns) for every owner of any of them, by owner."""
        touched = np.empty(256, np.int32)
        n = int(kernels.vote(keys, self._slots, self.keys, self.owners, self._votes, touched))
        found = [(int(owner), int(self._votes[owner])) for owner in np.sort(touched[:n])]
        self._votes[touched[:n]] = 0
        return found

    def n_near(self, owner: int, keys: NDArray[np.int64]) -> int:
        """How many of the voxels (N,) are the owner's, or next to one of its voxels. O(N)."""
        return int(kernels.count_near(keys, owner, self._slots, self.keys, self.owners))

    def add(
        self,
        owner: int,
        keys: NDArray[np.int64],
        means: NDArray[np.float32],
        seen: NDArray[np.uint16] | None = None,
        anchors: NDArray[np.float32] | None = None,
    ) -> None:
        """A frame (or `seen` (N,) frames) saw these voxels (N,) of the owner, with the mean points (N, 3) in them.

        `anchors` (N,) are the nodes they were seen from, where that is not the present one.
        """
        self._reserve(owner, len(keys))
        frames = np.ones(len(keys), np.uint16) if seen is None else seen
        nodes = np.full(len(keys), self.anchor, np.float32) if anchors is None else anchors
        kernels.add(
            keys, means, frames, nodes, owner, self.voxels_per_owner, self._slots, self.keys, self.owners, self.hits,
            self.means, self.anchors, self._links, self._heads, self._sizes, self._counters,
        )  # fmt: skip

    def release(self, owner: int) -> None:
        """Forget the owner's voxels."""
        if owner < len(self._heads):
            kernels.release(
                owner, self._slots, self.keys, self.owners, self._links, self._heads, self._sizes, self._counters
            )

    def of(self, owner: int) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.float32]]:
        """Keys (N,), frames that saw each (N,), mean points (N, 3) of an owner, newest voxel first."""
        entries = np.empty(self.n_voxels(owner), np.int32)
        if len(entries):
            kernels.listed(int(self._heads[owner]), self._links, entries)
        return self.keys[entries], self.hits[entries], self.means[entries]

    def anchors_of(self, owner: int) -> NDArray[np.float32]:
        """(N,) nodes that each voxel was seen from, on average, -1 for unknown; in the order of `of`."""
        entries = np.empty(self.n_voxels(owner), np.int32)
        if len(entries):
            kernels.listed(int(self._heads[owner]), self._links, entries)
        return self.anchors[entries]

    def join(self, owner: int, other: int) -> None:
        """Give all voxels of `other` to `owner`. O(voxels of other)."""
        keys, seen, means = self.of(other)
        anchors = self.anchors_of(other)
        self.release(other)
        self.add(owner, keys, means, seen, anchors)

    def replace(
        self,
        owner: int,
        keys: NDArray[np.int64],
        means: NDArray[np.float32],
        seen: NDArray[np.uint16],
        anchors: NDArray[np.float32],
    ) -> None:
        """Give the owner these voxels instead of its own; those that fall together become one. O(both)."""
        self.release(owner)
        self.add(owner, keys, means, seen, anchors)

    def state(self) -> dict[str, Any]:
        """Arrays from which `restore` makes the same store, entry by entry."""
        n = int(self._counters[0])
        return {
            "keys": self.keys[:n], "owners": self.owners[:n], "hits": self.hits[:n], "means": self.means[:n],
            "anchors": self.anchors[:n], "links": self._links[:n],
            "heads": self._heads, "sizes": self._sizes, "free": int(self._counters[1]),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        n = len(state["keys"])
        capacity = max(1024, 1 << int(n).bit_length())
        self.keys, self.owners = np.zeros(capacity, np.int64), np.full(capacity, -1, np.int32)
        self.hits, self.means = np.zeros(capacity, np.uint16), np.zeros((capacity, 3), np.float32)
        self.anchors = np.full(capacity, -1.0, np.float32)
        self.anchors[:n] = state.get("anchors", -1.0)
        self._links = np.full(capacity, -1, np.int32)
        self.keys[:n], self.owners[:n], self.hits[:n] = state["keys"], state["owners"], state["hits"]
        self.means[:n], self._links[:n] = state["means"], state["links"]
        self._heads, self._sizes = state["heads"], state["sizes"]
        self._votes = np.zeros(len(self._heads), np.int32)
        self._counters = np.array([n, state["free"], 0], np.int64)
        self._rehash(4 * capacity)

    def _reserve(self, owner: int, n_new: int) -> None:
        while owner >= len(self._heads):
            self._heads = np.concatenate([self._heads, np.full_like(self._heads, -1)])
            self._sizes = np.concatenate([self._sizes, np.zeros_like(self._sizes)])
            self._votes = np.zeros(len(self._heads), np.int32)
        while self._counters[0] + n_new > len(self.keys):
            self.keys = np.concatenate([self.keys, np.zeros_like(self.keys)])
            self.owners = np.concatenate([self.owners, np.full_like(self.owners, -1)])
            self.hits = np.concatenate([self.hits, np.zeros_like(self.hits)])
            self.means = np.concatenate([self.means, np.zeros_like(self.means)])
            self.anchors = np.concatenate([self.anchors, np.full_like(self.anchors, -1)])
            self._links = np.concatenate([self._links, np.full_like(self._links, -1)])
        if 2 * (self._counters[2] + n_new) > len(self._slots):
            self._rehash(4 * len(self.keys))

    def _rehash(self, n_slots: int) -> None:
        """A fresh table of slots without dead ones; O(all entries), so it happens rarely."""
        self._slots = np.full(n_slots, -1, np.int32)
        self._counters[2] = kernels.rehash(self._slots, self.keys, self.owners, int(self._counters[0]))
