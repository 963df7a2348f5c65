# SPDX-License-Identifier: Apache-2.0
"""A storey as square tiles of cells, found by their coordinates, so that it may grow in any direction without end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Key = tuple[int, int]
Cell = tuple[int, int]
Cells = NDArray[np.uint8]
Ints = NDArray[np.int32]


@dataclass(slots=True)
class Edges:
    """Where pieces of free space touch.

    Attributes:
        pairs: (E, 2) numbers of pieces; of the tile itself, or the second of a neighbouring tile.
        rank: (E,) int64 height of the highest point of the border and, to settle ties, where it is.
        length: (E,) int64 sides of cells they share.
        must: (E,) whether the two belong together whatever else there is.
    """

    pairs: Ints
    rank: NDArray[np.int64]
    length: NDArray[np.int64]
    must: NDArray[np.bool_]

    @staticmethod
    def none() -> Edges:
        none = np.zeros(0, np.int64)
        return Edges(np.zeros((0, 2), np.int32), none, none, np.zeros(0, np.bool_))


@dataclass(slots=True)
class Pieces:
    """Hills of the wall clearance in one tile; row k of the arrays is piece k + 1.

    Attributes:
        peaks: tenths of a cell.
        areas, roomy: cells, and those of them where the robot fits.
        keys: one number for each piece, the same whenever the piece is the same.
    """

    peaks: Ints
    areas: NDArray[np.int64]
    roomy: NDArray[np.int64]
    keys: NDArray[np.int64]

    @staticmethod
    def none() -> Pieces:
        none = np.zeros(0, np.int64)
        return Pieces(np.zeros(0, np.int32), none, none, none)


@dataclass(slots=True)
class Tile:
    """Everything known of one tile; arrays are (side, side), [x, y].

    Attributes:
        codes: what the columns of the octree say, drive class and room class.
        surfaces: columns with an upper surface in each layer.
        drive: UNKNOWN, OPEN or BLOCKED for the robot.
        clearance: tenths of a cell to the nearest cell that is not open, for driving, up to a limit.
        fits: 1 where the centre of the robot may be.
        heights: tenths of a cell to the nearest wall, up to a limit; 0 outside rooms.
        pieces: number of the hill of `heights` each cell belongs to, 0 for none.
        ways: which neighbour is uphill.
        rooms: number of the room of each cell, 0 for none.
        base: (pieces + 1,) which space between walls each piece belongs to.
        seeds, bridges: map cells of the places of this tile.
        numbers: the places' numbers by map cell.
        links: pairs of map cells with a straight free way.
        pace: lattice cell to milliseconds and millimetres travelled in it.
        owner: number of the place that stands for a cell, 0 for none; made when first asked for.
    """

    codes: Cells
    surfaces: Ints
    drive: Cells
    clearance: Ints
    fits: Cells
    heights: Ints
    pieces: Ints
    ways: Cells
    rooms: Ints
    hills: Pieces = field(default_factory=Pieces.none)
    inner: Edges = field(default_factory=Edges.none)
    right: Edges = field(default_factory=Edges.none)
    down: Edges = field(default_factory=Edges.none)
    base: Ints = field(default_factory=lambda: np.zeros(1, np.int32))
    seeds: tuple[Cell, ...] = ()
    bridges: tuple[Cell, ...] = ()
    numbers: dict[Cell, int] = field(default_factory=dict)
    links: tuple[tuple[Cell, Cell], ...] = ()
    pace: dict[Cell, tuple[int, int]] = field(default_factory=dict)
    owner: Ints | None = None

    @staticmethod
    def empty(side: int, n_layers: int) -> Tile:
        def ints() -> Ints:
            return np.zeros((side, side), np.int32)

        def codes() -> Cells:
            return np.zeros((side, side), np.uint8)

        return Tile(codes(), np.zeros(n_layers, np.int32), codes(), ints(), codes(), ints(), ints(), codes(), ints())

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Map cells of all places of this tile."""
        return self.seeds + self.bridges


