# SPDX-License-Identifier: Apache-2.0
"""Arrays and JSON values in one block of bytes: the only binary format of our own, and no pickle.

Layout, little endian: b"TLM1", uint32 length of the header, header (JSON), the arrays one after the other.
The same values always give the same bytes.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from memory_core.errors import CorruptMemory

_MAGIC = b"TLM1"
_KINDS = frozenset({"b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8"})


def pack(values: Mapping[str, Any]) -> bytes:
    """Bytes of named values; each is a numpy array of numbers, bytes, or anything JSON can hold."""
    plain: dict[str, Any] = {}
    arrays: list[list[Any]] = []
    chunks: list[bytes] = []
    for name in sorted(values):
        value = values[name]
        if isinstance(value, bytes):
            arrays.append([name, "bytes", [len(value)]])
            chunks.append(value)
        elif isinstance(value, np.ndarray):
            little = value.astype(value.dtype.newbyteorder("<"), copy=False)
            arrays.append([name, little.dtype.str, list(value.shape)])
            chunks.append(np.ascontiguousarray(little).tobytes())
        else:
            plain[name] = value
    header = json.dumps({"arrays": arrays, "values": plain}, sort_keys=True, separators=(",", ":")).encode()
    return b"".join([_MAGIC, struct.pack("<I", len(header)), header, *chunks])


def unpack(data: bytes) -> dict[str, Any]:
    """The values given to `pack`; arrays are writable copies.

    Raises:
        CorruptMemory: the bytes are torn or were not made by `pack`.
    """
    header, offset = _header(data)
    values: dict[str, Any] = dict(header["values"])
    for name, kind, shape in map(_described, header["arrays"]):
        dtype = np.dtype(np.uint8) if kind == "bytes" else _number_type(kind)
        size = math.prod(shape) * dtype.itemsize
        if offset + size > len(data):
            raise CorruptMemory(f"packed data: {name} wants {size} bytes, {len(data) - offset} are left")
        chunk = data[offset : offset + size]
        values[name] = chunk if kind == "bytes" else np.frombuffer(chunk, dtype).reshape(shape).copy()
        offset += size
    return values


def peek(data: bytes) -> dict[str, Any]:
    """Only the JSON values of packed data, without touching its arrays."""
    return dict(_header(data)[0]["values"])


def _described(entry: Any) -> tuple[str, str, list[int]]:
    """Name, kind and shape of an array, if that is what the entry of a header says."""
    match entry:
        case [str(name), str(kind), list(shape)] if all(type(n) is int and n >= 0 for n in shape):
            return name, kind, shape
    raise CorruptMemory(f"packed data: {entry!r:.80} describes no array")


def _number_type(kind: str) -> np.dtype[Any]:
    if kind.lstrip("<>|=") not in _KINDS:
        raise CorruptMemory(f"packed data: {kind!r} is not a type of numbers")
    return np.dtype(kind)


def _header(data: bytes) -> tuple[dict[str, Any], int]:
    if data[:4] != _MAGIC or len(data) < 8:
        raise CorruptMemory(f"packed data: want it to begin with {_MAGIC!r}, got {data[:4]!r}")
    end = 8 + int(struct.unpack("<I", data[4:8])[0])
    try:
        header = json.loads(data[8:end].decode())
        arrays, values = header["arrays"], header["values"]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptMemory(f"packed data: torn header ({error})") from error
    if not (isinstance(arrays, list) and isinstance(values, dict)):
        raise CorruptMemory("packed data: the header lists no arrays and values")
    return {"arrays": arrays, "values": values}, end
