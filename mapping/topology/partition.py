# SPDX-License-Identifier: Apache-2.0
"""Rooms from walls: a storey is cut where free space narrows to a door, and nowhere else.

Clearance (distance to the next wall) is seen as a landscape whose hills are rooms. Flooding it from the top, two hills
meet at a saddle. They are two rooms if the saddle is narrow enough for a door and clearly lower than both hilltops;
otherwise they are one. Walls above doors count as walls, so a door whose lintel was seen separates at any width.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled
from mapping.topology.free_space import BLOCKED, OPEN, Grid, Mask, by_clearance
from memory_core.geometry import Box

Labels = NDArray[np.int32]

_LOW = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Necks:
    """What separates rooms, in metres and square metres."""

    door_width_m: float
    dip_m: float
    least_area_m2: float


def partition(grid: Grid, fits: Mask, necks: Necks) -> Labels:
    """(nx, ny) number of the room of each cell, 1, 2, ... in no meaningful order, 0 outside rooms.

    A room has at least `least_area_m2` and a cell where the robot fits; smaller pieces join the neighbour with which
    they share the longest border. O(cells).
    """
    walls = grid.rooms == BLOCKED
    domain = grid.rooms == OPEN
    if not domain.any():
        return np.zeros(domain.shape, np.int32)
    clearance = wall_clearance(walls)
    cells = 1.0 / grid.voxel_size_m
    saddle, dip = (necks.door_width_m / 2 * cells + 0.5, necks.dip_m * cells)
    labels = _flood(clearance, by_clearance(clearance, domain), saddle, dip)
    return _absorb(labels, fits, necks.least_area_m2 * cells**2)


def unfurnished(grid: Grid, footprints: Iterable[Box]) -> Grid:
    """The grid without what is as tall as a wall but stands free and is known to be a thing, such as a floor lamp.

    Blocked cells that hang together become open where all of them lie in footprints of things; what leans on a wall
    cannot be told from it and stays. O(cells).
    """
    blocked = grid.rooms == BLOCKED
    covered = np.zeros(blocked.shape, np.bool_)
    for box in footprints:
        low = np.maximum(np.subtract(grid.cell(*box.minimum[:2]), 1), 0)
        high = np.maximum(np.add(grid.cell(*box.maximum[:2]), 2), 0)
        covered[low[0] : high[0], low[1] : high[1]] = True
    _, islands = cv2.connectedComponents(blocked.astype(np.uint8), connectivity=8)
    stays = np.isin(islands, islands[blocked & ~covered])
    return replace(grid, rooms=np.where(blocked & ~stays, np.uint8(OPEN), grid.rooms))


def wall_clearance(walls: Mask) -> NDArray[np.float64]:
    """(nx, ny) cells to the nearest wall; unlike for driving, the edge of the known world is no wall."""
    distance = cv2.distanceTransform((~walls).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.minimum(distance, float(max(walls.shape))).astype(np.float64)


def _absorb(labels: Labels, fits: Mask, least_cells: float) -> Labels:
    """Give pieces that are no rooms to their neighbours, smallest first; pieces without a neighbour go to none."""
    n = int(labels.max())
    area = np.bincount(labels.ravel(), minlength=n + 1)
    roomy = np.bincount(labels.ravel(), weights=fits.ravel(), minlength=n + 1) > 0
    borders = _borders(labels)
    home = list(range(n + 1))
    for piece in sorted(range(1, n + 1), key=lambda label: (area[label], label)):
        if area[piece] >= least_cells and roomy[piece]:
            continue
        near = borders.pop(piece, {})
        target = max(near, key=lambda label: (near[label], -label), default=0)
        home[piece] = target
        if target:
            area[target] += area[piece]
            roomy[target] |= roomy[piece]
        for other, length in near.items():
            shared = borders[other]
            shared.pop(piece)
            if other != target:
                shared[target] = shared.get(target, 0) + length
                borders[target][other] = borders[target].get(other, 0) + length
    return np.array([_follow(home, label) for label in range(n + 1)], np.int32)[labels]


def _follow(home: list[int], label: int) -> int:
    while home[label] != label:
        label = home[label]
    return label


def _borders(labels: Labels) -> dict[int, dict[int, int]]:
    """For each label its neighbours and how many cell sides they share."""
    borders: dict[int, dict[int, int]] = {}
    for here, there in ((labels[:-1], labels[1:]), (labels[:, :-1], labels[:, 1:])):
        touching = (here != there) & (here > 0) & (there > 0)
        low, high = np.minimum(here, there)[touching], np.maximum(here, there)[touching]
        pairs, lengths = np.unique(low.astype(np.int64) << 32 | high, return_counts=True)
        for pair, length in zip(pairs.tolist(), lengths.tolist(), strict=True):
            for one, other in ((pair >> 32, pair & _LOW), (pair & _LOW, pair >> 32)):
                shared = borders.setdefault(one, {})
                shared[other] = shared.get(other, 0) + length
    return borders


@compiled
def _root(parent: Any, a: int) -> int:
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    return a


@compiled
def _flood(clearance: Any, order: Any, saddle: float, dip: float) -> Any:
    """Watershed of `clearance` from the highest cell down, hills joined at high or shallow saddles.

    Returns (nx, ny) int32 labels, 0 outside `order` (flat indices).
    """
    nx, ny = clearance.shape
    labels = np.zeros((nx, ny), np.int32)
    parent = np.zeros(len(order) + 1, np.int32)
    peak = np.zeros(len(order) + 1)
    n = 0
    for cell in order:
        x, y = cell // ny, cell % ny
        height = clearance[x, y]
        mine, upper = 0, -1.0
        for side in range(4):
            i, j = x + (side == 0) - (side == 1), y + (side == 2) - (side == 3)
            if not (0 <= i < nx and 0 <= j < ny) or labels[i, j] == 0:
                continue
            hill = _root(parent, labels[i, j])
            if mine > 0 and hill != mine:
                high, low = (mine, hill) if peak[mine] >= peak[hill] else (hill, mine)
                if height > saddle or peak[low] - height < dip:
                    parent[low] = high
                    mine, hill = high, high
            if mine == 0 or clearance[i, j] > upper:
                mine, upper = hill, clearance[i, j]
        if mine == 0:
            n += 1
            mine, parent[n], peak[n] = n, n, height
        labels[x, y] = mine
    used = np.zeros(n + 1, np.int32)
    m = 0
    for a in range(1, n + 1):
        if _root(parent, a) == a:
            m += 1
            used[a] = m
    for cell in order:
        x, y = cell // ny, cell % ny
        labels[x, y] = used[_root(parent, labels[x, y])]
    return labels
