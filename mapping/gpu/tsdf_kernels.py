# SPDX-License-Identifier: Apache-2.0
"""What one RGB-D image says about distances to surfaces, as kernels: `mapping.tsdf.kernels` for many threads.

Every expression is that of the compiled loops, term by term, as rounding must be the same. Lengths are voxels.
"""
# mypy: ignore-errors

import warp as wp

from mapping.gpu.shared_kernels import OPTIONS
from mapping.gpu.view_kernels import INFINITY, NEAR, Camera
from mapping.tsdf import kernels

wp.set_module_options(OPTIONS)

STEPS = wp.constant(kernels.STEPS)
MAX_WEIGHT = wp.constant(kernels.MAX_WEIGHT)
COLOUR_WEIGHT = wp.constant(wp.float32(kernels.COLOUR_WEIGHT))
OFFSET = wp.constant(1 << 15)
EMPTY = wp.constant(wp.int64(-1))


@wp.struct
class Image:
    """depth (H, W) in metres, colours (H * W * 3,); voxels per metre, range and truncation in voxels, 1 / that."""

    depth: wp.array2d(dtype=wp.float32)
    colours: wp.array(dtype=wp.uint8)
    per_metre: wp.float32
    limit: wp.float32
    truncation: wp.float32
    per_truncation: wp.float32


@wp.struct
class Touched:
    """seen (2^k,) is a hash set of block codes, blocks (n, 3) are local coordinates, n_found[0] of them.

    n_found[0] beyond the room of `blocks` says that there are more than fit.
    """

    seen: wp.array(dtype=wp.int64)
    blocks: wp.array2d(dtype=wp.int32)
    n_found: wp.array(dtype=wp.int32)


@wp.func
def _enter(x: int, y: int, z: int, touched: Touched):
    """Adds a block unless it is there. `seen` is larger than `blocks`, so it fills only after these overflow."""
    code = (wp.int64(x + OFFSET) << wp.int64(32)) | (wp.int64(y + OFFSET) << wp.int64(16)) | wp.int64(z + OFFSET)
    mask = touched.seen.shape[0] - 1
    mixed = (wp.uint64(code) * wp.uint64(0x9E3779B97F4A7C15)) >> wp.uint64(34)
    place = int(wp.int32(mixed)) & mask
    room = touched.blocks.shape[0]
    for _ in range(touched.seen.shape[0]):
        if touched.n_found[0] > room:
            return
        there = wp.atomic_cas(touched.seen, place, EMPTY, code)
        if there == code:
            return
        if there == EMPTY:
            n = wp.atomic_add(touched.n_found, 0, 1)
            if n < room:
                touched.blocks[n, 0] = x
                touched.blocks[n, 1] = y
                touched.blocks[n, 2] = z
            return
        place = (place + 1) & mask


@wp.func
def _ray(camera: Camera, u: int, v: int):
    """Direction of a pixel's ray, map axes, in blocks per voxel of depth."""
    eighth = wp.float32(0.125)
    R = camera.R
    per_u = eighth / camera.fx
    per_v = eighth / camera.fy
    x = wp.float32(u)
    y = wp.float32(v)
    way = wp.vec3()
    for axis in range(3):
        along_u = R[axis, 0] * per_u
        along_v = R[axis, 1] * per_v
        first = R[axis, 2] * eighth - along_u * camera.cx - along_v * camera.cy
        way[axis] = first + along_v * y + along_u * x
    return way


@wp.kernel
def find_near(image: Image, camera: Camera, step: int, n_points: int, apart: wp.float64, touched: Touched):
    """Enters the blocks near a surface: along rays, from a truncation distance before its end to one behind."""
    i, j = wp.tid()
    v = i * step
    u = j * step
    depth = image.depth[v, u] * image.per_metre
    if not (depth > wp.float32(0.0) and depth <= image.limit):
        return
    way = _ray(camera, u, v)
    eighth = wp.float32(0.125)
    for k in range(n_points):
        z = wp.max(wp.float64(depth - image.truncation) + wp.float64(k) * apart, wp.float64(0.0))
        x = wp.float64(camera.t[0] * eighth) + wp.float64(way[0]) * z
        y = wp.float64(camera.t[1] * eighth) + wp.float64(way[1]) * z
        w = wp.float64(camera.t[2] * eighth) + wp.float64(way[2]) * z
        _enter(wp.int32(wp.floor(x)), wp.int32(wp.floor(y)), wp.int32(wp.floor(w)), touched)


