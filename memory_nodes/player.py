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
from memory_nodes.raw_bag import RawBag, RawMessage
from memory_nodes.stamps import time_message

Progress = Callable[[float, float], None]
Report = Callable[[str], None]

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
        BadSource: the bag cannot be opened, or has none of the wanted topics.
    """

    def __init__(self, node: Node, bag: Path, options: PlayOptions, report: Report) -> None:
        self._node, self._options, self._report = node, options, report
        self._bag = RawBag(bag, options.topics)
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
        self._wait_acknowledged(_ACK_S)

    def close(self) -> None:
        self._bag.close()

    def _create_publishers(self) -> dict[str, Any]:
        publishers = {}
        for topic, kind in self._bag.topics.items():
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
        of_sensors = [topic for topic in self._publishers if self._bag.topics[topic].startswith(_SENSORS)]
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
        start_ns = self._bag.start_ns + round(self._options.start_offset_s * 1e9)
        total_s = (self._bag.end_ns - start_ns) / 1e9
        if total_s < 0:
            raise BadSource(f"{self._bag.path}: it lasts {self._bag.duration_s:.1f} s, less than the start offset")
        began = time.monotonic()
        for message in self._messages(start_ns):
            due = began + max(0, message.time_ns - start_ns) / 1e9 / self._options.rate
            if stop.wait(max(0.0, due - time.monotonic())):
                return
            self._publish(message)
            if progress:
                progress(max(0.0, (message.time_ns - start_ns) / 1e9), total_s)

    def _messages(self, start_ns: int) -> Iterator[RawMessage]:
        """From the start time on, with what is latched from before it."""
        if start_ns > self._bag.start_ns:
            latched = [topic for topic in self._publishers if topic in self._bag.latched]
            if latched:
                yield from self._bag.messages(latched, stop_ns=start_ns)
        yield from self._bag.messages(list(self._publishers), start_ns=start_ns)

    def _publish(self, message: RawMessage) -> None:
        self._clock.publish(Clock(clock=time_message(message.time_ns)))
        publisher = self._publishers[message.topic]
        publisher.publish(message.data)
        self.n_published += 1
        if len(message.data) >= _LARGE_BYTES and self._patient:
            self._patient = publisher.wait_for_all_acked(Duration(seconds=_ACK_S))
            if not self._patient:
                self._report(f"a subscriber of {message.topic} does not keep up; going on without waiting for it")

    def _wait_acknowledged(self, timeout_s: float) -> None:
        for publisher in self._publishers.values():
            publisher.wait_for_all_acked(Duration(seconds=timeout_s))


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
