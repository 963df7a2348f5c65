# SPDX-License-Identifier: Apache-2.0
"""From one depth image to new log-odds: the compiled inner loops of `Octree.integrate`, image side.

No ray is cast. A pyramid of the image's nearest and farthest reach tells which blocks of 8x8x8 voxels can be seen at
all and which of them are free as a whole; in the others every voxel is projected and compared with the depth at its place.
Pixels then set the voxels in which they end: an end outweighs being looked through, as in OctoMap.

Lengths here are voxels. Positions are relative to the corner of the block that holds the camera, so that float32 is
exact enough anywhere in the world. `reach` is depth along the optical axis, cut where the ray leaves the range; 0 is
no information. A cell is a cube of 8x8x8 blocks. Log-odds are int8, see `mapping.octree_blocks`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

# OctoMap's defaults, log(p / (1 - p)) of hit 0.7, miss 0.4, clamps 0.1192 and 0.971, in steps of 1 / 27.126.
HIT, MISS, LOWEST, HIGHEST, UNKNOWN = 23, -11, -54, 95, -128
STEPS_PER_LOG_ODD = 27.126

HIDDEN, SEEN, ALL_FREE = 0, 1, 2
CELL = 64  # voxels along a cell's edge
BLOCK = 8  # voxels along a block's edge
VOXELS = 512  # voxels in a block, and blocks in a cell

_NEAR = np.float32(0.05)
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)


@compiled
def fill_reach(
    depth: Any, scale: Any, limit: Any, columns: Any, rows: Any, nearest: Floats, farthest: Floats
) -> None:  # fmt: skip
    """Level 0 of the pyramid: depth (H, W) times scale, cut at `limit` from the camera along each pixel's ray.

    columns (W,) and rows (H,) are the rays' x/z and y/z. Pixels without depth are 0 in farthest, infinite in nearest.
    """
    height, width = depth.shape
    for v in range(height):
        across = _ONE + rows[v] * rows[v]
        source = depth[v]
        low, high = nearest[v * width : v * width + width], farthest[v * width : v * width + width]
        for u in range(width):
            cut = limit / np.sqrt(across + columns[u] * columns[u])
            value = source[u] * scale
            value = value if value < cut else cut
            high[u] = value
            low[u] = value if value > _ZERO else np.float32(np.inf)


@compiled
def _halve(nearest: Floats, farthest: Floats, out_nearest: Floats, out_farthest: Floats) -> None:
    height, width = farthest.shape
    half = width // 2
    for y in range(out_farthest.shape[0]):
        y0 = 2 * y
        y1 = min(y0 + 1, height - 1)
        a, b, low = nearest[y0], nearest[y1], out_nearest[y]
        for x in range(half):
            p, q = min(a[2 * x], a[2 * x + 1]), min(b[2 * x], b[2 * x + 1])
            low[x] = min(p, q)
        c, d, high = farthest[y0], farthest[y1], out_farthest[y]
        for x in range(half):
            p, q = max(c[2 * x], c[2 * x + 1]), max(d[2 * x], d[2 * x + 1])
            high[x] = max(p, q)
        if half < out_farthest.shape[1]:
            low[half], high[half] = min(a[width - 1], b[width - 1]), max(c[width - 1], d[width - 1])


@compiled
def fill_pyramid(levels: Ints, nearest: Floats, farthest: Floats) -> None:
    """Levels 1 and up from level 0. levels (L, 3) holds offset, width and height of each in the flat arrays."""
    for k in range(1, levels.shape[0]):
        o, w, h = levels[k - 1]
        near, far = nearest[o : o + w * h].reshape((h, w)), farthest[o : o + w * h].reshape((h, w))
        o, w, h = levels[k]
        low, high = nearest[o : o + w * h].reshape((h, w)), farthest[o : o + w * h].reshape((h, w))
        _halve(near, far, low, high)


@compiled(inline="always")
def _outside(x: Any, y: Any, z: Any, half: Any, planes: Floats) -> bool:
    """True when the cube around (x, y, z), relative to the camera, lies outside one of the frustum's planes."""
    outside = False
    for k in range(planes.shape[0]):
        n = planes[k]
        if n[0] * x + n[1] * y + n[2] * z + n[3] * half < _ZERO:
            outside = True
    return outside


@compiled(inline="always")
def _bounds(low: Any, high: Any, nearest: Any, farthest: Any) -> Any:
    """Smallest and largest low..high divided by nearest..farthest > 0."""
    return (low / (nearest if low < 0 else farthest), high / (nearest if high > 0 else farthest))


@compiled(inline="always")
def _footprint_level(pixels: Any, highest: int) -> int:
    """The pyramid level whose pixel is nearest below a voxel's size in the image."""
    level = 0
    while pixels >= 2 and level < highest:
        pixels, level = pixels * _HALF, level + 1
    return level


