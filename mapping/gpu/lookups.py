# SPDX-License-Identifier: Apache-2.0
"""Many points or rays at once, answered on the device where the voxels are."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from mapping.gpu import lookup_kernels as kernels
from mapping.gpu.mirror import Mirror
from mapping.octree.lookups import Index, Ints, Longs

_FEWEST = 1 << 14  # items below which the way to the device and back takes longer than the answer here
_REGION_SHARE = 16  # items for each region, so that sending the regions' records is O(items)


class DeviceLookups:
    """Stands in for `values_at` and `cast_rays` of `mapping.octree.lookups`; the answers are the same, bit for bit."""

    def __init__(self, device: str, mirror: Mirror) -> None:
        self._device = device
        self._mirror = mirror

    def takes(self, n_items: int, n_regions: int) -> bool:
        """Whether so many items are answered here, with so many regions in the map."""
        return n_items >= max(_FEWEST, _REGION_SHARE * n_regions)

    def values_at(
        self, points: NDArray[Any], per_metre: float, index: Index, values: NDArray[np.int8], wanted: Ints
    ) -> int:
        """As `mapping.octree.lookups.values_at`. O(N + regions)."""
        there = wp.empty(len(points), dtype=wp.int8, device=self._device)
        needed, n_needed = self._room(len(points))
        inputs = [self._sent(points, wp.float64), per_metre, self._index(index), there, needed, n_needed]
        wp.launch(kernels.values_at, len(points), inputs, device=self._device)
        values[:] = there.numpy()
        return _take(needed, n_needed, wanted)

    def cast_rays(
        self, origins: NDArray[Any], directions: NDArray[Any], limit: float, index: Index, distances: NDArray[Any],
        blocks: Longs, wanted: Ints,
    ) -> int:  # fmt: skip
        """As `mapping.octree.lookups.cast_rays`. O(N * range + regions)."""
        there, at = self._sent(distances, wp.float64), self._sent(blocks, wp.int64)
        needed, n_needed = self._room(len(origins))
        rays = [self._sent(origins, wp.float64), self._sent(directions, wp.float64), limit]
        inputs = [*rays, self._index(index), there, at, needed, n_needed]
        wp.launch(kernels.cast_rays, len(origins), inputs, device=self._device)
        distances[:] = there.numpy()
        n = _take(needed, n_needed, wanted)
        if n:
            blocks[:] = at.numpy()
        return n

    def _index(self, index: Index) -> Any:
        """The regions' records as they are now, and the voxels that the device did not have yet."""
        self._mirror.upload_all()
        n_slots = int(index.slots.max(initial=-1)) + 1
        there = kernels.Index()
        there.places, there.numbers = self._sent(index.places, wp.int64), self._sent(index.numbers, wp.int32)
        there.slots = self._sent(index.slots, wp.int32)
        there.children = self._sent(index.children[: max(n_slots, 1)], wp.int32)
        there.occupied = self._sent(index.counts[:, 0].astype(np.int32), wp.int32)
        there.voxels = self._mirror.twins[0]
        return there

    def _room(self, n: int) -> tuple[Any, Any]:
        return wp.empty(n, dtype=wp.int32, device=self._device), wp.zeros(1, dtype=wp.int32, device=self._device)

    def _sent(self, array: NDArray[Any], kind: Any) -> Any:
        return wp.array(np.ascontiguousarray(array), dtype=kind, device=self._device)


def _take(needed: Any, n_needed: Any, wanted: Ints) -> int:
    """Numbers of the regions that are needed, in the order of regions."""
    n = int(n_needed.numpy()[0])
    if n:
        wanted[:n] = np.sort(needed[:n].numpy())
    return n
