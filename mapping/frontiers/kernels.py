# SPDX-License-Identifier: Apache-2.0
"""Compiled loops over the cells of a tile: which border on the unseen, which hang together, how large they are.

A cell is a cube of voxels. It is free when none of them is occupied and more than half are free, unseen when none is
occupied and no more than half are free: the single layer of free voxels that rays along a wall leave behind it makes no
free cell. A border cell is free and has an unseen neighbour across a face.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled

Bits = NDArray[np.uint8]
Labels = NDArray[np.int16]

FACES = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))
"""Bit i of a border cell is set when the neighbour in this direction is unseen."""

N_MEASURES = 15
"""Of a piece: cells, sums of x y z, sums of directions x y z, low x y z, high x y z, low columns, middle columns."""

_OTHER, _FREE, _UNSEEN = 0, 1, 2
_SIDEWAYS = 0b1111


@compiled
def border(box: Any, k: int, bits: Bits) -> int:
    """Fills bits (nx, ny, nz) with the unseen directions of border cells; returns how many there are.

    Args:
        box: ((nx + 2) k, (ny + 2) k, nz k) occupancy -1, 0, 1; a margin of one cell on each side, none in height.
        k: voxels along a cell's edge.
    """
    nx, ny, nz = bits.shape
    codes = np.zeros((nx + 2, ny + 2, nz), np.uint8)
    for i in range(nx + 2):
        for j in range(ny + 2):
            for m in range(nz):
                codes[i, j, m] = _code(box, i * k, j * k, m * k, k)
    n = 0
    for i in range(nx):
        for j in range(ny):
            for m in range(nz):
                bits[i, j, m] = 0
                if codes[i + 1, j + 1, m] == _FREE:
                    bits[i, j, m] = _unseen_around(codes, i + 1, j + 1, m)
                    n += bits[i, j, m] != 0
    return n


@compiled
def _code(box: Any, x: int, y: int, z: int, k: int) -> int:
    n_free = 0
    for i in range(x, x + k):
        for j in range(y, y + k):
            for m in range(z, z + k):
                if box[i, j, m] == 1:
                    return _OTHER
                n_free += box[i, j, m] == 0
    return _FREE if 2 * n_free > k * k * k else _UNSEEN


@compiled
def _unseen_around(codes: Bits, i: int, j: int, m: int) -> int:
    bits = 0
    for face in range(6):
        a, b, c = i + FACES[face][0], j + FACES[face][1], m + FACES[face][2]
        if 0 <= c < codes.shape[2] and codes[a, b, c] == _UNSEEN:
            bits |= 1 << face
    return bits


@compiled
def pieces(bits: Bits, labels: Labels) -> int:
    """Fills labels with 1.. for border cells that hang together (faces, edges or corners), 0 elsewhere; how many."""
    nx, ny, nz = bits.shape
    labels[:] = 0
    stack = np.empty((bits.size, 3), np.int32)
    n = 0
    for i in range(nx):
        for j in range(ny):
            for m in range(nz):
                if bits[i, j, m] == 0 or labels[i, j, m] != 0:
                    continue
                n += 1
                labels[i, j, m] = n
                stack[0, 0], stack[0, 1], stack[0, 2] = i, j, m
                _flood(bits, labels, n, stack)
    return n


@compiled
def _flood(bits: Bits, labels: Labels, n: int, stack: Any) -> None:
    nx, ny, nz = bits.shape
    top = 1
    while top > 0:
        top -= 1
        i, j, m = stack[top, 0], stack[top, 1], stack[top, 2]
        for a in range(max(i - 1, 0), min(i + 2, nx)):
            for b in range(max(j - 1, 0), min(j + 2, ny)):
                for c in range(max(m - 1, 0), min(m + 2, nz)):
                    if bits[a, b, c] != 0 and labels[a, b, c] == 0:
                        labels[a, b, c] = n
                        stack[top, 0], stack[top, 1], stack[top, 2] = a, b, c
                        top += 1


@compiled
def measure(bits: Bits, labels: Labels, n: int, low_to: int, middle_to: int) -> Any:
    """(n, N_MEASURES) of each piece, in cells of the tile.

    Low columns have a cell below layer low_to that is open sideways, middle columns one from there to middle_to.
    """
    nx, ny, nz = bits.shape
    values = np.zeros((n, N_MEASURES))
    values[:, 7:10] = 1e9
    values[:, 10:13] = -1e9
    last = np.full((n, 2), -1, np.int64)
    for i in range(nx):
        for j in range(ny):
            for m in range(nz):
                piece = labels[i, j, m] - 1
                if piece < 0:
                    continue
                row = values[piece]
                row[0] += 1
                at = (i, j, m)
                for axis in range(3):
                    row[1 + axis] += at[axis]
                    row[7 + axis] = min(row[7 + axis], at[axis])
                    row[10 + axis] = max(row[10 + axis], at[axis])
                for face in range(6):
                    if bits[i, j, m] >> face & 1:
                        for axis in range(3):
                            row[4 + axis] += FACES[face][axis]
                part = 0 if m < low_to else 1
                if m < middle_to and bits[i, j, m] & _SIDEWAYS and last[piece, part] != i * ny + j:
                    last[piece, part] = i * ny + j
                    row[13 + part] += 1
    return values


@compiled
def contacts(one: Any, other: Any, n_one: int, n_other: int) -> Any:
    """(n_one, n_other) how many pairs of cells touch across the face between two tiles, diagonals included.

    one and other are the (m, n) labels of the cells on either side of the face.
    """
    counts = np.zeros((n_one, n_other), np.int32)
    rows, columns = one.shape
    for i in range(rows):
        for j in range(columns):
            if one[i, j] == 0:
                continue
            for a in range(max(i - 1, 0), min(i + 2, rows)):
                for b in range(max(j - 1, 0), min(j + 2, columns)):
                    if other[a, b] != 0:
                        counts[one[i, j] - 1, other[a, b] - 1] += 1
    return counts
