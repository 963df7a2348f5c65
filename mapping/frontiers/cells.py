# SPDX-License-Identifier: Apache-2.0
"""The border cells of each storey in tiles, read again only where cameras looked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mapping.frontiers.kernels import border, contacts, measure, pieces
from mapping.frontiers.settings import FrontierSettings
from memory_core.frame import CameraFrame
from memory_core.geometry import transform_points

TILE = 16
"""Cells along a tile's edge; in height a tile spans all that matters above one floor."""

_MOST_VOXELS = 8  # along a cell's edge
_STOREY_M = 1.0  # places farther apart in height stand on different floors
_TALLEST_M = 2.5  # cameras higher above every floor are on one that is not known yet
_STEP_M = 0.3
_SAMPLES = 16  # rows and columns of pixels that tell what a frame may have changed
_MARGIN_M = 0.25
_LOW_M, _MIDDLE_M = 0.4, 0.9  # above the lowest layer: where wheels go, and the body

Box3 = tuple[float, ...]


class Space(Protocol):
    """What is asked of an octree."""

    @property
    def voxel_size_m(self) -> float: ...

    def dense(self, minimum: ArrayLike, maximum: ArrayLike) -> NDArray[np.int8]:
        """(nx, ny, nz) occupancy of a box, -1 unknown, 0 free, 1 occupied."""
        ...

    def occupancy(self, points: ArrayLike) -> NDArray[np.int8]:
        """(N,) occupancy at points (N, 3), metres."""
        ...

    def raycast(self, origins: ArrayLike, directions: ArrayLike, max_range_m: float) -> NDArray[np.float64]:
        """(N,) metres to the first occupied voxel, infinity when there is none in range."""
        ...


class Key(NamedTuple):
    """A tile: coordinates in tiles, and the lowest layer of cells of its storey."""

    x: int
    y: int
    low: int


@dataclass(frozen=True, eq=False, slots=True)
class Tile:
    """Border cells of a tile: direction bits and piece numbers (TILE, TILE, nz), measures of the pieces."""

    bits: NDArray[np.uint8]
    labels: NDArray[np.int16]
    measures: NDArray[np.float64]

    @property
    def n_pieces(self) -> int:
        return len(self.measures)


@dataclass(frozen=True, slots=True)
class Grid:
    """How space is divided: `k` voxels to a cell of `cell_m`, `n_layers` cells above the floor from `lowest_m` on."""

    k: int
    cell_m: float
    n_layers: int
    lowest_m: float

    @staticmethod
    def of(settings: FrontierSettings, voxel_size_m: float) -> Grid:
        k = min(max(1, round(settings.cell_m / voxel_size_m)), _MOST_VOXELS)
        cell_m = k * voxel_size_m
        n_layers = max(1, round((settings.highest_m - settings.lowest_m) / cell_m))
        return Grid(k, cell_m, n_layers, settings.lowest_m)

    def layer_of_floor(self, floor_z: float) -> int:
        """The lowest layer that matters above a floor."""
        return round((floor_z + self.lowest_m) / self.cell_m)

    def make(self, bits: NDArray[np.uint8]) -> Tile:
        """The tile of direction bits; a pure function of them."""
        labels = np.zeros(bits.shape, np.int16)
        n = pieces(bits, labels)
        low, middle = max(1, round(_LOW_M / self.cell_m)), max(2, round(_MIDDLE_M / self.cell_m))
        return Tile(bits, labels, np.asarray(measure(bits, labels, n, low, middle)))


