# SPDX-License-Identifier: Apache-2.0
"""One thing in one image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from memory_core.frame import CameraFrame

UNLABELLED = "object"


@dataclass(frozen=True, eq=False, slots=True)
class Segment:
    """One thing in one image.

    Attributes:
        box_px: (u0, v0, u1, v1), half open, pixels.
        mask: (v1 - v0, u1 - u0) bool, the thing's pixels inside the box.
        label_scores: class name to score in 0..1; {"object": 1.0} when nothing is known.
        source: which segmenter said so, e.g. "truth", "geometric".
        embedding: (D,) float32 or None.
    """

    box_px: tuple[int, int, int, int]
    mask: NDArray[np.bool_]
    label_scores: Mapping[str, float]
    source: str
    embedding: NDArray[np.float32] | None = None

    @property
    def label(self) -> str:
        return max(self.label_scores, key=lambda name: (self.label_scores[name], name))

    @property
    def n_pixels(self) -> int:
        return int(np.count_nonzero(self.mask))


class Segmenter(Protocol):
    """Turns frames into segments. May remember earlier frames; `reset` forgets them.

    `state` and `restore` carry that memory across a restart, so that a resumed build goes on as if never stopped.
    """

    def segment(self, frame: CameraFrame) -> list[Segment]: ...

    def reset(self) -> None: ...

    def state(self) -> bytes: ...

    def restore(self, state: bytes) -> None: ...
