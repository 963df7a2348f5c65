# SPDX-License-Identifier: Apache-2.0
"""What a depth image says before the map is asked: how far each part of it reaches, and where its pixels end.

Compiled loops that read the image once, row by row. The lengths, and what reach is, are told in
`mapping.octree.kernels`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import lean
from mapping.octree.kernels import BLOCK, Camera, Ends, Floats, Ints, Pyramid

_BEHIND = np.float32(1e-3)  # a surface on the border of two voxels is in the one behind it, however depth was rounded
_MARGIN = 0.01  # voxels, more than float32 rounding
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)


class Lens(NamedTuple):
    """What of a camera does not depend on its pose.

    flip is -1 for images whose rows run upwards, else 1; lens (6,), columns (W,) and rows (H,) as in `Camera`; cuts
    (H, W) are the depths in voxels at which the pixels' rays leave the range. normals (5, 3) are inward normals of the
    frustum, corners (4, 3) the rays with z = 1 through the image's corners, camera axes.
    """

    flip: float
    lens: Floats
    columns: Floats
    rows: Floats
    cuts: Floats
    normals: NDArray[np.float64]
    corners: NDArray[np.float64]


class Rows(NamedTuple):
    """Room for two rows of the image, so that no frame asks for memory; W8 is W rounded up to a multiple of 8.

    reach (2, W); spare (W,); codes (2, 1 + W8 + 1) of the voxels in which pixels end, with -1 before and after; fresh
    (W8,) 1 for those that their neighbours have not told yet; places (W8 / 8 + 1,) of eights with any.
    """

    reach: Floats
    spare: Floats
    codes: Any
    fresh: NDArray[np.uint8]
    places: Ints


def make_rows(width: int, wide: bool) -> Rows:
    """Scratch rows; codes are int64 when `wide`, else int32."""
    padded = (width + 7) // 8 * 8
    codes = np.full((2, 1 + padded + 1), -1, np.int64 if wide else np.int32)
    fresh, places = np.zeros(padded, np.uint8), np.zeros(padded // 8 + 1, np.int32)
    return Rows(np.empty((2, width), np.float32), np.empty(width, np.float32), codes, fresh, places)


@lean
def fill_cuts(columns: Floats, rows: Floats, limit: Any, cuts: Floats) -> None:
    """cuts (H, W): depth at which the ray of each pixel is `limit` from the camera."""
    for v in range(rows.shape[0]):
        across, out = _ONE + rows[v] * rows[v], cuts[v]
        for u in range(columns.shape[0]):
            out[u] = limit / np.sqrt(across + columns[u] * columns[u])


@lean
def aim(lens: Lens, T: Any, position: Any, camera: Camera) -> None:
    """Fills the camera's R, t and planes: pose T (4, 4), position (3,) in voxels from its block's corner."""
    for i in range(3):
        camera.t[i] = position[i]
        camera.R[i, 0], camera.R[i, 1], camera.R[i, 2] = T[i, 0], T[i, 1] * lens.flip, T[i, 2]
    for k in range(5):
        n, reach = lens.normals[k], 0.0
        for i in range(3):
            along = T[i, 0] * n[0] + T[i, 1] * lens.flip * n[1] + T[i, 2] * n[2]
            camera.planes[k, i] = along
            reach += abs(along)
        camera.planes[k, 3] = reach


@lean
def _read_row(
    depth: Any, scale: Any, limit: Any, slope: Any, camera: Camera, places: Ends, reach: Floats, codes: Any
) -> bool:
    """Fills reach (W,), depth times scale, and codes (W,) of the voxels in which the pixels of a row end, or -1.

    Returns whether any is beyond limit.
    """
    R, columns, kind = camera.R, camera.columns, codes.dtype.type
    x0, y0, z0 = R[0, 0], R[1, 0], R[2, 0]
    x1, y1, z1 = R[0, 1] * slope + R[0, 2], R[1, 1] * slope + R[1, 2], R[2, 1] * slope + R[2, 2]
    step, offset = kind(1 << places.shift), np.float32(places.offset)
    x2, y2, z2 = camera.t[0] + offset, camera.t[1] + offset, camera.t[2] + offset
    n_beyond = np.int32(0)
    for u in range(depth.shape[0]):
        value = depth[u] * scale
        r = value + _BEHIND
        x = np.int32((x0 * columns[u] + x1) * r + x2)
        y = np.int32((y0 * columns[u] + y1) * r + y2)
        z = np.int32((z0 * columns[u] + z1) * r + z2)
        code = kind((kind(x) * step + y) * step + z)
        reach[u] = value
        codes[u] = code if value > _ZERO else kind(-1)
        n_beyond = np.int32(n_beyond + np.int32(value > limit))
    return bool(n_beyond > 0)


@lean
def _cut_row(cuts: Floats, reach: Floats, codes: Any) -> None:
    """Cuts reach (W,) where it is above cuts (W,); no pixel ends there."""
    kind = codes.dtype.type
    for u in range(cuts.shape[0]):
        value, cut = reach[u], cuts[u]
        codes[u] = codes[u] if value <= cut else kind(-1)
        reach[u] = value if value < cut else cut


@lean
def _collect(here: Any, above: Any, rows: Rows, found: Any, n: int) -> int:
    """Appends those of a row's codes to found[n:] that differ from their left, upper and upper right neighbours."""
    fresh, places = rows.fresh, rows.places
    for u in range(fresh.shape[0]):
        code = here[u + 1]
        fresh[u] = np.uint8((code != here[u]) & (code != above[u + 1]) & (code != above[u + 2]))
    eights = fresh.view(np.uint64)
    n_places = 0
    for w in range(eights.shape[0]):  # no branches: processors guess wrong where surfaces begin
        places[n_places] = w
        n_places += eights[w] != 0
    for i in range(n_places):
        first = np.int64(places[i]) * 8
        for u in range(first, first + 8):
            found[n] = here[u + 1]
            n += fresh[u]
    return n


