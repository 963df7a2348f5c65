# SPDX-License-Identifier: Apache-2.0
"""What a depth image says about the voxels of visible blocks, as kernels: `mapping.octree.update` for many threads."""
# mypy: ignore-errors

import warp as wp

from mapping.gpu.shared_kernels import OPTIONS
from mapping.gpu.view_kernels import ALL_FREE, INSIDE, NEAR, Camera, Pyramid
from mapping.octree import update

wp.set_module_options(OPTIONS)

HIT = wp.constant(update.HIT)
MISS = wp.constant(update.MISS)
LOWEST = wp.constant(update.LOWEST)
HIGHEST = wp.constant(update.HIGHEST)
UNKNOWN = wp.constant(update.UNKNOWN)
BEHIND = wp.constant(wp.float32(1e-3))
SLACK = wp.constant(wp.float32(0.7))


@wp.kernel
def mark_hits(
    ends: wp.array2d(dtype=wp.float32), columns: wp.array(dtype=wp.float32), rows: wp.array(dtype=wp.float32),
    camera: Camera, offset: int, first: wp.vec3i, table: wp.array3d(dtype=wp.int32),
    block_table: wp.array2d(dtype=wp.int32), blocks: wp.array2d(dtype=wp.int32), hits: wp.array2d(dtype=wp.uint8),
):  # fmt: skip
    """Sets hits[row of the block, voxel] to 1 where a pixel ends, and tells the block; `first` is the first cell."""
    v, u = wp.tid()
    end = ends[v, u]
    if end <= wp.float32(0.0):
        return
    r = end + BEHIND
    R = camera.R
    slope = rows[v]
    shift = wp.float32(offset)
    x = int((R[0, 0] * columns[u] + (R[0, 1] * slope + R[0, 2])) * r + (camera.t[0] + shift))
    y = int((R[1, 0] * columns[u] + (R[1, 1] * slope + R[1, 2])) * r + (camera.t[1] + shift))
    z = int((R[2, 0] * columns[u] + (R[2, 1] * slope + R[2, 2])) * r + (camera.t[2] + shift))
    i = (x >> 6) - offset / 64 - first[0]
    j = (y >> 6) - offset / 64 - first[1]
    k = (z >> 6) - offset / 64 - first[2]
    if i < 0 or j < 0 or k < 0 or i >= table.shape[0] or j >= table.shape[1] or k >= table.shape[2]:
        return
    cell = table[i, j, k]
    if cell < 0:
        return
    row = block_table[cell, ((x & 56) << 3) | (y & 56) | ((z & 56) >> 3)]
    if row >= 0:
        hits[row, ((x & 7) << 6) | ((y & 7) << 3) | (z & 7)] = wp.uint8(1)
        blocks[row, 5] = 1


@wp.func
def _looked_through_inside(x: wp.float32, y: wp.float32, depth: wp.float32, camera: Camera, level: int, around: bool,
                           pyramid: Pyramid):  # fmt: skip
    """Whether a voxel of a block wholly inside the image is nearer than the farthest reach around it.

    x and y are times focal length.
    """
    half = wp.float32(0.5)
    scale = wp.float32(1.0) / wp.float32(1 << level)
    inverse = scale / depth
    u = x * inverse + (camera.cx + half) * scale
    v = y * inverse + (camera.cy + half) * scale
    at = pyramid.levels[level, 0] + int(v) * pyramid.levels[level, 1] + int(u)
    reach = pyramid.farthest[at]
    if around:
        reach = pyramid.around[at]
    return depth < reach


@wp.func
def _looked_through(x: wp.float32, y: wp.float32, depth: wp.float32, camera: Camera, level: int, around: bool,
                    pyramid: Pyramid):  # fmt: skip
    """The same for any voxel; those behind the camera or too far outside the image are not."""
    half = wp.float32(0.5)
    zero = wp.float32(0.0)
    scale = wp.float32(1.0) / wp.float32(1 << level)
    inverse = scale / wp.max(depth, NEAR)
    u = x * inverse + (camera.cx + half) * scale
    v = y * inverse + (camera.cy + half) * scale
    column = wp.min(wp.max(u, zero), camera.last_u * scale)
    row = wp.min(wp.max(v, zero), camera.last_v * scale)
    slack_u = SLACK * camera.fx
    slack_v = SLACK * camera.fy
    if not (wp.abs(column - u) <= inverse * slack_u and wp.abs(row - v) <= inverse * slack_v and depth > NEAR):
        return False
    at = pyramid.levels[level, 0] + int(row) * pyramid.levels[level, 1] + int(column)
    reach = pyramid.farthest[at]
    if around:
        reach = pyramid.around[at]
    return depth < reach


@wp.func
def _next(old: int, through: bool, hit: bool):
    """Log-odds after the frame; an end outweighs being looked through."""
    known = wp.where(old == UNKNOWN, 0, old)
    if hit:
        return wp.min(known + HIT, HIGHEST)
    if through:
        return wp.max(known + MISS, LOWEST)
    return old


@wp.kernel
def update_blocks(
    blocks: wp.array2d(dtype=wp.int32), rows: wp.array(dtype=wp.int32), hits: wp.array2d(dtype=wp.uint8),
    camera: Camera, pyramid: Pyramid, voxels: wp.array2d(dtype=wp.int8), tally: wp.array(dtype=wp.int32),
):  # fmt: skip
    """Adds one frame to the visible blocks and clears their hits. One thread for 8 voxels; row 0 needs nothing.

    tally (n,), zeros before, gets voxels that differ + occupied ones * 2^10 + known ones * 2^20.
    """
    n, strip = wp.tid()
    row = rows[n]
    if row == 0:
        return
    R = camera.R
    half = wp.float32(0.5)
    x = wp.float32(blocks[n, 0] * 8) + half - camera.t[0]
    y = wp.float32(blocks[n, 1] * 8) + half - camera.t[1]
    z = wp.float32(blocks[n, 2] * 8) + half - camera.t[2]
    X = (R[0, 0] * x + R[1, 0] * y + R[2, 0] * z) * camera.fx
    Y = (R[0, 1] * x + R[1, 1] * y + R[2, 1] * z) * camera.fy
    Z = R[0, 2] * x + R[1, 2] * y + R[2, 2] * z
    kind = blocks[n, 3]
    level = wp.max(blocks[n, 4], 0)
    around = blocks[n, 4] >= 0
    any_hit = blocks[n, 5] != 0
    a = wp.float32(strip >> 3)
    b = wp.float32(strip & 7)
    sum = int(0)
    for k in range(8):
        c = wp.float32(k)
        depth = Z + (R[0, 2] * a + R[1, 2] * b + R[2, 2] * c)
        u = X + (R[0, 0] * a + R[1, 0] * b + R[2, 0] * c) * camera.fx
        v = Y + (R[0, 1] * a + R[1, 1] * b + R[2, 1] * c) * camera.fy
        through = bool(True)
        if kind == INSIDE:
            through = _looked_through_inside(u, v, depth, camera, level, around, pyramid)
        elif kind != ALL_FREE:
            through = _looked_through(u, v, depth, camera, level, around, pyramid)
        i = strip * 8 + k
        hit = bool(False)
        if any_hit:
            hit = hits[n, i] != wp.uint8(0)
            hits[n, i] = wp.uint8(0)
        old = int(voxels[row, i])
        new = _next(old, through, hit)
        if new != old:
            voxels[row, i] = wp.int8(new)
            sum += 1
        if new >= 0:
            sum += 1 << 10
        if new != UNKNOWN:
            sum += 1 << 20
    wp.atomic_add(tally, n, sum)