_KINDS: dict[str, type[np.generic]] = {
    "codes": np.uint8, "drive": np.uint8, "fits": np.uint8, "clearance": np.int32, "heights": np.int32,
    "rooms": np.int32, "spaces": np.int32,
}  # fmt: skip


class Tiles:
    """The tiles of a storey.

    Cells are counted from the map's origin over all tiles; tile (x, y) holds cells x * side ... (x + 1) * side - 1.
    """

    def __init__(self, side: int) -> None:
        self.side = side
        self.at: dict[Key, Tile] = {}

    def key(self, i: int, j: int) -> Key:
        """The tile of a map cell."""
        return i // self.side, j // self.side

    def corner(self, key: Key) -> Cell:
        """First map cell of a tile."""
        return key[0] * self.side, key[1] * self.side

    def window(self, name: str, low: Cell, high: Cell) -> NDArray[Any]:
        """An array of the cells low ... high - 1, 0 where there is no tile. O(cells)."""
        out = np.zeros((max(0, high[0] - low[0]), max(0, high[1] - low[1])), _KINDS[name])
        for key in self.over(low, high):
            tile = self.at.get(key)
            if tile is None:
                continue
            corner = self.corner(key)
            a = max(low[0], corner[0]), max(low[1], corner[1])
            b = min(high[0], corner[0] + self.side), min(high[1], corner[1] + self.side)
            part = np.s_[a[0] - corner[0] : b[0] - corner[0], a[1] - corner[1] : b[1] - corner[1]]
            values = tile.base[tile.pieces[part]] if name == "spaces" else getattr(tile, name)[part]
            out[a[0] - low[0] : b[0] - low[0], a[1] - low[1] : b[1] - low[1]] = values
        return out

    def around(self, name: str, key: Key, halo: int) -> NDArray[Any]:
        """A tile and `halo` cells on each side of it."""
        i, j = self.corner(key)
        return self.window(name, (i - halo, j - halo), (i + self.side + halo, j + self.side + halo))

    def over(self, low: Cell, high: Cell) -> Iterator[Key]:
        """Tiles that hold any of the cells low ... high - 1, whether they are there or not."""
        if low[0] >= high[0] or low[1] >= high[1]:
            return
        for x in range(low[0] // self.side, (high[0] - 1) // self.side + 1):
            for y in range(low[1] // self.side, (high[1] - 1) // self.side + 1):
                yield x, y

    def value(self, name: str, i: int, j: int) -> int:
        """One cell, 0 where there is no tile. O(1)."""
        tile = self.at.get((i // self.side, j // self.side))
        return 0 if tile is None else int(getattr(tile, name)[i % self.side, j % self.side])

    def ring(self, keys: Iterable[Key]) -> set[Key]:
        """Tiles that are there, among the given ones and their eight neighbours."""
        near = {(x + i, y + j) for x, y in keys for i in (-1, 0, 1) for j in (-1, 0, 1)}
        return near & self.at.keys()

    def reached(self, boxes: dict[Key, tuple[int, int, int, int]], halo: int) -> set[Key]:
        """Tiles that are there with a cell at most `halo` from a box of changed cells (i0, j0, i1, j1)."""
        found: set[Key] = set()
        for i0, j0, i1, j1 in boxes.values():
            found.update(self.over((i0 - halo, j0 - halo), (i1 + halo + 1, j1 + halo + 1)))
        return found & self.at.keys()

    def changed_box(self, key: Key, before: NDArray[np.generic], now: NDArray[np.generic]) -> tuple[int, int, int, int]:
        """Map cells (i0, j0, i1, j1) around all that differs; ValueError when nothing does."""
        i, j = np.nonzero(before != now)
        x, y = self.corner(key)
        return int(i.min()) + x, int(j.min()) + y, int(i.max()) + x, int(j.max()) + y
