# SPDX-License-Identifier: Apache-2.0
"""Publishes a bag with /clock: serialized bytes go out as they were recorded, at their pace, and none is lost."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock

from memory_core.errors import BadSource
from memory_nodes.stamps import time_message
from recordings.bag_reader import BagReader
from recordings.drops import Drops

Progress = Callable[[float, float], None]
Report = Callable[[str], None]
Message = tuple[str, int, bytes]  # topic, log time in ns, CDR

_DEPTH = 100
_SENSORS = ("sensor_msgs/", "tf2_msgs/", "nav_msgs/msg/Odometry")
_SETTLED_S = 3.0
_POLL_S = 0.02
# Messages this long wait for the receivers, so that the history never overruns: 1.2 MB at 30 Hz fills it in 3 s.
_LARGE_BYTES = 65536
_ACK_S = 2.0


@dataclass(frozen=True, slots=True)
class PlayOptions:
    """How to play.

    Attributes:
        rate: times real time.
        topics: only these; empty is all.
        start_offset_s: begin this long after the start; what is latched before is published nevertheless.
        wait_s: longest wait for subscribers before the first message.
    """

    rate: float = 1.0
    loop: bool = False
    topics: tuple[str, ...] = ()
    start_offset_s: float = 0.0
    wait_s: float = 10.0


class Player:
    """Publishes the messages of one bag.

    Attributes:
        n_published: messages sent so far, /clock not counted.
        skipped: topics whose type is not installed here, with the type.

    Raises:
        BadSource: nothing can be read, a wanted topic is missing, or the start offset lies beyond the end.
    """

    def __init__(self, node: Node, bag: Path, options: PlayOptions, report: Report) -> None:
        self._node, self._options, self._report = node, options, report
        self._bag, self._drops = BagReader(bag), Drops()
        for problem in filter(None, [*self._bag.notes, self._bag.loss]):
            report(problem)
        self._topics = self._chosen(options.topics)
        self._start_ns = self._bag.start_ns + round(options.start_offset_s * 1e9)
        if self._start_ns > self._bag.end_ns:
            lasts_s = (self._bag.end_ns - self._bag.start_ns) / 1e9
            raise BadSource(f"{bag}: it lasts {lasts_s:.1f} s, less than the start offset")
        self._clock = node.create_publisher(Clock, "/clock", 10)
        self.skipped: dict[str, str] = {}
        self._publishers = self._create_publishers()
        self._patient = True
        self.n_published = 0

    def play(self, stop: threading.Event, progress: Progress | None = None) -> None:
        """Publish all messages, again and again with `loop`, until the end or until `stop` is set."""
        self._wait_for_subscribers(stop)
        while not stop.is_set():
            self._play_once(stop, progress)
            if not self._options.loop:
                break
        for problem in self._drops.messages:
            self._report(problem)
        deadline = time.monotonic() + _ACK_S
        for publisher in () if stop.is_set() else self._publishers.values():
            publisher.wait_for_all_acked(Duration(seconds=max(0.0, deadline - time.monotonic())))

    def _chosen(self, wanted: tuple[str, ...]) -> dict[str, str]:
        """Topic to type of what is to be played."""
        every = {topic.name: topic.msgtype for topic in self._bag.topics.values() if topic.count}
        missing = sorted(set(wanted) - set(every))
        if missing:
            found = ", ".join(sorted(every))
            raise BadSource(f"{self._bag.path}: no topic {', '.join(missing)}; it has {found}")
        return {topic: kind for topic, kind in sorted(every.items()) if not wanted or topic in wanted}

    def _create_publishers(self) -> dict[str, Any]:
        publishers = {}
        for topic, kind in self._topics.items():
            found = message_class(kind)
            if found is None:
                self.skipped[topic] = kind
                self._report(f"{topic} is not played: its type {kind} is not installed")
            else:
                publishers[topic] = self._node.create_publisher(found, topic, _qos(latched=topic in self._bag.latched))
        if not publishers:
            raise BadSource(f"{self._bag.path}: none of its topics can be published here: {self.skipped}")
        return publishers

    def _wait_for_subscribers(self, stop: threading.Event) -> None:
        """Until every sensor topic has a subscriber, or some have and no other came for a while, or time is up."""
        began = changed_at = time.monotonic()
        of_sensors = [topic for topic in self._publishers if self._topics[topic].startswith(_SENSORS)]
        awaited = [self._publishers[topic] for topic in of_sensors or self._publishers]
        counts: list[int] = []
        while not stop.is_set() and time.monotonic() - began < self._options.wait_s:
            now = [publisher.get_subscription_count() for publisher in awaited]
            if now != counts:
                counts, changed_at = now, time.monotonic()
            if all(counts) or (any(counts) and time.monotonic() - changed_at > _SETTLED_S):
                return
            stop.wait(_POLL_S)
        if not any(counts):
            self._report(f"no subscriber within {self._options.wait_s:g} s; playing all the same")

    def _play_once(self, stop: threading.Event, progress: Progress | None) -> None:
        total_s = (self._bag.end_ns - self._start_ns) / 1e9
        began = time.monotonic()
        for topic, time_ns, data in self._messages():
            done_s = max(0, time_ns - self._start_ns) / 1e9
            if stop.wait(max(0.0, began + done_s / self._options.rate - time.monotonic())):
                return
            self._publish(topic, time_ns, data)
            if progress:
                progress(done_s, total_s)

    def _messages(self) -> Iterator[Message]:
        """From the start time on, with what is latched from before it."""
        if self._options.start_offset_s > 0:
            latched = self._bag.latched & set(self._publishers)
            yield from self._bag.serialised(latched, self._drops, stop_ns=self._start_ns)
        yield from self._bag.serialised(self._publishers, self._drops, start_ns=self._start_ns)

    def _publish(self, topic: str, time_ns: int, data: bytes) -> None:
        self._clock.publish(Clock(clock=time_message(time_ns)))
        publisher = self._publishers[topic]
        publisher.publish(data)
        self.n_published += 1
        if len(data) >= _LARGE_BYTES and self._patient:
            self._patient = publisher.wait_for_all_acked(Duration(seconds=_ACK_S))
            if not self._patient:
                self._report(f"a subscriber of {topic} does not keep up; going on without waiting for it")


def message_class(kind: str) -> Any:
    """The Python class of a type name such as "sensor_msgs/msg/Image"; None when it is not installed."""
    package, _, name = kind.split("/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), name, None)
    except ImportError:
        return None


def _qos(*, latched: bool) -> QoSProfile:
    durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
    return QoSProfile(depth=_DEPTH, reliability=ReliabilityPolicy.RELIABLE, durability=durability)
