# SPDX-License-Identifier: Apache-2.0
"""Places: few points from which all free floor can be reached in a straight line, and the straight ways between them.

Everything here works on grid cells: `fits` says where the centre of the robot may be, `clearance` how far the next
obstacle is, in cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled
from mapping.topology.free_space import by_clearance

Mask = NDArray[np.bool_]
Cell = tuple[int, int]


@dataclass
class Cover:
    """Places chosen so far and which of them each cell belongs to.

    Attributes:
        cells: one for each place.
        owner: (nx, ny) index of the nearest place that sees the cell, -1 where none does.
        links: pairs of places (smaller index first) with a straight free way between them.
    """

    fits: Mask
    clearance: NDArray[np.float64]
    reach: int
    cells: list[Cell] = field(default_factory=list)
    owner: NDArray[np.int32] = field(init=False)
    links: list[tuple[int, int]] = field(default_factory=list)
    _distance: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        self.owner = np.full(self.fits.shape, -1, np.int32)
        self._distance = np.full(self.fits.shape, np.inf, np.float32)

    def add(self, cell: Cell, least_gain: int = 0) -> int:
        """Add a place unless it sees fewer than `least_gain` cells that no place saw; their count if asked for.

        O(reach^3) steps of compiled code.
        """
        limits = np.array([self.reach, len(self.cells), least_gain], np.int64)
        gain = int(_look(self.fits, self.owner, self._distance, np.array(cell, np.int64), limits))
        if gain >= least_gain:
            self.cells.append(cell)
        return gain


def cover(fits: Mask, clearance: NDArray[np.float64], reach: int, kept: Sequence[Cell], least_gain: int) -> Cover:
    """Places so that nearly every cell of `fits` sees one within `reach` cells; `kept` come first, in their order.

    New places go where clearance is largest. What stays uncovered are corners of fewer than `least_gain` cells.
    Places in one connected part of `fits` are connected by links.
    O(cells + places * reach^3).
    """
    found = Cover(fits, clearance, reach)
    for cell in kept:
        found.add(cell)
    skipped = np.zeros(fits.shape, np.bool_)
    order = by_clearance(clearance, fits)
    start = 0
    while (start := int(_next_bare(order, start, found.owner, skipped))) < len(order):
        i, j = divmod(int(order[start]), fits.shape[1])
        skipped[i, j] = found.add((i, j), least_gain) < least_gain
    _connect(found)
    return found


def spread(found: Cover, open_: Mask) -> NDArray[np.int32]:
    """(nx, ny) the owners of a cover, and beyond them the nearest place that sees a cell over open floor."""
    wide = Cover(open_, found.clearance, found.reach)
    wide._distance[found.owner >= 0] = -1.0  # nobody is nearer there
    for cell in found.cells:
        wide.add(cell)
    return np.where(found.owner >= 0, found.owner, wide.owner)


def parts(fits: Mask, least_cells: int) -> Mask:
    """`fits` without its connected parts of fewer than `least_cells` cells. O(cells)."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(fits.astype(np.uint8), connectivity=4)
    large = stats[:, cv2.CC_STAT_AREA] >= least_cells
    large[0] = False
    return np.asarray(large[labels], np.bool_)


def _connect(found: Cover) -> None:
    """Link places; where two neighbouring areas of one connected part stay apart, put a place on their border."""
    _, region = cv2.connectedComponents(found.fits.astype(np.uint8), connectivity=4)
    while True:
        found.links = _links(found)
        bridge = _bridge(found, _groups(len(found.cells), found.links), region)
        if bridge is None:
            return
        found.add(bridge)


def _links(found: Cover) -> list[tuple[int, int]]:
    """Pairs within twice the reach with a straight free way, less those that a place in between makes useless.

    A pair is left out when a third place linked to both lies in the circle around the pair (Gabriel's rule), which
    never disconnects. O(places * neighbours^2 + pairs * reach).
    """
    cells = np.array(found.cells, np.int64).reshape(-1, 2)
    order = np.argsort(cells[:, 0], kind="stable")
    return sorted(_link_kernel(found.fits, cells, order, 2 * found.reach + 1)) if len(cells) > 1 else []


