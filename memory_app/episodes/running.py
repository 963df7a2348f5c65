# SPDX-License-Identifier: Apache-2.0
"""Episodes of every kind, one after the other, each in a world begun anew. The same seed gives the same episodes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from memory_app.episodes import playing
from memory_app.episodes.report import Episode
from memory_app.episodes.world import World
from memory_core.errors import BadSettings
from memory_core.memory import Memory
from sim.settings import NoiseSettings

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class EpisodeSettings:
    """What to run.

    Attributes:
        scenes: one for each episode in turn; None is the simulator's own. "{seed}" in one becomes the episode's seed.
        seed: of the first episode; the next one has the next.
        radius_m: within which a goal of a search is reached.
        size: of the images, width and height in pixels; None is the simulator's own.
        options: of the simulator alone, as for sim.make.
        memory_dir: where to keep the memory of a single episode.
    """

    simulator: str = "house"
    kind: str = "explore"
    scenes: Sequence[str | None] = (None,)
    n_episodes: int = 1
    seed: int = 0
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    radius_m: float = 1.0
    size: tuple[int, int] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    memory_dir: Path | None = None


KINDS = (*playing.PLAYS, "fetch")


def run_episodes(settings: EpisodeSettings, progress: Progress | None = None) -> Iterator[Episode]:
    """Episodes as they end: scene after scene, each with memories of its own.

    In a search the memory of a scene is kept from one episode to the next, in all others each has its own.

    Raises:
        BadSettings: an unknown kind, or one that this simulator cannot do.
        BackendUnavailable, BadHouse: the simulator or the scene cannot be had.
    """
    if settings.kind not in KINDS:
        raise BadSettings(f"episodes: want one of {', '.join(KINDS)}, got {settings.kind!r}")
    together = settings.kind in ("search", "fetch")
    runs = _by_scene(settings) if together else [[world] for world in _worlds(settings)]
    n_done = 0
    for worlds in runs:
        for episode in _run(settings, worlds):
            n_done += 1
            if progress:
                progress(n_done, settings.n_episodes)
            yield episode


def _worlds(settings: EpisodeSettings) -> list[World]:
    worlds = []
    for n in range(settings.n_episodes):
        scene, seed = settings.scenes[n % len(settings.scenes)], settings.seed + n
        scene = scene.replace("{seed}", str(seed)) if scene else None
        worlds.append(
            World(settings.simulator, scene, seed, settings.noise, settings.radius_m, settings.size, settings.options)
        )
    return worlds


def _by_scene(settings: EpisodeSettings) -> list[list[World]]:
    scenes: dict[str | None, list[World]] = {}
    for world in _worlds(settings):
        scenes.setdefault(world.scene, []).append(world)
    return list(scenes.values())


def _run(settings: EpisodeSettings, worlds: Sequence[World]) -> Iterator[Episode]:
    """Episodes that share a memory."""
    with tempfile.TemporaryDirectory() as scratch, Memory.open(settings.memory_dir or Path(scratch) / "m") as memory:
        if settings.kind == "fetch":
            yield from playing.fetch(worlds[0], memory, len(worlds))
            return
        with worlds[0].begun() as watched:
            for world in worlds:
                yield playing.PLAYS[settings.kind](world, memory, watched)
