# SPDX-License-Identifier: Apache-2.0
"""Messages of ROS 1 and ROS 2 bags without ROS, also of damaged ones as far as they go."""

from __future__ import annotations

import heapq
import struct
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import apsw
import yaml
from rosbags import rosbag1, rosbag2
from rosbags.interfaces import QosDurability
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore

from memory_core.errors import BadSource
from recordings.drops import Drops
from recordings.salvage import McapSalvage, Salvage, SqliteSalvage

T = TypeVar("T")
Raw = tuple[str, str, int, bytes]  # topic, type, log time in ns, serialised message

_SALVAGES: dict[str, Callable[[Path], Salvage]] = {".mcap": McapSalvage, ".db3": SqliteSalvage}
STORAGE_SUFFIXES = tuple(_SALVAGES)
TF_TYPES = frozenset({"tf2_msgs/msg/TFMessage", "tf/msg/tfMessage"})

# What parsers of untrusted bytes raise when the bytes are damaged, besides their own errors.
_DAMAGE = (
    rosbag1.ReaderError,
    rosbag2.ReaderError,
    apsw.Error,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    MemoryError,
    struct.error,
)
_BAD_MESSAGE = (SerdeError, TypesysError, *_DAMAGE)


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of a bag; the count is what the bag declares, or what could be recovered."""

    name: str
    msgtype: str
    count: int


class BagReader:
    """The messages of one bag, in log order; those of ROS 1 need standard types, definitions in bags are not trusted.

    Holds no file open between calls.

    Attributes:
        path: the bag.
        topics: name -> Topic, for topics whose messages can be decoded (CDR or ROS 1).
        latched: names of topics whose last message holds until the next, for whoever comes late.
        start_ns, end_ns: log times of the first message and right after the last.
        notes: what was wrong with the bag and how it was opened all the same.
        lost, loss: how many messages (at least) damage took, and the sentence about it; 0 and empty for none.
    """

    def __init__(self, path: Path) -> None:
        """Raises BadSource when nothing can be read, with the reason."""
        self.path = path
        self.notes: list[str] = []
        self.is_ros1 = path.is_file() and path.suffix == ".bag"
        self.lost, self.loss = 0, ""
        self._storage = self._open()
        self.topics, self.latched = self._storage.topics, self._storage.latched
        self.start_ns, self.end_ns = self._storage.start_ns, self._storage.end_ns
        if not self.topics and self._storage.formats:
            formats = ", ".join(sorted(self._storage.formats))
            raise BadSource(f"{path}: want messages serialised as cdr, got {formats}")
        if sum(topic.count for topic in self.topics.values()) == 0:
            raise BadSource(f"{path}: the bag has no messages; " + self._description())

    def messages(self, names: Collection[str], drops: Drops) -> Iterator[tuple[str, int, Any]]:
        """(topic, log time in ns, message) of the named topics; new damage is counted in `drops`, never raised."""
        types = _types(self.is_ros1)
        return self._read(names, drops, types.deserialize_ros1 if self.is_ros1 else types.deserialize_cdr)

    def serialised(
        self, names: Collection[str], drops: Drops, start_ns: int | None = None, stop_ns: int | None = None
    ) -> Iterator[tuple[str, int, bytes]]:
        """As `messages`, but each as CDR, the bytes ROS 2 publishes; only those with start_ns <= log time < stop_ns."""
        convert = _types(True).ros1_to_cdr if self.is_ros1 else _unchanged
        return self._read(names, drops, lambda raw, msgtype: bytes(convert(raw, msgtype)), start_ns, stop_ns)

    def _read(
        self,
        names: Collection[str],
        drops: Drops,
        convert: Callable[[bytes, str], T],
        start_ns: int | None = None,
        stop_ns: int | None = None,
    ) -> Iterator[tuple[str, int, T]]:
        expected = sum(self.topics[name].count for name in names if name in self.topics)
        n_read = 0
        try:
            for topic, msgtype, log_ns, raw in self._storage.raw(set(names), start_ns, stop_ns):
                n_read += 1
                try:
                    message = convert(raw, msgtype)
                except _BAD_MESSAGE as error:
                    drops.add("bad_message", f"{topic}: {error}")
                    continue
                yield topic, log_ns, message
        except _DAMAGE as error:
            lost = max(1, expected - n_read)
            drops.add("unreadable", f"{self.path}: recovered {n_read} of {expected} messages: {_text(error)}", lost)

    def _open(self) -> RosbagStorage | SalvagedStorage:
        if not self.path.exists():
            raise BadSource(f"{self.path}: there is no such bag")
        if self.path.is_file() and self.path.stat().st_size == 0:
            raise BadSource(f"{self.path}: the file is empty (0 bytes); nothing was recorded")
        try:
            return RosbagStorage([self.path], self.is_ros1)
        except _DAMAGE as error:
            if self.is_ros1:
                hint = "if it was not closed properly, `rosbag reindex` may mend it"
                raise BadSource(f"{self.path}: not a readable ROS 1 bag: {_text(error)}; {hint}") from error
            return self._open_files(error)

    def _open_files(self, error: BaseException) -> RosbagStorage | SalvagedStorage:
        """Open the storage files of a ROS 2 bag one by one, whatever is wrong with the whole."""
        files = storage_files(self.path)
        if self.path.is_dir() and files:
            try:
                storage = RosbagStorage(files, is_ros1=False)
            except _DAMAGE as file_error:
                error = file_error
            else:
                self.notes.append(f"{self.path.name}: metadata.yaml is missing or damaged; the files were read without")
                return storage
        if not files:
            raise BadSource(f"{self.path}: not a readable ROS 2 bag: {_text(error)}") from error
        return self._salvage(files, error)

    def _salvage(self, files: Sequence[Path], error: BaseException) -> SalvagedStorage:
        try:
            storage = SalvagedStorage(files)
        except OSError as unreadable:
            raise BadSource(f"{self.path}: cannot be read: {unreadable}") from unreadable
        n_read = sum(topic.count for topic in storage.topics.values())
        if not n_read and not storage.formats:
            why = storage.problem or _text(error)
            raise BadSource(f"{self.path}: not a readable ROS 2 bag: {why}; no message could be recovered") from error
        if not storage.problem and not storage.is_closed:
            self.notes.append(f"{self.path.name}: its end is missing, but all {n_read} messages were recovered")
        if storage.problem:
            declared = _declared_count(self.path)
            of = f" of {declared}" if declared else ""
            self.lost = max(1, declared - n_read)
            self.loss = f"{self.path.name}: recovered {n_read}{of} messages: {storage.problem}"
        return storage

    def _description(self) -> str:
        named = [f"{topic.name} ({topic.msgtype})" for topic in self.topics.values()]
        return f"its topics are {', '.join(sorted(named)[:12])}" if named else "it has no topics either"


class RosbagStorage:
    """Serialised messages as rosbags reads them, from one bag or from several storage files."""

    def __init__(self, paths: Sequence[Path], is_ros1: bool) -> None:
        self._paths = paths
        self._reader: Callable[[Path], Any] = rosbag1.Reader if is_ros1 else rosbag2.Reader
        self.topics: dict[str, Topic] = {}
        self.latched: set[str] = set()
        self.formats: set[str] = set()
        times: list[tuple[int, int]] = []
        with ExitStack() as stack:
            for path in paths:
                reader: Any = stack.enter_context(self._reader(path))
                times.append((int(reader.start_time), int(reader.end_time)))
                for connection in reader.connections:
                    self._count(connection)
        self.start_ns, self.end_ns = min(start for start, _ in times), max(end for _, end in times)

    def raw(self, names: set[str], start_ns: int | None, stop_ns: int | None) -> Iterator[Raw]:
        """Serialised messages of the named topics with start_ns <= log time < stop_ns, in log order."""
        with ExitStack() as stack:
            streams = []
            for path in self._paths:
                reader = stack.enter_context(self._reader(path))
                wanted = [c for c in reader.connections if c.topic in names and _format(c) == "cdr"]
                streams += [reader.messages(wanted, start_ns, stop_ns)] if wanted else []
            for connection, log_ns, data in heapq.merge(*streams, key=lambda item: item[1]):
                yield connection.topic, connection.msgtype, log_ns, data

    def _count(self, connection: Any) -> None:
        if _format(connection) != "cdr":
            self.formats.add(_format(connection))
            return
        before = self.topics[connection.topic].count if connection.topic in self.topics else 0
        self.topics[connection.topic] = Topic(connection.topic, connection.msgtype, before + connection.msgcount)
        profiles = getattr(connection.ext, "offered_qos_profiles", ())
        was_latched = any(profile.durability == QosDurability.TRANSIENT_LOCAL for profile in profiles)
        if was_latched or bool(getattr(connection.ext, "latching", False)) or _never_changes(connection.topic):
            self.latched.add(connection.topic)


class SalvagedStorage:
    """Serialised messages of damaged files of a ROS 2 bag, file by file in the order they were written."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files: list[Salvage] = [_SALVAGES[path.suffix](path) for path in paths]
        self.topics: dict[str, Topic] = {}
        self.formats: set[str] = set()
        self.start_ns, self.end_ns = 2**63 - 1, 0
        for file in self._files:
            for message in file.messages():
                if message.encoding != "cdr":
                    self.formats.add(message.encoding)
                    continue
                before = self.topics[message.topic].count if message.topic in self.topics else 0
                self.topics[message.topic] = Topic(message.topic, message.msgtype, before + 1)
                self.start_ns = min(self.start_ns, message.log_ns)
                self.end_ns = max(self.end_ns, message.log_ns + 1)
        self.latched = {topic for topic in self.topics if _never_changes(topic)}
        self.is_closed = all(file.is_closed for file in self._files)
        self.problem = "; ".join(file.problem for file in self._files if file.problem)

    def raw(self, names: set[str], start_ns: int | None, stop_ns: int | None) -> Iterator[Raw]:
        """Serialised messages of the named topics with start_ns <= log time < stop_ns, as they were written."""
        first, last = start_ns or 0, self.end_ns if stop_ns is None else stop_ns
        for file in self._files:
            for message in file.messages():
                if message.topic in names and message.encoding == "cdr" and first <= message.log_ns < last:
                    yield message.topic, message.msgtype, message.log_ns, message.data


