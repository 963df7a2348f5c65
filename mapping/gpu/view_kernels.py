# SPDX-License-Identifier: Apache-2.0
"""Which blocks of the octree a depth image shows, as kernels: `mapping.octree.image` and `kernels` for many threads.

Every expression is that of the compiled loops, term by term, as rounding must be the same. Lengths are voxels.
"""
# mypy: ignore-errors

import warp as wp

from mapping.gpu.shared_kernels import OPTIONS

wp.set_module_options(OPTIONS)

HIDDEN = wp.constant(0)
SEEN = wp.constant(1)
INSIDE = wp.constant(2)
ALL_FREE = wp.constant(3)
NEAR = wp.constant(wp.float32(0.05))
FINE = wp.constant(7)
INFINITY = wp.constant(wp.float32(float("inf")))

planes_type = wp.types.matrix(shape=(5, 4), dtype=wp.float32)


@wp.struct
class Camera:
    R: wp.mat33
    t: wp.vec3
    fx: wp.float32
    fy: wp.float32
    cx: wp.float32
    cy: wp.float32
    width: wp.float32
    height: wp.float32
    last_u: wp.float32
    last_v: wp.float32
    planes: planes_type


@wp.struct
class Pyramid:
    levels: wp.array2d(dtype=wp.int32)
    nearest: wp.array(dtype=wp.float32)
    farthest: wp.array(dtype=wp.float32)
    around: wp.array(dtype=wp.float32)


@wp.kernel
def see(
    depth: wp.array2d(dtype=wp.float32), scale: wp.float32, cuts: wp.array2d(dtype=wp.float32),
    farthest: wp.array(dtype=wp.float32), ends: wp.array2d(dtype=wp.float32),
):  # fmt: skip
    """Level 0 of `farthest`, the reach of every pixel, and ends: reach where the pixel ends in range, else 0."""
    v, u = wp.tid()
    cut = cuts[v, u]
    value = depth[v, u] * scale
    farthest[v * depth.shape[1] + u] = wp.where(value < cut, value, cut)
    ends[v, u] = wp.where(value <= cut, value, wp.float32(0.0))


@wp.func
def _or_infinity(value: wp.float32):
    return wp.where(value > wp.float32(0.0), value, INFINITY)


@wp.kernel
def halve(pyramid: Pyramid, level: int):
    """A level above 0 of nearest and farthest from the one below; edges of odd size stand alone."""
    y, x = wp.tid()
    offset = pyramid.levels[level - 1, 0]
    width = pyramid.levels[level - 1, 1]
    height = pyramid.levels[level - 1, 2]
    top = offset + 2 * y * width
    bottom = offset + wp.min(2 * y + 1, height - 1) * width
    left = 2 * x
    right = wp.min(2 * x + 1, width - 1)
    far = pyramid.farthest
    out = pyramid.levels[level, 0] + y * pyramid.levels[level, 1] + x
    high = wp.max(far[top + left], far[top + right])
    far[out] = wp.max(high, wp.max(far[bottom + left], far[bottom + right]))
    if level == 1:
        low = wp.min(_or_infinity(far[top + left]), _or_infinity(far[top + right]))
        low = wp.min(low, _or_infinity(far[bottom + left]))
        pyramid.nearest[out] = wp.min(low, _or_infinity(far[bottom + right]))
    else:
        near = pyramid.nearest
        nearest = wp.min(near[top + left], near[top + right])
        pyramid.nearest[out] = wp.min(nearest, wp.min(near[bottom + left], near[bottom + right]))


@wp.kernel
def spread(pyramid: Pyramid, first: int, finest: int):
    """`around` from entry `first`, that of level `finest`, on: the farthest of 3x3 neighbours."""
    at = first + wp.tid()
    level = int(finest)
    while (
        level + 1 < pyramid.levels.shape[0] and pyramid.levels[wp.min(level + 1, pyramid.levels.shape[0] - 1), 0] <= at
    ):
        level += 1
    offset = pyramid.levels[level, 0]
    width = pyramid.levels[level, 1]
    height = pyramid.levels[level, 2]
    y = (at - offset) / width
    x = (at - offset) % width
    high = wp.float32(0.0)
    for b in range(wp.max(y - 1, 0), wp.min(y + 1, height - 1) + 1):
        for a in range(wp.max(x - 1, 0), wp.min(x + 1, width - 1) + 1):
            high = wp.max(high, pyramid.farthest[offset + b * width + a])
    pyramid.around[at] = high


@wp.func
def _level(depth: wp.float32, camera: Camera, last: int):
    """The pyramid level of which 3x3 pixels are about as large as a voxel at this depth; -1 when one pixel is."""
    pixels = wp.float32(0.5) * wp.min(camera.fx, camera.fy) / wp.max(depth, wp.float32(1.0))
    level = int(-1)
    if pixels >= wp.float32(1.0):
        level = 0
    while pixels >= wp.float32(2.0) and level < last:
        pixels = pixels * wp.float32(0.5)
        level += 1
    return level


