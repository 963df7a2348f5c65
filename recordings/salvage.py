# SPDX-License-Identifier: Apache-2.0
"""What can still be read of an MCAP or SQLite bag file that is torn, damaged, or was not closed."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import apsw
import lz4.frame  # type: ignore[import-untyped]
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Schema

_MAGIC = b"\x89MCAP0\r\n"

_FRAME = struct.Struct("<BQ")
_MESSAGE = struct.Struct("<HIQQ")
_CHUNK = struct.Struct("<QQQI")
_MAX_RECORD_BYTES = 1 << 30
_READ = frozenset({Opcode.SCHEMA, Opcode.CHANNEL, Opcode.MESSAGE, Opcode.CHUNK})
_TORN = (EOFError, ValueError, OverflowError, struct.error, McapError, zstandard.ZstdError, RuntimeError)

_TOPICS = "SELECT id, name, type, serialization_format FROM topics"
_ROWS = "SELECT id, topic_id, timestamp, data FROM messages NOT INDEXED WHERE id > ? ORDER BY id"
# No message takes fewer bytes, so there are no ids beyond the size of the file divided by this.
_MIN_ROW_BYTES = 8


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One serialised message as it lies in a bag file; `encoding` is "cdr" for ROS 2."""

    topic: str
    msgtype: str
    encoding: str
    log_ns: int
    data: bytes


class Salvage(Protocol):
    """Reads a damaged bag file as far as it goes.

    Attributes:
        problem: why messages are missing, known once `messages` was read through; empty while none are.
        is_closed: whether the file ends as it should.
    """

    problem: str
    is_closed: bool

    def messages(self) -> Iterator[RawMessage]:
        """All whole messages, in the order they were written; never raises for damaged content."""
        ...


