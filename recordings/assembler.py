# SPDX-License-Identifier: Apache-2.0
"""Messages in, camera frames out: the one piece of code behind bags and live topics."""

from __future__ import annotations

from typing import Any

from memory_core.frame import CameraFrame
from recordings.drops import Drops, Rejected
from recordings.matching import FrameMatcher, Identity, PlacedFrame
from recordings.settings import RecordingSettings


class FrameAssembler:
    """Feed it messages in the order they came; each call returns the frames that became complete, in stamp order.

    Messages are duck-typed: rosbags' and rclpy's objects both fit. A frame is complete when a colour and a depth
    image belong together in time, CameraInfo is known, and poses before and after (or at) the depth stamp have
    come; the pose is interpolated there, never extrapolated. Feed one source of motion: tf, odometry or pose.
    Call from one thread.

    A caller that must return quickly can use a FrameMatcher, which does the same but leaves decoding to others.

    Attributes:
        drops: how many inputs could not become frames, by reason (recordings.drops.REASONS).
        warnings: one sentence for each reason.
    """

    def __init__(
        self,
        settings: RecordingSettings | None = None,
        identity: Identity | None = None,
        *,
        expect_instances: bool = False,
    ) -> None:
        """`expect_instances`: each frame waits for the instance image with its stamp.

        Raises:
            BadSource: intrinsics or camera_in_base in the settings cannot be read.
        """
        self._drops = Drops()
        settings = settings or RecordingSettings()
        self._matcher = FrameMatcher(settings, identity, expect_instances=expect_instances, drops=self._drops)
        self.drops = self._drops.counts
        self.warnings = self._drops.messages

    def rgb(self, msg: Any) -> list[CameraFrame]:
        """A colour Image (rgb8, bgr8, rgba8, bgra8, mono8) or CompressedImage (JPEG, PNG)."""
        return self._decoded(self._matcher.rgb(msg))

    def depth(self, msg: Any) -> list[CameraFrame]:
        """A depth Image (16UC1 mm, 32FC1 m) or CompressedImage (compressedDepth)."""
        return self._decoded(self._matcher.depth(msg))

    def camera_info(self, msg: Any) -> list[CameraFrame]:
        """A CameraInfo of the camera that depth is registered to."""
        return self._decoded(self._matcher.camera_info(msg))

    def transforms(self, msg: Any, static: bool = False) -> list[CameraFrame]:
        """A TFMessage of /tf, or of /tf_static when `static`."""
        return self._decoded(self._matcher.transforms(msg, static))

    def odometry(self, msg: Any) -> list[CameraFrame]:
        """An Odometry; the camera hangs on its child frame by camera_in_base or by static tf."""
        return self._decoded(self._matcher.odometry(msg))

    def pose(self, msg: Any) -> list[CameraFrame]:
        """A PoseStamped of the camera, or with camera_in_base of the body that carries it."""
        return self._decoded(self._matcher.pose(msg))

    def instances(self, msg: Any) -> list[CameraFrame]:
        """An instance image (32SC1) of a simulator."""
        return self._decoded(self._matcher.instances(msg))

    def instance_labels(self, msg: Any) -> list[CameraFrame]:
        """A String with JSON {"1": "Sofa"}: class names for the instance images that follow."""
        return self._decoded(self._matcher.instance_labels(msg))

    def finish(self) -> list[CameraFrame]:
        """The last frames, when nothing more comes."""
        return self._decoded(self._matcher.finish())

    def _decoded(self, placed: list[PlacedFrame]) -> list[CameraFrame]:
        return [frame for frame in map(self._decode, placed) if frame is not None]

    def _decode(self, placed: PlacedFrame) -> CameraFrame | None:
        try:
            return placed.decode()
        except Rejected as problem:
            self._drops.add(problem.reason, str(problem))
            return None