def storage_files(path: Path) -> list[Path]:
    """The .mcap and .db3 files of a bag: itself, or those in the folder; split bags in their numbered order."""
    if not path.is_dir():
        return [path] if path.is_file() and path.suffix in STORAGE_SUFFIXES else []
    found = [file for file in path.iterdir() if file.is_file() and file.suffix in STORAGE_SUFFIXES]
    return sorted(found, key=lambda file: (len(file.name), file.name))


def _format(connection: Any) -> str:
    """Serialisation of a connection; ROS 1 has only one, which counts as fine."""
    return str(getattr(connection.ext, "serialization_format", "cdr"))


def _never_changes(topic: str) -> bool:
    return topic.rpartition("/")[2] == "tf_static"


def _unchanged(raw: bytes, _: str) -> bytes:
    return raw


def _declared_count(path: Path) -> int:
    """How many messages metadata.yaml says there are, 0 when it does not say."""
    try:
        content = yaml.safe_load((path / "metadata.yaml").read_text(encoding="utf-8"))
        return int(content["rosbag2_bagfile_information"]["message_count"])
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError):
        return 0


def _text(error: BaseException) -> str:
    return str(error).rstrip(". ") or type(error).__name__


@lru_cache(maxsize=2)
def _types(is_ros1: bool) -> Any:
    """The standard message types; definitions inside bags are not needed and not trusted."""
    if not is_ros1:
        return get_typestore(Stores.ROS2_HUMBLE)
    store = get_typestore(Stores.ROS1_NOETIC)
    for name in sorted(TF_TYPES):
        store.register(get_types_from_msg("geometry_msgs/TransformStamped[] transforms", name))
    return store
