# SPDX-License-Identifier: Apache-2.0
"""Exploration by the robot's own map against a robot that knows the floor and always goes to the nearest unseen point.

Both have the same camera, body and start; what counts is the actions until 95 % of the reachable floor was seen.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import sim
from memory_app.benchmarks.report import machine, row
from memory_app.exploring.explorer import Explorer
from memory_app.exploring.oracle import Coverage, Oracle
from memory_app.exploring.settings import ExplorationSettings
from memory_core.memory import Memory

_SHARES = (0.5, 0.8, 0.95)


def run(data: Path | None = None, frames: int | None = None) -> dict[str, Any]:
    """Explore a house (`data`, FILE, FILE#INDEX or gen?...; default: the one that ships), at most `frames` actions."""
    scene = str(data) if data else None
    settings = ExplorationSettings(max_actions=frames or ExplorationSettings().max_actions)
    ours, n_actions, n_left = _explored(scene, settings)
    peer = Oracle(sim.make("house", scene=scene), settings).run()
    rows = [_row(f"actions to see {share:.0%} of the floor", ours, peer, share) for share in _SHARES]
    last = peer.curve[-1][0]
    rows.append(
        row(
            "actions in all", n_actions, "", peer="oracle", peer_value=last, ratio=last / max(1, n_actions), left=n_left
        )
    )
    rows.append(row("floor seen in the end", ours.curve[-1][1], "", peer="oracle", peer_value=peer.curve[-1][1]))
    return {"bench": f"exploring {scene or 'own house'}", "machine": machine(), "rows": rows}


def _explored(scene: str | None, settings: ExplorationSettings) -> tuple[Coverage, int, int]:
    simulator = sim.make("house", scene=scene)
    with tempfile.TemporaryDirectory() as folder, Memory.open(Path(folder) / "memory") as memory:
        explorer = Explorer(simulator, memory, settings)
        coverage = Coverage(np.asarray(simulator.reachable(), np.float64), explorer.mapper.octree)
        explorer.watch = lambda n, _: coverage.note(n)
        done = explorer.run()
        coverage.look(done.n_actions)
    return coverage, done.n_actions, done.n_left


def _row(case: str, ours: Coverage, peer: Coverage, share: float) -> dict[str, Any]:
    took, best = ours.actions_to(share), peer.actions_to(share)
    ratio = best / took if took and best else None
    return row(case, float("inf") if took is None else took, "actions", peer="oracle", peer_value=best, ratio=ratio)
