# SPDX-License-Identifier: Apache-2.0
"""The hash table of blocks, and everything that finds voxels through it: compiled loops of the octree, map side.

A block of 8x8x8 voxels has a key: its three coordinates, 21 bits each. The table (keys, rows) is open addressing with a
power of two of places, -1 where empty. Voxel coordinates are floor(metres / voxel size).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled

Keys = NDArray[np.int64]
Ints = NDArray[np.int32]

MAX_BLOCK = 1 << 17  # blocks from the origin along an axis: voxel coordinates then fit 21 bits
UNKNOWN = -128
_BIAS = 1 << 20
_EMPTY = -1
_FAR = 1e300


@compiled(inline="always")
def _key(x: Any, y: Any, z: Any) -> Any:
    return ((np.int64(x) + _BIAS) << 42) | ((np.int64(y) + _BIAS) << 21) | (np.int64(z) + _BIAS)


@compiled(inline="always")
def _place(key: Any, mask: Any) -> Any:
    return np.int64(((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(30)) & np.uint64(mask))


@compiled
def _find(key: Any, table_keys: Keys, table_rows: Ints) -> Any:
    """Row of a block, -1 when there is none."""
    mask = table_keys.shape[0] - 1
    place = _place(key, mask)
    while table_keys[place] != key:
        if table_keys[place] == _EMPTY:
            return -1
        place = (place + 1) & mask
    return table_rows[place]


@compiled
def insert(keys: Keys, first: int, table_keys: Keys, table_rows: Ints) -> None:
    """Enters keys[first:], which are not in the table yet, with their index as row."""
    mask = table_keys.shape[0] - 1
    for row in range(first, keys.shape[0]):
        place = _place(keys[row], mask)
        while table_keys[place] != _EMPTY:
            place = (place + 1) & mask
        table_keys[place], table_rows[place] = keys[row], row


@compiled
def allocate(blocks: Ints, origin: Keys, n: int, keys: Keys, table_keys: Keys, table_rows: Ints, rows: Ints) -> int:
    """rows (m,) of the blocks (m, 3 or more) at local coordinates from origin; makes those that are missing.

    n rows of `keys` are in use; returns how many are afterwards. There must be room for m more.
    """
    mask = table_keys.shape[0] - 1
    for i in range(blocks.shape[0]):
        key = _key(origin[0] + blocks[i, 0], origin[1] + blocks[i, 1], origin[2] + blocks[i, 2])
        place = _place(key, mask)
        while table_keys[place] != key and table_keys[place] != _EMPTY:
            place = (place + 1) & mask
        if table_keys[place] == _EMPTY:
            table_keys[place], table_rows[place], keys[n] = key, n, key
            n += 1
        rows[i] = table_rows[place]
    return n


@compiled
def find_all(keys: Any, table_keys: Keys, table_rows: Ints) -> Any:
    """Row of each key (N,), -1 where there is none."""
    rows = np.empty(keys.shape[0], np.int32)
    for i in range(keys.shape[0]):
        rows[i] = _find(keys[i], table_keys, table_rows)
    return rows


@compiled(inline="always")
def _in_block(x: Any, y: Any, z: Any) -> Any:
    return ((x & 7) << 6) | ((y & 7) << 3) | (z & 7)


@compiled
def values_at(points: Any, per_metre: float, table_keys: Keys, table_rows: Ints, voxels: Any) -> Any:
    """Log-odds steps at points (N, 3) in metres; -128 where unknown, not finite, or out of the map's range."""
    values = np.full(points.shape[0], UNKNOWN, np.int8)
    limit = 8.0 * MAX_BLOCK
    for i in range(points.shape[0]):
        x, y, z = points[i, 0] * per_metre, points[i, 1] * per_metre, points[i, 2] * per_metre
        if abs(x) < limit and abs(y) < limit and abs(z) < limit:
            a, b, c = np.int64(np.floor(x)), np.int64(np.floor(y)), np.int64(np.floor(z))
            row = _find(_key(a >> 3, b >> 3, c >> 3), table_keys, table_rows)
            if row >= 0:
                values[i] = voxels[row, _in_block(a, b, c)]
    return values


