# SPDX-License-Identifier: Apache-2.0
"""How long it took to travel through a storey: time and way by cells of a lattice, and what that says of a passage."""

from __future__ import annotations

import math

from mapping.topology.tiles import Cell, Key, Tiles

_LATTICE_M = 0.4
_ENOUGH_MM = 300
_USUAL_M_S = 0.2  # slower than this costs more
_MOST = 5.0
_LONGEST_S = 2.0
_JUMP_M = 1.0
_STANDING_M_S = 0.03

Pose = tuple[int, float, float, float]  # stamp_ns, x, y, z


def travelled(before: Pose, now: Pose) -> tuple[float, float, float, int, int] | None:
    """(x, y, z, milliseconds, millimetres) of one step, None when the camera stood still or the two do not connect."""
    seconds = (now[0] - before[0]) / 1e9
    metres = math.dist(before[1:], now[1:])
    if not 0 < seconds <= _LONGEST_S or metres > _JUMP_M or metres < _STANDING_M_S * seconds:
        return None
    x, y, z = ((a + b) / 2 for a, b in zip(before[1:], now[1:], strict=True))
    return x, y, z, round(1000 * seconds), round(1000 * metres)


class Pace:
    """Travelling on one storey; what is noted depends on the frames alone. Kept in `tiles`."""

    def __init__(self, tiles: Tiles, voxel_size_m: float) -> None:
        self._tiles = tiles
        self._voxel_size_m = voxel_size_m
        self._step = max(1, round(_LATTICE_M / voxel_size_m))
        self._waiting: list[tuple[float, float, int, int]] = []

    def note(self, x: float, y: float, milliseconds: int, millimetres: int) -> None:
        self._waiting.append((x, y, milliseconds, millimetres))

    def take(self) -> set[Key]:
        """Enter what was noted where there are tiles; those that differ. O(steps noted)."""
        changed: set[Key] = set()
        for x, y, milliseconds, millimetres in self._waiting:
            i, j = math.floor(x / self._voxel_size_m), math.floor(y / self._voxel_size_m)
            key = self._tiles.key(i, j)
            tile = self._tiles.at.get(key)
            if tile is None:
                continue
            cell = i // self._step, j // self._step
            before = tile.pace.get(cell, (0, 0))
            tile.pace[cell] = before[0] + milliseconds, before[1] + millimetres
            changed.add(key)
        self._waiting.clear()
        return changed

    def factor(self, start: Cell, end: Cell) -> float:
        """How many times slower than usual it was to travel between two map cells, 1 ... 5. O(length)."""
        n = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        time = way = 0
        for cell in dict.fromkeys(
            ((start[0] + (end[0] - start[0]) * k // n) // self._step,
             (start[1] + (end[1] - start[1]) * k // n) // self._step)
            for k in range(0, n + 1)
        ):  # fmt: skip
            for key in {self._tiles.key(cell[0] * self._step + d, cell[1] * self._step + e)
                        for d in (0, self._step - 1) for e in (0, self._step - 1)}:  # fmt: skip
                tile = self._tiles.at.get(key)
                ms, mm = tile.pace.get(cell, (0, 0)) if tile is not None else (0, 0)
                time, way = time + ms, way + mm
        if way < _ENOUGH_MM:
            return 1.0
        return round(min(_MOST, max(1.0, time / way * _USUAL_M_S)), 1)