@compiled
def _classify(
    x: Any, y: Any, z: Any, half: Any, R: Floats, lens: Floats, planes: Floats, levels: Ints, nearest: Floats,
    farthest: Floats,
) -> int:  # fmt: skip
    """HIDDEN, SEEN or ALL_FREE: a cube of half edge `half` around (x, y, z) relative to the camera, map axes."""
    if _outside(x, y, z, half, planes):
        return HIDDEN
    depth = R[0, 2] * x + R[1, 2] * y + R[2, 2] * z
    reach = half * (abs(R[0, 2]) + abs(R[1, 2]) + abs(R[2, 2]))
    back, front = depth + reach, depth - reach
    if front < _NEAR:
        return SEEN
    center = R[0, 0] * x + R[1, 0] * y + R[2, 0] * z
    extent = half * (abs(R[0, 0]) + abs(R[1, 0]) + abs(R[2, 0]))
    left, right = _bounds(center - extent, center + extent, front, back)
    center = R[0, 1] * x + R[1, 1] * y + R[2, 1] * z
    extent = half * (abs(R[0, 1]) + abs(R[1, 1]) + abs(R[2, 1]))
    top, bottom = _bounds(center - extent, center + extent, front, back)
    left, right = lens[0] * left + lens[2] + _HALF, lens[0] * right + lens[2] + _HALF
    top, bottom = lens[1] * top + lens[3] + _HALF, lens[1] * bottom + lens[3] + _HALF
    if not (right >= 0 and bottom >= 0 and left < lens[4] and top < lens[5]):
        return HIDDEN
    inside = left >= 0 and top >= 0 and right < lens[4] and bottom < lens[5]
    u0, u1 = np.int64(max(left, _ZERO)), np.int64(min(right, lens[4] - _ONE))
    v0, v1 = np.int64(max(top, _ZERO)), np.int64(min(bottom, lens[5] - _ONE))
    level, spread = 1, max(u1 - u0, v1 - v0) >> 1
    while spread > 1 and level < levels.shape[0] - 1:
        level, spread = level + 1, spread >> 1
    offset, width = levels[level, 0], levels[level, 1]
    low, high = np.float32(np.inf), _ZERO
    for v in range(v0 >> level, (v1 >> level) + 1):
        for u in range(u0 >> level, (u1 >> level) + 1):
            low = min(low, nearest[offset + v * width + u])
            high = max(high, farthest[offset + v * width + u])
    if front > high:
        return HIDDEN
    if not (inside and back < low and half <= BLOCK):
        return SEEN
    level = _footprint_level(min(lens[0], lens[1]) / depth, levels.shape[0] - 1)
    offset, width = levels[level, 0], levels[level, 1]
    n_blind = 0
    for v in range(v0 >> level, (v1 >> level) + 1):
        row = farthest[offset + v * width : offset + v * width + width]
        for u in range(u0 >> level, (u1 >> level) + 1):
            n_blind += row[u] == _ZERO
    return SEEN if n_blind else ALL_FREE


@compiled
def visible_cells(
    R: Floats, t: Floats, lens: Floats, planes: Floats, levels: Ints, nearest: Floats, farthest: Floats,
    cell_low: Ints, cell_table: Ints, cells: Ints,
) -> int:  # fmt: skip
    """Fills cell_table (nx, ny, nz) with each cell's row in `cells` (n, 3), -1 for those that cannot be seen; returns n."""
    half = np.float32(CELL / 2)
    n = 0
    for i in range(cell_table.shape[0]):
        x = np.float32((cell_low[0] + i) * CELL) + half - t[0]
        for j in range(cell_table.shape[1]):
            y = np.float32((cell_low[1] + j) * CELL) + half - t[1]
            for k in range(cell_table.shape[2]):
                z = np.float32((cell_low[2] + k) * CELL) + half - t[2]
                cell_table[i, j, k] = -1
                if _classify(x, y, z, half, R, lens, planes, levels, nearest, farthest) != HIDDEN:
                    cell_table[i, j, k] = n
                    cells[n, 0], cells[n, 1], cells[n, 2] = cell_low[0] + i, cell_low[1] + j, cell_low[2] + k
                    n += 1
    return n


