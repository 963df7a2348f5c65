# SPDX-License-Identifier: Apache-2.0
"""The mesh of a TSDF, kept by region so that only what changed is made anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapping.tsdf import cubes
from mapping.tsdf.blocks import TsdfBlocks
from mapping.tsdf.cubes import N_EDGES, Made
from mapping.tsdf.storage import REGION, regions_of

_SPREAD = 8  # edges of triangles that a colour may go
_OFFSETS = np.array([[c >> 2, c >> 1 & 1, c & 1] for c in range(8)], np.int64)
_BLOCKS_AROUND = np.stack(np.meshgrid(*[np.arange(REGION + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)

Region = tuple[int, int, int]


@dataclass(frozen=True, eq=False, slots=True)
class Mesh:
    """Triangles with colours.

    Attributes:
        vertices: (V, 3) float32 metres, map frame.
        faces: (F, 3) int32 rows of vertices, anticlockwise as seen from free space.
        colours: (V, 3) uint8 red, green, blue.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    colours: NDArray[np.uint8]


class Mesher:
    """Meshes the blocks of a TSDF region by region and joins the regions along the edges of voxels they share."""

    def __init__(self, blocks: TsdfBlocks, voxel_size_m: float) -> None:
        self._blocks = blocks
        self._voxel_size_m = voxel_size_m
        self._min_weight = 0
        self._made: dict[Region, Made] = {}
        self._table = cubes.triangle_table()
        self._edges = cubes.cube_edges()
        self._volume: cubes.Volume | None = None
        self._room = cubes.make_room(1 << 14)

    def mesh(self, min_weight: int) -> Mesh:
        """The mesh of all voxels with at least this weight. O(voxels in changed regions + vertices)."""
        stored, n = self._blocks.stored, self._blocks.n
        if min_weight != self._min_weight:
            self._min_weight = min_weight
            self._made.clear()
            stored.stale[:n] = stored.known[:n]
        stale = self._blocks.marked(stored.stale)
        for region in regions_of((stale[:, None] - _OFFSETS).reshape(-1, 3)):
            self._remake(region)
        stored.stale[:n] = 0
        return self._joined()

    def _remake(self, region: NDArray[np.int64]) -> None:
        rows = self._blocks.rows_of(region * REGION + _BLOCKS_AROUND).reshape((REGION + 1,) * 3)
        key = (int(region[0]), int(region[1]), int(region[2]))
        self._made.pop(key, None)
        if (rows[:-1, :-1, :-1] < 0).all():
            return
        self._volume = self._volume or cubes.make_volume()
        stored = self._blocks.fetched()
        cubes.fill_volume(rows, stored, self._min_weight, self._volume)
        while True:
            made = self._room
            n, m = cubes.mesh_region(rows, stored, self._volume, self._table, self._edges, made)
            if n >= 0:
                break
            self._room = cubes.make_room(2 * len(made.edges))
        if m:
            positions = (made.positions[:n] + region * (8 * REGION)) * self._voxel_size_m
            self._made[key] = Made(made.edges[:n].copy(), positions, made.colours[:n].copy(), made.faces[:m].copy())

    def _joined(self) -> Mesh:
        """All regions as one mesh, in order of region; vertices on edges that two regions share are one."""
        parts = [(key, self._made[key]) for key in sorted(self._made)]
        if not parts:
            return Mesh(np.empty((0, 3), np.float32), np.empty((0, 3), np.int32), np.empty((0, 3), np.uint8))
        numbers: dict[Region, int] = {}
        edges = np.concatenate([_edges_of(key, made, numbers) for key, made in parts])
        starts = np.cumsum([0, *(len(made.edges) for _, made in parts)])
        faces = np.concatenate([made.faces + start for (_, made), start in zip(parts, starts, strict=False)])
        _, first, which = np.unique(edges, return_index=True, return_inverse=True)
        positions = np.concatenate([made.positions for _, made in parts])[first]
        colours = np.concatenate([made.colours for _, made in parts])[first]
        faces = which.astype(np.int32)[faces]
        return Mesh(positions.astype(np.float32), faces, _spread(colours, faces))


def _spread(colours: NDArray[np.uint8], faces: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Gives vertices without a colour (red 0), behind edges mostly, the mean of their neighbours', from near to far."""
    for _ in range(_SPREAD):
        has = colours[:, 0] > 0
        mixed = faces[has[faces].any(axis=1) & ~has[faces].all(axis=1)]
        if not len(mixed):
            break
        total = np.zeros((len(colours), 4))
        for corner in range(3):
            of = mixed[:, corner]
            for to in (mixed[:, (corner + 1) % 3], mixed[:, (corner + 2) % 3]):
                np.add.at(total, to, np.column_stack([colours[of], np.ones(len(of))]) * has[of, None])
        fill = ~has & (total[:, 3] > 0)
        colours = colours.copy()
        colours[fill] = np.maximum(np.round(total[fill, :3] / total[fill, 3:]), 1)
    return colours


def _edges_of(region: Region, made: Made, numbers: dict[Region, int]) -> NDArray[np.int64]:
    """Number (V,) of each vertex's edge in the whole map; regions get numbers as they are met."""
    owners = [(region[0] + int(x), region[1] + int(y), region[2] + int(z)) for x, y, z in _OFFSETS]
    base = np.array([numbers.setdefault(owner, len(numbers)) for owner in owners], np.int64) * N_EDGES
    return np.asarray(base[made.edges // N_EDGES] + made.edges % N_EDGES)
