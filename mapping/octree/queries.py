# SPDX-License-Identifier: Apache-2.0
"""Questions to the octree, answered wherever its regions lie: in RAM at once, else after bringing them.

A compiled loop answers what it can and names the regions that the rest needs; those are brought, as many as the budget
holds, and the rest is asked again. Lengths are voxels unless they are named in metres.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mapping.octree.blocks import Blocks
from mapping.octree.boxes import Pairs, count_boxes, fill_boxes, nearest_occupied
from mapping.octree.lookups import (
    ABSENT,
    MAX_BLOCK,
    Index,
    Ints,
    Longs,
    cast_rays,
    cells_at,
    regions_of_boxes,
    values_at,
)
from mapping.octree.paging import Paging

_CHUNK = 1 << 16  # items whose regions are looked up at once
_REGION_VOXELS = 64

Floats = NDArray[np.float64]
Look = Callable[[NDArray[np.generic], Index, NDArray[np.int8], Ints], int]


class Lookups(Protocol):
    """Another processor that has the voxels and answers many points or rays at once, see `mapping.gpu.lookups`."""

    def takes(self, n_items: int, n_regions: int) -> bool:
        """Whether so many items are worth the way there, with so many regions in the map."""
        ...

    def values_at(self, points: Any, per_metre: float, index: Index, values: Any, wanted: Ints) -> int:
        """As that of `mapping.octree.lookups`, but without voxels in the index."""
        ...

    def cast_rays(
        self, origins: Any, directions: Any, limit: float, index: Index, distances: Any, blocks: Longs, wanted: Ints
    ) -> int:
        """As that of `mapping.octree.lookups`, but without voxels in the index."""
        ...


class Queries:
    """Reads a map's blocks.

    Attributes:
        device: who answers instead where there is much to answer; None for nobody.
    """

    def __init__(self, blocks: Blocks, paging: Paging) -> None:
        self._blocks = blocks
        self._paging = paging
        self.device: Lookups | None = None

    def values(self, points: Floats, per_metre: float) -> NDArray[np.int8]:
        """(N,) log-odds steps at points (N, 3) in metres, -128 where unknown. O(N)."""

        def look(at: Any, index: Index, values: Any, wanted: Ints) -> int:
            device = self._device_for(len(at))
            if device is not None:
                return device.values_at(at, per_metre, index, values, wanted)
            return values_at(at, per_metre, self._blocks.fetched(), values, wanted)

        return self._look(points, look)

    def cells(self, cells: Longs, level: int) -> NDArray[np.int8]:
        """(N,) occupancy of cells (N, 3) of 2^level voxels. O(N * 8^min(level, 3))."""
        return self._look(
            cells, lambda at, _, values, wanted: cells_at(at, level, self._blocks.fetched(), values, wanted)
        )

    def _look(self, items: NDArray[np.generic], look: Look) -> NDArray[np.int8]:
        values, wanted = np.empty(len(items), np.int8), np.empty(len(items), np.int32)
        n_absent = look(items, self._blocks.index, values, wanted)
        while n_absent:
            self._paging.bring_some(wanted[:n_absent])
            rest = np.nonzero(values == ABSENT)[0]
            some = np.empty(len(rest), np.int8)
            n_absent = look(np.ascontiguousarray(items[rest]), self._blocks.index, some, wanted)
            values[rest] = some
        return values

    def rays(self, origins: Floats, directions: Floats, limit: float) -> Floats:
        """(N,) distance to the first occupied voxel from origins (N, 3) along unit directions (N, 3), else infinity."""
        inside = (np.abs(origins) < 8.0 * MAX_BLOCK).all(axis=1, keepdims=True)
        blocks = np.floor(np.where(inside, origins, 16.0 * MAX_BLOCK)).astype(np.int64) >> 3
        distances, wanted = np.zeros(len(origins)), np.empty(len(origins), np.int32)
        n_stopped = self._cast(origins, directions, limit, distances, blocks, wanted)
        while n_stopped:
            self._paging.bring_some(wanted[:n_stopped])
            rest = np.nonzero(distances < 0)[0]
            at, some = np.ascontiguousarray(blocks[rest]), -1 - distances[rest]
            n_stopped = self._cast(origins[rest], directions[rest], limit, some, at, wanted)
            distances[rest], blocks[rest] = some, at
        return distances

    def _cast(
        self, origins: Floats, directions: Floats, limit: float, distances: Floats, blocks: Longs, wanted: Ints
    ) -> int:
        device = self._device_for(len(origins))
        if device is not None:
            return device.cast_rays(origins, directions, limit, self._blocks.index, distances, blocks, wanted)
        return int(cast_rays(origins, directions, limit, self._blocks.fetched(), distances, blocks, wanted))

    def _device_for(self, n_items: int) -> Lookups | None:
        if self.device is not None and self.device.takes(n_items, self._blocks.n_regions):
            return self.device
        return None

    def dense(self, low: Longs, high: Longs) -> NDArray[np.int8]:
        """Occupancy of the voxels low .. high (3,). O(voxels)."""
        box = np.full(tuple(high - low + 1), -1, np.int8)
        for boxes, pairs, index in self._visit(np.concatenate([low, high])[None]):
            fill_boxes(boxes, pairs, index, box)
        return box

    def count(self, boxes: Longs, *, only_any: bool = False) -> Longs:
        """(N, 2) occupied and free voxels of boxes (N, 6), first and last voxel; with only_any just whether any is.

        O(regions in the boxes + voxels of the blocks that a box cuts).
        """
        totals = np.zeros((len(boxes), 2), np.int64)
        for first in range(0, len(boxes), _CHUNK):
            for some, pairs, index in self._visit(boxes[first : first + _CHUNK]):
                count_boxes(some, pairs, index, only_any, totals[first : first + _CHUNK])
        return totals

    def distances(self, points: Floats, limit: float) -> Floats:
        """(N,) distance of points (N, 3) from the nearest occupied voxel, infinity beyond the limit.

        O(N * regions within the limit); blocks and voxels are looked at only where they can be nearer.
        """
        squares = np.full(len(points), limit * limit)
        for first in range(0, len(points), _CHUNK):
            part = points[first : first + _CHUNK]
            around = np.hstack([part - limit, part + limit])
            boxes = np.clip(np.floor(around), -8 * MAX_BLOCK, 8 * MAX_BLOCK).astype(np.int64)
            for _, pairs, index in self._visit(boxes, occupied=True):
                nearest_occupied(part, pairs, index, squares[first : first + _CHUNK])
        return np.where(squares < limit * limit, np.sqrt(squares), np.inf)

    def occupied_in(self, low: Longs, high: Longs) -> Longs:
        """(N, 3) occupied voxels within low .. high (3,), x first. O(voxels of the regions it reaches into)."""
        found = [np.zeros((0, 3), np.int64)]
        for _, pairs, _ in self._visit(np.concatenate([low, high])[None], occupied=True):
            for number in pairs.numbers.tolist():
                first = np.maximum(low, self._blocks.corners[number] * _REGION_VOXELS)
                last = np.minimum(high, self._blocks.corners[number] * _REGION_VOXELS + _REGION_VOXELS - 1)
                found.append(np.argwhere(self.dense(first, last) == 1) + first)
        voxels = np.concatenate(found)
        return voxels[np.lexsort(voxels.T[::-1])]

    def _visit(self, boxes: Longs, *, occupied: bool = False) -> Iterator[tuple[Longs, Pairs, Index]]:
        """Pairs of a box and a region it reaches into, in as many parts as the regions must be brought in."""
        blocks = self._blocks
        of_box, numbers = self._pairs(boxes)
        if occupied:
            keep = blocks.index.counts[numbers, 0] > 0
            of_box, numbers = of_box[keep], numbers[keep]
        while True:
            ready = blocks.index.slots[numbers] >= 0
            if ready.all():
                yield boxes, Pairs(of_box, numbers, blocks.corners), blocks.fetched()
                return
            yield boxes, Pairs(of_box[ready], numbers[ready], blocks.corners), blocks.fetched()
            of_box, numbers = of_box[~ready], numbers[~ready]
            self._paging.bring_some(numbers)

    def _pairs(self, boxes: Longs) -> tuple[Ints, Ints]:
        low, high = self._blocks.low * _REGION_VOXELS, (self._blocks.high + 1) * _REGION_VOXELS - 1
        clipped = np.hstack([np.maximum(boxes[:, :3], low), np.minimum(boxes[:, 3:], high)])
        n = 8 * len(boxes)
        while True:
            of_box, found = np.empty(n, np.int32), np.empty(n, np.int32)
            needed = regions_of_boxes(clipped, self._blocks.index, of_box, found)
            if needed <= n:
                return of_box[:needed], found[:needed]
            n = needed
