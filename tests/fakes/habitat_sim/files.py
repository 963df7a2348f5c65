# SPDX-License-Identifier: Apache-2.0
"""Stages, objects and scenes on disk."""

import json
import struct
from pathlib import Path

import numpy as np

from habitat_sim.physics import ManagedRigidObject

_TYPES = {5126: np.float32, 5125: np.uint32}


def read_glb(path):
    """(triangles (N, 3, 3), colours (N, 3) 0..255 as in images) of a binary glTF file."""
    content = Path(path).read_bytes()
    magic, version, length = struct.unpack_from("<4sII", content)
    if (magic, version, length) != (b"glTF", 2, len(content)):
        raise RuntimeError(f"cannot load {path}")
    n_text = struct.unpack_from("<I", content, 12)[0]
    document, body = json.loads(content[20 : 20 + n_text]), content[28 + n_text :]

    def array(index):
        accessor = document["accessors"][index]
        at = document["bufferViews"][accessor["bufferView"]]["byteOffset"]
        width = {"VEC3": 3, "SCALAR": 1}[accessor["type"]]
        flat = np.frombuffer(body, _TYPES[accessor["componentType"]], accessor["count"] * width, at)
        return flat.reshape(-1, width)

    primitive = document["meshes"][0]["primitives"][0]
    corners = array(primitive["indices"]).reshape(-1, 3)
    colours = array(primitive["attributes"]["COLOR_0"])[corners[:, 0]].astype(np.float64)
    srgb = np.where(colours <= 0.0031308, 12.92 * colours, 1.055 * np.maximum(colours, 1e-9) ** (1 / 2.4) - 0.055)
    return array(primitive["attributes"]["POSITION"])[corners].astype(np.float64), np.round(srgb * 255).astype(int)


class Stage:
    """What does not move: a mesh to look at, and one whose colours are semantic."""

    def __init__(self, file):
        path = Path(file)
        config = path if path.name.endswith(".json") else path.with_suffix(".stage_config.json")
        described = json.loads(config.read_text()) if config.exists() else {}
        if config.exists() and (described.get("up"), described.get("front")) != ([0, 1, 0], [0, 0, -1]):
            raise RuntimeError("this stand-in takes stages with y up only")
        self.mesh = read_glb(path.parent / described.get("render_asset", path.name))
        self.annotated = self.semantic = None
        if "semantic_asset" in described:
            self.semantic = read_glb(path.parent / described["semantic_asset"])
            self.annotated = _annotations(path.parent / described["semantic_descriptor_filename"])


def load(scene, dataset):
    """(stage, rigid objects) of a scene file, or of a scene of a data set."""
    if dataset == "default":
        return Stage(scene), []
    folder = Path(dataset).parent
    described = json.loads((folder / "scenes" / f"{scene}.scene_instance.json").read_text())
    stage = Stage(folder / f"{described['stage_instance']['template_name']}.stage_config.json")
    return stage, [_rigid(folder, instance) for instance in described["object_instances"]]


def _rigid(folder, instance):
    config = folder / f"{instance['template_name']}.object_config.json"
    described = json.loads(config.read_text())
    mesh = read_glb(config.parent / described["render_asset"])
    handle = f"{Path(instance['template_name']).name}_:0000"
    return ManagedRigidObject(handle, mesh, described["semantic_id"], instance["translation"], instance["rotation"])


def _annotations(path):
    """{colour: (id, category, region)}"""
    header, *lines = path.read_text().split("\n")
    if header != "HM3D Semantic Annotations":
        raise RuntimeError(f"{path}: unsupported header")
    found = {}
    for line in filter(None, lines):
        number, colour, category, region = line.split(",")
        found[int(colour, 16)] = (int(number), category.strip('"'), int(region))
    return found
