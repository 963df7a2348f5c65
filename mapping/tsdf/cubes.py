# SPDX-License-Identifier: Apache-2.0
"""Marching cubes: the table of triangles for every pattern of corners inside a surface, and the loop that uses it.

The table is derived, not written down. On each face of a cube, walked anticlockwise as seen from outside, every run of
inside corners is cut off by a line from the edge where the walk enters it to the edge where it leaves. Two cubes that
share a face draw the same lines on it, so meshes have no cracks. The lines form loops around the cube, and each loop is
cut into triangles; where there is a choice, by diagonals that do not lie in a face, which a neighbour could have too.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled
from mapping.tsdf.kernels import Stored

Ints = NDArray[np.int32]

SIDE = 65  # voxels along the edge of a region and of the first layer of the next
N_EDGES = 3 * 64**3  # edges between neighbouring voxels that a region owns
_LEAST = np.float32(1e-3)  # vertices stay this far from voxel centres, so that no triangle is a point

Triangle = tuple[int, int, int]

# Corner c of a cube is at (c >> 2, c >> 1 & 1, c & 1). Edge 4 * axis + k goes along an axis from the k-th corner whose
# bit of that axis is 0, in ascending order.
_BIT = (4, 2, 1)
_EDGES = tuple((low, low | bit) for bit in _BIT for low in range(8) if not low & bit)


def _faces() -> list[tuple[int, int, int, int]]:
    """Corners of the six faces, anticlockwise as seen from outside."""
    faces = []
    for axis in range(3):
        a, b, c = _BIT[axis], _BIT[(axis + 1) % 3], _BIT[(axis + 2) % 3]
        faces.append((a, a | b, a | b | c, a | c))
        faces.append((0, c, b | c, b))
    return faces


def _edge(a: int, b: int) -> int:
    return _EDGES.index((min(a, b), max(a, b)))


def _loops(inside: int) -> list[list[int]]:
    """The edges that the surface cuts, in order around each of its pieces; `inside` has a bit for each corner."""
    following: dict[int, int] = {}
    for face in _faces():
        within = [bool(inside >> corner & 1) for corner in face]
        for i in range(4):
            if within[i] or not within[(i + 1) % 4]:
                continue
            last = (i + 1) % 4
            while within[(last + 1) % 4]:
                last = (last + 1) % 4
            following[_edge(face[i], face[(i + 1) % 4])] = _edge(face[last], face[(last + 1) % 4])
    loops = []
    while following:
        loop = [min(following)]
        while (edge := following.pop(loop[-1])) != loop[0]:
            loop.append(edge)
        loops.append(loop)
    return loops


def _in_one_face(a: int, b: int) -> bool:
    corners = {*_EDGES[a], *_EDGES[b]}
    return any(corners <= set(face) for face in _faces())


def _cut(loop: tuple[int, ...]) -> tuple[int, list[Triangle]]:
    """Triangles of a loop with the fewest diagonals in faces, and how many those are."""
    if len(loop) < 3:
        return 0, []
    best: tuple[int, list[Triangle]] = (len(loop), [])
    for apex in range(1, len(loop) - 1):
        n_left, left = _cut(loop[: apex + 1])
        n_right, right = _cut(loop[apex:])
        diagonals = [(loop[0], loop[apex])] if apex > 1 else []
        diagonals += [(loop[apex], loop[-1])] if apex < len(loop) - 2 else []
        n_bad = n_left + n_right + sum(_in_one_face(*diagonal) for diagonal in diagonals)
        if n_bad < best[0]:
            best = (n_bad, [(loop[0], loop[apex], loop[-1]), *left, *right])
    return best


@cache
def triangle_table() -> NDArray[np.int8]:
    """(256, 16) edges of the triangles of each pattern of inside corners, three each, then -1."""
    table = np.full((256, 16), -1, np.int8)
    for inside in range(256):
        flat = [edge for loop in _loops(inside) for triangle in _cut(tuple(loop))[1] for edge in triangle]
        table[inside, : len(flat)] = flat
    return table


class Volume(NamedTuple):
    """The voxels of one region with the first layer of the next ones, each (65, 65, 65).

    tsdf is float32 in steps, seen uint8; vertices (65, 65, 65, 3) is the vertex on the edge from each voxel along each
    axis, -1 for none.
    """

    tsdf: Any
    seen: Any
    vertices: Ints


class Made(NamedTuple):
    """Room for a region's mesh: edges (V,) as numbered by `_owner`, positions (V, 3) in voxels, colours, faces."""

    edges: Ints
    positions: NDArray[np.float64]
    colours: NDArray[np.uint8]
    faces: Ints


def make_volume() -> Volume:
    """Scratch space for one region."""
    shape = (SIDE, SIDE, SIDE)
    return Volume(np.zeros(shape, np.float32), np.zeros(shape, np.uint8), np.full((*shape, 3), -1, np.int32))


def make_room(n: int) -> Made:
    """Room for n vertices and three times as many triangles."""
    return Made(np.empty(n, np.int32), np.empty((n, 3)), np.empty((n, 3), np.uint8), np.empty((3 * n, 3), np.int32))


