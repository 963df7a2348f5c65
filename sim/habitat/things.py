# SPDX-License-Identifier: Apache-2.0
"""The things of a Habitat scene that have numbers in its semantic images: fixed ones, and rigid ones that can move."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_core.geometry import Box, Vec, matrix_from_quaternion
from memory_core.labels import spoken
from sim.frames import box_from_habitat, habitat_from_ros

_LARGEST_NUMBER = 2**24
_NAMELESS = frozenset({"", "void", "unknown", "unlabeled", "undefined"})


@dataclass(frozen=True, slots=True)
class Fixed:
    """A semantic object; `box` is None where Habitat does not know it, `region` the id of its room, or ""."""

    uid: str
    number: int
    label: str
    box: Box | None
    region: str


@dataclass(eq=False, slots=True)
class Movable:
    """A rigid object; `home` is where its origin was when the scene was loaded, in Habitat's world."""

    uid: str
    number: int
    label: str
    handle: Any
    home: Vec
    held: bool = False

    @property
    def box(self) -> Box:
        """Bounds in the map frame, metres."""
        local, rotation = self.handle.root_scene_node.cumulative_bb, _quaternion(self.handle.rotation)
        low, high = (np.asarray(corner, np.float64) for corner in (local.min, local.max))
        center = matrix_from_quaternion(rotation) @ (low + high) / 2 + self._origin
        return box_from_habitat(center, (high - low) / 2, rotation)

    def move_by(self, shift: Vec) -> None:
        """Move it by (3,) metres of the map frame."""
        self._put(self._origin + habitat_from_ros(shift))

    def go_home(self) -> None:
        self._put(self.home)
        self.held = False

    @property
    def _origin(self) -> Vec:
        return np.array(self.handle.translation, np.float64)

    def _put(self, origin: Vec) -> None:
        self.handle.translation = [float(value) for value in origin]


class Things:
    """All things of a scene. What has no class name is background, 0."""

    def __init__(self, semantic_objects: Sequence[Any], rigid_objects: Sequence[Any]) -> None:
        self.fixed = list(_unique(_read_fixed(semantic_objects)))
        self.regions = {str(t.region.id): _category(t.region) for t in semantic_objects if t.region is not None}
        taken = {thing.number for thing in self.fixed}
        self.movable = {thing.uid: thing for thing in _read_movable(rigid_objects, taken)}
        named: list[Fixed | Movable] = [*self.fixed, *self.movable.values()]
        self.labels: Mapping[int, str] = MappingProxyType({thing.number: thing.label for thing in named})
        self._uids = {thing.number: thing.uid for thing in named}
        self._numbers = {thing.uid: thing.number for thing in named}
        self._known = np.zeros(max(self._uids, default=0) + 2, np.int32)
        self._known[list(self._uids)] = list(self._uids)

    def read(self, semantic: NDArray[Any]) -> NDArray[np.int32]:
        """(H, W) numbers of a semantic image (H, W); 0 for what has no name. O(pixels)."""
        return np.asarray(self._known[np.minimum(semantic, len(self._known) - 1)])

    def uid(self, number: int) -> str:
        """ "" for 0 and for unknown numbers."""
        return self._uids.get(number, "")

    def number(self, uid: str) -> int:
        """0 when there is no such thing."""
        return self._numbers.get(uid, 0)


def _read_fixed(objects: Sequence[Any]) -> Iterator[Fixed]:
    for thing in objects:
        number, label = int(thing.semantic_id), _category(thing)
        if label not in _NAMELESS and 0 < number < _LARGEST_NUMBER:
            region = thing.region
            yield Fixed(str(thing.id), number, label, _box(thing.obb), str(region.id) if region is not None else "")


def _unique(things: Iterator[Fixed]) -> Iterator[Fixed]:
    """Of things with the same number the first, and names that no two share."""
    numbers: set[int] = set()
    uids: set[str] = set()
    for thing in things:
        if thing.number not in numbers:
            uid = thing.uid if thing.uid and thing.uid not in uids else f"{thing.label}#{thing.number}"
            numbers.add(thing.number)
            uids.add(uid)
            yield replace(thing, uid=uid)


def _read_movable(handles: Sequence[Any], taken: set[int]) -> Iterator[Movable]:
    """Each keeps its semantic id where that is its alone; data sets that number classes are numbered anew."""
    wanted = [int(handle.semantic_id) for handle in handles]
    new = max([0, *taken, *(number for number in wanted if number < _LARGEST_NUMBER)]) + 1
    for handle, number in zip(handles, wanted, strict=True):
        if number in taken or wanted.count(number) > 1 or not 0 < number < _LARGEST_NUMBER:
            handle.semantic_id = new
            new += 1
        uid, home = str(handle.handle), np.array(handle.translation, np.float64)
        yield Movable(uid, int(handle.semantic_id), _class_in(uid), handle, home)


def _class_in(handle: str) -> str:
    """The class in the name of a rigid object: "objects/frl_apartment_wall_cabinet_01_:0003" -> "wall cabinet"."""
    name = re.sub(r"_?:\d+$", "", handle.rpartition("/")[2])
    return spoken(re.sub(r"(_\d+)+$", "", name.removeprefix("frl_apartment_"))) or "thing"


def _category(thing: Any) -> str:
    return spoken(str(thing.category.name())) if thing.category is not None else ""


def _box(obb: Any) -> Box | None:
    """From the oriented box: the axis-aligned one that Habitat tells reaches to the origin in some data sets."""
    center, half = np.asarray(obb.center, np.float64), np.asarray(obb.half_extents, np.float64)
    if not (np.isfinite(center).all() and np.isfinite(half).all() and half.max() > 0):
        return None
    return box_from_habitat(center, half, _quaternion(obb.rotation))


def _quaternion(rotation: Any) -> Vec:
    """(x, y, z, w) of Habitat's two ways to tell a rotation: those four numbers, or a vector and a scalar."""
    if hasattr(rotation, "scalar"):
        return np.append(np.asarray(rotation.vector, np.float64), float(rotation.scalar))
    return np.asarray(rotation, np.float64)
