# SPDX-License-Identifier: Apache-2.0
"""Keys of blocks and the hash table from key to row: three coordinates of 21 bits each, and open addressing.

The table (keys, rows) has a power of two of places, -1 where empty.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled

Keys = NDArray[np.int64]
Ints = NDArray[np.int32]

MAX_BLOCK = 1 << 17  # blocks from the origin along an axis, as in the octree
_BIAS = 1 << 20
_AXIS = (1 << 21) - 1
_EMPTY = -1


def keys_of(blocks: Keys) -> Keys:
    """Keys (N,) of block coordinates (N, 3); they sort as the coordinates do."""
    biased = blocks + _BIAS
    return np.asarray((biased[:, 0] << 42) | (biased[:, 1] << 21) | biased[:, 2], np.int64)


def blocks_of(keys: Keys) -> Keys:
    """Block coordinates (N, 3) of keys (N,)."""
    return np.stack([(keys >> 42) & _AXIS, (keys >> 21) & _AXIS, keys & _AXIS], axis=1) - _BIAS


def in_range(blocks: Keys) -> bool:
    """Whether all block coordinates can be in a map."""
    return bool((np.abs(blocks) < MAX_BLOCK).all())


@compiled(inline="always")
def _key(x: Any, y: Any, z: Any) -> Any:
    return ((np.int64(x) + _BIAS) << 42) | ((np.int64(y) + _BIAS) << 21) | (np.int64(z) + _BIAS)


@compiled(inline="always")
def _place(key: Any, table_keys: Keys) -> Any:
    """Where a key is, or the empty place where it belongs."""
    mask = table_keys.shape[0] - 1
    place = np.int64(((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(30)) & np.uint64(mask))
    while table_keys[place] != key and table_keys[place] != _EMPTY:
        place = (place + 1) & mask
    return place


@compiled
def insert(keys: Keys, table_keys: Keys, table_rows: Ints) -> None:
    """Enters keys, which are not in the table yet, with their index as row."""
    for row in range(keys.shape[0]):
        place = _place(keys[row], table_keys)
        table_keys[place], table_rows[place] = keys[row], row


@compiled
def allocate(blocks: Ints, origin: Keys, n: int, keys: Keys, table_keys: Keys, table_rows: Ints, rows: Ints) -> int:
    """rows (m,) of the blocks (m, 3) at local coordinates from origin; makes those that are missing.

    n rows of `keys` are in use; returns how many are afterwards. There must be room for m more.
    """
    for i in range(blocks.shape[0]):
        key = _key(origin[0] + blocks[i, 0], origin[1] + blocks[i, 1], origin[2] + blocks[i, 2])
        place = _place(key, table_keys)
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
        place = _place(key, table_keys)
        rows[i] = table_rows[place] if table_keys[place] == key else -1
