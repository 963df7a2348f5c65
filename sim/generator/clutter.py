# SPDX-License-Identifier: Apache-2.0
"""Puts small things on and in furniture, each wholly on one surface and clear of the others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sim.generator.furnishing import Placed, varied_size
from sim.generator.priors import DRAWERS, IN, ON
from sim.house.assets import object_types

_LIFT_M = 0.002
_GAP_M = 0.03
_EDGE_M = 0.02
_TRIES = 15
_SHELF_STEP_M = 0.38
_SKIN_M = 0.05
_PILLOW_M = 0.1
_FREELY_TURNED = frozenset(
    {"Book", "Mug", "Newspaper", "RemoteControl", "Pen", "Pencil", "Fork", "Spoon", "Knife", "CellPhone", "TeddyBear",
     "Bread", "Potato", "KeyChain", "CD", "Cup", "Pillow", "Box", "Cloth"}
)  # fmt: skip
_FACING = frozenset({"Television", "Laptop", "Microwave", "Faucet", "Drawer", "AlarmClock"})


@dataclass(frozen=True, slots=True)
class Node:
    """A thing and what it holds."""

    thing: Placed
    holds: tuple[Node, ...] = ()


@dataclass(slots=True)
class _Surface:
    """A level things can stand on, in the frame of what it belongs to (right, front), metres.

    Attributes:
        room_m: free height above it.
        taken: rectangles (left, right, back, front) that are in use.
    """

    left: float
    right: float
    back: float
    front: float
    level_m: float
    room_m: float
    taken: list[tuple[float, float, float, float]] = field(default_factory=list)


def filled(furniture: Placed, room_kind: str, clutter: float, random: np.random.Generator, depth: int = 0) -> Node:
    """A piece of furniture with things on and in it, by the priors of its type and room. O(things x tries)."""
    kind = object_types()[furniture.type]
    if not kind.receptacle or depth > 2:
        return Node(furniture)
    holds: list[Node] = []
    if random.random() < DRAWERS.get(furniture.type, 0.0):
        holds.append(filled(_drawer(furniture, random), room_kind, clutter, random, depth + 1))
    on = _surfaces_on(furniture)
    inside = _surfaces_in(furniture) if kind.holds_inside else []
    for surfaces, table in ((on, ON), (inside, IN)):
        wanted = _prior(table, furniture.type, room_kind).items()
        names = [name for name, mean in wanted for _ in range(_how_many(name, mean, clutter, random))]
        placed = [thing for name in names if (thing := _put(name, furniture, surfaces, random)) is not None]
        holds += [filled(thing, room_kind, clutter, random, depth + 1) for thing in placed]
    return Node(furniture, tuple(holds))


def _prior(table: Mapping[str, Mapping[str, float]], kind: str, room_kind: str) -> Mapping[str, float]:
    return table.get(f"{kind}@{room_kind}", table.get(kind, {}))


def _how_many(name: str, mean: float, clutter: float, random: np.random.Generator) -> int:
    """How many of a kind there are; a tap or a television is there whatever the clutter."""
    if mean == 1.0 and name in _FACING:
        return 1
    usual = mean * clutter
    return int(random.poisson(usual)) if usual > 1 else int(random.random() < usual)


def _drawer(furniture: Placed, random: np.random.Generator) -> Placed:
    """A drawer under the top of a table, as wide as fits."""
    width, height, depth = furniture.size_m
    size = (round(min(0.5, width * 0.8), 3), 0.14, round(depth * 0.8, 3))
    share = float(random.choice([-1.0, 1.0])) if width > 0.9 else 0.0
    x, z = furniture.at(share * (width * 0.45 - size[0] / 2), 0.02)
    return Placed("Drawer", x, z, furniture.bottom_m + height * 0.4, furniture.turn_deg, size)


def _surfaces_on(furniture: Placed) -> list[_Surface]:
    """Where things stand on a piece: its top, its seat, or its boards."""
    kind = object_types()[furniture.type]
    width, height, depth = furniture.size_m
    left, right, back, front = -width / 2 + _EDGE_M, width / 2 - _EDGE_M, -depth / 2 + _EDGE_M, depth / 2 - _EDGE_M
    if kind.shape == "shelf":
        return _shelves(furniture)
    if kind.shape == "bed":
        return [_Surface(left, right, back + 0.08, front, height * 0.55, 1.0)]
    if kind.shape == "sofa":
        side, rear = width * 0.12, depth * 0.25
        return [_Surface(left + side, right - side, back + rear, front, height * 0.45, 1.0)]
    if kind.shape == "chair":
        return [_Surface(left, right, back + 0.06, front, height * 0.52, 1.0)]
    if kind.shape == "toilet":
        return [_Surface(left, right, back, back + 0.3 * depth - 2 * _EDGE_M, height, 0.5)]
    if kind.shape == "basin":
        # The rim at its back carries a tap, nothing else.
        return [_Surface(-0.15, 0.15, -depth / 2, depth / 2, height, 0.5)] if furniture.type == "Sink" else []
    return [_Surface(left, right, back, front, height, 0.8)]


def _surfaces_in(furniture: Placed) -> list[_Surface]:
    kind = object_types()[furniture.type]
    width, height, depth = furniture.size_m
    if kind.shape == "cabinet":
        return _shelves(furniture)
    level = height - min(0.25, height * 0.6)
    inner = (-width / 2 + _SKIN_M, width / 2 - _SKIN_M, -depth / 2 + _SKIN_M, depth / 2 - _SKIN_M)
    return [_Surface(*inner, level, height - level + 0.1)] if inner[1] > inner[0] and inner[3] > inner[2] else []


def _shelves(furniture: Placed) -> list[_Surface]:
    """The boards inside a piece, from below; a low piece has only its floor."""
    width, height, depth = furniture.size_m
    n_levels = max(1, round((height - 0.06) / _SHELF_STEP_M))
    step = (height - 0.06) / n_levels
    skin = min(_SKIN_M, width * 0.12, depth * 0.12)
    bottom = min(0.03, height * 0.15)
    levels = [bottom + k * step for k in range(n_levels)]
    return [
        _Surface(-width / 2 + skin, width / 2 - skin, -depth / 2 + skin, depth / 2 - skin, level, step - 0.05)
        for level in levels
    ]


def _put(name: str, furniture: Placed, surfaces: list[_Surface], random: np.random.Generator) -> Placed | None:
    """One thing on one of the surfaces; None when it fits nowhere."""
    size = varied_size(name, random)
    for k in random.permutation(len(surfaces)):
        surface = surfaces[int(k)]
        if size[1] + _LIFT_M > surface.room_m:
            continue
        for _ in range(_TRIES):
            turn = float(random.uniform(-40, 40)) if name in _FREELY_TURNED else 0.0
            if spot := _spot(surface, name, size, turn, random):
                x, z = furniture.at(*spot)
                bottom = furniture.bottom_m + surface.level_m + _LIFT_M
                return Placed(name, x, z, bottom, (furniture.turn_deg + turn) % 360, size)
    return None


def _spot(
    surface: _Surface, name: str, size: tuple[float, float, float], turn: float, random: np.random.Generator
) -> tuple[float, float] | None:
    """(right, front) of a free place, which is then taken; None when the place drawn is not free."""
    cos, sin = abs(math.cos(math.radians(turn))), abs(math.sin(math.radians(turn)))
    half_width, half_depth = (size[0] * cos + size[2] * sin) / 2, (size[0] * sin + size[2] * cos) / 2
    low = surface.left + half_width, surface.back + half_depth
    high = surface.right - half_width, surface.front - half_depth
    if low[0] > high[0] or low[1] > high[1]:
        return None
    right, front = (float(random.uniform(a, b)) for a, b in zip(low, high, strict=True))
    if name == "Faucet":
        right, front = 0.0, low[1]
    elif name == "Pillow":
        front = min(front, low[1] + _PILLOW_M)
    elif name == "Television":
        right = (low[0] + high[0]) / 2
    rect = (right - half_width, right + half_width, front - half_depth, front + half_depth)
    if any(_near(rect, other) for other in surface.taken):
        return None
    surface.taken.append(rect)
    return right, front


def _near(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[1] + _GAP_M and b[0] < a[1] + _GAP_M and a[2] < b[3] + _GAP_M and b[2] < a[3] + _GAP_M
