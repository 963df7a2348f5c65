# SPDX-License-Identifier: Apache-2.0
"""Frontier exploration by the robot's own map: go where most unseen space is for the way, until none can be reached.

Nothing but frames enters: poses are those of the frames, free floor is the octree's, frontiers are the mapper's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mapping import Mapper
from memory_app.exploring.driver import Driver
from memory_app.exploring.ground import Ground, Ways
from memory_app.exploring.intake import Intake
from memory_app.exploring.settings import ExplorationSettings
from memory_core.config import check
from memory_core.frame import CameraFrame
from memory_core.graph import Frontier
from memory_core.memory import Memory
from sim import Simulator

Watch = Callable[[int, CameraFrame], None]

_ARRIVED_M = 0.15
_HIGH_RAD = math.radians(20)  # how far from the middle of the image a frontier may be before the camera is tilted
_SAME_SHARE = 0.7
_PATIENCE = 2  # looks at a frontier that do not change it
_BUMPED_AHEAD_M = 0.1
_BEHIND_M = (0.1, 0.25, 0.4)


@dataclass(frozen=True, slots=True)
class Exploration:
    """What an exploration took.

    Attributes:
        n_left: frontiers that are still open: none of them can be reached, unless `complete` is False.
        complete: it ended because nothing was left, not because of the limit on actions.
    """

    n_actions: int
    driven_m: float
    n_bumps: int
    n_targets: int
    n_left: int
    complete: bool


def explore(
    sim: Simulator, memory: Memory, settings: ExplorationSettings | None = None, watch: Watch | None = None
) -> Exploration:
    """Explore a world from where the robot stands, into a memory, until no frontier can be reached any more.

    Args:
        watch: called after each action with how many there were and the frame it gave.

    O(actions x pixels + decisions x floor seen).

    Raises:
        BadFrame, BadSource: the memory is of another map.
    """
    return Explorer(sim, memory, settings, watch).run()


class Explorer:
    """One robot at exploring. The memory gets every frame; the last commit is final."""

    def __init__(
        self, sim: Simulator, memory: Memory, settings: ExplorationSettings | None = None, watch: Watch | None = None
    ) -> None:
        self._settings = settings or ExplorationSettings()
        check(self._settings)
        self._intake = Intake(sim, memory)
        self._session = self._intake.session
        self.watch = watch
        self._n_corrections = 0
        self._n_frames = 0
        self._ground = Ground(self._settings, self.mapper.octree.voxel_size_m)
        self._driver = Driver(sim, self._take, self._settings)
        self._floor_z = 0.0
        self._looks: dict[str, int] = {}
        self._n_targets = 0

    @property
    def mapper(self) -> Mapper:
        return self._session.mapper

    def run(self) -> Exploration:
        """Explore until no frontier can be reached, and end the session."""
        self._begin()
        complete = self._explore(lambda: False)
        self._session.flush(final=True)
        return self._report(complete=complete)

    def _begin(self) -> None:
        self._driver.tilt_to(math.radians(self._settings.tilt_deg))
        self._driver.look_around()
        self._session.flush()
        self._look_everywhere()

    def _explore(self, is_enough: Callable[[], bool]) -> bool:
        """Until it is enough, or nothing is left: True; False when it was enough or took too long."""
        target, ways = self._decide(None)
        while target is not None and self._driver.n_actions < self._settings.max_actions:
            if is_enough():
                return False
            target, ways = self._decide(self._approach(target, ways))
        return target is None

    def _take(self, frame: CameraFrame) -> None:
        self._intake.take(frame)
        if self.watch:
            self.watch(self._n_frames, frame)
        self._n_frames += 1

    def _decide(self, before: Frontier | None) -> tuple[Frontier | None, Ways]:
        """The frontier most worth going to, and the ways from here; the one before when it is nearly as good."""
        self._session.flush()
        if self._n_corrections != self._intake.n_corrections:
            self._look_everywhere()
        self._look_at_map()
        ways = self._ground.ways(self._driver.position)
        open_ends = [one for one in self.mapper.frontiers.all() if one.unseen_m3 >= self._settings.least_m3]
        worth = {one.id: self._worth(one, ways) for one in open_ends}
        if before is not None and before.id in worth:
            worth[before.id] *= self._settings.loyalty
        best = max(open_ends, key=lambda one: (worth[one.id], -int(one.id[1:])), default=None)
        if best is None or worth[best.id] <= 0:
            return None, ways
        self._n_targets += before is None or best.id != before.id
        return best, ways

    def _look_at_map(self) -> None:
        """Bring the floor up to date where the robot has just looked."""
        here = self._driver.position
        points = [one.viewpoint for one in self.mapper.frontiers.all()]
        self._floor_z = min(points, key=lambda point: math.dist(point[:2], here), default=(0.0, 0.0, self._floor_z))[2]
        self._ground.tread(here)
        reach_m = self.mapper.settings.max_range_m + self._settings.stride_m * self._settings.replan_every
        self._ground.look(self.mapper.octree, here, reach_m, self._floor_z)

    def _look_everywhere(self) -> None:
        """Read the floor anew: the map was there before, or was corrected. O(map)."""
        self._ground = Ground(self._settings, self.mapper.octree.voxel_size_m)
        self._n_corrections = self._intake.n_corrections
        bounds = self.mapper.octree.bounds()
        if bounds is not None:
            (x0, y0, _), (x1, y1, _) = (corner.tolist() for corner in bounds)
            self._look_at_map()
            self._ground.look(
                self.mapper.octree, ((x0 + x1) / 2, (y0 + y1) / 2), max(x1 - x0, y1 - y0) / 2, self._floor_z
            )

    def _worth(self, frontier: Frontier, ways: Ways) -> float:
        """Unseen space for each action it takes to look at it; 0 when it cannot be reached."""
        goal = (frontier.viewpoint[0], frontier.viewpoint[1])
        way_m = ways.cost_m(goal)
        if not math.isfinite(way_m):
            return 0.0
        actions = way_m / self._settings.stride_m + self._settings.lead_actions
        gain = min(frontier.unseen_m3, self._settings.enough_m3)
        return gain * (1.0 if frontier.kind == "floor" else self._settings.space_weight) / actions

    def _approach(self, target: Frontier, ways: Ways) -> Frontier | None:
        """Some actions towards a frontier; the frontier, or None when it was looked at or the way is blocked."""
        goal = (target.viewpoint[0], target.viewpoint[1])
        corners = ways.to(goal)
        for _ in range(self._settings.replan_every):
            while corners and math.dist(self._driver.position, corners[0]) <= _ARRIVED_M / 2:
                corners.pop(0)
            if not corners:
                self._look_at(target)
                return None
            if self._driver.step_towards(corners[0]) is False:
                self._note_bump()
                return None
            if self._is_seen(target):
                return None
        return target

    def _is_seen(self, target: Frontier) -> bool:
        """Whether the octree knows by now what is right behind a frontier."""
        behind = np.add(target.position, np.outer(_BEHIND_M, target.normal))
        return bool((self.mapper.octree.occupancy(behind) >= 0).all())

    def _note_bump(self) -> None:
        x, y = self._driver.position
        yaw = self._driver.yaw_rad
        reach = self._settings.stride_m - _BUMPED_AHEAD_M
        self._ground.bump((x + reach * math.cos(yaw), y + reach * math.sin(yaw)))

    def _look_at(self, target: Frontier) -> None:
        """Turn to a frontier from where one stands, and give it up when that does not change it."""
        x, y = self._driver.position
        self._driver.turn_to(math.atan2(target.position[1] - y, target.position[0] - x))
        down = math.atan2(self._driver.height_m - target.position[2], math.dist((x, y), target.position[:2]))
        if abs(down - self._driver.tilt_rad) > _HIGH_RAD:
            self._driver.tilt_to(down)
            self._driver.tilt_to(math.radians(self._settings.tilt_deg))
        self._session.flush()
        left = next((one for one in self.mapper.frontiers.all() if one.id == target.id), None)
        if left is None or left.unseen_m3 < _SAME_SHARE * target.unseen_m3:
            return
        self._looks[left.id] = self._looks.get(left.id, 0) + 1
        if self._looks[left.id] >= _PATIENCE:
            self.mapper.frontiers.give_up(left.id)

    def _report(self, *, complete: bool) -> Exploration:
        driver, n_left = self._driver, len(self.mapper.frontiers.all())
        return Exploration(
            driver.n_actions, round(driver.driven_m, 3), driver.n_bumps, self._n_targets, n_left, complete
        )
