# SPDX-License-Identifier: Apache-2.0
"""Values of a house description, in the map frame: rooms, walls, openings and objects as they are at the start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memory_core.geometry import Vec
from sim.types import AgentPose


@dataclass(frozen=True, eq=False, slots=True)
class RoomSpec:
    """`corners` is (N, 2) in the map frame, metres, counter-clockwise."""

    id: str
    kind: str
    corners: Vec


@dataclass(frozen=True, eq=False, slots=True)
class WallSpec:
    """One side of a wall: from `start` to `end` (2,) on the floor, up to `height_m`; colour 0..1 or None."""

    id: str
    room_id: str
    start: Vec
    end: Vec
    height_m: float
    colour: tuple[float, float, float] | None

    @property
    def length_m(self) -> float:
        return float(np.linalg.norm(self.end - self.start))


@dataclass(frozen=True, eq=False, slots=True)
class OpeningSpec:
    """A door or window: a hole `low` to `high`, each (along the first wall, up) in metres.

    Attributes:
        walls: ids of the one or two wall sides it goes through; along the second it is measured from the other end.
        is_open: False when a leaf closes it.
    """

    id: str
    kind: str
    walls: tuple[str, ...]
    low: tuple[float, float]
    high: tuple[float, float]
    is_open: bool
    openable: bool


@dataclass(frozen=True, eq=False, slots=True)
class ObjectSpec:
    """One object: `center` (3,) of its box and `rotation` (3, 3) in the map frame; children hold world coordinates too.

    Attributes:
        asset: name of the model, from which type and size follow.
        type: class name if the description states it, else "".
        size: (3,) along its own axes (forward, left, up) if the description states it, else None.
        is_on: None if the description does not say.
    """

    uid: str
    asset: str
    type: str
    center: Vec
    rotation: Vec
    size: Vec | None
    is_open: bool
    is_on: bool | None
    children: tuple[ObjectSpec, ...]


@dataclass(frozen=True, eq=False, slots=True)
class House:
    """A whole description."""

    name: str
    rooms: tuple[RoomSpec, ...]
    walls: tuple[WallSpec, ...]
    openings: tuple[OpeningSpec, ...]
    objects: tuple[ObjectSpec, ...]
    start: AgentPose | None
