# SPDX-License-Identifier: Apache-2.0
"""tolman sim."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import click
import yaml

from memory_app.cli.common import as_json, print_json, progress_bar, size_of
from memory_app.cli.generate import generate
from memory_app.episodes import KINDS, EpisodeSettings, Report, run_episodes
from memory_core.config import settings_from
from sim import NoiseSettings
from sim.making import SIMULATORS
from sim.noise import CAMERAS

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_SCENE = (
    'What to load; give several and the episodes take turns. house: "house", FILE or FILE#INDEX of ProcTHOR, or '
    '"gen?rooms=5&seed={seed}", where {seed} becomes the seed of the episode. ai2thor: FloorPlan1 or a ProcTHOR file. '
    "habitat: a scene file. [default: the simulator's own]"
)


@click.group()
def sim() -> None:
    """Closed-loop episodes in a simulator, judged by its truth; and houses to hold them in."""


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--scene", "scenes", multiple=True, metavar="SCENE", help=_SCENE)
@click.option("--episodes", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Episodes to run.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the first; the next has the next."
)
@click.option("--noise", type=click.Choice(sorted(CAMERAS)), help="Depth camera. [default: perfect]")
@click.option("--drift", type=float, default=0.0, metavar="SHARE", help="Error of the poses, e.g. 0.01 of the way.")
@click.option("--drop", type=float, default=0.0, metavar="SHARE", help="Share of the frames that are lost.")
@click.option(
    "--radius", "radius_m", type=float, default=1.0, show_default=True, help="Metres within which a goal counts."
)
@click.option("--size", metavar="WxH", help="Size of the images. [default: 320x240]")
@click.option("--option", "given", multiple=True, metavar="NAME=VALUE", help="A setting of the simulator alone.")
@click.option("--memory", "memory_dir", type=click.Path(path_type=Path), help="Keep the memory here; for one episode.")
@as_json
def _episodes(
    simulator: str, kind: str, scenes: tuple[str, ...], noise: str | None, drift: float, drop: float,
    size: str | None, given: tuple[str, ...], memory_dir: Path | None, as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Closed-loop episodes in this simulator, judged by its truth.

    \b
    explore  see all there is to see by frontiers of the robot's own map
    tour     a tour past all of the floor; how good the memory of it is
    day      tour, a day on which people change things, tour: are the changes told? (house)
    search   find a kind of thing: success and SPL
    fetch    go-to, find and pick-and-place tasks after a tour (house)

    The same seed gives the same episodes.
    """
    if memory_dir is not None and options["episodes"] > 1:
        raise click.UsageError("--memory is for one episode: each has a memory of its own")
    settings = EpisodeSettings(
        simulator, kind, scenes or (None,), options["episodes"], options["seed"],
        settings_from(NoiseSettings, {"depth_camera": noise or "perfect", "drift": drift, "drop": drop}),
        options["radius_m"], size_of(size) if size else None, _options(given), memory_dir,
    )  # fmt: skip
    done = []
    with progress_bar(f"{simulator} {kind}", quiet=as_json, unit="episode") as show:
        for episode in run_episodes(settings, show):
            done.append(episode)
            if not as_json:
                click.echo(episode.line())
    report = Report(simulator, kind, done)
    if as_json:
        print_json(report.to_json())
    else:
        click.echo(report.summary())


_run = cast(Callable[..., None], _episodes.callback)
for _name in SIMULATORS:
    sim.add_command(
        click.Command(
            _name, callback=partial(_run, _name), params=_episodes.params, help=_episodes.help,
            short_help=f"Episodes in {_name}.",
        )
    )  # fmt: skip
sim.add_command(generate)


def _options(given: tuple[str, ...]) -> dict[str, Any]:
    """Settings from NAME=VALUE, numbers as numbers."""
    options: dict[str, Any] = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator:
            raise click.UsageError(f"--option: want NAME=VALUE, got {text!r}")
        options[name] = yaml.safe_load(value) if _NUMBER.fullmatch(value) else value
    return options