@compiled
def fill_box(low: Keys, table_keys: Keys, table_rows: Ints, voxels: Any, box: Any) -> None:
    """box (nx, ny, nz): occupancy (-1, 0, 1) of the voxels from `low` on."""
    nx, ny, nz = box.shape
    box[:] = -1
    for bx in range(low[0] >> 3, ((low[0] + nx - 1) >> 3) + 1):
        for by in range(low[1] >> 3, ((low[1] + ny - 1) >> 3) + 1):
            for bz in range(low[2] >> 3, ((low[2] + nz - 1) >> 3) + 1):
                row = _find(_key(bx, by, bz), table_keys, table_rows)
                if row < 0:
                    continue
                for x in range(max(bx * 8, low[0]), min(bx * 8 + 8, low[0] + nx)):
                    for y in range(max(by * 8, low[1]), min(by * 8 + 8, low[1] + ny)):
                        for z in range(max(bz * 8, low[2]), min(bz * 8 + 8, low[2] + nz)):
                            value = voxels[row, _in_block(x, y, z)]
                            known = -1 if value == UNKNOWN else (1 if value >= 0 else 0)
                            box[x - low[0], y - low[1], z - low[2]] = known


@compiled(inline="always")
def _crossing(position: Any, direction: Any, low: Any, size: Any) -> Any:
    """Distance along the ray at which it leaves low .. low + size on one axis."""
    if direction > 0:
        return (low + size - position) / direction
    if direction < 0:
        return (low - position) / direction
    return _FAR


@compiled
def _first_in_block(
    px: Any, py: Any, pz: Any, dx: Any, dy: Any, dz: Any, bx: Any, by: Any, bz: Any, distance: Any, voxels: Any
) -> Any:
    """Distance at which the ray enters the first occupied voxel of a block that it is in at `distance`, or -1."""
    x = min(max(np.int64(np.floor(px + distance * dx)), bx * 8), bx * 8 + 7)
    y = min(max(np.int64(np.floor(py + distance * dy)), by * 8), by * 8 + 7)
    z = min(max(np.int64(np.floor(pz + distance * dz)), bz * 8), bz * 8 + 7)
    step_x, step_y, step_z = 1 if dx > 0 else -1, 1 if dy > 0 else -1, 1 if dz > 0 else -1
    next_x, next_y, next_z = _crossing(px, dx, x, 1), _crossing(py, dy, y, 1), _crossing(pz, dz, z, 1)
    width_x = abs(1 / dx) if dx != 0 else _FAR
    width_y = abs(1 / dy) if dy != 0 else _FAR
    width_z = abs(1 / dz) if dz != 0 else _FAR
    while (x >> 3) == bx and (y >> 3) == by and (z >> 3) == bz:
        if voxels[_in_block(x, y, z)] >= 0:
            return distance
        if next_x <= next_y and next_x <= next_z:
            distance, x, next_x = next_x, x + step_x, next_x + width_x
        elif next_y <= next_z:
            distance, y, next_y = next_y, y + step_y, next_y + width_y
        else:
            distance, z, next_z = next_z, z + step_z, next_z + width_z
    return -1.0


@compiled
def cast_rays(
    origins: Any, directions: Any, limit: float, table_keys: Keys, table_rows: Ints, voxels: Any, counts: Any
) -> Any:
    """Distance to the first occupied voxel along each ray, infinity when there is none within `limit`.

    origins (N, 3) in voxels, directions (N, 3) of unit length. Blocks without occupied voxels are crossed in one step.
    """
    distances = np.full(origins.shape[0], np.inf)
    for i in range(origins.shape[0]):
        px, py, pz = origins[i, 0], origins[i, 1], origins[i, 2]
        dx, dy, dz = directions[i, 0], directions[i, 1], directions[i, 2]
        bx, by, bz = np.int64(np.floor(px)) >> 3, np.int64(np.floor(py)) >> 3, np.int64(np.floor(pz)) >> 3
        distance = 0.0
        while distance <= limit and max(abs(bx), abs(by), abs(bz)) <= MAX_BLOCK:
            row = _find(_key(bx, by, bz), table_keys, table_rows)
            if row >= 0 and counts[row, 0] > 0:
                found = _first_in_block(px, py, pz, dx, dy, dz, bx, by, bz, distance, voxels[row])
                if found >= 0:
                    distances[i] = found if found <= limit else np.inf
                    break
            out_x = _crossing(px, dx, bx * 8, 8)
            out_y = _crossing(py, dy, by * 8, 8)
            out_z = _crossing(pz, dz, bz * 8, 8)
            if out_x <= out_y and out_x <= out_z:
                distance, bx = max(distance, out_x), bx + (1 if dx > 0 else -1)
            elif out_y <= out_z:
                distance, by = max(distance, out_y), by + (1 if dy > 0 else -1)
            else:
                distance, bz = max(distance, out_z), bz + (1 if dz > 0 else -1)
    return distances
