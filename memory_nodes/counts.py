# SPDX-License-Identifier: Apache-2.0
"""Counters that several threads increment and the diagnostics read."""

from __future__ import annotations

import threading


class Counts:
    """Names to whole numbers, safe between threads."""

    def __init__(self) -> None:
        self._values: dict[str, int] = {}
        self._lock = threading.Lock()

    def add(self, name: str, n: int = 1) -> None:
        with self._lock:
            self._values[name] = self._values.get(name, 0) + n

    def __getitem__(self, name: str) -> int:
        return self._values.get(name, 0)

    def all(self) -> dict[str, int]:
        """A copy, sorted by name, without zeros."""
        with self._lock:
            return {name: n for name, n in sorted(self._values.items()) if n}
