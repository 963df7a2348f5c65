# SPDX-License-Identifier: Apache-2.0
"""The octree as arrays for other programs: centres, a grid from above, distances, what changed, what is visible."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt

from mapping.octree import morton
from mapping.octree.blocks import Blocks
from mapping.octree.lookups import UNKNOWN
from mapping.octree.paging import Paging
from memory_core.errors import BadInput

_BLOCK = 8
_MAX_CELLS = 1 << 28
_FACES = np.array([[0, 0, 0], [0.49, 0, 0], [0, 0.49, 0], [0, 0, 0.49]])  # where a voxel is aimed at: middle, faces
_NEAR_M = 0.05  # nearer to the camera nothing is seen


class Grid(NamedTuple):
    """A map seen from above, as nav_msgs/OccupancyGrid has it.

    Attributes:
        origin: (2,) metres, the corner of cells[0, 0] with the least x and y.
        resolution_m: edge of a cell.
        cells: (H, W) int8, rows along y and columns along x; -1 unknown, 0 free, 100 occupied.
    """

    origin: NDArray[np.float64]
    resolution_m: float
    cells: NDArray[np.int8]


class Visited(Protocol):
    """What `visible` asks of an octree."""

    voxel_size_m: float

    def occupied_in(self, minimum: ArrayLike, maximum: ArrayLike) -> NDArray[np.float64]: ...

    def raycast(self, origins: ArrayLike, directions: ArrayLike, max_range_m: float) -> NDArray[np.float64]: ...


def known_blocks(blocks: Blocks, paging: Paging) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """(N, 3) coordinates and (N, 512) log-odds of the blocks of which something is known, in Morton order. O(map)."""
    keys, voxels = [np.zeros(0, np.int64)], [np.zeros((0, 512), np.int8)]
    for number, content in paging.contents():
        keys.append(_keys(blocks, number, content.places))
        voxels.append(content.voxels())
    return morton.decode(np.concatenate(keys)), np.concatenate(voxels)


def centers(blocks: Blocks, paging: Paging, *, occupied: bool) -> NDArray[np.float64]:
    """(N, 3) centres of the occupied, or the free, voxels, in voxels; in order of block and voxel. O(map)."""
    parts = [np.zeros((0, 3), np.int64)]
    for number, content in paging.contents():
        voxels = content.voxels()
        block, i = np.nonzero(voxels >= 0 if occupied else (voxels < 0) & (voxels != UNKNOWN))
        at = morton.decode(_keys(blocks, number, content.places))
        parts.append(at[block] * _BLOCK + np.stack([i >> 6, (i >> 3) & 7, i & 7], axis=1))
    return np.asarray(np.concatenate(parts) + 0.5, np.float64)


def changed_since(blocks: Blocks, paging: Paging, stamp_ns: int) -> NDArray[np.int64]:
    """(N, 6) first corner and the one after the last, in blocks, of those that changed after a time."""
    parts = [np.zeros((0, 3), np.int64)]
    for number in np.nonzero(blocks.regions.latest_ns[: blocks.n_regions] > stamp_ns)[0].tolist():
        content = paging.content(number)
        blocks.regions.latest_ns[number] = content.changed_ns.max(initial=0)
        places = content.places[content.changed_ns > stamp_ns]
        parts.append(morton.decode(_keys(blocks, number, places)))
    at = np.concatenate(parts)
    return np.hstack([at, at + 1])


def occupancy_grid(blocks: Blocks, paging: Paging, voxel_size_m: float, z_min: float, z_max: float) -> Grid:
    """Columns of voxels between two heights: occupied if any voxel is, else free if any is, else unknown. O(map)."""
    if not (np.isfinite([z_min, z_max]).all() and z_min <= z_max):
        raise BadInput(f"occupancy_grid: want heights z_min <= z_max in metres, got {z_min!r} and {z_max!r}")
    low, high = (int(np.clip(z * (1.0 / voxel_size_m), -(2**40), 2**40) // 1) for z in (z_min, z_max))
    at, columns = [np.zeros((0, 2), np.int64)], [np.zeros((0, _BLOCK, _BLOCK), np.int8)]
    for number, content in paging.contents():
        blocks_at = morton.decode(_keys(blocks, number, content.places))
        z = blocks_at[:, 2, None] * _BLOCK + np.arange(_BLOCK)
        inside = (z >= low) & (z <= high)
        some = inside.any(axis=1)
        voxels = content.voxels()[some].reshape(-1, _BLOCK, _BLOCK, _BLOCK)
        states = np.where(voxels == UNKNOWN, -1, np.where(voxels >= 0, 100, 0)).astype(np.int8)
        columns.append(np.where(inside[some][:, None, None], states, -1).max(axis=3).astype(np.int8))
        at.append(blocks_at[some, :2])
    return _grid(np.concatenate(at), np.concatenate(columns), voxel_size_m)


def _grid(at: NDArray[np.int64], columns: NDArray[np.int8], voxel_size_m: float) -> Grid:
    """The grid of columns (N, 8, 8) at block coordinates (N, 2), several at the same place allowed."""
    if not len(at):
        return Grid(np.zeros(2), voxel_size_m, np.zeros((0, 0), np.int8))
    first = at.min(axis=0)
    nx, ny = at.max(axis=0) - first + 1
    if nx * ny * _BLOCK * _BLOCK > _MAX_CELLS:
        raise BadInput(f"occupancy_grid: a map of {nx * _BLOCK} x {ny * _BLOCK} cells is too large")
    cells = np.full((nx, ny, _BLOCK, _BLOCK), -1, np.int8)
    np.maximum.at(cells, tuple((at - first).T), columns)
    cells = cells.transpose(1, 3, 0, 2).reshape(ny * _BLOCK, nx * _BLOCK)
    return Grid(first * (_BLOCK * voxel_size_m), voxel_size_m, cells)


def signed_distance(occupied: NDArray[np.bool_], n_around: int) -> NDArray[np.float32]:
    """Voxels from each centre to the nearest occupied one, negative inside; without the n_around outer layers."""
    limit = np.float32(n_around)
    outside = distance_transform_edt(~occupied) if occupied.any() else np.full(occupied.shape, limit)
    inside = distance_transform_edt(occupied) if not occupied.all() else np.full(occupied.shape, limit)
    inner = tuple(slice(n_around, n - n_around) for n in occupied.shape)
    distance = np.where(occupied, -inside, outside)[inner].astype(np.float32)
    return np.asarray(distance.clip(-limit, limit))


def visible(
    octree: Visited, T_world_cam: NDArray[np.float64], K: NDArray[np.float64], size: tuple[int, int], max_range_m: float
) -> NDArray[np.float64]:
    """See `mapping.octree.octree.Octree.visible`."""
    if T_world_cam.shape != (4, 4) or K.shape != (3, 3) or not 0 < max_range_m < np.inf or min(size) < 1:
        raise BadInput(
            f"visible: want T_world_cam (4, 4), K (3, 3), a size in pixels and a range in metres, got "
            f"{T_world_cam.shape}, {K.shape}, {size} and {max_range_m!r}"
        )
    R, position = T_world_cam[:3, :3], T_world_cam[:3, 3]
    corners = np.array([[u, v, 1.0] for u in (-0.5, size[0] - 0.5) for v in (-0.5, size[1] - 0.5)])
    rays = corners @ np.linalg.inv(K).T @ R.T
    ends = np.vstack([position, position + rays * max_range_m])
    low = np.maximum(ends.min(axis=0), position - max_range_m)
    high = np.minimum(ends.max(axis=0), position + max_range_m)
    voxels = octree.occupied_in(low, high)
    voxels = voxels[_in_image((voxels - position) @ R, K, size)]
    voxels = voxels[np.linalg.norm(voxels - position, axis=1) <= max_range_m]
    seen = np.zeros(len(voxels), np.bool_)
    for shift in _FACES * octree.voxel_size_m:
        hidden = np.nonzero(~seen)[0]
        seen[hidden] = _reached(octree, position, voxels[hidden], shift)
    return np.asarray(voxels[seen])


def _reached(
    octree: Visited, position: NDArray[np.float64], voxels: NDArray[np.float64], shift: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether a straight line gets to the point of each voxel that is `shift` from its centre towards the camera."""
    way = voxels + shift * np.sign(position - voxels) - position
    distances = np.maximum(np.linalg.norm(way, axis=1), 1e-12)
    met = octree.raycast(np.broadcast_to(position, way.shape), np.where(way == 0, 1e-12, way), np.inf)
    ends = position + way * (met / distances)[:, None]
    return np.asarray(np.abs(ends - voxels).max(axis=1, initial=0) <= octree.voxel_size_m * (0.5 + 1e-6))


def _in_image(points: NDArray[np.float64], K: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which points (N, 3) of the camera frame are in the image."""
    ahead = points[:, 2] > _NEAR_M
    u, v, w = K @ np.where(ahead[:, None], points, 1.0).T
    u, v = u / w, v / w
    return np.asarray(ahead & (u >= -0.5) & (v >= -0.5) & (u < size[0] - 0.5) & (v < size[1] - 0.5))


def _keys(blocks: Blocks, number: int, places: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray((blocks.codes[number] << 9) | places)
