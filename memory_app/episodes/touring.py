# SPDX-License-Identifier: Apache-2.0
"""A coverage tour of any simulator: told where the floor is, it turns around at stops from which all of it is near."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from memory_app.walking import wrapped
from memory_core.frame import CameraFrame
from memory_core.geometry import Vec
from sim import Action, AgentPose, Simulator

Cell = tuple[int, int]

_GRID_M = 0.25
_APART_M = 1.75
_RING = 12
_TURN_RAD = math.radians(45)
_TILTS_RAD = (math.radians(30), math.radians(5))


def tour(sim: Simulator, take: Callable[[CameraFrame], None]) -> None:
    """Walk past every stop and turn around there, giving each frame to `take`. O(reachable points x stops).

    The floor is the truth's: this is for evaluation, or for a robot that was given a map.
    """
    points = np.asarray(sim.reachable(), np.float64)
    here = np.array([sim.agent_pose.x, sim.agent_pose.y])
    origin = points[np.argmin(np.linalg.norm(points - here, axis=1))]
    cells = [(int(i), int(j)) for i, j in np.round((points - origin) / _GRID_M)]
    at: Cell = (0, 0)
    known, stops = set(cells), _stops(cells, at)
    while stops:
        before = _spread(known, at)
        stop = min(stops, key=lambda cell: (before[cell][1] if cell in before else math.inf, cell))
        stops.remove(stop)
        if stop in before:
            _walk(sim, take, origin, _way(before, stop))
            _look_around(sim, take)
            at = stop


def _stops(cells: list[Cell], first: Cell) -> list[Cell]:
    """Points that all are apart, and to one of which every other is near; the farthest next. O(points x stops)."""
    points = np.array(cells, np.float64) * _GRID_M
    gaps = np.linalg.norm(points - np.array(first) * _GRID_M, axis=1)
    chosen = [first]
    while gaps.max(initial=0.0) > _APART_M:
        far = int(np.argmax(gaps))
        chosen.append(cells[far])
        gaps = np.minimum(gaps, np.linalg.norm(points - points[far], axis=1))
    return chosen


def _spread(known: set[Cell], start: Cell) -> dict[Cell, tuple[Cell, int]]:
    """The cell before and the steps to every cell that can be walked to."""
    found = {start: (start, 0)}
    queue = deque([start])
    while queue:
        cell = queue.popleft()
        for i, j in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            after = (cell[0] + i, cell[1] + j)
            if after in known and after not in found:
                found[after] = (cell, found[cell][1] + 1)
                queue.append(after)
    return found


def _way(before: dict[Cell, tuple[Cell, int]], end: Cell) -> list[Cell]:
    cells = [end]
    while before[cells[-1]][1]:
        cells.append(before[cells[-1]][0])
    return cells[-2::-1]


def _walk(sim: Simulator, take: Callable[[CameraFrame], None], origin: Vec, cells: list[Cell]) -> None:
    for cell in cells:
        x, y = (origin + np.array(cell) * _GRID_M).tolist()
        here = sim.agent_pose
        _stand(sim, take, AgentPose(x=x, y=y, yaw_rad=math.atan2(y - here.y, x - here.x), horizon_rad=_TILTS_RAD[0]))


def _look_around(sim: Simulator, take: Callable[[CameraFrame], None]) -> None:
    here = sim.agent_pose
    for tilt in _TILTS_RAD:
        for turn in range(_RING):
            yaw = here.yaw_rad + turn * 2 * math.pi / _RING
            _stand(sim, take, AgentPose(x=here.x, y=here.y, yaw_rad=yaw, horizon_rad=tilt))


def _stand(sim: Simulator, take: Callable[[CameraFrame], None], pose: AgentPose) -> None:
    """Turn to a pose on the spot, little by little as a robot does, and go there."""
    here = sim.agent_pose
    turn, tilt = wrapped(pose.yaw_rad - here.yaw_rad), pose.horizon_rad - here.horizon_rad
    n_turns = math.ceil(max(abs(turn), abs(tilt)) / _TURN_RAD - 1e-6)
    turned = [
        replace(here, yaw_rad=here.yaw_rad + turn * n / n_turns, horizon_rad=here.horizon_rad + tilt * n / n_turns)
        for n in range(1, n_turns)
    ]
    for step in [*turned, pose]:
        result = sim.step(Action("Teleport", pose=step))
        if result.ok:
            take(result.frame)