@wp.kernel
def find_passed(image: Image, camera: Camera, step: int, touched: Touched):
    """Enters, after the blocks there are, those that rays pass on their way."""
    i, j = wp.tid()
    v = wp.min(i * step, image.depth.shape[0] - 1)
    u = wp.min(j * step, image.depth.shape[1] - 1)
    end = wp.min(image.depth[v, u] * image.per_metre, image.limit) - image.truncation
    way = _ray(camera, u, v)
    eighth = wp.float32(0.125)
    z = wp.float32(4 * (1 + ((i + j) & 1)))  # every other ray steps half a block further
    while z < end:
        x = wp.floor(camera.t[0] * eighth + way[0] * z)
        y = wp.floor(camera.t[1] * eighth + way[1] * z)
        w = wp.floor(camera.t[2] * eighth + way[2] * z)
        _enter(int(x), int(y), int(w), touched)
        z += wp.float32(8.0)


@wp.func
def _step_towards(old: int, value: int, share: int):
    """A colour moved by its share (of 128) towards another, by at least one level."""
    step = (value - old) * share
    if step > 0:
        step = step + 127
    return old + (step >> 7)


@wp.func
def _tint(row: int, i: int, place: int, weight: int, image: Image, rgb: wp.array2d(dtype=wp.uint8)):
    """Moves a voxel's colour towards that of its pixel; red stays above 0, which is no colour yet."""
    red = int(rgb[row, i])
    share = int(wp.float32(128.0) / wp.max(wp.min(wp.float32(weight), COLOUR_WEIGHT), wp.float32(1.0)))
    if red == 0:
        share = 128
    last = wp.max(image.depth.shape[0] * image.depth.shape[1] - 2, 0)
    pixel = 3 * wp.min(place, last)
    rgb[row, i] = wp.uint8(wp.max(_step_towards(red, int(image.colours[pixel]), share), 1))
    for channel in range(1, 3):
        old = int(rgb[row, channel * 512 + i])
        rgb[row, channel * 512 + i] = wp.uint8(_step_towards(old, int(image.colours[pixel + channel]), share))


@wp.kernel
def update_blocks(
    blocks: wp.array2d(dtype=wp.int32), rows: wp.array(dtype=wp.int32), image: Image, camera: Camera,
    tsdf: wp.array2d(dtype=wp.int16), weights: wp.array2d(dtype=wp.uint8), rgb: wp.array2d(dtype=wp.uint8),
    tally: wp.array(dtype=wp.int32),
):  # fmt: skip
    """Adds one frame to the voxels of blocks (n, 3) whose rows (n,) are not -1. One thread for 8 voxels.

    tally (n,), zeros before, gets averages that changed + colours * 2^10.
    """
    n, strip = wp.tid()
    row = rows[n]
    if row < 0:
        return
    R = camera.R
    half = wp.float32(0.5)
    zero = wp.float32(0.0)
    one = wp.float32(1.0)
    x = wp.float32(blocks[n, 0] * 8) + half - camera.t[0]
    y = wp.float32(blocks[n, 1] * 8) + half - camera.t[1]
    z = wp.float32(blocks[n, 2] * 8) + half - camera.t[2]
    X = R[0, 0] * x + R[1, 0] * y + R[2, 0] * z
    Y = R[0, 1] * x + R[1, 1] * y + R[2, 1] * z
    Z = R[0, 2] * x + R[1, 2] * y + R[2, 2] * z
    a = wp.float32(strip >> 3)
    b = wp.float32(strip & 7)
    sum = int(0)
    for k in range(8):
        c = wp.float32(k)
        depth = Z + (R[0, 2] * a + R[1, 2] * b + R[2, 2] * c)
        inverse = one / wp.max(depth, NEAR)
        u = (X + (R[0, 0] * a + R[1, 0] * b + R[2, 0] * c)) * inverse * camera.fx + (camera.cx + half)
        v = (Y + (R[0, 1] * a + R[1, 1] * b + R[2, 1] * c)) * inverse * camera.fy + (camera.cy + half)
        column = wp.min(wp.max(u, zero), camera.last_u)
        line = wp.min(wp.max(v, zero), camera.last_v)
        if not (column == u and line == v and depth > NEAR):
            depth = INFINITY
        place = int(line) * image.depth.shape[1] + int(column)
        reach = image.depth[int(line), int(column)] * image.per_metre
        distance = reach - depth
        near = bool(False)
        if distance < image.truncation and distance >= -image.truncation and reach <= image.limit and reach > zero:
            near = True
        i = strip * 8 + k
        if near or distance >= image.truncation:
            value = wp.min(distance * image.per_truncation, one) * wp.float32(STEPS)
            old = tsdf[row, i]
            weight = int(weights[row, i])
            mean = wp.float32(old) + (value - wp.float32(old)) / (wp.float32(weight) + one)
            new = wp.int16(int(mean + (wp.float32(STEPS) + half)) - STEPS)
            heavier = wp.min(weight + 1, MAX_WEIGHT)
            if new != old or heavier != weight:
                tsdf[row, i] = new
                weights[row, i] = wp.uint8(heavier)
                sum += 1
            if near and wp.abs(distance) <= half * image.truncation:
                _tint(row, i, place, heavier, image, rgb)
                sum += 1 << 10
    if sum != 0:
        wp.atomic_add(tally, n, sum)
