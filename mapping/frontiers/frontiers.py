# SPDX-License-Identifier: Apache-2.0
"""All frontiers of a map: found where cameras looked, numbered for as long as they last, each with a viewpoint."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapping.frontiers.cells import TILE, Border, Box3, Grid, Key, Space, seen_box
from mapping.frontiers.clusters import Clusters, Group
from mapping.frontiers.known import Known, heirs, make_known
from mapping.frontiers.settings import FrontierSettings
from mapping.frontiers.sight import Places, View, best_heading, shares_in_view, viewpoints
from memory_core import packing
from memory_core.config import check
from memory_core.errors import BadInput, BadSettings
from memory_core.event import frontier_from_payload, frontier_payload
from memory_core.frame import CameraFrame
from memory_core.graph import Frontier, Place

_LOOKED_AT = 0.6  # share of the unseen right behind a frontier that an image must look at to count as a look
_POSE_M, _POSE_RAD = 0.25, math.radians(15)  # nearer poses are one
_SHOWS = 0.4  # how well an image must look at a frontier to be kept for it
_BETTER = 1.5
_RANGE_SHARE = 0.9  # of the octree's range; what is farther may be cut off in another way next time
_FAR_M = 1e6
_ELEVATIONS = (math.radians(-35), math.radians(25))
_TOLD_M, _TOLD_AREA, _TOLD_UNSEEN = 0.25, 1.4, 1.6  # changes worth telling: metres, and ratios


@dataclass(frozen=True, slots=True)
class FrontierChange:
    """What differs from what was told before: new or altered frontiers, and ids of those that are no more."""

    frontiers: tuple[Frontier, ...] = ()
    gone: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.frontiers or self.gone)


class Frontiers:
    """Where to look next.

    Ids "f1", "f2", ... are never given twice; a frontier keeps its id while it moves on little by little. One that was
    looked at again and again without a change, or that was given up, is not listed as long as it stays what it is.

    Raises:
        BadSettings: a setting is out of range.
    """

    def __init__(
        self, settings: FrontierSettings | None = None, voxel_size_m: float = 0.05, enabled: bool = True
    ) -> None:
        self.settings = settings or FrontierSettings()
        check(self.settings)
        if self.settings.highest_m <= self.settings.lowest_m:
            raise BadSettings(
                f"highest_m: want more than lowest_m {self.settings.lowest_m}, got {self.settings.highest_m}"
            )
        self._is_enabled = enabled
        self._border = Border(Grid.of(self.settings, voxel_size_m))
        self._clusters = Clusters(self.settings.reach_m)
        self._places = Places(self.settings.view_m)
        self._heights: Counter[float] = Counter()
        self._views: list[Box3] = []
        self._known: dict[Group, Known] = {}
        self._buckets: dict[tuple[int, int], dict[Group, None]] = {}
        self._frame: CameraFrame | None = None
        self._looked: list[tuple[Group, float]] = []
        self._kept: list[tuple[str, CameraFrame]] = []
        self._listed: dict[int, Group] = {}
        self._told: dict[int, Frontier] = {}
        self._touched: set[int] = set()
        self._last_number = 0

    def observe(self, frame: CameraFrame) -> bool:
        """Note what a frame may have changed and which frontiers it looks at; whether to keep its image for one.

        O(frontiers within range): the size of the map does not matter.
        """
        if not self._is_enabled:
            return False
        self._views.append(seen_box(frame, self.settings.max_range_m))
        near = [group for group in self._near(frame.T_world_cam[:2, 3].tolist()) if self._is_open(self._known[group])]
        self._frame, self._looked = frame, []
        self._count_looks(frame, near)
        for group, quality in zip(near, self._qualities(frame, near), strict=True):
            if quality >= max(_SHOWS, _BETTER * self._known[group].score):
                self._looked.append((group, quality))
        return bool(self._looked)

    def note_change(self, minimum: Sequence[float], maximum: Sequence[float]) -> None:
        """Something else than a frame changed the octree in a box, metres: the next update looks there again. O(1)."""
        if self._is_enabled:
            middle = [(a + b) / 2 for a, b in zip(minimum, maximum, strict=True)]
            self._views.append((*middle, *map(float, minimum), *map(float, maximum)))

    def look_again(self, boxes: NDArray[np.float64]) -> None:
        """The same for boxes (N, 4) from above, minimum x, y and maximum x, y, on every storey. O(N)."""
        for x0, y0, x1, y1 in boxes.tolist():
            self.note_change((x0, y0, -_FAR_M), (x1, y1, _FAR_M))

    def kept(self, keyframe_id: str) -> None:
        """The image of the last frame observed is kept: it becomes the snapshot of the frontiers it shows best."""
        for group, quality in self._looked:
            known = self._known[group]
            known.snapshot, known.score = keyframe_id, quality
            self._touched.add(known.number)
        if self._frame is not None:
            self._kept.append((keyframe_id, self._frame))
        self._frame, self._looked = None, []

    def update(
        self, octree: Space, places: Iterable[Place] = (), gone_places: Iterable[str] = (), stamp_ns: int = 0
    ) -> FrontierChange:
        """Follow the octree where frames looked since the last call.

        O(columns looked at + pieces of border that hang together with what changed + rays to the frontiers nearby).

        Args:
            places: new or altered places where the robot fits: viewpoints, and where the floors are.
            gone_places: ids of those that are no more.
            stamp_ns: of the last frame.
        """
        if not self._is_enabled:
            return FrontierChange()
        moved = self._follow_places(places, gone_places)
        changed = self._border.refresh(octree, self._views, self._heights)
        self._views.clear()
        old, new = self._clusters.update(self._border, changed)
        self._replace(old, new, stamp_ns)
        self._judge(octree, changed, moved)
        self._kept.clear()
        return self._difference()

    def all(self) -> tuple[Frontier, ...]:
        """Every frontier that is open now, as exactly as known, in order of ids. O(frontiers)."""
        numbers = sorted(self._listed)
        found = (self._known[self._listed[number]] for number in numbers)
        return tuple(self._frontier(known) for known in found if self._is_open(known))

    def give_up(self, frontier_id: str) -> None:
        """The robot cannot get there, or found nothing: not listed again until it changes.

        Raises:
            BadInput: there is no such frontier.
        """
        known = self._by_id(frontier_id)
        known.looks = self.settings.looks
        self._touched.add(known.number)

    def best_view(self, frontier_id: str, octree: Space, fov_rad: float = math.radians(60)) -> View:
        """The pose, among the places around a frontier, that has most of the unseen in view, and the frontier.

        O(places nearby x rays x range), some milliseconds.

        Raises:
            BadInput: there is no such frontier.
        """
        known = self._by_id(frontier_id)
        assert known.view is not None
        seen = [known.view, *self._views_of(octree, known)]
        found: dict[str, View] = {}
        for view in seen:
            if view.place_id not in found:
                yaw, volume = best_heading(
                    octree, view.position, known.target.center, self.settings, fov_rad, _ELEVATIONS
                )
                found[view.place_id] = View(view.position, yaw, volume, view.place_id, view.room_id)
        return max(found.values(), key=lambda view: round(view.unseen_m3, 6))

    def state(self) -> bytes:
        """What is needed to go on after a restart; octree and places are not in it. O(border cells + tiles seen)."""
        groups = sorted(self._known)
        border = self._border.state()
        values = {
            "known": [[[*key, index] for key, index in group] for group in groups],
            "facts": [self._known[group].facts() for group in groups],
            "told": [frontier_payload(self._told[number]) for number in sorted(self._told)],
            "views": np.array(self._views, np.float64).reshape(-1, 9),
            "touched": sorted(self._touched),
            "last_number": self._last_number,
        }
        return packing.pack({**values, "border": packing.pack(border)})

    def restore(self, state: bytes, places: Mapping[str, Place]) -> None:
        """Become the frontiers that gave `state`, with the places of that time.

        Raises:
            CorruptMemory: the bytes are damaged.
        """
        values = packing.unpack(state)
        self._border = Border.from_state(packing.unpack(values["border"]))
        self._clusters = Clusters(self.settings.reach_m)
        self._clusters.update(self._border, self._border.tiles)
        self._places, self._heights = Places(self.settings.view_m), Counter()
        self._follow_places(places.values(), ())
        self._known, self._buckets, self._listed = {}, {}, {}
        for pieces, facts in zip(values["known"], values["facts"], strict=True):
            group = tuple((Key(x, y, low), index) for x, y, low, index in pieces)
            known = make_known(self._border, group, 0)
            known.take(facts)
            self._add(group, known)
        self._told = {int(one["id"][1:]): frontier_from_payload(one) for one in values["told"]}
        self._views = [tuple(view) for view in values["views"].tolist()]
        self._touched = set(values["touched"])
        self._last_number = values["last_number"]

    def groups(self) -> dict[Group, int]:
        """Pieces of every border, small ones included, with how many cells they have: follows from the octree alone."""
        return {group: self._size(group) for group in set(self._clusters.groups.values())}

    def _follow_places(self, places: Iterable[Place], gone: Iterable[str]) -> list[Place]:
        """Note where one can stand; the places that came, moved or went."""
        moved: list[Place] = []
        for place_id in gone:
            moved += self._forget_place(place_id)
        for place in places:
            moved += self._forget_place(place.id)
            self._places.put(place)
            self._heights[round(place.position[2], 3)] += 1
            moved.append(place)
        return moved

    def _forget_place(self, place_id: str) -> list[Place]:
        place = self._places.known.get(place_id)
        if place is None:
            return []
        self._places.drop(place_id)
        self._heights[round(place.position[2], 3)] -= 1
        self._heights += Counter()  # drops what has come to nothing
        return [place]

    def _replace(self, old: Sequence[Group], new: Sequence[Group], stamp_ns: int) -> None:
        """Frontiers that are no more hand their number, history and snapshot on to those that cover them."""
        before = [self._remove(group) for group in old if group in self._known]
        least = self.settings.least_m2 / self._border.grid.cell_m**2
        made = [(group, make_known(self._border, group, stamp_ns)) for group in new if self._size(group) >= least]
        for known, heir in heirs(before, [known for _, known in made]):
            heir.inherit(known)
        for group, known in made:
            self._add(group, known)

    def _size(self, group: Group) -> int:
        return int(sum(self._border.tiles[key].measures[index, 0] for key, index in group))

    def _add(self, group: Group, known: Known) -> None:
        self._known[group] = known
        self._buckets.setdefault(self._bucket(known.target.center.tolist()), {})[group] = None
        if known.number:
            self._listed[known.number] = group
            self._touched.add(known.number)

    def _remove(self, group: Group) -> Known:
        known = self._known.pop(group)
        del self._buckets[self._bucket(known.target.center.tolist())][group]
        if known.number:
            self._listed.pop(known.number, None)
            self._touched.add(known.number)
        return known

    def _judge(self, octree: Space, changed: Iterable[Key], moved: Iterable[Place]) -> None:
        """Find viewpoints anew around what changed, and number what turns out to be worth a look."""
        side = TILE * self._border.grid.cell_m
        points = [((key.x + 0.5) * side, (key.y + 0.5) * side) for key in changed]
        points += [place.position[:2] for place in moved]
        cells = dict.fromkeys(self._bucket(point) for point in points)
        groups = sorted({group for cell in cells for group in self._in_buckets(cell)})
        known = [self._known[group] for group in groups]
        views = viewpoints(octree, [k.target for k in known], self._places, self.settings, [k.view for k in known])
        fresh: list[Group] = []
        for group, one, view in zip(groups, known, views, strict=True):
            one.view = view
            if self._is_worth(one) and not one.number:
                self._last_number += 1
                one.number = self._last_number
                self._listed[one.number] = group
                fresh.append(group)
            if one.number:
                self._touched.add(one.number)
        self._illustrate(fresh)

    def _illustrate(self, groups: Sequence[Group]) -> None:
        """Give new frontiers the image that looks at them best of those kept since the last update."""
        for keyframe_id, frame in self._kept:
            for group, quality in zip(groups, self._qualities(frame, groups), strict=True):
                known = self._known[group]
                if quality >= _SHOWS and quality > known.score:
                    known.snapshot, known.score = keyframe_id, quality

    def _count_looks(self, frame: CameraFrame, groups: Sequence[Group]) -> None:
        x, y = frame.T_world_cam[:2, 3].tolist()
        yaw = math.atan2(frame.T_world_cam[1, 2], frame.T_world_cam[0, 2])
        pose = (round(x / _POSE_M), round(y / _POSE_M), round(yaw / _POSE_RAD))
        behind = [self._known[group].target.beyond for group in groups]
        for group, (share, _) in zip(groups, shares_in_view(frame, behind, self._reach_m), strict=True):
            if share >= _LOOKED_AT:
                known = self._known[group]
                known.look(pose)
                self._touched.add(known.number)

    def _qualities(self, frame: CameraFrame, groups: Sequence[Group]) -> list[float]:
        points = [self._known[group].target.samples for group in groups]
        return [quality for _, quality in shares_in_view(frame, points, self._reach_m)]

    @property
    def _reach_m(self) -> float:
        return _RANGE_SHARE * self.settings.max_range_m

    def _difference(self) -> FrontierChange:
        """What of the frontiers touched since the last time is worth telling."""
        now: list[Frontier] = []
        gone: list[str] = []
        for number in sorted(self._touched):
            known = self._known[self._listed[number]] if number in self._listed else None
            told = self._told.get(number)
            if known is not None and self._is_open(known):
                found = self._frontier(known)
                if told is None or _differs(told, found):
                    self._told[number] = found
                    now.append(found)
            elif told is not None:
                del self._told[number]
                gone.append(told.id)
        self._touched.clear()
        return FrontierChange(tuple(now), tuple(gone))

    def _is_worth(self, known: Known) -> bool:
        return known.view is not None and known.view.unseen_m3 >= self.settings.least_unseen_m3

    def _is_open(self, known: Known) -> bool:
        return bool(known.number) and self._is_worth(known) and known.looks < self.settings.looks

    def _frontier(self, known: Known) -> Frontier:
        assert known.view is not None
        view = known.view
        x, y, z = (round(value, 2) for value in known.target.center.tolist())
        a, b, c = known.normal
        return Frontier(
            id=f"f{known.number}", kind=known.kind, position=(x, y, z), viewpoint=view.position,
            yaw_rad=round(view.yaw_rad, 2), area_m2=round(known.target.area_m2, 2),
            unseen_m3=round(view.unseen_m3, 2), normal=(round(a, 2), round(b, 2), round(c, 2)),
            first_seen_ns=known.first_seen_ns, room_id=view.room_id, place_id=view.place_id, snapshot=known.snapshot,
        )  # fmt: skip

    def _by_id(self, frontier_id: str) -> Known:
        number = int(frontier_id[1:]) if frontier_id[:1] == "f" and frontier_id[1:].isdecimal() else 0
        known = self._known[self._listed[number]] if number in self._listed else None
        if known is None or known.view is None:
            raise BadInput(f"frontier {frontier_id!r}: there is no such frontier; it may have been explored")
        return known

    def _views_of(self, octree: Space, known: Known) -> Iterator[View]:
        """A view for each place nearby that sees a frontier."""
        for place in self._places.near(known.target):
            alone = Places(self.settings.view_m)
            alone.put(place)
            (view,) = viewpoints(octree, [known.target], alone, self.settings, [None])
            if view is not None:
                yield view

    def _near(self, point: Sequence[float]) -> Iterator[Group]:
        return self._in_buckets(self._bucket(point))

    def _in_buckets(self, cell: tuple[int, int]) -> Iterator[Group]:
        for x in (cell[0] - 1, cell[0], cell[0] + 1):
            for y in (cell[1] - 1, cell[1], cell[1] + 1):
                yield from self._buckets.get((x, y), ())

    def _bucket(self, point: Sequence[float]) -> tuple[int, int]:
        side = self.settings.max_range_m
        return math.floor(point[0] / side), math.floor(point[1] / side)


def _differs(told: Frontier, now: Frontier) -> bool:
    """Whether what was told has become wrong."""
    if (told.kind, told.place_id, told.room_id, told.snapshot) != (now.kind, now.place_id, now.room_id, now.snapshot):
        return True
    return (
        math.dist(told.position, now.position) > _TOLD_M
        or math.dist(told.viewpoint, now.viewpoint) > _TOLD_M
        or _ratio(told.area_m2, now.area_m2) > _TOLD_AREA
        or _ratio(told.unseen_m3, now.unseen_m3) > _TOLD_UNSEEN
    )


def _ratio(a: float, b: float) -> float:
    low, high = sorted((a, b))
    return high / low if low > 0 else math.inf
