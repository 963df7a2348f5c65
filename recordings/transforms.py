# SPDX-License-Identifier: Apache-2.0
"""Moving frames and their tree: what tf2's buffer does, without ROS and without ever extrapolating."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import TransformUnavailable
from memory_core.geometry import interpolate_pose, invert_pose
from recordings.drops import Rejected

Pose = NDArray[np.float64]

MAX_FRAMES = 4096


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


class TransformPending(TransformUnavailable):
    """No transform yet; a message still to come may give it."""


class TransformBuffer:
    """Transforms between named frames over time; each frame has one parent, as in tf.

    Names are compared without a leading slash. Static transforms hold for all times.
    """

    def __init__(self, *, max_gap_ns: int, history_ns: int, jump_ns: int) -> None:
        """Keeps `history_ns` of each frame's motion; does not interpolate over more than `max_gap_ns`."""
        self._limits = {"max_gap_ns": max_gap_ns, "history_ns": history_ns, "jump_ns": jump_ns}
        self._parents: dict[str, str] = {}
        self._static: dict[str, Pose] = {}
        self._tracks: dict[str, PoseTrack] = {}

    def add(self, parent: str, child: str, stamp_ns: int, T_parent_child: Pose, *, static: bool = False) -> None:
        """Store where a child frame was in its parent. A new parent starts the child's history anew. O(1).

        Raises:
            Rejected: a frame without a name, a child of itself, or more than 4096 frames.
        """
        parent, child = plain_name(parent), plain_name(child)
        if not parent or not child or parent == child:
            raise Rejected("bad_pose", f"transform: want two frames with different names, got {parent!r} <- {child!r}")
        if child not in self._parents and len(self._parents) >= MAX_FRAMES:
            raise Rejected("bad_pose", f"transform: there are already {MAX_FRAMES} frames, {child!r} is too many")
        if self._parents.get(child) != parent or static != (child in self._static):
            self._static.pop(child, None)
            self._tracks.pop(child, None)
        self._parents[child] = parent
        if static:
            self._static[child] = T_parent_child
        else:
            self._tracks.setdefault(child, PoseTrack(**self._limits)).add(stamp_ns, T_parent_child)

    def lookup(self, target: str, source: str, stamp_ns: int) -> Pose:
        """T_target_source (4, 4) at exactly this time. O(links in between * log samples).

        Raises:
            TransformPending: not yet, a later message may bring it.
            TransformUnavailable: never: too old, or in a gap between samples.
        """
        target, source = plain_name(target), plain_name(source)
        up_source, up_target = self.ancestors(source), self.ancestors(target)
        common = next((frame for frame in up_source if frame in up_target), None)
        if common is None:
            known = ", ".join(sorted(self._names())[:12]) or "none"
            raise TransformPending(target, source, stamp_ns, f"they are not connected; frames there are: {known}")
        try:
            T_common_source = self._chain(up_source[: up_source.index(common)], stamp_ns)
            T_common_target = self._chain(up_target[: up_target.index(common)], stamp_ns)
        except NotCovered as error:
            kind = TransformPending if error.may_come else TransformUnavailable
            raise kind(target, source, stamp_ns, str(error)) from error
        if T_common_target is None:
            return np.eye(4) if T_common_source is None else T_common_source
        T_target_common = invert_pose(T_common_target)
        return T_target_common if T_common_source is None else np.asarray(T_target_common @ T_common_source)

    def ancestors(self, frame: str) -> list[str]:
        """The frame itself, its parent, and so on up to the root (or until a loop closes)."""
        chain = [plain_name(frame)]
        while (parent := self._parents.get(chain[-1])) is not None and parent not in chain:
            chain.append(parent)
        return chain

    def _chain(self, frames: list[str], stamp_ns: int) -> Pose | None:
        """The transform from the first of these frames to the parent of the last; None for no frames."""
        T: Pose | None = None
        for frame in frames:
            link = self._link(frame, stamp_ns)
            T = link if T is None else np.asarray(link @ T)
        return T

    def _link(self, frame: str, stamp_ns: int) -> Pose:
        static = self._static.get(frame)
        return static.copy() if static is not None else self._tracks[frame].at(stamp_ns)

    def _names(self) -> set[str]:
        return {*self._parents, *self._parents.values()}


def plain_name(frame: str) -> str:
    """A frame's name without the leading slash that ROS 1 allowed."""
    return frame.removeprefix("/")
