# SPDX-License-Identifier: Apache-2.0
"""The viewpoint graph of one building as Room-to-Room ships it: a JSON list of poses and what can be reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memory_core.errors import BadSource
from memory_core.routes import RouteGraph, RouteSettings
from recordings.graphs.checked import brief, finite, member


def read_r2r(viewpoints: Any, path: Path, settings: RouteSettings) -> RouteGraph:
    """Viewpoints that are included, at the position of the camera (z-up metres), joined where nothing is in between.

    Raises:
        BadSource: the file is not such a list.
    """
    graph = RouteGraph(settings)
    ids = [_add(viewpoint, graph, f"{path}, viewpoint {k}") for k, viewpoint in enumerate(viewpoints)]
    for k, viewpoint in enumerate(viewpoints):
        spot = f"{path}, viewpoint {k}"
        reached = member(viewpoint, "unobstructed", list, spot)
        if len(reached) != len(ids):
            raise BadSource(f"{spot}: want 'unobstructed' with {len(ids)} values, got {len(reached)}")
        for end, is_open in zip(ids, reached, strict=True):
            if not isinstance(is_open, bool):
                raise BadSource(f"{spot}: want 'unobstructed' with true and false, got {brief(is_open)}")
            if is_open and ids[k] and end and end != ids[k]:
                graph.connect(ids[k], end)
                graph.connect(end, ids[k])
    return graph


def _add(viewpoint: Any, graph: RouteGraph, spot: str) -> str:
    """The id of a viewpoint, now in the graph; empty when it is not included."""
    node_id = str(member(viewpoint, "image_id", str, spot))
    pose = finite(member(viewpoint, "pose", list, spot), 16, f"{spot}, pose")
    if not node_id or node_id in graph:
        raise BadSource(f"{spot}: want an image_id of its own, got {node_id[:60]!r}")
    if not member(viewpoint, "included", bool, spot):
        return ""
    graph.put_node(node_id, (pose[3], pose[7], pose[11]))
    return node_id
