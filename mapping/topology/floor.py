# SPDX-License-Identifier: Apache-2.0
"""One storey with its places and rooms: numbers that stay with a thing while the storey is explored further."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mapping.topology.free_space import (
    BLOCKED,
    OPEN,
    Columns,
    Grid,
    Mask,
    Storey,
    clearance_cells,
    pack_runs,
    unpack_runs,
)
from mapping.topology.open_plan import Content, part_open_plans
from mapping.topology.partition import Labels, Necks, partition, unfurnished, wall_clearance
from mapping.topology.places import cover, parts, spread
from memory_core.geometry import Box
from memory_core.graph import Instance
from memory_core.segment import UNLABELLED

Cell = tuple[int, int]
Point = tuple[float, float, float]
T = TypeVar("T", bound=np.generic)

_NEAR_M = 1.5  # farther from any room a point belongs to none
_BEHIND_WALL_M = 0.5  # what a wall in between adds to a distance
_RINGS_M = (0.0, 0.1, 0.2, 0.3, 0.5)
_ENOUGH_CELLS = 4
_ROOM_HEIGHT_M = 2.5  # ceilings are seldom seen


@dataclass(frozen=True, slots=True)
class Rules:
    """How places and rooms are found; metres and square metres, see TopologySettings."""

    robot_radius_m: float
    reach_m: float
    least_gain_m2: float
    least_pocket_m2: float
    necks: Necks


@dataclass
class Numbers:
    """The last numbers given to a place and to a room, over all storeys."""

    places: int = 0
    rooms: int = 0

    def new_place(self) -> int:
        self.places += 1
        return self.places

    def new_room(self) -> int:
        self.rooms += 1
        return self.rooms


class Floor:
    """Places and rooms of a storey.

    `numbers`, `cells` (map cells), `radii` (metres) and `place_rooms` list the places, `links` pairs of indices into
    them; `owner` and `room_of` are (nx, ny) over `grid`: index of a place or -1, number of a room or 0.
    """

    def __init__(self, storey: Storey) -> None:
        self.storey = storey
        self.grid = storey.grid()
        self.numbers: list[int] = []
        self.cells: list[Cell] = []
        self.links: list[tuple[int, int]] = []
        self.radii: list[float] = []
        self.owner: NDArray[np.int32] = np.zeros(self.grid.drive.shape, np.int32)
        self.place_rooms = np.zeros(0, np.int32)
        self.room_of: Labels = np.zeros(self.grid.drive.shape, np.int32)

    def update(self, octree: Columns, rules: Rules, things: Sequence[Instance], numbers: Numbers) -> bool:
        """Follow the octree and the things on this storey; False if no camera looked here since the last time.

        O(columns looked at) for reading, O(area of the storey) for the rest.
        """
        if not self.storey.refresh(octree):
            return False
        before, self.grid = self.grid, self.storey.grid()
        fits = self._find_places(rules, max(1, round(rules.least_gain_m2 / self.grid.voxel_size_m**2)))
        self.numbers += [numbers.new_place() for _ in range(len(self.cells) - len(self.numbers))]
        earlier = self._moved(self.room_of, before)
        named = [thing.box for thing in things if thing.label != UNLABELLED]  # what has no name may be a piece of wall
        labels = partition(unfurnished(self.grid, named), fits, rules.necks)
        labels = part_open_plans(labels, earlier, self._contents(things, labels), self.grid.voxel_size_m)
        self.room_of = _renumber(labels, earlier, numbers.new_room)
        self._house_places()
        return True

    def _find_places(self, rules: Rules, least_gain: int) -> Mask:
        """Keep the places where the robot still fits, add those that are missing; where the robot fits."""
        per_m = 1.0 / self.grid.voxel_size_m
        clearance = clearance_cells(self.grid.drive != OPEN)
        fits = parts(clearance - 0.5 >= rules.robot_radius_m * per_m - 1e-6, round(rules.least_pocket_m2 * per_m**2))
        self._keep(fits)
        found = cover(fits, clearance, round(rules.reach_m * per_m), [self._element(c) for c in self.cells], least_gain)
        origin = self.grid.origin
        self.cells = [(i + origin[0], j + origin[1]) for i, j in found.cells]
        self.links, self.owner = found.links, spread(found, self.grid.drive == OPEN)
        self.radii = [(float(found.clearance[cell]) - 0.5) * self.grid.voxel_size_m for cell in found.cells]
        return fits

    def _contents(self, things: Sequence[Instance], labels: Labels) -> list[Content]:
        """Each thing at the cell of its room that is nearest to its middle."""
        contents: list[Content] = []
        for thing in things:
            room = self._label_around(labels, thing.box)
            cell = self.grid.cell(thing.box.center[0], thing.box.center[1])
            near = _nearest(labels, room, cell, round(_NEAR_M / self.grid.voxel_size_m)) if room else None
            if near is not None:
                contents.append(Content(near, thing.label, thing.confidence))
        return contents

    def _house_places(self) -> None:
        rooms = [self.room_at(*self.grid.center(*self._element(cell))) for cell in self.cells]
        self.place_rooms = np.array(rooms, np.int32)

    def state(self) -> dict[str, Any]:
        """Values for `memory_core.packing.pack`, the storey's among them."""
        cells = np.array(self.cells, np.int32).reshape(-1, 2)
        return {**self.storey.state(), "numbers": self.numbers, "cells": cells, "room_of": pack_runs(self.room_of)}

    @staticmethod
    def from_state(values: dict[str, Any], voxel_size_m: float, robot_height_m: float, rules: Rules) -> Floor:
        """The floor that gave `state`; what follows from the places and the grid is found anew."""
        floor = Floor(Storey.from_state(values, voxel_size_m, robot_height_m))
        floor.numbers = list(values["numbers"])
        floor.cells = [(int(i), int(j)) for i, j in values["cells"]]
        floor.room_of = unpack_runs(values["room_of"])
        floor._find_places(rules, floor.grid.drive.size + 1)
        floor._house_places()
        return floor

    def room_at(self, x: float, y: float) -> int:
        """Number of the room a point (metres) is in or next to, not through a wall; 0 for none. O(1)."""
        i, j = self.grid.cell(x, y)
        if self.grid.inside(i, j) and self.room_of[i, j]:
            return int(self.room_of[i, j])
        return self._nearest_room(i, j)

    def room_around(self, box: Box) -> int:
        """Number of the room that holds most of a box's footprint, or of a narrow ring around it; 0 for none."""
        return self._label_around(self.room_of, box) or self.room_at(box.center[0], box.center[1])

    def _label_around(self, labels: Labels, box: Box) -> int:
        for ring in _RINGS_M:
            low = np.maximum(self.grid.cell(box.minimum[0] - ring, box.minimum[1] - ring), 0)
            high = np.maximum(np.add(self.grid.cell(box.maximum[0] + ring, box.maximum[1] + ring), 1), 0)
            votes = np.bincount(labels[low[0] : high[0], low[1] : high[1]].ravel(), minlength=1)
            votes[0] = 0
            if votes.sum() >= _ENOUGH_CELLS:
                return int(np.argmax(votes))
        return 0

    def place_at(self, x: float, y: float, room: int) -> int:
        """Number of the place that stands for a point, else of the nearest one in the room; 0 for none. O(places)."""
        i, j = self.grid.cell(x, y)
        if self.grid.inside(i, j) and self.owner[i, j] >= 0:
            return self.numbers[int(self.owner[i, j])]
        same = np.flatnonzero(self.place_rooms == room) if room else np.zeros(0, np.int64)
        if not len(same):
            return 0
        away = np.array(self.cells)[same] - self.grid.origin - (i, j)
        return self.numbers[int(same[np.argmin((away**2).sum(axis=1))])]

    def center(self, cell: Cell) -> Point:
        """Metres of the middle of a map cell, at floor height."""
        return (*self.grid.center(*self._element(cell)), self.storey.floor_z)

    def rooms(self) -> Iterator[tuple[int, Point, Box]]:
        """(number, roomiest point, bounding box) of each room, smallest number first. O(area of the storey)."""
        clearance = wall_clearance(self.grid.rooms == BLOCKED)
        size = self.grid.voxel_size_m
        present = np.bincount(self.room_of.ravel(), minlength=1) > 0
        for number in np.flatnonzero(present[1:]) + 1:
            cells = np.argwhere(self.room_of == number)
            roomiest = cells[int(np.argmax(clearance[tuple(cells.T)]))] + self.grid.origin
            low = (cells.min(axis=0) + self.grid.origin) * size
            high = (cells.max(axis=0) + self.grid.origin + 1) * size
            floor_z = self.storey.floor_z
            box = Box(
                (float(low[0]), float(low[1]), floor_z), (float(high[0]), float(high[1]), floor_z + _ROOM_HEIGHT_M)
            )
            yield int(number), self.center((int(roomiest[0]), int(roomiest[1]))), box

    def _element(self, cell: Cell) -> Cell:
        return cell[0] - self.grid.origin[0], cell[1] - self.grid.origin[1]

    def _keep(self, fits: Mask) -> None:
        """Drop the places where the robot no longer fits."""
        kept = [k for k, cell in enumerate(self.cells) if fits[self._element(cell)]]
        self.numbers = [self.numbers[k] for k in kept]
        self.cells = [self.cells[k] for k in kept]

    def _moved(self, values: NDArray[T], before: Grid) -> NDArray[T]:
        """An array over an earlier grid, laid over the present one."""
        laid = np.zeros(self.grid.drive.shape, values.dtype)
        if values.size:
            i, j = before.origin[0] - self.grid.origin[0], before.origin[1] - self.grid.origin[1]
            laid[i : i + values.shape[0], j : j + values.shape[1]] = values
        return laid

    def _nearest_room(self, i: int, j: int) -> int:
        reach = round(_NEAR_M / self.grid.voxel_size_m)
        window = self.room_of[max(0, i - reach) : max(0, i + reach + 1), max(0, j - reach) : max(0, j + reach + 1)]
        costs: list[tuple[float, int]] = []
        for number in np.flatnonzero(np.bincount(window.ravel(), minlength=1)[1:]) + 1:
            near = _nearest(self.room_of, int(number), (i, j), reach)
            if near is not None:
                distance = float(np.hypot(near[0] - i, near[1] - j)) * self.grid.voxel_size_m
                costs.append((distance + _BEHIND_WALL_M * self._walls_between((i, j), near), int(number)))
        return min(costs, default=(0.0, 0))[1]

    def _walls_between(self, start: Cell, end: Cell) -> int:
        """How often the straight line enters a wall; the wall it may start in does not count."""
        n = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        line = np.floor(np.linspace(start, end, n + 1) + 0.5).astype(int)
        inside = ((line >= 0) & (line < self.grid.rooms.shape)).all(axis=1)
        blocked = self.grid.rooms[tuple(line[inside].T)] == BLOCKED
        return int(np.count_nonzero(blocked[1:] & ~blocked[:-1]))


