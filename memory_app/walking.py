# SPDX-License-Identifier: Apache-2.0
"""Walking a simulated robot to a point by what it sees and feels: obstacles are gone around, bumps remembered."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from memory_core.frame import CameraFrame
from memory_core.geometry import transform_points, unproject
from memory_core.graph import SceneGraph
from sim import Action, Simulator, StepResult
from task_planner.standing import obstacles

Cell = tuple[int, int]
Point2 = tuple[float, float]

_CELL_M = 0.125
_STRIDE_M = 0.5
_FURNITURE_COST = 8.0
_MAX_EXPANSIONS = 20_000
_MAX_BUMPS = 30
# Depth is looked at on a coarse lattice of pixels, nearby, between the floor and the robot's height.
_PIXEL_STEP = 4
_SEEN_WITHIN_M = 2.5
_OBSTACLE_HEIGHTS_M = (0.06, 1.6)
_WALKING_TILT_RAD = math.radians(30)
_LEAST_TURN_RAD = math.radians(0.5)
_STEEPEST_RAD = math.radians(70)
_NEIGHBOURS = [(i, j, math.hypot(i, j)) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]


class Walker:
    """The legs and neck of a simulated robot. Plans on a lattice through its first position.

    Cells it could not enter are never tried again; cells next to what is remembered or seen to stand there only when
    there is no other way.
    """

    def __init__(self, sim: Simulator, graph: SceneGraph, robot_radius_m: float) -> None:
        self._sim = sim
        self._radius_m = robot_radius_m
        self._furniture = _footprints(graph, robot_radius_m)
        self._seen: set[Cell] = set()
        self._origin = (sim.agent_pose.x, sim.agent_pose.y)
        self._blocked: set[Cell] = set()
        self._crowded: dict[Cell, bool] = {}
        self.n_actions = 0

    @property
    def position(self) -> Point2:
        pose = self._sim.agent_pose
        return (pose.x, pose.y)

    def act(self, action: Action) -> StepResult:
        """One action of the simulator, counted."""
        self.n_actions += 1
        result = self._sim.step(action)
        if action.name == "MoveAhead" and result.ok:
            self._see(result.frame)
        return result

    def forget_bumps(self) -> None:
        """What was in the way may not be there any more."""
        self._blocked.clear()
        self._crowded.clear()
        self._seen.clear()

    def follow(self, points: Sequence[Point2], tolerance_m: float) -> bool:
        """Pass near all points but the last and end within `tolerance_m` of that; False when it cannot be reached."""
        for point in points[:-1]:
            self.go_to(point, 2 * _CELL_M)
        return self.go_to(points[-1], tolerance_m)

    def go_to(self, goal: Point2, tolerance_m: float) -> bool:
        """Walk to a point; False when there is no way around what is in the way. O(bumps * cells searched)."""
        self.tilt_to(_WALKING_TILT_RAD)
        self._see(self._sim.observe())
        for _ in range(_MAX_BUMPS):
            if math.dist(self.position, goal) <= tolerance_m:
                return True
            cells = self._path(goal)
            if cells is None:
                return False
            if self._walk(cells):
                self._step_to(goal)
                return math.dist(self.position, goal) <= tolerance_m + _CELL_M
        return False

    def face(self, point: tuple[float, float, float], camera_height_m: float) -> None:
        """Turn to a point and tilt the camera to it."""
        dx, dy = point[0] - self.position[0], point[1] - self.position[1]
        if math.hypot(dx, dy) > 1e-6:
            self.turn_to(math.atan2(dy, dx))
        self.tilt_to(math.atan2(camera_height_m - point[2], max(math.hypot(dx, dy), 1e-6)))

    def turn_to(self, yaw_rad: float) -> None:
        turn = wrapped(yaw_rad - self._sim.agent_pose.yaw_rad)
        if abs(turn) > _LEAST_TURN_RAD:
            name = "RotateLeft" if turn > 0 else "RotateRight"
            self.act(Action(name, angle_deg=math.degrees(abs(turn))))  # type: ignore[arg-type]

    def tilt_to(self, horizon_rad: float) -> None:
        """Tilt the camera to an angle below the horizon, as far as it goes."""
        tilt = min(max(horizon_rad, -_STEEPEST_RAD), _STEEPEST_RAD) - self._sim.agent_pose.horizon_rad
        if abs(tilt) > _LEAST_TURN_RAD:
            name = "LookDown" if tilt > 0 else "LookUp"
            self.act(Action(name, angle_deg=math.degrees(abs(tilt))))  # type: ignore[arg-type]

    def _walk(self, cells: list[Cell]) -> bool:
        """Walk through cells in strides; False as soon as a bump or something newly seen asks for another way."""
        at = 0
        while at < len(cells):
            known = len(self._seen)
            far = _end_of_stride(cells, at)
            if far > at and self._step_to(self._point(cells[far])):
                at = far + 1
            elif self._step_to(self._point(cells[at])):
                at += 1
            else:
                self._blocked.add(cells[at])
                return False
            if len(self._seen) > known and any(self._is_crowded(cell) for cell in cells[at:]):
                cells, at = self._path(self._point(cells[-1])) or cells[at:], 0
        return True

    def _step_to(self, point: Point2) -> bool:
        distance = math.dist(self.position, point)
        if distance < 1e-6:
            return True
        self.turn_to(math.atan2(point[1] - self.position[1], point[0] - self.position[0]))
        return self.act(Action("MoveAhead", distance_m=distance)).ok

    def _see(self, frame: CameraFrame) -> None:
        """Note the cells around what stands nearby in an image. O(pixels / 16)."""
        depth = frame.depth[::_PIXEL_STEP, ::_PIXEL_STEP]
        K = frame.K.copy()
        K[:2] /= _PIXEL_STEP
        points = transform_points(
            frame.T_world_cam, unproject(np.where(depth < _SEEN_WITHIN_M, depth, np.float32(0)), K)
        )
        low, high = _OBSTACLE_HEIGHTS_M
        standing = points[(points[:, 2] > low) & (points[:, 2] < high), :2]
        cells = np.unique(np.round((standing - self._origin) / _CELL_M).astype(int), axis=0)
        for i, j in cells.tolist():
            if (i, j) not in self._seen:
                self._seen.add((i, j))
                self._crowded.update(dict.fromkeys(self._around((i, j)), True))

    def _around(self, cell: Cell) -> Iterator[Cell]:
        """Cells whose middle the robot cannot occupy when something is in the middle of this one."""
        reach = int(self._radius_m / _CELL_M)
        for i in range(-reach, reach + 1):
            for j in range(-reach, reach + 1):
                if math.hypot(i, j) * _CELL_M < self._radius_m:
                    yield (cell[0] + i, cell[1] + j)

    def _path(self, goal: Point2) -> list[Cell] | None:
        """Cells from the robot's to the goal's, the robot's own left out; A* over cells not known to be blocked."""
        start, end = self._cell(self.position), self._cell(goal)
        costs: dict[Cell, float] = {start: 0.0}
        parents: dict[Cell, Cell] = {}
        queue: list[tuple[float, Cell]] = [(0.0, start)]
        done: set[Cell] = set()
        while queue and len(done) < _MAX_EXPANSIONS:
            cell = heapq.heappop(queue)[1]
            if cell == end:
                return _trace(parents, cell)
            if cell in done:
                continue
            done.add(cell)
            for after, length in self._neighbours(cell):
                total = costs[cell] + length
                if total < costs.get(after, math.inf):
                    costs[after], parents[after] = total, cell
                    heapq.heappush(queue, (total + math.dist(after, end), after))
        return None

    def _neighbours(self, cell: Cell) -> Iterator[tuple[Cell, float]]:
        for i, j, length in _NEIGHBOURS:
            after = (cell[0] + i, cell[1] + j)
            if after not in self._blocked:
                yield after, length * (_FURNITURE_COST if self._is_crowded(after) else 1.0)

    def _is_crowded(self, cell: Cell) -> bool:
        if cell not in self._crowded:
            x, y = self._point(cell)
            low, high = self._furniture[:, :2], self._furniture[:, 2:]
            self._crowded[cell] = bool(((low < (x, y)) & (high > (x, y))).all(axis=1).any())
        return self._crowded[cell]

    def _cell(self, point: Point2) -> Cell:
        return (round((point[0] - self._origin[0]) / _CELL_M), round((point[1] - self._origin[1]) / _CELL_M))

    def _point(self, cell: Cell) -> Point2:
        return (self._origin[0] + cell[0] * _CELL_M, self._origin[1] + cell[1] * _CELL_M)


def wrapped(angle_rad: float) -> float:
    """The same angle within -pi .. pi."""
    return (angle_rad + math.pi) % (2 * math.pi) - math.pi


def _end_of_stride(cells: list[Cell], at: int) -> int:
    """Index of the last cell on the straight line that begins at `at`, no further than a stride."""
    if at + 1 >= len(cells):
        return at
    step = (cells[at + 1][0] - cells[at][0], cells[at + 1][1] - cells[at][1])
    end = at
    while end + 1 < len(cells) and math.dist(cells[end + 1], cells[at]) * _CELL_M < _STRIDE_M:
        if (cells[end + 1][0] - cells[end][0], cells[end + 1][1] - cells[end][1]) != step:
            break
        end += 1
    return end


def _trace(parents: dict[Cell, Cell], cell: Cell) -> list[Cell]:
    cells = []
    while cell in parents:
        cells.append(cell)
        cell = parents[cell]
    return cells[::-1]


def _footprints(graph: SceneGraph, margin_m: float) -> NDArray[np.float64]:
    """(N, 4) what stands on the floor as x0, y0, x1, y1, grown by the robot's half width."""
    return np.asarray(obstacles(graph) + np.array([-margin_m, -margin_m, margin_m, margin_m]))
