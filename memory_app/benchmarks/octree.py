# SPDX-License-Identifier: Apache-2.0
"""The octree against OctoMap: integration, lookups, rays, memory, and how far the two maps agree.

Every frame goes to each library in turn, so that load on the machine hits all alike. Ours takes the depth image;
OctoMap takes points, and making them is not counted. One thread each; times are medians of that thread's processor
time, with the time on the clock beside them in `extra`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.octree.octree import Octree, warm_up
from memory_app.benchmarks.octomap_peer import Cost, CppOctomap, PyOctomap, build_driver, cost
from memory_app.benchmarks.report import machine, row
from memory_app.benchmarks.room import room_frames
from memory_core.errors import BackendUnavailable
from memory_core.frame import CameraFrame
from recordings import open_source

VOXEL_SIZES_M = (0.05, 0.02)
MAX_RANGE_M = 4.0
_STRIDE = 15  # frames between two that are used: half a second
_PY_RAYS = 2000
_POINTS = 200_000
_REPEATS = 5

Row = dict[str, Any]


def run(data: Path | None = None, frames: int | None = None) -> dict[str, Any]:
    """Measure on `frames` (20 when None) frames of a recording, or of a box room drawn here when data is None.

    Returns:
        The report of DESIGN's benchmark contract; peers that are missing have a row that says so.
    """
    n = frames or 20
    chosen = list(room_frames(n)) if data is None else list(_spread(data, n))
    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        rows = [result for voxel_size_m in VOXEL_SIZES_M for result in _compare(chosen, voxel_size_m, Path(folder))]
    return {
        "bench": f"octree {data.name if data else 'room'}, {len(chosen)} frames",
        "machine": machine(),
        "rows": rows,
    }


def _spread(data: Path, n: int) -> Iterator[CameraFrame]:
    source = open_source(data)
    stride = _STRIDE if source.n_frames is None else max(1, min(_STRIDE, source.n_frames // n))
    return islice(source.frames(), 0, n * stride, stride)


def _compare(frames: list[CameraFrame], voxel_size_m: float, folder: Path) -> list[Row]:
    size = f"{voxel_size_m * 100:g} cm"
    ours = Octree(voxel_size_m)
    with ExitStack() as stack:
        peers, missing = _peers(stack, voxel_size_m, folder)
        costs = _interleave(frames, ours, peers)
        rows = [_speed(f"integrate {size}", costs["ours"], name, costs[name]) for name in peers]
        own = _median(costs["ours"]).cpu_ms
        rows += [
            row(f"integrate {size}, {name}", own, "ms/frame", peer=name, reason=reason) for name, reason in missing
        ]
        for name, peer in peers.items():
            if isinstance(peer, PyOctomap):
                rows += _agreement(ours, name, peer, size)
            if "discretised" in name:
                rows += _lookups(frames, ours, name, peer, size)
    return rows


def _speed(case: str, ours: list[Cost], name: str, theirs: list[Cost]) -> Row:
    own, peer = _median(ours), _median(theirs)
    extra = {"wall_ms": own.wall_ms, "peer_wall_ms": peer.wall_ms, "frames": len(ours)}
    return row(case, own.cpu_ms, "ms/frame", peer=name, peer_value=peer.cpu_ms, ratio=peer.cpu_ms / own.cpu_ms, **extra)


def _median(costs: list[Cost]) -> Cost:
    return Cost(*(float(value) for value in np.median(costs, axis=0)))


Peer = CppOctomap | PyOctomap
Peers = dict[str, Peer]


def _peers(stack: ExitStack, voxel_size_m: float, folder: Path) -> tuple[Peers, list[tuple[str, str]]]:
    """The libraries that are here by name, and those that are not with the reason."""
    peers: Peers = {}
    missing = []
    try:
        driver = CppOctomap(build_driver(folder), voxel_size_m, MAX_RANGE_M, discretize=True)
        peers["OctoMap C++ discretised"] = stack.enter_context(driver)
    except BackendUnavailable as error:
        missing.append((f"{CppOctomap.name} (not here)", str(error)))
    try:
        peers["pyoctomap discretised"] = PyOctomap(voxel_size_m, MAX_RANGE_M, discretize=True)
        peers["pyoctomap full rays"] = PyOctomap(voxel_size_m, MAX_RANGE_M, discretize=False)
    except BackendUnavailable as error:
        missing.append((f"{PyOctomap.name} (not here)", str(error)))
    return peers, missing


def _interleave(frames: list[CameraFrame], ours: Octree, peers: Peers) -> dict[str, list[Cost]]:
    """Cost of every frame for each library."""
    costs: dict[str, list[Cost]] = {"ours": [], **{name: [] for name in peers}}
    for frame in frames:
        costs["ours"].append(cost(partial(ours.integrate, frame, MAX_RANGE_M)))
        for name, peer in peers.items():
            costs[name].append(peer.insert(frame))
    return costs


def _lookups(frames: list[CameraFrame], ours: Octree, name: str, peer: Peer, size: str) -> list[Row]:
    low, high = ours.bounds() or (np.zeros(3), np.ones(3))
    points = low + np.random.default_rng(0).random((_POINTS, 3)) * (high - low)
    origin, rays = _rays(frames[len(frames) // 2])
    few = rays if isinstance(peer, CppOctomap) else np.ascontiguousarray(rays[:: max(1, len(rays) // _PY_RAYS)])
    origins = np.broadcast_to(origin, rays.shape)
    own_lookups = _median([cost(partial(ours.occupancy, points)) for _ in range(_REPEATS)])
    own_rays = _median([cost(partial(ours.raycast, origins, rays, MAX_RANGE_M)) for _ in range(_REPEATS)])
    rows = [
        _rate(f"lookups {size}", _POINTS / own_lookups.cpu_ms, name, _POINTS / peer.search(points).cpu_ms),
        _rate(f"rays {size}", len(rays) / own_rays.cpu_ms, name, len(few) / peer.cast(origin, few).cpu_ms),
    ]
    if isinstance(peer, CppOctomap):
        own, theirs = ours.memory_bytes / 2**20, peer.memory_bytes() / 2**20
        rows.append(row(f"map in memory {size}", own, "MB", peer=name, peer_value=theirs, ratio=theirs / own))
    return rows


def _rate(case: str, per_ms: float, peer: str, peer_per_ms: float) -> Row:
    return row(case, 1e3 * per_ms, "1/s", peer=peer, peer_value=1e3 * peer_per_ms, ratio=per_ms / peer_per_ms)


def _rays(frame: CameraFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Camera position (3,) and unit rays (N, 3) of every second pixel, map frame."""
    v, u = np.mgrid[0 : frame.depth.shape[0] : 2, 0 : frame.depth.shape[1] : 2]
    K = frame.K
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(u.shape)], axis=-1).reshape(-1, 3)
    rays = rays @ frame.T_world_cam[:3, :3].T
    return frame.T_world_cam[:3, 3].copy(), rays / np.linalg.norm(rays, axis=1, keepdims=True)


