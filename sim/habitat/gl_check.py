# SPDX-License-Identifier: Apache-2.0
"""Draws one tiny depth image with habitat_sim; run as a process of its own, for habitat_sim ends it when it cannot."""

import sys

import habitat_sim


def draw(gpu_device_id: int) -> None:
    backend = habitat_sim.SimulatorConfiguration()
    backend.scene_id = "NONE"
    backend.gpu_device_id = gpu_device_id
    camera = habitat_sim.CameraSensorSpec()
    camera.uuid = "depth"
    camera.sensor_type = habitat_sim.SensorType.DEPTH
    camera.resolution = [8, 8]
    agent = habitat_sim.agent.AgentConfiguration()
    agent.sensor_specifications = [camera]
    simulator = habitat_sim.Simulator(habitat_sim.Configuration(backend, [agent]))
    simulator.get_sensor_observations()
    simulator.close()


if __name__ == "__main__":
    draw(int(sys.argv[1]))
