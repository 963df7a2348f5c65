# SPDX-License-Identifier: Apache-2.0
"""Which points are near: points with a number, in square cells of the floor plan."""

from __future__ import annotations

import math
from collections.abc import Iterator

Point = tuple[float, float, float]


class PointIndex:
    """Numbered points that come, go and move. O(1) each.

    Args:
        cell_m: side of a cell, metres; about the distance that is asked for.
    """

    def __init__(self, cell_m: float) -> None:
        self._cell_m = cell_m
        self._points: dict[int, Point] = {}
        self._cells: dict[tuple[int, int], dict[int, None]] = {}

    def put(self, number: int, point: Point) -> None:
        """Add a point, or move it."""
        self.discard(number)
        self._points[number] = point
        self._cells.setdefault(self._cell(point), {})[number] = None

    def discard(self, number: int) -> None:
        """Remove a point if it is there."""
        if number in self._points:
            cell = self._cell(self._points.pop(number))
            del self._cells[cell][number]
            if not self._cells[cell]:
                del self._cells[cell]

    def within(self, point: Point, radius_m: float) -> Iterator[tuple[int, float]]:
        """(number, metres) of all points at most `radius_m` away. O(cells and points that near)."""
        reach = math.ceil(radius_m / self._cell_m)
        for number in self._in_square(self._cell(point), reach):
            metres = math.dist(point, self._points[number])
            if metres <= radius_m:
                yield number, metres

    def nearest(self, point: Point) -> int | None:
        """The number of the nearest point, the smallest of several; None when there are none.

        O(points in its neighbourhood); O(points) when the point is far from all of them.
        """
        reach = 1
        while reach * reach <= len(self._cells):
            found = min(((metres, number) for number, metres in self.within(point, reach * self._cell_m)), default=None)
            if found:
                return found[1]
            reach *= 2
        return min(((math.dist(point, at), number) for number, at in self._points.items()), default=(0.0, None))[1]

    def _cell(self, point: Point) -> tuple[int, int]:
        return math.floor(point[0] / self._cell_m), math.floor(point[1] / self._cell_m)

    def _in_square(self, middle: tuple[int, int], reach: int) -> Iterator[int]:
        for x in range(middle[0] - reach, middle[0] + reach + 1):
            for y in range(middle[1] - reach, middle[1] + reach + 1):
                yield from self._cells.get((x, y), ())