@dataclass
class Border:
    """All border cells.

    Attributes:
        lows: lowest layers of the storeys.
        tiles: those with border cells.
        looked: (x, y) of all tiles ever looked at, by storey.
        early: (x, y) of tiles looked at from a height that belongs to no storey yet.
    """

    grid: Grid
    lows: tuple[int, ...] = ()
    tiles: dict[Key, Tile] = field(default_factory=dict)
    looked: dict[int, set[tuple[int, int]]] = field(default_factory=dict)
    early: set[tuple[int, int]] = field(default_factory=set)

    def refresh(self, octree: Space, views: Iterable[Box3], heights: Mapping[float, int]) -> dict[Key, Tile | None]:
        """Follow the octree where views looked; the tiles that changed with what they were before.

        O(columns looked at); of all columns of a storey when its floor turns out to be elsewhere.

        Args:
            views: (camera x y z, low x y z, high x y z) of what frames may have changed, metres.
            heights: how many places stand at which floor height.
        """
        changed, dirty = self._follow(heights)
        for view in views:
            dirty |= self._keys(view)
        for key in sorted(dirty):
            self.looked.setdefault(key.low, set()).add((key.x, key.y))
            before, bits = self.tiles.get(key), self._read(octree, key)
            if bits is None and before is None:
                continue
            if bits is not None and before is not None and np.array_equal(bits, before.bits):
                continue
            changed.setdefault(key, before)
            if bits is None:
                del self.tiles[key]
            else:
                self.tiles[key] = self.grid.make(bits)
        return changed

    def contacts(self, one: Key, other: Key) -> NDArray[np.int32]:
        """(pieces of one, pieces of other) touching pairs of cells of two neighbouring tiles of one storey."""
        a, b = self.tiles[one], self.tiles[other]
        if one.x != other.x:
            forward = one.x < other.x
            faces = (a.labels[-1 if forward else 0], b.labels[0 if forward else -1])
        else:
            forward = one.y < other.y
            faces = (a.labels[:, -1 if forward else 0], b.labels[:, 0 if forward else -1])
        first, second = (np.ascontiguousarray(face) for face in faces)
        return np.asarray(contacts(first, second, a.n_pieces, b.n_pieces))

    def cells(self, key: Key, piece: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """(N, 3) cell coordinates and (N,) direction bits of one piece (counted from 0), in order."""
        tile = self.tiles[key]
        inside = np.argwhere(tile.labels == piece + 1)
        return inside + np.array([key.x * TILE, key.y * TILE, key.low]), tile.bits[tuple(inside.T)]

    def state(self) -> dict[str, Any]:
        """Values for `memory_core.packing.pack`. O(border cells + tiles looked at)."""
        keys = sorted(self.tiles)
        flat = [np.flatnonzero(self.tiles[key].bits) for key in keys]
        bits = [self.tiles[key].bits.ravel()[at] for key, at in zip(keys, flat, strict=True)]
        looked = [(x, y, low) for low in sorted(self.looked) for x, y in sorted(self.looked[low])]
        return {
            "grid": [self.grid.k, self.grid.cell_m, self.grid.n_layers, self.grid.lowest_m],
            "lows": list(self.lows),
            "keys": np.array(keys, np.int32).reshape(-1, 3),
            "counts": np.array([len(at) for at in flat], np.int32),
            "at": np.concatenate([np.zeros(0, np.int64), *flat]).astype(np.uint32),
            "bits": np.concatenate([np.zeros(0, np.uint8), *bits]),
            "looked": np.array(looked, np.int32).reshape(-1, 3),
            "early": np.array(sorted(self.early), np.int32).reshape(-1, 2),
        }

    @staticmethod
    def from_state(values: dict[str, Any]) -> Border:
        """The border that gave `state`."""
        k, cell_m, n_layers, lowest_m = values["grid"]
        found = Border(Grid(k, cell_m, n_layers, lowest_m), tuple(values["lows"]))
        ends = np.cumsum(values["counts"])
        for key, at, bits in zip(
            values["keys"].tolist(), np.split(values["at"], ends)[:-1], np.split(values["bits"], ends)[:-1], strict=True
        ):
            whole = np.zeros(TILE * TILE * n_layers, np.uint8)
            whole[at] = bits
            found.tiles[Key(*key)] = found.grid.make(whole.reshape(TILE, TILE, n_layers))
        for x, y, low in values["looked"].tolist():
            found.looked.setdefault(low, set()).add((x, y))
        found.early = {(x, y) for x, y in values["early"].tolist()}
        return found

    def _follow(self, heights: Mapping[float, int]) -> tuple[dict[Key, Tile | None], set[Key]]:
        """Find the storeys anew: tiles dropped with a storey that is no more, and tiles to read for one that is new."""
        before, self.lows = self.lows, self._storeys(heights)
        dropped: dict[Key, Tile | None] = {}
        again: set[tuple[int, int]] = set()
        for low in set(before) - set(self.lows):
            dropped.update({key: self.tiles.pop(key) for key in [key for key in self.tiles if key.low == low]})
            again |= self.looked.pop(low, set())
        new = [low for low in self.lows if low not in before]
        if new:
            again, self.early = again | self.early, set()
        return dropped, {Key(x, y, low) for low in new for x, y in again}

    def _storeys(self, heights: Mapping[float, int]) -> tuple[int, ...]:
        """Lowest layers of the storeys on which places stand; one that moved by a cell only stays."""
        groups: list[Counter[float]] = []
        for z in sorted(heights):
            if not groups or z - min(groups[-1]) > _STOREY_M:
                groups.append(Counter())
            groups[-1][z] += heights[z]
        lows = []
        for group in groups:
            low = self.grid.layer_of_floor(min(group, key=lambda z: (-group[z], z)))
            lows.append(next((known for known in self.lows if abs(known - low) <= 1), low))
        return tuple(dict.fromkeys(lows))

    def _keys(self, view: Box3) -> set[Key]:
        """Tiles of which a view may have changed the cells or their margin."""
        cell = self.grid.cell_m
        side = TILE * cell
        (x0, y0), (x1, y1) = (
            np.floor(np.array([view[3:5], view[6:8]]) / side + [[-1 / TILE], [1 / TILE]]).astype(int).tolist()
        )
        tiles = {(x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)}
        spans = {low: (low * cell, (low + self.grid.n_layers) * cell) for low in self.lows}
        if not any(z0 - _STEP_M - self.grid.lowest_m <= view[2] <= z0 + _TALLEST_M for z0, _ in spans.values()):
            self.early |= tiles
        touched = [low for low, (z0, z1) in spans.items() if view[5] <= z1 and view[8] >= z0]
        return {Key(x, y, low) for low in touched for x, y in tiles}

    def _read(self, octree: Space, key: Key) -> NDArray[np.uint8] | None:
        """Direction bits of a tile, None when it has no border cells."""
        n, k = self.grid.n_layers, self.grid.k
        first = np.array([key.x * TILE - 1, key.y * TILE - 1, key.low]) * k
        last = first + np.array([TILE + 2, TILE + 2, n]) * k - 1
        size = octree.voxel_size_m
        bits = np.zeros((TILE, TILE, n), np.uint8)
        n_cells = border(octree.dense((first + 0.5) * size, (last + 0.5) * size), k, bits)
        return bits if n_cells else None


def seen_box(frame: CameraFrame, max_range_m: float) -> Box3:
    """(camera x y z, low x y z, high x y z) of what a frame may have changed in an octree, metres. O(1)."""
    height, width = frame.depth.shape
    step_v, step_u = max(1, height // _SAMPLES), max(1, width // _SAMPLES)
    rows, columns = _ends(height, step_v), _ends(width, step_u)
    z = np.minimum(frame.depth[np.ix_(rows, columns)].astype(np.float64), max_range_m)
    z = np.where(np.isfinite(z), z, 0.0)
    x = (columns[None, :] - frame.K[0, 2]) * z / frame.K[0, 0]
    y = (rows[:, None] - frame.K[1, 2]) * z / frame.K[1, 1]
    camera = frame.T_world_cam[:3, 3]
    points = transform_points(frame.T_world_cam, np.stack([x, y, z], axis=-1).reshape(-1, 3))
    low = np.minimum(points.min(axis=0), camera) - _MARGIN_M
    high = np.maximum(points.max(axis=0), camera) + _MARGIN_M
    return (*camera.tolist(), *low.tolist(), *high.tolist())


def _ends(length: int, step: int) -> NDArray[np.int64]:
    """Every step-th index, the last one included."""
    return np.unique(np.append(np.arange(0, length, step), length - 1))
