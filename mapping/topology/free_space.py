# SPDX-License-Identifier: Apache-2.0
"""One storey seen from above: what the columns of the octree say about where a robot fits and where walls stand.

Grids are indexed [x, y]; a cell is one voxel wide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mapping.compiled import compiled
from mapping.topology.tiles import Cells, Key, Tile, Tiles
from memory_core import packing

UNKNOWN, OPEN, BLOCKED = 0, 1, 2

_BELOW_M = 2.2  # columns are read from this far below the first camera of the storey
_ABOVE_M = 2.6  # to this far above
_DRIVE_FROM_M = 0.1  # what is lower is driven over
_HIGH_M = (1.4, 1.9)  # between furniture and lintels
_MIDDLE_M = (0.6, 1.4)  # speaks for a wall only where nothing higher was seen
_LINTEL_M = (2.0, 2.7)
_LINTEL_HEIGHT_M = 0.12  # a ceiling is thinner than this in voxels, the wall above a door is not
_DRIVE_SEEN = 0.4
_FLOOR_AREA_M2 = 0.5


class Columns(Protocol):
    """What is asked of an octree."""

    @property
    def voxel_size_m(self) -> float: ...

    def dense(self, minimum: ArrayLike, maximum: ArrayLike) -> NDArray[np.int8]:
        """(nx, ny, nz) occupancy of a box, -1 unknown, 0 free, 1 occupied."""
        ...


class Storey:
    """What the cameras of one storey have seen, renewed only where cameras looked.

    Attributes:
        tiles: `codes` and `surfaces` are kept here.
        reference_layer: of the first camera.
        floor_layer: None before the first refresh.
        recounted: tiles whose surfaces the last refresh found to differ.
    """

    def __init__(self, reference_layer: int, voxel_size_m: float, robot_height_m: float, side: int) -> None:
        self.reference_layer = self.lowest_camera_layer = reference_layer
        self.voxel_size_m = voxel_size_m
        self.robot_height_m = robot_height_m
        self.tiles = Tiles(side)
        self.floor_layer: int | None = None
        self.dirty: set[Key] = set()
        self.recounted: set[Key] = set()
        self._surfaces = np.zeros(self.n_layers, np.int64)

    @property
    def first_layer(self) -> int:
        return self.reference_layer - round(_BELOW_M / self.voxel_size_m)

    @property
    def n_layers(self) -> int:
        return self.count_layers(self.voxel_size_m)

    @staticmethod
    def count_layers(voxel_size_m: float) -> int:
        """Layers of voxels that are read of a storey."""
        return round((_BELOW_M + _ABOVE_M) / voxel_size_m)

    @property
    def floor_z(self) -> float:
        """Middle of the floor's voxels, metres; of the camera's own height before the first refresh."""
        layer = self.reference_layer if self.floor_layer is None else self.floor_layer
        return (layer + 0.5) * self.voxel_size_m

    def look(self, camera_z: float, minimum: ArrayLike, maximum: ArrayLike) -> None:
        """Say that a camera at a height may have changed the columns of a box (x, y in metres)."""
        self.lowest_camera_layer = min(self.lowest_camera_layer, int(np.floor(camera_z / self.voxel_size_m)))
        side_m = self.tiles.side * self.voxel_size_m
        (x0, y0), (x1, y1) = np.floor(np.array([minimum, maximum], np.float64) / side_m).astype(int).tolist()
        self.dirty.update((x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1))

    def refresh(self, octree: Columns) -> dict[Key, tuple[int, int, int, int]]:
        """Read the dirty tiles again; for each that differs the box of map cells (i0, j0, i1, j1) that do.

        O(dirty columns); of all columns when the floor is found at another height, which a handful of frames settle.
        Tiles of which nothing is known are not kept.
        """
        read = {key: self._read(octree, key) for key in sorted(self.dirty)}
        self.dirty.clear()
        self.recounted.clear()
        for key, columns in read.items():
            surfaces = _up_facing(columns)
            if key in self.tiles.at or surfaces.any():
                self._note(key, surfaces)
        if read and self._move_floor():
            read.update((key, self._read(octree, key)) for key in sorted(self.tiles.at) if key not in read)
        boxes = {key: self._renew(key, columns) for key, columns in read.items()}
        return {key: box for key, box in boxes.items() if box is not None}

    def _note(self, key: Key, surfaces: NDArray[np.int32]) -> None:
        tile = self.tiles.at.get(key) or self._add(key)
        if not np.array_equal(surfaces, tile.surfaces):
            self.recounted.add(key)
        self._surfaces += surfaces - tile.surfaces
        tile.surfaces = surfaces

    def _add(self, key: Key) -> Tile:
        return self.tiles.at.setdefault(key, Tile.empty(self.tiles.side, self.n_layers))

    def _renew(self, key: Key, columns: NDArray[np.int8]) -> tuple[int, int, int, int] | None:
        codes = self._classify(columns)
        tile = self.tiles.at.get(key)
        if tile is None and not codes.any():
            return None
        tile = tile or self._add(key)
        before, tile.codes = tile.codes, codes
        return None if np.array_equal(before, codes) else self.tiles.changed_box(key, before, codes)

    def _read(self, octree: Columns, key: Key) -> NDArray[np.int8]:
        first = np.array([*self.tiles.corner(key), self.first_layer])
        last = first + np.array([self.tiles.side, self.tiles.side, self.n_layers]) - 1
        return octree.dense((first + 0.5) * self.voxel_size_m, (last + 0.5) * self.voxel_size_m)

    def _move_floor(self) -> bool:
        """Find the floor anew; True if it moved. It follows from what is known, not from where it was."""
        counts = self._surfaces.copy()
        counts[self._layers_above(self.lowest_camera_layer) :] = 0
        found = _lowest_peak(counts, _FLOOR_AREA_M2 / self.voxel_size_m**2)
        before = self.floor_layer
        if found is None:
            self.floor_layer = self.lowest_camera_layer - round(self.robot_height_m / self.voxel_size_m)
        else:
            self.floor_layer = self.first_layer + found
        return self.floor_layer != before

    def _layers_above(self, camera_layer: int) -> int:
        return max(0, camera_layer - self.first_layer - round(0.15 / self.voxel_size_m))

    def _classify(self, columns: NDArray[np.int8]) -> Cells:
        per_m = 1.0 / self.voxel_size_m
        body = (_DRIVE_FROM_M, self.robot_height_m)
        bands = np.array([body, _HIGH_M, _MIDDLE_M, _LINTEL_M]) * per_m
        floor = 0 if self.floor_layer is None else self.floor_layer - self.first_layer
        layers = np.clip(np.ceil(bands - 1e-6) + floor, 0, self.n_layers).astype(np.int64)
        least_free = _DRIVE_SEEN * max(1.0, bands[0, 1] - bands[0, 0])
        return np.asarray(_classify_columns(columns, layers, least_free, _LINTEL_HEIGHT_M * per_m - 1e-6))

    @property
    def layers(self) -> tuple[int, int, int | None]:
        """Reference layer, that of the lowest camera, and that of the floor."""
        return self.reference_layer, self.lowest_camera_layer, self.floor_layer

    def header(self) -> dict[str, Any]:
        """What is known of the storey as a whole, for `memory_core.packing.pack`."""
        return {
            "layers": list(self.layers),
            "dirty": np.array(sorted(self.dirty), np.int32).reshape(-1, 2),
        }

    def resume(self, layers: Sequence[int | None], dirty: Iterable[Sequence[int]]) -> None:
        """Become the storey that gave `header`, without its tiles."""
        self.reference_layer, self.lowest_camera_layer = int(layers[0] or 0), int(layers[1] or 0)
        self.floor_layer = layers[2]
        self.dirty = {(int(x), int(y)) for x, y in dirty}

    def put(self, tiles: Iterable[tuple[Key, Tile]]) -> None:
        """Take in tiles that were stored."""
        for key, tile in tiles:
            self.tiles.at[key] = tile
            self._surfaces += tile.surfaces


def pack_runs(grid: NDArray[Any]) -> bytes:
    """A grid of few different regions as its runs of equal values."""
    flat = grid.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=flat[:1] + 1 if flat.size else flat))
    return packing.pack({"shape": list(grid.shape), "starts": starts.astype(np.uint32), "values": flat[starts]})


def unpack_runs(data: bytes) -> NDArray[Any]:
    """The grid given to `pack_runs`.

    Raises:
        CorruptMemory: the bytes are damaged.
    """
    packed = packing.unpack(data)
    ends = np.append(packed["starts"], np.prod(packed["shape"], dtype=np.int64)).astype(np.int64)
    return np.asarray(np.repeat(packed["values"], np.diff(ends)).reshape(packed["shape"]))


@compiled
def _up_facing(columns: Any) -> Any:
    """(nz,) how many columns have an occupied voxel in each layer with a free one right above."""
    nx, ny, nz = columns.shape
    counts = np.zeros(nz, np.int32)
    for i in range(nx):
        for j in range(ny):
            for k in range(nz - 1):
                if columns[i, j, k] == 1 and columns[i, j, k + 1] == 0:
                    counts[k] += 1
    return counts


@compiled
def _classify_columns(columns: Any, layers: Any, least_free: float, least_lintel: float) -> Any:
    """(nx, ny) codes: drive class in the two low bits, room class in the next two.

    Args:
        layers: (4, 2) first and end layer of the robot's body, the high, the middle and the lintel band.
    """
    nx, ny, _ = columns.shape
    codes = np.zeros((nx, ny), np.uint8)
    for i in range(nx):
        for j in range(ny):
            occupied, free = _count(columns[i, j], layers[0, 0], layers[0, 1])
            drive = BLOCKED if occupied > 0 else (OPEN if free >= least_free else UNKNOWN)
            high = _majority(columns[i, j], layers[1, 0], layers[1, 1])
            lintel, _ = _count(columns[i, j], layers[3, 0], layers[3, 1])
            if lintel >= least_lintel or high == BLOCKED:
                rooms = BLOCKED
            elif high == OPEN:
                rooms = OPEN
            elif _majority(columns[i, j], layers[2, 0], layers[2, 1]) == BLOCKED:
                rooms = BLOCKED
            else:
                rooms = OPEN if drive == OPEN else UNKNOWN
            codes[i, j] = drive | rooms << 2
    return codes


@compiled
def _count(column: Any, first: int, end: int) -> Any:
    """Occupied and free voxels of a column in some layers."""
    occupied, free = 0, 0
    for k in range(first, end):
        occupied += column[k] == 1
        free += column[k] == 0
    return occupied, free


@compiled
def _majority(column: Any, first: int, end: int) -> int:
    """OPEN, BLOCKED or UNKNOWN by what most of the seen voxels say; one voxel alone says nothing."""
    occupied, free = _count(column, first, end)
    if occupied + free < 2:
        return UNKNOWN
    return BLOCKED if occupied >= free else OPEN


def _lowest_peak(counts: NDArray[np.int64], enough: float) -> int | None:
    """The lowest layer that holds a large level surface, None if there is none.

    The floor of a room is nearly always its largest level surface, but a corner full of counters may show more
    counter than floor: a layer with three tenths of the largest counts.
    """
    spread = counts + np.append(counts[1:], 0)
    if spread.max(initial=0) < enough:
        return None
    start = int(np.flatnonzero(spread >= max(enough, 0.3 * spread.max()))[0])
    return start + int(np.argmax(counts[start : start + 3]))
