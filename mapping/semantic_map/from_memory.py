# SPDX-License-Identifier: Apache-2.0
"""The semantic map of what a memory holds: columns of the octree, and the objects of the scene graph over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mapping.semantic_map.grid import SemanticMap
from mapping.semantic_map.settings import SemanticMapSettings
from memory_core.graph import Instance, SceneGraph
from memory_core.labels import STRUCTURE

Mask = NDArray[np.bool_]

_STRIP = 128  # cells along x that are read at once
_OFF_FLOOR_M = 0.1  # what stands on the floor is not painted where only the floor is


class Occupancy(Protocol):
    """What is asked of an octree."""

    @property
    def voxel_size_m(self) -> float: ...

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None: ...

    def dense(self, minimum: ArrayLike, maximum: ArrayLike) -> NDArray[np.int8]: ...


def semantic_map_of(
    graph: SceneGraph,
    octree: Occupancy,
    settings: SemanticMapSettings | None = None,
    *,
    center: tuple[float, float] | None = None,
    trail: Sequence[tuple[float, float]] = (),
    min_cells_of: Mapping[str, int] | None = None,
) -> SemanticMap:
    """The map of a memory. O(voxels of the columns in the square).

    Args:
        center: (x, y) metres in its middle; the middle of what is known when None.
        trail: (x, y) metres where the robot was, in order of time; the last is where it is.
    """
    bounds = octree.bounds()
    if center is None:
        center = (0.0, 0.0) if bounds is None else tuple(((bounds[0] + bounds[1]) / 2)[:2].tolist())
    grid = SemanticMap(settings, center, _floor_z(graph, bounds), min_cells_of=min_cells_of)
    present = _largest_class_first(graph.instances.values())
    if bounds is not None:
        n = grid.settings.n_cells
        explored, obstacle = np.zeros((n, n), bool), np.zeros((n, n), bool)
        for first in range(0, n, _STRIP):
            _read_strip(grid, octree, slice(first, min(first + _STRIP, n)), present, (explored, obstacle))
        grid.mark(explored, obstacle)
    for x, y in trail:
        grid.stand_at(x, y)
    return grid


def _largest_class_first(instances: Iterable[Instance]) -> list[Instance]:
    """What stands there now; classes with the largest footprints get channels of their own first."""
    present = [i for i in instances if i.state not in ("gone", "held") and i.label not in STRUCTURE]
    areas: dict[str, float] = {}
    for instance in present:
        areas[instance.label] = areas.get(instance.label, 0.0) + instance.box.size[0] * instance.box.size[1]
    return sorted(present, key=lambda i: (-areas[i.label], i.label, i.id))


def _floor_z(graph: SceneGraph, bounds: tuple[NDArray[np.float64], NDArray[np.float64]] | None) -> float:
    heights = [place.position[2] for place in graph.places.values()]
    if heights:
        return float(np.median(heights))
    return float(bounds[0][2]) if bounds is not None else 0.0


def _read_strip(
    grid: SemanticMap, octree: Occupancy, strip: slice, instances: Iterable[Instance], masks: tuple[Mask, Mask]
) -> None:
    """Explored and obstacle cells, and those of objects, in some of the map's columns."""
    s, size = grid.settings, octree.voxel_size_m
    low = np.array([grid.origin[0] + strip.start * s.cell_m, grid.origin[1], grid.floor_z + s.low_m])
    high = np.array([grid.origin[0] + strip.stop * s.cell_m, grid.origin[1] + s.n_cells * s.cell_m,
                     grid.floor_z + s.high_m])  # fmt: skip
    box = octree.dense(low + 1e-6, high - 1e-6)
    first = np.floor((low + 1e-6) / size)
    heights = (first[2] + np.arange(box.shape[2]) + 0.5) * size - grid.floor_z
    in_band = (heights >= s.obstacle_low_m) & (heights <= s.obstacle_high_m)
    along_x = _overlapping(low[0], strip.stop - strip.start, s.cell_m, size, box.shape[0])
    along_y = _overlapping(low[1], s.n_cells, s.cell_m, size, box.shape[1])
    masks[0][strip] = _any_of(_columns(box >= 0), along_x, along_y)
    masks[1][strip] = _any_of(_columns(box[:, :, in_band] == 1), along_x, along_y)
    corner = np.rint(np.array([low[0], low[1]]) / s.cell_m).astype(np.int64)
    for instance in instances:
        footprint = _footprint(instance, box, first * size, size, grid.floor_z)
        if footprint is not None:
            cells = np.argwhere(_any_of(footprint, along_x, along_y))
            grid.paint(instance.label, cells + corner)


def _footprint(
    instance: Instance, box: NDArray[np.int8], low: NDArray[np.float64], size: float, floor_z: float
) -> Mask | None:
    """Columns (nx, ny) of voxels in which something occupied is inside an object's box; None without any."""
    minimum, maximum = np.array(instance.box.minimum), np.array(instance.box.maximum)
    if maximum[2] > floor_z + 2 * _OFF_FLOOR_M:
        minimum[2] = max(minimum[2], floor_z + _OFF_FLOOR_M)
    start = np.clip(np.floor((minimum - low) / size), 0, box.shape).astype(int)
    stop = np.clip(np.ceil((maximum - low) / size), 0, box.shape).astype(int)
    if not (start < stop).all():
        return None
    columns = np.zeros(box.shape[:2], bool)
    inside = box[start[0] : stop[0], start[1] : stop[1], start[2] : stop[2]]
    columns[start[0] : stop[0], start[1] : stop[1]] = _columns(inside == 1)
    return columns


def _overlapping(low_m: float, n_cells: int, cell_m: float, voxel_m: float, n_voxels: int) -> NDArray[np.int64]:
    """(n_cells, m) voxels that each cell of a row overlaps, counted from that of low_m; the last repeated."""
    edges = low_m + np.arange(n_cells + 1) * cell_m
    base = np.floor((low_m + 1e-6) / voxel_m)
    start = np.floor((edges[:-1] + 1e-6) / voxel_m) - base
    stop = np.ceil((edges[1:] - 1e-6) / voxel_m) - base
    width = int((stop - start).max())
    index = np.minimum(start[:, None] + np.arange(width), stop[:, None] - 1)
    return np.asarray(np.clip(index, 0, n_voxels - 1), np.int64)


def _any_of(voxels: Mask, along_x: NDArray[np.int64], along_y: NDArray[np.int64]) -> Mask:
    """Cells in which any of the voxels they overlap is set."""
    rows: Mask = np.asarray(voxels[along_x].any(axis=1))
    return np.asarray(rows[:, along_y].any(axis=2))


def _columns(voxels: Mask) -> Mask:
    """Columns (nx, ny) with any voxel set."""
    return np.asarray(voxels.any(axis=2))
