# SPDX-License-Identifier: Apache-2.0
"""A stand-in for habitat_sim: as strict as the real one, drawing with the embedded house's rasteriser.

It reads the same files and lives in Habitat's own frame throughout, so that a sign that is wrong on our side cannot be
wrong here too. It has only the names that our adapter uses; see habitat_names.json.
"""

from habitat_sim import agent, physics
from habitat_sim.configuration import (
    CameraSensorSpec,
    Configuration,
    NavMeshSettings,
    SensorType,
    SimulatorConfiguration,
)
from habitat_sim.simulator import Simulator

__all__ = [
    "CameraSensorSpec",
    "Configuration",
    "NavMeshSettings",
    "SensorType",
    "Simulator",
    "SimulatorConfiguration",
    "agent",
    "physics",
]
