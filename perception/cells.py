# SPDX-License-Identifier: Apache-2.0
"""Compiled loops of the geometric segmenter on a coarse grid of cells: depth, normals, flat regions, components.

A cell is a square of pixels; its depth is the middle one of those that returned. Labels are 0 for nothing.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]


def _compiled(function: Any) -> Any:
    return numba.njit(cache=True, error_model="numpy", nogil=True)(function)


@_compiled
def coarse_depth(depth: Floats, cell: int, range_m: float) -> Floats:
    """(h, w) middle depth of every second pixel of each cell, 0 where fewer than half of them returned."""
    h, w = depth.shape[0] // cell, depth.shape[1] // cell
    coarse = np.zeros((h, w), np.float32)
    values = np.empty(cell * cell, np.float32)
    for i in range(h):
        for j in range(w):
            n, looked_at = 0, 0
            for a in range(0, cell, 2):
                for b in range(0, cell, 2):
                    looked_at += 1
                    z = depth[i * cell + a, j * cell + b]
                    if not 0.0 < z <= range_m:
                        continue
                    k = n
                    while k > 0 and values[k - 1] > z:
                        values[k] = values[k - 1]
                        k -= 1
                    values[k] = z
                    n += 1
            if 2 * n >= looked_at:
                coarse[i, j] = values[(n - 1) // 2]
    return coarse


@_compiled
def points_of(coarse: Floats, cell: int, K: NDArray[np.float64]) -> Floats:
    """(h, w, 3) points of the cells, optical camera frame, metres."""
    h, w = coarse.shape
    points = np.zeros((h, w, 3), np.float32)
    middle = (cell - 1) / 2
    for i in range(h):
        for j in range(w):
            z = coarse[i, j]
            points[i, j, 0] = (j * cell + middle - K[0, 2]) / K[0, 0] * z
            points[i, j, 1] = (i * cell + middle - K[1, 2]) / K[1, 1] * z
            points[i, j, 2] = z
    return points


@_compiled
def _difference(points: Floats, i: int, j: int, di: int, dj: int, out: Floats) -> bool:
    """Slope along one direction over up to two cells each side, not across jumps of depth; False without one."""
    h, w = points.shape[0], points.shape[1]
    z = points[i, j, 2]
    jump = 0.02 + 0.03 * z
    low, high = 0, 0
    for k in range(1, 3):
        a, b = i - k * di, j - k * dj
        if a < 0 or b < 0 or points[a, b, 2] <= 0 or abs(points[a, b, 2] - z) > k * jump:
            break
        low = k
    for k in range(1, 3):
        a, b = i + k * di, j + k * dj
        if a >= h or b >= w or points[a, b, 2] <= 0 or abs(points[a, b, 2] - z) > k * jump:
            break
        high = k
    if low + high == 0:
        return False
    for axis in range(3):
        out[axis] = points[i + high * di, j + high * dj, axis] - points[i - low * di, j - low * dj, axis]
    return True


@_compiled
def normals_of(points: Floats) -> Floats:
    """(h, w, 3) unit normals towards the camera, 0 where there is none."""
    h, w = points.shape[0], points.shape[1]
    normals = np.zeros((h, w, 3), np.float32)
    a, b = np.zeros(3, np.float32), np.zeros(3, np.float32)
    for i in range(h):
        for j in range(w):
            if points[i, j, 2] <= 0 or not _difference(points, i, j, 0, 1, a) or not _difference(points, i, j, 1, 0, b):
                continue
            x, y, z = a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
            length = np.sqrt(x * x + y * y + z * z)
            if length <= 0:
                continue
            towards = x * points[i, j, 0] + y * points[i, j, 1] + z * points[i, j, 2]
            sign = -1.0 / length if towards > 0 else 1.0 / length
            normals[i, j, 0], normals[i, j, 1], normals[i, j, 2] = x * sign, y * sign, z * sign
    return normals


@_compiled
def unevenness(normals: Floats) -> Floats:
    """(h, w) how much the normals around a cell differ from its own, 0 for flat; 9 where it has none."""
    h, w = normals.shape[0], normals.shape[1]
    out = np.full((h, w), np.float32(9.0))
    for i in range(2, h - 2):
        for j in range(2, w - 2):
            if normals[i, j, 2] == 0:
                continue
            worst = 0.0
            for a, b in ((-2, 0), (2, 0), (0, -2), (0, 2)):
                dot = 0.0
                for axis in range(3):
                    dot += normals[i, j, axis] * normals[i + a, j + b, axis]
                worst = max(worst, 1.0 - dot)
            out[i, j] = worst
    return out


def flattest(uneven: Floats, limit: float) -> NDArray[np.int64]:
    """Flat indices of the cells below a limit, flattest first; equal ones in order."""
    few = np.flatnonzero(uneven.ravel() < limit)
    return few[np.argsort((uneven.ravel()[few] * (60_000 / limit)).astype(np.uint16), kind="stable")]


@_compiled
def grow_planes(
    points: Floats,
    normals: Floats,
    seeds: NDArray[np.int64],
    noise_m: float,
    noise_per_m2: float,
    per_cell: float,
    least_m2: float,
    labels: Labels,
    planes: NDArray[np.float64],
    areas: NDArray[np.float64],
) -> int:
    """Large flat regions, grown from the flattest cells; their plane follows what they take in.

    Args:
        seeds: flat indices of cells to begin at, flattest first.
        per_cell: what a cell at 1 m that faces the camera covers, square metres.
        labels: (h, w) 0 where free; regions of at least `least_m2` get 1, 2, ...; others are left 0.
        planes: (n, 4) filled with unit normal and offset, n . p = d; areas: (n,) square metres.

    Returns:
        how many regions there are.
    """
    h, w = labels.shape
    n_planes = 0
    queue = np.empty(h * w, np.int64)
    tried = np.zeros((h, w), np.int32)
    attempt = 0
    for seed in seeds:
        i0, j0 = seed // w, seed % w
        if labels[i0, j0] != 0 or tried[i0, j0] != 0:
            continue
        attempt += 1
        normal, center = normals[i0, j0].astype(np.float64), points[i0, j0].astype(np.float64)
        total_n, total_p = normal.copy(), center.copy()
        queue[0] = seed
        tried[i0, j0] = attempt
        n, head, area = 1, 0, 0.0
        while head < n:
            i, j = queue[head] // w, queue[head] % w
            head += 1
            z = points[i, j, 2]
            facing = 0.0
            for axis in range(3):
                facing -= normals[i, j, axis] * points[i, j, axis]
            facing = max(0.15, facing / np.sqrt(points[i, j, 0] ** 2 + points[i, j, 1] ** 2 + z * z))
            area += per_cell * z * z / facing
            for a, b in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                u, v = i + a, j + b
                if u < 0 or v < 0 or u >= h or v >= w or labels[u, v] != 0 or tried[u, v] == attempt:
                    continue
                zz = points[u, v, 2]
                if zz <= 0 or normals[u, v, 2] == 0:
                    continue
                distance, dot = 0.0, 0.0
                for axis in range(3):
                    distance += normal[axis] * (points[u, v, axis] - center[axis])
                    dot += normal[axis] * normals[u, v, axis]
                if abs(distance) > noise_m + noise_per_m2 * zz * zz or dot < 0.85:
                    continue
                tried[u, v] = attempt
                queue[n] = u * w + v
                n += 1
                for axis in range(3):
                    total_n[axis] += normals[u, v, axis]
                    total_p[axis] += points[u, v, axis]
                if n & (n - 1) == 0 and n >= 16:
                    length = np.sqrt(total_n[0] ** 2 + total_n[1] ** 2 + total_n[2] ** 2)
                    normal = total_n / length
                    center = total_p / n
        if area < least_m2 or n_planes == len(planes):
            continue
        length = np.sqrt(total_n[0] ** 2 + total_n[1] ** 2 + total_n[2] ** 2)
        normal, center = total_n / length, total_p / n
        for k in range(n):
            labels[queue[k] // w, queue[k] % w] = n_planes + 1
        planes[n_planes, :3] = normal
        planes[n_planes, 3] = normal[0] * center[0] + normal[1] * center[1] + normal[2] * center[2]
        areas[n_planes] = area
        n_planes += 1
    return n_planes


@_compiled
def absorb(
    points: Floats, noise_m: float, noise_per_m2: float, planes: NDArray[np.float64], n_planes: int, labels: Labels
) -> None:
    """Gives a plane the cells beside it that lie on it but have a bad normal, a few cells deep."""
    h, w = labels.shape
    for _ in range(4):
        before = labels.copy()
        for i in range(h):
            for j in range(w):
                z = points[i, j, 2]
                if before[i, j] != 0 or z <= 0:
                    continue
                limit = 1.3 * (noise_m + noise_per_m2 * z * z)
                for a, b in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                    u, v = i + a, j + b
                    if u < 0 or v < 0 or u >= h or v >= w:
                        continue
                    k = before[u, v] - 1
                    if k < 0:
                        continue
                    distance = -planes[k, 3]
                    for axis in range(3):
                        distance += planes[k, axis] * points[i, j, axis]
                    if abs(distance) <= limit:
                        labels[i, j] = k + 1
                        break


@_compiled
def components(points: Floats, taken: Labels, labels: Labels) -> int:
    """Connected cells that no plane has taken, not connected across jumps of depth; returns how many."""
    h, w = labels.shape
    queue = np.empty(h * w, np.int64)
    n_labels = 0
    for i0 in range(h):
        for j0 in range(w):
            if points[i0, j0, 2] <= 0 or taken[i0, j0] != 0 or labels[i0, j0] != 0:
                continue
            n_labels += 1
            labels[i0, j0] = n_labels
            queue[0] = i0 * w + j0
            n, head = 1, 0
            while head < n:
                i, j = queue[head] // w, queue[head] % w
                head += 1
                z = points[i, j, 2]
                for a, b in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                    u, v = i + a, j + b
                    if u < 0 or v < 0 or u >= h or v >= w or taken[u, v] != 0 or labels[u, v] != 0:
                        continue
                    zz = points[u, v, 2]
                    if zz <= 0 or abs(zz - z) > 0.015 + 0.02 * z:
                        continue
                    labels[u, v] = n_labels
                    queue[n] = u * w + v
                    n += 1
    return n_labels


@_compiled
def hidden_share(points: Floats, labels: Labels, n_labels: int) -> NDArray[np.float64]:
    """(n_labels + 1,) share of each component's outline that something nearer cuts off."""
    h, w = labels.shape
    outline = np.zeros(n_labels + 1, np.float64)
    hidden = np.zeros(n_labels + 1, np.float64)
    for i in range(h):
        for j in range(w):
            k = labels[i, j]
            if k == 0:
                continue
            z = points[i, j, 2]
            for a, b in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                u, v = i + a, j + b
                if u < 0 or v < 0 or u >= h or v >= w or labels[u, v] == k:
                    continue
                outline[k] += 1.0
                zz = points[u, v, 2]
                if zz > 0 and zz < z - 0.03 - 0.02 * z:
                    hidden[k] += 1.0
    for k in range(n_labels + 1):
        hidden[k] /= max(1.0, outline[k])
    return hidden


@_compiled
def outlines(labels: Labels, n_labels: int) -> NDArray[np.int64]:
    """(n_labels + 1, 5) count, first row, first column, last row, last column of each component."""
    h, w = labels.shape
    found = np.zeros((n_labels + 1, 5), np.int64)
    found[:, 1] = h
    found[:, 2] = w
    found[:, 3:] = -1
    for i in range(h):
        for j in range(w):
            k = labels[i, j]
            found[k, 0] += 1
            found[k, 1] = min(found[k, 1], i)
            found[k, 2] = min(found[k, 2], j)
            found[k, 3] = max(found[k, 3], i)
            found[k, 4] = max(found[k, 4], j)
    return found
