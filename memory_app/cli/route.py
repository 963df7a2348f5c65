# SPDX-License-Identifier: Apache-2.0
"""tolman route."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import click

from memory_app.cli.common import as_json, open_memory, print_json
from memory_core.errors import NotPossible
from memory_core.graph import SceneGraph
from memory_core.routes import RouteGraph, describe, nearest_place, route
from recordings.graphs import is_graph, open_graph

Point = tuple[float, float, float]

_UNKNOWN_OPTIONS = {"ignore_unknown_options": True, "help_option_names": ["--help"]}  # names may begin with a dash


@click.command(name="route", context_settings=_UNKNOWN_OPTIONS)
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("start", metavar="FROM")
@click.argument("goal", metavar="TO")
@click.option("--hops", is_flag=True, help="The fewest links instead of the fewest metres; for graphs from files.")
@as_json
def find_route(source: Path, start: str, goal: str, hops: bool, as_json: bool) -> None:
    """The shortest way FROM somewhere TO somewhere in SOURCE.

    \b
    SOURCE  a memory, or a graph from a file: a Touchdown folder, an R2R
            connectivity .json, a Hydra scene graph .json, a .geojson of Nav2's
            route server, a .gml
    FROM    the name of a node, or metres as X,Y or X,Y,Z. In a memory: a
    TO      place (p7), a room (r2) or an object (o12)

    The exit code is 1 when there is no way.
    """
    if is_graph(source) or not source.exists():
        found = _in_graph(open_graph(source, hops=hops), start, goal)
    elif hops:
        raise click.UsageError("--hops is for graphs from files")
    else:
        with open_memory(source) as memory:
            found = _in_memory(memory.graph(), start, goal)
    if as_json:
        print_json(found)
    else:
        click.echo(found["text"])


def _in_graph(graph: RouteGraph, start: str, goal: str) -> dict[str, Any]:
    began = time.perf_counter()
    graph.settle()
    settled = time.perf_counter()
    way = graph.shortest(_node(graph, start), _node(graph, goal))
    ms = 1e3 * (time.perf_counter() - settled)
    text = (
        f"{way.length_m:.1f} m over {len(way.ids)} nodes, found in {ms:.2f} ms: {_shortened(way.ids)}\n"
        f"{len(graph):,} nodes and {graph.n_edges:,} links made ready in {settled - began:.2f} s"
    )
    points = [list(graph.node(node_id).position) for node_id in way.ids]
    return _result(text, way.ids, way.length_m, points, ms)


def _in_memory(graph: SceneGraph, start: str, goal: str) -> dict[str, Any]:
    began = time.perf_counter()
    way = route(graph, _start_in_memory(graph, start), _point(goal) or goal)
    ms = 1e3 * (time.perf_counter() - began)
    text = f"{describe(way, graph)}, found in {ms:.2f} ms: {_shortened(way.place_ids)}"
    return _result(text, way.place_ids, way.length_m, way.points.tolist(), ms)


def _result(text: str, ids: tuple[str, ...], length_m: float, points: list[Any], ms: float) -> dict[str, Any]:
    return {"text": text, "ids": list(ids), "length_m": length_m, "points": points, "latency_ms": ms}


def _node(graph: RouteGraph, text: str) -> str:
    point = None if text in graph else _point(text)
    return graph.nearest(point) if point else text


def _start_in_memory(graph: SceneGraph, text: str) -> Point:
    point = _point(text)
    if point:
        return point
    for things in (graph.places, graph.instances, graph.rooms):
        if text in things:
            return nearest_place(graph, things[text].position).position
    raise NotPossible(f"no way known: there is no place, room or object {text!r}")


def _point(text: str) -> Point | None:
    """Metres of "X,Y" or "X,Y,Z"; None when the text is something else."""
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        return None
    if len(numbers) not in (2, 3) or not all(map(math.isfinite, numbers)):
        return None
    return numbers[0], numbers[1], (numbers[2] if len(numbers) == 3 else 0.0)


def _shortened(ids: tuple[str, ...]) -> str:
    shown = [*ids[:4], "...", *ids[-3:]] if len(ids) > 8 else list(ids)
    return " ".join(shown)
