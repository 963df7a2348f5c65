# SPDX-License-Identifier: Apache-2.0
"""Frames from ROS bags."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from memory_core.errors import BadSource
from memory_core.frame import CameraFrame
from recordings.bag_reader import BagReader
from recordings.drops import Drops, Rejected
from recordings.matching import FrameMatcher, Identity, PlacedFrame, top_frame
from recordings.prefetch import ordered_map
from recordings.settings import RecordingSettings
from recordings.topics import CameraTopics, choose
from recordings.transforms import plain_name

_SURVEY_NS = 5_000_000_000


class BagSource:
    """A FrameSource over a ROS 1 or ROS 2 bag; its messages take the way that live ones take.

    Attributes:
        name: the bag's name.
        session_id, map_id: of its frames (map_id empty: the name of the world frame).
        topics: what is read, see CameraTopics.
        n_frames: how many frames there can be at most: as many as the rarer of colour and depth.
        drops: what could not become a frame, by reason (recordings.drops.REASONS).
        warnings: one sentence for each reason, and what was wrong with the bag.
    """

    def __init__(self, path: Path, settings: RecordingSettings | None = None) -> None:
        """Opens the bag, chooses topics, and reads its first seconds to find the frames of tf.

        Raises:
            BadSource: nothing can be read, or images, CameraInfo or poses are missing; lists the topics there are.
        """
        self._reader = BagReader(path)
        settings = settings or RecordingSettings()
        self.name = path.resolve().stem if path.is_file() else path.resolve().name
        self.topics = choose(self._reader.topics, settings, str(path))
        survey = _Survey(self._reader, self.topics, settings)
        self._motion = survey.motion
        self._settings = replace(settings, world_frame=survey.world_frame)
        recorded = survey.identity
        self.session_id = settings.session_id or recorded.get("session_id", "") or self.name
        self.map_id = settings.map_id or recorded.get("map_id", "")
        self._robot_id = settings.robot_id or recorded.get("robot_id", "") or "robot"
        counts = self._reader.topics
        self.n_frames: int | None = min(counts[self.topics.rgb].count, counts[self.topics.depth].count)
        self._opening = Drops()
        for note in self._reader.notes:
            self._opening.note(note)
        if self._reader.lost:
            self._opening.add("unreadable", self._reader.loss, self._reader.lost)
        self._drops = Drops()
        self._drops.restart_from(self._opening)
        self.drops = self._drops.counts
        self.warnings = self._drops.messages

    def frames(self, start: int = 0) -> Iterator[CameraFrame]:
        """Frames from index `start` on, in stamp order; what comes before is read, and decoded only if compressed."""
        self._drops.restart_from(self._opening)
        placed = self._placed()
        for _ in range(start):
            if not self._skip_one(placed):
                return
        s = self._settings
        for frame in ordered_map(_decoded, placed, threads=s.decode_threads, ahead=s.prefetch_frames):
            if isinstance(frame, Rejected):
                self._drops.add(frame.reason, str(frame))
            else:
                yield frame

    def _skip_one(self, placed: Iterator[PlacedFrame]) -> bool:
        """Pass over one frame that can be decoded; False when there is none left."""
        for frame in placed:
            problem = None if frame.is_raw else _decoded(frame)
            if not isinstance(problem, Rejected):
                return True
            self._drops.add(problem.reason, str(problem))
        return False

    def _placed(self) -> Iterator[PlacedFrame]:
        identity = Identity(self._robot_id, self.session_id, self.map_id)
        has_instances = bool(self.topics.instances)
        matcher = FrameMatcher(self._settings, identity, expect_instances=has_instances, drops=self._drops)
        feeds = self._feeds(matcher)
        for topic, _, message in self._reader.messages(feeds, self._drops):
            yield from feeds[topic](message)
        yield from matcher.finish()

    def _feeds(self, matcher: FrameMatcher) -> dict[str, Callable[[Any], list[PlacedFrame]]]:
        t = self.topics
        feeds: dict[str, Callable[[Any], list[PlacedFrame]]] = {
            t.rgb: matcher.rgb,
            t.depth: matcher.depth,
            t.info: matcher.camera_info,
            t.instances: matcher.instances,
            t.labels: matcher.instance_labels,
            **dict.fromkeys(t.tf_static, lambda msg: matcher.transforms(msg, static=True)),
        }
        if self._motion == "tf":
            feeds |= dict.fromkeys(t.tf, matcher.transforms)
        else:
            feeds |= {t.odometry: matcher.odometry} if self._motion == "odometry" else {t.pose: matcher.pose}
        feeds.pop("", None)
        return feeds


class _Survey:
    """The first seconds of a bag: whose it is, the camera's frame, and where its poses come from.

    Attributes:
        identity: robot_id, session_id, map_id as recorded by Tolman; empty for other bags.
        motion: "tf", "odometry" or "pose".
        world_frame: frame of tf that becomes the map; empty for the parent frame of a pose topic.
    """

    def __init__(self, reader: BagReader, topics: CameraTopics, settings: RecordingSettings) -> None:
        self.identity: dict[str, str] = {}
        self._topics = topics
        self._settings = settings
        self._parents: dict[str, str] = {}
        self._camera = plain_name(settings.camera_frame)
        self._first_depth_ns: int | None = None
        self._read(reader)
        self.motion = self._choose_motion(str(reader.path))
        self.world_frame = settings.world_frame
        if self.motion == "tf" and not self.world_frame:
            self.world_frame = top_frame(self._above())

    def _read(self, reader: BagReader) -> None:
        t = self._topics
        names = {t.depth, t.recording, *t.tf, *t.tf_static} - {""}
        for topic, log_ns, message in reader.messages(names, Drops()):
            if topic == t.recording:
                self._identify(message)
            elif topic == t.depth:
                self._camera = self._camera or plain_name(message.header.frame_id)
                self._first_depth_ns = log_ns if self._first_depth_ns is None else self._first_depth_ns
            else:
                for transform in message.transforms:
                    self._parents[plain_name(transform.child_frame_id)] = plain_name(transform.header.frame_id)
            if self._is_known(log_ns):
                return

    def _is_known(self, log_ns: int) -> bool:
        if self._first_depth_ns is None:
            return False
        if self._settings.pose_source not in ("auto", "tf") or not self._topics.tf:
            return True
        above = self._above()
        if (self._settings.world_frame or "map") in above:
            return True
        return len(above) > 1 and log_ns - self._first_depth_ns > _SURVEY_NS

    def _choose_motion(self, bag: str) -> str:
        wanted, t = self._settings.pose_source, self._topics
        above = self._above()
        is_placed = self._settings.world_frame in above if self._settings.world_frame else len(above) > 1
        available = {"tf": bool(t.tf or t.tf_static) and is_placed, "odometry": bool(t.odometry), "pose": bool(t.pose)}
        if self._settings.pose_topic:
            available["tf"] = available["tf"] and wanted == "tf"
        for motion, there in available.items():
            if there and wanted in ("auto", motion):
                return motion
        frames = ", ".join(sorted({*self._parents, *self._parents.values()})[:20]) or "none"
        raise BadSource(
            f"{bag}: no pose for the camera frame {self._camera!r}: want /tf that reaches it, or an Odometry or "
            f"PoseStamped topic; frames in tf are: {frames}"
        )

    def _above(self) -> list[str]:
        chain = [self._camera]
        while (parent := self._parents.get(chain[-1])) is not None and parent not in chain:
            chain.append(parent)
        return chain

    def _identify(self, message: Any) -> None:
        try:
            content = json.loads(message.data)
        except (ValueError, RecursionError):
            return
        if isinstance(content, dict):
            self.identity = {str(key): str(value) for key, value in content.items()}


def _decoded(placed: PlacedFrame) -> CameraFrame | Rejected:
    try:
        return placed.decode()
    except Rejected as problem:
        return problem
