# SPDX-License-Identifier: Apache-2.0
"""Where a search may end, and how far that truly is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from memory_core.geometry import Vec
from sim import SimObject

_VIEW_M = 1.0  # how near a thing a point of the floor must be
_STEP_M = 0.36  # between neighbours on a grid of 0.25 m, diagonals included


def goal_points(truth: Sequence[SimObject], points: Vec) -> dict[str, Vec]:
    """(N, 2) points of the floor beside the things of each class that are not shut in. O(objects x points)."""
    by_uid = {thing.uid: thing for thing in truth}
    goals: dict[str, list[Vec]] = {}
    for thing in truth:
        outside = np.maximum(np.array(thing.box.minimum[:2]) - points, points - np.array(thing.box.maximum[:2]))
        near = points[np.linalg.norm(np.maximum(outside, 0), axis=1) <= _VIEW_M]
        if len(near) and not _is_shut_in(thing, by_uid):
            goals.setdefault(thing.label, []).append(near)
    return {label: np.concatenate(some) for label, some in goals.items()}


def shortest_m(points: Vec, start: Sequence[float], goals: Vec) -> float:
    """Metres of the shortest way from a point to any goal, over the points of the floor; infinite without one.

    O(points log points).
    """
    tree = cKDTree(points)
    pairs = tree.query_pairs(_STEP_M, output_type="ndarray")
    lengths = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    graph = coo_matrix((lengths, (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    first = int(tree.query(np.asarray(start))[1])
    totals = dijkstra(graph.tocsr(), directed=False, indices=first)
    ends = tree.query(goals)[1]
    return float(np.min(totals[ends], initial=math.inf))


def _is_shut_in(thing: SimObject, by_uid: dict[str, SimObject]) -> bool:
    holder = by_uid.get(thing.parent)
    return holder is not None and ((thing.relation == "in" and holder.is_open is False) or _is_shut_in(holder, by_uid))
