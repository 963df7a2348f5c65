# SPDX-License-Identifier: Apache-2.0
"""Spaces between walls: a storey is cut where free space narrows to a door, and nowhere else.

Clearance (distance to the next wall) is seen as a landscape whose hills are rooms. Flooding it from the top, two hills
meet at a saddle. They are two rooms if the saddle is narrow enough for a door and clearly lower than both hilltops;
otherwise they are one. Walls above doors count as walls, so a door whose lintel was seen separates at any width.

The hills of each tile are known (`mapping.topology.hills`), so what is merged here are few pieces, not cells; and only
those of the spaces that a change touches and of their neighbours. What lies beyond cannot be affected: two pieces that
were kept apart stay apart unless one of them changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled
from mapping.topology.fields import Scale
from mapping.topology.hills import heights_of
from mapping.topology.tiles import Edges, Ints, Key, Tiles

_Numbers = NDArray[np.int64]


@dataclass
class Spaces:
    """The spaces of a storey by number; numbers are for internal use and new ones are given freely.

    Attributes:
        tiles: of each space.
        rooms: numbers of the spaces that are large enough; the others belong to no room.
    """

    tiles: dict[int, set[Key]] = field(default_factory=dict)
    rooms: set[int] = field(default_factory=set)
    _last: int = 0

    def update(self, tiles: Tiles, changed: Collection[Key], scale: Scale) -> tuple[set[int], set[int]]:
        """(new numbers, ended numbers) after the pieces of some tiles were found anew.

        `base` of the tiles is brought up to date. O(pieces of the spaces that touch a change and of their neighbours).
        """
        changed = set(changed)
        old = {int(b) for key in changed for b in tiles.at[key].base[1:]} & self.tiles.keys()
        for key in changed:
            tiles.at[key].base = np.zeros(len(tiles.at[key].hills.peaks) + 1, np.int32)
        core = old | self._beside(tiles, changed)
        while True:
            rim = self._neighbours(tiles, core)
            view = _View.of(tiles, changed, core | rim, self.tiles)
            groups, is_room = view.group(scale)
            moved = view.disturbed(groups, rim, self.tiles)
            if not moved:
                return self._renumber(tiles, view, groups, is_room, core)
            core |= moved

    def _beside(self, tiles: Tiles, changed: set[Key]) -> set[int]:
        """Spaces that touch changed tiles from outside."""
        near = {(x + i, y + j) for x, y in changed for i, j in ((0, 0), (-1, 0), (0, -1))} & tiles.at.keys()
        found: set[int] = set()
        for _, a, b in _across(tiles, near, changed):
            found.update(a.tolist())
            found.update(b.tolist())
        return found - {0}

    def _neighbours(self, tiles: Tiles, spaces: set[int]) -> set[int]:
        homes = {key for space in spaces for key in self.tiles.get(space, ())}
        near = homes | ({(x + i, y + j) for x, y in homes for i, j in ((-1, 0), (0, -1))} & tiles.at.keys())
        mine = np.array(sorted(spaces), np.int32)
        found: set[int] = set()
        for _, a, b in _across(tiles, near, None):
            found.update(b[np.isin(a, mine)].tolist())
            found.update(a[np.isin(b, mine)].tolist())
        return found - spaces - {0}

    def _renumber(
        self, tiles: Tiles, view: _View, groups: _Numbers, is_room: dict[int, bool], core: set[int]
    ) -> tuple[set[int], set[int]]:
        """Give numbers to groups; a group that is an old space as it was keeps its own."""
        numbers: dict[int, int] = {}
        before = view.before
        for group in np.unique(groups).tolist():
            members = before[groups == group]
            was = int(members[0])
            whole = was > 0 and bool((members == was).all()) and int((before == was).sum()) == len(members)
            if whole and was not in view.broken and (was in self.rooms) == is_room[group]:
                numbers[group] = was
            else:
                self._last += 1
                numbers[group] = self._last
        table = np.array([numbers[group] for group in groups.tolist()], np.int32)
        ended = (core | set(before.tolist())) - set(numbers.values()) - {0}
        for space in ended:
            self.tiles.pop(space, None)
            self.rooms.discard(space)
        new = set(numbers.values()) - self.tiles.keys()
        view.write(tiles, table)
        for space in new:
            self.tiles[space] = set()
        for key, number in view.homes(table):
            if number in new:
                self.tiles[number].add(key)
        self.rooms |= {numbers[group] for group, room in is_room.items() if room}
        return new, ended


def _across(tiles: Tiles, keys: set[Key], changed: set[Key] | None) -> Iterator[tuple[Key, Ints, Ints]]:
    """Spaces on both sides of all borders of tiles; only of those at a changed tile if given."""
    for x, y in keys:
        tile = tiles.at[(x, y)]
        for edges, other in ((tile.inner, (x, y)), (tile.right, (x + 1, y)), (tile.down, (x, y + 1))):
            there = tiles.at.get(other)
            if there is None or not len(edges.rank):
                continue
            if changed is None or (x, y) in changed or other in changed:
                yield (x, y), tile.base[edges.pairs[:, 0]], there.base[edges.pairs[:, 1]]


class _View:
    """The pieces of some spaces and of changed tiles as one graph.

    Attributes:
        before: (n,) number of the space a piece belonged to, 0 in changed tiles.
        broken: spaces that lost pieces.
    """

    def __init__(self) -> None:
        self.before: _Numbers = np.zeros(0, np.int64)
        self.broken: set[int] = set()
        self._index: dict[Key, _Numbers] = {}
        self._tiles: Tiles | None = None

    @staticmethod
    def of(tiles: Tiles, changed: set[Key], spaces: set[int], homes: dict[int, set[Key]]) -> _View:
        view = _View()
        view._tiles = tiles
        wanted = np.array(sorted(spaces), np.int32)
        keys = sorted(changed | {key for space in spaces for key in homes.get(space, ())})
        view.broken = {space for space in spaces if not homes.get(space, set()).isdisjoint(changed)}
        before: list[_Numbers] = []
        n = 0
        for key in keys:
            base = tiles.at[key].base
            chosen = np.ones(len(base), np.bool_) if key in changed else np.isin(base, wanted)
            chosen[0] = False
            index = np.full(len(base), -1, np.int64)
            index[chosen] = n + np.arange(int(chosen.sum()))
            n += int(chosen.sum())
            view._index[key] = index
            before.append(base[chosen].astype(np.int64))
        view.before = np.concatenate(before) if before else np.zeros(0, np.int64)
        return view

    def group(self, scale: Scale) -> tuple[_Numbers, dict[int, bool]]:
        """(n,) number of the group of each piece, and whether a group is a room."""
        peaks, areas, roomy, keys = (self._column(name) for name in ("peaks", "areas", "roomy", "keys"))
        edges = self._edges()
        order = np.argsort(-edges.rank, kind="stable")
        order = order[np.argsort(~edges.must[order], kind="stable")]
        groups = np.asarray(
            _merge_kernel(
                peaks, edges.pairs[order].astype(np.int64), heights_of(edges.rank[order]), edges.must[order],
                scale.dip, scale.saddle,
            )
        )  # fmt: skip
        return _absorb(groups, edges, areas, roomy, keys, scale.room_cells)

    def disturbed(self, groups: _Numbers, rim: set[int], homes: dict[int, set[Key]]) -> set[int]:
        """Those of the outer spaces that are no longer groups of their own."""
        found = set()
        for space in rim:
            members = groups[self.before == space]
            if len(members) and ((members != members[0]).any() or (groups == members[0]).sum() != len(members)):
                found.add(space)
        return found

    def write(self, tiles: Tiles, numbers: Ints) -> None:
        for key, index in self._index.items():
            chosen = index >= 0
            tiles.at[key].base[chosen] = numbers[index[chosen]]

    def homes(self, numbers: Ints) -> Iterator[tuple[Key, int]]:
        for key, index in self._index.items():
            for number in set(numbers[index[index >= 0]].tolist()):
                yield key, number

    def _column(self, name: str) -> Any:
        assert self._tiles is not None
        parts = [getattr(self._tiles.at[key].hills, name)[index[1:] >= 0] for key, index in self._index.items()]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def _edges(self) -> Edges:
        assert self._tiles is not None
        found = []
        for (x, y), index in self._index.items():
            tile = self._tiles.at[(x, y)]
            for edges, other in ((tile.inner, (x, y)), (tile.right, (x + 1, y)), (tile.down, (x, y + 1))):
                there = self._index.get(other)
                if there is None or not len(edges.rank):
                    continue
                pairs = np.stack([index[edges.pairs[:, 0]], there[edges.pairs[:, 1]]], axis=1)
                inside = (pairs >= 0).all(axis=1)
                found.append((pairs[inside], edges.rank[inside], edges.length[inside], edges.must[inside]))
        if not found:
            return Edges.none()
        pairs, rank, length, must = (np.concatenate(column) for column in zip(*found, strict=True))
        return Edges(pairs.astype(np.int32), rank, length, must)


def _absorb(
    groups: _Numbers, edges: Edges, areas: _Numbers, roomy: _Numbers, keys: _Numbers, least_cells: float
) -> tuple[_Numbers, dict[int, bool]]:
    """Give groups that are no rooms to their neighbours, smallest first; without a neighbour they stay for themselves.

    A room has at least `least_cells` and a cell where the robot fits.
    """
    names, groups = np.unique(groups, return_inverse=True)
    n = len(names)
    area = np.bincount(groups, weights=areas, minlength=n)
    fit = np.bincount(groups, weights=roomy, minlength=n) > 0
    first = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(first, groups, keys)
    borders = _borders(groups, edges)
    home = list(range(n))
    large = (area >= least_cells) & fit
    for piece in sorted(np.flatnonzero(~large).tolist(), key=lambda k: (area[k], first[k])):
        if area[piece] >= least_cells and fit[piece]:
            continue
        near = borders.pop(piece, {})
        target = max(near, key=lambda k: (near[k], first[k]), default=piece)
        home[piece] = target
        if target == piece:
            continue
        area[target] += area[piece]
        fit[target] |= fit[piece]
        first[target] = min(first[target], first[piece])
        for other, length in near.items():
            shared = borders[other]
            shared.pop(piece)
            if other != target:
                shared[target] = shared.get(target, 0) + length
                borders[target][other] = borders[target].get(other, 0) + length
    final = np.array([_follow(home, k) for k in range(n)], np.int64)
    is_room = {int(k): bool(area[k] >= least_cells and fit[k]) for k in set(final.tolist())}
    return final[groups], is_room


def _borders(groups: _Numbers, edges: Edges) -> dict[int, dict[int, int]]:
    """For each group its neighbours and how many sides of cells they share."""
    borders: dict[int, dict[int, int]] = {}
    if not len(edges.rank):
        return borders
    a, b = groups[edges.pairs[:, 0]], groups[edges.pairs[:, 1]]
    apart = a != b
    for one, other, length in zip(a[apart].tolist(), b[apart].tolist(), edges.length[apart].tolist(), strict=True):
        for here, there in ((one, other), (other, one)):
            shared = borders.setdefault(here, {})
            shared[there] = shared.get(there, 0) + length
    return borders


def _follow(home: list[int], label: int) -> int:
    while home[label] != label:
        label = home[label]
    return label


@compiled
def _find(parent: Any, a: int) -> int:
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    return a


@compiled
def _merge_kernel(peaks: Any, pairs: Any, heights: Any, must: Any, dip: float, saddle: float) -> Any:
    """(n,) root of the group of each piece; edges come with those that must be joined first, then highest first."""
    n = len(peaks)
    parent = np.arange(n)
    peak = peaks.astype(np.int64)
    for k in range(len(heights)):
        a, b = _find(parent, pairs[k, 0]), _find(parent, pairs[k, 1])
        if a == b:
            continue
        if must[k] or heights[k] > saddle or min(peak[a], peak[b]) - heights[k] < dip:
            low, high = min(a, b), max(a, b)
            parent[high] = low
            peak[low] = max(peak[low], peak[high])
    for a in range(n):
        parent[a] = _find(parent, a)
    return parent
