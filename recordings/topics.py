# SPDX-License-Identifier: Apache-2.0
"""Which topics of a bag are the camera's, by type first and name second."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from memory_core.errors import BadSource
from recordings import layout
from recordings.bag_reader import TF_TYPES, Topic
from recordings.settings import RecordingSettings

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
INFO = "sensor_msgs/msg/CameraInfo"
ODOMETRY = "nav_msgs/msg/Odometry"
POSES = frozenset({"geometry_msgs/msg/PoseStamped", "geometry_msgs/msg/PoseWithCovarianceStamped"})
STRING = "std_msgs/msg/String"

Score = Callable[[str], float]

_IMAGES = frozenset({IMAGE, COMPRESSED})
_NOT_COLOR = re.compile(
    r"depth|disparity|infra|(^|/)ir(/|$)|instance|label|mask|semantic|segment|confidence|theora", re.I
)
_TRANSPORT = re.compile(r"/(compressed|compressedDepth)$")


@dataclass(frozen=True)
class CameraTopics:
    """Topic names; empty where there is none. `odometry` and `pose` may both be there: the reader picks one."""

    rgb: str
    depth: str
    info: str
    instances: str
    labels: str
    tf: tuple[str, ...]
    tf_static: tuple[str, ...]
    odometry: str
    pose: str
    recording: str


def choose(topics: Mapping[str, Topic], settings: RecordingSettings, name: str) -> CameraTopics:
    """The topics of one RGB-D camera and its pose.

    Depth that is registered to colour is preferred, then raw over compressed images, then the order of names.

    Raises:
        BadSource: colour, depth or CameraInfo is missing, or a named topic is not there; lists what is.
    """
    found = _Chooser([topic for topic in topics.values() if topic.count], name)
    depth = found.one("depth_topic", settings.depth_topic, _IMAGES, "depth images", _depth_score)
    rgb = found.one("rgb_topic", settings.rgb_topic, _IMAGES, "colour images", lambda topic: _color_score(topic, depth))
    info = ""
    if settings.info_topic or not settings.intrinsics:
        score = _info_score(rgb, depth)
        info = found.one("info_topic", settings.info_topic, {INFO}, "CameraInfo (or give intrinsics)", score)
    odometry, pose = found.motion(settings.pose_topic)
    return CameraTopics(
        rgb=rgb,
        depth=depth,
        info=info,
        instances=found.maybe(settings.instance_topic, {IMAGE}, layout.INSTANCES),
        labels=found.maybe(settings.label_topic, {STRING}, layout.INSTANCE_LABELS),
        tf=tuple(topic for topic in found.of(TF_TYPES) if not topic.endswith("static")),
        tf_static=tuple(topic for topic in found.of(TF_TYPES) if topic.endswith("static")),
        odometry=odometry,
        pose=pose,
        recording=found.maybe("", {STRING}, layout.RECORDING),
    )


class _Chooser:
    """Finds topics and says what there is when something is missing."""

    def __init__(self, topics: Iterable[Topic], bag: str) -> None:
        self._topics = {topic.name: topic for topic in sorted(topics, key=lambda topic: topic.name)}
        self._bag = bag

    def of(self, types: Collection[str]) -> list[str]:
        return [topic.name for topic in self._topics.values() if topic.msgtype in types]

    def one(self, option: str, named: str, types: Collection[str], what: str, score: Score) -> str:
        """The named topic, or the one with the best score above 0."""
        if named:
            return self._named(named, types)
        scored = [(-score(name), name) for name in self.of(types) if score(name) > 0]
        if not scored:
            raise BadSource(f"{self._bag}: no topic with {what}; name it with {option}; {self._there_are()}")
        return min(scored)[1]

    def maybe(self, named: str, types: Collection[str], usual: str) -> str:
        """The named topic, or the usual one if it is there ("*word": the first with the word in it, else any)."""
        if named:
            return self._named(named, types)
        candidates = self.of(types)
        if not usual.startswith("*"):
            return usual if usual in candidates else ""
        return min(candidates, key=lambda name: (usual[1:] not in name.lower(), name), default="")

    def motion(self, named: str) -> tuple[str, str]:
        """Topics (odometry, pose): only the named one if there is a name, else the usual ones."""
        if not named:
            return self.maybe("", {ODOMETRY}, "*odom"), self.maybe("", POSES, "*pose")
        self._named(named, {ODOMETRY, *POSES})
        return (named, "") if named in self.of({ODOMETRY}) else ("", named)

    def _named(self, name: str, types: Collection[str]) -> str:
        if name not in self.of(types):
            wanted = " or ".join(sorted(types))
            raise BadSource(f"{self._bag}: want {name} with type {wanted}; {self._there_are()}")
        return name

    def _there_are(self) -> str:
        return "there are " + ", ".join(f"{topic.name} ({topic.msgtype})" for topic in self._topics.values())


def _depth_score(name: str) -> float:
    if "depth" not in name.lower() or "instance" in name.lower():
        return 0.0
    registered = 4.0 * ("align" in name or "register" in name)
    return 1.0 + registered + 0.5 * (not _TRANSPORT.search(name))


def _color_score(name: str, depth: str) -> float:
    if name == depth or _NOT_COLOR.search(name):
        return 0.0
    same_camera = _camera_of(name) == _camera_of(depth)
    hints = 2.0 * bool(re.search("colou?r|rgb", name)) + 1.0 * bool(re.search("image(_rect)?_color", name))
    return 1.0 + 4.0 * same_camera + hints + 0.5 * (not _TRANSPORT.search(name))


def _info_score(rgb: str, depth: str) -> Score:
    def score(name: str) -> float:
        beside = name.rpartition("/")[0]
        return 1.0 + 4.0 * (beside == _beside(depth)) + 2.0 * (beside == _beside(rgb))

    return score


def _beside(image: str) -> str:
    """The namespace in which an image's camera_info lies."""
    return _TRANSPORT.sub("", image).rpartition("/")[0]


def _camera_of(image: str) -> str:
    return _beside(image).rpartition("/")[0]
