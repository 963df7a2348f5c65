# SPDX-License-Identifier: Apache-2.0
"""tolman plan."""

from __future__ import annotations

from pathlib import Path

import click

import task_planner
from memory_app.cli.ask import parse_point
from memory_app.cli.common import as_json, memory_argument, open_memory, print_json


@click.command()
@memory_argument
@click.argument("instruction")
@click.option(
    "--from",
    "start",
    callback=parse_point,
    metavar="X,Y,Z",
    help="Where the robot is, metres; without it the way to the first place is unknown.",
)
@as_json
def plan(memory_dir: Path, instruction: str, start: tuple[float, float, float] | None, as_json: bool) -> None:
    """Turn an INSTRUCTION into steps from what the memory at DIR knows.

    \b
    go to the sofa                    find the mug
    put the apple in the fridge       open the drawer

    The exit code is 1 when there is no plan.
    """
    with open_memory(memory_dir) as memory:
        made = task_planner.plan(instruction, memory, robot_position=start)
    if as_json:
        print_json(made.to_json())
    else:
        _show(made)
    if made.status != "found":
        raise click.exceptions.Exit(1)


def _show(made: task_planner.Plan) -> None:
    click.echo(made.text)
    for number, step in enumerate(made.steps, 1):
        click.echo(f"  {number}. {line_of(step)}")
    for example in made.examples:
        click.echo(f"  try: {example}")


def line_of(step: task_planner.Step) -> str:
    """One step as a person reads it."""
    length = step.args.get("length_m")
    way = f", {length:.1f} m" if length is not None else ""
    return f"{step.skill} {step.args.get('label', '')} {step.args.get('id', '')}{way}: {step.why}"
