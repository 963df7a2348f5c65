# SPDX-License-Identifier: Apache-2.0
"""Voxels of the octree found on the device, as kernels: `mapping.octree.lookups` with one thread for each question.

Every expression is that of the compiled loops, term by term, as rounding must be the same. Lengths are voxels.
"""
# mypy: ignore-errors

import warp as wp

from mapping.gpu.shared_kernels import OPTIONS
from mapping.octree import lookups

wp.set_module_options(OPTIONS)

MAX_BLOCK = wp.constant(lookups.MAX_BLOCK)
UNKNOWN = wp.constant(lookups.UNKNOWN)
ABSENT = wp.constant(lookups.ABSENT)
NOTHING = wp.constant(lookups.NOTHING)
UNIFORM = wp.constant(lookups.UNIFORM)
BIAS = wp.constant(1 << 17)
FAR = wp.constant(wp.float64(1e300))
INFINITY = wp.constant(wp.float64(float("inf")))


@wp.struct
class Index:
    """The map as the kernels see it, see `mapping.octree.lookups.Index`; occupied (R,) are voxels of each region."""

    places: wp.array(dtype=wp.int64)
    numbers: wp.array(dtype=wp.int32)
    slots: wp.array(dtype=wp.int32)
    children: wp.array2d(dtype=wp.int32)
    occupied: wp.array(dtype=wp.int32)
    voxels: wp.array2d(dtype=wp.int8)


@wp.func
def _number(x: int, y: int, z: int, index: Index):
    """Number of a region, -1 when there is none."""
    mask = index.places.shape[0] - 1
    key = (wp.int64(x + BIAS) << wp.int64(36)) | (wp.int64(y + BIAS) << wp.int64(18)) | wp.int64(z + BIAS)
    mixed = (wp.uint64(key) * wp.uint64(0x9E3779B97F4A7C15)) >> wp.uint64(30)
    place = int(wp.int32(mixed & wp.uint64(mask)))
    while index.places[place] != key:
        if index.places[place] == wp.int64(-1):
            return -1
        place = (place + 1) & mask
    return index.numbers[place]


@wp.func
def _spread(value: int):
    """Two zero bits between the bits of 0 .. 7."""
    return (value & 1) | ((value & 2) << 2) | ((value & 4) << 4)


@wp.func
def _child(bx: int, by: int, bz: int):
    """Place of a block among those of its region."""
    return (_spread(bx & 7) << 2) | (_spread(by & 7) << 1) | _spread(bz & 7)


@wp.func
def _in_block(x: int, y: int, z: int):
    return ((x & 7) << 6) | ((y & 7) << 3) | (z & 7)


@wp.kernel
def values_at(
    points: wp.array2d(dtype=wp.float64), per_metre: wp.float64, index: Index, values: wp.array(dtype=wp.int8),
    wanted: wp.array(dtype=wp.int32), n_absent: wp.array(dtype=wp.int32),
):  # fmt: skip
    """Log-odds steps at points (N, 3) in metres; where the region is not in RAM ABSENT, and wanted its number."""
    i = wp.tid()
    x = points[i, 0] * per_metre
    y = points[i, 1] * per_metre
    z = points[i, 2] * per_metre
    values[i] = wp.int8(UNKNOWN)
    limit = wp.float64(8 * MAX_BLOCK)
    if not (wp.abs(x) < limit and wp.abs(y) < limit and wp.abs(z) < limit):
        return
    a = wp.int32(wp.floor(x))
    b = wp.int32(wp.floor(y))
    c = wp.int32(wp.floor(z))
    number = _number(a >> 6, b >> 6, c >> 6, index)
    if number < 0:
        return
    slot = index.slots[number]
    if slot < 0:
        values[i] = wp.int8(ABSENT)
        wanted[wp.atomic_add(n_absent, 0, 1)] = number
        return
    child = index.children[slot, _child(a >> 3, b >> 3, c >> 3)]
    if child >= 0:
        values[i] = index.voxels[child, _in_block(a, b, c)]
    elif child != NOTHING:
        values[i] = wp.int8(UNIFORM - child)


@wp.func
def _crossing(position: wp.float64, direction: wp.float64, low: int, size: int):
    """Distance along the ray at which it leaves low .. low + size on one axis."""
    if direction > wp.float64(0.0):
        return (wp.float64(low + size) - position) / direction
    if direction < wp.float64(0.0):
        return (wp.float64(low) - position) / direction
    return FAR


@wp.func
def _width(direction: wp.float64):
    if direction != wp.float64(0.0):
        return wp.abs(wp.float64(1.0) / direction)
    return FAR


@wp.func
def _clamped(position: wp.float64, low: int):
    """The voxel of a position, kept within low .. low + 7."""
    return wp.min(wp.max(wp.int32(wp.floor(position)), low), low + 7)


