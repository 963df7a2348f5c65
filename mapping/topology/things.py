# SPDX-License-Identifier: Apache-2.0
"""The objects of a storey as the topology sees them, found by the tiles that they stand in or near."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mapping.topology.tiles import Key
from memory_core.geometry import Box


@dataclass(frozen=True, slots=True)
class Thing:
    """What is asked of an object."""

    box: Box
    label: str
    confidence: float


class Things:
    """Things by id. A tile of `side_m` knows those whose box is within `near_m` of it."""

    def __init__(self, side_m: float, near_m: float) -> None:
        self.by_id: dict[str, Thing] = {}
        self._side_m, self._near_m = side_m, near_m
        self._at: dict[Key, set[str]] = {}

    def update(self, things: Mapping[str, Thing]) -> dict[str, tuple[Thing | None, Thing | None]]:
        """Become these things; (before, now) of each that differs. O(things), and nothing else where none differs."""
        changed: dict[str, tuple[Thing | None, Thing | None]] = {
            id: (self.by_id.get(id), thing) for id, thing in things.items() if self.by_id.get(id) != thing
        }
        changed.update((id, (thing, None)) for id, thing in self.by_id.items() if id not in things)
        for id, (before, now) in changed.items():
            self._put(id, before, now)
        return changed

    def _put(self, id: str, before: Thing | None, now: Thing | None) -> None:
        if before is not None:
            for key in self.keys(before.box):
                self._at[key].discard(id)
            del self.by_id[id]
        if now is not None:
            for key in self.keys(now.box):
                self._at.setdefault(key, set()).add(id)
            self.by_id[id] = now

    def near(self, keys: Iterable[Key]) -> set[str]:
        """Ids of things in or near tiles. O(tiles + things there)."""
        return {id for key in keys for id in self._at.get(key, ())}

    def keys(self, box: Box) -> list[Key]:
        """Tiles that a box is in or near."""
        low = [math.floor((box.minimum[axis] - self._near_m) / self._side_m) for axis in (0, 1)]
        high = [math.floor((box.maximum[axis] + self._near_m) / self._side_m) for axis in (0, 1)]
        return [(x, y) for x in range(low[0], high[0] + 1) for y in range(low[1], high[1] + 1)]