@compiled
def visible_blocks(
    R: Floats, t: Floats, lens: Floats, planes: Floats, levels: Ints, nearest: Floats, farthest: Floats,
    cells: Ints, low: Ints, high: Ints, block_table: Ints, blocks: Ints,
) -> int:  # fmt: skip
    """Rows of `blocks` (n, 4): local coordinates in low .. high - 1 and SEEN or ALL_FREE; returns n.

    block_table (cells, 512) gets the row of each SEEN block, -1 for the others: nothing can end in those.
    """
    half = np.float32(BLOCK / 2)
    n = 0
    for c in range(cells.shape[0]):
        rows = block_table[c]
        rows[:] = -1
        cx, cy, cz = cells[c, 0] * 8, cells[c, 1] * 8, cells[c, 2] * 8
        for bx in range(max(cx, low[0]), min(cx + 8, high[0])):
            x = np.float32(bx * BLOCK) + half - t[0]
            for by in range(max(cy, low[1]), min(cy + 8, high[1])):
                y = np.float32(by * BLOCK) + half - t[1]
                for bz in range(max(cz, low[2]), min(cz + 8, high[2])):
                    z = np.float32(bz * BLOCK) + half - t[2]
                    kind = _classify(x, y, z, half, R, lens, planes, levels, nearest, farthest)
                    if kind == SEEN:
                        rows[((bx - cx) << 6) | ((by - cy) << 3) | (bz - cz)] = n
                    if kind != HIDDEN:
                        blocks[n, 0], blocks[n, 1], blocks[n, 2], blocks[n, 3] = bx, by, bz, kind
                        n += 1
    return n


@compiled
def _mark(code: Any, z: Any, cell_table: Ints, block_table: Ints, hits: Any) -> None:
    x, y = code >> 16, code & 0xFFFF
    i, j, k = x >> 6, y >> 6, z >> 6
    if i < cell_table.shape[0] and j < cell_table.shape[1] and k < cell_table.shape[2]:
        cell = cell_table[i, j, k]
        if cell >= 0:
            row = block_table[cell, (((x >> 3) & 7) << 6) | (((y >> 3) & 7) << 3) | ((z >> 3) & 7)]
            if row >= 0:
                hits[row, ((x & 7) << 6) | ((y & 7) << 3) | (z & 7)] = 1


@compiled
def _encode_row(
    depth: Any, scale: Any, reach: Floats, columns: Any, slope: Any, R: Floats, corner: Floats, codes: Ints, codes_z: Ints
) -> None:  # fmt: skip
    """Voxels in which the pixels of one row end: x << 16 | y in codes, z in codes_z, -1 where none ends in range."""
    x0, y0, z0 = R[0, 0], R[1, 0], R[2, 0]
    x1, y1, z1 = R[0, 1] * slope + R[0, 2], R[1, 1] * slope + R[1, 2], R[2, 1] * slope + R[2, 2]
    x2, y2, z2 = corner
    for u in range(depth.shape[0]):
        r = reach[u]
        hit = (r > _ZERO) & (depth[u] * scale <= r)
        x = np.int32((x0 * columns[u] + x1) * r + x2)
        y = np.int32((y0 * columns[u] + y1) * r + y2)
        z = np.int32((z0 * columns[u] + z1) * r + z2)
        code = np.int32(np.int32(x << 16) | y)
        codes[u] = code if hit else np.int32(-1)
        codes_z[u] = z if hit else np.int32(-1)


@compiled
def mark_hits(
    depth: Any, scale: Any, reach: Floats, columns: Any, rows: Any, R: Floats, corner: Floats, cell_table: Ints,
    block_table: Ints, hits: Any, codes: Ints, fresh: Any, found: Ints,
) -> None:  # fmt: skip
    """Sets hits[row of the block, voxel] to 1 where a pixel ends.

    corner is the camera relative to the first cell's corner. Neighbouring pixels mostly end in the same voxel, so only
    pixels that differ from their left and upper neighbour are looked up. codes (4, W + 1), fresh (W,) and found (W,) are
    scratch.
    """
    height, width = depth.shape
    codes[:] = -1
    for v in range(height):
        here, here_z = codes[2 * (v & 1)], codes[2 * (v & 1) + 1]
        above, above_z = codes[2 - 2 * (v & 1)], codes[3 - 2 * (v & 1)]
        _encode_row(depth[v], scale, reach[v], columns, rows[v], R, corner, here[1:], here_z[1:])
        for u in range(width):
            code, z = here[u + 1], here_z[u + 1]
            new = (code != here[u]) | (z != here_z[u])
            new &= (code != above[u + 1]) | (z != above_z[u + 1])
            fresh[u] = np.uint8(new & (code >= 0))
        n = 0
        for u in range(width):
            found[n] = u
            n += fresh[u]
        for i in range(n):
            u = np.uint32(found[i] + 1)
            _mark(here[u], here_z[u], cell_table, block_table, hits)


@compiled
def fill_offsets(R: Floats, offsets: Floats) -> None:
    """offsets (3, 512): each voxel of a block relative to its first one, camera axes."""
    for i in range(VOXELS):
        x, y, z = np.float32(i >> 6), np.float32((i >> 3) & 7), np.float32(i & 7)
        for axis in range(3):
            offsets[axis, i] = R[0, axis] * x + R[1, axis] * y + R[2, axis] * z


