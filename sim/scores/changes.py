# SPDX-License-Identifier: Apache-2.0
"""Changes that a memory tells against those that truly happened: found, invented, and how late."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

ChangeKind = Literal["appeared", "moved", "vanished"]

_NEAR_M = 0.3
_NEVER = 1e12


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a thing, or that a memory says did.

    Attributes:
        position: where it is since then, metres; for "vanished" where it was.
        stamp_ns: when it happened; of what is told, when it was told.
    """

    kind: ChangeKind
    label: str
    position: tuple[float, float, float]
    stamp_ns: int


@dataclass(frozen=True, slots=True)
class ChangeScore:
    """Agreement about changes. Figures about nothing are 1.0, delays 0.0.

    Attributes:
        median_delay_s, p95_delay_s: from when it happened to when it was told.
        missed, spurious: true changes that nobody told, and told ones that never happened.
    """

    precision: float
    recall: float
    median_delay_s: float
    p95_delay_s: float
    missed: tuple[Change, ...]
    spurious: tuple[Change, ...]

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def score_changes(told: Sequence[Change], true: Sequence[Change], *, near_m: float = _NEAR_M) -> ChangeScore:
    """Pair told changes one to one with true ones of the same kind and label, told afterwards and near; O(n^3).

    Of all pairings the one with the most pairs and then the shortest delays counts.
    """
    pairs = _pairs(told, true, near_m)
    delays = [(told[i].stamp_ns - true[k].stamp_ns) * 1e-9 for i, k in pairs] or [0.0]
    found, right = {k for _, k in pairs}, {i for i, _ in pairs}
    return ChangeScore(
        precision=len(pairs) / len(told) if told else 1.0,
        recall=len(pairs) / len(true) if true else 1.0,
        median_delay_s=float(np.median(delays)),
        p95_delay_s=float(np.percentile(delays, 95)),
        missed=tuple(one for k, one in enumerate(true) if k not in found),
        spurious=tuple(one for i, one in enumerate(told) if i not in right),
    )


def _pairs(told: Sequence[Change], true: Sequence[Change], near_m: float) -> list[tuple[int, int]]:
    if not told or not true:
        return []
    cost = np.array([[_cost(a, b, near_m) for b in true] for a in told])
    rows, columns = linear_sum_assignment(cost)
    return [(int(i), int(k)) for i, k in zip(rows, columns, strict=True) if cost[i, k] < _NEVER]


def _cost(told: Change, true: Change, near_m: float) -> float:
    same = (told.kind, told.label) == (true.kind, true.label) and told.stamp_ns >= true.stamp_ns
    near = math.dist(told.position, true.position) <= near_m
    return (told.stamp_ns - true.stamp_ns) * 1e-9 if same and near else _NEVER