def _groups(n: int, links: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """(n,) smallest index of the connected group of each place."""
    group = list(range(n))

    def root(a: int) -> int:
        while group[a] != a:
            group[a] = group[group[a]]
            a = group[a]
        return a

    for a, b in links:
        low, high = sorted((root(a), root(b)))
        group[high] = low
    return np.array([root(a) for a in range(n)], np.int64)


def _bridge(found: Cover, groups: NDArray[np.int64], region: NDArray[Any]) -> Cell | None:
    """The roomiest cell on the border of two areas that belong together but are not linked; None if all are."""
    split = _split_regions(found, groups, region)
    group = np.where(found.owner >= 0, np.append(groups, -1)[found.owner], -1)
    border = np.zeros(split.shape, np.bool_)
    across = (group[:-1] != group[1:]) & split[:-1] & split[1:]
    along = (group[:, :-1] != group[:, 1:]) & split[:, :-1] & split[:, 1:]
    border[:-1] |= across
    border[1:] |= across
    border[:, :-1] |= along
    border[:, 1:] |= along
    for cell in found.cells:
        border[cell] = False
    if not border.any():
        return None
    i, j = np.unravel_index(int(np.argmax(np.where(border, found.clearance, -1.0))), border.shape)
    return int(i), int(j)


def _split_regions(found: Cover, groups: NDArray[np.int64], region: NDArray[Any]) -> Mask:
    """Cells of connected parts whose places form more than one group."""
    of: dict[int, set[int]] = {}
    for cell, group in zip(found.cells, groups.tolist(), strict=True):
        of.setdefault(int(region[cell]), set()).add(group)
    split = [part for part, members in of.items() if part > 0 and len(members) > 1]
    return np.isin(region, split)


@compiled
def _next_bare(order: Any, start: int, owner: Any, skipped: Any) -> int:
    """First position from `start` on in `order` of a cell that has no owner and was not skipped; the end if none."""
    ny = owner.shape[1]
    for k in range(start, len(order)):
        i, j = order[k] // ny, order[k] % ny
        if owner[i, j] < 0 and not skipped[i, j]:
            return k
    return len(order)


@compiled
def _sees(fits: Any, start: Any, end: Any) -> bool:
    """Whether the straight line between two cells stays inside `fits`."""
    i, j = start
    a, b = end
    steps = max(abs(a - i), abs(b - j))
    for k in range(1, steps + 1):
        x = i + int(np.floor((a - i) * k / steps + 0.5))
        y = j + int(np.floor((b - j) * k / steps + 0.5))
        if not fits[x, y]:
            return False
    return True


@compiled
def _look(fits: Any, owner: Any, distance: Any, cell: Any, limits: Any) -> int:
    """Count the cells a new place sees and no place saw; if enough, make it the owner of those it is nearest to."""
    nx, ny = fits.shape
    i, j = cell
    reach, index, least_gain = limits
    gain = 0
    for stage in range(0 if least_gain > 0 else 1, 2):
        for a in range(max(0, i - reach), min(nx, i + reach + 1)):
            for b in range(max(0, j - reach), min(ny, j + reach + 1)):
                square = (a - i) * (a - i) + (b - j) * (b - j)
                if square > reach * reach or not fits[a, b] or square >= distance[a, b]:
                    continue
                if stage == 0 and owner[a, b] >= 0:
                    continue
                if not _sees(fits, (i, j), (a, b)):
                    continue
                if stage == 0:
                    gain += 1
                else:
                    owner[a, b] = index
                    distance[a, b] = square
        if gain < least_gain:
            break
    return gain


@compiled
def _link_kernel(fits: Any, cells: Any, order: Any, reach: int) -> Any:
    """(M, 2) links of places; `order` sorts the places by their first coordinate."""
    n = len(cells)
    pairs = [(0, 0) for _ in range(0)]
    for s in range(n):
        for t in range(s + 1, n):
            a, b = min(order[s], order[t]), max(order[s], order[t])
            dx, dy = cells[order[t], 0] - cells[order[s], 0], cells[b, 1] - cells[a, 1]
            if dx > reach:
                break
            if dx * dx + dy * dy <= reach * reach and _sees(
                fits, (cells[a, 0], cells[a, 1]), (cells[b, 0], cells[b, 1])
            ):
                pairs.append((a, b))
    neighbours = [[0 for _ in range(0)] for _ in range(n)]
    for a, b in pairs:
        neighbours[a].append(b)
        neighbours[b].append(a)
    kept = [(0, 0) for _ in range(0)]
    for a, b in pairs:
        if not _between(cells, neighbours[a], neighbours[b], a, b):
            kept.append((a, b))
    return kept


@compiled
def _between(cells: Any, of_a: Any, of_b: Any, a: int, b: int) -> bool:
    """Whether a place linked to both a and b lies in the circle whose diameter is the line from a to b."""
    for c in of_a:
        ax, ay = cells[c, 0] - cells[a, 0], cells[c, 1] - cells[a, 1]
        bx, by = cells[c, 0] - cells[b, 0], cells[c, 1] - cells[b, 1]
        if ax * bx + ay * by <= 0 and c in of_b:
            return True
    return False
