# SPDX-License-Identifier: Apache-2.0
"""AI2-THOR's protocol over HTTP: each frame is posted as a form, and the answer is the next action."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any

from sim.thor.standin.game import Reply

_BOUNDARY = "frame-of-the-stand-in"


class Web:
    """The process's end."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._token = environment["AI2THOR_CLIENT_TOKEN"]
        self._connection = HTTPConnection(environment["AI2THOR_HOST"], int(environment["AI2THOR_PORT"]))
        self._next: dict[str, Any] | None = None

    def actions(self, first: Reply) -> Iterator[dict[str, Any]]:
        """Say the first thing, then give each action of the client, until it hangs up."""
        self.answer(first)
        while self._next and "action" in self._next:
            yield self._next

    def answer(self, reply: Reply) -> None:
        """Post a frame; what comes back is the next action."""
        self._next = None
        try:
            self._connection.request("POST", "/train", _form(reply, self._token), _headers())
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, HTTPException):
            return
        if response.status == 200:
            self._next = json.loads(body)


def _headers() -> dict[str, str]:
    return {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}


def _form(reply: Reply, token: str) -> bytes:
    parts = [
        _part("metadata", json.dumps(reply.metadata).encode(), "text/plain; charset=utf-8"),
        _part("token", token.encode(), "text/plain; charset=utf-8"),
    ]
    parts += [_part(name, body, "image/raw-rgb", filename=name) for name, body in reply.images.items()]
    return b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()


def _part(name: str, body: bytes, content_type: str, filename: str = "") -> bytes:
    """The client's parser wants these two headers, spelt so, and no other."""
    file = f'; filename="{filename}"' if filename else ""
    head = (
        f'--{_BOUNDARY}\r\nContent-Type: {content_type}\r\nContent-disposition: form-data; name="{name}"{file}\r\n\r\n'
    )
    return head.encode() + body + b"\r\n"
