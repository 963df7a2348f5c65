# SPDX-License-Identifier: Apache-2.0
"""Segments from the instance image of a simulator."""

from __future__ import annotations

import numpy as np

from memory_core.errors import BadFrame
from memory_core.frame import CameraFrame
from memory_core.labels import STRUCTURE, spoken
from memory_core.segment import Segment

_UNKNOWN = "object"


class TruthSegmenter:
    """One segment for each instance id in view, labelled with the simulator's class; the id itself is not passed on.

    Parts of the building and specks smaller than `min_pixels` are left out. Remembers nothing.
    """

    def __init__(self, min_pixels: int = 25) -> None:
        self._min_pixels = min_pixels

    def segment(self, frame: CameraFrame) -> list[Segment]:
        """Segments in order of the instance ids. O(pixels).

        Raises:
            BadFrame: the frame has no instance image.
        """
        ids = frame.instance_ids
        if ids is None:
            raise BadFrame("instance_ids: want an instance image for the truth segmenter, got none; use geometric")
        present, inverse, counts = np.unique(ids, return_inverse=True, return_counts=True)
        index = inverse.reshape(ids.shape)
        found = []
        for k, (instance_id, n_pixels) in enumerate(zip(present.tolist(), counts.tolist(), strict=True)):
            label = spoken(frame.instance_labels.get(instance_id, _UNKNOWN))
            if instance_id != 0 and n_pixels >= self._min_pixels and label not in STRUCTURE:
                found.append(_segment(index == k, label))
        return found

    def reset(self) -> None:
        """Nothing to forget."""

    def state(self) -> bytes:
        return b""

    def restore(self, state: bytes) -> None:
        """Nothing to restore."""


def _segment(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], label: str) -> Segment:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    u0, v0, u1, v1 = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    return Segment((u0, v0, u1, v1), mask[v0:v1, u0:u1].copy(), {label: 1.0}, "truth")
