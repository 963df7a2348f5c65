# SPDX-License-Identifier: Apache-2.0
"""One storey seen from above: from octree columns to a grid of where a robot fits and where walls stand.

Grids are indexed [x, y]; a cell is one voxel wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mapping.compiled import compiled
from memory_core import packing

Cells = NDArray[np.uint8]
Mask = NDArray[np.bool_]

TILE = 32
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
_HOLE_M2 = 0.05
_MOST_TILES = 1 << 12  # in the rectangle around a storey: 102 x 102 m at 5 cm
_FAR_SQUARE = 65535.0  # clearances beyond 256 cells need no order; 16 bits sort in linear time


class Columns(Protocol):
    """What is asked of an octree."""

    @property
    def voxel_size_m(self) -> float: ...

    def dense(self, minimum: ArrayLike, maximum: ArrayLike) -> NDArray[np.int8]:
        """(nx, ny, nz) occupancy of a box, -1 unknown, 0 free, 1 occupied."""
        ...


@dataclass(frozen=True)
class Grid:
    """A storey at one moment.

    Attributes:
        origin: map cell of element [0, 0].
        drive: (nx, ny) UNKNOWN, OPEN or BLOCKED for a robot of the given height.
        rooms: (nx, ny) UNKNOWN, OPEN or BLOCKED by walls and lintels, furniture ignored.
        floor_z: metres.
    """

    voxel_size_m: float
    origin: tuple[int, int]
    drive: Cells
    rooms: Cells
    floor_z: float

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """Element that contains a point; may be outside the arrays."""
        i, j = np.floor(np.array([x, y]) / self.voxel_size_m).astype(int) - self.origin
        return int(i), int(j)

    def center(self, i: int, j: int) -> tuple[float, float]:
        """Metres of the middle of an element."""
        x, y = (np.array([i, j]) + self.origin + 0.5) * self.voxel_size_m
        return float(x), float(y)

    def inside(self, i: int, j: int) -> bool:
        return bool(0 <= i < self.drive.shape[0] and 0 <= j < self.drive.shape[1])


@dataclass
class Storey:
    """What the cameras of one storey have seen, in tiles of 32 x 32 columns, renewed only where cameras looked."""

    reference_layer: int
    voxel_size_m: float
    robot_height_m: float
    floor_layer: int | None = None
    floor_seen: bool = False
    lowest_camera_layer: int = 0
    codes: dict[tuple[int, int], Cells] = field(default_factory=dict)
    surfaces: dict[tuple[int, int], NDArray[np.int32]] = field(default_factory=dict)
    dirty: set[tuple[int, int]] = field(default_factory=set)

    @property
    def first_layer(self) -> int:
        return self.reference_layer - round(_BELOW_M / self.voxel_size_m)

    @property
    def n_layers(self) -> int:
        return round((_BELOW_M + _ABOVE_M) / self.voxel_size_m)

    @property
    def floor_z(self) -> float:
        """Middle of the floor's voxels, metres; of the camera's own height before the first refresh."""
        layer = self.reference_layer if self.floor_layer is None else self.floor_layer
        return (layer + 0.5) * self.voxel_size_m

    def look(self, camera_z: float, minimum: ArrayLike, maximum: ArrayLike) -> None:
        """Say that a camera at a height may have changed the columns of a box (x, y in metres)."""
        self.lowest_camera_layer = min(self.lowest_camera_layer, int(np.floor(camera_z / self.voxel_size_m)))
        side = TILE * self.voxel_size_m
        (x0, y0), (x1, y1) = np.floor(np.array([minimum, maximum], np.float64) / side).astype(int).tolist()
        self.dirty.update((x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1))

    def refresh(self, octree: Columns) -> bool:
        """Read the dirty tiles again; True if any was dirty. O(dirty columns), of all columns when the floor moves.

        Tiles so far off that the storey's rectangle would grow beyond all bounds, as a pose that jumps by a kilometre
        makes them, are passed over: there are no places and no rooms there.
        """
        if not self.dirty:
            return False
        read = {tile: self._read(octree, tile) for tile in self._affordable(sorted(self.dirty))}
        self.dirty.clear()
        for tile, columns in read.items():
            self.surfaces[tile] = _up_facing(columns)
        if self._move_floor():
            read = {tile: read.get(tile, _NONE) for tile in sorted(self.surfaces)}
        for tile, columns in read.items():
            self.codes[tile] = self._classify(self._read(octree, tile) if columns is _NONE else columns)
        return True

    def _affordable(self, tiles: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Those of the tiles that keep the rectangle around all tiles small enough for a grid. O(all tiles)."""
        every = [*self.codes, *tiles]
        low = high = every[0]
        kept = []
        for x, y in every:
            wider = (min(low[0], x), min(low[1], y)), (max(high[0], x), max(high[1], y))
            if (wider[1][0] - wider[0][0] + 1) * (wider[1][1] - wider[0][1] + 1) <= _MOST_TILES:
                low, high = wider
                kept.append((x, y))
        return kept[len(self.codes) :]

    def grid(self) -> Grid:
        """All tiles side by side. O(area of their bounding box)."""
        low, codes = self._mosaic()
        drive = (codes & 3).astype(np.uint8)
        if codes.size:
            drive = _fill_holes(drive, self.voxel_size_m)
        origin = (int(low[0]) * TILE, int(low[1]) * TILE)
        return Grid(self.voxel_size_m, origin, drive, (codes >> 2).astype(np.uint8), self.floor_z)

    def _mosaic(self) -> tuple[NDArray[np.int64], Cells]:
        """The smallest tile coordinates, and the codes of all tiles in one array."""
        tiles = np.array(sorted(self.codes), np.int64).reshape(-1, 2)
        low = tiles.min(axis=0) if len(tiles) else np.zeros(2, np.int64)
        shape = tuple((tiles.max(axis=0) - low + 1) * TILE) if len(tiles) else (0, 0)
        codes = np.zeros(shape, np.uint8)
        for (x, y), tile in self.codes.items():
            codes[_tile_slices(x - int(low[0]), y - int(low[1]))] = tile
        return low, codes

    def _read(self, octree: Columns, tile: tuple[int, int]) -> NDArray[np.int8]:
        first = np.array([tile[0] * TILE, tile[1] * TILE, self.first_layer])
        last = first + np.array([TILE - 1, TILE - 1, self.n_layers - 1])
        return octree.dense((first + 0.5) * self.voxel_size_m, (last + 0.5) * self.voxel_size_m)

    def _move_floor(self) -> bool:
        """Find the floor anew; True if it moved."""
        counts = np.sum(list(self.surfaces.values()), axis=0)
        counts[self._layers_above(self.lowest_camera_layer) :] = 0
        found = _lowest_peak(counts, _FLOOR_AREA_M2 / self.voxel_size_m**2)
        before, self.floor_seen = self.floor_layer, found is not None
        if found is None:
            self.floor_layer = self.lowest_camera_layer - round(self.robot_height_m / self.voxel_size_m)
        elif before is None or not self._still_floor(counts, before, self.first_layer + found):
            self.floor_layer = self.first_layer + found
        return self.floor_layer != before

    def _layers_above(self, camera_layer: int) -> int:
        return max(0, camera_layer - self.first_layer - round(0.15 / self.voxel_size_m))

    def _still_floor(self, counts: NDArray[np.int32], before: int, now: int) -> bool:
        index = before - self.first_layer
        near = abs(now - before) <= 1 and 0 <= index < len(counts)
        return near and bool(counts[index] > 0.5 * counts[now - self.first_layer])

    def _classify(self, columns: NDArray[np.int8]) -> Cells:
        per_m = 1.0 / self.voxel_size_m
        body = (_DRIVE_FROM_M, self.robot_height_m)
        bands = np.array([body, _HIGH_M, _MIDDLE_M, _LINTEL_M]) * per_m
        floor = 0 if self.floor_layer is None else self.floor_layer - self.first_layer
        layers = np.clip(np.ceil(bands - 1e-6) + floor, 0, self.n_layers).astype(np.int64)
        least_free = _DRIVE_SEEN * max(1.0, bands[0, 1] - bands[0, 0])
        return np.asarray(_classify_columns(columns, layers, least_free, _LINTEL_HEIGHT_M * per_m - 1e-6))

    def state(self) -> dict[str, Any]:
        """Values for `memory_core.packing.pack`."""
        tiles = sorted(self.codes)
        low, codes = self._mosaic()
        return {
            "layers": [self.reference_layer, self.lowest_camera_layer, self.floor_layer, self.floor_seen],
            "tiles": np.array(tiles, np.int32).reshape(-1, 2),
            "low_tile": low.tolist(),
            "codes": pack_runs(codes),
            "surfaces": np.array([self.surfaces[tile] for tile in tiles], np.uint16).reshape(-1, self.n_layers),
            "dirty": np.array(sorted(self.dirty), np.int32).reshape(-1, 2),
        }

    @staticmethod
    def from_state(values: dict[str, Any], voxel_size_m: float, robot_height_m: float) -> Storey:
        """The storey that gave `state`."""
        reference, lowest, floor, seen = values["layers"]
        tiles = [(int(x), int(y)) for x, y in values["tiles"]]
        codes = unpack_runs(values["codes"])
        x0, y0 = values["low_tile"]
        storey = Storey(reference, voxel_size_m, robot_height_m, floor, seen, lowest)
        storey.codes = {(x, y): codes[_tile_slices(x - x0, y - y0)].copy() for x, y in tiles}
        storey.surfaces = dict(zip(tiles, values["surfaces"].astype(np.int32), strict=True))
        storey.dirty = {(int(x), int(y)) for x, y in values["dirty"]}
        return storey


