# SPDX-License-Identifier: Apache-2.0
"""What is stored of a tile: everything that cannot be found again from the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mapping.topology.fields import Rules, Scale
from mapping.topology.free_space import Storey, pack_runs, unpack_runs
from mapping.topology.tiles import Tile
from memory_core import packing
from memory_core.errors import CorruptMemory
from memory_core.event import passage_from_payload, passage_payload, place_from_payload, place_payload
from memory_core.graph import Passage, Place


@dataclass(frozen=True, slots=True)
class Stored:
    """A tile with what the graph shows of it.

    Attributes:
    """

    tile: Tile
    voxel_size_m: float
    places: tuple[Place, ...]
    passages: tuple[Passage, ...]


def pack_tile(stored: Stored) -> bytes:
    """The same bytes for the same tile. O(cells)."""
    tile = stored.tile
    values = {
        "voxel_size_m": stored.voxel_size_m,
        "occupied": 0,
        "free": 0,
        "codes": pack_runs(tile.codes),
        "rooms": pack_runs(tile.rooms),
        "surfaces": tile.surfaces.astype(np.int32),
        "named": [place_payload(place) for place in stored.places],
        "passages": [passage_payload(passage) for passage in stored.passages],
        "places": np.array([[*cell, number] for cell, number in sorted(tile.numbers.items())], np.int32).reshape(-1, 3),
        "pace": np.array([[*cell, *sums] for cell, sums in sorted(tile.pace.items())], np.int64).reshape(-1, 4),
    }
    return packing.pack(values)


def unpack_tile(content: bytes, rules: Rules) -> Stored:
    """The tile of `pack_tile`, without what follows from it.

    Raises:
        CorruptMemory: the bytes are damaged.
    """
    values = packing.unpack(content)
    try:
        size = float(values["voxel_size_m"])
        side, n_layers = Scale(rules, size).side, Storey.count_layers(size)
        tile = Tile.empty(side, n_layers)
        tile.codes = _grid(values["codes"], side, np.uint8)
        tile.rooms = _grid(values["rooms"], side, np.int32)
        tile.surfaces = np.asarray(values["surfaces"], np.int32).reshape(n_layers)
        tile.numbers = {(int(i), int(j)): int(number) for i, j, number in values["places"]}
        tile.pace = {(int(i), int(j)): (int(ms), int(mm)) for i, j, ms, mm in values["pace"]}
        places = tuple(place_from_payload(place) for place in values["named"])
        passages = tuple(passage_from_payload(passage) for passage in values["passages"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise CorruptMemory(f"topology tile: want codes, rooms, surfaces, places and pace; {error!r}") from error
    return Stored(tile, size, places, passages)


def _grid(data: Any, side: int, kind: type[np.generic]) -> Any:
    grid = unpack_runs(data)
    if grid.shape != (side, side):
        raise ValueError(f"a grid of {grid.shape} in a tile of {side} x {side}")
    return grid.astype(kind)
