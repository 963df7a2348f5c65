# SPDX-License-Identifier: Apache-2.0
"""Subscribes images, intrinsics and poses, and hands on the frames they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String

from memory_core.errors import BackendUnavailable
from memory_nodes.counts import Counts
from memory_nodes.runtime import ServedNode, guarded
from memory_nodes.settings import NodeSettings
from recordings.matching import FrameMatcher, Identity, PlacedFrame
from recordings.settings import RecordingSettings

OnFrame = Callable[[PlacedFrame], None]
Match = Callable[[Any], list[PlacedFrame]]

_TF_DEPTH = 100
_POSE_DEPTH = 200
_NO_TF = "transforms need tf2_msgs: run tools/build_interfaces.py, or source a ROS 2 installation"


class FrameInput(ServedNode):
    """The node that listens to a robot's camera.

    A frame exists when its images, intrinsics and pose have come. Callbacks only match and hand on; who gets a frame
    decodes it.

    Attributes:
        topics: input name ("rgb", "tf", ...) to the topic it is subscribed on.
        drops: inputs that could not become frames, by reason.

    Raises:
        BackendUnavailable: transforms were asked for and their message type is not installed.
    """

    def __init__(
        self, name: str, settings: NodeSettings, recording: RecordingSettings, counts: Counts, on_frame: OnFrame,
        **node_options: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, **node_options)
        self._settings, self._counts, self._on_frame = settings, counts, on_frame
        identity = Identity(recording.robot_id or "robot", "live", recording.map_id)
        self._matcher = FrameMatcher(recording, identity, expect_instances=settings.use_instances)
        self._pose_source = recording.pose_source
        self.topics: dict[str, str] = {}
        self._subscribe_images()
        self._subscribe_poses(recording.pose_source)

    @property
    def drops(self) -> dict[str, int]:
        return dict(self._matcher.drops.counts)

    def close(self) -> None:
        """Hand on the frames that only waited for a still better partner."""
        for frame in self._matcher.finish():
            self._on_frame(frame)

    def _subscribe_images(self) -> None:
        reliability = {"reliable": ReliabilityPolicy.RELIABLE, "best_effort": ReliabilityPolicy.BEST_EFFORT}
        qos = QoSProfile(depth=self._settings.image_depth, reliability=reliability[self._settings.image_qos])
        compressed = self._settings.image_transport == "compressed"
        kind = CompressedImage if compressed else Image
        for name, suffix, callback in (
            ("rgb", "/compressed", self._matcher.rgb),
            ("depth", "/compressedDepth", self._matcher.depth),
        ):
            topic = self.resolve_topic_name(name) + (suffix if compressed else "")
            self._subscribe(name, kind, topic, qos, callback)
        self._subscribe("camera_info", CameraInfo, "camera_info", qos, self._matcher.camera_info)
        if self._settings.use_instances:
            latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
            self._subscribe("instance_labels", String, "instance_labels", latched, self._matcher.instance_labels)
            self._subscribe("instances", Image, "instances", qos, self._matcher.instances)

    def _subscribe_poses(self, source: str) -> None:
        qos = QoSProfile(depth=_POSE_DEPTH)
        if source != "pose":
            self._subscribe_transforms(required=source == "tf")
        if source in ("auto", "odometry"):
            self._subscribe(
                "odom", Odometry, "odom", qos, lambda msg: self._moved("odometry", self._matcher.odometry, msg)
            )
        if source in ("auto", "pose"):
            self._subscribe("pose", PoseStamped, "pose", qos, lambda msg: self._moved("pose", self._matcher.pose, msg))

    def _moved(self, source: str, match: Match, message: Any) -> list[PlacedFrame]:
        """Follow one source of motion only; the first to come is it, but transforms are preferred where published."""
        if self._pose_source == "auto":
            has_tf = "tf" in self.topics and self.count_publishers(self.topics["tf"]) > 0
            self._pose_source = "tf" if has_tf else source
            self.get_logger().info(f"poses come from {self._pose_source}")
        return match(message) if self._pose_source == source else []

    def _subscribe_transforms(self, *, required: bool) -> None:
        try:
            from tf2_msgs.msg import TFMessage
        except ImportError as error:
            if required:
                raise BackendUnavailable(_NO_TF) from error
            self.get_logger().warning(_NO_TF)
            return
        latched = QoSProfile(depth=_TF_DEPTH, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._subscribe(
            "tf_static", TFMessage, "/tf_static", latched, lambda msg: self._matcher.transforms(msg, static=True)
        )
        self._subscribe(
            "tf", TFMessage, "/tf", QoSProfile(depth=_TF_DEPTH),
            lambda msg: self._moved("tf", self._matcher.transforms, msg),
        )  # fmt: skip

    def _subscribe(self, name: str, kind: Any, topic: str, qos: QoSProfile, match: Match) -> None:
        def take(message: Any) -> None:
            self._counts.add(f"received: {name}")
            for frame in match(message):
                self._counts.add("frames")
                self._on_frame(frame)

        subscription = self.create_subscription(
            kind,
            topic,
            guarded(self, self._counts, name, take),
            qos,
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=lambda event: self._on_mismatch(name, event)),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        self.topics[name] = subscription.topic_name

    def _on_mismatch(self, name: str, event: Any) -> None:
        self._counts.add(f"incompatible qos: {name}")
        self.get_logger().warning(
            f"{self.topics[name]}: a publisher offers less than is asked for ({event.last_policy_kind}); nothing will "
            "come from it. For a camera driver say image_qos:=best_effort"
        )