_NONE = np.zeros((0, 0, 0), np.int8)


def _tile_slices(x: int, y: int) -> tuple[slice, slice]:
    return slice(x * TILE, (x + 1) * TILE), slice(y * TILE, (y + 1) * TILE)


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


def clearance_cells(blocked: Mask) -> NDArray[np.float64]:
    """(nx, ny) distance of each cell's centre to the nearest blocked cell's centre, in cells; outside is blocked."""
    padded = np.pad(~blocked, 1).astype(np.uint8)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance[1:-1, 1:-1], np.float64)


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
            occupied, free = np.zeros(4, np.int64), np.zeros(4, np.int64)
            for band in range(4):
                for k in range(layers[band, 0], layers[band, 1]):
                    occupied[band] += columns[i, j, k] == 1
                    free[band] += columns[i, j, k] == 0
            drive = BLOCKED if occupied[0] > 0 else (OPEN if free[0] >= least_free else UNKNOWN)
            high = _majority(occupied[1], free[1])
            if occupied[3] >= least_lintel or high == BLOCKED:
                rooms = BLOCKED
            elif high == OPEN:
                rooms = OPEN
            elif _majority(occupied[2], free[2]) == BLOCKED:
                rooms = BLOCKED
            else:
                rooms = OPEN if drive == OPEN else UNKNOWN
            codes[i, j] = drive | rooms << 2
    return codes


