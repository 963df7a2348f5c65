# SPDX-License-Identifier: Apache-2.0
"""tolman demo: the whole road in a minute, without a robot."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
import numpy as np

import sim
import task_planner
from memory_app import pictures
from memory_app.cli.common import as_json, print_json, progress_bar
from memory_app.cli.plan import line_of
from memory_app.maps import load_octree
from memory_app.pipeline import Pipeline
from memory_core import Answer, SceneGraph
from memory_core.memory import Memory

QUESTIONS = (
    "where is the teddy bear?",
    "where did I leave the mug?",
    "what is on the dining table?",
    "what is in the bathroom?",
    "how many chairs are in the kitchen?",
    "when did you last see the laptop?",
    "where is the unicorn?",
)
INSTRUCTION = "put the teddy bear on the sofa"
N_EVIDENCE = 3


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo_out"), show_default=True, help="Directory.")
@as_json
def demo(out: Path, as_json: bool) -> None:
    """A robot tours a simulated house; the memory it made answers questions and plans a task.

    Writes the memory and pictures (map.png, graph.png, evidence_1..3.png) to --out; ask the memory more with
    `tolman ask`.
    """
    source = sim.house_source("house", width=640, height=480)
    with Memory.open(out / "memory") as memory:
        with progress_bar("touring the house", quiet=as_json) as progress:
            build = Pipeline().run(source, memory, progress=progress)
        answers = [memory.ask(question) for question in QUESTIONS]
        start = tuple(float(v) for v in next(iter(source.frames())).T_world_cam[:3, 3])
        plan = task_planner.plan(INSTRUCTION, memory, robot_position=(start[0], start[1], 0.0))
        written = _draw(memory, answers, plan, out)
        info = memory.info()
    if as_json:
        asked = [{"asked": text, **answer.to_json()} for text, answer in zip(QUESTIONS, answers, strict=True)]
        print_json(
            {"frames_per_s": round(build.frames_per_s, 1), "info": info, "answers": asked, "plan": plan.to_json(),
             "pictures": [str(path) for path in written]}
        )  # fmt: skip
        return
    click.echo(
        f"\n{info['frames']} frames -> {info['objects']} objects in {info['rooms']} rooms, {info['places']} places "
        f"({info['bytes_on_disk'] / 1e6:.1f} MB, {build.frames_per_s:.0f} frames/s)\n"
    )
    for question, answer in zip(QUESTIONS, answers, strict=True):
        click.echo(f"? {question}\n  {answer.text}  [{answer.latency_ms:.1f} ms]")
    click.echo(f"\n> {INSTRUCTION}  [{plan.latency_ms:.0f} ms]")
    for number, step in enumerate(plan.steps, 1):
        click.echo(f"  {number}. {line_of(step)}")
    click.echo("\n" + "\n".join(f"wrote {path}" for path in written))
    click.echo(f'\nNow ask it yourself: tolman ask {shlex.quote(str(out / "memory"))} "what is near the sofa?"')


def _draw(memory: Memory, answers: list[Answer], plan: task_planner.Plan, out: Path) -> list[Path]:
    graph = memory.graph()
    written = [out / "map.png", out / "graph.png"]
    pictures.draw_map(graph, load_octree(memory), written[0], _route(plan))
    pictures.draw_graph(graph, written[1])
    return written + _draw_evidence(memory, answers, graph, out)


def _route(plan: task_planner.Plan) -> np.ndarray[Any, np.dtype[np.float64]]:
    points = [point for step in plan.steps for point in step.args.get("route", [])]
    return np.asarray(points, np.float64).reshape(-1, 3)


def _draw_evidence(memory: Memory, answers: list[Answer], graph: SceneGraph, out: Path) -> list[Path]:
    """The images that prove the first answers, a different one each."""
    shown: dict[str, str] = {}
    for answer in answers:
        proofs = [(e.snapshot, r.id) for r in answer.results for e in r.evidence if e.snapshot]
        fresh = next((proof for proof in proofs if proof[0] not in shown), None)
        if fresh:
            shown[fresh[0]] = fresh[1]
    written = []
    for number, (snapshot, object_id) in enumerate(list(shown.items())[:N_EVIDENCE], 1):
        written.append(out / f"evidence_{number}.png")
        pictures.draw_evidence(memory.snapshot(snapshot), graph, written[-1], [object_id])
    return written
