# SPDX-License-Identifier: Apache-2.0
"""Times: nanoseconds inside, builtin_interfaces/Time outside."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time

SECOND_NS = 1_000_000_000


def time_message(stamp_ns: int) -> Time:
    """Nanoseconds as a message; times outside what the message holds are cut to its ends."""
    seconds, rest = divmod(stamp_ns, SECOND_NS)
    return Time(sec=max(-(2**31), min(2**31 - 1, seconds)), nanosec=rest)


def stamp_ns(time: Any) -> int:
    """A message's time in nanoseconds."""
    return int(time.sec) * SECOND_NS + int(time.nanosec)
