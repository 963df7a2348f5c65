# SPDX-License-Identifier: Apache-2.0
"""From spaces between walls to numbered rooms: open plans are cut, and a room keeps the number it had before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.topology.open_plan import Content, part_open_plans
from mapping.topology.tiles import Cell, Ints, Key, Tiles


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a room is: its roomiest cell and the cells around it, both ends included; map cells."""

    middle: Cell
    low: Cell
    high: Cell


class Numbering:
    """The rooms of a storey.

    Attributes:
        tiles_of: tiles of each room, by number.
        shapes: by number.
    """

    def __init__(self, tiles: Tiles, voxel_size_m: float) -> None:
        self._tiles = tiles
        self._voxel_size_m = voxel_size_m
        self._of_space: dict[int, list[int]] = {}
        self.tiles_of: dict[int, set[Key]] = {}
        self.shapes: dict[int, Shape] = {}

    def update(
        self,
        spaces: Mapping[int, set[Key]],
        ended: Iterable[int],
        emptied: Iterable[Key],
        contents: Mapping[int, Sequence[tuple[Cell, str, float]]],
        new_number: Callable[[], int],
    ) -> tuple[set[Key], set[int]]:
        """Number the rooms in new or changed spaces; tiles whose rooms differ, and the rooms that may.

        Args:
            spaces: those to number, with the tiles of each.
            ended: spaces that are no more.
            emptied: further tiles in which cells may have stopped to belong to a room.
            contents: (map cell, class, confidence) of the things in a space.

        O(area of these spaces).
        """
        fresh = self._fresh(spaces, contents)
        free = {number for space in {*ended, *spaces} for number in self._of_space.pop(space, ())}
        keys = sorted({key for _, parts in fresh for key in parts} | set(emptied))
        before = {key: self._tiles.at[key].rooms for key in keys}
        numbers = self._match(fresh, before, free, new_number)
        changed = self._write(fresh, numbers, before, spaces)
        for number in free - set(numbers):
            self.tiles_of.pop(number, None)
            self.shapes.pop(number, None)
        for (space, parts), number in zip(fresh, numbers, strict=True):
            self._of_space.setdefault(space, []).append(number)
            self.tiles_of[number] = set(parts)
            self.shapes[number] = self._shape(parts)
        return changed, free | set(numbers)

    def adopt(self, keys: Iterable[Key]) -> None:
        """Let the numbers in stored tiles be given again to the rooms that are found there."""
        found = {int(number) for key in keys for number in np.unique(self._tiles.at[key].rooms)} - {0}
        self._of_space[0] = sorted(found)
        for key in keys:
            for number in np.unique(self._tiles.at[key].rooms).tolist():
                if number:
                    self.tiles_of.setdefault(number, set()).add(key)

    def _fresh(
        self, spaces: Mapping[int, set[Key]], contents: Mapping[int, Sequence[tuple[Cell, str, float]]]
    ) -> list[tuple[int, dict[Key, NDArray[np.bool_]]]]:
        """(space, cells by tile) of each room to be numbered, in an order that follows from where they are."""
        found: list[tuple[int, dict[Key, NDArray[np.bool_]]]] = []
        for space, keys in spaces.items():
            whole = {key: self._of(space, key) for key in keys}
            found += [(space, parts) for parts in self._parted(space, whole, contents.get(space, ()))]
        return sorted(found, key=lambda one: _first(one[1]))

    def _of(self, space: int, key: Key) -> NDArray[np.bool_]:
        tile = self._tiles.at[key]
        return np.asarray((tile.base == space)[tile.pieces])

    def _parted(
        self, space: int, whole: dict[Key, NDArray[np.bool_]], contents: Sequence[tuple[Cell, str, float]]
    ) -> list[dict[Key, NDArray[np.bool_]]]:
        """The rooms of a space: itself, or the sides of cuts that its contents ask for."""
        if len(contents) < 2:
            return [whole]
        low, labels = self._laid_out(whole)
        things = [Content((i - low[0], j - low[1]), label, sure) for (i, j), label, sure in contents]
        parted = part_open_plans(labels, things, self._voxel_size_m)
        if parted.max() == 1:
            return [whole]
        rooms = []
        for label in range(1, int(parted.max()) + 1):
            cells = {key: parted[self._in(key, low)] == label for key in whole}
            rooms.append({key: part for key, part in cells.items() if part.any()})
        return rooms

    def _laid_out(self, whole: dict[Key, NDArray[np.bool_]]) -> tuple[Cell, Ints]:
        """First map cell and one array of the tiles side by side."""
        keys = np.array(sorted(whole))
        first = keys.min(axis=0)
        low = self._tiles.corner((int(first[0]), int(first[1])))
        labels = np.zeros(tuple((keys.max(axis=0) - first + 1) * self._tiles.side), np.int32)
        for key, cells in whole.items():
            labels[self._in(key, low)] = cells
        return low, labels

    def _in(self, key: Key, low: Cell) -> tuple[slice, slice]:
        i, j = self._tiles.corner(key)
        side = self._tiles.side
        return slice(i - low[0], i - low[0] + side), slice(j - low[1], j - low[1] + side)

    def _match(
        self, fresh: Sequence[tuple[int, dict[Key, NDArray[np.bool_]]]], before: Mapping[Key, Ints], free: set[int],
        new_number: Callable[[], int],
    ) -> list[int]:  # fmt: skip
        """A number for each room: by largest overlap one of those that are free, else a new one."""
        overlaps = []
        for k, (_, parts) in enumerate(fresh):
            shared: dict[int, int] = {}
            for key, cells in parts.items():
                counts = np.bincount(before[key][cells], minlength=1)
                for number in np.flatnonzero(counts).tolist():
                    shared[number] = shared.get(number, 0) + int(counts[number])
            overlaps += [(-count, number, k) for number, count in shared.items() if number in free]
        given: dict[int, int] = {}
        taken: set[int] = set()
        for _, number, k in sorted(overlaps):
            if k not in given and number not in taken:
                given[k] = number
                taken.add(number)
        return [given[k] if k in given else new_number() for k in range(len(fresh))]

    def _write(
        self, fresh: Sequence[tuple[int, dict[Key, NDArray[np.bool_]]]], numbers: Sequence[int],
        before: Mapping[Key, Ints], spaces: Mapping[int, Any],
    ) -> set[Key]:  # fmt: skip
        kept = {number for numbers in self._of_space.values() for number in numbers}
        table = np.array(sorted(kept), np.int32)
        rooms = {key: np.where(np.isin(old, table), old, 0).astype(np.int32) for key, old in before.items()}
        for (_, parts), number in zip(fresh, numbers, strict=True):
            for key, cells in parts.items():
                rooms[key][cells] = number
        changed = {key for key, new in rooms.items() if not np.array_equal(new, before[key])}
        for key in changed:
            self._tiles.at[key].rooms = rooms[key]
        return changed

    def _shape(self, parts: Mapping[Key, NDArray[np.bool_]]) -> Shape:
        """Where the cells of a room are; its middle is the roomiest cell nearest to their mean."""
        cells, rooms = [], []
        for key in sorted(parts):
            inside = np.argwhere(parts[key])
            rooms.append(self._tiles.at[key].heights[parts[key]])
            cells.append(inside + self._tiles.corner(key))
        every, height = np.concatenate(cells), np.concatenate(rooms)
        roomiest = every[height == height.max()]
        away = ((roomiest - np.round(every.mean(axis=0))) ** 2).sum(axis=1)
        return Shape(_cell(roomiest[int(np.argmin(away))]), _cell(every.min(axis=0)), _cell(every.max(axis=0)))


def _first(parts: Mapping[Key, NDArray[np.bool_]]) -> tuple[Key, int]:
    """First tile of a room and its first cell there."""
    key = min(key for key, cells in parts.items() if cells.any())
    return key, int(np.argmax(parts[key]))


def _cell(values: NDArray[Any]) -> Cell:
    return int(values[0]), int(values[1])
