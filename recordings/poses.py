# SPDX-License-Identifier: Apache-2.0
"""Poses of one thing over time, looked up between samples and never beyond them."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from memory_core.geometry import interpolate_pose

Pose = NDArray[np.float64]


class NotCovered(Exception):
    """There is no pose at the time asked for; `may_come` says whether a later sample could give one."""

    def __init__(self, reason: str, *, may_come: bool) -> None:
        super().__init__(reason)
        self.may_come = may_come


class PoseTrack:
    """Samples (stamp, (4, 4) pose) sorted by stamp; a bounded history of one frame's motion."""

    def __init__(self, *, max_gap_ns: int, history_ns: int | None = None, jump_ns: int | None = None) -> None:
        """Keeps `history_ns` before the newest sample; a step back by more than `jump_ns` starts anew. None: never."""
        self._stamps: list[int] = []
        self._poses: list[Pose] = []
        self._max_gap_ns = max_gap_ns
        self._history_ns = history_ns
        self._jump_ns = jump_ns

    def __len__(self) -> int:
        return len(self._stamps)

    def add(self, stamp_ns: int, T: Pose) -> None:
        """Insert a sample; one with the same stamp is replaced. O(1) in stamp order, O(n) otherwise."""
        if self._jump_ns is not None and self._stamps and stamp_ns < self._stamps[-1] - self._jump_ns:
            self._stamps, self._poses = [], []
        position = bisect_left(self._stamps, stamp_ns)
        if position < len(self._stamps) and self._stamps[position] == stamp_ns:
            self._poses[position] = T
            return
        self._stamps.insert(position, stamp_ns)
        self._poses.insert(position, T)
        self._forget()

    def at(self, stamp_ns: int) -> Pose:
        """The pose at a time: the sample itself, or straight line and slerp between its neighbours. O(log n).

        Raises:
            NotCovered: before the first sample, after the last, or in a gap longer than max_gap.
        """
        if not self._stamps:
            raise NotCovered("no pose has come yet", may_come=True)
        after = bisect_left(self._stamps, stamp_ns)
        if after == len(self._stamps):
            late_s = (stamp_ns - self._stamps[-1]) / 1e9
            raise NotCovered(f"the latest pose is {late_s:.3f} s older", may_come=True)
        if self._stamps[after] == stamp_ns:
            return self._poses[after].copy()
        if after == 0:
            early_s = (self._stamps[0] - stamp_ns) / 1e9
            raise NotCovered(f"the earliest pose is {early_s:.3f} s newer", may_come=False)
        begin, end = self._stamps[after - 1], self._stamps[after]
        if end - begin > self._max_gap_ns:
            raise NotCovered(f"it lies in a gap of {(end - begin) / 1e9:.3f} s between poses", may_come=False)
        return interpolate_pose(self._poses[after - 1], self._poses[after], (stamp_ns - begin) / (end - begin))

    def _forget(self) -> None:
        # Trimming once the outdated part is half of the track keeps adding O(1) on average.
        if self._history_ns is None or len(self._stamps) < 16:
            return
        outdated = bisect_left(self._stamps, self._stamps[-1] - self._history_ns)
        if outdated > len(self._stamps) // 2:
            del self._stamps[:outdated]
            del self._poses[:outdated]
