# SPDX-License-Identifier: Apache-2.0
"""Images brought together with CameraInfo and the pose at their time; what cannot be placed is dropped and counted."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BadFrame, TransformUnavailable
from memory_core.frame import CameraFrame
from memory_core.geometry import canonical_pose
from recordings import messages, parse
from recordings.drops import Drops, Rejected
from recordings.folder import size_mismatch
from recordings.messages import CameraModel, ImageMessage, StampedPose
from recordings.pairing import ImagePairing, Pair
from recordings.settings import RecordingSettings
from recordings.transforms import TransformBuffer, TransformPending

T = TypeVar("T")

_WORLD_FRAMES = ("map", "odom", "world")
_POSE_BODY = "(body of the pose topic)"
_KEPT_MODELS = 64


@dataclass(frozen=True)
class Identity:
    """Who recorded, in which session, in which world; an empty map_id means the name of the world frame."""

    robot_id: str = "robot"
    session_id: str = "session"
    map_id: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class PlacedFrame:
    """All parts of one frame, its images not decoded yet."""

    rgb: ImageMessage
    depth: ImageMessage
    K: NDArray[np.float64]
    T_world_cam: NDArray[np.float64]
    identity: Identity
    instances: ImageMessage | None = None
    labels: Mapping[int, str] = field(default_factory=dict)

    @property
    def is_raw(self) -> bool:
        """Whether decoding cannot fail."""
        return self.rgb.is_raw and self.depth.is_raw

    def decode(self) -> CameraFrame:
        """The frame, with the stamp of its depth image. Raises Rejected for a damaged compressed image."""
        try:
            return CameraFrame(
                stamp_ns=self.depth.stamp_ns,
                rgb=self.rgb.decode(),
                depth=self.depth.decode(),
                K=self.K.copy(),
                T_world_cam=self.T_world_cam,
                robot_id=self.identity.robot_id,
                session_id=self.identity.session_id,
                map_id=self.identity.map_id,
                instance_ids=None if self.instances is None else self.instances.decode(),
                instance_labels=self.labels,
            )
        except Rejected:
            raise
        except BadFrame as error:
            raise Rejected("bad_image", str(error)) from error


class FrameMatcher:
    """Takes messages in the order they came and gives the frames that became complete, in stamp order.

    Messages are duck-typed: rosbags' and rclpy's objects both fit. A frame is complete when a colour and a depth
    image belong together in time, CameraInfo is known, and poses before and after (or at) the depth stamp have
    come; the pose is interpolated there, never extrapolated. Call from one thread.

    Poses come from whatever is fed: tf (`transforms`), `odometry` or `pose`. Feed only one source of motion;
    static transforms may be added to each. Memory is bounded: queues by count, transforms by age.

    Attributes:
        drops: what could not become a frame.
    """

    def __init__(
        self,
        settings: RecordingSettings,
        identity: Identity | None = None,
        *,
        expect_instances: bool = False,
        drops: Drops | None = None,
    ) -> None:
        """`expect_instances`: every frame waits for the instance image with its depth stamp."""
        self.drops = drops or Drops()
        self._settings = settings
        self._identity = identity or Identity()
        self._world_frame = settings.world_frame
        self._expect_instances = expect_instances
        self._camera_in_base = (
            parse.pose(settings.camera_in_base, "camera_in_base") if settings.camera_in_base else None
        )
        self._K = parse.intrinsics(settings.intrinsics) if settings.intrinsics else None
        self._buffer = TransformBuffer(
            max_gap_ns=round(settings.max_gap_s * 1e9),
            history_ns=round(settings.history_s * 1e9),
            jump_ns=round(settings.jump_s * 1e9),
        )
        self._body = ""
        self._models: list[CameraModel] = []
        self._labels: Mapping[int, str] = {}
        self._n_sessions = 1
        self._stale: dict[str, int] = {}
        self._clear_images()

    def rgb(self, msg: Any) -> list[PlacedFrame]:
        """A colour Image (rgb8, bgr8, rgba8, bgra8, mono8) or CompressedImage (JPEG, PNG)."""
        return self._image("rgb", messages.color_image, msg)

    def depth(self, msg: Any) -> list[PlacedFrame]:
        """A depth Image (16UC1 mm, 32FC1 m) or CompressedImage (compressedDepth)."""
        return self._image("depth", messages.depth_image, msg)

    def camera_info(self, msg: Any) -> list[PlacedFrame]:
        """A CameraInfo of the camera that depth is registered to; it holds from its stamp on."""
        model = self._checked(messages.camera_model, msg)
        if model is not None:
            position = bisect_right(self._models, model.stamp_ns, key=lambda known: known.stamp_ns)
            self._models.insert(position, model)
            del self._models[:-_KEPT_MODELS]
        return self._place()

    def transforms(self, msg: Any, static: bool = False) -> list[PlacedFrame]:
        """A TFMessage of /tf, or of /tf_static when `static`."""
        for transform in msg.transforms:
            stamped = self._checked(lambda one: messages.transform_pose(one, static=static), transform)
            if stamped is not None:
                self._add_pose(stamped, static)
        return self._place()

    def odometry(self, msg: Any) -> list[PlacedFrame]:
        """An Odometry: moves its child_frame_id; the camera hangs on it by camera_in_base or by static tf."""
        return self.pose(msg)

    def pose(self, msg: Any) -> list[PlacedFrame]:
        """A PoseStamped: moves the camera itself, or with camera_in_base the body that carries it."""
        stamped = self._checked(messages.body_pose, msg)
        if stamped is not None:
            self._body = stamped.child or _POSE_BODY
            self._add_pose(replace(stamped, child=self._body), static=False)
        return self._place()

    def instances(self, msg: Any) -> list[PlacedFrame]:
        """An instance image (32SC1) of a simulator; it gets the labels known now."""
        image = self._checked(messages.instance_image, msg)
        if image is not None:
            self._instances[image.stamp_ns] = (image, self._labels)
            if len(self._instances) > 2 * self._settings.max_queue:
                del self._instances[min(self._instances)]
        return self._place()

    def instance_labels(self, msg: Any) -> list[PlacedFrame]:
        """A String with JSON {"1": "Sofa"}: a simulator's class names, for all instance images from now on."""
        labels = self._checked(messages.instance_labels, msg)
        self._labels = self._labels if labels is None else labels
        return []

    def finish(self) -> list[PlacedFrame]:
        """The frames that are still complete when nothing more comes; the rest is dropped and counted."""
        self._enqueue(self._pairing.finish())
        return self._place(at_end=True)

    def _clear_images(self) -> None:
        s = self._settings
        self._pairing = ImagePairing(slop_ns=round(s.slop_s * 1e9), max_queue=s.max_queue, drops=self.drops)
        self._pairs: deque[Pair] = deque()
        self._instances: dict[int, tuple[ImageMessage, Mapping[int, str]]] = {}
        self._newest_of: dict[str, int] = {}

    def _image(self, kind: str, read: Callable[[Any], ImageMessage], msg: Any) -> list[PlacedFrame]:
        image = self._checked(read, msg)
        if image is None or not self._is_current(kind, image.stamp_ns):
            return []
        self._enqueue(self._pairing.add(kind, image))
        return self._place()

    def _is_current(self, kind: str, stamp_ns: int) -> bool:
        """Follow the clock of one kind of image; a step back begins a new session for all kinds."""
        jump_ns = round(self._settings.jump_s * 1e9)
        if kind in self._stale:
            if stamp_ns >= self._stale[kind] - jump_ns:
                self.drops.add("out_of_order", f"{kind} from before the clock was set back")
                return False
            del self._stale[kind]
        if stamp_ns < self._newest_of.get(kind, 0) - jump_ns:
            self._begin_session(kind)
        self._newest_of[kind] = max(stamp_ns, self._newest_of.get(kind, 0))
        return True

    def _begin_session(self, kind: str) -> None:
        self._n_sessions += 1
        self.drops.note(f"the clock was set back; session {self._n_sessions} begins")
        self._stale = {other: newest for other, newest in self._newest_of.items() if other != kind}
        for rgb, _ in self._pairs:
            self.drops.add("out_of_order", f"image at {rgb.stamp_ns / 1e9:.6f} s waited when the clock was set back")
        self._clear_images()

    def _enqueue(self, pairs: list[Pair]) -> None:
        for rgb, depth in pairs:
            if rgb.size != depth.size:
                problem = size_mismatch("depth image", depth.size, rgb.size)
                self.drops.add(problem.reason, str(problem))
                continue
            if rgb.frame_id != depth.frame_id:
                self.drops.note(
                    f"colour is in frame {rgb.frame_id!r} but depth in {depth.frame_id!r}: depth should be registered "
                    "to colour, or colours and outlines of things will be off"
                )
            self._pairs.append((rgb, depth))

    def _place(self, at_end: bool = False) -> list[PlacedFrame]:
        frames = []
        while self._pairs:
            rgb, depth = self._pairs[0]
            try:
                frames.append(self._placed(rgb, depth))
            except _Waiting as problem:
                if not at_end and not self._is_late(depth):
                    break
                self.drops.add(problem.reason, str(problem))
            except Rejected as problem:
                self.drops.add(problem.reason, str(problem))
            self._pairs.popleft()
        while len(self._pairs) > self._settings.max_queue:
            _, depth = self._pairs.popleft()
            self.drops.add("queue_full", f"{self._settings.max_queue} images wait for a pose or CameraInfo")
        return frames

    def _is_late(self, image: ImageMessage) -> bool:
        return self._pairing.newest_ns - image.stamp_ns > self._settings.wait_s * 1e9

    def _placed(self, rgb: ImageMessage, depth: ImageMessage) -> PlacedFrame:
        K = self._intrinsics(depth)
        instances, labels = self._instances_at(depth)
        T_world_cam = self._camera_pose(depth)
        identity = replace(self._identity, session_id=self._session_id(), map_id=self._map_id())
        return PlacedFrame(rgb, depth, K, T_world_cam, identity, instances, labels)

    def _session_id(self) -> str:
        first = self._identity.session_id
        return first if self._n_sessions == 1 else f"{first}-{self._n_sessions}"

    def _map_id(self) -> str:
        return self._identity.map_id or self._world_frame

    def _intrinsics(self, image: ImageMessage) -> NDArray[np.float64]:
        if self._K is not None:
            return self._K
        if not self._models:
            raise _Waiting("no_camera_info", "no CameraInfo has come; name its topic, or give intrinsics")
        position = bisect_right(self._models, image.stamp_ns, key=lambda known: known.stamp_ns)
        model = self._models[max(0, position - 1)]
        if model.size != image.size:
            want, got = (f"{width}x{height}" for height, width in (image.size, model.size))
            raise Rejected("bad_camera_info", f"CameraInfo is for {got} but the images are {want}")
        return model.K

    def _instances_at(self, image: ImageMessage) -> tuple[ImageMessage | None, Mapping[int, str]]:
        if not self._expect_instances:
            return None, {}
        for stamp_ns in [known for known in self._instances if known < image.stamp_ns]:
            del self._instances[stamp_ns]
        if image.stamp_ns not in self._instances:
            kind = Rejected if self._instances else _Waiting
            raise kind("no_instances", f"no instance image at {image.stamp_ns / 1e9:.6f} s")
        instances, labels = self._instances[image.stamp_ns]
        if instances.size != image.size:
            raise Rejected("no_instances", f"the instance image is {instances.size}, depth is {image.size}")
        return instances, labels

    def _camera_pose(self, image: ImageMessage) -> NDArray[np.float64]:
        camera = self._settings.camera_frame or image.frame_id
        moved, T_moved_cam = camera, None
        if self._body and (self._camera_in_base is not None or self._body == _POSE_BODY):
            moved, T_moved_cam = self._body, self._camera_in_base
        world = self._world_frame or top_frame(self._buffer.ancestors(moved))
        try:
            T_world_moved = self._buffer.lookup(world, moved, image.stamp_ns)
        except TransformPending as error:
            raise _Waiting("no_pose", str(error)) from error
        except TransformUnavailable as error:
            raise Rejected("no_pose", str(error)) from error
        if self._world_frame == "" and world == moved:
            raise _Waiting("no_pose", f"no transform has come for the camera's frame {moved!r}")
        self._world_frame = world
        return canonical_pose(T_world_moved if T_moved_cam is None else T_world_moved @ T_moved_cam)

    def _add_pose(self, stamped: StampedPose, static: bool) -> None:
        try:
            self._buffer.add(stamped.parent, stamped.child, stamped.stamp_ns, stamped.T_parent_child, static=static)
        except Rejected as problem:
            self.drops.add(problem.reason, str(problem))

    def _checked(self, read: Callable[[Any], T], msg: Any) -> T | None:
        try:
            return read(msg)
        except Rejected as problem:
            self.drops.add(problem.reason, str(problem))
            return None


def top_frame(above: Sequence[str]) -> str:
    """Which of a frame and its ancestors (root last) is the world: map, odom or world if there, else the root."""
    return next((name for name in _WORLD_FRAMES if name in above), above[-1])


class _Waiting(Rejected):
    """Something is missing that may still come."""
