# SPDX-License-Identifier: Apache-2.0
"""A hash table of blocks: rows of 8x8x8 voxels by Morton code.

A block's key is the Morton code of its coordinates, see `mapping.octree.morton`. The table (keys, rows) is open
addressing with a power of two of places, -1 where empty.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled

Keys = NDArray[np.int64]
Ints = NDArray[np.int32]

MAX_BLOCK = 1 << 17  # blocks from the origin along an axis: voxel coordinates then fit 21 bits
_BIAS = 1 << 20
_EMPTY = -1


@compiled(inline="always")
def _spread(value: Any) -> Any:
    """Two zero bits between the bits of a number below 2^21."""
    value = (value | (value << 32)) & 0x1F00000000FFFF
    value = (value | (value << 16)) & 0x1F0000FF0000FF
    value = (value | (value << 8)) & 0x100F00F00F00F00F
    value = (value | (value << 4)) & 0x10C30C30C30C30C3
    return (value | (value << 2)) & 0x1249249249249249


@compiled(inline="always")
def _key(x: Any, y: Any, z: Any) -> Any:
    x, y, z = np.int64(x) + _BIAS, np.int64(y) + _BIAS, np.int64(z) + _BIAS
    return (_spread(x) << 2) | (_spread(y) << 1) | _spread(z)


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
def find(blocks: Any, origin: Keys, table_keys: Keys, table_rows: Ints, rows: Ints) -> None:
    """rows (m,) of the blocks (m, 3) at coordinates from origin, -1 where there is none."""
    for i in range(blocks.shape[0]):
        key = _key(origin[0] + blocks[i, 0], origin[1] + blocks[i, 1], origin[2] + blocks[i, 2])
        rows[i] = _find(key, table_keys, table_rows)


@compiled
def find_all(keys: Any, table_keys: Keys, table_rows: Ints) -> Any:
    """Row of each key (N,), -1 where there is none."""
    rows = np.empty(keys.shape[0], np.int32)
    for i in range(keys.shape[0]):
        rows[i] = _find(keys[i], table_keys, table_rows)
    return rows
