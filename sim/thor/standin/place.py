# SPDX-License-Identifier: Apache-2.0
"""What the stand-in shows: a place in Unity's world with an agent in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FAR_M = 20.0
AGENT_Y_M = 0.9009992
Point = dict[str, float]


@dataclass(frozen=True, slots=True)
class View:
    """The picture asked for: pixels, and degrees from its upper to its lower edge."""

    width: int
    height: int
    vfov_deg: float
    reach_m: float


@dataclass(frozen=True, slots=True)
class Stance:
    """Where the agent is: Unity's world, metres and degrees."""

    position: Point
    rotation_y_deg: float
    horizon_deg: float
    camera: Point


@dataclass(frozen=True, eq=False, slots=True)
class Images:
    """Rows from the top. rgb (H, W, 3) uint8, depth (H, W) float32 metres along z, numbers (H, W) int32, 0 nothing."""

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    numbers: NDArray[np.int32]


class MissingArgument(Exception):
    """An action lacks something; the message is its name."""


class Place(Protocol):
    """A world with an agent in it."""

    def act(self, action: str, arguments: Mapping[str, Any]) -> str:
        """Carry out an action of the vocabulary; returns why not, "" when done."""
        ...

    def stance(self) -> Stance: ...

    def objects(self) -> list[dict[str, Any]]:
        """AI2-THOR's metadata of the objects."""
        ...

    def names(self) -> Sequence[str]:
        """Name of each number in the images, from 1 on."""
        ...

    def images(self) -> Images: ...

    def reachable(self) -> list[Point]: ...

    def bounds(self) -> tuple[Point, Point]:
        """Centre and size of everything."""
        ...


# Of a house (None: the scene of the build) and the picture asked for.
PlaceMaker = Callable[["dict[str, Any] | None", View], Place]


def point(values: Sequence[float] | NDArray[np.float64]) -> Point:
    """Unity's {"x", "y", "z"} of three numbers."""
    x, y, z = values
    return {"x": float(x), "y": float(y), "z": float(z)}


def required(arguments: Mapping[str, Any], name: str) -> Any:
    """An argument that an action cannot do without.

    Raises:
        MissingArgument: it is not there.
    """
    if arguments.get(name) is None:
        raise MissingArgument(name)
    return arguments[name]
