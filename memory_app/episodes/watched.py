# SPDX-License-Identifier: Apache-2.0
"""A simulator with a witness: passes everything on, and counts what was to be seen and where the robot truly went."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from memory_core.frame import CameraFrame
from sim import Action, AgentPose, Simulator, StepResult
from sim.scores import Witness


class Watched:
    """For evaluation only: the robot gets the simulator's frames, the witness keeps the truth about them.

    Attributes:
        path: (x, y) points truly passed, the start first, metres.
    """

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.begin()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.simulator, name)

    def begin(self) -> None:
        """A new episode: path, count and witness begin here."""
        self.witness = Witness()
        self.n_actions = 0
        self.path = [self._place()]
        self._note(self.simulator.observe())

    def step(self, action: Action) -> StepResult:
        result = self.simulator.step(action)
        self.n_actions += 1
        here = self._place()
        if here != self.path[-1]:
            self.path.append(here)
        self._note(result.frame)
        return result

    @property
    def true_pose(self) -> AgentPose:
        """Where the robot truly is, whatever it believes."""
        perfect: Simulator = getattr(self.simulator, "simulator", self.simulator)
        return perfect.agent_pose

    @property
    def walked_m(self) -> float:
        return sum(math.dist(a, b) for a, b in pairwise(self.path))

    def _place(self) -> tuple[float, float]:
        return (self.true_pose.x, self.true_pose.y)

    def _note(self, frame: CameraFrame) -> None:
        if frame.instance_ids is not None:
            self.witness.see(frame)
