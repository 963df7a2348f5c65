# SPDX-License-Identifier: Apache-2.0
"""What can still be read of an MCAP file that is torn, has no index, or was not closed."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import lz4.frame  # type: ignore[import-untyped]
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Schema

from recordings.salvage import RawMessage

MAGIC = b"\x89MCAP0\r\n"

_FRAME = struct.Struct("<BQ")
_MESSAGE = struct.Struct("<HIQQ")
_CHUNK = struct.Struct("<QQQI")
_MAX_CHUNK_BYTES = 1 << 30
_TORN = (EOFError, ValueError, OverflowError, struct.error, McapError, zstandard.ZstdError, RuntimeError)


class McapSalvage:
    """Reads an MCAP file from its start as far as it goes, whole records only.

    Attributes:
        problem: why reading ended before the end of the recording; empty while all is well.
        is_closed: whether the file ends as it should, with its index; if not, messages may still all be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self.is_closed = path.stat().st_size >= len(MAGIC) and _tail(path) == MAGIC
        self._schemas: dict[int, str] = {}
        self._channels: dict[int, tuple[str, str, str]] = {}

    def messages(self) -> Iterator[RawMessage]:
        """All whole messages, in the order they were written; never raises for damaged content."""
        self.problem = ""
        with self.path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
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
            content = file.read(min(length, size))
            whole = len(content) == length
            if opcode == Opcode.CHUNK:
                yield from self._chunk(content, whole)
            elif whole:
                yield from self._record(opcode, content)
            if not whole:
                raise EOFError(f"the file ends after {size} bytes inside a record")

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


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-len(MAGIC), io.SEEK_END)
        return file.read()


def _decompressed(compression: str, data: bytes) -> bytes:
    """As much as can be decompressed of possibly torn data, at most 1 GiB."""
    if compression == "zstd":
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)) as stream:
            return bytes(stream.read(_MAX_CHUNK_BYTES))
    if compression == "lz4":
        return bytes(lz4.frame.LZ4FrameDecompressor().decompress(data, _MAX_CHUNK_BYTES))
    if compression:
        raise ValueError(f"compression {compression[:20]!r} is unknown")
    return data
