# SPDX-License-Identifier: Apache-2.0
"""Kitchens that are open to living rooms: one space is cut in two where its outline turns and its contents change.

Walls cannot part such rooms, so two things must agree: a straight cut from an inner corner of the outline, and things
on both sides that are far likelier in two kinds of room than in one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mapping.topology.rooms import evidence

Labels = NDArray[np.int32]
Mask = NDArray[np.bool_]

KINDS = ("kitchen", "living room", "bedroom", "office")  # those that are built open to each other
_CLEARLY = math.log(1000.0)
_LEAST_VOICE = math.log(4.0)  # what must speak for a second kind before a cut is tried
_LEAST_M2 = 4.0
_OUTLINE_M = 0.2  # bumps of an outline that are no corners


@dataclass(frozen=True, slots=True)
class Content:
    """A thing in the grid: element, class and how sure it is."""

    cell: tuple[int, int]
    label: str
    confidence: float


def part_open_plans(labels: Labels, contents: Sequence[Content], voxel_size_m: float) -> Labels:
    """Rooms with those cut in two whose contents say so; new numbers follow after the largest.

    Args:
        labels: (nx, ny) number of the room of each cell, 0 outside.

    O(corners * area) for rooms with things of two kinds, O(things) for all others.
    """
    parted = labels.copy()
    waiting = (
        [int(label) for label in np.unique(parted[tuple(np.array([c.cell for c in contents]).T)])] if contents else []
    )
    while waiting:
        label = waiting.pop(0)
        inside = [content for content in contents if parted[content.cell] == label]
        if label == 0 or not _two_kinds(inside):
            continue
        side = _best_side(parted == label, inside, voxel_size_m)
        if side is not None:
            new = int(parted.max()) + 1
            parted[side] = new
            waiting += [label, new]
    return parted


def _two_kinds(contents: Sequence[Content]) -> bool:
    """Whether any cut could be worth it: the two best kinds, each by the things that speak for it."""
    best = dict.fromkeys(KINDS, 0.0)
    for content in contents:
        scores = evidence([(content.label, content.confidence)])
        kind = max(KINDS, key=lambda name: scores[name])
        best[kind] += max(0.0, scores[kind])
    return sorted(best.values())[-2] >= _LEAST_VOICE


def _best_side(room: Mask, contents: Sequence[Content], voxel_size_m: float) -> Mask | None:
    """One side of the most convincing cut, None if none convinces."""
    best: tuple[float, Mask] | None = None
    whole = max(_scores(contents).values())
    for side in _sides(room, voxel_size_m):
        if min(side.sum(), room.sum() - side.sum()) * voxel_size_m**2 < _LEAST_M2:
            continue
        one = _scores([content for content in contents if side[content.cell]])
        other = _scores([content for content in contents if not side[content.cell]])
        gain = max(one[a] + other[b] for a in KINDS for b in KINDS if a != b) - whole
        if gain >= _CLEARLY and (best is None or gain > best[0]):
            best = (gain, side)
    return None if best is None else best[1]


def _scores(contents: Sequence[Content]) -> dict[str, float]:
    scores = evidence([(content.label, content.confidence) for content in contents])
    return {kind: scores[kind] for kind in KINDS}


def _sides(room: Mask, voxel_size_m: float) -> Iterator[Mask]:
    """For each straight cut from an inner corner along one of its walls, the cells on one side of it."""
    for start, end in _cuts(room, _OUTLINE_M / voxel_size_m):
        canvas = room.astype(np.uint8)
        cv2.line(canvas, start[::-1], end[::-1], 0, 1, cv2.LINE_4)
        _, pieces, stats, _ = cv2.connectedComponentsWithStats(canvas, connectivity=4)
        if len(stats) > 2:
            largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
            yield room & (pieces != largest) & (pieces > 0)


def _cuts(room: Mask, tolerance: float) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """(start, end) elements of cuts: from each inner corner straight on along both walls until the room ends."""
    outlines, _ = cv2.findContours(room.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=cv2.contourArea)
    corners = cv2.approxPolyDP(outline, tolerance, True)[:, 0, ::-1].astype(np.float64)
    turn = np.sign(cv2.contourArea(corners.astype(np.float32), oriented=True))
    for before, corner, after in zip(np.roll(corners, 1, 0), corners, np.roll(corners, -1, 0), strict=True):
        come, go = corner - before, after - corner
        if turn * (come[0] * go[1] - come[1] * go[0]) < 0:
            for way in (come, -go):
                end = _march(room, corner, way)
                if end is not None:
                    yield (int(corner[0]), int(corner[1])), end


def _march(room: Mask, start: NDArray[Any], way: NDArray[Any]) -> tuple[int, int] | None:
    """The last cell of the room in a direction; None when there is hardly any."""
    step = way / max(float(np.abs(way).max()), 1e-9)
    points = np.floor(start + step * np.arange(1, max(room.shape))[:, None] + 0.5).astype(int)
    inside: Mask = np.asarray(((points >= 0) & (points < room.shape)).all(axis=1))
    inside[inside] = room[tuple(points[inside].T)]
    grazing = 4  # the first cells may still touch the wall
    outside = np.flatnonzero(~inside[grazing:])
    length = grazing + int(outside[0]) if len(outside) else 0
    return (int(points[length][0]), int(points[length][1])) if length > 2 * grazing else None
