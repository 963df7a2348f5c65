# SPDX-License-Identifier: Apache-2.0
"""What becomes of food under a knife: the thing is gone, and slices lie where it was."""

from __future__ import annotations

import numpy as np

from memory_core.geometry import Vec
from sim.house.specs import ObjectSpec
from sim.house.world import Thing, World

_N_SLICES = {"Apple": 4, "Bread": 5, "Lettuce": 4, "Potato": 4, "Tomato": 4}
_SLICE_SHARE = 0.75  # of its part of the thing; the rest is the cut
_YOLK_M = (0.1, 0.1, 0.015)


def sliced(world: World, thing: Thing) -> list[Thing]:
    """Replace a thing by its slices, which lie where it lay, named as AI2-THOR names them; O(faces of the house)."""
    specs = _slices(thing) if thing.type.name in _N_SLICES else [_cracked(thing)]
    world.take_away(thing)
    return [world.insert(spec, thing.parent) for spec in specs]


def _slices(thing: Thing) -> list[ObjectSpec]:
    n_slices = _N_SLICES[thing.type.name]
    axis = int(np.argmax(thing.size[:2]))
    part = thing.size[axis] / n_slices
    size = thing.size.copy()
    size[axis] = part * _SLICE_SHARE
    specs = []
    for k in range(n_slices):
        offset = np.zeros(3)
        offset[axis] = (k + 0.5) * part - thing.size[axis] / 2
        specs.append(_spec(thing, f"{thing.type.name}Sliced", k, offset, size))
    return specs


def _cracked(thing: Thing) -> ObjectSpec:
    size = np.array(_YOLK_M)
    return _spec(thing, f"{thing.type.name}Cracked", 0, np.array([0, 0, (size[2] - thing.size[2]) / 2]), size)


def _spec(thing: Thing, kind: str, k: int, offset: Vec, size: Vec) -> ObjectSpec:
    T = thing.body.T_world_body
    return ObjectSpec(
        uid=f"{thing.uid}|{kind}_{k}",
        asset=kind,
        type=kind,
        center=T[:3, :3] @ offset + T[:3, 3],
        rotation=T[:3, :3],
        size=size,
        is_open=False,
        is_on=None,
        children=(),
    )
