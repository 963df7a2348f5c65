# SPDX-License-Identifier: Apache-2.0
"""tolman build, tolman convert."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

import recordings
from mapping import MapperSettings
from memory_app.cli.common import (
    as_json,
    losses_of,
    open_source,
    print_json,
    progress_bar,
    source_argument,
    source_options,
)
from memory_app.pipeline import Pipeline
from memory_app.settings import PipelineSettings
from memory_core.config import load_settings, settings_from
from memory_core.memory import Memory


@click.command(epilog='Afterwards: tolman ask DIR "where is the mug?"')
@source_argument
@click.option("--memory", "directory", required=True, type=click.Path(path_type=Path), help="Directory of the memory.")
@click.option("--segmenter", type=click.Choice(["auto", "truth", "geometric"]), help="Who finds things in images.")
@click.option("--voxel-size", type=float, metavar="METRES", help="Edge of the octree's voxels. [default: 0.05]")
@click.option("--config", type=click.Path(path_type=Path), help="YAML with sections pipeline and mapper.")
@click.option("--same-map", is_flag=True, help="Add to a memory whose poses are in the same map frame.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Stop after N frames of the source.")
@source_options
@as_json
def build(
    source: str,
    directory: Path,
    segmenter: str | None,
    voxel_size: float | None,
    config: Path | None,
    same_map: bool,
    limit: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Replay SOURCE into the memory at DIR (made when new).

    SOURCE is a recording, or a tour of a simulated house: house, house:FILE#INDEX, house:generated#SEED or
    house:gen?rooms=5&seed=3&kind=flat|house|office&clutter=1, any part of which may be left out; see tolman --help.

    An interrupted build goes on where its last commit ended; a finished one is left as it is. The same recording
    always gives the same digest, whether it comes as a folder or as a bag.
    """
    pipeline = Pipeline(_pipeline_settings(config, segmenter), _mapper_settings(config, voxel_size))
    frames = open_source(source, **options)
    with Memory.open(directory) as memory, progress_bar(frames.name, quiet=as_json) as progress:
        report = pipeline.run(frames, memory, same_map=same_map, limit=limit, progress=progress)
        info = memory.info()
    losses = losses_of(frames)
    if as_json:
        stages = {name: round(seconds, 3) for name, seconds in report.stage_s.items()}
        rate = round(report.frames_per_s, 2)
        print_json({**asdict(report), "losses": losses, "stage_s": stages, "frames_per_s": rate, "info": info})
        return
    speed = f"{report.frames_per_s:.1f}/s" if report.frames > report.resumed_at else "nothing new"
    click.echo(
        f"{report.frames} frames ({speed}), {info['objects']} objects, "
        f"{info['rooms']} {'room' if info['rooms'] == 1 else 'rooms'}, "
        f"{info['bytes_on_disk'] / 1e6:.1f} MB at {directory}"
    )
    _tell(losses)


def _tell(losses: list[str]) -> None:
    for sentence in losses:
        click.echo(f"  {sentence}", err=True)


def _pipeline_settings(config: Path | None, segmenter: str | None) -> PipelineSettings:
    settings = load_settings(PipelineSettings, config, "pipeline") if config else PipelineSettings()
    return settings_from(PipelineSettings, {**asdict(settings), "segmenter": segmenter}) if segmenter else settings


def _mapper_settings(config: Path | None, voxel_size_m: float | None) -> MapperSettings:
    settings = load_settings(MapperSettings, config, "mapper") if config else MapperSettings()
    if voxel_size_m is None:
        return settings
    return settings_from(MapperSettings, {**asdict(settings), "voxel_size_m": voxel_size_m})


@click.command()
@source_argument
@click.argument("bag", type=click.Path(path_type=Path))
@click.option(
    "--storage", type=click.Choice(["mcap", "sqlite3"]), default="mcap", show_default=True, help="Bag format."
)
@source_options
@as_json
def convert(source: str, bag: Path, storage: str, as_json: bool, **options: Any) -> None:
    """Write SOURCE as a ROS 2 BAG (a folder): images, CameraInfo and tf.

    Nothing is lost: building from the bag gives the same memory, to the last bit, as building from SOURCE.
    """
    frames = open_source(source, **options)
    with progress_bar(frames.name, quiet=as_json) as progress:
        summary = recordings.write_bag(frames, bag, storage=storage, progress=progress)
    losses = losses_of(frames)
    if as_json:
        print_json({**asdict(summary), "drops": frames.drops, "losses": losses})
    else:
        click.echo(f"{bag}: {summary.frames} frames, {summary.bytes / 1e6:.1f} MB")
        _tell(losses)
