# SPDX-License-Identifier: Apache-2.0
"""The rasteriser once more in plain numpy: slower, no compiler, the yardstick for the compiled one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_core.geometry import Vec
from sim.house.raster import NEAR_M, SKY
from sim.house.scene import PLANKS, PLASTER, STRIPES, TILES, FaceArrays

_EDGE = 1e-9


def rasterise(
    arrays: FaceArrays, R: Vec, t: Vec, K: Vec, inverse_depth: NDArray[np.float32], face: NDArray[np.int32]
) -> None:
    """Fill `inverse_depth` (H, W) (0 = nothing) and `face` (H, W) (-1 = nothing) as seen with p_cam = R p + t."""
    inverse_depth[:], face[:] = 0, -1
    corners, normals = arrays.corners @ R.T + t, arrays.normals @ R.T
    distance = (normals * corners[:, 0]).sum(axis=1)
    faces_us = (distance < 0) | arrays.two_sided
    drawn = arrays.shown & (corners[..., 2] > NEAR_M).any(axis=1) & (np.abs(distance) >= 1e-7) & faces_us
    for f in np.flatnonzero(drawn):
        outline = _project(_clip(corners[f]), K)
        _fill(int(f), outline, normals[f] / distance[f], K, inverse_depth, face)


def _clip(corners: Vec) -> Vec:
    """The part of a face (4, 3) in front of the near plane, (N, 3)."""
    kept: list[Vec] = []
    for here, after in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if here[2] > NEAR_M:
            kept.append(here)
        if (here[2] > NEAR_M) != (after[2] > NEAR_M):
            kept.append(here + (NEAR_M - here[2]) / (after[2] - here[2]) * (after - here))
    return np.array(kept)


def _project(corners: Vec, K: Vec) -> Vec:
    return np.asarray(corners[:, :2] / corners[:, 2:] * [K[0, 0], K[1, 1]] + [K[0, 2], K[1, 2]])


def _fill(
    f: int, outline: Vec, plane: Vec, K: Vec, inverse_depth: NDArray[np.float32], face: NDArray[np.int32]
) -> None:
    height, width = face.shape
    first_row, last_row = max(0, int(np.ceil(outline[:, 1].min()))), min(height - 1, int(np.floor(outline[:, 1].max())))
    if first_row > last_row or outline[:, 0].max() < 0 or outline[:, 0].min() > width - 1:
        return
    rows = np.arange(first_row, last_row + 1, dtype=np.float64)
    low, high = _spans(outline, rows)
    low, high = np.ceil(np.maximum(low, 0) - _EDGE), np.floor(np.minimum(high, width - 1) + _EDGE)
    if not (low <= high).any():
        return
    columns = np.arange(int(low[low <= high].min()), int(high.max()) + 1, dtype=np.float64)
    slope_x, slope_y = plane[0] / K[0, 0], plane[1] / K[1, 1]
    constant = plane[2] - slope_x * K[0, 2] - slope_y * K[1, 2]
    z = ((constant + slope_y * rows)[:, None] + slope_x * columns).astype(np.float32)
    window = (slice(first_row, last_row + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    nearer = (columns >= low[:, None]) & (columns <= high[:, None]) & (z > inverse_depth[window])
    inverse_depth[window][nearer] = z[nearer]
    face[window][nearer] = f


def _spans(outline: Vec, rows: Vec) -> tuple[Vec, Vec]:
    """Leftmost and rightmost column (R,) of an outline (N, 2) on each row."""
    low, high = np.full(len(rows), 1e30), np.full(len(rows), -1e30)
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        on = ((y0 <= rows) & (y1 >= rows)) | ((y1 <= rows) & (y0 >= rows))
        xs = (min(x0, x1), max(x0, x1)) if y0 == y1 else (x0 + (rows - y0) * (x1 - x0) / (y1 - y0),) * 2
        low, high = np.where(on, np.minimum(low, xs[0]), low), np.where(on, np.maximum(high, xs[1]), high)
    return low, high


def shade(
    arrays: FaceArrays,
    R_world_cam: Vec,
    eye: Vec,
    K: Vec,
    inverse_depth: NDArray[np.float32],
    face: NDArray[np.int32],
    rgb: NDArray[np.uint8],
    depth: NDArray[np.float32],
    ids: NDArray[np.int32],
) -> None:
    """Fill rgb (H, W, 3), depth (H, W) metres and ids (H, W) from what `rasterise` found."""
    rgb[:], depth[:], ids[:] = SKY, 0, 0
    v, u = np.nonzero(face >= 0)
    f = face[v, u]
    z = 1.0 / inverse_depth[v, u].astype(np.float64)
    depth[v, u], ids[v, u] = z, arrays.body[f] + 1
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(len(u))], axis=1) @ R_world_cam.T
    points = eye + z[:, None] * rays
    normals = arrays.normals[f]
    normals = np.where(((normals * rays).sum(axis=1) > 0)[:, None], -normals, normals)
    to_light = arrays.light[f] - points
    distance2 = (to_light**2).sum(axis=1)
    lambert = np.maximum(0, (normals * to_light).sum(axis=1) / np.sqrt(distance2 + 1e-6))
    ambient, direct = arrays.power[f].T
    brightness = ambient + direct * lambert * 6 / (5 + distance2) + 0.25 * ambient * normals[:, 2]
    brightness = brightness * _textures(arrays, f, points)
    rgb[v, u] = np.clip(arrays.colour[f] * brightness[:, None], 0, 255).astype(np.uint8)


def _noise(a: NDArray[np.int64], b: NDArray[np.int64]) -> Vec:
    n = (a * 374761393 + b * 668265263) & 0xFFFFFFFF
    n = ((n ^ (n >> 13)) * 1274126177) & 0xFFFFFFFF
    return np.asarray(((n ^ (n >> 16)) & 255) / 255.0)


def _floor(values: Vec) -> NDArray[np.int64]:
    return np.floor(values).astype(np.int64)


def _textures(arrays: FaceArrays, f: NDArray[np.int32], points: Vec) -> Vec:
    """(N,) brightness of the pattern at points (N, 3) on faces f (N,)."""
    x, y, z = points.T
    row = _floor(y * 7)
    planks = 0.82 + 0.25 * _noise(_floor(x * 0.8 + _noise(row, np.full_like(row, 7)) * 5), row)
    planks = planks * np.where(y * 7 - row < 0.06, 0.7, 1.0)
    i, j = _floor(x * 4), _floor(y * 4)
    tiles = (0.9 + 0.15 * _noise(i, j)) * np.where((x * 4 - i < 0.04) | (y * 4 - j < 0.04), 0.75, 1.0)
    plaster = (0.97 + 0.05 * _noise(_floor((x + y) * 30), _floor(z * 30))) * np.where(z < 0.1, 0.6, 1.0)
    T, b = arrays.T_body_world[arrays.body[f]], arrays.pattern[arrays.body[f]]
    local = np.einsum("nij,nj->ni", T[:, :3, :3], points) + T[:, :3, 3]
    s = (local * b[:, :3]).sum(axis=1) * b[:, 3]
    stripes = np.where(s - np.floor(s) < 0.5, 1.0, 0.82)
    material = arrays.material[f]
    choices = [material == PLANKS, material == TILES, material == PLASTER, material == STRIPES]
    return np.select(choices, [planks, tiles, plaster, stripes], 1.0)
