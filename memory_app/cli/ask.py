# SPDX-License-Identifier: Apache-2.0
"""tolman ask, tolman recall."""

from __future__ import annotations

import math
from pathlib import Path

import click

from memory_app.cli.common import as_json, memory_argument, open_memory, print_json
from memory_core import Answer, Question

# What an int64 of nanoseconds holds, rounded down.
_LAST_S = 9.2e9


def parse_point(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float, float, float] | None:
    """Option value "x,y,z" as three metres."""
    if value is None:
        return None
    try:
        x, y, z = (float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"want three metres such as 1.5,0,0.8, got {value!r}") from None
    return (x, y, z)


def seconds_to_ns(ctx: click.Context, param: click.Parameter, value: float | None) -> int | None:
    """Option value in seconds of the recording's clock as nanoseconds."""
    if value is None:
        return None
    if not math.isfinite(value) or abs(value) > _LAST_S:
        raise click.BadParameter(f"want seconds of the recording's clock, got {value}")
    return round(value * 1e9)


def during_to_ns(
    ctx: click.Context, param: click.Parameter, value: tuple[float, float] | None
) -> tuple[int | None, int | None]:
    """Option value of two times in seconds as nanoseconds."""
    first, last = value or (None, None)
    if first is not None and last is not None and first > last:
        raise click.BadParameter(f"want the earlier time first, got {first} and {last}")
    return seconds_to_ns(ctx, param, first), seconds_to_ns(ctx, param, last)


near_option = click.option("--near", callback=parse_point, metavar="X,Y,Z", help="Prefer or keep what is near, metres.")
as_of_option = click.option(
    "--as-of", type=float, callback=seconds_to_ns, metavar="T", help="Answer as of this time of the recording, seconds."
)
limit_option = click.option(
    "--limit", type=click.IntRange(1, 1000), default=10, show_default=True, metavar="N", help="List at most N things."
)


@click.command()
@memory_argument
@click.argument("question")
@as_of_option
@near_option
@limit_option
@as_json
def ask(
    memory_dir: Path,
    question: str,
    as_of: int | None,
    near: tuple[float, float, float] | None,
    limit: int,
    as_json: bool,
) -> None:
    """Answer a QUESTION in words from the memory at DIR.

    \b
    where is the mug?                 what is near the sofa?
    what is in the kitchen?           when did you last see the keys?
    how many chairs are there?        what changed in the last 10 minutes?
    """
    with open_memory(memory_dir) as memory:
        _show(memory.ask(question, as_of_ns=as_of, near=near, limit=limit), as_json)


@click.command()
@memory_argument
@click.option("--label", default="", help="Class name, e.g. mug.")
@click.option("--word", "words", multiple=True, help="Further word to match, e.g. red; may be repeated.")
@click.option("--room", default="", help="Room label or id.")
@near_option
@click.option("--within", type=click.FloatRange(min=0), metavar="METRES", help="Only this near to --near.")
@click.option(
    "--during",
    nargs=2,
    type=float,
    callback=during_to_ns,
    metavar="T0 T1",
    help="Only seen between these times of the recording, seconds.",
)
@as_of_option
@limit_option
@as_json
def recall(
    memory_dir: Path,
    label: str,
    words: tuple[str, ...],
    room: str,
    near: tuple[float, float, float] | None,
    within: float | None,
    during: tuple[int | None, int | None],
    as_of: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """Filter the memory at DIR by label, words, room, place and time: the structured form of ask."""
    if within is not None and near is None:
        raise click.UsageError("--within is a distance from --near X,Y,Z, which is missing")
    since, until = during
    question = Question(
        kind="recall",
        label=label,
        words=words,
        room=room,
        near=near,
        within_m=within,
        since_ns=since,
        until_ns=until,
        as_of_ns=as_of,
        limit=limit,
    )
    with open_memory(memory_dir) as memory:
        _show(memory.recall(question), as_json)


def _show(answer: Answer, as_json: bool) -> None:
    if as_json:
        print_json(answer.to_json())
        return
    click.echo(answer.text)
    for result in answer.results:
        x, y, z = result.position
        click.echo(f"  {result.id:>5}  {result.description or result.label:<32} ({x:6.2f}, {y:6.2f}, {z:5.2f}) m"
                   f"  {result.state:<10} {result.confidence:.2f}  {_evidence(result.evidence)}")  # fmt: skip
    for example in answer.examples:
        click.echo(f"  try: {example}")


def _evidence(evidence: tuple[object, ...]) -> str:
    snapshots = [str(getattr(item, "snapshot", "")) for item in evidence]
    return "seen in " + ", ".join(dict.fromkeys(name for name in snapshots if name)) if any(snapshots) else ""
