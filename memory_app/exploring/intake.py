# SPDX-License-Identifier: Apache-2.0
"""Frames of a simulated robot into a session of its memory, as its odometry errs and finds back."""

from __future__ import annotations

from collections.abc import Callable

from mapping.pose_graph import CorrectedPoses, PoseRefused
from memory_app.pipeline import Session
from memory_core.frame import CameraFrame
from memory_core.memory import Memory
from sim import Simulator
from sim.noise import LoopClosure


class Intake:
    """One uninterrupted run of a robot.

    Attributes:
        n_corrections: how often the map was corrected.
    """

    def __init__(self, sim: Simulator, memory: Memory) -> None:
        """
        Raises:
            BadSettings, BadSource: the memory cannot go on with this.
        """
        self.session = Session(memory, sim.observe())
        self.n_corrections = 0
        self._take_closure: Callable[[], LoopClosure | None] = getattr(sim, "take_closure", lambda: None)

    def take(self, frame: CameraFrame) -> None:
        """Add a frame; what the odometry corrects by it is corrected before. A frame that jumps is left out.

        O(pixels), with a correction also O(trajectory + map).
        """
        closure = self._take_closure()
        if closure is not None:
            self.session.flush()
            poses = CorrectedPoses(closure.stamps_ns, closure.poses, self.session.id)
            self.session.mapper.correct(poses, source_follows=True)
            self.n_corrections += 1
        try:
            self.session.add(frame)
        except PoseRefused:
            self.session.skip()
