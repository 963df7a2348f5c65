# SPDX-License-Identifier: Apache-2.0
"""The serialized messages of a bag, in order of time, as ROS 2 publishes them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.interfaces import QosDurability
from rosbags.typesys import Stores, get_typestore

from memory_core.errors import BadSource

# What parsers of untrusted bytes raise when the bytes are damaged, besides their own errors.
_DAMAGE = (
    AnyReaderError, apsw.Error, struct.error, OSError, EOFError, RuntimeError, ValueError, TypeError, LookupError,
    ArithmeticError, AssertionError, MemoryError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One message: `data` is CDR, `time_ns` when it was recorded."""

    topic: str
    time_ns: int
    data: bytes


class RawBag:
    """An open ROS 1 or ROS 2 bag; ROS 1 messages are turned into CDR.

    Attributes:
        topics: topic to type name, for the wanted topics.
        latched: topics whose last message holds until the next, for whoever comes late.

    Raises:
        BadSource: missing, torn or empty, or a wanted topic is not in it.
    """

    def __init__(self, path: Path, wanted: Sequence[str] = ()) -> None:
        self.path = path
        # Only the types of messages in a bag without definitions matter here, and those have not changed since.
        self._store = get_typestore(Stores.ROS2_HUMBLE)
        try:
            self._reader = AnyReader([path], default_typestore=self._store)
            self._reader.open()
        except _DAMAGE as error:
            raise BadSource(f"{path}: not a bag that can be read: {error}") from error
        every = {connection.topic: connection.msgtype for connection in self._reader.connections}
        missing = sorted(set(wanted) - set(every))
        if missing or not self._reader.message_count:
            self.close()
            found = f"it has {', '.join(sorted(every)) or 'none'}"
            raise BadSource(f"{path}: no topic {', '.join(missing)}; {found}" if missing else f"{path}: an empty bag")
        self.latched = {connection.topic for connection in self._reader.connections if _is_latched(connection)}
        self.topics = {topic: kind for topic, kind in sorted(every.items()) if not wanted or topic in wanted}

    @property
    def start_ns(self) -> int:
        return int(self._reader.start_time)

    @property
    def end_ns(self) -> int:
        return int(self._reader.end_time)

    @property
    def duration_s(self) -> float:
        return (self.end_ns - self.start_ns) / 1e9

    def messages(
        self, topics: Sequence[str], start_ns: int | None = None, stop_ns: int | None = None
    ) -> Iterator[RawMessage]:
        """Messages with start_ns <= time < stop_ns in order of time.

        Raises:
            BadSource: the bag is damaged further on.
        """
        reader = self._reader
        wanted = [connection for connection in reader.connections if connection.topic in topics]
        try:
            for connection, time_ns, data in reader.messages(wanted, start=start_ns, stop=stop_ns):
                cdr = data if reader.is2 else reader.typestore.ros1_to_cdr(data, connection.msgtype)
                yield RawMessage(connection.topic, time_ns, bytes(cdr))
        except _DAMAGE as error:
            raise BadSource(f"{self.path}: damaged: {error}") from error

    def close(self) -> None:
        self._reader.close()


def _is_latched(connection: Any) -> bool:
    """As the recorder noted it; transforms that never change are latched whatever it noted."""
    profiles = getattr(connection.ext, "offered_qos_profiles", ())
    was_latched = bool(getattr(connection.ext, "latching", 0))
    return (
        was_latched
        or connection.topic.rsplit("/", 1)[-1] == "tf_static"
        or any(profile.durability == QosDurability.TRANSIENT_LOCAL for profile in profiles)
    )
