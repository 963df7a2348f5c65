# SPDX-License-Identifier: Apache-2.0
"""Ways that were walked against the shortest ones and against those of an expert."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = Sequence[Sequence[float]]

_THRESHOLD_M = 3.0  # of nDTW and of task completion, as in the literature on outdoor navigation


@dataclass(frozen=True, slots=True)
class RouteEpisode:
    """One try to get somewhere.

    Attributes:
        path: (N, 2) or (N, 3) points walked, the start first, metres.
        goals: points, of which reaching any will do; e.g. viewpoints of an object.
        shortest_m: length of the shortest way to a goal; infinite when there is none.
        reference: points of the expert's way; empty when there is none.
        stopped: the robot said that it had arrived.
    """

    path: Points
    goals: Points
    shortest_m: float
    reference: Points = ()
    stopped: bool = True


@dataclass(frozen=True, slots=True)
class RouteScore:
    """Figures over all episodes whose goal can be reached; 0 when there are none.

    Attributes:
        success: share that stopped within the radius of a goal.
        spl: success weighted by the shortest way over the way walked.
        ndtw: how closely the way followed the expert's, of the episodes that have one; 1 is exactly.
        tc: task completion: share that ended within 3 m of a goal.
        n_unreachable: episodes that nobody could do; they count nowhere.
    """

    n_episodes: int
    n_unreachable: int
    success: float
    spl: float
    ndtw: float
    tc: float


def score_routes(episodes: Sequence[RouteEpisode], *, radius_m: float) -> RouteScore:
    """Success, SPL, nDTW and TC. O(episodes x points of the path x points of the reference).

    Args:
        radius_m: within which a goal is reached: published figures differ by it (0.25 m, 1 m), so say which.
    """
    possible = [one for one in episodes if math.isfinite(one.shortest_m)]
    done = [one.stopped and _end_gap_m(one) <= radius_m for one in possible]
    efficient = [ok * _efficiency(one) for ok, one in zip(done, possible, strict=True)]
    return RouteScore(
        n_episodes=len(possible),
        n_unreachable=len(episodes) - len(possible),
        success=_mean(done),
        spl=_mean(efficient),
        ndtw=_mean([ndtw(one.path, one.reference) for one in possible if len(one.reference)]),
        tc=_mean([_end_gap_m(one) <= _THRESHOLD_M for one in possible]),
    )


def ndtw(path: Points, reference: Points, threshold_m: float = _THRESHOLD_M) -> float:
    """exp(-DTW / (points of the reference x threshold)): 1 for the same way, towards 0 for another. O(N M)."""
    a, b = np.asarray(path, np.float64), np.asarray(reference, np.float64)
    gaps = np.linalg.norm(a[:, None] - b[None], axis=2)
    return math.exp(-_warped(gaps) / (len(b) * threshold_m))


def length_m(path: Points) -> float:
    """Length of a way, metres."""
    points = np.asarray(path, np.float64)
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum()) if len(points) > 1 else 0.0


def _warped(gaps: NDArray[np.float64]) -> float:
    """Least sum of gaps along a monotone pairing of both ways from end to end."""
    before = np.cumsum(gaps[0])
    for row in gaps[1:]:
        now = np.empty_like(before)
        now[0] = before[0] + row[0]
        for k in range(1, len(row)):
            now[k] = row[k] + min(before[k], before[k - 1], now[k - 1])
        before = now
    return float(before[-1])


def _end_gap_m(episode: RouteEpisode) -> float:
    return min(math.dist(episode.path[-1], goal) for goal in episode.goals)


def _efficiency(episode: RouteEpisode) -> float:
    longest = max(length_m(episode.path), episode.shortest_m)
    return episode.shortest_m / longest if longest > 0 else 1.0


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0
