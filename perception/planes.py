# SPDX-License-Identifier: Apache-2.0
"""Large flat surfaces seen so far, so that a corner of a table is still known for a part of the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_PARALLEL = 0.97
_LIMIT = 64  # planes remembered; the one unseen for longest makes room
_SAMPLES = 100  # points looked at in one component
_REACH_M = 0.1  # a plane goes on a little beyond what was seen of it
_PATIENCE = 20.0  # frames of weight a plane keeps; lets a slowly wrong pose correct it


@dataclass
class Plane:
    """normal . p = offset within a box, map frame, metres."""

    normal: NDArray[np.float64]
    offset: float
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    weight: float = 1.0


class Planes:
    """Remembers planes in the map frame. All operations cost O(planes remembered), which are few."""

    def __init__(self) -> None:
        self._planes: list[Plane] = []  # the one seen last comes last

    def see(self, normal: NDArray[np.float64], points: NDArray[np.float64], tolerance_m: float) -> None:
        """A large plane was seen, with points (N, 3) on it."""
        center, low, high = points.mean(axis=0), points.min(axis=0), points.max(axis=0)
        for index, plane in enumerate(self._planes):
            touching = bool((low <= plane.maximum + _REACH_M).all() and (plane.minimum - _REACH_M <= high).all())
            off_m = abs(float(plane.normal @ center) - plane.offset)
            if touching and float(plane.normal @ normal) > _PARALLEL and off_m < 2 * tolerance_m:
                self._planes.append(_blend(self._planes.pop(index), normal, center, low, high))
                return
        self._planes.append(Plane(normal, float(normal @ center), low, high))
        del self._planes[:-_LIMIT]

    def share_on(self, points: NDArray[np.float64], tolerance_m: float) -> float:
        """The largest share of points (N, 3) that lie on one known plane."""
        points = points[:: max(1, len(points) // _SAMPLES)]
        best = 0.0
        for plane in self._planes:
            close = np.abs(points @ plane.normal - plane.offset) <= tolerance_m
            inside = ((points >= plane.minimum - _REACH_M) & (points <= plane.maximum + _REACH_M)).all(axis=1)
            best = max(best, float(np.count_nonzero(close & inside)) / len(points))
        return best

    def rows(self) -> NDArray[np.float64]:
        """(n, 11) numbers from which `load` makes the same planes."""
        rows = [np.concatenate([p.normal, [p.offset], p.minimum, p.maximum, [p.weight]]) for p in self._planes]
        return np.array(rows, np.float64).reshape(-1, 11)

    def load(self, rows: NDArray[np.float64]) -> None:
        self._planes = [
            Plane(row[:3].copy(), float(row[3]), row[4:7].copy(), row[7:10].copy(), float(row[10])) for row in rows
        ]


def _blend(
    plane: Plane,
    normal: NDArray[np.float64],
    center: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> Plane:
    weight = plane.weight
    mixed = weight * plane.normal + normal
    mixed /= np.linalg.norm(mixed)
    offset = (weight * plane.offset + float(normal @ center)) / (weight + 1.0)
    return Plane(
        mixed, offset, np.minimum(plane.minimum, low), np.maximum(plane.maximum, high), min(weight + 1.0, _PATIENCE)
    )
