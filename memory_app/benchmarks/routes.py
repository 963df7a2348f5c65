# SPDX-License-Identifier: Apache-2.0
"""Routes against networkx: how long a way takes to find, whether it is as short, and what a change costs.

Every pair of nodes goes to each library in turn. Times are processor time of this thread.
"""

from __future__ import annotations

import gc
import resource
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from memory_app.benchmarks.city import draw_city
from memory_app.benchmarks.report import row
from memory_core.errors import BadInput
from memory_core.routes import RouteGraph
from recordings.graphs import open_graph, read_routes

_CITY = "city:"
_DEFAULT_NODES = 30_000
_SOURCES, _GOALS = 25, 40
_PEER_PAIRS = 25
_ADDED = 400
_SMALL = 1000
_ROUTES = Path("map2seq_unseen/dev.json")  # beside the folder of the street graph that they are routes of

Row = dict[str, Any]
Pair = tuple[str, str]


def rows(data: Path | None, n_pairs: int | None = None) -> list[Row]:
    """Rows for a graph from a file, "city:N" (a drawn city of N nodes), or a drawn city when data is None.

    Args:
        n_pairs: pairs of nodes that ways are found between; 1,000 when None.
    """
    before_mb = _peak_mb()
    graph, load_s = _timed(lambda: _open(data))
    _, settle_s = _timed(graph.settle)
    own_mb = _peak_mb() - before_mb
    peer, peer_s = _timed(lambda: _networkx(graph))
    size = f"{len(graph):,} nodes, {graph.n_edges:,} links"
    return [
        row(f"graph ready ({size})", load_s + settle_s, "s", hierarchy_s=settle_s, networkx_from_ours_s=peer_s),
        row("memory of graph and hierarchy", own_mb, "MB", kb_per_node=1e3 * own_mb / len(graph)),
        *_latencies(graph, peer, n_pairs or _SOURCES * _GOALS),
        *_additions(graph),
        *_told_routes(data),
    ]


def _open(data: Path | None) -> RouteGraph:
    if data is None:
        return draw_city(_DEFAULT_NODES)
    if str(data).startswith(_CITY):
        n_nodes = str(data).removeprefix(_CITY)
        if not n_nodes.isdecimal() or not 100 <= int(n_nodes) <= 10_000_000:
            raise BadInput(f"--data: want city:N with 100 to 10000000 nodes, got {str(data)!r}")
        return draw_city(int(n_nodes))
    return open_graph(data)


def _networkx(graph: RouteGraph) -> nx.DiGraph[str]:
    twin: nx.DiGraph[str] = nx.DiGraph()
    twin.add_nodes_from(graph)
    twin.add_weighted_edges_from((e.start, e.end, e.weight) for node in graph for e in graph.edges(node))
    return twin


def _timed(act: Callable[[], Any]) -> tuple[Any, float]:
    began = time.thread_time()
    made = act()
    return made, time.thread_time() - began


def _peak_mb() -> float:
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _latencies(graph: RouteGraph, peer: nx.DiGraph[str], n_pairs: int) -> list[Row]:
    rng = np.random.default_rng(0)
    parts: list[set[str]] = list(nx.strongly_connected_components(peer))
    part = sorted(sorted(parts, key=len)[-1])
    sources = [str(name) for name in rng.choice(part, max(1, n_pairs // _GOALS))]
    ours, wrong, theirs = [], 0, _Peers(peer)
    for k, source in enumerate(sources):
        wanted = nx.single_source_dijkstra_path_length(peer, source)
        goals = [str(name) for name in rng.choice(part, min(_GOALS, n_pairs))]
        for goal in goals:
            way, seconds = _timed(lambda a=source, b=goal: graph.shortest(a, b))  # type: ignore[misc]
            ours.append(1e3 * seconds)
            wrong += abs(way.weight - wanted[goal]) > 1e-9 * (1 + wanted[goal])
        if k * len(goals) < n_pairs and len(theirs.pairs) < _PEER_PAIRS:
            theirs.ask(source, goals[0])
    found = [row("ways that are not as short as networkx's", wrong, f"of {len(ours)}")]
    p50, p99 = np.percentile(ours, [50, 99]).tolist()
    for name, ms in theirs.ms.items():
        median = float(np.median(ms))
        found.append(row("a way, median", p50, "ms", peer=name, peer_value=median, ratio=median / p50, pairs=len(ms)))
    return [*found, row("a way, p99", p99, "ms")]


class _Peers:
    """networkx's searches and what they cost, by name."""

    def __init__(self, graph: nx.DiGraph[str]) -> None:
        self._graph = graph
        self.pairs: list[Pair] = []
        self.ms: dict[str, list[float]] = {"networkx dijkstra": [], "networkx bidirectional": []}

    def ask(self, a: str, b: str) -> None:
        self.pairs.append((a, b))
        for name, search in (
            ("networkx dijkstra", nx.dijkstra_path),
            ("networkx bidirectional", nx.bidirectional_dijkstra),
        ):
            _, seconds = _timed(lambda search=search: search(self._graph, a, b))  # type: ignore[misc]
            self.ms[name].append(1e3 * seconds)


def _additions(whole: RouteGraph) -> list[Row]:
    """Mean cost of a node that is added with its links, the hierarchy caught up after each, in small and in large."""
    order = _as_explored(whole)
    found = {}
    for n in (_SMALL, len(order) - _ADDED):
        if n + _ADDED <= len(order):
            found[n] = _cost_of_adding(whole, order, n)
    first = next(iter(found.values()), None)
    return [
        row(
            f"a node more at {n:,} nodes, mean",
            float(np.mean(us)),
            "us",
            peer=f"at {_SMALL:,} nodes",
            peer_value=float(np.mean(first)) if first else None,
            ratio=float(np.mean(first) / np.mean(us)) if first else None,
            median_us=float(np.median(us)),
            max_us=float(np.max(us)),
        )
        for n, us in found.items()
    ]


def _as_explored(graph: RouteGraph) -> list[str]:
    """Nodes in the order in which someone who starts at the first one comes to see them."""
    found: dict[str, None] = {}
    waiting = deque([next(iter(graph))])
    while waiting:
        here = waiting.popleft()
        if here not in found:
            found[here] = None
            waiting.extend(graph.ends(here))
    return list(found)


def _cost_of_adding(whole: RouteGraph, order: list[str], n: int) -> list[float]:
    graph = RouteGraph(whole.settings)
    for node_id in order[:n]:
        _add(graph, whole, node_id)
    graph.settle()
    us = []
    for node_id in order[n : n + _ADDED]:
        began = time.thread_time()
        _add(graph, whole, node_id)
        graph.settle()
        us.append(1e6 * (time.thread_time() - began))
    return us


def _add(graph: RouteGraph, whole: RouteGraph, node_id: str) -> None:
    graph.put_node(node_id, whole.node(node_id).position)
    for end in whole.ends(node_id):
        if end in graph:
            graph.connect(node_id, end)
            if node_id in whole.ends(end):
                graph.connect(end, node_id)


def _told_routes(data: Path | None) -> list[Row]:
    """How many routes that people were told are as short in links as ours; none without the file of routes."""
    path = data.parent / _ROUTES if data else Path()
    if not data or not path.is_file():
        return []
    graph, told = open_graph(data, hops=True), read_routes(path)
    n_equal = sum(graph.shortest(ids[0], ids[-1]).weight == graph.way_along(ids).weight for ids in told)
    return [row("expert routes (Map2Seq) as short in links as ours", n_equal, f"of {len(told)}")]