@wp.func
def _outside(x: wp.float32, y: wp.float32, z: wp.float32, half: wp.float32, planes: planes_type):
    outside = bool(False)
    for k in range(5):
        if planes[k, 0] * x + planes[k, 1] * y + planes[k, 2] * z + planes[k, 3] * half < wp.float32(0.0):
            outside = True
    return outside


@wp.func
def _end(edge: wp.float32, near: wp.float32, far: wp.float32, focal: wp.float32, middle: wp.float32):
    """Pixel coordinate + 0.5 of an edge seen at `near` when it is on the image's outer side, else at `far`."""
    return focal * (edge / wp.where(edge < wp.float32(0.0), near, far)) + middle + wp.float32(0.5)


@wp.func
def _extremes(u0: int, u1: int, v0: int, v1: int, most: int, pyramid: Pyramid):
    """Nearest and farthest reach among pixels u0 .. u1, v0 .. v1, at a level where they are at most `most` + 2."""
    last = pyramid.levels.shape[0] - 1
    level = int(1)
    size = int(wp.max(u1 - u0, v1 - v0) >> 1)
    while size > most and level < last:
        level += 1
        size = size >> 1
    offset = pyramid.levels[level, 0]
    width = pyramid.levels[level, 1]
    low = wp.float32(INFINITY)
    high = wp.float32(0.0)
    for v in range(v0 >> level, (v1 >> level) + 1):
        for u in range(u0 >> level, (u1 >> level) + 1):
            low = wp.min(low, pyramid.nearest[offset + v * width + u])
            high = wp.max(high, pyramid.farthest[offset + v * width + u])
    return low, high


@wp.func
def _any_blind(u0: int, u1: int, v0: int, v1: int, around: int, pyramid: Pyramid):
    """Whether voxels at pixels u0 .. u1, v0 .. v1 would find no depth around them."""
    level = wp.max(around, 0)
    offset = pyramid.levels[level, 0]
    width = pyramid.levels[level, 1]
    blind = bool(False)
    for v in range(v0 >> level, (v1 >> level) + 1):
        for u in range(u0 >> level, (u1 >> level) + 1):
            at = offset + v * width + u
            if around >= 0:
                if pyramid.around[at] == wp.float32(0.0):
                    blind = True
            elif pyramid.farthest[at] == wp.float32(0.0):
                blind = True
    return blind


@wp.func
def _classify(x: wp.float32, y: wp.float32, z: wp.float32, half: wp.float32, camera: Camera, pyramid: Pyramid):
    """HIDDEN, or for blocks the other kinds: a cube of half edge `half` around (x, y, z) from the camera, map axes."""
    R = camera.R
    if _outside(x, y, z, half, camera.planes):
        return HIDDEN
    depth = R[0, 2] * x + R[1, 2] * y + R[2, 2] * z
    deep = half * (wp.abs(R[0, 2]) + wp.abs(R[1, 2]) + wp.abs(R[2, 2]))
    front = depth - deep
    back = depth + deep
    if front < NEAR:
        return SEEN
    column = R[0, 0] * x + R[1, 0] * y + R[2, 0] * z
    wide = half * (wp.abs(R[0, 0]) + wp.abs(R[1, 0]) + wp.abs(R[2, 0]))
    left = _end(column - wide, front, back, camera.fx, camera.cx)
    right = _end(column + wide, back, front, camera.fx, camera.cx)
    row = R[0, 1] * x + R[1, 1] * y + R[2, 1] * z
    tall = half * (wp.abs(R[0, 1]) + wp.abs(R[1, 1]) + wp.abs(R[2, 1]))
    top = _end(row - tall, front, back, camera.fy, camera.cy)
    bottom = _end(row + tall, back, front, camera.fy, camera.cy)
    zero = wp.float32(0.0)
    if not (right >= zero and bottom >= zero and left < camera.width and top < camera.height):
        return HIDDEN
    u0 = int(wp.max(left, zero))
    u1 = int(wp.min(right, camera.width - wp.float32(1.0)))
    v0 = int(wp.max(top, zero))
    v1 = int(wp.min(bottom, camera.height - wp.float32(1.0)))
    _, high = _extremes(u0, u1, v0, v1, 1, pyramid)
    if front > high:
        return HIDDEN
    if half > wp.float32(4.0):
        return SEEN
    level = _level(depth, camera, pyramid.levels.shape[0] - 1)
    margin = 1 << wp.max(level, 0)  # voxels look at pixels around their own
    a = wp.max(u0 - margin, 0)
    b = wp.min(u1 + margin, int(camera.width) - 1)
    c = wp.max(v0 - margin, 0)
    d = wp.min(v1 + margin, int(camera.height) - 1)
    low_around, high_around = _extremes(a, b, c, d, FINE, pyramid)
    if front > high_around:
        return HIDDEN
    if not (left >= zero and top >= zero and right < camera.width and bottom < camera.height):
        return SEEN
    if back >= low_around:
        return INSIDE
    if _any_blind(u0, u1, v0, v1, level, pyramid):
        return INSIDE
    return ALL_FREE