def agreement(ours: NDArray[np.int8], theirs: NDArray[np.int8]) -> dict[str, float]:
    """How two occupancies (-1, 0, 1) of the same voxels compare.

    agree_percent is over the voxels that both know; the intersections over unions count unknown as different.
    """
    both = (ours >= 0) & (theirs >= 0)
    measures = {"agree_percent": 100 * _share(both & (ours == theirs), both)}
    for name, value in (("occupied_iou", 1), ("free_iou", 0)):
        measures[name] = _share((ours == value) & (theirs == value), (ours == value) | (theirs == value))
    only = {"only_ours": (ours >= 0) & (theirs < 0), "only_theirs": (ours < 0) & (theirs >= 0)}
    return {**measures, **{name: int(where.sum()) for name, where in only.items()}}


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    return float(part.sum() / max(1, whole.sum()))


def _agreement(ours: Octree, name: str, peer: PyOctomap, size: str) -> list[Row]:
    low, high = ours.bounds() or (np.zeros(3), np.zeros(3))
    low, high = low - 8 * ours.voxel_size_m, high + 8 * ours.voxel_size_m
    box = ours.dense(low, high)
    corner = ours.voxel_of(low)
    centers = np.asarray((np.argwhere(np.ones(box.shape, bool)) + corner + 0.5) * ours.voxel_size_m, np.float64)
    measures = agreement(box.ravel(), peer.occupancy(centers))
    units = {"agree_percent": "% of voxels both know", "occupied_iou": "IoU occupied", "free_iou": "IoU free"}
    return [row(f"same as {name} {size}", measures[key], unit, peer=name, **measures) for key, unit in units.items()]
