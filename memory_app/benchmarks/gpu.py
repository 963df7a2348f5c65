# SPDX-License-Identifier: Apache-2.0
"""The kernels for GPUs against the compiled loops of the CPU: speed, and whether both make the same map.

Every frame goes to each device in turn. Ours is the CPU, one thread. The kernels run on a GPU where there is one, and
on the CPU where Warp is installed; there the times are processor time, on a GPU the time on the clock, with all that
travels. A ratio above 1 means that the CPU's loops are faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mapping.gpu.device import resolve
from mapping.octree.octree import Octree
from mapping.octree.octree import warm_up as warm_up_octree
from mapping.tsdf.tsdf import Tsdf
from mapping.tsdf.tsdf import warm_up as warm_up_tsdf
from memory_app.benchmarks.octomap_peer import Cost, cost
from memory_app.benchmarks.report import machine, row
from memory_app.benchmarks.room import room_frames
from memory_core.errors import BackendUnavailable
from memory_core.frame import CameraFrame
from recordings import open_source

MAX_RANGE_M = 4.0
_NAMES = {"warp-cpu": "its kernels on the CPU", "cuda": "GPU"}
_STRIDE = 15  # frames between two that are used: half a second
_POINTS, _RAYS = 1_000_000, 100_000
_REPEATS = 5

Row = dict[str, Any]
Layer = Octree | Tsdf


def run(data: Path | None = None, frames: int | None = None) -> dict[str, Any]:
    """Measure on `frames` (20 when None) frames of a recording, or of a box room drawn here when data is None.

    Returns:
        The report of DESIGN's benchmark contract; devices that are missing have a row that says so.
    """
    n = frames or 20
    chosen = list(room_frames(n)) if data is None else list(islice(open_source(data).frames(), 0, n * _STRIDE, _STRIDE))
    devices, rows = _devices()
    for device in ("cpu", *devices):
        warm_up_octree(device)
        warm_up_tsdf(device)
    for device in devices:
        for voxel_size_m in (0.05, 0.02):
            rows += _octrees(device, chosen, voxel_size_m)
        rows += _surfaces(device, chosen)
    return {"bench": f"gpu {data.name if data else 'room'}, {len(chosen)} frames", "machine": machine(), "rows": rows}


def _devices() -> tuple[list[str], list[Row]]:
    """Those that are here, and a row for each that is not."""
    reasons = {device: _missing(device) for device in _NAMES}
    rows = [
        row(f"{_NAMES[device]} (not here)", 0, "ms/frame", peer=_NAMES[device], reason=reason)
        for device, reason in reasons.items()
        if reason
    ]
    return [device for device, reason in reasons.items() if not reason], rows


def _missing(device: str) -> str:
    """Why a device is not here, "" when it is."""
    try:
        resolve(device)
    except BackendUnavailable as error:
        return str(error)
    return ""


def _octrees(device: str, frames: list[CameraFrame], voxel_size_m: float) -> Iterator[Row]:
    size = f"{voxel_size_m * 100:g} cm"
    cpu, other = Octree(voxel_size_m), Octree(voxel_size_m, device)
    yield _integrated(f"octree {size}", device, frames, cpu, other)
    yield _same(f"octree {size}", device, cpu, other)
    rng = np.random.default_rng(0)
    low, high = cpu.bounds() or (np.zeros(3), np.ones(3))
    points = low + rng.random((_POINTS, 3)) * (high - low)
    yield _asked(f"points {size}", device, _POINTS, *(partial(octree.occupancy, points) for octree in (cpu, other)))
    ways = rng.normal(size=(_RAYS, 3))
    at = np.tile(frames[0].T_world_cam[:3, 3], (_RAYS, 1))
    rays = (partial(octree.raycast, at, ways, MAX_RANGE_M) for octree in (cpu, other))
    yield _asked(f"rays {size}", device, _RAYS, *rays)


def _surfaces(device: str, frames: list[CameraFrame]) -> Iterator[Row]:
    cpu, other = Tsdf(0.05), Tsdf(0.05, device=device)
    yield _integrated("TSDF 5 cm", device, frames, cpu, other)
    yield _same("TSDF 5 cm", device, cpu, other)


def _integrated(case: str, device: str, frames: list[CameraFrame], cpu: Layer, other: Layer) -> Row:
    costs: tuple[list[float], list[float]] = ([], [])
    for frame in frames:
        for layer, taken in zip((cpu, other), costs, strict=True):
            taken.append(_time(device, cost(partial(layer.integrate, frame, MAX_RANGE_M))))
    own, theirs = (float(np.median(taken)) for taken in costs)
    return row(case, own, "ms/frame", peer=_NAMES[device], peer_value=theirs, ratio=theirs / own, frames=len(frames))


def _same(case: str, device: str, cpu: Layer, other: Layer) -> Row:
    """The share of regions whose bytes are the same."""
    ours, theirs = cpu.changed_regions(), other.changed_regions()
    names = ours.keys() | theirs.keys()
    equal = sum(ours.get(name) == theirs.get(name) for name in names)
    return row(f"{case}, equal regions", 100 * equal / max(len(names), 1), "%", peer=_NAMES[device], regions=len(names))


def _asked(case: str, device: str, n: int, ours: Callable[[], Any], theirs: Callable[[], Any]) -> Row:
    if not np.array_equal(ours(), theirs()):
        raise AssertionError(f"{case}: the answers of {_NAMES[device]} differ")
    times = [[_time(device, cost(work)) for work in (ours, theirs)] for _ in range(_REPEATS)]
    own, other = (1e3 * n / float(value) for value in np.median(times, axis=0))
    return row(case, own, "1/s", peer=_NAMES[device], peer_value=other, ratio=own / other)


def _time(device: str, spent: Cost) -> float:
    return spent.wall_ms if device == "cuda" else spent.cpu_ms
