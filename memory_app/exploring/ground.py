# SPDX-License-Identifier: Apache-2.0
"""The floor as a robot knows it: where it is free, blocked or unseen, and the ways over what is free."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt

from memory_app.exploring.settings import ExplorationSettings
from memory_app.exploring.ways import Cell, corners, spread, trace

Point2 = tuple[float, float]

UNSEEN, FREE, BLOCKED = 0, 1, 2
_TRODDEN, _BUMPED = 1, 2
_MARGIN_CELLS = 80  # by which the grid grows when the robot sees beyond it
_SEEN_SHARE = 0.5  # of a column that must be known free
_STANDING_M = 1.2  # of the column above the floor; what is higher is often out of view
_TIGHT = 6.0  # what a metre right beside an obstacle costs
_SLACK_M = 0.03
_HERE_M = 0.3  # the robot stands here, whatever the map says
_BLIND_M = 0.7  # nearer than this its camera looks over the floor
_AT_GOAL_M = 0.3
_BUMP_M = 0.12


class Columns(Protocol):
    """What of an octree is asked."""

    @property
    def voxel_size_m(self) -> float: ...

    def dense(self, minimum: ArrayLike, maximum: ArrayLike) -> NDArray[np.int8]: ...


@dataclass(frozen=True, eq=False, slots=True)
class Ways:
    """The ways from one point to everywhere."""

    costs: NDArray[np.float32]
    totals: NDArray[np.float64]
    before: NDArray[np.int32]
    origin: Cell
    cell_m: float

    def cost_m(self, goal: Point2) -> float:
        """Metres to a point or right beside it, more along obstacles; infinite where no way leads."""
        end = self._end(goal)
        return math.inf if end is None else float(self.totals[end]) * self.cell_m

    def to(self, goal: Point2) -> list[Point2]:
        """Corners of the way to a point or right beside it, without its start; empty when there is none."""
        end = self._end(goal)
        if end is None:
            return []
        cells = trace(self.before, self.costs.shape[1], end)
        return [self._point(cell) for cell in corners(cells, self.costs)]

    def _end(self, goal: Point2) -> int | None:
        """The reached cell nearest to a goal, as a flat index."""
        nx, ny = self.costs.shape
        x, y = (math.floor(goal[axis] / self.cell_m) - self.origin[axis] for axis in (0, 1))
        reach = math.ceil(_AT_GOAL_M / self.cell_m)
        low_x, low_y = max(0, x - reach), max(0, y - reach)
        part = self.totals.reshape(nx, ny)[low_x : max(0, x + reach + 1), low_y : max(0, y + reach + 1)]
        reached = np.argwhere(np.isfinite(part))
        if not len(reached):
            return None
        away = ((reached + np.array([low_x - x, low_y - y])) ** 2).sum(axis=1)
        i, j = reached[np.argmin(away)]
        return int((i + low_x) * ny + j + low_y)

    def _point(self, cell: Cell) -> Point2:
        return ((cell[0] + self.origin[0] + 0.5) * self.cell_m, (cell[1] + self.origin[1] + 0.5) * self.cell_m)


class Ground:
    """A grid of the floor that follows an octree around the robot. Grows with what is seen."""

    def __init__(self, settings: ExplorationSettings, cell_m: float) -> None:
        self._settings, self.cell_m = settings, cell_m
        self._origin: Cell = (0, 0)
        self.cells = np.zeros((0, 0), np.uint8)
        self._marks = np.zeros((0, 0), np.uint8)

    def look(self, octree: Columns, around: Point2, reach_m: float, floor_z: float) -> None:
        """Follow the octree in a square around a point. O(square)."""
        low = self._cell((around[0] - reach_m, around[1] - reach_m))
        high = self._cell((around[0] + reach_m, around[1] + reach_m))
        self._grow(low, high)
        half = self.cell_m / 2
        bottom, top = floor_z + self._settings.lowest_obstacle_m + half, floor_z + self._settings.robot_height_m - half
        box = octree.dense(
            [low[0] * self.cell_m + half, low[1] * self.cell_m + half, bottom],
            [high[0] * self.cell_m + half, high[1] * self.cell_m + half, top],
        )
        n_standing = max(1, round((_STANDING_M - self._settings.lowest_obstacle_m) / self.cell_m))
        seen = (box[:, :, :n_standing] == 0).mean(axis=2) >= _SEEN_SHARE
        kinds = np.where((box == 1).any(axis=2), BLOCKED, np.where(seen, FREE, UNSEEN)).astype(np.uint8)
        self.cells[self._slices(low, kinds.shape)] = kinds

    def put(self, low: Cell, kinds: NDArray[np.uint8]) -> None:
        """Take over (nx, ny) cells, each UNSEEN, FREE or BLOCKED, from another map; `low` is the first of them."""
        self._grow(low, (low[0] + kinds.shape[0] - 1, low[1] + kinds.shape[1] - 1))
        self.cells[self._slices(low, kinds.shape)] = kinds

    def tread(self, point: Point2) -> None:
        """The robot stands here, so it is free."""
        self._mark(_TRODDEN, point, self._settings.robot_radius_m)

    def bump(self, point: Point2) -> None:
        """The robot could not get here, whatever it sees."""
        self._mark(_BUMPED, point, _BUMP_M)

    def is_free(self, point: Point2) -> bool:
        """Whether a point is known to be free floor."""
        i, j = self._index(self._cell(point))
        inside = 0 <= i < self.cells.shape[0] and 0 <= j < self.cells.shape[1]
        return inside and bool(self.cells[i, j] == FREE or self._marks[i, j] & _TRODDEN)

    def ways(self, start: Point2) -> Ways:
        """The ways over known free floor from a point to everywhere. O(cells log cells)."""
        cell = self._cell(start)
        self._grow(cell, cell)
        x, y = self._index(cell)
        costs = self._costs(x, y)
        totals, before = spread(costs, x * costs.shape[1] + y)
        return Ways(costs, totals, before, self._origin, self.cell_m)

    def _costs(self, x: int, y: int) -> NDArray[np.float32]:
        """(nx, ny) cost of a metre; infinite where the robot does not fit or nothing is known."""
        radius, comfort = self._settings.robot_radius_m, self._settings.comfort_m
        clear_m = np.full(self.cells.shape, 10.0)
        if (self.cells == BLOCKED).any():
            clear_m = (distance_transform_edt(self.cells != BLOCKED) - 0.5) * self.cell_m
        i, j = np.ogrid[: self.cells.shape[0], : self.cells.shape[1]]
        away_m = np.hypot(i - x, j - y) * self.cell_m
        known = (self.cells == FREE) | (self._marks & _TRODDEN > 0) | (away_m <= _BLIND_M)
        needed_m = np.where(away_m <= _HERE_M, radius / 2, radius - _SLACK_M)
        fits = known & (clear_m >= needed_m) & (self._marks & _BUMPED == 0)
        fits[x, y] = True
        tight = np.clip((comfort - clear_m) / max(comfort - radius, 1e-6), 0, 1)
        return np.where(fits, 1.0 + (_TIGHT - 1.0) * tight**2, np.inf).astype(np.float32)

    def _mark(self, mark: int, point: Point2, radius_m: float) -> None:
        x, y = self._cell(point)
        reach = math.ceil(radius_m / self.cell_m)
        low = (x - reach, y - reach)
        self._grow(low, (x + reach, y + reach))
        i, j = np.ogrid[-reach : reach + 1, -reach : reach + 1]
        disc = (i**2 + j**2) * self.cell_m**2 <= radius_m**2
        self._marks[self._slices(low, disc.shape)] |= (disc * mark).astype(np.uint8)

    def _cell(self, point: Point2) -> Cell:
        return (math.floor(point[0] / self.cell_m), math.floor(point[1] / self.cell_m))

    def _index(self, cell: Cell) -> Cell:
        return (cell[0] - self._origin[0], cell[1] - self._origin[1])

    def _slices(self, low: Cell, shape: tuple[int, ...]) -> tuple[slice, slice]:
        i, j = self._index(low)
        return (slice(i, i + shape[0]), slice(j, j + shape[1]))

    def _grow(self, low: Cell, high: Cell) -> None:
        """Hold all cells from low to high."""
        nx, ny = self.cells.shape
        if nx == 0:
            self._origin = low
        first, last = self._index(low), self._index(high)
        before = [_MARGIN_CELLS - first[k] if first[k] < 0 else 0 for k in (0, 1)]
        after = [last[k] - n + 1 + _MARGIN_CELLS if last[k] >= n else 0 for k, n in ((0, nx), (1, ny))]
        if any(before) or any(after):
            width = ((before[0], after[0]), (before[1], after[1]))
            self.cells, self._marks = np.pad(self.cells, width), np.pad(self._marks, width)
            self._origin = (self._origin[0] - before[0], self._origin[1] - before[1])