@wp.func
def _first_in_block(
    p: wp.vec3d, d: wp.vec3d, bx: int, by: int, bz: int, start: wp.float64, row: int, voxels: wp.array2d(dtype=wp.int8)
):
    """Distance at which the ray enters the first occupied voxel of a block that it is in at `start`, or -1."""
    distance = wp.float64(start)
    x = _clamped(p[0] + distance * d[0], bx * 8)
    y = _clamped(p[1] + distance * d[1], by * 8)
    z = _clamped(p[2] + distance * d[2], bz * 8)
    next_x = _crossing(p[0], d[0], x, 1)
    next_y = _crossing(p[1], d[1], y, 1)
    next_z = _crossing(p[2], d[2], z, 1)
    width_x = _width(d[0])
    width_y = _width(d[1])
    width_z = _width(d[2])
    step_x = wp.where(d[0] > wp.float64(0.0), 1, -1)
    step_y = wp.where(d[1] > wp.float64(0.0), 1, -1)
    step_z = wp.where(d[2] > wp.float64(0.0), 1, -1)
    while (x >> 3) == bx and (y >> 3) == by and (z >> 3) == bz:
        if voxels[row, _in_block(x, y, z)] >= wp.int8(0):
            return distance
        if next_x <= next_y and next_x <= next_z:
            distance = next_x
            x += step_x
            next_x += width_x
        elif next_y <= next_z:
            distance = next_y
            y += step_y
            next_y += width_y
        else:
            distance = next_z
            z += step_z
            next_z += width_z
    return wp.float64(-1.0)


@wp.func
def _found_in(child: int, p: wp.vec3d, d: wp.vec3d, bx: int, by: int, bz: int, distance: wp.float64, index: Index):
    """Distance of the first occupied voxel in the block of a child, or -1."""
    if child >= 0:
        return _first_in_block(p, d, bx, by, bz, distance, child, index.voxels)
    if child != NOTHING and UNIFORM - child >= 0:
        return distance
    return wp.float64(-1.0)


@wp.func
def _block_at(position: wp.float64, region: int):
    """Block coordinate of a position, kept within a region."""
    return wp.min(wp.max(wp.int32(wp.floor(position)) >> 3, region * 8), region * 8 + 7)


@wp.func
def _beyond(inside: int, first: int, size: int, direction: wp.float64, crossed: bool):
    """Block coordinate after leaving a cube of `size` blocks, which is unchanged on axes that are not crossed."""
    if not crossed:
        return inside
    return wp.where(direction > wp.float64(0.0), first + size, first - 1)


@wp.kernel
def cast_rays(
    origins: wp.array2d(dtype=wp.float64), directions: wp.array2d(dtype=wp.float64), limit: wp.float64, index: Index,
    distances: wp.array(dtype=wp.float64), blocks: wp.array2d(dtype=wp.int64), wanted: wp.array(dtype=wp.int32),
    n_stopped: wp.array(dtype=wp.int32),
):  # fmt: skip
    """Distance to the first occupied voxel along each ray; all as `mapping.octree.lookups.cast_rays`."""
    i = wp.tid()
    p = wp.vec3d(origins[i, 0], origins[i, 1], origins[i, 2])
    d = wp.vec3d(directions[i, 0], directions[i, 1], directions[i, 2])
    bx = wp.int32(blocks[i, 0])
    by = wp.int32(blocks[i, 1])
    bz = wp.int32(blocks[i, 2])
    distance = wp.float64(distances[i])
    distances[i] = INFINITY
    while distance <= limit and wp.max(wp.abs(bx), wp.max(wp.abs(by), wp.abs(bz))) <= MAX_BLOCK:
        rx = bx >> 3
        ry = by >> 3
        rz = bz >> 3
        number = _number(rx, ry, rz, index)
        fine = bool(False)
        if number >= 0:
            if index.occupied[number] > 0:
                fine = True
        size = int(64)
        x = int(rx * 64)
        y = int(ry * 64)
        z = int(rz * 64)
        if fine:
            slot = index.slots[number]
            if slot < 0:
                distances[i] = wp.float64(-1.0) - distance
                blocks[i, 0] = wp.int64(bx)
                blocks[i, 1] = wp.int64(by)
                blocks[i, 2] = wp.int64(bz)
                wanted[wp.atomic_add(n_stopped, 0, 1)] = number
                return
            size = 8
            x = bx * 8
            y = by * 8
            z = bz * 8
            found = _found_in(index.children[slot, _child(bx, by, bz)], p, d, bx, by, bz, distance, index)
            if found >= wp.float64(0.0):
                if found <= limit:
                    distances[i] = found
                return
        out_x = _crossing(p[0], d[0], x, size)
        out_y = _crossing(p[1], d[1], y, size)
        out_z = _crossing(p[2], d[2], z, size)
        distance = wp.max(distance, wp.min(out_x, wp.min(out_y, out_z)))
        along_x = out_x <= out_y and out_x <= out_z
        along_y = (not along_x) and out_y <= out_z
        along_z = not (along_x or along_y)
        blocks_along = int(1)
        x = bx
        y = by
        z = bz
        if size == 64:
            bx = _block_at(p[0] + distance * d[0], rx)
            by = _block_at(p[1] + distance * d[1], ry)
            bz = _block_at(p[2] + distance * d[2], rz)
            x = rx * 8
            y = ry * 8
            z = rz * 8
            blocks_along = 8
        bx = _beyond(bx, x, blocks_along, d[0], along_x)
        by = _beyond(by, y, blocks_along, d[1], along_y)
        bz = _beyond(bz, z, blocks_along, d[2], along_z)
