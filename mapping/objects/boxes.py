# SPDX-License-Identifier: Apache-2.0
"""Boxes that grow and move, and a grid that finds the boxes near a box."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_core.geometry import Box

_LITTLE_TURNED = 1.0 + 2.0 * math.cos(math.radians(30.0))


def largest_shift_m(a: Box, b: Box) -> float:
    """How far any face of one box is from that of the other."""
    low = np.abs(np.subtract(a.minimum, b.minimum)).max()
    return float(max(low, np.abs(np.subtract(a.maximum, b.maximum)).max()))


def union(a: Box, b: Box) -> Box:
    """The box around two boxes."""
    low = (min(a.minimum[0], b.minimum[0]), min(a.minimum[1], b.minimum[1]), min(a.minimum[2], b.minimum[2]))
    high = (max(a.maximum[0], b.maximum[0]), max(a.maximum[1], b.maximum[1]), max(a.maximum[2], b.maximum[2]))
    return Box(low, high)


def moved_box(box: Box, T: NDArray[np.float64]) -> Box:
    """A box moved by a transform (4, 4); one turned by little keeps its size, or it would grow with every turn."""
    center = T[:3, :3] @ np.asarray(box.center) + T[:3, 3]
    turn = np.abs(T[:3, :3])
    size = np.asarray(box.size)
    return Box.of(center, size if np.trace(turn) >= _LITTLE_TURNED else turn @ size)


@dataclass
class BoxGrid:
    """Finds boxes near a box by the columns of a horizontal grid they stand in.

    `put`, `drop` and `near` cost O(columns covered), whatever the number of boxes elsewhere.
    """

    cell_m: float = 1.0
    _columns: dict[tuple[int, int], dict[int, None]] = field(default_factory=dict)
    _covered: dict[int, tuple[int, int, int, int]] = field(default_factory=dict)
    _boxes: dict[int, Box] = field(default_factory=dict)

    def put(self, key: int, box: Box) -> None:
        """Add a box, or move it."""
        covered = self._cover(box, 0.0)
        if self._covered.get(key) == covered:
            self._boxes[key] = box
            return
        self.drop(key)
        self._boxes[key], self._covered[key] = box, covered
        for column in _cells(covered):
            self._columns.setdefault(column, {})[key] = None

    def drop(self, key: int) -> None:
        self._boxes.pop(key, None)
        for column in _cells(self._covered.pop(key, (0, -1, 0, -1))):
            inhabitants = self._columns[column]
            del inhabitants[key]
            if not inhabitants:
                del self._columns[column]

    def near(self, box: Box, margin_m: float) -> list[int]:
        """Keys of the boxes that a grown box touches, in order of the keys."""
        found: set[int] = set()
        for column in _cells(self._cover(box, margin_m)):
            found.update(self._columns.get(column, ()))
        return sorted(key for key in found if _touch(self._boxes[key], box, margin_m))

    def _cover(self, box: Box, margin_m: float) -> tuple[int, int, int, int]:
        low_x, low_y = (math.floor((v - margin_m) / self.cell_m) for v in box.minimum[:2])
        high_x, high_y = (math.floor((v + margin_m) / self.cell_m) for v in box.maximum[:2])
        return low_x, high_x, low_y, high_y


def _touch(a: Box, b: Box, margin_m: float) -> bool:
    return all(a.minimum[i] - margin_m <= b.maximum[i] and b.minimum[i] - margin_m <= a.maximum[i] for i in range(3))


def _cells(covered: tuple[int, int, int, int]) -> list[tuple[int, int]]:
    low_x, high_x, low_y, high_y = covered
    return [(x, y) for x in range(low_x, high_x + 1) for y in range(low_y, high_y + 1)]
