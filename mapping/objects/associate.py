# SPDX-License-Identifier: Apache-2.0
"""Which segment of a frame is which known thing: by the voxels they share, their boxes and their classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mapping.objects.boxes import union
from memory_core.geometry import Box, iou, overlap_share
from memory_core.segment import UNLABELLED

_MIN_AGREEMENT = 0.2  # classes that agree less than this are different classes
_HANDY_M = 1.2  # what has no name and is longer than this is not made longer: it would swallow its surroundings
_GROWTH = 1.15
_SAME_BOX = 0.5  # boxes with this much in common, by their union, are one thing even without common voxels


@dataclass(frozen=True, slots=True)
class View:
    """What is compared: where something is and what it may be."""

    box: Box
    label_scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Match:
    """One possible answer, better first."""

    score: float
    segment: int
    track: int


def agreement(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """How far two label distributions agree, 0..1; "object" agrees with everything."""
    unknown = max(a.get(UNLABELLED, 0.0), b.get(UNLABELLED, 0.0))
    named = sum(min(score, b[name]) for name, score in a.items() if name in b and name != UNLABELLED)
    return min(1.0, unknown + named)


def same_named(a: Mapping[str, float], b: Mapping[str, float]) -> bool:
    """Whether both have a name and agree on it."""
    return UNLABELLED not in a and UNLABELLED not in b and agreement(a, b) >= 0.5


def _outgrows(segment: Box, track: Box) -> bool:
    longest = max(*segment.size, *track.size, _HANDY_M / _GROWTH)
    return max(union(segment, track).size) > _GROWTH * longest


def score(segment: View, track: View, shared: float, *, overlap: float, box_overlap: float, margin_m: float) -> float:
    """How well a segment fits a known thing, 0 when it cannot be that thing.

    Args:
        shared: part of the segment's voxels that the thing owns.
        overlap: least part that makes them the same.
        box_overlap: least overlap of boxes that makes two views of one class the same without common voxels,
            as when a thing is first seen from its other side.
        margin_m: boxes are grown by this first; thin things would have no volume.
    """
    if agreement(segment.label_scores, track.label_scores) < _MIN_AGREEMENT:
        return 0.0
    boxes = overlap_share(segment.box, track.box, margin_m)
    named = same_named(segment.label_scores, track.label_scores)
    if not named and _outgrows(segment.box, track.box):
        return 0.0
    if shared >= overlap or (named and boxes >= box_overlap) or iou(segment.box, track.box, margin_m) >= _SAME_BOX:
        return shared + 0.5 * boxes
    return 0.0


def assign(n_segments: int, candidates: Sequence[Sequence[int]], fit: Callable[[int, int], float]) -> list[int | None]:
    """The track of each segment, None for a new thing; a track is given to one segment only.

    Args:
        candidates: for each segment the tracks that may fit.
        fit: score of a segment and a track, 0 for impossible.

    Best first; ties go to the lower track and segment. O(k log k) for k candidates in all.
    """
    matches = [
        Match(value, segment, track)
        for segment in range(n_segments)
        for track in candidates[segment]
        if (value := fit(segment, track)) > 0.0
    ]
    matches.sort(key=lambda match: (-match.score, match.track, match.segment))
    tracks: list[int | None] = [None] * n_segments
    taken: set[int] = set()
    for match in matches:
        if tracks[match.segment] is None and match.track not in taken:
            tracks[match.segment] = match.track
            taken.add(match.track)
    return tracks
