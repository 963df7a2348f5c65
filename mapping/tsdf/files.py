# SPDX-License-Identifier: Apache-2.0
"""Meshes as files for other programs: binary PLY and GLB (glTF 2.0)."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.exporters import write_file
from mapping.tsdf.mesh import Mesh
from memory_core.errors import BadInput

_VERTEX = np.dtype([("position", "<f4", 3), ("colour", "u1", 3)])
_FACE = np.dtype([("n", "u1"), ("vertices", "<i4", 3)])
_FLOAT, _UINT, _UBYTE = 5126, 5125, 5121  # component types of glTF
_VERTICES, _INDICES = 34962, 34963  # buffer targets of glTF
# There is no material: some programs read the colours of vertices only without one.
# glTF is y up, the map z up: x stays, y is what was z, z what was -y. Column by column.
_Z_UP = [1, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1]


def write_mesh(mesh: Mesh, path: Path | str, kind: str) -> None:
    """Write a mesh as "ply" or "glb"; `path` is replaced only once the file is complete. O(V + F).

    Raises:
        BadInput: another kind, or an empty mesh as GLB, which cannot hold one.
        OSError: the file cannot be written.
    """
    if kind not in ("ply", "glb"):
        raise BadInput(f"mesh format: want ply or glb, got {kind!r}")
    write_file(Path(path), _ply(mesh) if kind == "ply" else _glb(mesh))


def _ply(mesh: Mesh) -> bytes:
    vertices, faces = np.empty(len(mesh.vertices), _VERTEX), np.empty(len(mesh.faces), _FACE)
    vertices["position"], vertices["colour"] = mesh.vertices, mesh.colours
    faces["n"], faces["vertices"] = 3, mesh.faces
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(vertices)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    return header.encode() + vertices.tobytes() + faces.tobytes()


def _glb(mesh: Mesh) -> bytes:
    if not len(mesh.faces):
        raise BadInput("mesh: want at least one triangle for GLB, got none; has anything been mapped?")
    colours = np.full((len(mesh.colours), 4), 255, np.uint8)
    colours[:, :3] = mesh.colours
    arrays = (
        _Array(mesh.vertices.astype("<f4"), _FLOAT, "VEC3", _VERTICES, limits=True),
        _Array(colours, _UBYTE, "VEC4", _VERTICES, normalised=True),
        _Array(mesh.faces.astype("<u4").reshape(-1), _UINT, "SCALAR", _INDICES),
    )
    starts = np.cumsum([0, *(array.values.nbytes for array in arrays)]).tolist()
    primitive = {"attributes": {"POSITION": 0, "COLOR_0": 1}, "indices": 2, "mode": 4}
    document = {
        "asset": {"version": "2.0", "generator": "tolman"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "matrix": _Z_UP}],
        "meshes": [{"primitives": [primitive]}],
        "buffers": [{"byteLength": starts[-1]}],
        "bufferViews": [array.view(start) for array, start in zip(arrays, starts, strict=False)],
        "accessors": [array.accessor(i) for i, array in enumerate(arrays)],
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    content = b"".join(array.values.tobytes() for array in arrays)
    total = 12 + 8 + len(text) + 8 + len(content)
    head = struct.pack("<4sII", b"glTF", 2, total) + struct.pack("<I4s", len(text), b"JSON")
    return head + text + struct.pack("<I4s", len(content), b"BIN\0") + content


class _Array:
    """One array of a glTF buffer; all have a multiple of 4 bytes."""

    def __init__(
        self,
        values: NDArray[Any],
        component: int,
        kind: str,
        target: int,
        *,
        limits: bool = False,
        normalised: bool = False,
    ) -> None:
        self.values, self._component, self._kind, self._target = values, component, kind, target
        self._limits, self._normalised = limits, normalised

    def view(self, start: int) -> dict[str, Any]:
        return {"buffer": 0, "byteOffset": start, "byteLength": self.values.nbytes, "target": self._target}

    def accessor(self, view: int) -> dict[str, Any]:
        about = {"bufferView": view, "componentType": self._component, "count": len(self.values), "type": self._kind}
        if self._normalised:
            about["normalized"] = True
        if self._limits:
            about |= {"min": self.values.min(axis=0).tolist(), "max": self.values.max(axis=0).tolist()}
        return about
