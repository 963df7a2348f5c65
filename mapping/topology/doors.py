# SPDX-License-Identifier: Apache-2.0
"""Doors: where a way from one room to the next is narrowest, and how wide it is there."""

from __future__ import annotations

from typing import Any

import numpy as np

from mapping.compiled import compiled
from mapping.topology.free_space import OPEN
from mapping.topology.tiles import Cell, Tiles

_WIDEST_M = 2.5  # what is wider is no door
_DIRECTIONS = 24


def find_door(tiles: Tiles, start: Cell, end: Cell, voxel_size_m: float) -> tuple[float, float, float] | None:
    """(x, y, width) in metres of the door on a straight way between two rooms, None where it is wide open.

    The narrowest chord through any cell near the border of the two rooms, and its middle. O(length * width).
    """
    reach = max(2, round(_WIDEST_M / voxel_size_m))
    line = _line(start, end)
    rooms = [tiles.value("rooms", i, j) for i, j in line]
    last = max((k for k, room in enumerate(rooms) if room == rooms[0]), default=0)
    first = next((k for k in range(last + 1, len(rooms)) if rooms[k] == rooms[-1]), len(rooms) - 1)
    slack = max(1, round(0.2 / voxel_size_m))
    near = np.array(line[max(0, last - slack) : first + slack + 1], np.int64)
    low = near.min(axis=0) - reach - 1
    high = near.max(axis=0) + reach + 2
    drive = tiles.window("drive", (int(low[0]), int(low[1])), (int(high[0]), int(high[1])))
    x, y, width = _chord_kernel((drive == OPEN).astype(np.uint8), near - low, reach, _DIRECTIONS)
    if width * voxel_size_m > _WIDEST_M:
        return None
    return float((x + low[0] + 0.5) * voxel_size_m), float((y + low[1] + 0.5) * voxel_size_m), width * voxel_size_m


def _line(start: Cell, end: Cell) -> list[Cell]:
    n = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    points = np.floor(np.linspace(start, end, n + 1) + 0.5).astype(int)
    return [(int(i), int(j)) for i, j in points]


@compiled
def _chord_kernel(open_: Any, cells: Any, reach: int, n: int) -> Any:
    """(x, y, width) in cells of the shortest straight free line through any of the cells; half cells in all."""
    best_x, best_y, best = 0.0, 0.0, 1e9
    for k in range(len(cells)):
        for turn in range(n):
            dx, dy = np.cos(np.pi * turn / n), np.sin(np.pi * turn / n)
            ahead, behind = 0.0, 0.0
            for way in range(2):
                sign = 1.0 - 2.0 * way
                away = 0.0
                while away <= reach:
                    away += 0.25
                    i = int(np.floor(cells[k, 0] + 0.5 + sign * dx * away))
                    j = int(np.floor(cells[k, 1] + 0.5 + sign * dy * away))
                    if not (0 <= i < open_.shape[0] and 0 <= j < open_.shape[1]) or not open_[i, j]:
                        break
                if way == 0:
                    ahead = away
                else:
                    behind = away
            if ahead + behind < best - 1e-9:
                best = ahead + behind
                best_x = cells[k, 0] + dx * (ahead - behind) / 2
                best_y = cells[k, 1] + dy * (ahead - behind) / 2
    return best_x, best_y, best
