# SPDX-License-Identifier: Apache-2.0
"""GeoJSON of Nav2's route server: Points with an id, MultiLineStrings from startid to endid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memory_core.errors import BadSource
from memory_core.routes import RouteGraph, RouteSettings
from recordings.graphs.checked import brief, finite, member, number


def read_geojson(values: dict[str, Any], path: Path, settings: RouteSettings) -> RouteGraph:
    """Nodes by their number, or by `place` in their metadata where Tolman wrote it; directed edges.

    Metres are `length_m` in an edge's metadata or else the air line. Its learned cost is what `cost_m` in its metadata
    adds to that, or the route server's `cost`. The height of a node is `z` in its metadata or else 0.

    Raises:
        BadSource: the file is not such a graph, an id comes twice, or an edge leads to a node that is not there.
    """
    graph = RouteGraph(settings)
    features = member(values, "features", list, str(path))
    names: dict[int, str] = {}
    for k, feature in enumerate(features):
        spot = f"{path}, feature {k}"
        geometry, properties = member(feature, "geometry", dict, spot), member(feature, "properties", dict, spot)
        if geometry.get("type") == "Point":
            node = member(properties, "id", int, spot)
            name = _name(properties, node)
            if node in names or name in graph:
                raise BadSource(f"{spot}: want each node once, got {name[:60]!r} again")
            names[node] = name
            graph.put_node(name, _position(geometry, properties, spot))
    for k, feature in enumerate(features):
        if feature["geometry"].get("type") in ("MultiLineString", "LineString"):
            _connect(graph, names, feature["properties"], f"{path}, feature {k}")
    return graph


def _connect(graph: RouteGraph, names: dict[int, str], properties: dict[str, Any], spot: str) -> None:
    ends = [member(properties, key, int, spot) for key in ("startid", "endid")]
    for end in ends:
        if end not in names:
            raise BadSource(f"{spot}: want startid and endid of nodes in the file, got {brief(end)}")
    if ends[0] == ends[1]:
        raise BadSource(f"{spot}: want an edge between two nodes, got {brief(ends[0])} twice")
    length = _metadata(properties).get("length_m")
    length_m = None if length is None else number(length, f"{spot}, length_m")
    if length_m is not None and length_m < 0:
        raise BadSource(f"{spot}: want length_m of at least 0, got {length_m:g}")
    if length_m is not None and "cost_m" in _metadata(properties):
        cost = number(_metadata(properties)["cost_m"], f"{spot}, cost_m") - length_m
    else:
        cost = number(properties.get("cost", 0.0), f"{spot}, cost")
    graph.connect(names[ends[0]], names[ends[1]], length_m, cost)


def _name(properties: dict[str, Any], node: int) -> str:
    place = _metadata(properties).get("place")
    return place if isinstance(place, str) and place else str(node)[:20]


def _position(geometry: dict[str, Any], properties: dict[str, Any], spot: str) -> tuple[float, float, float]:
    x, y = finite(member(geometry, "coordinates", list, spot)[:2], 2, f"{spot}, coordinates")
    return x, y, number(_metadata(properties).get("z", 0.0), f"{spot}, z")


def _metadata(properties: dict[str, Any]) -> dict[str, Any]:
    metadata = properties.get("metadata")
    return metadata if isinstance(metadata, dict) else {}