@compiled
def _majority(occupied: int, free: int) -> int:
    """OPEN, BLOCKED or UNKNOWN by what most of the seen voxels say; one voxel alone says nothing."""
    if occupied + free < 2:
        return UNKNOWN
    return BLOCKED if occupied >= free else OPEN


def _lowest_peak(counts: NDArray[np.int32], enough: float) -> int | None:
    """The lowest layer that holds a large level surface, None if there is none.

    The floor of a room is nearly always its largest level surface, but a corner full of counters may show more
    counter than floor: a layer with three tenths of the largest counts.
    """
    spread = counts + np.append(counts[1:], 0)
    if spread.max(initial=0) < enough:
        return None
    start = int(np.flatnonzero(spread >= max(enough, 0.3 * spread.max()))[0])
    return start + int(np.argmax(counts[start : start + 3]))


def by_clearance(clearance: NDArray[np.float64], cells: Mask) -> NDArray[np.int64]:
    """(N,) flat indices of `cells`, largest clearance first, ties in order of index. O(cells)."""
    flat = np.flatnonzero(cells)
    squares = np.minimum(np.rint(clearance.ravel()[flat] ** 2), _FAR_SQUARE)
    return flat[np.argsort((_FAR_SQUARE - squares).astype(np.uint16), kind="stable")]


def _fill_holes(drive: Cells, voxel_size_m: float) -> Cells:
    """Unseen specks within open space count as open."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((drive == UNKNOWN).astype(np.uint8), connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] * voxel_size_m**2 < _HOLE_M2
    blocked = cv2.dilate((drive == BLOCKED).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    small[labels[blocked & (drive == UNKNOWN)]] = False
    filled = drive.copy()
    filled[small[labels] & (drive == UNKNOWN)] = OPEN
    return filled
