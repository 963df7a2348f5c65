# SPDX-License-Identifier: Apache-2.0
"""Numbers out of ids: "o12" is 12."""

from __future__ import annotations

import re

from memory_core.errors import BadInput

_ID = re.compile(r"[A-Za-z]+([0-9]{1,16})\Z")


def number_of(name: str) -> int:
    """The number in an id of a thing, place or room.

    Raises:
        BadInput: the id is not letters followed by a number.
    """
    match = _ID.match(name)
    if match is None:
        raise BadInput(f"id: want letters and a number as in o12, got {name!r}")
    return int(match.group(1))
