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
    height, width = face.shape
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    inverse_depth[:] = np.float32(0)
    face[:] = -1
    p = np.empty((4, 3))
    q = np.empty((6, 2))
    for f in range(corners.shape[0]):
        if not shown[f]:
            continue
        n_front = 0
        for k in range(4):
            for axis in range(3):
                p[k, axis] = (
                    R[axis, 0] * corners[f, k, 0] + R[axis, 1] * corners[f, k, 1] + R[axis, 2] * corners[f, k, 2]
                ) + t[axis]
            if p[k, 2] > NEAR_M:
                n_front += 1
        if n_front == 0:
            continue
        nx = R[0, 0] * normals[f, 0] + R[0, 1] * normals[f, 1] + R[0, 2] * normals[f, 2]
        ny = R[1, 0] * normals[f, 0] + R[1, 1] * normals[f, 1] + R[1, 2] * normals[f, 2]
        nz = R[2, 0] * normals[f, 0] + R[2, 1] * normals[f, 1] + R[2, 2] * normals[f, 2]
        distance = nx * p[0, 0] + ny * p[0, 1] + nz * p[0, 2]
        if abs(distance) < 1e-7 or (distance > 0 and not two_sided[f]):
            continue
        n_corners = 0
        for k in range(4):
            after = (k + 1) % 4
            if p[k, 2] > NEAR_M:
                q[n_corners, 0] = fx * p[k, 0] / p[k, 2] + cx
                q[n_corners, 1] = fy * p[k, 1] / p[k, 2] + cy
                n_corners += 1
            if (p[k, 2] > NEAR_M) != (p[after, 2] > NEAR_M):
                share = (NEAR_M - p[k, 2]) / (p[after, 2] - p[k, 2])
                q[n_corners, 0] = fx * (p[k, 0] + share * (p[after, 0] - p[k, 0])) / NEAR_M + cx
                q[n_corners, 1] = fy * (p[k, 1] + share * (p[after, 1] - p[k, 1])) / NEAR_M + cy
                n_corners += 1
        left, right, top, bottom = q[0, 0], q[0, 0], q[0, 1], q[0, 1]
        for k in range(1, n_corners):
            left, right = min(left, q[k, 0]), max(right, q[k, 0])
            top, bottom = min(top, q[k, 1]), max(bottom, q[k, 1])
        if right < 0 or left > width - 1 or bottom < 0 or top > height - 1:
            continue
        slope_x, slope_y = nx / (fx * distance), ny / (fy * distance)
        constant = nz / distance - slope_x * cx - slope_y * cy
        for v in range(max(0, math.ceil(top)), min(height - 1, math.floor(bottom)) + 1):
            low, high = 1e30, -1e30
            for k in range(n_corners):
                after = (k + 1) % n_corners
                y0, y1 = q[k, 1], q[after, 1]
                if (y0 <= v and y1 >= v) or (y1 <= v and y0 >= v):
                    if y0 == y1:
                        low, high = min(low, q[k, 0], q[after, 0]), max(high, q[k, 0], q[after, 0])
                    else:
                        x = q[k, 0] + (v - y0) * (q[after, 0] - q[k, 0]) / (y1 - y0)
                        low, high = min(low, x), max(high, x)
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
            brightness = 0.4 + 0.6 * lambert * 6 / (5 + distance2) + 0.1 * nz
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
