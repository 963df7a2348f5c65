# SPDX-License-Identifier: Apache-2.0
"""tolman info, tolman verify, tolman rebuild."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from memory_app.cli.common import as_json, memory_argument, open_memory, print_json
from memory_core.memory import Memory


@click.command()
@memory_argument
@as_json
def info(memory_dir: Path, as_json: bool) -> None:
    """What the memory at DIR holds and weighs, and its digest."""
    with open_memory(memory_dir) as memory:
        content = memory.info()
    if as_json:
        print_json(content)
        return
    for name, value in content.items():
        click.echo(f"{name:>14}  {value}")


@click.command()
@memory_argument
@as_json
def verify(memory_dir: Path, as_json: bool) -> None:
    """Check the memory at DIR: database, log, images, map and views. Exit code 1 when something is wrong."""
    with open_memory(memory_dir) as memory:
        report = memory.verify()
    if as_json:
        print_json(asdict(report))
    else:
        click.echo("\n".join(report.problems) or f"{memory_dir}: no problem found")
    if report.problems:
        raise click.exceptions.Exit(1)


@click.command()
@memory_argument
@as_json
def rebuild(memory_dir: Path, as_json: bool) -> None:
    """Delete all views of the memory at DIR and make them anew from its event log."""
    with Memory.open(memory_dir, create=False) as memory:
        memory.rebuild()
        digest = memory.digest()
    if as_json:
        print_json({"digest": digest})
    else:
        click.echo(f"{memory_dir}: views rebuilt, digest {digest}")
