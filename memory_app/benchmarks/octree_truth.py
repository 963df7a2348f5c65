# SPDX-License-Identifier: Apache-2.0
"""How much of an occupancy map is true: precision and recall where the surfaces are known, for every library alike.

A voxel is surface when a known surface passes through it. Of those, the ones in which a pixel of the frames ends could
be found; of the others, the ones whose centre a pixel looks past could be found free. Thin is a surface between two
voxels that could be found free. Surfaces are the faces of a house that is drawn here, or the ends of the pixels of many
frames of a recording, of which the maps get only a few.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from memory_app.benchmarks.report import row
from memory_core.frame import CameraFrame
from memory_core.geometry import transform_points, unproject
from sim.house.assets import AssetTable
from sim.house.schema import load_house
from sim.house.source import HouseTour
from sim.house.world import World
from sim.settings import SimSettings

_SHIFT_M = np.array([0.0131, 0.0173, 0.0119])  # floors and walls then lie on no border of voxels
_WIDTH, _HEIGHT = 640, 480
_SPACING_M = 0.01  # of points on a face

Grid = NDArray[np.bool_]
Row = dict[str, Any]


class Known(NamedTuple):
    """What is true of a box of voxels: corner (3,) is the first voxel; grids (nx, ny, nz)."""

    corner: NDArray[np.int64]
    surface: Grid
    seen_surface: Grid
    seen_free: Grid

    @property
    def centers(self) -> NDArray[np.float64]:
        """(N, 3) centres of all voxels, in voxels, in the order of the grids."""
        return np.asarray(np.argwhere(np.ones(self.surface.shape, bool)) + self.corner + 0.5, np.float64)

    @property
    def thin(self) -> Grid:
        """Seen surface between two voxels, on some axis, that were seen to be free."""
        thin = np.zeros_like(self.surface)
        for axis in range(3):
            before, after = np.roll(self.seen_free, 1, axis), np.roll(self.seen_free, -1, axis)
            thin |= self.seen_surface & before & after
        return thin


def house_frames(n: int) -> tuple[list[CameraFrame], list[NDArray[np.float64]]]:
    """n frames spread over a tour of the house that ships, and points (N, 3) on each of its faces, 1 cm apart."""
    settings = replace(SimSettings(), width=_WIDTH, height=_HEIGHT)
    world = World(load_house(None), AssetTable(None), settings.seed)
    tour = HouseTour(world, settings)
    stride = max(1, len(tour.poses) // n)
    frames = [_shifted(next(tour.frames(i * stride))) for i in range(min(n, len(tour.poses)))]
    arrays = world.scene.arrays
    return frames, [_sample(face) + _SHIFT_M for face in arrays.corners[arrays.shown]]


def _shifted(frame: CameraFrame) -> CameraFrame:
    T = frame.T_world_cam.copy()
    T[:3, 3] += _SHIFT_M
    return replace(frame, T_world_cam=T)


def _sample(face: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) points on a face (4, 3), whose corners are in turn."""
    across = max(np.linalg.norm(face[1] - face[0]), np.linalg.norm(face[2] - face[3]))
    along = max(np.linalg.norm(face[3] - face[0]), np.linalg.norm(face[2] - face[1]))
    s = np.linspace(0, 1, int(across / _SPACING_M) + 2)[:, None, None]
    t = np.linspace(0, 1, int(along / _SPACING_M) + 2)[None, :, None]
    points = (1 - s) * ((1 - t) * face[0] + t * face[3]) + s * ((1 - t) * face[1] + t * face[2])
    return np.asarray(points.reshape(-1, 3), np.float64)


def ends(frame: CameraFrame, max_range_m: float) -> NDArray[np.float64]:
    """(N, 3) metres, where the pixels of a frame end that end in range."""
    points = unproject(frame.depth, frame.K)
    return np.asarray(transform_points(frame.T_world_cam, points[np.linalg.norm(points, axis=1) <= max_range_m]))


