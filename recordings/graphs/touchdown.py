# SPDX-License-Identifier: Apache-2.0
"""The street graph of Touchdown: nodes.txt with `id,yaw,lat,lng` and links.txt with `from,heading,to`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

from memory_core.errors import BadSource
from memory_core.routes import RouteGraph, RouteSettings
from recordings.graphs.checked import member, parsed
from recordings.parse import read_text

_NODES, _LINKS = "nodes.txt", "links.txt"
_EARTH_RADIUS_M = 6_371_008.8


def touchdown_folder(folder: Path) -> Path | None:
    """The folder that holds the two lists, `folder` or its `graph`; None when neither does."""
    for inside in (folder, folder / "graph"):
        if (inside / _NODES).is_file() or (inside / _LINKS).is_file():
            return inside
    return None


def open_touchdown(folder: Path, settings: RouteSettings) -> RouteGraph:
    """The directed graph, x east and y north in metres from the middle of its latitudes and longitudes.

    Raises:
        BadSource: a list is missing or torn, a node is listed twice, or a link leads to a node that is not listed.
    """
    graph = RouteGraph(settings)
    places = list(_places(folder / _NODES))
    lat, lng = _middle([place[1] for place in places]), _middle([place[2] for place in places])
    metres_per_degree = math.radians(1) * _EARTH_RADIUS_M
    for node_id, node_lat, node_lng in places:
        east = _turn(node_lng - lng) * metres_per_degree * math.cos(math.radians(lat))
        graph.put_node(node_id, (east, (node_lat - lat) * metres_per_degree, 0.0))
    for spot, (start, _, end) in _rows(folder / _LINKS, 3, "from,heading,to"):
        for node_id in (start, end):
            if node_id not in graph:
                raise BadSource(f"{spot}: want nodes of {_NODES}, got {node_id[:60]!r}")
        if start == end:
            raise BadSource(f"{spot}: want a link between two nodes, got {start[:60]!r} twice")
        graph.connect(start, end)
    return graph


def read_routes(path: Path) -> list[tuple[str, ...]]:
    """The routes of a Map2Seq file, one JSON object a line: ids of the panoramas in order. Raises BadSource."""
    routes = []
    for k, line in enumerate(read_text(path).splitlines(), 1):
        try:
            route = member(json.loads(line), "route_panoids", list, f"{path}, line {k}")
        except (ValueError, RecursionError) as error:
            raise BadSource(f"{path}, line {k}: want one JSON object: {error}") from error
        if not all(isinstance(node_id, str) for node_id in route):
            raise BadSource(f"{path}, line {k}: want names of panoramas in route_panoids")
        routes.append(tuple(route))
    return routes


def _places(path: Path) -> Iterator[tuple[str, float, float]]:
    known: set[str] = set()
    for spot, (node_id, _, lat, lng) in _rows(path, 4, "id,yaw,lat,lng"):
        if node_id in known:
            raise BadSource(f"{spot}: want each node once, got {node_id[:60]!r} again")
        known.add(node_id)
        place = node_id, parsed(lat, spot), parsed(lng, spot)
        if abs(place[1]) > 89 or abs(place[2]) > 360:
            raise BadSource(f"{spot}: want a latitude within 89 and a longitude within 360 degrees, got {lat},{lng}")
        yield place


def _rows(path: Path, n_words: int, wanted: str) -> Iterator[tuple[str, list[str]]]:
    """The spot for messages and the words of each line that is not empty."""
    for k, line in enumerate(read_text(path).splitlines(), 1):
        words = [word.strip() for word in line.split(",")]
        if line.strip():
            if len(words) != n_words or not all(words):
                raise BadSource(f"{path}, line {k}: want {wanted}, got {line.strip()[:60]!r}")
            yield f"{path}, line {k}", words


def _middle(values: list[float]) -> float:
    return (min(values) + max(values)) / 2 if values else 0.0


def _turn(degrees: float) -> float:
    """The same angle within 180 degrees: a map may lie across the date line."""
    return (degrees + 180.0) % 360.0 - 180.0
