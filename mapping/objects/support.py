# SPDX-License-Identifier: Apache-2.0
"""What a thing stands on or is in, judged by boxes and by the surface of what may carry it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from memory_core.geometry import Box
from memory_core.graph import Instance, Relation

SurfaceOf = Callable[[str], NDArray[np.float32]]
Points = NDArray[np.floating]

_TOUCH_M = 0.08  # vertical gap, either way, between a thing and what it stands on
_RING_M = 0.08  # width of the ring around a footprint where support and walls are looked for: below it nothing is seen
_FOOTPRINT = 0.5  # share of a footprint that must lie over the support
_ROOF_POINTS = 3  # points of the carrier above a thing that make it a shelf
_N_SECTORS = 8
_WALLED = 5  # sectors with a wall around a thing that make it a bowl
_WALL_M = 0.02
_ROOMY = 2.0

# What people say regardless of boards above or rims around: a book is on a shelf, a sponge is in a sink.
_ON = frozenset({
    "arm chair", "armchair", "bed", "bench", "bookcase", "bookshelf", "cart", "chair", "coffee table", "counter",
    "counter top", "countertop", "desk", "dining table", "dog bed", "dresser", "footstool", "night stand",
    "nightstand", "ottoman", "pan", "plate", "shelf", "shelving unit", "side table", "sofa", "stool", "stove burner",
    "table", "toilet", "tray", "tv stand",
})  # fmt: skip
_IN = frozenset({
    "basket", "bathtub", "bathtub basin", "box", "cabinet", "clothes dryer", "cup", "dishwasher", "drawer", "dryer",
    "fridge", "garbage can", "laundry hamper", "microwave", "mug", "oven", "pot", "safe", "sink", "sink basin",
    "wardrobe", "washing machine",
})  # fmt: skip


def parent_of(one: Instance, others: Iterable[Instance], surface: SurfaceOf) -> Relation | None:
    """The relation of a thing to what carries or holds it: the closest below, then the smallest. None on the floor.

    O(others, and the surfaces of those under its footprint).
    """
    best: tuple[float, float, int, Relation] | None = None
    for other in others:
        if other.state != "present" or not _may_carry(one.box, other.box):
            continue
        found = _judge(one, other, surface(other.id))
        if found is None:
            continue
        gap_m, predicate = found
        relation = Relation(one.id, predicate, other.id, round(_footprint_share(one.box, other.box), 2))
        rank = (round(gap_m, 2), other.box.volume_m3, int(other.id[1:]), relation)
        if best is None or rank[:3] < best[:3]:
            best = rank
    return best[3] if best else None


def _may_carry(box: Box, other: Box) -> bool:
    level = other.minimum[2] - _TOUCH_M <= box.minimum[2] <= other.maximum[2] + _TOUCH_M
    if not level or _footprint_share(box, other) < _FOOTPRINT:
        return False
    size, below = box.size, other.size
    return below[0] * below[1] > 0.8 * size[0] * size[1] or other.volume_m3 > box.volume_m3


def _footprint_share(box: Box, other: Box) -> float:
    """Share of a footprint, at least a few centimetres wide, that lies over another."""
    share = 1.0
    for i in (0, 1):
        low, high = box.minimum[i] - 0.01, box.maximum[i] + 0.01
        share *= max(0.0, min(high, other.maximum[i] + 0.01) - max(low, other.minimum[i] - 0.01)) / (high - low)
    return share


def _judge(one: Instance, other: Instance, surface: Points) -> tuple[float, Literal["on", "in"]] | None:
    """(vertical gap in metres, predicate), or None when the other does not carry it.

    What is between the top and the bottom of the other needs more than its box: a thing under a table is not on it.
    """
    bottom, top = one.box.minimum[2], one.box.maximum[2]
    if bottom >= other.box.maximum[2] - _WALL_M:
        return abs(bottom - other.box.maximum[2]), "on"
    fits = top <= other.box.maximum[2] + _TOUCH_M
    if other.label in _IN:
        return (0.0, "in") if fits else None
    ring = _within(surface, one.box, _RING_M)
    below = ring[ring[:, 2] <= bottom + _TOUCH_M, 2]
    highest_m = abs(bottom - float(below.max())) if len(below) else float("inf")
    roomy = other.box.volume_m3 > _ROOMY * one.box.volume_m3
    if other.label not in _ON and fits and roomy and _walled(surface, one.box):
        return 0.0, "in"
    if highest_m > _TOUCH_M:
        return None
    gap_m = float(np.abs(below - bottom).min())  # walls and backs beside a thing rise above what it stands on
    over = _within(surface, one.box, 0.0)
    roofed = np.count_nonzero(over[:, 2] > top + _WALL_M) >= _ROOF_POINTS
    return gap_m, "in" if roofed and other.label not in _ON else "on"


def _within(surface: Points, box: Box, margin_m: float) -> Points:
    """Points above, below or in a footprint grown by a margin."""
    low, high = np.subtract(box.minimum[:2], margin_m), np.add(box.maximum[:2], margin_m)
    inside = ((surface[:, :2] >= low) & (surface[:, :2] <= high)).all(axis=1)
    return np.asarray(surface[inside])


def _walled(surface: Points, box: Box) -> bool:
    """Whether the carrier rises around a thing on most sides."""
    height = box.minimum[2] + max(_WALL_M, 0.3 * box.size[2])
    walls = surface[surface[:, 2] > height]
    if not len(walls):
        return False
    angles = np.arctan2(walls[:, 1] - box.center[1], walls[:, 0] - box.center[0])
    sectors = np.floor((angles + np.pi) / (2 * np.pi) * _N_SECTORS).astype(int) % _N_SECTORS
    return len(np.unique(sectors)) >= _WALLED
