# SPDX-License-Identifier: Apache-2.0
"""Which candidates of a frame were also there in most of the last few frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_core.geometry import Box, iou

_SAME = 0.3  # overlap of two boxes, by the union, that makes them the same candidate
_MARGIN_M = 0.02
_LIMIT = 256


@dataclass
class _Seen:
    box: Box
    frames: int  # one bit for each of the last frames, the newest lowest


class Steady:
    """Follows candidates by their boxes in the map frame. O(candidates x followed) for each frame, both few."""

    def __init__(self, window: int, steady: int) -> None:
        self._mask = (1 << window) - 1
        self._steady = steady
        self._seen: list[_Seen] = []

    def admit(self, boxes: Sequence[Box], may_begin: Sequence[bool]) -> list[bool]:
        """For each candidate whether it is steady; those that may not begin only go on."""
        for one in self._seen:
            one.frames = (one.frames << 1) & self._mask
        fits = [
            (share, -k, -c) for c, box in enumerate(boxes) for k, one in enumerate(self._seen)
            if (share := iou(box, one.box, _MARGIN_M)) >= _SAME
        ]  # fmt: skip
        chosen: dict[int, int] = {}
        for _, k, c in sorted(fits, reverse=True):
            if -c not in chosen and -k not in chosen.values():
                chosen[-c] = -k
        admitted = [self._follow(c, box, chosen.get(c), may_begin[c]) for c, box in enumerate(boxes)]
        self._seen = [one for one in self._seen if one.frames][-_LIMIT:]
        return admitted

    def _follow(self, c: int, box: Box, known: int | None, may_begin: bool) -> bool:
        if known is None:
            if may_begin:
                self._seen.append(_Seen(box, 1))
            return may_begin and self._steady <= 1
        one = self._seen[known]
        one.box, one.frames = box, one.frames | 1
        return one.frames.bit_count() >= self._steady

    def rows(self) -> NDArray[np.float64]:
        """(n, 7) numbers from which `load` makes the same."""
        return np.array([[*s.box.minimum, *s.box.maximum, s.frames] for s in self._seen], np.float64).reshape(-1, 7)

    def load(self, rows: NDArray[np.float64]) -> None:
        self._seen = [_Seen(Box((a, b, c), (d, e, f)), int(n)) for a, b, c, d, e, f, n in rows.tolist()]
