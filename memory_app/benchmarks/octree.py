# SPDX-License-Identifier: Apache-2.0
"""The octree against OctoMap: integration, lookups, rays, memory, how far the two maps agree, and how true both are.

Ours and OctoMap's C++ library take five frames in turn, so that load on the machine hits both alike and neither finds
its memory swept by the other at every frame. Ours takes the depth image; OctoMap takes points, and making them is not
counted. One thread each; times are medians of that thread's processor time, with the time on the clock beside them in
`extra`. pyoctomap follows with a tree of its own: it leaves a heap in pieces to whoever runs next in this process.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.octree.octree import Octree, warm_up
from memory_app.benchmarks.octomap_peer import Cost, CppOctomap, PyOctomap, build_driver, cost
from memory_app.benchmarks.octree_truth import ends, house_frames, known, truth_rows
from memory_app.benchmarks.report import machine, row
from memory_app.benchmarks.room import room_frames
from memory_core.errors import BackendUnavailable
from memory_core.frame import CameraFrame
from recordings import open_source

VOXEL_SIZES_M = (0.05, 0.02)
MAX_RANGE_M, FAR_M = 4.0, 8.0
_TRUTH_FRAMES = 100  # of a recording, to know its surfaces
_TURN = 5  # frames
_STRIDE = 15  # frames between two that are used: half a second
_PY_RAYS = 2000
_POINTS = 200_000
_REPEATS = 5

Row = dict[str, Any]
Peer = CppOctomap | PyOctomap
_Lookup = Callable[[NDArray[np.float64]], NDArray[np.int8]]


def run(data: Path | None = None, frames: int | None = None) -> dict[str, Any]:
    """Measure on `frames` (20 when None) frames of a recording, or of a box room drawn here when data is None.

    The house that ships, and the recording, are also mapped out to 8 m and compared with what is true of them.

    Returns:
        The report of DESIGN's benchmark contract; peers that are missing have a row that says so.
    """
    n = frames or 20
    chosen = list(room_frames(n)) if data is None else list(_spread(data, n))
    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        peer = _CppPeer(Path(folder))
        rows = [result for voxel_size_m in VOXEL_SIZES_M for result in _compare(chosen, voxel_size_m, peer)]
        rows += _truth("house", *house_frames(n), peer)
        if data is not None:
            surface = (ends(frame, FAR_M) for frame in _spread(data, _TRUTH_FRAMES))
            rows += _truth(data.name, chosen, surface, peer)
    return {
        "bench": f"octree {data.name if data else 'room'}, {len(chosen)} frames",
        "machine": machine(),
        "rows": rows,
    }


def _spread(data: Path, n: int) -> Iterator[CameraFrame]:
    source = open_source(data)
    stride = _STRIDE if source.n_frames is None else max(1, min(_STRIDE, source.n_frames // n))
    return islice(source.frames(), 0, n * stride, stride)


class _CppPeer:
    """OctoMap's C++ library, or the reason why it is not here."""

    name = "OctoMap C++ discretised"

    def __init__(self, folder: Path) -> None:
        self._program: Path | None = None
        self.reason = ""
        try:
            self._program = build_driver(folder)
        except BackendUnavailable as error:
            self.reason = str(error)

    @contextmanager
    def tree(self, voxel_size_m: float, max_range_m: float) -> Iterator[CppOctomap | None]:
        """An empty tree, None when there is no library."""
        if self._program is None:
            yield None
            return
        with CppOctomap(self._program, voxel_size_m, max_range_m, discretize=True) as tree:
            yield tree


def _compare(frames: list[CameraFrame], voxel_size_m: float, peer: _CppPeer) -> list[Row]:
    size = f"{voxel_size_m * 100:g} cm"
    ours = Octree(voxel_size_m)
    with peer.tree(voxel_size_m, MAX_RANGE_M) as tree:
        own, theirs = _interleave(frames, ours, tree, MAX_RANGE_M)
        rows = [_speed(f"integrate {size}", own, peer, theirs), *_steadiness(own, size)]
        if tree is not None:
            rows += _lookups(frames, ours, peer.name, tree, size)
            rows += _agreement(ours, peer.name, tree.occupancy, size)
    return rows + _bindings(frames, ours, own, size)


def _interleave(
    frames: list[CameraFrame], ours: Octree, tree: CppOctomap | None, max_range_m: float
) -> tuple[list[Cost], list[Cost]]:
    """Cost of every frame for ours, and for the peer."""
    own, theirs = [], []
    for begin in range(0, len(frames), _TURN):
        turn = frames[begin : begin + _TURN]
        own += [cost(partial(ours.integrate, frame, max_range_m)) for frame in turn]
        theirs += [] if tree is None else [tree.insert(frame) for frame in turn]
    return own, theirs


