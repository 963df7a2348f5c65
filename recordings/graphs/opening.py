# SPDX-License-Identifier: Apache-2.0
"""Which kind of graph a path is, and the graph."""

from __future__ import annotations

from pathlib import Path

from memory_core.errors import BadSource
from memory_core.routes import RouteGraph, RouteSettings
from recordings.graphs.checked import brief, read_json
from recordings.graphs.gml import read_gml
from recordings.graphs.hydra import read_dsg
from recordings.graphs.nav2 import read_geojson
from recordings.graphs.r2r import read_r2r
from recordings.graphs.touchdown import open_touchdown, touchdown_folder

VALID = (
    "want a folder with nodes.txt and links.txt (Touchdown), a connectivity .json (R2R), a dynamic scene graph .json "
    "(Hydra), a .geojson of Nav2's route server or a .gml"
)
HOPS = RouteSettings(per_edge=1.0, per_metre=0.0, per_cost=0.0)
"""Every link counts as one: the fewest links make the shortest way."""


def is_graph(path: Path) -> bool:
    """Whether a path looks like a graph that `open_graph` reads."""
    if path.is_dir():
        return touchdown_folder(path) is not None
    return path.suffix.lower() in (".json", ".geojson", ".gml")


def open_graph(path: str | Path, *, hops: bool = False) -> RouteGraph:
    """A graph to find ways in, its kind found from its content.

    Weights are metres, and what slows down where the file knows that.

    Args:
        hops: every edge weighs 1 instead.

    Raises:
        BadSource: it is missing, torn or of an unknown kind; the message names the file and the line or entry.
    """
    path = Path(path).expanduser()
    settings = HOPS if hops else RouteSettings(per_cost=1.0)
    if not path.exists():
        raise BadSource(f"{path}: there is nothing here; {VALID}")
    if path.is_dir():
        folder = touchdown_folder(path)
        if folder is None:
            raise BadSource(f"{path}: not a graph; {VALID}")
        return open_touchdown(folder, settings)
    if path.suffix.lower() == ".gml":
        return read_gml(path, settings)
    return _open_json(path, settings)


def _open_json(path: Path, settings: RouteSettings) -> RouteGraph:
    values = read_json(path)
    if isinstance(values, list) and values:
        return read_r2r(values, path, settings)
    if isinstance(values, dict) and values.get("type") == "FeatureCollection":
        return read_geojson(values, path, settings)
    if isinstance(values, dict) and "nodes" in values:
        return read_dsg(values, path, settings)
    raise BadSource(f"{path}: not a graph but {brief(values)}; {VALID}")
