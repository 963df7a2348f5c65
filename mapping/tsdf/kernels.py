# SPDX-License-Identifier: Apache-2.0
"""What one RGB-D image says about distances to surfaces: compiled loops over pixels and over the voxels near them.

Lengths are voxels. Positions are relative to the corner of the block that holds the camera, so that float32 is exact
enough anywhere in the world. A block is 8x8x8 voxels, z fastest. The distance of a voxel is that along the optical axis
from its centre to the surface its pixel shows: positive before the surface, negative behind it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
_Bytes = NDArray[np.uint8]

BLOCK = 8  # voxels along a block's edge
VOXELS = 512  # voxels in a block
STEPS = 32_000  # of the stored distance, in one truncation distance
MAX_WEIGHT = 100  # frames that an average remembers; more than these are forgotten, so that things may move
COLOUR_WEIGHT = 30  # the same for colours, which change with light and exposure

MOST_BLOCKS = 1 << 14  # that a view may reach from the camera's, on either side

_NEAR = np.float32(0.05)
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_INFINITY = np.float32(np.inf)
_EIGHTH = np.float32(1 / BLOCK)
_STEPS, _ROUND = np.float32(STEPS), np.float32(STEPS + 0.5)
_WHOLE, _COLOUR_WEIGHT = np.float32(128), np.float32(COLOUR_WEIGHT)
_UNUSED = np.float32(-1e9)
_OFFSET = 1 << 15
_EMPTY = np.int64(-1)


class Camera(NamedTuple):
    """Pose and lens: R (3, 3), t (3,), lens (6,) = fx, fy, cx, cy, width, height."""

    R: Floats
    t: Floats
    lens: Floats


class Image(NamedTuple):
    """One frame: depth (H, W) float32 and flat_depth (H * W,), the same; words (H * W - 1,) uint32; scale (4,) float32.

    A word is the colour of a pixel, red in its lowest byte, and one byte of the next pixel. scale is voxels per unit of
    depth, the range and the truncation distance in voxels, and 1 / that.
    """

    depth: Any
    flat_depth: Any
    words: Any
    scale: Floats


class Touched(NamedTuple):
    """Blocks found so far: seen (2^k,) int64 is a hash set of them, blocks (n, 3) int32 are local coordinates."""

    seen: NDArray[np.int64]
    blocks: Ints


class Scratch(NamedTuple):
    """Room for the values of one block, so that no frame asks for memory."""

    offsets: Floats  # (3, 512)
    places: Ints
    depths: Floats
    values: Floats
    mixed: Floats
    ok: _Bytes
    shares: NDArray[np.int16]
    fetched: NDArray[np.uint32]
    inside: Ints


class Stored(NamedTuple):
    """Rows of the map: tsdf (N, 512) int16, weight (N, 512), rgb (N, 3, 512), known, changed and stale (N,)."""

    tsdf: NDArray[np.int16]
    weight: _Bytes
    rgb: _Bytes
    known: _Bytes
    changed: _Bytes
    stale: _Bytes


def make_scratch() -> Scratch:
    """Scratch space for one block."""
    return Scratch(
        offsets=np.zeros((3, VOXELS), np.float32),
        places=np.zeros(VOXELS, np.int32),
        depths=np.zeros(VOXELS, np.float32),
        values=np.zeros(VOXELS, np.float32),
        mixed=np.zeros(VOXELS, np.float32),
        ok=np.zeros(VOXELS, np.uint8),
        shares=np.zeros(VOXELS, np.int16),
        fetched=np.zeros(VOXELS, np.uint32),
        inside=np.zeros(VOXELS, np.int32),
    )


@compiled(inline="always")
def _code(x: Any, y: Any, z: Any) -> Any:
    """One number for a block at local coordinates that are floats."""
    a, b, c = np.int64(np.floor(x)) + _OFFSET, np.int64(np.floor(y)) + _OFFSET, np.int64(np.floor(z)) + _OFFSET
    return (a << 32) | (b << 16) | c


@compiled(inline="always")
def _enter(code: Any, touched: Touched, n: Any) -> Any:
    """Adds a block unless it is there; returns how many there are then."""
    mask = touched.seen.shape[0] - 1
    place = np.int64(((np.uint64(code) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(30)) & np.uint64(mask))
    while touched.seen[place] != code:
        if touched.seen[place] == _EMPTY:
            touched.seen[place] = code
            block = touched.blocks[n]
            block[0] = np.int32((code >> 32) - _OFFSET)
            block[1] = np.int32(((code >> 16) & 0xFFFF) - _OFFSET)
            block[2] = np.int32((code & 0xFFFF) - _OFFSET)
            return n + 1
        place = (place + 1) & mask
    return n


@compiled(inline="always")
def _rays(camera: Camera) -> Any:
    """Change of a ray's direction (map axes, in blocks per voxel of depth) per column, per row, and that of (0, 0)."""
    R, lens = camera.R, camera.lens
    per_u, per_v = R[:, 0] * (_EIGHTH / lens[0]), R[:, 1] * (_EIGHTH / lens[1])
    return per_u, per_v, R[:, 2] * _EIGHTH - per_u * lens[2] - per_v * lens[3]


