# SPDX-License-Identifier: Apache-2.0
"""tolman sim."""

from __future__ import annotations

from pathlib import Path

import click

from memory_app.cli.common import as_json, print_json
from memory_app.sim_tasks import run_tasks


@click.group()
def sim() -> None:
    """Closed-loop runs in a simulator: tour, remember, then act, judged by the simulator's truth."""


@sim.command()
@click.option("--house", "house_file", metavar="FILE[#INDEX]", help="ProcTHOR JSON. [default: the house that ships]")
@click.option("--episodes", type=click.IntRange(1), default=30, show_default=True, metavar="N", help="Tasks to try.")
@click.option("--seed", type=int, default=0, show_default=True, help="Which tasks.")
@click.option("--memory", "directory", type=click.Path(path_type=Path), help="Keep the memory of the tour here.")
@as_json
def house(house_file: str | None, episodes: int, seed: int, directory: Path | None, as_json: bool) -> None:
    """Go-to, find and pick-and-place tasks in the embedded house after one tour of it."""
    report = run_tasks(house_file, episodes, seed, memory_dir=directory)
    if as_json:
        print_json(report.to_json())
        return
    for result in report.results:
        click.echo(
            f"{'ok    ' if result.ok else 'FAILED'}  {result.text}" + (f": {result.reason}" if result.reason else "")
        )
    done = ", ".join(f"{kind} {n} of {total}" for kind, (n, total) in report.by_kind.items())
    click.echo(f"{report.house}: {report.success_rate:.0%} ({done}); planning p50 {report.planning_ms(50):.0f} ms")
    click.echo(f"never seen, and said so: {report.n_denied} of {report.n_unseen}")