def cube_edges() -> NDArray[np.int64]:
    """(12, 4) place of the first corner of each edge of a cube, and the edge's axis."""
    return np.array([(*(low >> k & 1 for k in (2, 1, 0)), i // 4) for i, (low, _) in enumerate(_EDGES)], np.int64)


@compiled
def fill_volume(rows: Ints, stored: Stored, min_weight: int, volume: Volume) -> None:
    """Copies the blocks of a region and their next neighbours, rows (9, 9, 9), -1 for none, into the volume."""
    volume.seen[:] = 0
    for bx in range(9):
        for by in range(9):
            for bz in range(9):
                row = rows[bx, by, bz]
                if row < 0:
                    continue
                for x in range(8 * bx, min(8 * bx + 8, SIDE)):
                    for y in range(8 * by, min(8 * by + 8, SIDE)):
                        at = ((x & 7) << 6) | ((y & 7) << 3)
                        for z in range(8 * bz, min(8 * bz + 8, SIDE)):
                            volume.tsdf[x, y, z] = np.float32(stored.tsdf[row, at | (z & 7)])
                            volume.seen[x, y, z] = stored.weight[row, at | (z & 7)] >= min_weight


@compiled(inline="always")
def _owner(x: Any, y: Any, z: Any, axis: Any) -> Any:
    """Number of an edge: which of the 8 regions from this one on owns it, times N_EDGES, plus its number there."""
    region = ((x >> 6) << 2) | ((y >> 6) << 1) | (z >> 6)
    local = ((x & 63) << 12) | ((y & 63) << 6) | (z & 63)
    return np.int32(region * N_EDGES + 3 * local + axis)


@compiled(inline="always")
def _colour(rows: Ints, stored: Stored, x: Any, y: Any, z: Any, channel: Any) -> Any:
    row = rows[x >> 3, y >> 3, z >> 3]
    return stored.rgb[row, channel, ((x & 7) << 6) | ((y & 7) << 3) | (z & 7)]


@compiled
def _vertex(x: Any, y: Any, z: Any, axis: Any, rows: Ints, stored: Stored, volume: Volume, made: Made, n: Any) -> Any:
    """Puts vertex n on the edge from voxel (x, y, z) along an axis: where the distance is 0, with the colour there."""
    x1, y1, z1 = x + (axis == 0), y + (axis == 1), z + (axis == 2)
    here, there = volume.tsdf[x, y, z], volume.tsdf[x1, y1, z1]
    share = min(max(here / (here - there), _LEAST), np.float32(1) - _LEAST)
    made.edges[n] = _owner(x, y, z, axis)
    made.positions[n, 0], made.positions[n, 1], made.positions[n, 2] = x + 0.5, y + 0.5, z + 0.5
    made.positions[n, axis] += share
    has_here, has_there = _colour(rows, stored, x, y, z, 0) > 0, _colour(rows, stored, x1, y1, z1, 0) > 0
    for c in range(3):
        a = np.float32(_colour(rows, stored, x, y, z, c))
        b = np.float32(_colour(rows, stored, x1, y1, z1, c))
        mixed = a + (b - a) * share
        made.colours[n, c] = np.uint8((mixed if has_here == has_there else (a if has_here else b)) + np.float32(0.5))


@compiled
def _pattern(x: Any, y: Any, z: Any, volume: Volume) -> Any:
    """Bits of the corners of a cube that are inside; 0 unless all were seen."""
    inside, seen = np.int64(0), True
    for c in range(8):
        at = (x + (c >> 2), y + ((c >> 1) & 1), z + (c & 1))
        seen = seen and volume.seen[at] != 0
        inside |= np.int64(volume.tsdf[at] < 0) << c
    return inside if seen else np.int64(0)


@compiled
def mesh_region(rows: Ints, stored: Stored, volume: Volume, table: Any, edges: Any, made: Made) -> tuple[int, int]:
    """Meshes the cubes whose first corner is in the region; returns vertices and faces, or -1 when room ran out.

    edges (12, 4) is the first corner of each edge of a cube and its axis. Clears `volume.vertices` again.
    """
    n, m, full = 0, 0, False
    for block in range(512):
        bx, by, bz = block >> 6, (block >> 3) & 7, block & 7
        if rows[bx, by, bz] < 0 or full:
            continue
        for i in range(512):
            x, y, z = 8 * bx + (i >> 6), 8 * by + ((i >> 3) & 7), 8 * bz + (i & 7)
            pattern = _pattern(x, y, z, volume)
            if pattern in (0, 255):
                continue
            full = n + 12 > made.edges.shape[0] or m + 15 > 3 * made.faces.shape[0]
            if full:
                break
            for k in range(16):
                if table[pattern, k] < 0:
                    break
                edge = edges[table[pattern, k]]
                at = (x + edge[0], y + edge[1], z + edge[2], edge[3])
                if volume.vertices[at] < 0:
                    _vertex(at[0], at[1], at[2], at[3], rows, stored, volume, made, n)
                    volume.vertices[at] = n
                    n += 1
                made.faces[m // 3, m % 3] = volume.vertices[at]
                m += 1
    _forget(made.edges, n, volume)
    return (-1, -1) if full else (n, m // 3)


@compiled
def _forget(edges: Ints, n: Any, volume: Volume) -> None:
    """Clears the vertices on the first n edges from the volume."""
    for i in range(n):
        region, local = edges[i] // N_EDGES, edges[i] % N_EDGES
        axis, local = local % 3, local // 3
        x, y, z = local >> 12, (local >> 6) & 63, local & 63
        x, y, z = x + 64 * ((region >> 2) & 1), y + 64 * ((region >> 1) & 1), z + 64 * (region & 1)
        volume.vertices[x, y, z, axis] = -1