class McapSalvage:
    """Reads an MCAP file from its start as far as it goes, whole records only.

    Attributes:
        problem: why reading ended before the end of the recording; empty while all is well.
        is_closed: whether the file ends as it should, with its index; if not, messages may still all be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self.is_closed = path.stat().st_size >= len(_MAGIC) and _tail(path) == _MAGIC
        self._schemas: dict[int, str] = {}
        self._channels: dict[int, tuple[str, str, str]] = {}

    def messages(self) -> Iterator[RawMessage]:
        """All whole messages, in the order they were written; never raises for damaged content."""
        self.problem = ""
        with self.path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                self.problem = "it does not begin as an MCAP file"
                return
            try:
                yield from self._top_level(file, self.path.stat().st_size)
            except _TORN as error:
                self.problem = f"damaged after {file.tell()} bytes ({error or type(error).__name__})"

    def _top_level(self, file: BinaryIO, size: int) -> Iterator[RawMessage]:
        while True:
            head = file.read(_FRAME.size)
            if len(head) < _FRAME.size:
                raise EOFError(f"the file ends after {size} bytes without an end mark")
            opcode, length = _FRAME.unpack(head)
            if opcode in (Opcode.FOOTER, Opcode.DATA_END):
                return
            if opcode not in _READ:
                file.seek(min(length, size), io.SEEK_CUR)
                continue
            content = file.read(min(length, _MAX_RECORD_BYTES))
            whole = len(content) == length
            if opcode == Opcode.CHUNK:
                yield from self._chunk(content, whole)
            elif whole:
                yield from self._record(opcode, content)
            if not whole:
                raise EOFError(f"a record of {length} bytes is torn or too large")

    def _chunk(self, content: bytes, whole: bool) -> Iterator[RawMessage]:
        """Messages of a chunk, of which the end may be missing."""
        _, _, _, _ = _CHUNK.unpack_from(content)
        stream = ReadDataStream(io.BytesIO(content[_CHUNK.size :]))
        compression = stream.read_prefixed_string()
        length = stream.read8()
        data = _decompressed(compression, content[_CHUNK.size + stream.count :][:length])
        offset = 0
        while offset + _FRAME.size <= len(data):
            opcode, length = _FRAME.unpack_from(data, offset)
            offset += _FRAME.size
            if offset + length > len(data):
                break
            yield from self._record(opcode, data[offset : offset + length])
            offset += length
        if whole and offset != len(data):
            raise EOFError("a chunk does not hold what it declares")

    def _record(self, opcode: int, content: bytes) -> Iterator[RawMessage]:
        if opcode == Opcode.SCHEMA:
            schema = Schema.read(ReadDataStream(io.BytesIO(content)))
            self._schemas[schema.id] = schema.name
        elif opcode == Opcode.CHANNEL:
            channel = Channel.read(ReadDataStream(io.BytesIO(content)))
            msgtype = self._schemas.get(channel.schema_id, "")
            self._channels[channel.id] = (channel.topic, msgtype, channel.message_encoding)
        elif opcode == Opcode.MESSAGE:
            channel_id, _, log_ns, _ = _MESSAGE.unpack_from(content)
            if channel_id in self._channels:
                topic, msgtype, encoding = self._channels[channel_id]
                yield RawMessage(topic, msgtype, encoding, log_ns, content[_MESSAGE.size :])


class SqliteSalvage:
    """Reads the rows of a damaged file by their id, leaping over what cannot be read.

    Attributes:
        problem: the first damage met; empty while all is well.
        is_closed: always true; an SQLite file has no end mark.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self.is_closed = True
        self._last_id = 0
        self._is_damaged = False

    def messages(self) -> Iterator[RawMessage]:
        """All readable messages, in the order they were written; never raises for damaged content."""
        self.problem = ""
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        try:
            connection = apsw.Connection(f"{self.path.absolute().as_uri()}?immutable=1", flags=flags)
        except apsw.Error as error:
            self.problem = f"it cannot be opened ({error})"
            return
        try:
            yield from self._messages(connection)
        finally:
            connection.close()

    def _messages(self, connection: apsw.Connection) -> Iterator[RawMessage]:
        try:
            # SQLite refuses a file that is shorter than its header says, unless it is told to take what there is.
            connection.execute("PRAGMA writable_schema = ON")
            topics = {row[0]: tuple(str(name) for name in row[1:]) for row in connection.execute(_TOPICS)}
        except apsw.Error as error:
            self.problem = f"the list of topics cannot be read ({error})"
            return
        for topic_id, log_ns, data in self._rows(connection):
            if topic_id in topics and isinstance(data, bytes) and isinstance(log_ns, int):
                topic, msgtype, encoding = topics[topic_id]
                yield RawMessage(topic, msgtype, encoding, log_ns, data)

    def _rows(self, connection: apsw.Connection) -> Iterator[tuple[object, object, object]]:
        self._last_id, leap = 0, 1
        while self._last_id <= self.path.stat().st_size // _MIN_ROW_BYTES:
            begin = self._last_id
            yield from self._rows_until_damage(connection)
            if not self._is_damaged:
                return
            leap = 1 if self._last_id > begin else 2 * leap
            self._last_id += leap

    def _rows_until_damage(self, connection: apsw.Connection) -> Iterator[tuple[object, object, object]]:
        self._is_damaged = False
        try:
            for row_id, topic_id, log_ns, data in connection.execute(_ROWS, (self._last_id,)):
                self._last_id = int(row_id)
                yield topic_id, log_ns, data
        except apsw.Error as error:
            self._is_damaged = True
            self.problem = self.problem or f"damaged after message {self._last_id} ({error})"


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-len(_MAGIC), io.SEEK_END)
        return file.read()


def _decompressed(compression: str, data: bytes) -> bytes:
    """As much as can be decompressed of possibly torn data, at most 1 GiB."""
    if compression == "zstd":
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)) as stream:
            return bytes(stream.read(_MAX_RECORD_BYTES))
    if compression == "lz4":
        return bytes(lz4.frame.LZ4FrameDecompressor().decompress(data, _MAX_RECORD_BYTES))
    if compression:
        raise ValueError(f"compression {compression[:20]!r} is unknown")
    return data
