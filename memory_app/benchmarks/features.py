# SPDX-License-Identifier: Apache-2.0
"""The feature channel: how fast a bank is built and asked, what it covers, and what it weighs.

The peer of the bank is its rule in plain numpy, one feature after the other, and the rule it was taken from, which
rejects what has a neighbour that is spoken for and so leaves some without a representative.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping import Octree
from mapping.features import FeatureBank, FeatureLayer
from mapping.features.bank import on_grid
from memory_app.benchmarks.report import machine, row
from memory_app.benchmarks.room import room_frames
from memory_core.frame import CameraFrame
from memory_core.segment import Segment
from recordings import open_source

_MODES, _DIMENSION, _SIMILARITY = 300, 512, 0.85
_FEATURES, _OF_PEER = 100_000, 10_000
_REPEATS = 5
_TILE = 64  # pixels along a segment

Floats = NDArray[np.float32]
Row = dict[str, Any]


def run(data: Path | None = None, frames: int | None = None) -> dict[str, Any]:
    """Measure on `frames` (20 when None) frames of a recording, or of a box room drawn here when data is None."""
    n = frames or 20
    chosen = list(room_frames(n)) if data is None else list(islice(open_source(data).frames(), 0, 15 * n, 15))
    rows = [*_bank_rows(), *_layer_rows(chosen)]
    return {
        "bench": f"features {data.name if data else 'room'}, {len(chosen)} frames",
        "machine": machine(),
        "rows": rows,
    }


def _features(n: int, noise: float) -> Floats:
    """n features around random directions."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(_MODES, _DIMENSION))
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    spread = rng.normal(size=(n, _DIMENSION)) * noise / np.sqrt(_DIMENSION)
    return np.asarray(centers[rng.integers(_MODES, size=n)] + spread, np.float32)


def _seconds(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _bank_rows() -> list[Row]:
    many, few = _features(_FEATURES, 0.3), _features(_OF_PEER, 0.3)
    FeatureBank(_SIMILARITY).add(few, np.zeros((len(few), 3)))  # compiles
    bank = FeatureBank(_SIMILARITY)
    ours, theirs = [], []
    for _ in range(3):
        bank = FeatureBank(_SIMILARITY)
        ours.append(_seconds(lambda bank=bank: bank.add(many)) / len(many))  # type: ignore[misc]
        theirs.append(_seconds(lambda: _plain_greedy(few)) / len(few))
    own, peer = 1 / float(np.median(ours)), 1 / float(np.median(theirs))
    wide = _features(3000, 0.42)  # the cosine within a mode is about the similarity
    covering = FeatureBank(_SIMILARITY)
    covering.add(wide)
    query = many[0]
    asked = 1e3 * float(np.median([_seconds(lambda: bank.attention(query)) for _ in range(_REPEATS * 4)]))
    return [
        row("features into the bank", own, "1/s", peer="numpy, one by one", peer_value=peer, ratio=own / peer),
        row(f"items for {_MODES} modes", bank.n, "items", peer="modes", peer_value=float(_MODES)),
        row("least cosine to the item that stands for it", bank.guarantee, "cosine"),
        row("covered where modes overlap", 100 * _covered(covering.vectors, wide), "%", peer="spread-out rule alone",
            peer_value=100 * _covered(_spread_out(wide), wide)),
        row("attention over the bank", asked, "ms"),
    ]  # fmt: skip


def _plain_greedy(features: Floats) -> Floats:
    """The same rule in plain numpy: a feature that no kept one is similar to is kept."""
    kept = np.empty((0, features.shape[1]), np.float32)
    for feature in features / np.linalg.norm(features, axis=1, keepdims=True):
        if not len(kept) or (kept @ feature).max() < _SIMILARITY:
            kept = np.vstack([kept, feature])
    return kept


def _spread_out(features: Floats) -> Floats:
    """Those kept when a feature is rejected as soon as any feature similar to it is spoken for."""
    units = on_grid(features)
    near = units @ units.T >= _SIMILARITY
    covered, kept = np.zeros(len(units), bool), []
    for item in range(len(units)):
        if not (near[item] & covered).any():
            covered |= near[item]
            kept.append(item)
    return units[kept]


def _covered(items: Floats, features: Floats) -> float:
    return float(((on_grid(features) @ items.T).max(axis=1) >= np.float32(_SIMILARITY)).mean())


def _layer_rows(frames: list[CameraFrame]) -> list[Row]:
    embeddings = np.random.default_rng(1).normal(size=(64, _DIMENSION)).astype(np.float32)
    layer, octree, costs = FeatureLayer(), Octree(), []
    FeatureLayer().observe(frames[0], _tiles(frames[0], embeddings))  # compiles
    for frame in frames:
        segments = _tiles(frame, embeddings)
        costs.append(1e3 * _seconds(lambda f=frame, s=segments: layer.observe(f, s)))  # type: ignore[misc]
        octree.integrate(frame)
    surface_m2 = max(1, octree.counts()[0]) * octree.voxel_size_m**2
    layer.light_up(embeddings[0], k=1000)
    lit = [1e3 * _seconds(lambda: layer.light_up(embeddings[3], k=1000)) for _ in range(_REPEATS)]
    stored = layer.changed_regions()
    cells = sum(len(content) for name, content in stored.items() if "bank" not in name)
    return [
        row("one frame into the map", float(np.median(costs)), "ms/frame", segments=len(_tiles(frames[0], embeddings))),
        row("light up 1000 voxels", float(np.median(lit)), "ms", blocks=layer.cells.n),
        row("cells on disk", cells / surface_m2, "bytes/m2", surface_m2=surface_m2),
        row("cells in memory", layer.cells.nbytes / surface_m2, "bytes/m2"),
        row("bank on disk", sum(map(len, stored.values())) - cells, "bytes", items=layer.bank.n),
    ]


def _tiles(frame: CameraFrame, embeddings: Floats) -> list[Segment]:
    """The image cut in squares, each a segment; its embedding goes by where its middle is in the map, in metres."""
    height, width = frame.depth.shape
    found = []
    for v in range(0, height - _TILE + 1, _TILE):
        for u in range(0, width - _TILE + 1, _TILE):
            z = float(frame.depth[v + _TILE // 2, u + _TILE // 2])
            at = np.array([(u + _TILE / 2 - frame.K[0, 2]) * z / frame.K[0, 0],
                           (v + _TILE / 2 - frame.K[1, 2]) * z / frame.K[1, 1], z])  # fmt: skip
            x, y, w = np.floor(frame.T_world_cam[:3, :3] @ at + frame.T_world_cam[:3, 3]).astype(int).tolist()
            embedding = embeddings[(x * 7 + y * 3 + w) % len(embeddings)]
            mask = np.ones((_TILE, _TILE), bool)
            found.append(Segment((u, v, u + _TILE, v + _TILE), mask, {"object": 1.0}, "tiles", embedding))
    return found
