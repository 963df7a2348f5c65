# SPDX-License-Identifier: Apache-2.0
"""A tree of moving frames: what tf2's buffer does, without ROS and without ever extrapolating."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import TransformUnavailable
from memory_core.geometry import invert_pose
from recordings.drops import Rejected
from recordings.poses import NotCovered, PoseTrack

Pose = NDArray[np.float64]

MAX_FRAMES = 4096


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
