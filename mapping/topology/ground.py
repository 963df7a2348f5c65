# SPDX-License-Identifier: Apache-2.0
"""Follows what cameras see of a storey from columns to places and hills, tile by tile, only where something changed.

Each step looks at a tile and at what is within a fixed distance of it, and stops where its result is as before. So the
cost of an update depends on the area that changed, and the result on the map alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mapping.topology import fields, hills
from mapping.topology.fields import Mask, Scale
from mapping.topology.free_space import Columns, Storey
from mapping.topology.places import N_COLOURS, choose_bridges, choose_links, choose_seeds, colour
from mapping.topology.tiles import Edges, Key, Tile
from memory_core.geometry import Box

Boxes = dict[Key, tuple[int, int, int, int]]


@dataclass(slots=True)
class Changes:
    """Tiles in which something differs.

    Attributes:
        codes: what is known of the columns.
        floor: where one can drive or where the robot fits.
        places, links, hills: what is found from it.
    """

    codes: set[Key] = field(default_factory=set)
    floor: set[Key] = field(default_factory=set)
    places: set[Key] = field(default_factory=set)
    links: set[Key] = field(default_factory=set)
    hills: set[Key] = field(default_factory=set)


class Ground:
    """The fields of a storey, its places and hills; all of them are in `storey.tiles`."""

    def __init__(self, storey: Storey, scale: Scale) -> None:
        self.storey = storey
        self.tiles = storey.tiles
        self.scale = scale
        self.stale: set[Key] = set()  # stored tiles of which nothing but the codes is known

    def update(self, octree: Columns, moved: Iterable[Box], footprints: Callable[[Key], list[Box]]) -> Changes:
        """Follow the octree and things that came, went or moved.

        Args:
            moved: boxes in which tall things may have changed.
            footprints: gives the boxes of the tall things in or near a tile.

        O(columns looked at) for reading, O(area around what changed) for the rest.
        """
        changes = Changes()
        boxes = self.storey.refresh(octree)
        changes.codes = set(boxes)
        boxes.update((key, self._whole(key)) for key in self.stale)
        drive = self._each(self.tiles.reached(boxes, self.scale.drive_halo), ("drive", "clearance"), self._drive)
        fits = self._each(self.tiles.reached(drive, self.scale.pocket), ("fits",), self._fits)
        self._places(drive, fits, changes)
        walls = {**boxes, **{key: box for thing in moved for key, box in self._under(thing).items()}}
        raised = self._each(
            self.tiles.reached(walls, self.scale.wall_halo), ("heights",), lambda key: self._heights(key, footprints)
        )
        changes.floor = drive.keys() | fits.keys()
        changes.hills = self._hills(self.tiles.reached(raised, 1) | fits.keys() | self.stale)
        self.stale = set()
        return changes

    def _whole(self, key: Key) -> tuple[int, int, int, int]:
        i, j = self.tiles.corner(key)
        return i, j, i + self.tiles.side - 1, j + self.tiles.side - 1

    def _under(self, box: Box) -> Boxes:
        """The cells of a thing's footprint, in each tile."""
        low, high = self._cells(box)
        return dict.fromkeys(self.tiles.over(low, (high[0] + 1, high[1] + 1)), (*low, *high))

    def _cells(self, box: Box) -> tuple[tuple[int, int], tuple[int, int]]:
        """First and last map cell of a footprint, one cell of margin."""
        size = self.storey.voxel_size_m
        low = np.floor(np.array(box.minimum[:2]) / size).astype(int) - 1
        high = np.floor(np.array(box.maximum[:2]) / size).astype(int) + 1
        return (int(low[0]), int(low[1])), (int(high[0]), int(high[1]))

    def _each(self, keys: set[Key], names: tuple[str, ...], make: Callable[[Key], tuple[Any, ...]]) -> Boxes:
        """Make arrays of tiles anew; where they differ from before."""
        boxes: Boxes = {}
        made = {key: make(key) for key in sorted(keys)}
        for key, arrays in made.items():
            tile = self.tiles.at[key]
            differs = [np.not_equal(getattr(tile, name), new) for name, new in zip(names, arrays, strict=True)]
            different = np.logical_or.reduce(differs)
            if not different.any():
                continue
            boxes[key] = self.tiles.changed_box(key, different, np.zeros_like(different))
            for name, array in zip(names, arrays, strict=True):
                setattr(tile, name, array)
        return boxes

    def _drive(self, key: Key) -> tuple[Any, ...]:
        return fields.drive_fields(self.tiles.around("codes", key, self.scale.drive_halo), self.scale)

    def _fits(self, key: Key) -> tuple[Any, ...]:
        return (fields.where_it_fits(self.tiles.around("clearance", key, self.scale.pocket), self.scale),)

    def _heights(self, key: Key, footprints: Callable[[Key], list[Box]]) -> tuple[Any, ...]:
        halo = self.scale.wall_halo
        covered = self._covered(key, halo, footprints(key))
        return (fields.wall_heights(self.tiles.around("codes", key, halo), covered, self.scale),)

    def _covered(self, key: Key, halo: int, boxes: list[Box]) -> Mask | None:
        """Where tall things stand, in a window around a tile; None if nowhere."""
        if not boxes:
            return None
        i, j = self.tiles.corner(key)
        covered = np.zeros((self.tiles.side + 2 * halo,) * 2, np.bool_)
        for box in boxes:
            low, high = self._cells(box)
            a, b = max(0, low[0] - i + halo), max(0, low[1] - j + halo)
            covered[a : max(0, high[0] - i + halo + 1), b : max(0, high[1] - j + halo + 1)] = True
        return covered

    def _places(self, drive: Boxes, fits: Boxes, changes: Changes) -> None:
        todo = self.tiles.reached(fits, self.scale.reach) | drive.keys()
        moved: set[Key] = set()
        for now in range(N_COLOURS):
            for key in sorted(key for key in todo if colour(key) == now):
                seeds = choose_seeds(self.tiles, key, self.scale)
                if seeds != self.tiles.at[key].seeds:
                    self.tiles.at[key].seeds = seeds
                    moved.add(key)
            todo |= {key for key in self.tiles.ring(moved) if colour(key) > now}
        near = self.tiles.reached(fits, self.tiles.side)
        bridges = {key: choose_bridges(self.tiles, key, self.scale) for key in self.tiles.ring(moved) | near}
        for key, cells in bridges.items():
            if cells != self.tiles.at[key].bridges:
                self.tiles.at[key].bridges = cells
                moved.add(key)
        changes.places = moved
        for key in self.tiles.ring(moved) | near:
            links = choose_links(self.tiles, key, self.scale)
            if links != self.tiles.at[key].links:
                self.tiles.at[key].links = links
                changes.links.add(key)

    def _hills(self, keys: set[Key]) -> set[Key]:
        """Find the hills of tiles, and their borders, anew; the tiles."""
        for key in sorted(keys):
            self._climb(key, self.tiles.at[key])
        for x, y in sorted({(x + i, y + j) for x, y in keys for i, j in ((0, 0), (-1, 0), (0, -1))}):
            if (x, y) in self.tiles.at:
                self._join((x, y))
        return keys

    def _climb(self, key: Key, tile: Tile) -> None:
        corner = self.tiles.corner(key)
        pieces, ways = hills.climb(self.tiles.around("heights", key, 1), self.scale.saddle)
        found = hills.describe(pieces, tile.heights, tile.fits, corner)
        inner = hills.inner_edges(pieces, tile.heights, corner)
        tile.pieces, tile.ways, tile.hills, tile.inner = pieces, ways, found, inner

    def _join(self, key: Key) -> None:
        """The borders of a tile with the next one in x and in y."""
        tile = self.tiles.at[key]
        (i, j), last = self.tiles.corner(key), self.tiles.side - 1
        for name, other, along_x, corner in (
            ("right", (key[0] + 1, key[1]), True, (i + last, j)),
            ("down", (key[0], key[1] + 1), False, (i, j + last)),
        ):
            there = self.tiles.at.get(other)
            if there is None:
                setattr(tile, name, Edges.none())
                continue
            mine, its = (tile.pieces, tile.heights, tile.ways), (there.pieces, there.heights, there.ways)
            setattr(tile, name, hills.cross_edges(mine, its, along_x, corner, self.scale.saddle))
