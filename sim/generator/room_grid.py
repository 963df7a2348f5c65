# SPDX-License-Identifier: Apache-2.0
"""Which floor of a room is free, on a fine grid: what stands where, and whether a robot still gets about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sim.generator.plan import PlannedRoom

CELL_M = 0.05
# A robot 0.4 m wide on a lattice of 0.25 m surely gets through where its centre has 0.25 m to choose from.
_WAY_RADIUS_M = 0.2 + 0.125 + 0.03
Rect = tuple[float, float, float, float]


class RoomGrid:
    """The floor of one room. Rectangles are (x0, z0, x1, z1), metres on the plan."""

    def __init__(self, room: PlannedRoom) -> None:
        corners = np.array(room.corners) / 10
        self.low, self.high = corners.min(axis=0), corners.max(axis=0)
        shape = np.round((self.high - self.low) / CELL_M).astype(int)
        centers = [self.low[k] + (np.arange(shape[k]) + 0.5) * CELL_M for k in (0, 1)]
        self.inside = _inside(corners, *np.meshgrid(*centers, indexing="ij"))
        self._stands = np.zeros(self.inside.shape, bool)
        self._kept_free = np.zeros(self.inside.shape, bool)
        self._gates: list[tuple[float, float]] = []
        self._zones: list[Rect] = []

    def keep_free(self, rect: Rect, gate: tuple[float, float] | None = None) -> None:
        """Nothing may stand here; a `gate` is a point (x, z) of it that must stay joined with all other gates."""
        self._kept_free[self._cells(rect)] = True
        if gate is not None:
            self._gates.append(gate)

    def fits(self, rect: Rect, clear: Sequence[Rect] = ()) -> bool:
        """Whether something can stand on `rect` while nothing stands on the rectangles of `clear`; O(their cells)."""
        cells = self._cells(rect)
        if not self._within(rect) or (~self.inside | self._stands | self._kept_free)[cells].any():
            return False
        return all(self._within(c) and not (~self.inside | self._stands)[self._cells(c)].any() for c in clear)

    def leaves_ways(self, rects: Sequence[Rect], clear: Sequence[Rect]) -> bool:
        """Whether a robot could still walk between all gates and to all of `clear` if things stood on `rects`.

        O(cells of the room).
        """
        blocked = self._stands.copy()
        for rect in rects:
            blocked[self._cells(rect)] = True
        walkable = self._walkable(blocked)
        labels, n_labels = ndimage.label(walkable)
        wanted = [{int(labels[self._cell(*gate)])} for gate in self._gates]
        wanted += [set(np.unique(labels[self._cells(rect)]).tolist()) - {0} for rect in (*self._zones, *clear)]
        common = set(range(1, n_labels + 1)).intersection(*wanted) if wanted else set(range(1, n_labels + 1))
        return bool(common - {0})

    def place(self, rect: Rect, clear: Sequence[Rect] = ()) -> None:
        """Something stands on `rect` from now on, and `clear` stays free."""
        self._stands[self._cells(rect)] = True
        for free in clear:
            self._kept_free[self._cells(free)] = True
            self._zones.append(free)

    def floor_m2(self) -> float:
        return float(self.inside.sum()) * CELL_M**2

    def free_share(self) -> float:
        """Share of the floor on which nothing stands."""
        return float((self.inside & ~self._stands).sum() / self.inside.sum())

    def standing_point(self) -> tuple[float, float]:
        """The point (x, z) of the floor farthest from everything."""
        distance = ndimage.distance_transform_edt(np.pad(self.inside & ~self._stands, 1))[1:-1, 1:-1]
        i, j = np.unravel_index(int(np.argmax(distance)), distance.shape)
        return float(self.low[0] + (i + 0.5) * CELL_M), float(self.low[1] + (j + 0.5) * CELL_M)

    def _walkable(self, blocked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        distance = ndimage.distance_transform_edt(np.pad(self.inside & ~blocked, 1))
        return np.asarray(distance[1:-1, 1:-1] * CELL_M - CELL_M / 2 >= _WAY_RADIUS_M)

    def _within(self, rect: Rect) -> bool:
        x0, z0, x1, z1 = rect
        low, high = self.low - 1e-9, self.high + 1e-9
        return bool(x0 >= low[0] and z0 >= low[1] and x1 <= high[0] and z1 <= high[1])

    def _cells(self, rect: Rect) -> tuple[slice, slice]:
        """The cells a rectangle touches by more than a millimetre."""
        low = np.floor((np.array(rect[:2]) - self.low + 1e-3) / CELL_M).astype(int)
        high = np.ceil((np.array(rect[2:]) - self.low - 1e-3) / CELL_M).astype(int)
        low, high = np.maximum(low, 0), np.maximum(high, 0)
        return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))

    def _cell(self, x: float, z: float) -> tuple[int, int]:
        i, j = np.floor((np.array([x, z]) - self.low) / CELL_M).astype(int)
        return int(np.clip(i, 0, self.inside.shape[0] - 1)), int(np.clip(j, 0, self.inside.shape[1] - 1))


def _inside(corners: NDArray[np.float64], x: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points lie in a polygon whose sides run along x or z: an odd number of its walls is to their left."""
    inside = np.zeros(x.shape, bool)
    for (xa, za), (xb, zb) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if xa == xb:
            inside ^= (x > xa) & (z > min(za, zb)) & (z < max(za, zb))
    return inside
