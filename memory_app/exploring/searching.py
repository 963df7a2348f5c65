# SPDX-License-Identifier: Apache-2.0
"""Looking for a kind of thing: to where the map has one, else exploring until it does."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from memory_app.exploring.explorer import Explorer
from memory_app.exploring.ground import Point2, Ways
from memory_core.graph import Instance

_STAND_M, _STANDS = 0.6, 16
_ARRIVED_M = 0.08
_TRIES = 3


class Searcher(Explorer):
    """One robot at searching. What an earlier session of the memory saw is known to it."""

    def find(self, label: str) -> bool:
        """Go to the nearest thing of a class that is in the map, exploring until there is one; whether it got there.

        Ends the session.
        """
        self._begin()
        found = bool(self._known(label)) or not self._explore(lambda: bool(self._known(label)))
        there = found and any(self._go_near(thing) for thing in self._known(label))
        self._session.flush(final=True)
        return there

    def _known(self, label: str) -> list[Instance]:
        """Things of a class that the map holds and that can be gone to, nearest first."""
        ways = self._ground.ways(self._driver.position)
        things = [one for one in self.mapper.graph().instances.values() if one.label == label and one.state != "gone"]
        stands = {one.id: self._stand(one, ways) for one in things}
        near = [one for one in things if stands[one.id] is not None]
        return sorted(near, key=lambda one: (ways.cost_m(stands[one.id] or (0.0, 0.0)), one.id))

    def _stand(self, thing: Instance, ways: Ways) -> Point2 | None:
        """The cheapest point around a thing from which it is near, None when none can be reached."""
        x, y = thing.box.center[:2]
        reach_x, reach_y = (size / 2 + _STAND_M for size in thing.box.size[:2])
        angles = np.linspace(0, 2 * np.pi, _STANDS, endpoint=False)
        points = [(x + reach_x * math.cos(angle), y + reach_y * math.sin(angle)) for angle in angles]
        best = min(points, key=ways.cost_m)
        return best if math.isfinite(ways.cost_m(best)) else None

    def _go_near(self, thing: Instance) -> bool:
        """Drive to a thing and face it."""
        for _ in range(_TRIES):
            ways = self._ground.ways(self._driver.position)
            stand = self._stand(thing, ways)
            if stand is not None and self._drive(ways.to(stand)):
                self._face(thing.box.center)
                return True
            self._session.flush()
            self._look_at_map()
        return False

    def _drive(self, corners: list[Point2]) -> bool:
        """To the end of a way; False as soon as something is in it."""
        for corner in corners:
            while math.dist(self._driver.position, corner) > _ARRIVED_M:
                if not self._driver.step_towards(corner):
                    self._note_bump()
                    return False
        return True

    def _face(self, point: Sequence[float]) -> None:
        x, y = self._driver.position
        self._driver.turn_to(math.atan2(point[1] - y, point[0] - x))
        self._driver.tilt_to(math.atan2(self._driver.height_m - point[2], math.dist((x, y), point[:2])))
