# SPDX-License-Identifier: Apache-2.0
"""How good a memory of a house tour is: objects, rooms and answers against the simulator's truth."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import sim
from memory_app.benchmarks.report import machine, row
from memory_app.pipeline import Pipeline
from memory_core.memory import Memory
from sim.questions import generate
from sim.scores import score_objects, sightings

_ROUNDS = 5


def run(data: Path | None = None, frames: int | None = None) -> dict[str, Any]:
    """Tour a house (`data`, FILE or FILE#INDEX; default: the one that ships), then score its memory.

    `extra` of the rows names what was missed, invented or answered wrongly.
    """
    source = sim.house_source(data)
    simulator = sim.make("house", scene=data)
    with tempfile.TemporaryDirectory() as folder, Memory.open(Path(folder) / "memory") as memory:
        build = Pipeline().run(source, memory, limit=frames)
        seen = sightings(source)
        truth = simulator.objects()
        pixels = {uid: sighting.n_pixels for uid, sighting in seen.items()}
        score = score_objects(memory.graph(), truth, pixels)
        asked = generate(truth, simulator.rooms(), seen)
        failed, latencies_ms = {}, []
        for question in asked:
            answer = memory.ask(question.text)
            if reason := question.check(answer):
                failed[question.text] = reason
            latencies_ms += [memory.ask(question.text).latency_ms for _ in range(_ROUNDS)]
    rows = [
        row("frames", build.frames, "frames"),
        row("object recall (>= 1,000 visible pixels)", score.recall, "", missed=score.missed),
        row("object precision", score.precision, "", spurious=score.spurious),
        row("centre error, median", 100 * score.median_center_error_m, "cm"),
        row("centre error, p95", 100 * score.p95_center_error_m, "cm"),
        row("right room", score.room_accuracy, ""),
        row("questions answered correctly", 1 - len(failed) / len(asked), f"of {len(asked)}", failed=failed),
        row("answer latency p50", float(np.percentile(latencies_ms, 50)), "ms"),
        row("answer latency p99", float(np.percentile(latencies_ms, 99)), "ms"),
    ]
    return {"bench": f"house {source.name}", "machine": machine(), "rows": rows}