def _nearest(labels: Labels, label: int, cell: Cell, reach: int) -> Cell | None:
    """The cell with a label nearest to a cell, at most `reach` away along each axis. O(reach^2)."""
    low = max(0, cell[0] - reach), max(0, cell[1] - reach)
    window = labels[low[0] : max(0, cell[0] + reach + 1), low[1] : max(0, cell[1] + reach + 1)]
    found = np.argwhere(window == label) + low
    if not len(found):
        return None
    i, j = found[int(np.argmin(((found - cell) ** 2).sum(axis=1)))]
    return int(i), int(j)


def _renumber(labels: Labels, before: Labels, new_number: Callable[[], int]) -> Labels:
    """The same rooms with the numbers they had before, by largest overlap, and new numbers for the others."""
    both = (labels > 0) & (before > 0)
    keys = labels[both].astype(np.int64) << 32 | before[both]
    keys, overlap = np.unique(keys, return_counts=True)
    pairs = np.stack([keys >> 32, keys & (2**32 - 1)], axis=1)
    numbers: dict[int, int] = {}
    for k in np.lexsort((pairs[:, 0], pairs[:, 1], -overlap)).tolist():
        label, number = int(pairs[k, 0]), int(pairs[k, 1])
        if label not in numbers and number not in numbers.values():
            numbers[label] = number
    for label in np.flatnonzero(np.bincount(labels.ravel(), minlength=1)).tolist():
        if label and label not in numbers:
            numbers[label] = new_number()
    table = np.zeros(int(labels.max(initial=0)) + 1, np.int32)
    table[list(numbers)] = list(numbers.values())
    return table[labels]
