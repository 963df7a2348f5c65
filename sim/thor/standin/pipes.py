# SPDX-License-Identifier: Apache-2.0
"""AI2-THOR's protocol over two named pipes: fields of a type, a length and a body, the last of type 255 and empty."""

from __future__ import annotations

import errno
import json
import os
import struct
import time
from collections.abc import Iterator, Mapping
from typing import IO, Any

import msgpack

from sim.thor.standin.game import Reply

_HEADER = struct.Struct("!BI")
_METADATA, _ACTION, _END = 1, 2, 255
_IMAGES = {"image": 4, "image_depth": 5, "image_ids": 9}
_WAIT_S = 10.0


class Pipes:
    """The process's end. It speaks first; the client opens the way back only when it has been spoken to."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._client_path = environment["AI2THOR_FIFO_CLIENT_PIPE_PATH"]
        self._out = os.fdopen(_open_for_reader(environment["AI2THOR_FIFO_SERVER_PIPE_PATH"]), "wb")

    def actions(self, first: Reply) -> Iterator[dict[str, Any]]:
        """Say the first thing, then give each action of the client, until it hangs up."""
        self.answer(first)
        with open(self._client_path, "rb") as incoming:
            while (action := _read_action(incoming)) is not None:
                yield action

    def answer(self, reply: Reply) -> None:
        """Send a message."""
        self._write(_METADATA, msgpack.packb(reply.metadata, use_bin_type=True))
        for name, body in reply.images.items():
            self._write(_IMAGES[name], body)
        self._write(_END, b"")
        self._out.flush()

    def _write(self, kind: int, body: bytes) -> None:
        self._out.write(_HEADER.pack(kind, len(body)))
        self._out.write(body)


def _open_for_reader(path: str) -> int:
    """The writing end of a pipe, once somebody reads it."""
    end_s = time.monotonic() + _WAIT_S
    while (descriptor := _try_to_open(path)) < 0:
        if time.monotonic() > end_s:
            raise TimeoutError(f"nobody reads {path}")
        time.sleep(0.01)
    os.set_blocking(descriptor, True)
    return descriptor


def _try_to_open(path: str) -> int:
    """-1 when nobody reads it yet."""
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return -1


def _read_action(incoming: IO[bytes]) -> dict[str, Any] | None:
    action: dict[str, Any] | None = None
    while header := incoming.read(_HEADER.size):
        kind, length = _HEADER.unpack(header)
        body = incoming.read(length)
        if kind == _END:
            return action
        if kind == _ACTION:
            action = json.loads(body)
    return None
