# SPDX-License-Identifier: Apache-2.0
"""What the salvage of every kind of bag file gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


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
