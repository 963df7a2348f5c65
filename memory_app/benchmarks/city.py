# SPDX-License-Identifier: Apache-2.0
"""A drawn city: junctions on an uneven grid, streets as chains of nodes ten metres apart, a few one way."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from memory_core.routes import RouteGraph

_CHAIN = 9  # nodes inside a street from junction to junction
_LONG_M, _SHORT_M = 200.0, 80.0
_MISSING, _ONE_WAY = 0.07, 0.05

Spot = tuple[float, float, float]


def draw_city(n_nodes: int, seed: int = 0) -> RouteGraph:
    """A graph of about n_nodes nodes. O(n_nodes)."""
    rng = np.random.default_rng(seed)
    side = max(2, round(math.sqrt(n_nodes / (1 + 2 * (1 - _MISSING) * _CHAIN))))
    graph = RouteGraph()
    wiggle = rng.uniform(-0.15, 0.15, (side, side, 2))
    spots: dict[tuple[int, int], Spot] = {}
    for x in range(side):
        for y in range(side):
            spots[x, y] = (_LONG_M * (x + wiggle[x, y, 0]), _SHORT_M * (y + wiggle[x, y, 1]), 0.0)
            graph.put_node(_name(x, y), spots[x, y])
    for (x, y), (dx, dy) in _streets(side):
        there = (x + dx, y + dy)
        if there in spots and rng.random() >= _MISSING:
            _lay(graph, (x, y), there, spots, rng)
    return graph


def _streets(side: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    for x in range(side):
        for y in range(side):
            yield (x, y), (1, 0)
            yield (x, y), (0, 1)


def _lay(
    graph: RouteGraph,
    start: tuple[int, int],
    end: tuple[int, int],
    spots: dict[tuple[int, int], Spot],
    rng: np.random.Generator,
) -> None:
    is_one_way = rng.random() < _ONE_WAY
    a, b = np.array(spots[start]), np.array(spots[end])
    bends = rng.uniform(-1.0, 1.0, (_CHAIN, 2))
    before = _name(*start)
    for k in range(1, _CHAIN + 2):
        if k <= _CHAIN:
            here = f"{_name(*start)}-{_name(*end)}-{k}"
            x, y, _ = (a + (b - a) * k / (_CHAIN + 1)).tolist()
            graph.put_node(here, (x + bends[k - 1, 0], y + bends[k - 1, 1], 0.0))
        else:
            here = _name(*end)
        graph.connect(before, here)
        if not is_one_way:
            graph.connect(here, before)
        before = here


def _name(x: int, y: int) -> str:
    return f"{x}.{y}"
