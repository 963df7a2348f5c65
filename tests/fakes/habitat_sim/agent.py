# SPDX-License-Identifier: Apache-2.0
"""The agent and where it is."""

import numpy as np

from habitat_sim.physics import Quaternion, matrix
from habitat_sim.strict import floats


class quaternion:  # noqa: N801 (the name of the type of numpy-quaternion)
    __slots__ = ("w", "x", "y", "z")

    def __init__(self, w, x, y, z):
        self.w, self.x, self.y, self.z = (float(np.float32(value)) for value in (w, x, y, z))


class AgentConfiguration:
    __slots__ = ("height", "radius", "sensor_specifications")

    def __init__(self):
        self.height, self.radius, self.sensor_specifications = 1.5, 0.1, []


class SixDOFPose:
    __slots__ = ("position", "rotation")

    def __init__(self, position=None, rotation=None):
        self.position = np.zeros(3) if position is None else position
        self.rotation = quaternion(1, 0, 0, 0) if rotation is None else rotation


class AgentState:
    __slots__ = ("position", "rotation", "sensor_states")

    def __init__(self, position=None, rotation=None):
        self.position = np.zeros(3) if position is None else position
        self.rotation = quaternion(1, 0, 0, 0) if rotation is None else rotation
        self.sensor_states = {}


class Agent:
    __slots__ = ("_sensors", "_specs", "_state")

    def __init__(self, configuration):
        self._specs = {spec.uuid: spec for spec in configuration.sensor_specifications}
        self._state = (np.zeros(3, np.float32), quaternion(1, 0, 0, 0))
        self._sensors = {}
        self.set_state(AgentState())

    def get_state(self):
        state = AgentState(self._state[0].copy(), self._state[1])
        state.sensor_states = {name: SixDOFPose(p.copy(), q) for name, (p, q) in self._sensors.items()}
        return state

    def set_state(self, state, reset_sensors=True, infer_sensor_states=True, is_initial=False):
        at, turned = floats(state.position), _rotation(state.rotation)
        self._state = (at, turned)
        R = matrix(Quaternion(turned.w, turned.x, turned.y, turned.z))
        if reset_sensors:
            self._sensors = {
                name: ((at + R @ spec.position).astype(np.float32), turned) for name, spec in self._specs.items()
            }
        if not infer_sensor_states:
            for name, pose in state.sensor_states.items():
                assert name in self._specs
                self._sensors[name] = (floats(pose.position), _rotation(pose.rotation))


def _rotation(given):
    """Lists are x, y, z, w."""
    if isinstance(given, (list, np.ndarray)):
        x, y, z, w = given
        given = quaternion(w, x, y, z)
    if not np.isclose(given.w**2 + given.x**2 + given.y**2 + given.z**2, 1):
        raise ValueError("rotation: want a unit quaternion")
    return given
