# SPDX-License-Identifier: Apache-2.0
"""Distances on the floor to walls and furniture, looked for nearby first so that a large building costs no more."""

from __future__ import annotations

import numpy as np

from memory_core.geometry import Vec
from sim.house.geometry2d import distance_to_rectangles, distance_to_segments

_BLOCK_M = 2.0
_NEARBY_M = 1.5


class Obstacles:
    """Segments and oriented rectangles on the floor."""

    def __init__(self, starts: Vec, ends: Vec, centers: Vec, axes: Vec, halves: Vec) -> None:
        """
        Args:
            starts, ends: (S, 2) of segments.
            centers, axes, halves: (R, 2), (R, 2, 2) and (R, 2), as distance_to_rectangles wants them.
        """
        self._segments = (starts, ends)
        self._rectangles = (centers, axes, halves)
        reach = np.einsum("mij,mi->mj", np.abs(axes), halves)
        self._segment_bounds = (np.minimum(starts, ends), np.maximum(starts, ends))
        self._rectangle_bounds = (centers - reach, centers + reach)

    def distance_m(self, points: Vec) -> Vec:
        """(N,) from points (N, 2) to the nearest obstacle, infinity without any; O(N x obstacles nearby + obstacles).

        Points far from everything cost O(obstacles) each.
        """
        distance = np.empty(len(points))
        blocks = np.floor(points / _BLOCK_M).astype(np.int64)
        order = np.lexsort(blocks.T)
        ends = np.flatnonzero(np.any(np.diff(blocks[order], axis=0) != 0, axis=1)) + 1
        for rows in np.split(order, ends):
            if len(rows):
                distance[rows] = self._in_block(points[rows])
        return distance

    def _in_block(self, points: Vec) -> Vec:
        low, high = points.min(axis=0) - _NEARBY_M, points.max(axis=0) + _NEARBY_M
        near = [((b[0] <= high) & (b[1] >= low)).all(axis=1) for b in (self._segment_bounds, self._rectangle_bounds)]
        segments, rectangles = (a[near[0]] for a in self._segments), (a[near[1]] for a in self._rectangles)
        distance = np.minimum(distance_to_segments(points, *segments), distance_to_rectangles(points, *rectangles))
        far = distance > _NEARBY_M
        if far.any():
            everywhere = distance_to_rectangles(points[far], *self._rectangles)
            distance[far] = np.minimum(distance_to_segments(points[far], *self._segments), everywhere)
        return distance
