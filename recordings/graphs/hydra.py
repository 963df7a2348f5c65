# SPDX-License-Identifier: Apache-2.0
"""The places layer of a dynamic scene graph (Hydra, spark_dsg, Tolman's own export)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memory_core.errors import BadSource
from memory_core.routes import RouteGraph, RouteSettings
from recordings.graphs.checked import brief, finite, member, number

_PLACES = "PlaceNodeAttributes"


def read_dsg(values: dict[str, Any], path: Path, settings: RouteSettings) -> RouteGraph:
    """Places by the names of their symbols (p7), joined in both directions.

    The weight of an edge means metres only in a graph that Tolman wrote; Hydra's is the clearance along the edge, and
    the metres are those of the air line.

    Raises:
        BadSource: the file is not such a graph.
    """
    graph = RouteGraph(settings)
    header = values.get("SPARK_DSG_header")
    has_metres = isinstance(header, dict) and header.get("project_name") == "tolman"
    names: dict[int, str] = {}
    for k, node in enumerate(member(values, "nodes", list, str(path))):
        spot = f"{path}, node {k}"
        node_id, attributes = member(node, "id", int, spot), member(node, "attributes", dict, spot)
        if attributes.get("type") == _PLACES:
            names[node_id] = _symbol(node_id, spot)
            graph.put_node(names[node_id], finite(attributes.get("position"), 3, f"{spot}, position"))
    for k, edge in enumerate(member(values, "edges", list, str(path))):
        spot = f"{path}, edge {k}"
        start, end = (names.get(member(edge, key, int, spot)) for key in ("source", "target"))
        if start and end and start != end:
            info = edge.get("info") if isinstance(edge.get("info"), dict) else {}
            length_m = _length(info.get("weight"), spot) if has_metres else None
            graph.connect(start, end, length_m)
            graph.connect(end, start, length_m)
    return graph


def _length(weight: Any, spot: str) -> float:
    length_m = number(weight, f"{spot}, weight")
    if length_m < 0:
        raise BadSource(f"{spot}: want a weight of at least 0 metres, got {length_m:g}")
    return length_m


def _symbol(node_id: int, spot: str) -> str:
    """A letter in the highest byte and a number in the others: "p7"."""
    letter = chr(node_id >> 56) if 0 <= node_id < 2**64 else ""
    if not letter.isalpha():
        raise BadSource(f"{spot}: want an id of 64 bits with a letter in the highest 8, got {brief(node_id)}")
    return f"{letter}{node_id & (2**56 - 1)}"
