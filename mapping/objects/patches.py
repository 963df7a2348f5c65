# SPDX-License-Identifier: Apache-2.0
"""What one segment of one frame shows of a surface: its voxels in the map and its colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapping.objects.surface_kernels import collect
from mapping.story.words import colour_shares
from memory_core.frame import CameraFrame
from memory_core.segment import Segment

_MAX_VOXELS = 4096
_SAMPLES = 4000  # pixels looked at in one segment; larger ones are thinned


@dataclass(frozen=True, eq=False, slots=True)
class Patch:
    """The visible surface of one thing in one frame.

    Attributes:
        keys: (N,) voxels, in order of the pixels.
        means: (N, 3) float32, mean point in each voxel, map frame, metres.
        minimum, maximum: (3,) metres, box of the means.
        n_points: depth pixels that were used.
        colours: (N_COLOURS,) share of the pixels by colour word, sums to 1.
    """

    keys: NDArray[np.int64]
    means: NDArray[np.float32]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    n_points: int
    colours: NDArray[np.float64]


class PatchReader:
    """Turns segments into patches; keeps its working memory between calls.

    O(pixels of the segment, at most a few thousand).
    """

    def __init__(self, voxel_size_m: float, range_m: float) -> None:
        self._voxel_size_m, self._range_m = voxel_size_m, range_m
        self._slots = np.full(4 * _MAX_VOXELS, -1, np.int32)
        self._keys = np.empty(_MAX_VOXELS, np.int64)
        self._sums = np.empty((_MAX_VOXELS, 3), np.float64)
        self._counts = np.empty(_MAX_VOXELS, np.int64)

    def read(self, frame: CameraFrame, segment: Segment) -> Patch | None:
        """The patch of a segment, None when none of its pixels has usable depth."""
        step = max(1, int((segment.n_pixels / _SAMPLES) ** 0.5))
        n, n_points = collect(
            frame.depth, frame.K, frame.T_world_cam, segment.box_px[0], segment.box_px[1], segment.mask, step,
            self._range_m, 1.0 / self._voxel_size_m, self._slots, self._keys, self._sums, self._counts,
        )  # fmt: skip
        if n == 0:
            return None
        means = (self._sums[:n] / self._counts[:n, None]).astype(np.float32)
        low, high = means.min(axis=0).astype(np.float64), means.max(axis=0).astype(np.float64)
        return Patch(self._keys[:n].copy(), means, low, high, int(n_points), colour_shares(frame.rgb, segment, step))
