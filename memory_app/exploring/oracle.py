# SPDX-License-Identifier: Apache-2.0
"""What exploration is measured against: how much of the reachable floor was seen, and a robot that knows the floor.

For evaluation only: everything here asks the simulator's truth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mapping import Octree
from memory_app.exploring.driver import Driver
from memory_app.exploring.ground import BLOCKED, FREE, Ground, Point2
from memory_app.exploring.settings import ExplorationSettings
from memory_core.frame import CameraFrame
from sim import HouseSimulator

_GRID_M = 0.25
_HEIGHTS_M = (0.3, 0.7, 1.1)
_MAX_RANGE_M = 4.0
_ARRIVED_M = 0.1
_TRUE_CELL_M = 0.05
_COMFORT_M = 0.2
_LOOK_EVERY = 5


@dataclass
class Coverage:
    """How much of the reachable floor a robot has seen: the space above a point is known at three heights.

    Attributes:
        curve: (actions, share) after every action that was looked at.
    """

    points: NDArray[np.float64]
    octree: Octree
    curve: list[tuple[int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.unseen = self.points

    def look(self, n_actions: int) -> float:
        """The share seen by now; O(points not seen before)."""
        if len(self.unseen):
            columns = [np.column_stack([self.unseen, np.full(len(self.unseen), z)]) for z in _HEIGHTS_M]
            known = np.stack([self.octree.occupancy(column) >= 0 for column in columns])
            self.unseen = self.unseen[~known.all(axis=0)]
        share = 1 - len(self.unseen) / max(1, len(self.points))
        self.curve.append((n_actions, share))
        return share

    def note(self, n_actions: int) -> None:
        """Look after every few actions."""
        if n_actions % _LOOK_EVERY == 0:
            self.look(n_actions)

    def actions_to(self, share: float) -> int | None:
        """Actions it took to see this much, None when it never did."""
        return next((n for n, seen in self.curve if seen >= share), None)


class Oracle:
    """A robot that knows where the floor is free but not what it has not seen: always to the nearest unseen point.

    It has the same camera, actions and driver as the explorer.
    """

    def __init__(self, sim: HouseSimulator, settings: ExplorationSettings | None = None) -> None:
        self._settings = settings or ExplorationSettings()
        self._octree = Octree(_TRUE_CELL_M)
        self.coverage = Coverage(sim.reachable(_GRID_M), self._octree)
        self._ground = true_ground(sim, self._settings)
        self._driver = Driver(sim, self._see, self._settings)

    def run(self) -> Coverage:
        """Look at everything reachable; O(actions x floor)."""
        driver = self._driver
        driver.tilt_to(math.radians(self._settings.tilt_deg))
        self.coverage.look(driver.n_actions)
        while driver.n_actions < self._settings.max_actions:
            ways = self._ground.ways(driver.position)
            costs = [ways.cost_m(_pair(point)) for point in self.coverage.unseen]
            if not costs or not math.isfinite(min(costs)):
                break
            goal = _pair(self.coverage.unseen[int(np.argmin(costs))])
            if not self._drive(ways.to(goal), goal):
                self.coverage.unseen = self.coverage.unseen[(self.coverage.unseen != goal).any(axis=1)]
        return self.coverage

    def _drive(self, corners: list[Point2], goal: Point2) -> bool:
        """Towards a point until it is seen; False when it could not be."""
        n_unseen = len(self.coverage.unseen)
        while True:
            while corners and math.dist(self._driver.position, corners[0]) <= _ARRIVED_M:
                corners.pop(0)
            if not corners or self._driver.step_towards(corners[0]) is False:
                return False
            self.coverage.look(self._driver.n_actions)
            if len(self.coverage.unseen) < n_unseen and not (self.coverage.unseen == goal).all(axis=1).any():
                return True

    def _see(self, frame: CameraFrame) -> None:
        self._octree.integrate(frame, _MAX_RANGE_M)


def true_ground(sim: HouseSimulator, settings: ExplorationSettings) -> Ground:
    """Where the middle of the robot may be; the radius is in it already. O(house area)."""
    ground = Ground(replace(settings, robot_radius_m=_TRUE_CELL_M, comfort_m=_COMFORT_M), _TRUE_CELL_M)
    boxes = [room.box for room in sim.rooms()]
    low = [min(box.minimum[axis] for box in boxes) for axis in (0, 1)]
    high = [max(box.maximum[axis] for box in boxes) for axis in (0, 1)]
    x, y = (np.arange(math.floor(low[k] / _TRUE_CELL_M), math.ceil(high[k] / _TRUE_CELL_M)) for k in (0, 1))
    points: NDArray[np.float64] = np.asarray(
        (np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1) + 0.5) * _TRUE_CELL_M, np.float64
    )
    fits = sim.can_stand(points.reshape(-1, 2)).reshape(points.shape[:2])
    ground.put((int(x[0]), int(y[0])), np.where(fits, FREE, BLOCKED).astype(np.uint8))
    return ground


def _pair(point: NDArray[np.float64]) -> Point2:
    return (float(point[0]), float(point[1]))
