# SPDX-License-Identifier: Apache-2.0
"""Values out of untrusted JSON, with the path of whatever is missing or wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from memory_core.errors import BadHouse
from memory_core.geometry import Vec
from sim.frames import ros_from_unity

_FARTHEST_M = 1000.0


@dataclass(frozen=True, slots=True)
class Value:
    """A JSON value and where it was found, e.g. "house.json: objects[3].position"."""

    content: Any
    path: str

    def has(self, key: str) -> bool:
        return isinstance(self.content, dict) and self.content.get(key) is not None

    def at(self, key: str) -> Value:
        """The value of a key that must be there."""
        if not isinstance(self.content, dict):
            raise self.bad("an object", self.content)
        if key not in self.content:
            there = ", ".join(sorted(map(str, self.content))[:8]) or "nothing"
            raise BadHouse(f"{self._below(key)}: missing; there are {there}")
        return Value(self.content[key], self._below(key))

    def items(self) -> Iterator[Value]:
        """The elements of a list."""
        if not isinstance(self.content, list):
            raise self.bad("a list", self.content)
        return (Value(element, f"{self.path}[{i}]") for i, element in enumerate(self.content))

    def items_at(self, key: str) -> Iterator[Value]:
        """The elements of an optional list."""
        return self.at(key).items() if self.has(key) else iter(())

    def text(self) -> str:
        if not isinstance(self.content, str) or not self.content:
            raise self.bad("a text", self.content)
        return self.content

    def text_at(self, key: str, default: str = "") -> str:
        return self.at(key).text() if self.has(key) and self.content[key] != "" else default

    def number(self) -> float:
        """A finite number of a plausible size."""
        value = self.content
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self.bad("a finite number", value)
        if abs(value) > _FARTHEST_M:
            raise self.bad(f"at most {_FARTHEST_M:g} in size", value)
        return float(value)

    def number_at(self, key: str, default: float) -> float:
        return self.at(key).number() if self.has(key) else default

    def point(self) -> Vec:
        """(3,) map frame, metres, of a Unity {x, y, z}."""
        return ros_from_unity([self.at(axis).number() for axis in "xyz"])

    def bad(self, wanted: str, got: Any) -> BadHouse:
        shown = repr(got)
        return BadHouse(f"{self.path}: want {wanted}, got {shown[:60] + '...' if len(shown) > 60 else shown}")

    def _below(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path and not self.path.endswith(": ") else f"{self.path}{key}"


def distinct(points: Vec) -> Vec:
    """The points without those that repeat their predecessor (cyclic)."""
    keep = np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1) > 1e-6
    return np.asarray(points[keep])
