# SPDX-License-Identifier: Apache-2.0
"""What the commands share: options, sources, progress and JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from tqdm import tqdm

import recordings
import sim
from memory_core import FrameSource
from memory_core.config import settings_from
from memory_core.errors import NotAMemory
from memory_core.memory import Memory
from sim.noise import CAMERAS, NoisySource
from sim.settings import NoiseSettings

F = TypeVar("F", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
memory_argument = click.argument("memory_dir", metavar="DIR", type=click.Path(path_type=Path))
source_argument = click.argument("source")


def source_options(command: F) -> F:
    """Options that say how to read a source; they become the keyword arguments of `open_source`."""
    options = (
        click.option("--rgb-topic", help="Bag topic of the colour images; found by type when not given."),
        click.option("--depth-topic", help="Bag topic of the depth images."),
        click.option("--info-topic", help="Bag topic of the CameraInfo."),
        click.option("--pose-topic", help="Bag topic of an Odometry or PoseStamped, instead of tf."),
        click.option("--world-frame", help="tf frame that is the map. [default: map, else the root of the tree]"),
        click.option("--size", metavar="WxH", help="Image size of a house tour. [default: 320x240]"),
        click.option("--asset-database", type=click.Path(path_type=Path), help="ProcTHOR asset-database.json."),
        click.option(
            "--noise", type=click.Choice(sorted(CAMERAS)), help="Depth camera of a house tour. [default: perfect]"
        ),
        click.option(
            "--drift", type=float, metavar="SHARE", help="Error of a house tour's poses, e.g. 0.01 of the way."
        ),
        click.option("--drop", type=float, metavar="SHARE", help="Share of a house tour's frames that are lost."),
        click.option("--noise-seed", type=int, metavar="N", help="Seed of noise, drift and losses. [default: 0]"),
    )
    for option in reversed(options):
        command = option(command)
    return command


def open_source(spec: str, **options: Any) -> FrameSource:
    """The source that `spec` names, see `tolman --help`.

    Raises:
        BadSource, BadHouse: it is missing, torn or of an unknown kind.
    """
    size, assets = options.pop("size", None), options.pop("asset_database", None)
    given = {name: value for name, value in options.items() if value is not None}
    if spec == "house" or spec.startswith("house:"):
        noise = _noise(given)
        tour = sim.house_source(spec.removeprefix("house:"), **_house_options(size, assets, given))
        return tour if noise.is_perfect else NoisySource(tour, noise)
    if ".json" in Path(spec).name:
        raise click.UsageError(f"{spec}: a house is named house:{spec}")
    if size or assets or not _noise(given).is_perfect:
        raise click.UsageError("--size, --asset-database, --noise, --drift and --drop are for house tours")
    return recordings.open_source(spec, **given)


def _noise(given: dict[str, Any]) -> NoiseSettings:
    """Takes the options about noise out of `given`."""
    names = {"noise": "depth_camera", "drift": "drift", "drop": "drop", "noise_seed": "noise_seed"}
    return settings_from(NoiseSettings, {names[name]: given.pop(name) for name in names if name in given})


def _house_options(size: str | None, assets: Path | None, given: dict[str, Any]) -> dict[str, Any]:
    if given:
        raise click.UsageError(f"{', '.join(given)}: these are for bags, not for house tours")
    options: dict[str, Any] = {"asset_database": assets} if assets else {}
    if size:
        options["width"], options["height"] = size_of(size)
    return options


def size_of(text: str) -> tuple[int, int]:
    """Width and height of "WIDTHxHEIGHT", pixels.

    Raises:
        UsageError: it is something else.
    """
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise click.UsageError(f"--size: want WIDTHxHEIGHT such as 640x480, got {text!r}") from None
    return width, height


def losses_of(source: FrameSource) -> list[str]:
    """One sentence for each way in which inputs of `source` were lost, with how many; complete once it was read."""
    told = {reason: text for reason, _, text in (line.partition(": ") for line in source.warnings)}
    counted = [
        f"dropped {n}: {reason}" + (f", first {told[reason]}" if told.get(reason) else "")
        for reason, n in source.drops.items()
    ]
    return counted + [line for line in source.warnings if line.partition(": ")[0] not in source.drops]


def open_memory(directory: Path) -> Memory:
    """An existing memory, for reading."""
    if not directory.exists():
        raise NotAMemory(f"{directory}: there is no memory here; tolman build SOURCE --memory {directory} makes one")
    return Memory.open(directory, create=False, read_only=True)


def print_json(value: Any) -> None:
    """One JSON object on standard output; paths become text."""
    json.dump(value, sys.stdout, indent=2, allow_nan=False, default=os.fspath)
    sys.stdout.write("\n")


@contextmanager
def progress_bar(
    label: str, *, quiet: bool = False, unit: str = "frame"
) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on standard error, a line when that is no terminal; the function takes (done, all or None)."""
    if not quiet and not sys.stderr.isatty():
        click.echo(f"{label} ...", err=True)
    with tqdm(desc=label, unit=unit, file=sys.stderr, disable=quiet or None, mininterval=0.2) as bar:

        def show(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
