# SPDX-License-Identifier: Apache-2.0
"""Objects of a scene graph against the true ones: which stand for which, and how exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from memory_core.geometry import iou
from memory_core.graph import Instance, SceneGraph
from memory_core.labels import STRUCTURE
from sim.scores.sightings import ENOUGH_PIXELS
from sim.types import SimObject

_FARTHEST_M = 0.3
_NEVER = 1e6


@dataclass(frozen=True, slots=True)
class Match:
    """An object of the graph and the true one it stands for; `size_error_m` is the largest of the three edges'."""

    instance_id: str
    uid: str
    label: str
    center_error_m: float
    size_error_m: float
    iou: float
    room_is_right: bool


@dataclass(frozen=True, slots=True)
class ObjectScore:
    """Agreement of a graph with the truth. Figures about nothing are 1.0, or 0.0 for errors.

    Attributes:
        recall: of the objects seen with enough pixels, the share that has a match.
        precision: of the graph's objects, the share that has a match.
        room_accuracy: of the matched objects seen with enough pixels, the share in the right room, after pairing the
            graph's rooms one to one with the true ones as well as possible.
        missed: uids seen with enough pixels without a match.
        spurious: ids of the graph's objects without a match.
        rooms: the pairing, id in the graph to true id.
    """

    recall: float
    precision: float
    median_center_error_m: float
    p95_center_error_m: float
    median_size_error_m: float
    mean_iou: float
    room_accuracy: float
    matches: tuple[Match, ...]
    missed: tuple[str, ...]
    spurious: tuple[str, ...]
    rooms: dict[str, str]


def score_objects(
    graph: SceneGraph, truth: Sequence[SimObject], visible_pixels: Mapping[str, int], min_pixels: int = ENOUGH_PIXELS
) -> ObjectScore:
    """Pair the graph's objects with true ones of the same label, nearest centres first, and count; O(n^3).

    A pair needs centres within 0.3 m or boxes that overlap by a quarter of their union. Objects seen with fewer than
    `min_pixels` may be matched but need not be; those never seen must not be in the graph. Gone ones do not count.
    """
    instances = [i for i in graph.instances.values() if i.state != "gone" and i.label not in STRUCTURE]
    seen = [o for o in truth if visible_pixels.get(o.uid, 0) > 0 and o.state == "present"]
    pairs = _pair(instances, seen)
    required = {o.uid for o in seen if visible_pixels[o.uid] >= min_pixels}
    rooms = _pair_rooms([(i.room_id, o.room_id) for i, o in pairs])
    matches = tuple(_match(i, o, rooms) for i, o in pairs)
    matched = [m for m in matches if m.uid in required]
    errors = [m.center_error_m for m in matched] or [0.0]
    found = {m.uid for m in matches}
    return ObjectScore(
        recall=len(matched) / len(required) if required else 1.0,
        precision=len(matches) / len(instances) if instances else 1.0,
        median_center_error_m=float(np.median(errors)),
        p95_center_error_m=float(np.percentile(errors, 95)),
        median_size_error_m=float(np.median([m.size_error_m for m in matched] or [0.0])),
        mean_iou=float(np.mean([m.iou for m in matched] or [1.0])),
        room_accuracy=float(np.mean([m.room_is_right for m in matched])) if matched else 1.0,
        matches=matches,
        missed=tuple(sorted(required - found)),
        spurious=tuple(sorted({i.id for i in instances} - {m.instance_id for m in matches})),
        rooms=rooms,
    )


def _pair(instances: Sequence[Instance], truth: Sequence[SimObject]) -> list[tuple[Instance, SimObject]]:
    """The assignment with the most pairs and then the smallest centre distances."""
    if not instances or not truth:
        return []
    cost = np.array([[_cost(i, o) for o in truth] for i in instances])
    rows, columns = linear_sum_assignment(cost)
    return [(instances[r], truth[c]) for r, c in zip(rows, columns, strict=True) if cost[r, c] < _NEVER]


def _cost(instance: Instance, true: SimObject) -> float:
    if instance.label != true.label:
        return _NEVER
    distance = float(np.linalg.norm(np.subtract(instance.box.center, true.box.center)))
    return distance if distance <= _FARTHEST_M or iou(instance.box, true.box) >= 0.25 else _NEVER


def _match(instance: Instance, true: SimObject, rooms: Mapping[str, str]) -> Match:
    error = float(np.linalg.norm(np.subtract(instance.box.center, true.box.center)))
    right = bool(true.room_id) and rooms.get(instance.room_id, "") == true.room_id
    size = float(np.abs(np.subtract(instance.box.size, true.box.size)).max())
    return Match(instance.id, true.uid, true.label, error, size, iou(instance.box, true.box), right)


def id_switches(pairings: Iterable[Mapping[str, str]]) -> int:
    """How often a true object came to be known by another id than before. O(pairings x objects).

    Args:
        pairings: in order of time, uid to id in the graph; an object may be missing for a while.
    """
    known: dict[str, str] = {}
    n_switches = 0
    for pairing in pairings:
        n_switches += sum(known.get(uid, name) != name for uid, name in pairing.items())
        known.update(pairing)
    return n_switches


def _pair_rooms(both: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Rooms of the graph to true rooms, one to one, so that most objects agree."""
    votes = Counter((a, b) for a, b in both if a and b)
    ours, true = sorted({a for a, _ in votes}), sorted({b for _, b in votes})
    if not votes:
        return {}
    agreement = np.array([[votes[a, b] for b in true] for a in ours])
    rows, columns = linear_sum_assignment(agreement, maximize=True)
    return {ours[r]: true[c] for r, c in zip(rows, columns, strict=True) if agreement[r, c] > 0}
