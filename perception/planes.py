# SPDX-License-Identifier: Apache-2.0
"""Large flat surfaces seen so far, so that a corner of a table is still known for a part of the table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PARALLEL = 0.97
_LIMIT = 64  # planes remembered; the one unseen for longest makes room
_SAMPLES = 100  # points looked at in one component
_REACH_M = 0.1  # a plane goes on a little beyond what was seen of it
_PATIENCE = 20.0  # frames of weight a plane keeps; lets a slowly wrong pose correct it

# Columns of a row: normal . p = offset, within a box, map frame, metres; the weight of what was seen before.
_NORMAL, _OFFSET, _LOW, _HIGH, _WEIGHT = slice(0, 3), 3, slice(4, 7), slice(7, 10), 10
_N_COLUMNS = 11


class Planes:
    """Remembers planes in the map frame. All operations cost O(planes remembered), which are few."""

    def __init__(self) -> None:
        self._rows = np.zeros((0, _N_COLUMNS))  # the one seen last comes last

    def see(self, normal: NDArray[np.float64], points: NDArray[np.float64], tolerance_m: float) -> None:
        """A large plane was seen, with points (N, 3) on it."""
        center, low, high = points.mean(axis=0), points.min(axis=0), points.max(axis=0)
        rows = self._rows
        touching = ((low <= rows[:, _HIGH] + _REACH_M) & (rows[:, _LOW] - _REACH_M <= high)).all(axis=1)
        near = np.abs(rows[:, _NORMAL] @ center - rows[:, _OFFSET]) < 2 * tolerance_m
        same = np.flatnonzero(touching & near & (rows[:, _NORMAL] @ normal > _PARALLEL))
        new = np.concatenate([normal, [normal @ center], low, high, [1.0]])
        if len(same):
            new = _blend(rows[same[0]], new, center)
            rows = np.delete(rows, same[0], axis=0)
        self._rows = np.vstack([rows, new])[-_LIMIT:]

    def share_on(self, points: NDArray[np.float64], tolerance_m: float) -> float:
        """The largest share of points (N, 3) that lie on one known plane."""
        if not len(self._rows):
            return 0.0
        few = points[:: max(1, len(points) // _SAMPLES)]
        close = np.abs(few @ self._rows[:, _NORMAL].T - self._rows[:, _OFFSET]) <= tolerance_m
        low, high = self._rows[:, _LOW] - _REACH_M, self._rows[:, _HIGH] + _REACH_M
        for axis in range(3):
            column = few[:, axis, None]
            close &= (column >= low[:, axis]) & (column <= high[:, axis])
        return float(np.count_nonzero(close, axis=0).max()) / len(few)

    def rows(self) -> NDArray[np.float64]:
        """(n, 11) numbers from which `load` makes the same planes."""
        return self._rows

    def load(self, rows: NDArray[np.float64]) -> None:
        self._rows = rows


def _blend(old: NDArray[np.float64], new: NDArray[np.float64], center: NDArray[np.float64]) -> NDArray[np.float64]:
    """One row of two for the same plane, seen again with points around a centre."""
    weight = float(old[_WEIGHT])
    normal = weight * old[_NORMAL] + new[_NORMAL]
    normal /= np.linalg.norm(normal)
    offset = (weight * old[_OFFSET] + normal @ center) / (weight + 1.0)
    low, high = np.minimum(old[_LOW], new[_LOW]), np.maximum(old[_HIGH], new[_HIGH])
    return np.concatenate([normal, [offset], low, high, [min(weight + 1.0, _PATIENCE)]])
