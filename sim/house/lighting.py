# SPDX-License-Identifier: Apache-2.0
"""Which light is on in which room: the one at its ceiling, or lamps that stand about, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memory_core.geometry import Vec
from sim.house.scene import Light, room_light
from sim.house.specs import House

if TYPE_CHECKING:
    from sim.house.world import Thing, World

LAMPS = frozenset({"FloorLamp", "DeskLamp"})
_SCREENS = frozenset({"Television", "Laptop", "Desktop", "CellPhone"})
_DARK = 0.03
_LAMP_AMBIENT, _LAMP_DIRECT, _MOST_AMBIENT = 0.15, 0.8, 0.4


class Lighting:
    """The lights of a house. `is_on` says of each room whether the one at its ceiling is; all are at first."""

    def __init__(self, house: House) -> None:
        heights = {wall.room_id: wall.height_m for wall in house.walls}
        self._ceiling = {room.id: room_light(room.corners, heights.get(room.id, 2.5)) for room in house.rooms}
        self.is_on = dict.fromkeys(self._ceiling, True)

    def initial(self) -> dict[str, Light]:
        """The lights of all rooms with the one at the ceiling on."""
        return {room_id: Light(position) for room_id, position in self._ceiling.items()}

    def update(self, world: World, room_id: str) -> None:
        """Light a room as its lamps and switches say; O(things + bodies)."""
        if room_id not in self._ceiling:
            return
        lamps: list[Vec] = []
        for thing in world.things.values():
            if thing.body.room_id != room_id or thing.type.name not in LAMPS | _SCREENS:
                continue
            world.scene.glow(thing.body, glows=thing.is_on)
            if thing.is_on and thing.type.name in LAMPS:
                lamps.append(_bulb(thing))
        world.scene.light(room_id, self._light(room_id, lamps))

    def _light(self, room_id: str, lamps: list[Vec]) -> Light:
        if self.is_on[room_id]:
            return Light(self._ceiling[room_id])
        if not lamps:
            return Light(self._ceiling[room_id], _DARK, 0.0)
        return Light(lamps[0], min(_LAMP_AMBIENT * len(lamps), _MOST_AMBIENT), _LAMP_DIRECT)


def _bulb(thing: Thing) -> Vec:
    """(3,) just above a lamp, so that its shade does not stand in the way."""
    return np.asarray(thing.body.T_world_body[:3, 3] + [0, 0, thing.size[2] / 2 + 0.05])
