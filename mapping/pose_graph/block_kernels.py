# SPDX-License-Identifier: Apache-2.0
"""Blocks of 8x8x8 voxels by coordinates, and blocks that are moved: compiled loops of the pose graph's side of the map.

Lengths are voxels. A block at (x, y, z) holds voxels 8x .. 8x + 7 and so on, z fastest; a key packs its coordinates.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mapping.compiled import compiled

UNKNOWN = -128
_BIAS = 1 << 20
_AXIS = (1 << 21) - 1
_EMPTY = -1
_REACH = 0.5  # voxels: where no block covers a voxel, one that comes this near does; seams stay closed
NOTHING = -32768


@compiled(inline="always")
def _key(x: Any, y: Any, z: Any) -> Any:
    return ((np.int64(x) + _BIAS) << 42) | ((np.int64(y) + _BIAS) << 21) | (np.int64(z) + _BIAS)


@compiled(inline="always")
def _place(key: Any, mask: Any) -> Any:
    return np.int64(((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(30)) & np.uint64(mask))


@compiled
def _row(key: Any, n: Any, keys: Any, table: Any) -> Any:
    """Row of a key; n when it is new, and then entered as such."""
    mask = table.shape[0] - 1
    place = _place(key, mask)
    while table[place] != _EMPTY:
        if keys[table[place]] == key:
            return table[place]
        place = (place + 1) & mask
    keys[n] = key
    table[place] = n
    return n


@compiled
def rows_of(blocks: Any, n: int, keys: Any, table: Any, rows: Any) -> int:
    """rows (m,) of blocks (m, 3), new ones from n on; returns how many there are then. Needs room for m more."""
    for i in range(blocks.shape[0]):
        row = _row(_key(blocks[i, 0], blocks[i, 1], blocks[i, 2]), n, keys, table)
        n += row == n
        rows[i] = row
    return n


@compiled
def see_rays(
    depth: Any, K: Any, T: Any, step_px: int, step_m: float, range_m: float, per_m: float, n: int, keys: Any,
    table: Any, rows: Any,
) -> Any:  # fmt: skip
    """Blocks along some of the rays of a depth image (H, W), up to where they end or the range; new ones are entered.

    rows gets the rows of the blocks, neighbours in it different; returns how many those are and the rows in use.
    """
    n_seen = 0
    height, width = depth.shape
    for v in range(step_px // 2, height, step_px):
        for u in range(step_px // 2, width, step_px):
            x, y = (u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1]
            length = np.sqrt(1.0 + x * x + y * y)
            reach = min(np.float64(depth[v, u]) * length, range_m) if depth[v, u] > 0 else 0.0
            last = np.int64(-1)
            for k in range(np.int64(np.floor(reach / step_m)) + 2):
                z = min(k * step_m, reach) / length
                a = np.int64(np.floor((T[0, 0] * x * z + T[0, 1] * y * z + T[0, 2] * z + T[0, 3]) * per_m))
                b = np.int64(np.floor((T[1, 0] * x * z + T[1, 1] * y * z + T[1, 2] * z + T[1, 3]) * per_m))
                c = np.int64(np.floor((T[2, 0] * x * z + T[2, 1] * y * z + T[2, 2] * z + T[2, 3]) * per_m))
                key = _key(a, b, c)
                if key == last:
                    continue
                last = key
                if n_seen == rows.shape[0] or n == keys.shape[0]:
                    return -1, n
                rows[n_seen] = _row(key, n, keys, table)
                n += rows[n_seen] == n
                n_seen += 1
    return n_seen, n


@compiled
def enter(keys: Any, n: int, table: Any) -> None:
    """Enters keys[:n], all different, into an empty table."""
    mask = table.shape[0] - 1
    for row in range(n):
        place = _place(keys[row], mask)
        while table[place] != _EMPTY:
            place = (place + 1) & mask
        table[place] = row


@compiled
def find(blocks: Any, keys: Any, table: Any, rows: Any) -> None:
    """rows (m,) of blocks (m, 3), -1 where there is none."""
    mask = table.shape[0] - 1
    for i in range(blocks.shape[0]):
        key = _key(blocks[i, 0], blocks[i, 1], blocks[i, 2])
        place = _place(key, mask)
        rows[i] = -1
        while table[place] != _EMPTY:
            if keys[table[place]] == key:
                rows[i] = table[place]
                break
            place = (place + 1) & mask


@compiled
def _bounds(block: Any, T: Any, low: Any, high: Any) -> None:
    """Voxels low .. high (3,) that a moved block may cover."""
    for r in range(3):
        center, extent = T[r, 3], _REACH
        for c in range(3):
            center += T[r, c] * (8.0 * block[c] + 4.0)
            extent += abs(T[r, c]) * 4.0
        low[r], high[r] = np.int64(np.floor(center - extent)), np.int64(np.floor(center + extent))


@compiled
def enter_targets(blocks: Any, T: Any, n: int, keys: Any, table: Any) -> int:
    """Enters the blocks that the moved blocks may cover; how many there are then, -1 when there is no room."""
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for i in range(blocks.shape[0]):
        _bounds(blocks[i], T[i], low, high)
        for x in range(low[0] >> 3, (high[0] >> 3) + 1):
            for y in range(low[1] >> 3, (high[1] >> 3) + 1):
                for z in range(low[2] >> 3, (high[2] >> 3) + 1):
                    if n == keys.shape[0]:
                        return -1
                    n += _row(_key(x, y, z), n, keys, table) == n
    return n


@compiled(inline="always")
def _first_and_end(at: Any, along: Any, low: Any, high: Any, first: Any, end: Any) -> Any:
    """The part of steps first .. end - 1 in which low <= at + step * along < high."""
    if abs(along) < 1e-12:
        return (first, end) if low <= at < high else (first, first)
    a, b = (low - at) / along, (high - at) / along
    if along < 0:
        a, b = b, a
    return max(first, np.int64(np.ceil(a))), min(end, np.int64(np.ceil(b)))


@compiled(inline="always")
def _voxel(x: Any, y: Any, z: Any) -> Any:
    u: Any = min(max(np.int64(np.floor(x)), 0), 7)
    v: Any = min(max(np.int64(np.floor(y)), 0), 7)
    w: Any = min(max(np.int64(np.floor(z)), 0), 7)
    return (u << 6) | (v << 3) | w


@compiled
def gather(
    blocks: Any, voxels: Any, nodes: Any, T: Any, seams: Any, keys: Any, table: Any, sums: Any, nearby: Any, owners: Any
) -> None:
    """Adds the log-odds of moved blocks to where their voxels come to lie.

    Args:
        blocks: (m, 3), voxels (m, 512) int8, nodes (m,) and T (m, 4, 4) float64 how each moves, in voxels.
        seams: (m, 6) uint8, 1 on the sides (-x, +x, -y, ...) where the next block moves otherwise.
        keys, table: the blocks that they may cover.
        sums: (n, 512) int16, NOTHING where nothing was added yet: sum over the blocks that cover the voxel's centre.
        nearby: (n, 512) int16, likewise: largest value of the blocks that nearly cover it.
        owners: (n,) int32 gets the newest node of the blocks that have a voxel in each.
    """
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    mask = table.shape[0] - 1
    for i in range(blocks.shape[0]):
        M, values, node = T[i], voxels[i], nodes[i]
        x0, x1 = -_REACH * seams[i, 0], 8.0 + _REACH * seams[i, 1]
        y0, y1 = -_REACH * seams[i, 2], 8.0 + _REACH * seams[i, 3]
        z0, z1 = -_REACH * seams[i, 4], 8.0 + _REACH * seams[i, 5]
        _bounds(blocks[i], M, low, high)
        dx, dy, dz = M[2, 0], M[2, 1], M[2, 2]
        length = high[2] - low[2] + 1
        c = low[2] + 0.5 - M[2, 3]
        for x in range(low[0], high[0] + 1):
            a = x + 0.5 - M[0, 3]
            for y in range(low[1], high[1] + 1):
                b = y + 0.5 - M[1, 3]
                px = M[0, 0] * a + M[1, 0] * b + dx * c - 8.0 * blocks[i, 0]
                py = M[0, 1] * a + M[1, 1] * b + dy * c - 8.0 * blocks[i, 1]
                pz = M[0, 2] * a + M[1, 2] * b + dz * c - 8.0 * blocks[i, 2]
                first, end = _first_and_end(px, dx, x0, x1, 0, length)
                first, end = _first_and_end(py, dy, y0, y1, first, end)
                first, end = _first_and_end(pz, dz, z0, z1, first, end)
                if first >= end:
                    continue
                inner, outer = _first_and_end(px, dx, 0.0, 8.0, first, end)
                inner, outer = _first_and_end(py, dy, 0.0, 8.0, inner, outer)
                inner, outer = _first_and_end(pz, dz, 0.0, 8.0, inner, outer)
                column = ((x & 7) << 6) | ((y & 7) << 3)
                k = first
                while k < end:
                    z = low[2] + k
                    stop = min(end, k + 8 - (z & 7))
                    key = _key(x >> 3, y >> 3, z >> 3)
                    place = _place(key, mask)
                    while keys[table[place]] != key:
                        place = (place + 1) & mask
                    row = table[place]
                    target, near, is_used = sums[row], nearby[row], False
                    for step in range(k, stop):
                        value = np.int16(values[_voxel(px + dx * step, py + dy * step, pz + dz * step)])
                        if value == UNKNOWN:
                            continue
                        is_used = True
                        at = column | ((low[2] + step) & 7)
                        if inner <= step < outer:
                            old = target[at]
                            target[at] = value if old == NOTHING else np.int16(old + value)
                        elif value > near[at]:
                            near[at] = value
                    if is_used and node > owners[row]:
                        owners[row] = node
                    k = stop


@compiled
def settle(sums: Any, nearby: Any, lowest: int, highest: int, voxels: Any, known: Any) -> None:
    """voxels (n, 512) int8: the sums within limits, else what is nearby, else unknown; known (n,) how many are."""
    low, high = np.int16(lowest), np.int16(highest)
    for i in range(sums.shape[0]):
        total, other, out = sums[i], nearby[i], voxels[i]
        count = np.int16(0)
        for k in range(512):
            value = total[k]
            value = other[k] if value == NOTHING else value
            within = min(max(value, low), high)
            is_known = value != NOTHING
            count = np.int16(count + np.int16(is_known))
            out[k] = np.int8(within if is_known else np.int16(UNKNOWN))
        known[i] = count