def _speed(case: str, own: list[Cost], peer: _CppPeer, theirs: list[Cost]) -> Row:
    mine = _median(own)
    if not theirs:
        return row(f"{case}, {CppOctomap.name} (not here)", mine.cpu_ms, "ms/frame", peer=peer.name, reason=peer.reason)
    return _ratio(case, mine, peer.name, _median(theirs), len(own))


def _ratio(case: str, mine: Cost, name: str, other: Cost, n: int) -> Row:
    extra = {"wall_ms": mine.wall_ms, "peer_wall_ms": other.wall_ms, "frames": n}
    ratio = other.cpu_ms / mine.cpu_ms
    return row(case, mine.cpu_ms, "ms/frame", peer=name, peer_value=other.cpu_ms, ratio=ratio, **extra)


def _steadiness(own: list[Cost], size: str) -> list[Row]:
    """How much longer than the median the first frame and the slowest of the others take."""
    times = [spent.cpu_ms for spent in own]
    middle = float(np.median(times))
    first = row(f"first frame {size}", times[0] / middle, "medians", ms=times[0])
    return [first, row(f"slowest later frame {size}", max(times[1:], default=middle) / middle, "medians")]


def _median(costs: list[Cost]) -> Cost:
    return Cost(*(float(value) for value in np.median(costs, axis=0)))


def _bindings(frames: list[CameraFrame], ours: Octree, own: list[Cost], size: str) -> list[Row]:
    """pyoctomap with discretised and with full rays, and how far its two maps agree with each other."""
    mine, rows, found = _median(own), [], {}
    for name, discretize in (("pyoctomap discretised", True), ("pyoctomap full rays", False)):
        try:
            tree = PyOctomap(ours.voxel_size_m, MAX_RANGE_M, discretize=discretize)
        except BackendUnavailable as error:
            case = f"integrate {size}, {PyOctomap.name} (not here)"
            return [row(case, mine.cpu_ms, "ms/frame", peer=name, reason=str(error))]
        rows.append(_ratio(f"integrate {size}", mine, name, _median([tree.insert(f) for f in frames]), len(own)))
        found[name] = tree
        if discretize:
            rows += _lookups(frames, ours, name, tree, size)
            rows += _agreement(ours, name, tree.occupancy, size)
        else:
            rows += _agreement(ours, name, tree.occupancy, size, found["pyoctomap discretised"].occupancy)
    return rows


def _truth(
    scene: str,
    frames: list[CameraFrame],
    surface: Iterable[NDArray[np.float64]],
    peer: _CppPeer,
    voxel_size_m: float = 0.05,
) -> list[Row]:
    """Speed, precision and recall with depth to 8 m."""
    case = f"{scene} {voxel_size_m * 100:g} cm to {FAR_M:g} m"
    ours, truth = Octree(voxel_size_m), known(frames, surface, voxel_size_m, FAR_M)
    centers = truth.centers * voxel_size_m
    with peer.tree(voxel_size_m, FAR_M) as tree:
        own, theirs = _interleave(frames, ours, tree, FAR_M)
        rows = [_speed(f"integrate {case}", own, peer, theirs)]
        found = None if tree is None else tree.occupancy(centers)
    return rows + truth_rows(case, truth, ours.occupancy(centers), peer.name, found)


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


def _agreement(ours: Octree, name: str, peer: _Lookup, size: str, itself: _Lookup | None = None) -> list[Row]:
    """How far ours agrees with a peer's map, and how far another map of the peer, `itself`, does."""
    low, high = ours.bounds() or (np.zeros(3), np.zeros(3))
    low, high = low - 8 * ours.voxel_size_m, high + 8 * ours.voxel_size_m
    box = ours.dense(low, high)
    corner = ours.voxel_of(low)
    centers = np.asarray((np.argwhere(np.ones(box.shape, bool)) + corner + 0.5) * ours.voxel_size_m, np.float64)
    theirs = peer(centers)
    measures = agreement(box.ravel(), theirs)
    own = None if itself is None else agreement(itself(centers), theirs)
    units = {"agree_percent": "% of voxels both know", "occupied_iou": "IoU occupied", "free_iou": "IoU free"}
    label = name if itself is None else f"{name}; beside it, discretised"
    return [
        row(
            f"same as {name} {size}",
            measures[key],
            unit,
            peer=label,
            peer_value=None if own is None else own[key],
            **measures,
        )
        for key, unit in units.items()
    ]
