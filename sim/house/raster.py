# SPDX-License-Identifier: Apache-2.0
"""The z-buffer rasteriser, compiled: planar convex faces to inverse depth, face numbers and colours.

Depth of a pixel follows from the plane of its face, not from interpolated corners, so it is exact to float32.
Kernels of this file call only kernels of this file (see mapping.compiled).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled
from memory_core.geometry import Vec

NEAR_M = 0.05
SKY = (160, 190, 220)
_EDGE = 1e-9


@compiled
def rasterise(
    corners: Vec,
    normals: Vec,
    two_sided: NDArray[np.bool_],
    shown: NDArray[np.bool_],
    R: Vec,
    t: Vec,
    K: Vec,
    inverse_depth: NDArray[np.float32],
    face: NDArray[np.int32],
) -> None:
    """Fill `inverse_depth` (H, W) (0 = nothing) and `face` (H, W) (-1 = nothing) as seen with p_cam = R p + t."""
    inverse_depth[:] = np.float32(0)
    face[:] = -1
    p = np.empty((4, 3))
    outline = np.empty((6, 2))
    plane = np.empty(3)
    for f in range(corners.shape[0]):
        if not shown[f] or not _to_camera(corners[f], R, t, p):
            continue
        for axis in range(3):
            plane[axis] = R[axis, 0] * normals[f, 0] + R[axis, 1] * normals[f, 1] + R[axis, 2] * normals[f, 2]
        distance = plane[0] * p[0, 0] + plane[1] * p[0, 1] + plane[2] * p[0, 2]
        if abs(distance) < 1e-7 or (distance > 0 and not two_sided[f]):
            continue
        n_corners = _project(p, K, outline)
        # 1 / z over the image: constant + slope_x u + slope_y v
        slope_x, slope_y = plane[0] / (K[0, 0] * distance), plane[1] / (K[1, 1] * distance)
        constant = plane[2] / distance - slope_x * K[0, 2] - slope_y * K[1, 2]
        _fill(f, outline, n_corners, constant, slope_x, slope_y, inverse_depth, face)


@compiled
def _to_camera(corners: Vec, R: Vec, t: Vec, p: Vec) -> bool:
    """Fill p (4, 3) with a face's corners in the camera frame; whether any is in front of the near plane."""
    in_front = False
    for k in range(4):
        for axis in range(3):
            p[k, axis] = (R[axis, 0] * corners[k, 0] + R[axis, 1] * corners[k, 1] + R[axis, 2] * corners[k, 2]) + t[
                axis
            ]
        in_front = in_front or p[k, 2] > NEAR_M
    return in_front


@compiled
def _project(p: Vec, K: Vec, outline: Vec) -> int:
    """Fill outline (6, 2) with the pixels of a face (4, 3), cut at the near plane; the number of its corners."""
    n = 0
    for k in range(4):
        after = (k + 1) % 4
        if p[k, 2] > NEAR_M:
            outline[n, 0] = K[0, 0] * p[k, 0] / p[k, 2] + K[0, 2]
            outline[n, 1] = K[1, 1] * p[k, 1] / p[k, 2] + K[1, 2]
            n += 1
        if (p[k, 2] > NEAR_M) != (p[after, 2] > NEAR_M):
            share = (NEAR_M - p[k, 2]) / (p[after, 2] - p[k, 2])
            outline[n, 0] = K[0, 0] * (p[k, 0] + share * (p[after, 0] - p[k, 0])) / NEAR_M + K[0, 2]
            outline[n, 1] = K[1, 1] * (p[k, 1] + share * (p[after, 1] - p[k, 1])) / NEAR_M + K[1, 2]
            n += 1
    return n


@compiled
def _fill(
    f: int,
    outline: Vec,
    n_corners: int,
    constant: float,
    slope_x: float,
    slope_y: float,
    inverse_depth: NDArray[np.float32],
    face: NDArray[np.int32],
) -> None:
    """Draw a face where it is nearer than what is there."""
    height, width = face.shape
    left, right, top, bottom = 1e30, -1e30, 1e30, -1e30
    for k in range(n_corners):
        left, right = min(left, outline[k, 0]), max(right, outline[k, 0])
        top, bottom = min(top, outline[k, 1]), max(bottom, outline[k, 1])
    if right < 0 or left > width - 1 or bottom < 0 or top > height - 1:
        return
    for v in range(max(0, math.ceil(top)), min(height - 1, math.floor(bottom)) + 1):
        low, high = _span(outline, n_corners, v)
        if high < low:
            continue
        row = constant + slope_y * v
        first = math.ceil(max(low, 0.0) - _EDGE)
        last = math.floor(min(high, width - 1.0) + _EDGE)
        for u in range(first, last + 1):
            z = np.float32(row + slope_x * u)
            if z > inverse_depth[v, u]:
                inverse_depth[v, u] = z
                face[v, u] = f


