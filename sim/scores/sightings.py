# SPDX-License-Identifier: Apache-2.0
"""What of each object was to be seen: counted while frames go by, whatever a memory makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from memory_core.errors import BadInput
from memory_core.frame import CameraFrame
from sim.types import SimObject

ENOUGH_PIXELS = 1000


class TruthfulSource(Protocol):
    """Frames with instance images, and the objects these speak of."""

    def frames(self, start: int = 0) -> Iterator[CameraFrame]: ...

    def objects(self) -> list[SimObject]: ...


@dataclass(frozen=True, slots=True)
class Sighting:
    """What of an object was to be seen over all frames.

    Attributes:
        n_pixels: over all frames.
        first_ns, last_ns: stamps of the first and the last frame with any pixel of it.
        last_clear_ns: stamp of the last frame with at least half as many pixels as in its best frame.
    """

    n_pixels: int
    first_ns: int
    last_ns: int
    last_clear_ns: int


@dataclass
class Witness:
    """Counts the pixels of every number in the instance images that it is shown."""

    _seen: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def see(self, frame: CameraFrame) -> None:
        """Take note of one frame; O(pixels).

        Raises:
            BadInput: the frame has no instance image.
        """
        if frame.instance_ids is None:
            raise BadInput("truth: want frames with instance images, got one without")
        pixels = np.bincount(frame.instance_ids.ravel())
        for number in np.flatnonzero(pixels).tolist():
            self._seen.setdefault(number, []).append((frame.stamp_ns, int(pixels[number])))

    def sightings(self, truth: Sequence[SimObject]) -> dict[str, Sighting]:
        """Sightings of the objects seen at all, by uid. O(objects x frames)."""
        return {o.uid: _sighting(self._seen[o.instance_id]) for o in truth if o.instance_id in self._seen}

    def pixels(self, truth: Sequence[SimObject]) -> dict[str, int]:
        """Pixels of each object over all frames, by uid, 0 for those never seen."""
        return {o.uid: sum(n for _, n in self._seen.get(o.instance_id, ())) for o in truth}


def sightings(source: TruthfulSource) -> dict[str, Sighting]:
    """Sightings of the objects seen at all, by uid; renders all frames once. O(frames x pixels)."""
    return _witness(source).sightings(source.objects())


def visible_pixels(source: TruthfulSource) -> dict[str, int]:
    """Pixels of each object over all frames of a source, by uid, 0 for those never seen; O(frames x pixels)."""
    return _witness(source).pixels(source.objects())


def _witness(source: TruthfulSource) -> Witness:
    witness = Witness()
    for frame in source.frames():
        witness.see(frame)
    return witness


def _sighting(seen: list[tuple[int, int]]) -> Sighting:
    best = max(n for _, n in seen)
    last_clear = max(stamp for stamp, n in seen if 2 * n >= best)
    return Sighting(sum(n for _, n in seen), seen[0][0], seen[-1][0], last_clear)
