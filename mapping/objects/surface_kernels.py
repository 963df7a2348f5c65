# SPDX-License-Identifier: Apache-2.0
"""Compiled loops of objects' surfaces and patches: the hash of voxels to owners, and the voxels of a segment.

A slot of the table holds the index of an entry, EMPTY, or DEAD where an entry was taken out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled

EMPTY = -1
DEAD = -2
SAME_VISIT = np.float32(40.0)  # nodes of the pose graph: 10 m of way
_HALF = 1 << 20  # voxel coordinates are -2^20 .. 2^20 - 1 and packed into 21 bits each


@compiled
def voxel_key(x: float, y: float, z: float) -> np.int64:
    """One whole number of three voxel coordinates; x changes it most."""
    ix = np.int64(np.floor(x)) + _HALF
    iy = np.int64(np.floor(y)) + _HALF
    iz = np.int64(np.floor(z)) + _HALF
    return np.int64((ix << 42) | (iy << 21) | iz)


@compiled
def first_slot(key: int | np.int64, mask: int) -> np.int64:
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(mask))


@compiled
def vote(
    keys: NDArray[np.int64],
    slots: NDArray[np.int32],
    entry_keys: NDArray[np.int64],
    entry_owners: NDArray[np.int32],
    votes: NDArray[np.int32],
    touched: NDArray[np.int32],
) -> int:
    """Counts into votes[owner] how many keys the owner has; returns how many owners are listed in touched."""
    n = 0
    mask = len(slots) - 1
    for key in keys:
        slot = first_slot(key, mask)
        while slots[slot] != EMPTY:
            entry = slots[slot]
            if entry >= 0 and entry_keys[entry] == key:
                owner = entry_owners[entry]
                if votes[owner] == 0 and n < len(touched):
                    touched[n] = owner
                    n += 1
                    votes[owner] = 1
                elif votes[owner] > 0:
                    votes[owner] += 1
            slot = (slot + 1) & mask
    return n


@compiled
def count_near(
    keys: NDArray[np.int64],
    owner: int,
    slots: NDArray[np.int32],
    entry_keys: NDArray[np.int64],
    entry_owners: NDArray[np.int32],
) -> int:
    """How many keys have a voxel of the owner at most one voxel away along each axis."""
    n = 0
    mask = len(slots) - 1
    for key in keys:
        found = False
        for step in range(27):
            near = key + ((step // 9 - 1) << 42) + ((step // 3 % 3 - 1) << 21) + (step % 3 - 1)
            slot = first_slot(near, mask)
            while slots[slot] != EMPTY and not found:
                entry = slots[slot]
                found = entry >= 0 and entry_keys[entry] == near and entry_owners[entry] == owner
                slot = (slot + 1) & mask
            if found:
                n += 1
                break
    return n


@compiled
def add(
    keys: NDArray[np.int64],
    points: NDArray[np.float32],
    seen: NDArray[np.uint16],
    nodes: NDArray[np.float32],
    owner: int,
    limit: int,
    slots: NDArray[np.int32],
    entry_keys: NDArray[np.int64],
    entry_owners: NDArray[np.int32],
    hits: NDArray[np.uint16],
    means: NDArray[np.float32],
    anchors: NDArray[np.float32],
    links: NDArray[np.int32],
    heads: NDArray[np.int32],
    sizes: NDArray[np.int32],
    counters: NDArray[np.int64],
) -> None:
    """Counts `seen` frames for each voxel of the owner; new voxels are taken up to its limit.

    `nodes` are those of the pose graph it was seen from. A voxel's anchor is the mean of them, as its point is that of
    the points; when it is seen again much later, from a trajectory that may have drifted, it is anchored there.
    """
    mask = len(slots) - 1
    for i in range(len(keys)):
        slot = first_slot(keys[i], mask)
        found = -1
        while slots[slot] != EMPTY:
            entry = slots[slot]
            if entry >= 0 and entry_keys[entry] == keys[i] and entry_owners[entry] == owner:
                found = entry
                break
            slot = (slot + 1) & mask
        if found < 0:
            if sizes[owner] >= limit:
                continue
            found = counters[1]
            if found >= 0:
                counters[1] = links[found]
            else:
                found = counters[0]
                counters[0] += 1
            entry_keys[found] = keys[i]
            entry_owners[found] = owner
            hits[found] = 0
            means[found] = 0.0
            anchors[found] = nodes[i]
            links[found] = heads[owner]
            heads[owner] = found
            sizes[owner] += 1
            slots[slot] = found
            counters[2] += 1
        hits[found] = min(int(hits[found]) + int(seen[i]), 60_000)
        weight = np.float32(min(1.0, float(seen[i]) / float(min(int(hits[found]), 50))))
        for axis in range(3):
            means[found, axis] += (points[i, axis] - means[found, axis]) * weight
        if abs(nodes[i] - anchors[found]) <= SAME_VISIT:
            anchors[found] += (nodes[i] - anchors[found]) * weight
        else:
            anchors[found] = max(nodes[i], anchors[found])


@compiled
def keys_of(points: NDArray[np.float32], per_m: float, keys: NDArray[np.int64]) -> None:
    """The voxels (N,) of points (N, 3) in metres."""
    for i in range(len(points)):
        keys[i] = voxel_key(points[i, 0] * per_m, points[i, 1] * per_m, points[i, 2] * per_m)


@compiled
def release(
    owner: int,
    slots: NDArray[np.int32],
    entry_keys: NDArray[np.int64],
    entry_owners: NDArray[np.int32],
    links: NDArray[np.int32],
    heads: NDArray[np.int32],
    sizes: NDArray[np.int32],
    counters: NDArray[np.int64],
) -> None:
    """Takes all entries of an owner out of the table and puts them on the free list."""
    mask = len(slots) - 1
    entry = heads[owner]
    while entry >= 0:
        slot = first_slot(entry_keys[entry], mask)
        while slots[slot] != entry:
            slot = (slot + 1) & mask
        slots[slot] = DEAD
        following = links[entry]
        entry_owners[entry] = -1
        links[entry] = counters[1]
        counters[1] = entry
        entry = following
    heads[owner] = -1
    sizes[owner] = 0


@compiled
def listed(head: int, links: NDArray[np.int32], entries: NDArray[np.int32]) -> None:
    """Writes the entries of an owner, newest first."""
    for i in range(len(entries)):
        entries[i] = head
        head = links[head]


@compiled
def rehash(slots: NDArray[np.int32], entry_keys: NDArray[np.int64], entry_owners: NDArray[np.int32], n: int) -> int:
    """Fills an empty table with the n entries that have an owner; returns how many those are."""
    mask = len(slots) - 1
    used = 0
    for entry in range(n):
        if entry_owners[entry] < 0:
            continue
        slot = first_slot(entry_keys[entry], mask)
        while slots[slot] != EMPTY:
            slot = (slot + 1) & mask
        slots[slot] = entry
        used += 1
    return used


@compiled
def is_flying(depth: NDArray[np.float32], v: int, u: int) -> bool:
    """A mixed pixel at an edge: between a near surface on one side and a far one on the other."""
    z = depth[v, u]
    jump = np.float32(0.02) + np.float32(0.03) * z
    if 0 < u < depth.shape[1] - 1:
        a, b = depth[v, u - 1], depth[v, u + 1]
        if a > 0 and b > 0 and ((a < z - jump and b > z + jump) or (a > z + jump and b < z - jump)):
            return True
    if 0 < v < depth.shape[0] - 1:
        a, b = depth[v - 1, u], depth[v + 1, u]
        if a > 0 and b > 0 and ((a < z - jump and b > z + jump) or (a > z + jump and b < z - jump)):
            return True
    return False


@compiled
def collect(
    depth: NDArray[np.float32],
    K: NDArray[np.float64],
    T: NDArray[np.float64],
    u0: int,
    v0: int,
    mask: NDArray[np.bool_],
    step: int,
    range_m: float,
    per_m: float,
    slots: NDArray[np.int32],
    keys: NDArray[np.int64],
    sums: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> tuple[int, int]:
    """Points of the mask by voxel; returns how many voxels and points. The slots are left empty as they were."""
    n, n_points = 0, 0
    table = len(slots) - 1
    used = np.empty(len(keys), np.int64)
    for row in range(0, mask.shape[0], step):
        for column in range(0, mask.shape[1], step):
            v, u = v0 + row, u0 + column
            z = np.float64(depth[v, u])
            if not mask[row, column] or z <= 0.0 or z > range_m or is_flying(depth, v, u):
                continue
            a, b = (u - K[0, 2]) * z / K[0, 0], (v - K[1, 2]) * z / K[1, 1]
            x = T[0, 0] * a + T[0, 1] * b + T[0, 2] * z + T[0, 3]
            y = T[1, 0] * a + T[1, 1] * b + T[1, 2] * z + T[1, 3]
            w = T[2, 0] * a + T[2, 1] * b + T[2, 2] * z + T[2, 3]
            key = voxel_key(x * per_m, y * per_m, w * per_m)
            slot = first_slot(key, table)
            while slots[slot] >= 0 and keys[slots[slot]] != key:
                slot = (slot + 1) & table
            entry = slots[slot]
            if entry < 0:
                if n == len(keys):
                    continue
                entry = n
                n += 1
                slots[slot] = entry
                used[entry] = slot
                keys[entry] = key
                sums[entry] = 0.0
                counts[entry] = 0
            sums[entry, 0] += x
            sums[entry, 1] += y
            sums[entry, 2] += w
            counts[entry] += 1
            n_points += 1
    for i in range(n):
        slots[used[i]] = -1
    return n, n_points