@compiled
def find_near(image: Image, camera: Camera, step: int, touched: Touched) -> int:
    """Enters the blocks near a surface: along rays, from a truncation distance before its end to one behind.

    Rays are those of every step-th pixel. Returns how many blocks there are, -1 when there is no room for all.
    """
    height, width = image.depth.shape
    scale, limit, truncation = image.scale[0], image.scale[1], image.scale[2]
    room = min(touched.blocks.shape[0], touched.seen.shape[0] // 2)
    n_points = np.int64(np.ceil(2 * truncation / np.float32(BLOCK / 2))) + 1
    apart = 2 * truncation / np.float32(n_points - 1)
    at_x, at_y, at_z = camera.t[0] * _EIGHTH, camera.t[1] * _EIGHTH, camera.t[2] * _EIGHTH
    last = np.full(n_points, _EMPTY, np.int64)
    n = 0
    per_u, per_v, first = _rays(camera)
    for v in range(0, height, step):
        row, left = image.depth[v], first + per_v * np.float32(v)
        for u in range(0, width, step):
            depth = row[u] * scale
            if not (depth > _ZERO and depth <= limit):
                continue
            x = np.float32(u)
            dx, dy, dz = left[0] + per_u[0] * x, left[1] + per_u[1] * x, left[2] + per_u[2] * x
            if n + n_points > room:
                return -1
            for k in range(n_points):
                z = max(depth - truncation + np.float32(k) * apart, _ZERO)
                code = _code(at_x + dx * z, at_y + dy * z, at_z + dz * z)
                if code != last[k]:
                    last[k] = code
                    n = _enter(code, touched, n)
    return n


@compiled
def find_passed(image: Image, camera: Camera, step: int, touched: Touched, n: int) -> int:
    """Enters, after the n blocks there are, those that rays pass on their way; returns as `find_near`."""
    height, width = image.depth.shape
    scale, limit, truncation = image.scale[0], image.scale[1], image.scale[2]
    room = min(touched.blocks.shape[0], touched.seen.shape[0] // 2)
    at_x, at_y, at_z = camera.t[0] * _EIGHTH, camera.t[1] * _EIGHTH, camera.t[2] * _EIGHTH
    per_u, per_v, first = _rays(camera)
    for i in range((height - 1) // step + 2):
        v = min(i * step, height - 1)
        row, left = image.depth[v], first + per_v * np.float32(v)
        for j in range((width - 1) // step + 2):
            u = min(j * step, width - 1)
            end = min(row[u] * scale, limit) - truncation
            x = np.float32(u)
            dx, dy, dz = left[0] + per_u[0] * x, left[1] + per_u[1] * x, left[2] + per_u[2] * x
            z = np.float32(BLOCK // 2 * (1 + ((i + j) & 1)))  # every other ray steps half a block further
            while z < end:
                if n + 1 > room:
                    return -1
                n = _enter(_code(at_x + dx * z, at_y + dy * z, at_z + dz * z), touched, n)
                z += np.float32(BLOCK)
    return n


@compiled
def _fill_offsets(R: Floats, offsets: Floats) -> None:
    """offsets (3, 512): each voxel of a block relative to its first one, camera axes."""
    for i in range(VOXELS):
        x, y, z = np.float32(i >> 6), np.float32((i >> 3) & 7), np.float32(i & 7)
        for axis in range(3):
            offsets[axis, i] = R[0, axis] * x + R[1, axis] * y + R[2, axis] * z


@compiled
def _project(x: Any, y: Any, z: Any, offsets: Floats, lens: Floats, depths: Floats, places: Ints) -> None:
    """Depth and pixel of each voxel of the block whose first one is at (x, y, z); depth is infinite where unseen."""
    dx, dy, dz = offsets[0], offsets[1], offsets[2]
    fx, fy, cx, cy, width = lens[0], lens[1], lens[2] + _HALF, lens[3] + _HALF, np.int32(lens[4])
    last_u, last_v = np.nextafter(lens[4], _ZERO), np.nextafter(lens[5], _ZERO)
    for i in range(VOXELS):
        depth = z + dz[i]
        inverse = _ONE / max(depth, _NEAR)
        u, v = (x + dx[i]) * inverse * fx + cx, (y + dy[i]) * inverse * fy + cy
        column, row = min(max(u, _ZERO), last_u), min(max(v, _ZERO), last_v)
        seen = (column == u) & (row == v) & (depth > _NEAR)
        places[i] = np.int32(np.int32(np.int32(row) * width) + np.int32(column))
        depths[i] = depth if seen else _INFINITY


@compiled
def _compare(scale: Floats, scratch: Scratch) -> Any:
    """values, depths of the voxels' pixels so far, become distances in steps, _UNUSED where they tell nothing.

    ok gets 1 where the surface is so near that its colour is the voxel's, half the truncation distance; returns how
    often it does. Of two voxels on both sides of a surface at least one gets it.
    """
    limit, truncation, per_truncation = scale[1], scale[2], scale[3]
    depths, values, ok = scratch.depths, scratch.values, scratch.ok
    n = np.int32(0)
    for i in range(VOXELS):
        reach = values[i]
        distance = reach - depths[i]
        near = (distance < truncation) & (distance >= -truncation) & (reach <= limit) & (reach > _ZERO)
        value = min(distance * per_truncation, _ONE) * _STEPS
        values[i] = value if near | (distance >= truncation) else _UNUSED
        at_surface = near & (abs(distance) <= _HALF * truncation)
        ok[i] = np.uint8(at_surface)
        n = np.int32(n + np.int32(at_surface))
    return n


@compiled
def _average(tsdf: Any, weight: Any, scratch: Scratch) -> Any:
    """Takes the values into the averages; 0 when nothing changed."""
    values, mixed = scratch.values, scratch.mixed
    changes = np.int32(0)
    for i in range(VOXELS):
        old = np.float32(tsdf[i])
        value = values[i] if values[i] != _UNUSED else old
        mixed[i] = old + (value - old) / (np.float32(weight[i]) + _ONE) + _ROUND
    for i in range(VOXELS):
        new = np.int16(np.int32(mixed[i]) - np.int32(STEPS))
        changes = np.int32(changes | np.int32(new ^ tsdf[i]))
        tsdf[i] = new
    for i in range(VOXELS):
        heavier = min(np.uint8(weight[i] + np.uint8(values[i] != _UNUSED)), np.uint8(MAX_WEIGHT))
        changes = np.int32(changes | np.int32(heavier ^ weight[i]))
        weight[i] = heavier
    return changes


@compiled
def _shares(weight: Any, red: Any, scratch: Scratch) -> None:
    """shares get what the new colour has of the mean, in 128ths: 0 where there is none, all where it is the first."""
    ok, shares = scratch.ok, scratch.shares
    for i in range(VOXELS):
        share = np.int32(_WHOLE / max(min(np.float32(weight[i]), _COLOUR_WEIGHT), _ONE))
        share = np.int32(128) if red[i] == 0 else share
        shares[i] = np.int16(share if ok[i] != 0 else np.int32(0))


@compiled
def _tint(rgb: Any, words: Any, scratch: Scratch) -> None:
    """Moves the colours by their shares towards those of the pixels, by at least one level; red stays above 0."""
    places, ok, inside, shares, fetched = scratch.places, scratch.ok, scratch.inside, scratch.shares, scratch.fetched
    last = np.int32(words.shape[0] - 1)
    n = 0
    for i in range(VOXELS):
        inside[n] = i
        n += ok[i]
    for k in range(n):
        at = np.uint32(inside[k])
        fetched[at] = words[np.uint32(min(places[at], last))]
    for channel in range(3):
        colour, shift = rgb[channel], np.uint32(8 * channel)
        for i in range(VOXELS):  # in 16 bits: 255 * 128 + 127 is the largest of them
            value, old = np.int16((fetched[i] >> shift) & np.uint32(255)), np.int16(colour[i])
            step = np.int16(np.int16(value - old) * shares[i])
            step = np.int16(np.int16(step + np.int16(127) * np.int16(step > 0)) >> np.int16(7))
            colour[i] = np.uint8(np.int16(old + step))
    for i in range(VOXELS):
        rgb[0, i] = max(rgb[0, i], ok[i])


@compiled
def update_blocks(
    blocks: Ints, rows: Ints, n_near: int, image: Image, camera: Camera, stored: Stored, scratch: Scratch
) -> None:  # fmt: skip
    """Adds one frame to the voxels of blocks (n, 3), whose rows (n,) in `stored` are given; -1 for none.

    From n_near on only those are that some voxel of was seen before.
    """
    R, t, per_metre = camera.R, camera.t, image.scale[0]
    places, values, depth = scratch.places, scratch.values, image.flat_depth
    _fill_offsets(R, scratch.offsets)
    for n in range(blocks.shape[0]):
        row = rows[n]
        if row < 0 or (n >= n_near and stored.known[row] == 0):
            continue
        x = np.float32(blocks[n, 0] * BLOCK) + _HALF - t[0]
        y = np.float32(blocks[n, 1] * BLOCK) + _HALF - t[1]
        z = np.float32(blocks[n, 2] * BLOCK) + _HALF - t[2]
        X, Y = R[0, 0] * x + R[1, 0] * y + R[2, 0] * z, R[0, 1] * x + R[1, 1] * y + R[2, 1] * z
        Z = R[0, 2] * x + R[1, 2] * y + R[2, 2] * z
        _project(X, Y, Z, scratch.offsets, camera.lens, scratch.depths, places)
        for i in range(VOXELS):
            values[i] = depth[np.uint32(places[i])] * per_metre
        n_ok = _compare(image.scale, scratch)
        if _average(stored.tsdf[row], stored.weight[row], scratch):
            stored.known[row], stored.changed[row], stored.stale[row] = 1, 1, 1
        if n_ok:
            _shares(stored.weight[row], stored.rgb[row, 0], scratch)
            _tint(stored.rgb[row], image.words, scratch)