@wp.kernel
def find_cells(
    camera: Camera, pyramid: Pyramid, first: wp.vec3i, table: wp.array3d(dtype=wp.int32),
    cells: wp.array2d(dtype=wp.int32), n_found: wp.array(dtype=wp.int32),
):  # fmt: skip
    """table and cells (n, 3) of the cells from `first` on that may be seen, n_found[0] of them."""
    i, j, k = wp.tid()
    half = wp.float32(32.0)
    x = wp.float32((first[0] + i) * 64) + half - camera.t[0]
    y = wp.float32((first[1] + j) * 64) + half - camera.t[1]
    z = wp.float32((first[2] + k) * 64) + half - camera.t[2]
    table[i, j, k] = -1
    if _classify(x, y, z, half, camera, pyramid) != HIDDEN:
        n = wp.atomic_add(n_found, 0, 1)
        table[i, j, k] = n
        cells[n, 0] = first[0] + i
        cells[n, 1] = first[1] + j
        cells[n, 2] = first[2] + k


@wp.func
def _kind_of(x: int, y: int, z: int, size: int, low: wp.vec3i, high: wp.vec3i, camera: Camera, pyramid: Pyramid):
    """Kind of the cube of size^3 blocks whose first is (x, y, z); HIDDEN when it is not in the box of blocks."""
    if x + size <= low[0] or y + size <= low[1] or z + size <= low[2]:
        return HIDDEN
    if x >= high[0] or y >= high[1] or z >= high[2]:
        return HIDDEN
    half = wp.float32(size * 4)
    a = wp.float32(x * 8) + half - camera.t[0]
    b = wp.float32(y * 8) + half - camera.t[1]
    c = wp.float32(z * 8) + half - camera.t[2]
    return _classify(a, b, c, half, camera, pyramid)


@wp.kernel
def find_blocks(
    camera: Camera, pyramid: Pyramid, low: wp.vec3i, high: wp.vec3i, cells: wp.array2d(dtype=wp.int32),
    block_table: wp.array2d(dtype=wp.int32), blocks: wp.array2d(dtype=wp.int32), n_found: wp.array(dtype=wp.int32),
):  # fmt: skip
    """blocks (n, 6) and block_table as in `mapping.octree.kernels.Visible`, n_found[1] of them; -1 where there is none.

    One thread for each 2x2x2 blocks of a cell. All cells have room in `blocks`.
    """
    cell, eighth, part = wp.tid()
    x = cells[cell, 0] * 8 + (eighth >> 2) * 4
    y = cells[cell, 1] * 8 + ((eighth >> 1) & 1) * 4
    z = cells[cell, 2] * 8 + (eighth & 1) * 4
    shown = _kind_of(x, y, z, 4, low, high, camera, pyramid) != HIDDEN
    x = x + (part >> 2) * 2
    y = y + ((part >> 1) & 1) * 2
    z = z + (part & 1) * 2
    if shown:
        shown = _kind_of(x, y, z, 2, low, high, camera, pyramid) != HIDDEN
    R = camera.R
    for i in range(8):
        bx = x + (i >> 2)
        by = y + ((i >> 1) & 1)
        bz = z + (i & 1)
        place = ((bx & 7) << 6) | ((by & 7) << 3) | (bz & 7)
        block_table[cell, place] = -1
        kind = int(0)
        if shown:
            kind = _kind_of(bx, by, bz, 1, low, high, camera, pyramid)
        if kind != HIDDEN:
            n = wp.atomic_add(n_found, 1, 1)
            if kind != ALL_FREE:
                block_table[cell, place] = n
            half = wp.float32(4.0)
            p = wp.float32(bx * 8) + half - camera.t[0]
            q = wp.float32(by * 8) + half - camera.t[1]
            r = wp.float32(bz * 8) + half - camera.t[2]
            blocks[n, 0] = bx
            blocks[n, 1] = by
            blocks[n, 2] = bz
            blocks[n, 3] = kind
            blocks[n, 4] = _level(R[0, 2] * p + R[1, 2] * q + R[2, 2] * r, camera, pyramid.levels.shape[0] - 1)
            blocks[n, 5] = 0
