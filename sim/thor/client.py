# SPDX-License-Identifier: Apache-2.0
"""The ai2thor client with every place where it would wait for ever, or spin, for a process that is gone made to end.

Only what blocks is replaced: opening, reading and writing the pipes, and waiting for an answer over HTTP. All else,
the protocol above all, is the client's own. This module imports ai2thor; import it only when a simulator is started.
"""

from __future__ import annotations

import errno
import os
import select
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import ai2thor.build
import ai2thor.controller
import ai2thor.fifo_server
import ai2thor.wsgi_server

_LOOK_S = 0.1
_WAIT_FOR_END_S = 5.0


class SimulatorEnded(Exception):
    """The simulator's process is gone or does not answer; the message says which, to follow "AI2-THOR"."""


class WatchedFifoServer(ai2thor.fifo_server.FifoServer):  # type: ignore[misc]
    """Talks through two named pipes."""

    server_pipe: Any
    client_pipe: Any

    def _recv_message(self, timeout: float | None) -> Any:
        if self.server_pipe is None:
            # Without waiting for a writer, who may never come; select waits for its first bytes.
            self.server_pipe = os.fdopen(os.open(self.server_pipe_path, os.O_RDONLY | os.O_NONBLOCK), "rb", 0)
        return super()._recv_message(timeout)

    def _read_with_timeout(self, server_pipe: Any, message_size: int, timeout: float | None) -> bytes:
        limit = _Limit(self.unity_proc, timeout)
        parts: list[bytes] = []
        while message_size > 0:
            readable, _, _ = select.select([server_pipe], [], [], _LOOK_S)
            if not readable:
                limit.check()
                continue
            part = os.read(server_pipe.fileno(), message_size)
            if not part:
                raise SimulatorEnded(_how_it_ended(self.unity_proc))
            parts.append(part)
            message_size -= len(part)
        return b"".join(parts)

    def _send_message(self, message_type: int, body: bytes) -> None:
        limit = _Limit(self.unity_proc, self.timeout)
        if self.client_pipe is None:
            self.client_pipe = os.fdopen(self._reader_of(self.client_pipe_path, limit), "wb", 0)
        self._last_action_message = body
        left = memoryview(self._create_header(message_type, body) + body + self.eom_header)
        while left:
            _, writable, _ = select.select([], [self.client_pipe], [], _LOOK_S)
            if not writable:
                limit.check()
                continue
            try:
                left = left[os.write(self.client_pipe.fileno(), left[: select.PIPE_BUF]) :]
            except BrokenPipeError as error:
                raise SimulatorEnded(_how_it_ended(self.unity_proc)) from error

    def _reader_of(self, path: str, limit: _Limit) -> int:
        """The writing end of a pipe, once somebody reads it."""
        while True:
            with suppress(_NobodyReads):
                return _open_to_write(path)
            limit.check()
            time.sleep(0.01)

    def stop(self) -> None:
        """End the process, wait for it, and remove the pipes; doing it twice is doing it once."""
        super().stop()
        _bury(self.unity_proc)
        self.tmp_dir.cleanup()


class WatchedWsgiServer(ai2thor.wsgi_server.WsgiServer):  # type: ignore[misc]
    """Talks over HTTP on this machine."""

    stopped: bool

    def receive(self, timeout: float | None = None) -> Any:
        limit = _Limit(self.unity_proc, self.timeout if timeout is None else timeout)
        while True:
            with suppress(Empty):
                return self.request_queue.get(timeout=_LOOK_S)
            limit.check()

    def stop(self) -> None:
        """End the process, wait for it, and free the port; doing it twice is doing it once."""
        _bury(self.unity_proc)
        if not self.started or self.stopped:
            return
        self.stopped = True
        _drain(self.request_queue)
        _drain(self.response_queue)
        self.response_queue.put_nowait({})  # lets go whoever still waits for the next action
        ender = threading.Thread(target=self.wsgi_server.shutdown, daemon=True)
        ender.start()
        ender.join(_WAIT_FOR_END_S)
        self.wsgi_server.server_close()


class WatchedController(ai2thor.controller.Controller):  # type: ignore[misc]
    """A controller that leaves no process behind when it cannot be made."""

    server: Any

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except BaseException:
            self.abandon()
            raise

    def abandon(self) -> None:
        """End the process at once; the controller cannot be used afterwards."""
        server = getattr(self, "server", None)
        if server is not None:
            server.stop()
        self.last_event = None

    def unity_command(self, width: int, height: int, headless: bool) -> list[str]:
        if isinstance(self._build, ai2thor.build.ExternalBuild):
            self.gpu_device = None  # else $CUDA_VISIBLE_DEVICES asks for vulkaninfo, which such a build does not need
        command: list[str] = super().unity_command(width, height, headless)
        return command

    def _build_server(self, host: str, port: int, width: int, height: int) -> None:
        if self.server is not None:
            return
        given = {
            "width": width,
            "height": height,
            "timeout": self.server_timeout,
            "depth_format": self.depth_format,
            "add_depth_noise": self.add_depth_noise,
        }
        if self.server_class is ai2thor.wsgi_server.WsgiServer:
            self.server = WatchedWsgiServer(host=host, port=port, **given)
        else:
            self.server = WatchedFifoServer(**given)


class _NobodyReads(Exception):
    """A pipe without a reader."""


def _open_to_write(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise _NobodyReads from error
        raise


class _Limit:
    """Until when to wait for a process; `check` raises when there is nothing to wait for any more."""

    def __init__(self, process: subprocess.Popen[bytes] | None, timeout_s: float | None) -> None:
        self._process, self._timeout_s = process, timeout_s
        self._end_s = time.monotonic() + (float("inf") if timeout_s is None else timeout_s)

    def check(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            raise SimulatorEnded(_how_it_ended(self._process))
        if time.monotonic() > self._end_s:
            raise SimulatorEnded(f"did not answer within {self._timeout_s:g} s")


def _how_it_ended(process: subprocess.Popen[bytes] | None) -> str:
    """A process whose pipe is closed is about to end, if it has not."""
    if process is None:
        return "has gone"
    with suppress(subprocess.TimeoutExpired):
        return f"has ended with status {process.wait(_WAIT_FOR_END_S)}"
    return "has closed its pipe"


def _bury(process: subprocess.Popen[bytes] | None) -> None:
    if process is None:
        return
    if process.poll() is None:
        process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_WAIT_FOR_END_S)


def _drain(queue: Queue[Any]) -> None:
    with suppress(Empty):
        while True:
            queue.get_nowait()


def releases_dir() -> Path:
    """Where the client keeps the builds it has fetched."""
    return Path.home() / ".ai2thor" / "releases"
