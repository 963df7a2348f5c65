# SPDX-License-Identifier: Apache-2.0
"""The simulator itself."""

import os
import sys

import numpy as np

from habitat_sim.agent import Agent
from habitat_sim.configuration import NavMeshSettings, SensorType
from habitat_sim.files import load
from habitat_sim.pathfinder import PathFinder
from habitat_sim.physics import MotionType, Quaternion, RigidObjectManager, matrix
from habitat_sim.semantic import SemanticScene


class Simulator:
    __slots__ = ("_agent", "_manager", "_rigid", "_specs", "_stage", "pathfinder", "semantic_scene")

    def __init__(self, configuration):
        backend, agent = configuration.sim_cfg, configuration.agents[0]
        if backend.gpu_device_id >= 0:
            print(
                f"unable to find CUDA device {backend.gpu_device_id} among 0 EGL devices", file=sys.stderr, flush=True
            )
            os._exit(1)
        self._specs, self._agent, self.pathfinder = agent.sensor_specifications, Agent(agent), PathFinder()
        self._stage, self._rigid, self.semantic_scene = None, [], None
        if backend.scene_id != "NONE":
            self._stage, self._rigid = load(backend.scene_id, backend.scene_dataset_config_file)
            self.semantic_scene = SemanticScene(self._stage) if self._stage.annotated else None
            wanted = NavMeshSettings()
            wanted.agent_radius, wanted.agent_height = agent.radius, agent.height
            self.recompute_navmesh(self.pathfinder, wanted)
        self._manager = RigidObjectManager(self._rigid)

    def get_agent(self, agent_id):
        return [self._agent][agent_id]

    def get_rigid_object_manager(self):
        return self._manager

    def recompute_navmesh(self, pathfinder, navmesh_settings):
        assert self._stage is not None, "there is no scene"
        static = [thing._placed() for thing in self._rigid if thing.motion_type is MotionType.STATIC]
        added = static if navmesh_settings.include_static_objects else []
        triangles = np.concatenate([self._stage.mesh[0], *added])
        pathfinder._compute(triangles, navmesh_settings.agent_radius, navmesh_settings.agent_height)
        return True

    def get_sensor_observations(self):
        return {spec.uuid: self._observe(spec) for spec in self._specs}

    def close(self, destroy=True):
        self._stage = self._agent = self._manager = None

    def _observe(self, spec):
        height, width = spec.resolution
        empty = {
            SensorType.COLOR: np.zeros((height, width, 4), np.uint8),
            SensorType.DEPTH: np.zeros((height, width), np.float32),
            SensorType.SEMANTIC: np.zeros((height, width), np.uint32),
        }[spec.sensor_type]
        semantic = spec.sensor_type is SensorType.SEMANTIC
        if self._stage is None:
            return empty
        triangles, values = self._drawn(semantic=semantic)
        inverse, face = self._rasterised(spec, triangles)
        seen = face >= 0
        if spec.sensor_type is SensorType.DEPTH:
            empty[seen] = 1 / inverse[seen]
        elif semantic:
            empty[seen] = values[face[seen]]
        else:
            empty[..., 3] = 255
            empty[seen, :3] = values[face[seen]]
        return empty

    def _drawn(self, *, semantic):
        """Triangles in the world, and colours or ids."""
        if not semantic:
            meshes = [self._stage.mesh, *((thing._placed(), thing._colours) for thing in self._rigid)]
        else:
            ids = [(thing._placed(), np.full(len(thing._triangles), thing.semantic_id)) for thing in self._rigid]
            meshes = [*self._annotated(), *ids]
        return np.concatenate([m[0] for m in meshes]), np.concatenate([m[1] for m in meshes])

    def _annotated(self):
        if self._stage.semantic is None:
            return [(self._stage.mesh[0], np.zeros(len(self._stage.mesh[0]), int))]
        triangles, colours = self._stage.semantic
        packed = colours[:, 0] << 16 | colours[:, 1] << 8 | colours[:, 2]
        names, inverse = np.unique(packed, return_inverse=True)
        numbers = np.array([self._stage.annotated.get(int(name), (0,))[0] for name in names])
        return [(triangles, numbers[inverse.ravel()])]

    def _rasterised(self, spec, triangles):
        """OpenGL's camera: x right, y up, -z forward; its image's rows go down. Back faces are not drawn."""
        from sim.house.raster import rasterise

        height, width = spec.resolution
        position, q = self._agent._sensors[spec.uuid]
        R = np.ascontiguousarray(np.diag([1.0, -1, -1]) @ matrix(Quaternion(q.w, q.x, q.y, q.z)).T)
        focal = width / 2 / np.tan(np.radians(spec.hfov) / 2)
        K = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
        normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        inverse, face = np.zeros((height, width), np.float32), np.zeros((height, width), np.int32)
        flags = np.zeros(len(triangles), bool)
        corners = np.ascontiguousarray(triangles[:, [0, 1, 2, 2]])
        rasterise(corners, normals, flags, ~flags, R, -R @ position.astype(np.float64), K, inverse, face)
        return inverse, face
