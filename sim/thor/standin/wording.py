# SPDX-License-Identifier: Apache-2.0
"""Class names as AI2-THOR writes them."""

from __future__ import annotations

from functools import cache

from memory_core.labels import spoken
from sim.house.assets import object_types


def written(label: str) -> str:
    """ "DiningTable" of "dining table"."""
    return _known().get(label) or "".join(word.capitalize() for word in label.split())


@cache
def _known() -> dict[str, str]:
    return {spoken(name): name for name in object_types()}