@lean
def _halve_rows(a: Floats, b: Floats, coarse: Floats) -> None:
    """coarse gets the largest of each 2x2 in rows a and b; a last column stands alone."""
    width = a.shape[0]
    for x in range(width // 2):
        p, q, r, s = a[2 * x], a[2 * x + 1], b[2 * x], b[2 * x + 1]
        p, r = p if p > q else q, r if r > s else s
        coarse[x] = p if p > r else r
    if width % 2:
        coarse[width // 2] = max(a[width - 1], b[width - 1])


@lean
def _see(depth: Any, scale: Any, cuts: Floats, camera: Camera, pyramid: Pyramid, rows: Rows, places: Ends) -> int:
    """Fills level 1 of the pyramid and the codes of `places` from depth (H, W); returns how many codes there are.

    Depth times scale is cut at cuts (H, W), where each pixel's ray leaves the range; pixels beyond it end nowhere.
    """
    height = depth.shape[0]
    offset, half = pyramid.levels[1, 0], pyramid.levels[1, 1]
    n = 0
    rows.codes[1] = -1
    for v in range(height):
        reach = rows.reach[v & 1]
        here, above = rows.codes[v & 1], rows.codes[1 - (v & 1)]
        codes, shortest = here[1:], min(cuts[v, 0], cuts[v, -1])
        if _read_row(depth[v], scale, shortest, camera.rows[v], camera, places, reach, codes):
            _cut_row(cuts[v], reach, codes)
        n = _collect(here, above, rows, places.codes, n)
        if v % 2 or v == height - 1:
            low, high = offset + (v // 2) * half, offset + (v // 2 + 1) * half
            _halve_rows(rows.reach[0], reach, pyramid.farthest[low:high])
    return n


@lean
def _fill_finest(depth: Any, scale: Any, cuts: Floats, pyramid: Pyramid) -> None:
    """Level 0 of `farthest`, which `see` leaves out: reach of every pixel of depth (H, W)."""
    height, width = depth.shape
    for v in range(height):
        out, source, cut = pyramid.farthest[v * width : v * width + width], depth[v], cuts[v]
        for u in range(width):
            value = source[u] * scale
            out[u] = value if value < cut[u] else cut[u]


@lean(inline="always")
def _image(values: Floats, level: Any) -> Floats:
    offset, width, height = level
    return values[offset : offset + width * height].reshape((height, width))


@lean
def _fill_pyramid(pyramid: Pyramid) -> None:
    """All levels of farthest above 1."""
    levels = pyramid.levels
    for k in range(2, levels.shape[0]):
        fine, coarse = _image(pyramid.farthest, levels[k - 1]), _image(pyramid.farthest, levels[k])
        for y in range(coarse.shape[0]):
            _halve_rows(fine[2 * y], fine[min(2 * y + 1, fine.shape[0] - 1)], coarse[y])


@lean
def fill_box(farthest: Any, lens: Lens, T: Any, position: Any, limit: Any, box: Ints) -> None:
    """box (2, 3) of blocks around the frustum, which ends at the farthest reach and nowhere beyond `limit` from it."""
    for i in range(3):
        low = high = 0.0
        for k in range(4):
            corner = lens.corners[k]
            along = (T[i, 0] * corner[0] + T[i, 1] * lens.flip * corner[1] + T[i, 2] * corner[2]) * farthest
            low, high = min(low, along), max(high, along)
        low, high = max(low, -limit) + position[i] - _MARGIN, min(high, limit) + position[i] + _MARGIN
        box[0, i] = np.floor(low / BLOCK)
        box[1, i] = np.floor(high / BLOCK) + 1


@lean(inline="always")
def voxel_level(depth: Any, lens: Floats, last: int) -> int:
    """The pyramid level of which 3x3 pixels are about as large as a voxel at this depth; -1 when one pixel is."""
    pixels = _HALF * min(lens[0], lens[1]) / max(depth, _ONE)
    level = 0 if pixels >= 1 else -1
    while pixels >= 2 and level < last:
        pixels, level = pixels * _HALF, level + 1
    return level


@lean
def _spread(image: Floats, around: Floats, row: Floats) -> None:
    """around gets the largest of the 3x3 neighbours in image; row (W,) is scratch."""
    height, width = image.shape
    for y in range(height):
        a, b, c, out = image[max(y - 1, 0)], image[y], image[min(y + 1, height - 1)], around[y]
        for x in range(width):
            p = a[x] if a[x] > b[x] else b[x]
            row[x] = p if p > c[x] else c[x]
        for x in range(1, width - 1):
            p = row[x - 1] if row[x - 1] > row[x] else row[x]
            out[x] = p if p > row[x + 1] else row[x + 1]
        out[0] = max(row[0], row[min(1, width - 1)])
        out[width - 1] = max(row[max(width - 2, 0)], row[width - 1])


@lean
def _fill_around(pyramid: Pyramid, finest: int, row: Floats) -> None:
    """`around` from level `finest` on; row (W,) is scratch."""
    levels = pyramid.levels
    for k in range(finest, levels.shape[0]):
        _spread(_image(pyramid.farthest, levels[k]), _image(pyramid.around, levels[k]), row)


@lean
def look(depth: Any, T: Any, position: Any, voxels: Any, lens: Lens, camera: Camera, pyramid: Pyramid, rows: Rows,
         ends: Ends, box: Ints) -> int:  # fmt: skip
    """Fills camera, pyramid, ends and box from depth (H, W) in metres and pose T (4, 4).

    position (3,) is in voxels from the corner of the camera's block, voxels (2,) how many there are in a metre and in
    the range. box (2, 3) gets the first block of the box around the frustum, and the one after its last. Returns the
    number of codes in ends.
    """
    per_metre, limit = voxels
    scale, last = np.float32(per_metre), pyramid.levels.shape[0] - 1
    aim(lens, T, position, camera)
    n_ends = _see(depth, scale, lens.cuts, camera, pyramid, rows, ends)
    _fill_pyramid(pyramid)
    farthest = pyramid.farthest[pyramid.levels[last, 0]]
    fill_box(farthest, lens, T, position, limit, box)
    finest = voxel_level(farthest + np.float32(BLOCK), camera.lens, last)
    if finest <= 0:
        _fill_finest(depth, scale, lens.cuts, pyramid)
    _fill_around(pyramid, max(finest, 0), rows.spare)
    return n_ends
