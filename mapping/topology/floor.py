# SPDX-License-Identifier: Apache-2.0
"""One storey with its places and rooms: numbers that stay with a thing while the storey is explored further."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mapping.topology.doors import find_door
from mapping.topology.fields import TENTHS, Rules, Scale
from mapping.topology.free_space import BLOCKED, Columns, Storey
from mapping.topology.ground import Ground
from mapping.topology.numbering import Numbering
from mapping.topology.pace import Pace
from mapping.topology.partition import Spaces
from mapping.topology.places import owners
from mapping.topology.things import Thing, Things
from mapping.topology.tiles import Cell, Ints, Key, Tile
from memory_core.geometry import Box

Point = tuple[float, float, float]

_NEAR_M = 1.5  # farther from any room a point belongs to none
_BEHIND_WALL_M = 0.5  # what a wall in between adds to a distance
_RINGS_M = (0.0, 0.1, 0.2, 0.3, 0.5)
_ENOUGH_CELLS = 4
_ROOM_HEIGHT_M = 2.5  # ceilings are seldom seen
_SAME_PLACE = 0.5  # of the reach: a place that moved less is the same
_TALL_M = 1.2  # what does not reach this high above the floor is never taken for a wall


@dataclass
class Numbers:
    """The last numbers given to a place and to a room, over all storeys."""

    places: int = 0
    rooms: int = 0

    def new_place(self) -> int:
        self.places += 1
        return self.places

    def new_room(self) -> int:
        self.rooms += 1
        return self.rooms


@dataclass(slots=True)
class FloorChange:
    """What may differ after an update.

    Attributes:
        tiles: whose places or passages may.
        rooms: numbers.
        stored: tiles whose stored content does.
    """

    tiles: set[Key]
    rooms: set[int]
    stored: set[Key]


class Floor:
    """Places and rooms of a storey. `name` is that of the storey in the graph, "s1", "s2", ..."""

    def __init__(self, storey: Storey, rules: Rules, name: str) -> None:
        self.storey = storey
        self.name = name
        self.tiles = storey.tiles
        self.scale = Scale(rules, storey.voxel_size_m)
        self.ground = Ground(storey, self.scale)
        self.spaces = Spaces()
        self.rooms = Numbering(self.tiles, storey.voxel_size_m)
        self.pace = Pace(self.tiles, storey.voxel_size_m)
        self.things = Things(self.tiles.side * storey.voxel_size_m, _NEAR_M)
        self._adopted = False
        self._floor_z = storey.floor_z
        self._space_of: dict[str, tuple[int, Cell]] = {}
        self._things_in: dict[int, set[str]] = {}
        self._room_of: dict[str, int] = {}

    def update(self, octree: Columns, things: Mapping[str, Thing], numbers: Numbers) -> FloorChange:
        """Follow the octree and the things on this storey.

        O(columns looked at) for reading, O(area around what changed and of the rooms it belongs to) for the rest.
        """
        differ = self.things.update(things)
        boxes = [one.box for pair in differ.values() for one in pair if one is not None and self._is_tall(one)]
        ground = self.ground.update(octree, boxes, self._tall_boxes)
        self._number_places(ground.places, numbers)
        rooms, renewed = self._update_rooms(ground.hills, set(differ), numbers)
        for key in self.tiles.ring(ground.places | ground.floor):
            self.tiles.at[key].owner = None
        paced = self.pace.take()
        near = self.tiles.ring(ground.places | ground.links | ground.floor | rooms | paced)
        renewed |= self._sort_things(rooms, set(differ))
        if self.storey.floor_z != self._floor_z:
            self._floor_z = self.storey.floor_z
            near, renewed = set(self.tiles.at), renewed | self.rooms.tiles_of.keys()
        return FloorChange(near, renewed, ground.codes | self.storey.recounted | ground.places | rooms | paced)

    def _is_tall(self, thing: Thing) -> bool:
        return thing.box.maximum[2] > self.storey.floor_z + _TALL_M

    def _tall_boxes(self, key: Key) -> list[Box]:
        """Boxes of the named things in or near a tile that may stand as high as a wall; what has no name may be one."""
        ids = sorted(self.things.near(self.tiles.ring([key])))
        things = (self.things.by_id[id] for id in ids)
        return [thing.box for thing in things if thing.label and self._is_tall(thing)]

    def _number_places(self, keys: Iterable[Key], numbers: Numbers) -> None:
        """Places that stay or hardly moved keep their numbers."""
        keys = sorted(keys)
        lost: list[tuple[int, Cell]] = []
        new: list[tuple[Key, Cell]] = []
        for key in keys:
            tile = self.tiles.at[key]
            before, cells = tile.numbers, tile.cells
            tile.numbers = {cell: before[cell] for cell in cells if cell in before}
            lost += [(number, cell) for cell, number in before.items() if cell not in tile.numbers]
            new += [(key, cell) for cell in cells if cell not in before]
        limit = (_SAME_PLACE * self.scale.reach) ** 2
        pairs = [
            ((cell[0] - was[0]) ** 2 + (cell[1] - was[1]) ** 2, number, k)
            for number, was in lost
            for k, (_, cell) in enumerate(new)
            if abs(cell[0] - was[0]) <= self.scale.reach
        ]
        given: dict[int, int] = {}
        taken: set[int] = set()
        for away, number, k in sorted(pairs):
            if away <= limit and k not in given and number not in taken:
                given[k] = number
                taken.add(number)
        for k, (key, cell) in enumerate(new):
            self.tiles.at[key].numbers[cell] = given[k] if k in given else numbers.new_place()

    def _update_rooms(self, hills: set[Key], differ: set[str], numbers: Numbers) -> tuple[set[Key], set[int]]:
        """Spaces and rooms where hills or things changed; tiles whose rooms differ, and rooms that may."""
        new, ended = self.spaces.update(self.tiles, hills, self.scale) if hills else (set(), set())
        touched = hills | {key for space in new for key in self.spaces.tiles[space]}
        contents = self._sort_by_space(touched, differ)
        if not self._adopted:
            ended = ended | {0}
            self._adopted = True
        todo = {s: self.spaces.tiles[s] for s in sorted((new | contents) & self.spaces.rooms)}
        if not todo and not ended and not touched:
            return set(), set()
        return self.rooms.update(todo, ended, touched, {s: self._contents(s) for s in todo}, numbers.new_room)

    def _sort_by_space(self, touched: set[Key], differ: set[str]) -> set[int]:
        """Find the space of things that changed or whose surroundings did; spaces whose contents differ."""
        altered: set[int] = set()
        for id in sorted(differ | self.things.near(touched)):
            before = self._space_of.pop(id, None)
            now = self._space_around(self.things.by_id[id].box) if id in self.things.by_id else None
            if now is not None:
                self._space_of[id] = now
                self._things_in.setdefault(now[0], set()).add(id)
            if before is not None and (now is None or before[0] != now[0]):
                self._things_in.get(before[0], set()).discard(id)
            if before != now or id in differ:
                altered |= {one[0] for one in (before, now) if one is not None}
        for space in [space for space in self._things_in if space not in self.spaces.tiles]:
            del self._things_in[space]
        return altered & self.spaces.tiles.keys()

    def _space_around(self, box: Box) -> tuple[int, Cell] | None:
        """The space that holds a thing, and its cell nearest to the thing's middle."""
        space = self._label_around("spaces", box)
        if not space:
            return None
        cell = self._cell(box.center[0], box.center[1])
        near = self._nearest("spaces", space, cell)
        return None if near is None else (space, near)

    def _contents(self, space: int) -> list[tuple[Cell, str, float]]:
        things = self.things.by_id
        return [
            (self._space_of[id][1], things[id].label, things[id].confidence)
            for id in sorted(self._things_in.get(space, ()))
        ]

    def _sort_things(self, touched: set[Key], differ: set[str]) -> set[int]:
        """Find the room of things that changed or whose surroundings did; numbers of rooms whose contents differ."""
        altered: set[int] = set()
        for id in differ | self.things.near(self.tiles.ring(touched)):
            before = self._room_of.pop(id, 0)
            now = self.room_around(self.things.by_id[id].box) if id in self.things.by_id else 0
            if now:
                self._room_of[id] = now
            if before != now or id in differ:
                altered |= {before, now}
        return altered - {0}

    def contents_of(self, number: int) -> list[tuple[str, float]]:
        """Class and confidence of the things in a room. O(things near its tiles)."""
        ids = self.things.near(self.rooms.tiles_of.get(number, ()))
        things = (self.things.by_id[id] for id in sorted(ids) if self._room_of.get(id) == number)
        return [(thing.label, thing.confidence) for thing in things]

    def room_at(self, x: float, y: float) -> int:
        """Number of the room a point (metres) is in or next to, not through a wall; 0 for none. O(1)."""
        i, j = self._cell(x, y)
        return self.tiles.value("rooms", i, j) or self._nearest_room(i, j)

    def room_around(self, box: Box) -> int:
        """Number of the room that holds most of a box's footprint, or of a narrow ring around it; 0 for none."""
        return self._label_around("rooms", box) or self.room_at(box.center[0], box.center[1])

    def place_at(self, x: float, y: float, room: int) -> int:
        """Number of the place that stands for a point, else of the nearest one in the room; 0 for none."""
        i, j = self._cell(x, y)
        key = self.tiles.key(i, j)
        tile = self.tiles.at.get(key)
        if tile is not None:
            if tile.owner is None:
                tile.owner = owners(self.tiles, key, self.scale)
            number = int(tile.owner[i % self.tiles.side, j % self.tiles.side])
            if number:
                return number
        homes = self.rooms.tiles_of.get(room, ())
        away = [
            ((cell[0] - i) ** 2 + (cell[1] - j) ** 2, number)
            for home in homes
            for cell, number in self.tiles.at[home].numbers.items()
            if self.tiles.value("rooms", *cell) == room
        ]
        return min(away, default=(0, 0))[1]

    def center(self, cell: Cell) -> Point:
        """Metres of the middle of a map cell, at floor height."""
        size = self.storey.voxel_size_m
        return (cell[0] + 0.5) * size, (cell[1] + 0.5) * size, self.storey.floor_z

    def radius_m(self, cell: Cell) -> float:
        """Free space around a place, metres, up to some limit."""
        return (self.tiles.value("clearance", *cell) / TENTHS - 0.5) * self.storey.voxel_size_m

    def room_box(self, number: int) -> tuple[Point, Box]:
        """Roomiest point and bounding box of a room."""
        shape, size = self.rooms.shapes[number], self.storey.voxel_size_m
        floor_z = self.storey.floor_z
        low = (shape.low[0] * size, shape.low[1] * size, floor_z)
        high = ((shape.high[0] + 1) * size, (shape.high[1] + 1) * size, floor_z + _ROOM_HEIGHT_M)
        return self.center(shape.middle), Box(low, high)

    def number_of(self, cell: Cell) -> int:
        """Number of the place at a map cell."""
        return self.tiles.at[self.tiles.key(*cell)].numbers[cell]

    def door_between(self, a: Cell, b: Cell) -> tuple[float, Point] | None:
        """Width and middle of the door on the straight way between two places, None if it stays in one room."""
        rooms = self.tiles.value("rooms", *a), self.tiles.value("rooms", *b)
        if rooms[0] == rooms[1] or 0 in rooms:
            return None
        found = find_door(self.tiles, a, b, self.storey.voxel_size_m)
        if found is None:
            return None
        x, y, width = found
        return round(width, 2), (round(x, 3), round(y, 3), self.storey.floor_z)

    def restore(self, tiles: Mapping[Key, Tile]) -> None:
        """Take in stored tiles; what follows from them is found by the next update."""
        self.storey.put(tiles.items())
        self.ground.stale = set(tiles)
        self.rooms.adopt(sorted(tiles))

    def resume(self, layers: Sequence[int | None], dirty: Iterable[Sequence[int]]) -> None:
        """Heights and unread tiles as `storey.header` gave them."""
        self.storey.resume(layers, dirty)
        self._floor_z = self.storey.floor_z

    def _cell(self, x: float, y: float) -> Cell:
        i, j = np.floor(np.array([x, y]) / self.storey.voxel_size_m).astype(int)
        return int(i), int(j)

    def _window(self, name: str, low: Cell, high: Cell) -> Ints:
        """Labels, or BLOCKED of the rooms' walls."""
        return np.asarray(self.tiles.window(name, low, high), np.int32)

    def _label_around(self, name: str, box: Box) -> int:
        for ring in _RINGS_M:
            low = self._cell(box.minimum[0] - ring, box.minimum[1] - ring)
            high = self._cell(box.maximum[0] + ring, box.maximum[1] + ring)
            labels = self._window(name, low, (high[0] + 1, high[1] + 1))
            found, votes = np.unique(labels[labels > 0], return_counts=True)
            if votes.sum() >= _ENOUGH_CELLS:
                best = int(found[int(np.argmax(votes))])
                if name == "rooms" or best in self.spaces.rooms:
                    return best
        return 0

    def _nearest(self, name: str, label: int, cell: Cell) -> Cell | None:
        """The cell with a label nearest to a cell, None when there is none near."""
        reach = round(_NEAR_M / self.storey.voxel_size_m)
        low = cell[0] - reach, cell[1] - reach
        found = np.argwhere(self._window(name, low, (cell[0] + reach + 1, cell[1] + reach + 1)) == label) + low
        if not len(found):
            return None
        i, j = found[int(np.argmin(((found - cell) ** 2).sum(axis=1)))]
        return int(i), int(j)

    def _nearest_room(self, i: int, j: int) -> int:
        reach = round(_NEAR_M / self.storey.voxel_size_m)
        low, high = (i - reach, j - reach), (i + reach + 1, j + reach + 1)
        window = self._window("rooms", low, high)
        walls = None
        costs: list[tuple[float, int]] = []
        for number in np.unique(window[window > 0]).tolist():
            if walls is None:
                walls = (self._window("codes", low, high) >> 2) == BLOCKED
            found = np.argwhere(window == number)
            away = ((found - reach) ** 2).sum(axis=1)
            near = found[int(np.argmin(away))]
            distance = float(np.sqrt(away.min())) * self.storey.voxel_size_m
            costs.append((distance + _BEHIND_WALL_M * _walls_between(walls, reach, near), int(number)))
        return min(costs, default=(0.0, 0))[1]


def _walls_between(walls: Any, middle: int, end: Any) -> int:
    """How often the straight line from the middle of a window enters a wall; the one it may start in does not count."""
    n = max(abs(int(end[0]) - middle), abs(int(end[1]) - middle), 1)
    line = np.floor(np.linspace((middle, middle), end, n + 1) + 0.5).astype(int)
    blocked = walls[tuple(line.T)]
    return int(np.count_nonzero(blocked[1:] & ~blocked[:-1]))
