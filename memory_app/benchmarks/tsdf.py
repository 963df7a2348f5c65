# SPDX-License-Identifier: Apache-2.0
"""The TSDF against Open3D's VoxelBlockGrid: integration with colour, memory, and how far distances and meshes agree.

Every frame goes to each in turn, and in turn each is first, so that load on the machine and cold caches hit all alike.
One thread each, same voxels, truncation distance and range. Times are medians of processor time: of our thread, and of
the whole process while Open3D works, which hands some of it to others.
Open3D gets what its fastest kernels take, uint16 depth and uint8 colour; we get what the pipeline has, float32 depth.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mapping.tsdf.tsdf import TRUNCATION_VOXELS, Tsdf, warm_up
from memory_app.benchmarks.octomap_peer import Cost, cost
from memory_app.benchmarks.open3d_peer import Open3dGrid
from memory_app.benchmarks.report import machine, row
from memory_app.benchmarks.room import room_frames
from memory_core.errors import BackendUnavailable
from memory_core.frame import CameraFrame
from recordings import open_source

VOXEL_SIZES_M = (0.05, 0.02)
MAX_RANGE_M = 4.0
_STRIDE = 15  # frames between two that are used: half a second
_NEAREST_PIXEL = "Open3D, nearest pixel"

Row = dict[str, Any]


def run(data: Path | None = None, frames: int | None = None) -> dict[str, Any]:
    """Measure on `frames` (20 when None) frames of a recording, or of a box room drawn here when data is None.

    Returns:
        The report of DESIGN's benchmark contract; without Open3D its rows say why.
    """
    n = frames or 20
    chosen = list(room_frames(n)) if data is None else list(_spread(data, n))
    warm_up()
    rows = [result for voxel_size_m in VOXEL_SIZES_M for result in _compare(chosen, voxel_size_m)]
    name = data.name if data else "room"
    return {"bench": f"tsdf {name}, {len(chosen)} frames", "machine": machine(), "rows": rows}


def _spread(data: Path, n: int) -> Iterator[CameraFrame]:
    source = open_source(data)
    stride = _STRIDE if source.n_frames is None else max(1, min(_STRIDE, source.n_frames // n))
    return islice(source.frames(), 0, n * stride, stride)


def _compare(frames: list[CameraFrame], voxel_size_m: float) -> list[Row]:
    size = f"{voxel_size_m * 100:g} cm"
    ours = Tsdf(voxel_size_m)
    try:
        grid = partial(Open3dGrid, voxel_size_m, TRUNCATION_VOXELS, MAX_RANGE_M)
        peers = {Open3dGrid.name: grid(), _NEAREST_PIXEL: grid(pixel_shift=0.5)}
        reason = ""
    except BackendUnavailable as error:
        peers, reason = {}, str(error)
    costs = _interleave(frames, ours, peers)
    own = costs["ours"]
    median, largest = _median(own), max(each.cpu_ms for each in own)
    rows = [row(f"longest frame {size}", largest, "ms", first_ms=own[0].cpu_ms, times_median=largest / median.cpu_ms)]
    if not peers:
        name = f"{Open3dGrid.name} (not here)"
        rows.append(row(f"integrate {size}", median.cpu_ms, "ms/frame", peer=name, reason=reason))
    for name, peer in peers.items():
        rows.append(_speed(f"integrate {size}", own, name, costs[name]))
        rows += _agreement(ours, peer, name, size)
    return rows + _sizes(ours, size)


def _interleave(frames: list[CameraFrame], ours: Tsdf, peers: dict[str, Open3dGrid]) -> dict[str, list[Cost]]:
    """Cost of every frame for each."""
    costs: dict[str, list[Cost]] = {"ours": [], **{name: [] for name in peers}}
    for i, frame in enumerate(frames):
        turns = [("ours", partial(cost, partial(ours.integrate, frame, MAX_RANGE_M)))]
        turns += [(name, partial(peer.insert, frame)) for name, peer in peers.items()]
        for k in range(len(turns)):
            name, take = turns[(i + k) % len(turns)]
            costs[name].append(take())
    return costs


def _median(costs: list[Cost]) -> Cost:
    return Cost(*(float(value) for value in np.median(costs, axis=0)))


def _speed(case: str, ours: list[Cost], name: str, theirs: list[Cost]) -> Row:
    own, peer = _median(ours), _median(theirs)
    extra = {"wall_ms": own.wall_ms, "peer_wall_ms": peer.wall_ms, "frames": len(ours)}
    return row(case, own.cpu_ms, "ms/frame", peer=name, peer_value=peer.cpu_ms, ratio=peer.cpu_ms / own.cpu_ms, **extra)


def _agreement(ours: Tsdf, peer: Open3dGrid, name: str, size: str) -> list[Row]:
    """Differences of distances within a voxel of a surface, and of meshes both ways, in millimetres."""
    centres, theirs = peer.values()
    distances = ours.distances(centres)
    near = (np.abs(theirs) < ours.voxel_size_m) & ~np.isnan(distances)
    apart = 1e3 * np.abs(distances - theirs)[near]
    mesh, (vertices, faces) = ours.mesh(), peer.mesh()
    to_theirs = 1e3 * peer.distance_to_mesh(mesh.vertices, vertices, faces)
    to_ours = 1e3 * peer.distance_to_mesh(vertices, mesh.vertices, mesh.faces)
    seen_by_both = float(np.mean(~np.isnan(distances)))
    return [
        row(f"near-surface distance {size}", float(np.median(apart)), "mm median difference", peer=name,
            p95=float(np.percentile(apart, 95)), share_of_their_voxels=seen_by_both),
        row(f"our mesh to theirs {size}", float(np.median(to_theirs)), "mm median", peer=name,
            p95=float(np.percentile(to_theirs, 95)), faces=len(mesh.faces), peer_faces=len(faces)),
        row(f"their mesh to ours {size}", float(np.median(to_ours)), "mm median", peer=name,
            p95=float(np.percentile(to_ours, 95))),
    ]  # fmt: skip


def _sizes(ours: Tsdf, size: str) -> list[Row]:
    """The map in memory, and the mesh: made whole, and made again when nothing changed."""
    rows = [row(f"map in memory {size}", ours.memory_bytes / 2**20, "MB", voxels=ours.n_voxels)]
    whole, again = cost(partial(ours.mesh, 2)), cost(partial(ours.mesh, 2))
    return [*rows, row(f"mesh {size}", whole.cpu_ms, "ms", unchanged_ms=again.cpu_ms)]
