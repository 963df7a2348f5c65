# SPDX-License-Identifier: Apache-2.0
"""Places: few points from which all free floor can be reached in a straight line, and the straight ways between them.

They are chosen tile by tile. Tiles have one of four colours, as on a chessboard with two kinds of rows; a tile sees
the places of its neighbours of earlier colours and adds what is missing. So which places a tile has follows from the
floor within three tiles, whatever the order in which the floor became known, and tiles far from a change keep theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled
from mapping.topology.fields import TENTHS, Scale
from mapping.topology.free_space import OPEN
from mapping.topology.tiles import Cell, Ints, Key, Tiles

N_COLOURS = 4
_ROOMY = 8  # cells of clearance beyond which a cell is as good as another
_MOST_BRIDGES = 64
_Cells = NDArray[np.int64]


def colour(key: Key) -> int:
    """0..3; tiles that touch, even at a corner, have different ones."""
    return (key[0] & 1) + 2 * (key[1] & 1)


def choose_seeds(tiles: Tiles, key: Key, scale: Scale) -> tuple[Cell, ...]:
    """Map cells of the places that a tile adds to those of its neighbours of earlier colours.

    Each stands for at least `least_gain` cells of the tile. O(cells * reach + places * reach^3).
    """
    tile = tiles.at[key]
    if not tile.fits.any():
        return ()
    fits = tiles.around("fits", key, scale.reach)
    earlier = [one for near in tiles.ring([key]) if colour(near) < colour(key) for one in tiles.at[near].seeds]
    corner = np.array(tiles.corner(key), np.int64)
    order = _order(tile.clearance, tile.fits, corner, scale)
    found = _seed_kernel(fits, _local(sorted(earlier), corner - scale.reach), order, scale.reach, scale.least_gain)
    return tuple((int(i), int(j)) for i, j in found + corner)


def _order(clearance: Ints, fits: Any, corner: _Cells, scale: Scale) -> _Cells:
    """(N, 2) cells of a tile in the order in which they are tried.

    Roomy ones first, in steps of two cells, so that a place stays while the map is refined; where there is room
    everywhere, those near the points of a lattice that covers the floor with few places.
    """
    i, j = np.nonzero(fits)
    room = np.minimum(clearance[i, j] // (2 * TENTHS), int(scale.radius + _ROOMY) // 2)
    step = max(2, int(scale.reach * 1.4))
    off = [(along + start) % step - step // 2 for along, start in ((i, corner[0]), (j, corner[1]))]
    order = np.lexsort((j, i, off[0] ** 2 + off[1] ** 2, -room))
    return np.stack([i[order], j[order]], axis=1).astype(np.int64)


def choose_bridges(tiles: Tiles, key: Key, scale: Scale) -> tuple[Cell, ...]:
    """Map cells of places that join neighbouring areas of connected floor that no straight way joins. O(cells)."""
    tile = tiles.at[key]
    if not tile.fits.any():
        return ()
    near = sorted(cell for other in tiles.ring([key]) for cell in tiles.at[other].seeds)
    low = np.array(tiles.corner(key), np.int64) - tiles.side
    fits = tiles.around("fits", key, tiles.side)
    cells = _local(near, low)
    bridges: list[Cell] = []
    for _ in range(_MOST_BRIDGES):
        groups = _groups(len(cells), _links(fits, cells, scale.reach))
        i, j = _bridge_kernel(fits, cells, groups, np.array([tiles.side, 2 * tiles.side]), scale.reach)
        if i < 0:
            break
        cells = np.concatenate([cells, np.array([[i, j]], np.int64)])
        bridges.append((int(i + low[0]), int(j + low[1])))
    return tuple(bridges)


def choose_links(tiles: Tiles, key: Key, scale: Scale) -> tuple[tuple[Cell, Cell], ...]:
    """Pairs of map cells, the first in this tile, the second here or in a tile with a larger key.

    Pairs are within twice the reach with a straight free way, less those that a place in between makes useless: when
    a third place linked to both lies in the circle around the pair (Gabriel's rule), which never disconnects.
    O(places * neighbours^2 + pairs * reach).
    """
    if not tiles.at[key].cells:
        return ()
    near = sorted(tiles.ring([key]))
    cells = [cell for other in near for cell in tiles.at[other].cells]
    homes = [other for other in near for _ in tiles.at[other].cells]
    low = np.array(tiles.corner(key), np.int64) - tiles.side
    found = []
    for a, b in _links(tiles.around("fits", key, tiles.side), _local(cells, low), scale.reach):
        first, second = sorted((a, b), key=lambda k: (homes[k], cells[k]))
        if homes[first] == key:
            found.append((cells[first], cells[second]))
    return tuple(sorted(found))


def owners(tiles: Tiles, key: Key, scale: Scale) -> Ints:
    """(side, side) number of the place that stands for each cell of open floor, 0 for none.

    The nearest place that sees the cell where the robot fits, else the nearest that sees it over open floor.
    """
    near = [(cell, number) for other in sorted(tiles.ring([key])) for cell, number in tiles.at[other].numbers.items()]
    near.sort(key=lambda one: one[1])
    low = np.array(tiles.corner(key), np.int64) - tiles.side
    cells = _local([cell for cell, _ in near], low)
    table = np.array([number for _, number in near] + [0], np.int32)
    bounds = np.array([tiles.side, 2 * tiles.side])
    fits = _owner_kernel(tiles.around("fits", key, tiles.side), cells, bounds, scale.reach)
    open_ = (tiles.around("drive", key, tiles.side) == OPEN).astype(np.uint8)
    wide = _owner_kernel(open_, cells, bounds, scale.reach)
    inner = slice(tiles.side, 2 * tiles.side)
    return np.asarray(table[np.where(fits >= 0, fits, wide)[inner, inner]], np.int32)


def _local(cells: Sequence[Cell], low: _Cells) -> _Cells:
    return np.array(cells, np.int64).reshape(-1, 2) - low


def _links(fits: Any, cells: _Cells, reach: int) -> list[tuple[int, int]]:
    if len(cells) < 2:
        return []
    order = np.argsort(cells[:, 0], kind="stable")
    return sorted(_link_kernel(fits, cells, order, 2 * reach + 1))


def _groups(n: int, links: Sequence[tuple[int, int]]) -> _Cells:
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


@compiled
def _sees(fits: Any, start: Any, end: Any) -> bool:
    """Whether the straight line between two cells stays inside `fits`; the same in both directions."""
    i, j = start
    a, b = end
    if i > a or (i == a and j > b):
        i, j, a, b = a, b, i, j
    steps = max(abs(a - i), abs(b - j))
    for k in range(1, steps):
        x = i + (2 * (a - i) * k + steps) // (2 * steps)
        y = j + (2 * (b - j) * k + steps) // (2 * steps)
        if not fits[x, y]:
            return False
    return True


@compiled
def _seed_kernel(fits: Any, earlier: Any, order: Any, reach: int, least_gain: int) -> Any:
    """(M, 2) cells of new places; `fits` has a margin of `reach` cells around the tile, `order` is without it."""
    side = fits.shape[0] - 2 * reach
    covered = np.zeros((side, side), np.uint8)
    seen = np.empty((side * side, 2), np.int64)
    for k in range(len(earlier)):
        n = _look(fits, covered, (earlier[k, 0], earlier[k, 1]), reach, seen)
        for s in range(n):
            covered[seen[s, 0], seen[s, 1]] = 1
    found = np.empty((len(order), 2), np.int64)
    m = 0
    for k in range(len(order)):
        i, j = order[k]
        if covered[i, j]:
            continue
        n = _look(fits, covered, (i + reach, j + reach), reach, seen)
        if n < least_gain:
            continue
        for s in range(n):
            covered[seen[s, 0], seen[s, 1]] = 1
        found[m] = i, j
        m += 1
    return found[:m].copy()


@compiled
def _look(fits: Any, covered: Any, cell: Any, reach: int, seen: Any) -> int:
    """Collect the cells of the tile that a place sees and that are not covered; their number."""
    i, j = cell
    side = covered.shape[0]
    n = 0
    for a in range(max(reach, i - reach), min(reach + side, i + reach + 1)):
        for b in range(max(reach, j - reach), min(reach + side, j + reach + 1)):
            if not fits[a, b] or covered[a - reach, b - reach]:
                continue
            if (a - i) * (a - i) + (b - j) * (b - j) > reach * reach:
                continue
            if _sees(fits, (i, j), (a, b)):
                seen[n] = a - reach, b - reach
                n += 1
    return n


@compiled
def _owner_kernel(fits: Any, cells: Any, bounds: Any, reach: int) -> Any:
    """Index of the nearest place that sees each cell, -1 for none; only for cells in `bounds` and one beyond."""
    owner = np.full(fits.shape, -1, np.int32)
    square = np.full(fits.shape, reach * reach + 1, np.int32)
    low, high = bounds[0] - 1, bounds[1] + 1
    for k in range(len(cells)):
        i, j = cells[k]
        for a in range(max(low, i - reach), min(high, i + reach + 1)):
            for b in range(max(low, j - reach), min(high, j + reach + 1)):
                away = (a - i) * (a - i) + (b - j) * (b - j)
                if fits[a, b] and away < square[a, b] and _sees(fits, (i, j), (a, b)):
                    owner[a, b] = k
                    square[a, b] = away
    return owner


@compiled
def _bridge_kernel(fits: Any, cells: Any, groups: Any, bounds: Any, reach: int) -> Any:
    """A cell of the tile on the border of two areas that touch but are not linked, (-1, -1) if there is none.

    Floor that no place sees belongs to the area it touches. The cell farthest from other places is taken.
    """
    owner = _owner_kernel(fits, cells, bounds, reach)
    low, high = bounds[0] - 1, bounds[1] + 1
    taken = np.zeros(fits.shape, np.uint8)
    for k in range(len(cells)):
        taken[cells[k, 0], cells[k, 1]] = 1
    group = np.full(fits.shape, -1, np.int64)
    queue = np.empty(((high - low) * (high - low), 2), np.int64)
    n = 0
    for i in range(low, high):
        for j in range(low, high):
            if owner[i, j] >= 0:
                group[i, j] = groups[owner[i, j]]
                queue[n] = i, j
                n += 1
    k = 0
    while k < n:
        i, j = queue[k]
        k += 1
        for side in range(4):
            a, b = i + (side == 0) - (side == 1), j + (side == 2) - (side == 3)
            if low <= a < high and low <= b < high and fits[a, b] and group[a, b] < 0:
                group[a, b] = group[i, j]
                queue[n] = a, b
                n += 1
    best, found = -1, (-1, -1)
    for i in range(bounds[0], bounds[1]):
        for j in range(bounds[0], bounds[1]):
            if group[i, j] < 0 or taken[i, j]:
                continue
            for side in range(4):
                a, b = i + (side == 0) - (side == 1), j + (side == 2) - (side == 3)
                if group[a, b] >= 0 and group[a, b] != group[i, j]:
                    room = _space(fits, i, j)
                    if room > best:
                        best, found = room, (i, j)
    return found


@compiled
def _space(fits: Any, i: int, j: int) -> int:
    """How many cells around one are free, a cheap stand-in for its clearance."""
    n = 0
    for a in range(max(0, i - 4), min(fits.shape[0], i + 5)):
        for b in range(max(0, j - 4), min(fits.shape[1], j + 5)):
            n += fits[a, b]
    return n


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
