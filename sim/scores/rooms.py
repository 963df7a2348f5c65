# SPDX-License-Identifier: Apache-2.0
"""Rooms of a scene graph against the true ones, by the V-measure of two labellings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_core.graph import SceneGraph
from sim.types import SimRoom


def score_rooms(graph: SceneGraph, rooms: Sequence[SimRoom]) -> float:
    """V-measure of the rooms of all places against those they truly are in, doorways left out; 1 without places."""
    truth, found = [], []
    for place in graph.places.values():
        room = next((room.id for room in rooms if room.contains(*place.position[:2])), "")
        if room:
            truth.append(room)
            found.append(place.room_id)
    return v_measure(truth, found)


def v_measure(truth: Sequence[str], found: Sequence[str]) -> float:
    """Harmonic mean of homogeneity and completeness of two labellings of the same things; 1 when they agree.

    O(things + labels of one x labels of the other).
    """
    if not truth:
        return 1.0
    _, a = np.unique(truth, return_inverse=True)
    _, b = np.unique(found, return_inverse=True)
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1.0 / len(a))
    of_a, of_b, both = _entropy(joint.sum(axis=1)), _entropy(joint.sum(axis=0)), _entropy(joint.ravel())
    shared = max(0.0, of_a + of_b - both)
    return 2 * shared / (of_a + of_b) if of_a + of_b > 0 else 1.0


def _entropy(p: NDArray[np.float64]) -> float:
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())
