# SPDX-License-Identifier: Apache-2.0
"""One thing over time, as the mapper keeps it: more than the graph shows, and mutable."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.objects.patches import Patch
from mapping.story.words import N_COLOURS, colour_words, size_word
from memory_core.geometry import Box
from memory_core.graph import Instance, State
from memory_core.segment import UNLABELLED

_DIRECTIONS = 16
_HALF_BELIEF = 3.0  # after this many observations half of the doubt about a thing is left


@dataclass
class Track:
    """One thing over time.

    Attributes:
        number: the mapper's own number, in order of first sight.
        id: "" until it is admitted as an object.
        box: metres, map frame.
        label_sums: summed scores of the segments by class.
        colours: (N_COLOURS,) summed shares.
        n_pixels: pixels of the largest view so far.
        free_frames: frames in a row that saw its place free, the first of them at free_since_ns.
        missed_frames: frames in a row that saw its place as before from where it used to be seen, but not it.
        directions: bit mask of the compass directions it was seen from.
        anchor: node of the pose graph from which it was last seen, -1 for unknown.
        n_related: surface voxels it had when its relations were last looked at.
    """

    number: int
    box: Box
    first_seen_ns: int
    last_seen_ns: int
    id: str = ""
    state: State = "present"
    label_sums: dict[str, float] = field(default_factory=dict)
    colours: NDArray[np.float64] = field(default_factory=lambda: np.zeros(N_COLOURS))
    n_observations: int = 0
    n_pixels: int = 0
    free_frames: int = 0
    free_since_ns: int = 0
    missed_frames: int = 0
    directions: int = 0
    n_related: int = 0
    anchor: int = -1
    source: str = ""
    room_id: str = ""
    place_id: str = ""
    snapshot: str = ""

    def see(self, patch: Patch, label_scores: Mapping[str, float], source: str, stamp_ns: int, n_pixels: int) -> None:
        """Count one more frame that shows it; the box is the caller's to set."""
        for name, value in label_scores.items():
            self.label_sums[name] = self.label_sums.get(name, 0.0) + float(value)
        self.colours += patch.colours
        self.n_observations += 1
        self.n_pixels = max(self.n_pixels, n_pixels)
        self.free_frames = self.missed_frames = 0
        self.source = source
        self.last_seen_ns = stamp_ns

    def join(self, other: Track) -> None:
        """Take over what is known of another track that turned out to be the same thing."""
        for name, value in other.label_sums.items():
            self.label_sums[name] = self.label_sums.get(name, 0.0) + value
        self.colours += other.colours
        self.n_observations += other.n_observations
        self.n_pixels = max(self.n_pixels, other.n_pixels)
        self.first_seen_ns = min(self.first_seen_ns, other.first_seen_ns)
        self.last_seen_ns = max(self.last_seen_ns, other.last_seen_ns)
        self.directions |= other.directions
        self.free_frames = self.missed_frames = 0

    def direction_of(self, camera: tuple[float, float, float]) -> int:
        """The bit of `directions` for a camera: the compass direction from the thing to it."""
        x, y, _ = self.box.center
        turn = math.atan2(camera[1] - y, camera[0] - x) / (2 * math.pi) + 0.5
        return 1 << (int(turn * _DIRECTIONS) % _DIRECTIONS)

    def label_scores(self) -> dict[str, float]:
        """Class name to probability, most likely first; sums to 1."""
        total = math.fsum(self.label_sums.values())  # whatever their order, which a restart changes
        ranked = sorted(self.label_sums.items(), key=lambda item: (-item[1], item[0]))
        return {name: value / total for name, value in ranked} if total > 0 else {UNLABELLED: 1.0}

    @property
    def is_unnamed(self) -> bool:
        return set(self.label_sums) <= {UNLABELLED}

    def confidence(self) -> float:
        doubt = 0.5 ** (self.n_observations / _HALF_BELIEF)
        return float(round((1.0 - doubt) * next(iter(self.label_scores().values())), 3))

    def instance(self) -> Instance:
        """What the graph shows of it; metres to the millimetre."""
        scores = {name: round(value, 4) for name, value in self.label_scores().items()}
        box = Box(_to_mm(self.box.minimum), _to_mm(self.box.maximum))
        return Instance(
            id=self.id, label=next(iter(scores)), label_scores=scores, box=box, state=self.state,
            first_seen_ns=self.first_seen_ns, last_seen_ns=self.last_seen_ns, n_observations=self.n_observations,
            confidence=self.confidence(), words=(size_word(box.size), *colour_words(self.colours)),
            room_id=self.room_id, place_id=self.place_id,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """JSON values from which `track_from_json` makes the same track."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**values, "box": [self.box.minimum, self.box.maximum], "colours": self.colours.tolist()}


def track_from_json(values: Mapping[str, Any]) -> Track:
    """The track of `Track.to_json`."""
    minimum, maximum = values["box"]
    box = Box(tuple(minimum), tuple(maximum))
    return Track(**{**values, "box": box, "colours": np.array(values["colours"], np.float64)})


def _to_mm(values: tuple[float, float, float]) -> tuple[float, float, float]:
    return (round(values[0], 3), round(values[1], 3), round(values[2], 3))
