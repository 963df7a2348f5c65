# SPDX-License-Identifier: Apache-2.0
"""What a frame costs while the map grows a hundredfold: a building of equal rooms, one after the other.

The depth images of one room are drawn once; every room shows them at another place. Each frame goes in turn to a map
without a RAM budget, to one with a budget and a scratch file, and to one with a budget whose regions a memory keeps.
The peer of each row is a map of the room alone, which never grows, or the map without a budget.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Octree
from mapping.octree.octree import warm_up
from memory_app.benchmarks.octomap_peer import cost
from memory_app.benchmarks.report import machine, row
from memory_app.benchmarks.room import room_frames
from memory_app.maps import MemoryRegions, load_octree
from memory_core.event import MapUpdate
from memory_core.frame import CameraFrame
from memory_core.graph import SceneGraph
from memory_core.memory import Memory

ROOMS = 100
BUDGET_MB = 8
_FRAMES_PER_ROOM = 12
_ROOM_M = 6.4  # from room to room; rooms are 5.3 m wide
_PER_ROW = 10
_VOXEL_SIZE_M = 0.05
_MAX_RANGE_M = 4.0
_QUERIES = 200
_MB = 1 << 20

Row = dict[str, Any]


def run(data: Path | None = None, frames: int | None = None) -> dict[str, Any]:
    """Measure over `frames` rooms (100 when None); `data` is not used.

    Returns:
        The report of DESIGN's benchmark contract.
    """
    rooms = max(frames or ROOMS, 4)
    warm_up()
    with tempfile.TemporaryDirectory() as folder, Memory.open(Path(folder) / "memory") as memory:
        alone = _walk([_small()], rooms)[0]
        stored = _small(MemoryRegions(memory))
        octrees = [_small(), stored, Octree(_VOXEL_SIZE_M)]
        small, kept, whole = _walk(octrees, rooms, partial(_commit, memory, stored))
        _commit(memory, stored, (rooms + 1) * _FRAMES_PER_ROOM)
        digests = {name: _digest(walk.octree) for name, walk in (("small", small), ("kept", kept), ("whole", whole))}
        rows = [
            *_frames("no budget", whole),
            *_frames(f"{BUDGET_MB} MB and a scratch file", small),
            *_frames(f"{BUDGET_MB} MB and a memory", kept),
            *_sizes(alone, whole),
            row("maps with a budget equal to the last byte", float(len(set(digests.values())) == 1), "1 = yes"),
            *_questions(whole.octree, f"map of {sum(whole.octree.counts()):,} voxels"),
            *_reopened(memory),
        ]
    return {"bench": f"growth, {rooms} rooms", "machine": machine(), "rows": rows}


def _small(store: MemoryRegions | None = None) -> Octree:
    return Octree(_VOXEL_SIZE_M, ram_budget_bytes=BUDGET_MB * _MB, store=store)


class _Walk:
    """A map after a walk: milliseconds of each frame, the same of a map of that room alone, RAM and voxels by room."""

    def __init__(self, octree: Octree) -> None:
        self.octree = octree
        self.ms: list[float] = []
        self.room_ms: list[float] = []
        self.rss_mb: list[float] = []
        self.voxels: list[int] = []


def _walk(octrees: list[Octree], rooms: int, after_room: Callable[[int], object] | None = None) -> list[_Walk]:
    """Take every room, then the first one again; each frame goes to all maps in turn."""
    walks, images = [_Walk(octree) for octree in octrees], list(room_frames(_FRAMES_PER_ROOM))
    before = _rss_mb()
    for visit, room in enumerate([*range(rooms), 0]):
        alone = Octree(_VOXEL_SIZE_M) if len(walks) > 1 else None  # none where RAM is measured
        for frame in _room(images, room, visit * _FRAMES_PER_ROOM):
            room_ms = cost(partial(alone.integrate, frame, _MAX_RANGE_M)).cpu_ms if alone else 0.0
            for walk in walks:
                walk.room_ms.append(room_ms)
                walk.ms.append(cost(partial(walk.octree.integrate, frame, _MAX_RANGE_M)).cpu_ms)
        for walk in walks:
            walk.rss_mb.append(_rss_mb() - before)
            walk.voxels.append(sum(walk.octree.counts()))
        if after_room:
            after_room((visit + 1) * _FRAMES_PER_ROOM)
    return walks


def _room(images: list[CameraFrame], room: int, stamp: int) -> Iterator[CameraFrame]:
    for i, image in enumerate(images):
        T = image.T_world_cam.copy()
        T[:2, 3] += np.array([room % _PER_ROW, room // _PER_ROW]) * _ROOM_M
        yield replace(image, T_world_cam=T, stamp_ns=(stamp + i) * 100_000_000)


def _commit(memory: Memory, octree: Octree, n_frames: int) -> None:
    stamp_ns = n_frames * 100_000_000
    blocks = octree.changed_regions()
    update = MapUpdate(
        stamp_ns=stamp_ns, n_frames=n_frames, graph=SceneGraph(stamp_ns), map_blocks=blocks, session_id="s"
    )
    memory.remember(update)


def _frames(what: str, walk: _Walk) -> list[Row]:
    n = max(1, len(walk.voxels) // 2) * _FRAMES_PER_ROOM
    late, again = slice(-n - _FRAMES_PER_ROOM, -_FRAMES_PER_ROOM), slice(-_FRAMES_PER_ROOM, None)
    extra = {"growth": walk.voxels[-1] / walk.voxels[0], "p99_ms": float(np.percentile(walk.ms[late], 99))}
    rows = []
    for case, part in ((f"frame, {what}", late), (f"frame in a room seen long ago, {what}", again)):
        own, alone = float(np.median(walk.ms[part])), float(np.median(walk.room_ms[part]))
        rows.append(row(case, own, "ms", peer="map of that room alone", peer_value=alone, ratio=alone / own, **extra))
    return rows


def _sizes(small: _Walk, whole: _Walk) -> list[Row]:
    a, b = small.octree.memory_bytes / _MB, whole.octree.memory_bytes / _MB
    extra = {"budget_mb": BUDGET_MB, "resident_regions": small.octree.resident_regions}
    rss = max(small.rss_mb)
    return [
        row("map in RAM", a, "MB", peer="no budget", peer_value=b, ratio=b / a, **extra),
        row("process grew with it", rss, "MB", budget_mb=BUDGET_MB),
    ]


def _questions(octree: Octree, what: str) -> list[Row]:
    low, high = octree.bounds() or (np.zeros(3), np.ones(3))
    at = low + np.random.default_rng(0).random((_QUERIES, 3)) * (high - low)
    asked: dict[str, Callable[[Any], object]] = {
        "box of 1 m as an array": lambda p: octree.dense(p - 0.5, p + 0.5),
        "count in a box of 1 m": lambda p: octree.count(np.concatenate([p - 0.5, p + 0.5])[None]),
        "distance to the nearest": lambda p: octree.distance(p[None]),
    }
    return [
        row(f"{name}, {what}", float(np.median([cost(partial(ask, p)).cpu_ms for p in at])), "ms")
        for name, ask in asked.items()
    ]


def _reopened(memory: Memory) -> list[Row]:
    opened: list[Octree] = []
    took = cost(lambda: opened.append(load_octree(memory, BUDGET_MB)))
    eager = cost(memory.map_blocks)
    first = cost(lambda: opened[0].occupancy([[1.0, 1.0, 1.0]]))
    return [
        row("open the stored map", took.wall_ms, "ms", peer="read all of it", peer_value=eager.wall_ms),
        row("first question after it", first.wall_ms, "ms"),
    ]


def _digest(octree: Octree) -> str:
    blocks, voxels = octree.known_blocks()
    return sha256(blocks.tobytes() + voxels.tobytes()).hexdigest()


def _rss_mb() -> float:
    """RAM of this process; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / _MB
