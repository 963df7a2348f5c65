# SPDX-License-Identifier: Apache-2.0
"""Configurations."""

import enum
from typing import ClassVar

from habitat_sim.strict import Strict


class SensorType(enum.Enum):
    COLOR = 1
    DEPTH = 2
    SEMANTIC = 3


class SimulatorConfiguration(Strict):
    _defaults: ClassVar = {
        "scene_id": "",
        "scene_dataset_config_file": "default",
        "gpu_device_id": 0,
        "enable_physics": False,
        "load_semantic_mesh": False,
        "random_seed": 0,
        "allow_sliding": True,
    }


class CameraSensorSpec(Strict):
    _defaults: ClassVar = {
        "uuid": "",
        "sensor_type": SensorType.COLOR,
        "resolution": [84, 84],
        "hfov": 90.0,
        "position": [0.0, 1.5, 0.0],
        "orientation": [0.0, 0.0, 0.0],
    }


class NavMeshSettings(Strict):
    _defaults: ClassVar = {"agent_height": 1.5, "agent_radius": 0.1, "include_static_objects": False}

    def set_defaults(self):
        self.__init__()


class Configuration:
    __slots__ = ("agents", "sim_cfg")

    def __init__(self, sim_cfg, agents):
        if not agents:
            raise RuntimeError("Config has no agents specified.  Must specify at least 1 agent")
        self.sim_cfg, self.agents = sim_cfg, agents
