# SPDX-License-Identifier: Apache-2.0
"""The semantic map of a memory as a picture, with its labels beside it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from mapping.exporters import write_file
from mapping.semantic_map import SemanticMap, SemanticMapSettings, semantic_map_of
from memory_app.maps import load_octree
from memory_core.memory import Memory

_CLASSES = 128  # more than there are in a home
_PIXELS = 4  # to a cell, so that names have room


def semantic_map(memory: Memory, settings: SemanticMapSettings | None = None) -> SemanticMap:
    """The map of what a memory holds now, its middle that of what is known, with the way the robot went. O(map)."""
    entered = memory.events(kinds=("entered",), limit=None)
    trail = [(event.event.position[0], event.event.position[1]) for event in entered if event.event.position]
    return semantic_map_of(memory.graph(), load_octree(memory), settings, trail=trail)


def write_semantic_map(memory: Memory, path: Path) -> None:
    """Write `semantic_map` as a PNG at `path`, and its labels as JSON under the same name with .json.

    Raises:
        OSError: a file cannot be written.
    """
    grid = semantic_map(memory, SemanticMapSettings(n_classes=_CLASSES))
    done, data = cv2.imencode(".png", np.ascontiguousarray(grid.image(_PIXELS)[:, :, ::-1]))
    if not done:
        raise OSError(f"{path}: the image could not be encoded")
    write_file(path, data.tobytes())
    about = {
        "cell_m": grid.settings.cell_m,
        "cells": grid.settings.n_cells,
        "origin": list(grid.origin),
        "labels": [label._asdict() for label in grid.labels()],
    }
    write_file(path.with_suffix(".json"), (json.dumps(about, indent=2) + "\n").encode())
