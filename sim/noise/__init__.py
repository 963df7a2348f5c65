# SPDX-License-Identifier: Apache-2.0
"""Imperfect sensors: depth noise, pose drift with loop closures and lost frames around any simulator or source."""

from sim.noise.depth_cameras import CAMERAS, structured_light, time_of_flight
from sim.noise.drift import LoopClosure, Odometry
from sim.noise.frames import DROPPED, NoisySource, described, is_lost, with_depth_noise
from sim.noise.simulator import NoisySimulator

__all__ = [
    "CAMERAS",
    "DROPPED",
    "LoopClosure",
    "NoisySimulator",
    "NoisySource",
    "Odometry",
    "described",
    "is_lost",
    "structured_light",
    "time_of_flight",
    "with_depth_noise",
]
