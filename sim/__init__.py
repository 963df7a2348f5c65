# SPDX-License-Identifier: Apache-2.0
"""Simulators as sources of frames and sinks of actions, with the truth to score against."""

from sim.house.backend import HouseSimulator
from sim.house.changes import Change, Changed
from sim.house.source import HouseTour, house_source
from sim.making import make
from sim.noise import NoisySimulator, NoisySource
from sim.settings import NoiseSettings, SimSettings
from sim.types import Action, AgentPose, SimObject, SimRoom, Simulator, StepResult

__all__ = [
    "Action",
    "AgentPose",
    "Change",
    "Changed",
    "HouseSimulator",
    "HouseTour",
    "NoiseSettings",
    "NoisySimulator",
    "NoisySource",
    "SimObject",
    "SimRoom",
    "SimSettings",
    "Simulator",
    "StepResult",
    "house_source",
    "make",
]
