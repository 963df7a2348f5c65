# SPDX-License-Identifier: Apache-2.0
"""tolman bench."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import click

from memory_app.cli.common import as_json, print_json

_BENCHES = (
    "octree",
    "growth",
    "tsdf",
    "topology",
    "frontiers",
    "exploring",
    "features",
    "loop",
    "gpu",
    "pipeline",
    "house",
    "render",
)
_MODULES = {"loop": "loop_closure"}  # where the name of the bench says too little for a module


@click.command()
@click.argument("name", type=click.Choice(_BENCHES))
@click.option("--data", type=click.Path(path_type=Path), help="Recording, or for house FILE#INDEX.")
@click.option(
    "--frames",
    type=click.IntRange(1),
    metavar="N",
    help="Frames to use. [default: 20 for octree, tsdf and gpu, else all]",
)
@as_json
def bench(name: str, data: Path | None, frames: int | None, as_json: bool) -> None:
    """Measure NAME, peers interleaved with ours in the same run.

    \b
    growth    cost of a frame, RAM and questions while the map grows a hundredfold
    octree    integration, queries, rays and agreement against OctoMap
    tsdf      surfaces with colour, and their mesh, against Open3D
    topology  ways in a graph against networkx; rooms of houses; --data GRAPH, city:N or house:FILE, --frames pairs
    frontiers cost of finding them while the map grows; images that explain the objects
    exploring a house explored by the robot's own map against a robot that knows the floor
    features  a bank of embeddings: speed, coverage, size; how fast a query lights up the map
    loop      a tour that drifts, corrected: where objects are then; corrections of 10,000 nodes
    gpu       the GPU's kernels against the CPU's: speed, and whether the maps are the same to the byte
    pipeline  a whole build: speed by stage, memory, disk
    house     the memory of a house tour against the truth: objects, rooms, answers
    render    the embedded house: frames a second, agreement with plain numpy; --data HOUSES.jsonl
    """
    report = importlib.import_module(f"memory_app.benchmarks.{_MODULES.get(name, name)}").run(data=data, frames=frames)
    if as_json:
        print_json(report)
    else:
        click.echo(table(report))


def table(report: dict[str, Any]) -> str:
    """A benchmark report as a Markdown table; the README's numbers are these."""
    lines = [f"{report['bench']} on {report['machine']}", "", "| case | ours | peer | ratio |", "|---|---|---|---|"]
    for row in report["rows"]:
        peer = (
            f"{_number(row['peer_value'])} {row['unit']} ({row['peer']})" if row.get("peer_value") is not None else ""
        )
        ratio = f"{row['ratio']:.1f}x" if row.get("ratio") is not None else ""
        lines.append(f"| {row['case']} | {_number(row['ours'])} {row['unit']} | {peer} | {ratio} |")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
