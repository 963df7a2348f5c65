# SPDX-License-Identifier: Apache-2.0
"""Graphs in GML whose nodes have a position with x, y and z, such as those of Embodied-RAG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx

from memory_core.errors import BadSource
from memory_core.routes import RouteGraph, RouteSettings
from recordings.graphs.checked import number
from recordings.parse import read_text


def read_gml(path: Path, settings: RouteSettings) -> RouteGraph:
    """Nodes by their labels, which must differ; edges in both directions unless the graph is directed.

    Metres are the edge's `distance` or else the air line. Positions are taken as they are.

    Raises:
        BadSource: the file is torn, or a node has no position.
    """
    text = read_text(path)
    try:
        read = nx.parse_gml(text.splitlines())
    except (nx.NetworkXError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise BadSource(f"{path}: want a graph in GML: {error}") from error
    graph = RouteGraph(settings)
    for node_id, values in read.nodes(data=True):
        spot = f"{path}, node {node_id!r:.60}"
        at = values.get("position")
        if not isinstance(at, dict):
            raise BadSource(f"{spot}: want a position with x, y and z")
        graph.put_node(str(node_id), [number(at.get(axis), f"{spot}, position") for axis in "xyz"])
    for start, end, values in read.edges(data=True):
        if start != end:
            length_m = _length(values, f"{path}, edge from {start!r:.60} to {end!r:.60}")
            graph.connect(str(start), str(end), length_m)
            if not read.is_directed():
                graph.connect(str(end), str(start), length_m)
    return graph


def _length(values: dict[str, Any], spot: str) -> float | None:
    if "distance" not in values:
        return None
    length_m = number(values["distance"], f"{spot}, distance")
    if length_m < 0:
        raise BadSource(f"{spot}: want a distance of at least 0, got {length_m:g}")
    return length_m
