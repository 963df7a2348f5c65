# SPDX-License-Identifier: Apache-2.0
"""Coloured triangles as a binary glTF 2.0 file."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_FLOAT, _UNSIGNED = 5126, 5125
_VERTICES, _INDICES = 34962, 34963


def write_glb(path: Path, triangles: ArrayLike, colours: ArrayLike) -> None:
    """Write triangles (N, 3, 3), counter-clockwise from outside, metres, y up, each with a linear colour (N, 3), 0..1.

    Every triangle has three vertices of its own, so that colours do not run into each other. N is at least 1.
    """
    positions = np.asarray(triangles, np.float32).reshape(-1, 3)
    vertex_colours = np.repeat(np.asarray(colours, np.float32), 3, axis=0)
    indices = np.arange(len(positions), dtype=np.uint32)
    document: dict[str, Any] = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "materials": [{"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}],
        "meshes": [
            {"primitives": [{"attributes": {"POSITION": 0, "COLOR_0": 1}, "indices": 2, "material": 0}]},
        ],
    }
    body = _add_arrays(document, [positions, vertex_colours, indices])
    document["accessors"][0] |= {"min": positions.min(axis=0).tolist(), "max": positions.max(axis=0).tolist()}
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(body))
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(body), b"BIN\0") + body
    path.write_bytes(head + chunks)


def _add_arrays(document: dict[str, Any], arrays: list[NDArray[Any]]) -> bytes:
    """Describe arrays in the document, in order; gives their bytes, which are multiples of 4."""
    body = b"".join(array.tobytes() for array in arrays)
    document["buffers"] = [{"byteLength": len(body)}]
    document["bufferViews"], document["accessors"], at = [], [], 0
    for index, array in enumerate(arrays):
        is_vertex = array.ndim == 2
        view = {
            "buffer": 0,
            "byteOffset": at,
            "byteLength": array.nbytes,
            "target": _VERTICES if is_vertex else _INDICES,
        }
        kind = {"componentType": _FLOAT if is_vertex else _UNSIGNED, "type": "VEC3" if is_vertex else "SCALAR"}
        document["bufferViews"].append(view)
        document["accessors"].append({"bufferView": index, "count": len(array), **kind})
        at += array.nbytes
    return body