def known(
    frames: Sequence[CameraFrame], surface: Iterable[NDArray[np.float64]], voxel_size_m: float, max_range_m: float
) -> Known:
    """What is true of the voxels that frames see, `surface` being points (N, 3) on all surfaces, metres."""
    hits = [np.floor(ends(frame, max_range_m) / voxel_size_m).astype(np.int64) for frame in frames]
    reach = [np.floor(frame.T_world_cam[None, :3, 3] / voxel_size_m).astype(np.int64) for frame in frames]
    corner = np.min([at.min(axis=0) for at in (*hits, *reach) if len(at)], axis=0) - 4
    shape = np.max([at.max(axis=0) for at in (*hits, *reach) if len(at)], axis=0) + 5 - corner
    is_hit, is_surface = np.zeros(shape, bool), np.zeros(shape, bool)
    for at in hits:
        is_hit[tuple((at - corner).T)] = True
    for points in surface:
        at = np.floor(points / voxel_size_m).astype(np.int64) - corner
        is_surface[tuple(at[((at >= 0) & (at < shape)).all(axis=1)].T)] = True
    truth = Known(corner, is_surface, is_surface & is_hit, np.zeros(shape, bool))
    centers, free = truth.centers * voxel_size_m, np.zeros(is_hit.size, bool)
    for frame in frames:
        free |= _looked_past(frame, centers, max_range_m)
    return truth._replace(seen_free=free.reshape(shape) & ~is_surface)


def _looked_past(frame: CameraFrame, points: NDArray[np.float64], max_range_m: float) -> Grid:
    """(N,) whether the pixel at a point's place sees something beyond it."""
    R, t = frame.T_world_cam[:3, :3], frame.T_world_cam[:3, 3]
    x, y, z = ((points - t) @ R).T
    ahead = np.nonzero((z > 0.05) & (x * x + y * y + z * z < max_range_m**2))[0]
    u = np.rint(x[ahead] / z[ahead] * frame.K[0, 0] + frame.K[0, 2]).astype(np.int64)
    v = np.rint(y[ahead] / z[ahead] * frame.K[1, 1] + frame.K[1, 2]).astype(np.int64)
    inside = (u >= 0) & (v >= 0) & (u < frame.depth.shape[1]) & (v < frame.depth.shape[0])
    ahead, u, v = ahead[inside], u[inside], v[inside]
    past = np.zeros(len(points), bool)
    past[ahead] = frame.depth[v, u] > z[ahead]
    return past


def scores(occupancy: NDArray[np.int8], truth: Known) -> dict[str, float]:
    """Precision and recall of occupied and free in occupancy (N,) -1, 0, 1 of the centres of `truth`."""
    occupied, free = (occupancy == value for value in (1, 0))
    surface, seen, seen_free, thin = (
        grid.reshape(-1) for grid in (truth.surface, truth.seen_surface, truth.seen_free, truth.thin)
    )
    return {
        "occupied precision": _share(occupied & surface, occupied),
        "occupied recall": _share(occupied & seen, seen),
        "occupied recall, thin": _share(occupied & thin, thin),
        "free precision": _share(free & ~surface, free),
        "free recall": _share(free & seen_free, seen_free),
    }


def _share(part: Grid, whole: Grid) -> float:
    return float(part.sum() / max(1, whole.sum()))


def truth_rows(
    scene: str, truth: Known, ours: NDArray[np.int8], peer: str, theirs: NDArray[np.int8] | None
) -> list[Row]:
    """A row for each score; theirs is None when the peer is not here."""
    own, other = scores(ours, truth), None if theirs is None else scores(theirs, truth)
    n_voxels = {"seen_surface": int(truth.seen_surface.sum()), "thin": int(truth.thin.sum())}
    rows = []
    for name, value in own.items():
        case, their = f"{name}, {scene}", None if other is None else 100 * other[name]
        ratio = None if not their else 100 * value / their
        rows.append(row(case, 100 * value, "%", peer=peer, peer_value=their, ratio=ratio, **n_voxels))
    return rows
