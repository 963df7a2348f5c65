# SPDX-License-Identifier: Apache-2.0
"""One running habitat_sim: its configuration, its cameras, its navigation mesh. Nothing else calls its constructors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BackendUnavailable, BadHouse
from memory_core.geometry import Vec
from sim.frames import habitat_from_ros, habitat_rotation, ros_from_habitat
from sim.habitat.probe import require_habitat
from sim.habitat.settings import HabitatSettings
from sim.settings import SimSettings

_CAMERAS = {"rgb": "COLOR", "depth": "DEPTH", "semantic": "SEMANTIC"}
_DATASET_FILE = ".scene_dataset_config.json"


class Connection:
    """A scene that is loaded, and one robot with three cameras at the same place in it.

    Positions are metres in the map frame; here they are turned into Habitat's.
    """

    def __init__(self, scene: str | Path | None, settings: SimSettings, habitat: HabitatSettings) -> None:
        """
        Args:
            scene: a file, the name of a scene of the data set of the settings, or DATASET#SCENE.

        Raises:
            BackendUnavailable: habitat_sim is not here, cannot draw, or cannot load the scene.
            BadHouse: a file is missing.
        """
        self.scene, dataset = _scene_and_dataset(scene, habitat.dataset)
        for file in filter(None, (dataset, habitat.navmesh)):
            _require_file(file)
        require_habitat(habitat.gpu_device_id, habitat.probe_timeout_s)
        self._settings, self._habitat = settings, replace(habitat, dataset=dataset)
        self._library, self._simulator = _start(self.scene, settings, self._habitat)
        self._agent = self._simulator.get_agent(0)
        self.rigid_objects = _rigid_objects(self._simulator)
        self._make_walkable()

    def images(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """colour (H, W, 4), depth (H, W) and semantic ids (H, W) as Habitat gives them."""
        seen = self._simulator.get_sensor_observations()
        return np.asarray(seen["rgb"]), np.asarray(seen["depth"]), np.asarray(seen["semantic"])

    def stand(self, position: Vec, yaw_rad: float, horizon_rad: float) -> None:
        """Put the robot at a point (3,) of the floor, facing a heading, its cameras tilted down by an angle."""
        pose = self._library.agent
        at = habitat_from_ros(position)
        state = pose.AgentState()
        state.position, state.rotation = at, habitat_rotation(yaw_rad).tolist()
        eye = at + np.array([0.0, self._settings.camera_height_m, 0.0])
        for name in _CAMERAS:
            camera = pose.SixDOFPose()
            camera.position, camera.rotation = eye, habitat_rotation(yaw_rad, horizon_rad).tolist()
            state.sensor_states[name] = camera
        self._agent.set_state(state, infer_sensor_states=False)

    def camera(self) -> tuple[Vec, Vec]:
        """Where the camera really is, in Habitat's world: position (3,) and quaternion (x, y, z, w)."""
        state = self._agent.get_state().sensor_states["depth"]
        turned = state.rotation
        return np.asarray(state.position, np.float64), np.array([turned.x, turned.y, turned.z, turned.w], np.float64)

    def can_stand(self, position: Vec) -> bool:
        """Whether the navigation mesh lies under a point (3,)."""
        return bool(self._paths.is_navigable(_floats32(habitat_from_ros(position))))

    def snapped(self, position: Vec) -> Vec:
        """(3,) the nearest point of the navigation mesh; NaN when there is none."""
        return ros_from_habitat(np.asarray(self._paths.snap_point(_floats32(habitat_from_ros(position))), np.float64))

    def walked(self, start: Vec, end: Vec) -> Vec:
        """(3,) how far one gets on the straight way from a point to another without sliding along walls."""
        ends = (_floats32(habitat_from_ros(start)), _floats32(habitat_from_ros(end)))
        return ros_from_habitat(np.asarray(self._paths.try_step_no_sliding(*ends), np.float64))

    def start(self, seed: int) -> Vec:
        """(3,) a point to begin at, the same for the same seed."""
        self._paths.seed(seed)
        point = ros_from_habitat(np.asarray(self._paths.get_random_navigable_point(), np.float64))
        if not np.isfinite(point).all():
            raise BackendUnavailable(f"Habitat's navigation mesh of {self.scene} has no room for this robot")
        return point

    def semantic_objects(self) -> list[Any]:
        """Habitat's semantic objects; none for a scene without."""
        scene = self._simulator.semantic_scene
        return [thing for thing in (scene.objects if scene is not None else None) or () if thing is not None]

    def close(self) -> None:
        self._simulator.close()

    @property
    def _paths(self) -> Any:
        return self._simulator.pathfinder

    def _make_walkable(self) -> None:
        """Load a navigation mesh, or compute one in which rigid objects are obstacles too."""
        if self._habitat.navmesh:
            if not self._paths.load_nav_mesh(self._habitat.navmesh):
                raise BackendUnavailable(f"Habitat cannot load the navigation mesh {self._habitat.navmesh}")
        elif self.rigid_objects or not self._paths.is_loaded:
            self._compute_navmesh()
        if not self._paths.is_loaded:
            raise BackendUnavailable(
                f"Habitat has no navigation mesh for {self.scene} and computes none, so nothing would stop the robot; "
                "name one with navmesh="
            )

    def _compute_navmesh(self) -> None:
        wanted = self._library.NavMeshSettings()
        wanted.set_defaults()
        wanted.agent_radius, wanted.agent_height = self._habitat.agent_radius_m, self._habitat.agent_height_m
        wanted.include_static_objects = True
        self._set_motion("STATIC")
        self._simulator.recompute_navmesh(self._paths, wanted)
        self._set_motion("KINEMATIC")

    def _set_motion(self, kind: str) -> None:
        for thing in self.rigid_objects:
            thing.motion_type = getattr(self._library.physics.MotionType, kind)


