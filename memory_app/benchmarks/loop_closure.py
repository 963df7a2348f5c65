# SPDX-License-Identifier: Apache-2.0
"""A tour that drifts by a metre and five degrees, corrected at its end; and how long large corrections take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

import perception
import sim
from mapping import Mapper, Octree
from mapping.octree.update import HIGHEST, LOWEST
from mapping.pose_graph import Constraint, CorrectedPoses, PoseGraph, rigid
from mapping.pose_graph.moving import Deltas, move_blocks
from memory_app.benchmarks.report import machine, row
from memory_core.errors import BadFrame
from memory_core.frame import CameraFrame
from memory_core.geometry import canonical_pose
from memory_core.graph import Instance

DRIFT_M, DRIFT_DEG = 1.0, 5.0
NEAR_M = 0.07
_N_CLOSURES, _CLOSURE_M, _CLOSURE_RAD = 50, 0.005, 0.002
_SAME_PLACE_M, _ALIKE_DEG, _LATER = 1.0, 60.0, 40  # a loop detector's reach; nodes between
_FAR_M = 3.0
_COMMIT_EVERY = 50
_N_NODES = 10_000
_N_BLOCKS = 24_000  # 24 hundred m2 of floor with walls, at 5 cm
_ROUNDS = 3


def run(data: Path | None = None, frames: int | None = None) -> dict[str, Any]:
    """Tour a house (`data`, FILE or FILE#INDEX; default: the one that ships) straight and drifting, and correct.

    `extra` of the rows has the parts. The large graph is made up: 10,000 nodes around a block of streets.
    """
    tour = list(sim.house_source(data).frames())[:frames]
    rows = [*_tour(tour), *_closed(there_and_back(tour)), *_large()]
    return {"bench": "loop closure", "machine": machine(), "rows": rows}


def bent(frames: Sequence[CameraFrame], shift_m: float = DRIFT_M, turn_deg: float = DRIFT_DEG) -> list[CameraFrame]:
    """The frames with poses that drift away steadily with the way."""
    at = np.array([frame.T_world_cam[:3, 3] for frame in frames])
    way_m = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(at, axis=0), axis=1))])
    drifting = []
    for frame, share in zip(frames, way_m / max(way_m[-1], 1e-9), strict=True):
        D = np.eye(4)
        D[:3, :3] = rigid.rotation(np.array([[0.0, 0.0, np.radians(turn_deg) * share]]))[0]
        D[:3, 3] = at[0] - D[:3, :3] @ at[0] + np.array([0.8, 0.6, 0.0]) * shift_m * share
        drifting.append(replace(frame, T_world_cam=canonical_pose(D @ frame.T_world_cam)))
    return drifting


def there_and_back(frames: Sequence[CameraFrame]) -> list[CameraFrame]:
    """The frames, and every other one of them on the way back to where it began, in reverse."""
    step_ns = frames[1].stamp_ns - frames[0].stamp_ns if len(frames) > 1 else 1
    back = frames[-2::-2]
    return [*frames, *(replace(f, stamp_ns=frames[-1].stamp_ns + (k + 1) * step_ns) for k, f in enumerate(back))]


def closures_of(graph: PoseGraph, frames: Sequence[CameraFrame], n: int, rng: np.random.Generator) -> list[Constraint]:
    """Up to n relations between nodes that came by the same place at different times, as a detector measures them."""
    of = {frame.stamp_ns: frame.T_world_cam for frame in frames}
    truth = np.stack([of[stamp] for stamp in graph.stamps_ns[: graph.n].tolist()])
    apart = np.linalg.norm(truth[:, None, :3, 3] - truth[None, :, :3, 3], axis=2)
    alike = truth[:, :3, 2] @ truth[:, :3, 2].T > np.cos(np.radians(_ALIKE_DEG))
    a, b = np.nonzero(np.triu((apart < _SAME_PLACE_M) & alike, _LATER))
    chosen = np.sort(rng.choice(len(a), min(n, len(a)), replace=False))
    noise = np.tile(np.eye(4), (len(chosen), 1, 1))
    noise[:, :3, 3] = rng.normal(size=(len(chosen), 3)) * _CLOSURE_M
    noise[:, :3, :3] = rigid.rotation(rng.normal(size=(len(chosen), 3)) * _CLOSURE_RAD)
    relative = rigid.orthonormal(rigid.invert(truth[a[chosen]]) @ truth[b[chosen]] @ noise)
    information = np.diag([_CLOSURE_M**-2] * 3 + [_CLOSURE_RAD**-2] * 3)
    pairs = zip(a[chosen].tolist(), b[chosen].tolist(), relative, strict=True)
    return [Constraint(i + 1, j + 1, T, information) for i, j, T in pairs]


def _closed(frames: list[CameraFrame]) -> list[dict[str, Any]]:
    """The way there and back, corrected by what a loop detector finds on the way back and nothing else."""
    straight, drifting = _built(frames), _built(bent(frames))
    wanted = _present(straight)
    there = _present(drifting)
    before, _ = _errors_m(wanted, there)
    closures = closures_of(drifting.trajectory, frames, _N_CLOSURES, np.random.default_rng(0))
    began = time.process_time()
    done = drifting.correct(constraints=closures)
    seconds = time.process_time() - began
    drifting.update(final=True)
    errors, missed = _errors_m(wanted, _present(drifting))
    found, n_missing = errors[np.isfinite(errors)], int(np.isinf(errors).sum())
    share, extra = float(np.mean(errors <= NEAR_M)), len(_present(drifting)) - len(wanted)
    return [
        row(
            "loop: objects within 7 cm, before", float(np.mean(before <= NEAR_M)), f"of {len(wanted)}", known=len(there)
        ),
        row("loop: the same after closures alone", share, f"of {len(wanted)}", missed=missed, too_many=extra),
        row("loop: distance of objects found, median", 100 * float(np.median(found)), "cm"),
        row("loop: distance of objects found, p95", 100 * float(np.percentile(found, 95)), "cm", missing=n_missing),
        row("loop: correction", seconds, "s", nodes=done.n_nodes, closures=len(closures), left_out=len(done.outliers)),
    ]


def _tour(frames: list[CameraFrame]) -> list[dict[str, Any]]:
    straight, drifting = _built(frames), _built(bent(frames))
    wanted = _present(straight)
    before, _ = _errors_m(wanted, _present(drifting))
    began = time.process_time()
    done = drifting.correct(
        CorrectedPoses(np.array([f.stamp_ns for f in frames]), np.stack([f.T_world_cam for f in frames]))
    )
    seconds = time.process_time() - began
    drifting.update(final=True)
    errors, missed = _errors_m(wanted, _present(drifting))
    return [
        row("tour: objects within 7 cm, before", float(np.mean(before <= NEAR_M)), f"of {len(wanted)}"),
        row("tour: objects within 7 cm, after", float(np.mean(errors <= NEAR_M)), f"of {len(wanted)}", missed=missed),
        row("tour: distance of objects, median", 100 * float(np.median(errors)), "cm"),
        row("tour: distance of objects, p95", 100 * float(np.percentile(errors, 95)), "cm"),
        row("tour: objects too many", float(len(_present(drifting)) - len(wanted)), ""),
        row("tour: correction", seconds, "s", nodes=done.n_nodes, largest_m=done.largest_m),
        *_remains(straight, drifting),
    ]


def _remains(straight: Mapper, drifting: Mapper) -> list[dict[str, Any]]:
    """How much of the corrected map's surfaces is there, and how much of those that are there it has, to a voxel."""
    reach = 2.0 * straight.octree.voxel_size_m
    wanted, found = straight.octree.occupied_centers(), drifting.octree.occupied_centers()
    there, known = cKDTree(wanted).query(found)[0] <= reach, cKDTree(found).query(wanted)[0] <= reach
    free = straight.octree.occupancy(found[~there]) == 0
    share = float(free.sum() / max(1, len(found)))
    return [
        row("tour: occupied voxels that are there", float(there.mean()), "precision", in_free_space=share),
        row("tour: surfaces found again", float(known.mean()), "recall"),
    ]


def _built(frames: Sequence[CameraFrame]) -> Mapper:
    mapper, segmenter = Mapper(), perception.make("auto", frames[0])
    for n, frame in enumerate(frames, start=1):
        try:
            mapper.integrate(frame, segmenter.segment(frame))
        except BadFrame:
            continue
        if n % _COMMIT_EVERY == 0:
            mapper.update()
    mapper.update(final=True)
    return mapper


def _present(mapper: Mapper) -> list[Instance]:
    return [one for one in mapper.graph().instances.values() if one.state == "present"]


def _errors_m(wanted: Sequence[Instance], found: Sequence[Instance]) -> tuple[NDArray[np.float64], list[str]]:
    """Distance of each object to the one of its class that it is paired with; infinite, and named, without one."""
    cost = np.full((len(wanted), len(found)), 1e6)
    for i, one in enumerate(wanted):
        for j, other in enumerate(found):
            if one.label == other.label:
                cost[i, j] = np.linalg.norm(np.subtract(one.position, other.position))
    errors = np.full(len(wanted), np.inf)
    for i, j in zip(*linear_sum_assignment(cost), strict=True):
        errors[i] = cost[i, j] if cost[i, j] <= _FAR_M else np.inf
    return errors, [one.label for one, error in zip(wanted, errors, strict=True) if error > NEAR_M]


def _large() -> list[dict[str, Any]]:
    """Parts of a correction of 10,000 nodes with a map of their size, CPU seconds, median of some rounds."""
    rng = np.random.default_rng(0)
    graph, truth = _streets(rng)
    better = CorrectedPoses(graph.stamps_ns[: graph.n].copy(), truth)
    closures = _closures(rng, truth, 200)
    lies = _closures(rng, truth[rng.permutation(len(truth))], 20)
    octree = _filled(rng)
    parts = {
        "large: nodes by corrected poses": lambda: graph.corrected_by_poses(better),
        "large: nodes by 200 loop closures": lambda: graph.corrected_by_constraints(closures),
        "large: the same and 20 false ones": lambda: graph.corrected_by_constraints([*closures, *lies]),
        "large: moving the octree": lambda: _move(octree, graph, truth),
    }
    for part in parts.values():
        cast(Any, part)()
    seconds = {name: float(np.median([_cpu_s(part) for _ in range(_ROUNDS)])) for name, part in parts.items()}
    solution = graph.corrected_by_constraints([*closures, *lies])
    error_m = float(np.linalg.norm(solution.poses[:, :3, 3] - truth[:, :3, 3], axis=1).max())
    found = int((solution.weights[200:] == 0).sum())
    rows = [row(name, value, "s") for name, value in seconds.items()]
    whole = seconds["large: nodes by 200 loop closures"] + seconds["large: moving the octree"]
    drift_m = float(np.linalg.norm(graph.poses[: graph.n, :3, 3] - truth[:, :3, 3], axis=1).max())
    extra: dict[str, Any] = {
        "nodes": graph.n,
        "blocks": len(octree[0]),
        "drift_m": drift_m,
        "error_m": error_m,
        "false_found": found,
    }
    return [*rows, row("large: loop closures and octree", whole, "s", **extra)]


def _cpu_s(part: Any) -> float:
    began = time.process_time()
    part()
    return time.process_time() - began


def _streets(rng: np.random.Generator) -> tuple[PoseGraph, NDArray[np.float64]]:
    """A trajectory that goes 20 times around a block, as it drifted, and its true poses."""
    turns = np.linspace(0, 40 * np.pi, _N_NODES)
    truth = np.tile(np.eye(4), (_N_NODES, 1, 1))
    truth[:, :3, :3] = rigid.rotation(np.stack([np.zeros_like(turns), np.zeros_like(turns), turns], axis=1))
    truth[:, :3, 3] = np.stack([24 * np.cos(turns), 24 * np.sin(turns), np.zeros_like(turns)], axis=1)
    noise = np.tile(np.eye(4), (_N_NODES - 1, 1, 1))
    noise[:, :3, 3] = rng.normal(size=(_N_NODES - 1, 3)) * 0.004
    noise[:, :3, :3] = rigid.rotation(rng.normal(size=(_N_NODES - 1, 3)) * 0.0004)
    steps = rigid.invert(truth[:-1]) @ truth[1:] @ noise
    graph, pose = PoseGraph(0.25, 15.0), truth[0]
    for i in range(_N_NODES):
        graph.follow(i * 100_000_000, pose, "tour")
        pose = canonical_pose(pose @ steps[min(i, _N_NODES - 2)])
    return graph, truth[: graph.n] if graph.n == _N_NODES else _thinned(graph, truth)


def _thinned(graph: PoseGraph, truth: NDArray[np.float64]) -> NDArray[np.float64]:
    return truth[(graph.stamps_ns[: graph.n] // 100_000_000).astype(np.int64)]


def _closures(rng: np.random.Generator, truth: NDArray[np.float64], n: int) -> list[Constraint]:
    """Relations between nodes one or more rounds apart."""
    a = rng.integers(0, len(truth) - 1500, n)
    b = a + len(truth) // 20 * rng.integers(1, 4, n)
    relative = rigid.orthonormal(rigid.invert(truth[a]) @ truth[b])
    return [Constraint(int(i) + 1, int(j) + 1, T) for i, j, T in zip(a, b, relative, strict=True)]


def _filled(rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int32]]:
    """Blocks with voxels and the nodes they were seen from."""
    side = int(np.sqrt(_N_BLOCKS / 6))
    blocks = np.stack(np.meshgrid(np.arange(side), np.arange(side), np.arange(6), indexing="ij"), axis=-1).reshape(
        -1, 3
    )
    voxels = np.where(rng.random((len(blocks), 512)) < 0.08, np.int8(HIGHEST), np.int8(LOWEST))
    nodes = np.linspace(0, _N_NODES * 0.9, len(blocks)).astype(np.int32)
    return blocks.astype(np.int64), voxels, nodes


def _move(
    octree: tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int32]], graph: PoseGraph, truth: NDArray[np.float64]
) -> None:
    deltas = Deltas(truth @ rigid.invert(graph.poses[: graph.n]))
    moved = move_blocks(*octree, deltas, 0.05, (LOWEST, HIGHEST))
    Octree().replace_blocks(moved.blocks, moved.voxels, 0)
