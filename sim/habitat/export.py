# SPDX-License-Identifier: Apache-2.0
"""An embedded house as a scene dataset for Habitat, annotated as HM3D is, with the house's own numbers as ids."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memory_core.geometry import Vec, quaternion_from_matrix
from sim.frames import R_ROS_HABITAT, habitat_from_ros
from sim.habitat.glb import write_glb
from sim.house.scene import Body
from sim.house.world import World

_UP = {"up": [0.0, 1.0, 0.0], "front": [0.0, 0.0, -1.0]}
_SHUFFLE = 0x9E3779  # odd, so that numbers below 2^24 get colours that differ, and neighbours differ much


@dataclass(frozen=True, slots=True)
class ExportedHouse:
    """Files of a house: `stage` can be loaded alone, `scene` is the name of the scene in `dataset`."""

    stage: Path
    dataset: Path
    scene: str


def export_house(world: World, folder: Path, name: str = "house", *, movable_apart: bool = False) -> ExportedHouse:
    """Write a house as it is now. What is not drawn, such as open doors, is left out.

    Args:
        movable_apart: what can be picked up becomes a rigid object of the scene, in no stage, and can be moved.
    """
    apart = {t.body.number for t in world.things.values() if movable_apart and t.type.pickupable and not t.held}
    for part in ("stages", "objects", "scenes"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    fixed = [body for body in world.scene.bodies if body.number not in apart and _shown(world, body).any()]
    stage = _write_stage(world, fixed, folder / "stages" / name)
    rigid = [_write_object(world, body, folder / "objects") for body in world.scene.bodies if body.number in apart]
    instance = {
        "stage_instance": {"template_name": f"stages/{name}"},
        "default_lighting": "no_lights",
        "object_instances": rigid,
    }
    _write_json(folder / "scenes" / f"{name}.scene_instance.json", instance)
    dataset = folder / f"{name}.scene_dataset_config.json"
    parts = {"stages": "stages", "objects": "objects", "scene_instances": "scenes"}
    _write_json(dataset, {key: {"paths": {".json": [part]}} for key, part in parts.items()})
    return ExportedHouse(stage, dataset, name)


def semantic_colour(number: int) -> tuple[int, int, int]:
    """The colour that stands for an id, 1 <= id < 2^24, in semantic files; no two ids have the same."""
    mixed = number * _SHUFFLE % 2**24
    return mixed >> 16, mixed >> 8 & 255, mixed & 255


def _write_stage(world: World, bodies: Sequence[Body], path: Path) -> Path:
    triangles = [_triangles(world, body) for body in bodies]
    rows = [_colours(world, body) for body in bodies]
    marks = [np.full((len(t), 3), semantic_colour(b.number)) for b, t in zip(bodies, triangles, strict=True)]
    write_glb(path.with_suffix(".glb"), np.concatenate(triangles), _linear(np.concatenate(rows)))
    write_glb(path.with_suffix(".semantic.glb"), np.concatenate(triangles), _linear(np.concatenate(marks)))
    rooms = {room_id: index for index, room_id in enumerate(world.rooms)}
    lines = ["HM3D Semantic Annotations"]
    for body in bodies:
        red, green, blue = semantic_colour(body.number)
        region = rooms.get(body.room_id, len(rooms))
        lines.append(f'{body.number},{red:02X}{green:02X}{blue:02X},"{body.label}",{region}')
    path.with_suffix(".semantic.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    described = {
        "render_asset": f"{path.name}.glb",
        "semantic_asset": f"{path.name}.semantic.glb",
        "semantic_descriptor_filename": f"{path.name}.semantic.txt",
        "semantic_up": _UP["up"],
        "semantic_front": _UP["front"],
    }
    config = path.with_suffix(".stage_config.json")
    _write_json(config, _UP | described)
    return config


def _write_object(world: World, body: Body, folder: Path) -> dict[str, Any]:
    """Write the mesh of a body around its middle; gives its instance for the scene."""
    name = f"{body.label.replace(' ', '_')}_{body.number}"
    T, corners = body.T_world_body, body.faces.reshape(-1, 3)
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    own = (_triangles(world, body) - habitat_from_ros(T[:3, :3] @ middle + T[:3, 3])) @ _rotation(T)
    write_glb(folder / f"{name}.glb", own, _linear(_colours(world, body)))
    described = {"render_asset": f"{name}.glb", "semantic_id": body.number, "mass": 0.2, "COM": [0.0, 0.0, 0.0]}
    _write_json(folder / f"{name}.object_config.json", _UP | described)
    x, y, z, w = quaternion_from_matrix(_rotation(T)).tolist()
    return {
        "template_name": f"objects/{name}",
        "motion_type": "KINEMATIC",
        "translation": habitat_from_ros(T[:3, :3] @ middle + T[:3, 3]).tolist(),
        "rotation": [w, x, y, z],
        "translation_origin": "COM",
    }


def _rotation(T_world_body: Vec) -> Vec:
    """(3, 3) in Habitat's world of a body turned in the map frame."""
    return np.asarray(R_ROS_HABITAT.T @ T_world_body[:3, :3] @ R_ROS_HABITAT)


def _shown(world: World, body: Body) -> Any:
    return world.scene.arrays.shown[world.scene.faces_of(body)]


def _triangles(world: World, body: Body) -> Vec:
    """(N, 3, 3) in Habitat's world; walls, which have no thickness, once for each side."""
    faces = world.scene.faces_of(body)
    a = world.scene.arrays
    quads = a.corners[faces][a.shown[faces]]
    both = a.two_sided[faces][a.shown[faces]]
    quads = np.concatenate([quads, quads[both][:, ::-1]])
    triangles = habitat_from_ros(np.stack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]], axis=1).reshape(-1, 3, 3))
    areas = np.linalg.norm(np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]), axis=1)
    return np.asarray(triangles[areas > 0])


def _colours(world: World, body: Body) -> Vec:
    """(N, 3) 0..255, one for each triangle of `_triangles`."""
    colour = world.scene.arrays.colour[body.first_face]
    return np.tile(np.asarray(colour, np.float64), (len(_triangles(world, body)), 1))


def _linear(colours: Vec) -> Vec:
    """Colours of images, 0..255, as the linear ones of glTF, 0..1."""
    share = np.asarray(colours, np.float64) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