@compiled
def _free_voxels(voxels: Any) -> bool:
    changed = np.int8(0)
    for i in range(VOXELS):
        old = np.int16(voxels[i])
        new = max(np.int16((np.int16(0) if old == UNKNOWN else old) + np.int16(MISS)), np.int16(LOWEST))
        changed |= np.int8(new != old)
        voxels[i] = np.int8(new)
    return changed != 0


@compiled
def _update_voxels(voxels: Any, hits: Any, depths: Floats, reaches: Floats) -> bool:
    changed = np.int8(0)
    for i in range(VOXELS):
        old = np.int16(voxels[i])
        hit, free = hits[i] != 0, depths[i] < reaches[i]
        step = np.int16(HIT) if hit else np.int16(MISS)
        new = np.int16((np.int16(0) if old == UNKNOWN else old) + step)
        new = min(max(new, np.int16(LOWEST)), np.int16(HIGHEST))
        new = new if hit | free else old
        changed |= np.int8(new != old)
        voxels[i] = np.int8(new)
    hits[:] = 0
    return changed != 0


@compiled
def _sample(
    x: Any, y: Any, z: Any, offsets: Floats, lens: Floats, levels: Ints, farthest: Floats, depths: Floats,
    reaches: Floats, indices: Ints,
) -> None:  # fmt: skip
    """For each voxel of the block whose first voxel is at (x, y, z), camera axes: its depth and the reach behind it."""
    dx, dy, dz = offsets[0], offsets[1], offsets[2]
    middle = max(z + _HALF * dz[VOXELS - 1], _ONE)
    level = _footprint_level(min(lens[0], lens[1]) / middle, levels.shape[0] - 1)
    offset, width = levels[level, 0], levels[level, 1]
    last_u, last_v = np.nextafter(lens[4], _ZERO), np.nextafter(lens[5], _ZERO)
    for i in range(VOXELS):
        depth = z + dz[i]
        inverse = _ONE / max(depth, _NEAR)
        u = (x + dx[i]) * inverse * lens[0] + (lens[2] + _HALF)
        v = (y + dy[i]) * inverse * lens[1] + (lens[3] + _HALF)
        column, row = min(max(u, _ZERO), last_u), min(max(v, _ZERO), last_v)
        seen = (column == u) & (row == v) & (depth > _NEAR)
        a, b = np.int32(np.int32(column) >> level), np.int32(np.int32(row) >> level)
        indices[i] = np.int32(np.int32(b * width) + a)
        depths[i] = depth if seen else np.float32(np.inf)
    image = farthest[offset:]
    for i in range(VOXELS):
        reaches[i] = image[np.uint32(indices[i])]


@compiled
def _count(voxels: Any) -> tuple[int, int]:
    occupied, known = np.int16(0), np.int16(0)
    for i in range(VOXELS):
        occupied += np.int16(voxels[i] >= 0)
        known += np.int16(voxels[i] != UNKNOWN)
    return occupied, known - occupied


@compiled
def update_blocks(
    blocks: Ints, slots: Ints, hits: Any, R: Floats, t: Floats, offsets: Floats, lens: Floats, levels: Ints,
    farthest: Floats, voxels: Any, counts: Any, changed: Any, totals: Any,
) -> None:  # fmt: skip
    """Adds one frame to the voxels of the visible blocks and clears their hits.

    slots (n,) are the rows of voxels (N, 512), counts (N, 2; occupied, free) and changed (N,) of the blocks.
    """
    indices, depths, reaches = np.empty(VOXELS, np.int32), np.empty(VOXELS, np.float32), np.empty(VOXELS, np.float32)
    for n in range(blocks.shape[0]):
        slot = slots[n]
        if blocks[n, 3] == ALL_FREE:
            is_new = _free_voxels(voxels[slot])
        else:
            x = np.float32(blocks[n, 0] * BLOCK) + _HALF - t[0]
            y = np.float32(blocks[n, 1] * BLOCK) + _HALF - t[1]
            z = np.float32(blocks[n, 2] * BLOCK) + _HALF - t[2]
            _sample(
                R[0, 0] * x + R[1, 0] * y + R[2, 0] * z, R[0, 1] * x + R[1, 1] * y + R[2, 1] * z,
                R[0, 2] * x + R[1, 2] * y + R[2, 2] * z, offsets, lens, levels, farthest, depths, reaches, indices,
            )  # fmt: skip
            is_new = _update_voxels(voxels[slot], hits[n], depths, reaches)
        if is_new:
            occupied, free = _count(voxels[slot])
            totals[0] += occupied - counts[slot, 0]
            totals[1] += free - counts[slot, 1]
            counts[slot, 0], counts[slot, 1], changed[slot] = occupied, free, 1
