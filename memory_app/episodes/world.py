# SPDX-License-Identifier: Apache-2.0
"""Where an episode takes place: a simulator with its noise, a witness, and a robot put somewhere by the seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import sim
from memory_app.episodes.watched import Watched
from sim import Action, AgentPose, NoiseSettings, NoisySimulator, Simulator


@dataclass(frozen=True, slots=True)
class World:
    """How to begin an episode.

    Attributes:
        scene: None is the simulator's own.
        seed: where the robot stands at first, what is asked of it, and the noise.
        radius_m: within which a goal is reached.
        size: of the images, width and height in pixels; None is the simulator's own.
        options: of the simulator alone, as for sim.make.
    """

    simulator: str
    scene: str | None
    seed: int
    noise: NoiseSettings
    radius_m: float
    size: tuple[int, int] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Short name of the scene."""
        return Path(self.scene).name if self.scene else f"own {self.simulator}"

    def rng(self, purpose: int) -> np.random.Generator:
        """Random numbers of their own for each purpose."""
        return np.random.default_rng([self.seed, purpose])

    @contextmanager
    def begun(self) -> Iterator[Watched]:
        """The world from its beginning, the robot at a random point of the floor, facing anywhere; closed in the end.

        Raises:
            BackendUnavailable, BadHouse: the simulator or the scene cannot be had.
        """
        width, height = self.size or (None, None)
        perfect: Simulator = sim.make(self.simulator, scene=self.scene, width=width, height=height, **self.options)
        try:
            self._put_somewhere(perfect)
            noise = replace(self.noise, noise_seed=self.noise.noise_seed + self.seed)
            yield Watched(perfect if noise.is_perfect else NoisySimulator(perfect, noise))
        finally:
            perfect.close()

    def _put_somewhere(self, simulator: Simulator) -> None:
        points = np.asarray(simulator.reachable(), np.float64)
        rng = self.rng(0)
        x, y = points[rng.integers(len(points))].tolist()
        simulator.step(Action("Teleport", pose=AgentPose(x=x, y=y, yaw_rad=float(rng.uniform(-np.pi, np.pi)))))