def _scene_and_dataset(scene: str | Path | None, dataset: str) -> tuple[str, str]:
    """What to load, of which data set ("" for none)."""
    if scene is None:
        raise BadHouse("habitat: want scene=FILE.glb, or dataset=CONFIG and scene=a scene of it, got none")
    config, mark, name = str(scene).rpartition("#")
    if mark and config.endswith(_DATASET_FILE):
        return name, config
    if not dataset:
        _require_file(str(scene))
    return str(scene), dataset


def _start(scene: str, settings: SimSettings, habitat: HabitatSettings) -> tuple[Any, Any]:
    """The library and its simulator of a scene."""
    os.environ.setdefault("HABITAT_SIM_LOG", "quiet")
    os.environ.setdefault("MAGNUM_LOG", "quiet")
    try:
        import habitat_sim as library

        backend = _backend_configuration(library, scene, settings, habitat)
        agent = library.agent.AgentConfiguration()
        agent.height, agent.radius = habitat.agent_height_m, habitat.agent_radius_m
        agent.sensor_specifications = [_camera(library, name, settings) for name in _CAMERAS]
        return library, library.Simulator(library.Configuration(backend, [agent]))
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or "no reason given"
        raise BackendUnavailable(f"Habitat cannot load {scene}: {type(error).__name__}: {reason}") from error


def _backend_configuration(library: Any, scene: str, settings: SimSettings, habitat: HabitatSettings) -> Any:
    backend = library.SimulatorConfiguration()
    backend.scene_id = scene
    if habitat.dataset:
        backend.scene_dataset_config_file = habitat.dataset
    backend.gpu_device_id = habitat.gpu_device_id
    backend.enable_physics = habitat.physics
    backend.load_semantic_mesh = True
    backend.random_seed = settings.seed
    backend.allow_sliding = False
    return backend


def _camera(library: Any, name: str, settings: SimSettings) -> Any:
    spec = library.CameraSensorSpec()
    spec.uuid = name
    spec.sensor_type = getattr(library.SensorType, _CAMERAS[name])
    spec.resolution = [settings.height, settings.width]
    spec.hfov = float(settings.hfov_deg)
    spec.position = [0.0, float(settings.camera_height_m), 0.0]
    spec.orientation = [0.0, 0.0, 0.0]
    return spec


def _rigid_objects(simulator: Any) -> Sequence[Any]:
    """What can be moved, by handle."""
    manager = simulator.get_rigid_object_manager()
    return [manager.get_object_by_handle(handle) for handle in sorted(manager.get_object_handles())]


def _floats32(point: Vec) -> NDArray[np.float32]:
    """The binding takes single precision only."""
    return np.asarray(point, np.float32)


def _require_file(path: str) -> None:
    if not Path(path).is_file():
        raise BadHouse(f"{path}: no such file")
