# SPDX-License-Identifier: Apache-2.0
"""Polygons and oriented rectangles on the floor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memory_core.geometry import Vec


def triangulate(corners: Vec) -> list[tuple[int, int, int]]:
    """Triangles (indices) that cover a simple polygon (N, 2) given counter-clockwise; O(N^3) at worst.

    Returns fewer than N - 2 triangles only where the polygon crosses itself.
    """
    left = list(range(len(corners)))
    triangles: list[tuple[int, int, int]] = []
    while len(left) > 2:
        ear = next((k for k in range(len(left)) if _is_ear(corners, left, k)), None)
        if ear is None:
            flat = next((k for k in range(len(left)) if abs(_turn(corners, *_around(left, k))) <= 1e-9), None)
            if flat is None:
                break
            left.pop(flat)
            continue
        triangles.append(_around(left, ear))
        left.pop(ear)
    return triangles


def _around(left: Sequence[int], k: int) -> tuple[int, int, int]:
    return left[k - 1], left[k], left[(k + 1) % len(left)]


def _turn(p: Vec, a: int, b: int, c: int) -> float:
    u, v = p[b] - p[a], p[c] - p[a]
    return float(u[0] * v[1] - u[1] * v[0])


def _is_ear(p: Vec, left: Sequence[int], k: int) -> bool:
    a, b, c = _around(left, k)
    if _turn(p, a, b, c) <= 1e-9:
        return False
    others = (m for m in left if m not in (a, b, c))
    return not any(min(_turn(p, a, b, m), _turn(p, b, c, m), _turn(p, c, a, m)) >= -1e-9 for m in others)


def inside_polygon(points: Vec, corners: Vec) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(N,) whether points (N, 2) lie in a polygon (M, 2); O(N M)."""
    x, y = points[:, :1], points[:, 1:]
    x0, y0 = corners.T
    x1, y1 = np.roll(corners, -1, axis=0).T
    crosses = (y0 > y) != (y1 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        hit = crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return np.asarray(hit.sum(axis=1) % 2 == 1)


def distance_to_segments(points: Vec, starts: Vec, ends: Vec) -> Vec:
    """(N,) distance from points (N, 2) to the nearest of segments (M, 2); infinity without segments; O(N M)."""
    if len(starts) == 0:
        return np.full(len(points), np.inf)
    along = ends - starts
    length2 = np.maximum((along**2).sum(axis=1), 1e-12)
    offset = points[:, None] - starts
    share = np.clip((offset * along).sum(axis=2) / length2, 0, 1)
    return np.asarray(np.linalg.norm(offset - share[..., None] * along, axis=2).min(axis=1))


def distance_to_rectangles(points: Vec, centers: Vec, axes: Vec, halves: Vec) -> Vec:
    """(N,) distance from points (N, 2) to the nearest of oriented rectangles, 0 inside; infinity without any.

    Args:
        centers: (M, 2).
        axes: (M, 2, 2) rows are the rectangles' unit axes.
        halves: (M, 2) half lengths along the axes.
    """
    if len(centers) == 0:
        return np.full(len(points), np.inf)
    local = np.abs(np.einsum("mij,nmj->nmi", axes, points[:, None] - centers))
    return np.asarray(np.linalg.norm(np.maximum(local - halves, 0), axis=2).min(axis=1))
