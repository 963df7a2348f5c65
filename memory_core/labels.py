# SPDX-License-Identifier: Apache-2.0
"""Class names as people say them: lower case, singular, words apart ("dining table")."""

from __future__ import annotations

import re

# Parts of the building: mapped as surfaces, never remembered as objects.
STRUCTURE = frozenset({"wall", "floor", "ceiling", "door", "doorway", "doorframe", "window", "room"})


def spoken(class_name: str) -> str:
    """A simulator's or detector's class name in words: "DiningTable" -> "dining table", "tv_stand" -> "tv stand"."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", class_name)
    return re.sub(r"[\s_\-]+", " ", apart).strip().lower()
