# SPDX-License-Identifier: Apache-2.0
"""Pieces of border, cut at the edges of tiles, put together again to frontiers of bounded width."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from mapping.frontiers.cells import TILE, Border, Key

Piece = tuple[Key, int]
Group = tuple[Piece, ...]

_BESIDE = ((1, 0), (-1, 0), (0, 1), (0, -1))


@dataclass
class Clusters:
    """Which pieces make one frontier. A pure function of the border, kept up to date piece by piece.

    Attributes:
        groups: all groups; the pieces of each in order.
        links: for each piece those of neighbouring tiles that it touches, with the number of touching cells.
    """

    reach_m: float
    groups: dict[Piece, Group] = field(default_factory=dict)
    links: dict[Piece, dict[Piece, int]] = field(default_factory=dict)

    def update(self, border: Border, changed: Iterable[Key]) -> tuple[list[Group], list[Group]]:
        """Follow the tiles that changed; (groups that are no more, groups that are new), each in order.

        O(pieces of the changed tiles and those that hang together with them).
        """
        tiles = sorted(changed)
        seeds: set[Piece] = set()
        old: set[Group] = set()
        for piece in [piece for key in tiles for piece in self._known(key)]:
            seeds.update(self.links[piece])
            old.add(self.groups[piece])
            self._drop(piece)
        for key in tiles:
            seeds.update(self._enter(border, key))
        seeds &= self.links.keys()
        new: set[Group] = set()
        for component in self._components(seeds):
            old.update(self.groups[piece] for piece in component if piece in self.groups)
            new.update(_merged(component, self.links, border, self.reach_m))
        rewritten = set(tiles)
        kept = {group for group in old & new if not any(key in rewritten for key, _ in group)}
        for group in sorted(new):
            self.groups.update(dict.fromkeys(group, group))
        return sorted(old - kept), sorted(new - kept)

    def _known(self, key: Key) -> list[Piece]:
        found: list[Piece] = []
        while (key, len(found)) in self.links:
            found.append((key, len(found)))
        return found

    def _drop(self, piece: Piece) -> None:
        for other in self.links.pop(piece):
            if other in self.links:
                self.links[other].pop(piece, None)
        del self.groups[piece]

    def _enter(self, border: Border, key: Key) -> list[Piece]:
        """Link the pieces of a tile to those of its neighbours that are known already."""
        if key not in border.tiles:
            return []
        own: list[Piece] = [(key, index) for index in range(border.tiles[key].n_pieces)]
        self.links.update({piece: {} for piece in own})
        for dx, dy in _BESIDE:
            beside = Key(key.x + dx, key.y + dy, key.low)
            if (beside, 0) not in self.links:
                continue
            touching = border.contacts(key, beside)
            for a, b in np.argwhere(touching).tolist():
                one, other = (key, a), (beside, b)
                self.links[one][other] = self.links[other][one] = int(touching[a, b])
        return own

    def _components(self, seeds: set[Piece]) -> Iterator[list[Piece]]:
        """All pieces that hang together with a seed, each component once, in order."""
        done: set[Piece] = set()
        for seed in sorted(seeds):
            if seed in done:
                continue
            done.add(seed)
            found = [seed]
            for piece in found:
                fresh = [other for other in self.links[piece] if other not in done]
                done.update(fresh)
                found += fresh
            yield sorted(found)


def _merged(
    component: list[Piece], links: dict[Piece, dict[Piece, int]], border: Border, reach_m: float
) -> list[Group]:
    """The largest contacts joined first, as long as what comes out is not wider than the reach."""
    parent = {piece: piece for piece in component}
    spans = {piece: _span(border, piece) for piece in component}

    def root(piece: Piece) -> Piece:
        while parent[piece] != piece:
            piece = parent[piece]
        return piece

    pairs = [(-n, piece, other) for piece in component for other, n in links[piece].items() if piece < other]
    for _, piece, other in sorted(pairs):
        a, b = sorted((root(piece), root(other)))
        if a == b:
            continue
        low, high = np.minimum(spans[a][0], spans[b][0]), np.maximum(spans[a][1], spans[b][1])
        if float((high - low + 1).max()) * border.grid.cell_m <= reach_m + 1e-6:
            parent[b], spans[a] = a, (low, high)
    found: dict[Piece, list[Piece]] = {}
    for piece in component:
        found.setdefault(root(piece), []).append(piece)
    return [tuple(group) for group in found.values()]


def _span(border: Border, piece: Piece) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest cell (2,) of a piece, x and y."""
    key, index = piece
    values = border.tiles[key].measures[index]
    corner = np.array([key.x, key.y]) * TILE
    return corner + values[7:9], corner + values[10:12]