@compiled
def _span(outline: Vec, n_corners: int, v: int) -> tuple[float, float]:
    """Leftmost and rightmost column of an outline on a row; the first greater than the second where it has none."""
    low, high = 1e30, -1e30
    for k in range(n_corners):
        after = (k + 1) % n_corners
        y0, y1 = outline[k, 1], outline[after, 1]
        if (y0 <= v and y1 >= v) or (y1 <= v and y0 >= v):
            if y0 == y1:
                low, high = min(low, outline[k, 0], outline[after, 0]), max(high, outline[k, 0], outline[after, 0])
            else:
                x = outline[k, 0] + (v - y0) * (outline[after, 0] - outline[k, 0]) / (y1 - y0)
                low, high = min(low, x), max(high, x)
    return low, high


@compiled
def _noise(a: int, b: int) -> float:
    """A number in 0..1 that depends on two whole numbers."""
    n = (a * 374761393 + b * 668265263) & 0xFFFFFFFF
    n = ((n ^ (n >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((n ^ (n >> 16)) & 255) / 255.0


@compiled
def _texture(material: int, x: float, y: float, z: float) -> float:
    """Brightness of a building's surface at a point of the world."""
    if material == 1:
        row = math.floor(y * 7)
        plank = math.floor(x * 0.8 + _noise(row, 7) * 5)
        seam = 0.7 if y * 7 - row < 0.06 else 1.0
        return (0.82 + 0.25 * _noise(plank, row)) * seam
    if material == 2:
        i, j = math.floor(x * 4), math.floor(y * 4)
        seam = 0.75 if x * 4 - i < 0.04 or y * 4 - j < 0.04 else 1.0
        return (0.9 + 0.15 * _noise(i, j)) * seam
    if material == 3:
        board = 0.6 if z < 0.1 else 1.0
        return (0.97 + 0.05 * _noise(math.floor((x + y) * 30), math.floor(z * 30))) * board
    return 1.0


@compiled
def shade(
    inverse_depth: NDArray[np.float32],
    face: NDArray[np.int32],
    normals: Vec,
    body: NDArray[np.int32],
    colour: NDArray[np.float32],
    material: NDArray[np.int32],
    light: Vec,
    power: Vec,
    T_body_world: Vec,
    pattern: Vec,
    R_world_cam: Vec,
    eye: Vec,
    K: Vec,
    rgb: NDArray[np.uint8],
    depth: NDArray[np.float32],
    ids: NDArray[np.int32],
) -> None:
    """Fill rgb (H, W, 3), depth (H, W) metres and ids (H, W) from what `rasterise` found."""
    height, width = face.shape
    for v in range(height):
        dy = (v - K[1, 2]) / K[1, 1]
        for u in range(width):
            f = face[v, u]
            if f < 0:
                depth[v, u], ids[v, u] = np.float32(0), 0
                rgb[v, u, 0], rgb[v, u, 1], rgb[v, u, 2] = SKY
                continue
            z = 1.0 / inverse_depth[v, u]
            depth[v, u], ids[v, u] = np.float32(z), body[f] + 1
            dx = (u - K[0, 2]) / K[0, 0]
            vx = R_world_cam[0, 0] * dx + R_world_cam[0, 1] * dy + R_world_cam[0, 2]
            vy = R_world_cam[1, 0] * dx + R_world_cam[1, 1] * dy + R_world_cam[1, 2]
            vz = R_world_cam[2, 0] * dx + R_world_cam[2, 1] * dy + R_world_cam[2, 2]
            px, py, pz = eye[0] + z * vx, eye[1] + z * vy, eye[2] + z * vz
            nx, ny, nz = normals[f, 0], normals[f, 1], normals[f, 2]
            if nx * vx + ny * vy + nz * vz > 0:
                nx, ny, nz = -nx, -ny, -nz
            lx, ly, lz = light[f, 0] - px, light[f, 1] - py, light[f, 2] - pz
            distance2 = lx * lx + ly * ly + lz * lz
            lambert = max(0.0, (nx * lx + ny * ly + nz * lz) / math.sqrt(distance2 + 1e-6))
            brightness = power[f, 0] + power[f, 1] * lambert * 6 / (5 + distance2) + 0.25 * power[f, 0] * nz
            if material[f] == 4:
                T, b = T_body_world[body[f]], pattern[body[f]]
                x = T[0, 0] * px + T[0, 1] * py + T[0, 2] * pz + T[0, 3]
                y = T[1, 0] * px + T[1, 1] * py + T[1, 2] * pz + T[1, 3]
                h = T[2, 0] * px + T[2, 1] * py + T[2, 2] * pz + T[2, 3]
                s = (x * b[0] + y * b[1] + h * b[2]) * b[3]
                brightness *= 1.0 if s - math.floor(s) < 0.5 else 0.82
            else:
                brightness *= _texture(material[f], px, py, pz)
            for c in range(3):
                rgb[v, u, c] = np.uint8(min(255.0, max(0.0, colour[f, c] * brightness)))
