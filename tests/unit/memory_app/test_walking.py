# SPDX-License-Identifier: Apache-2.0
"""Walking around what is not known beforehand, on a floor that is told to nobody but the judge."""

import math
from dataclasses import replace

import numpy as np
import pytest

from memory_app.walking import Walker, wrapped
from memory_core.frame import CameraFrame
from memory_core.geometry import Box
from memory_core.graph import Instance, SceneGraph
from sim import AgentPose, StepResult

RADIUS_M = 0.2


class Floor:
    """A blind robot on a floor with rectangular obstacles: its camera sees nothing, it can only bump."""

    def __init__(self, *obstacles):
        self.agent_pose = AgentPose(x=0.0, y=0.0, yaw_rad=0.0)
        self.obstacles = [Box((x0, y0, 0.0), (x1, y1, 1.0)) for x0, y0, x1, y1 in obstacles]
        self.n_bumps = 0

    def observe(self):
        K = np.array([[8.0, 0, 7.5], [0, 8.0, 5.5], [0, 0, 1]])
        rgb, depth = np.zeros((12, 16, 3), np.uint8), np.zeros((12, 16), np.float32)
        return CameraFrame(stamp_ns=0, rgb=rgb, depth=depth, K=K, T_world_cam=np.eye(4))

    def step(self, action):
        pose = self.agent_pose
        if action.name == "MoveAhead":
            steps = np.linspace(0, action.distance_m, 20)[:, None]
            way = np.array([pose.x, pose.y]) + steps * [math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)]
            if any(box.distance_m((x, y, 0.5)) < RADIUS_M - 1e-9 for x, y in way for box in self.obstacles):
                self.n_bumps += 1
                return StepResult(self.observe(), ok=False, error="blocked")
            pose = replace(pose, x=float(way[-1, 0]), y=float(way[-1, 1]))
        elif action.name.startswith("Rotate"):
            sign = 1 if action.name == "RotateLeft" else -1
            pose = replace(pose, yaw_rad=wrapped(pose.yaw_rad + sign * math.radians(action.angle_deg)))
        else:
            sign = 1 if action.name == "LookDown" else -1
            pose = replace(pose, horizon_rad=pose.horizon_rad + sign * math.radians(action.angle_deg))
        self.agent_pose = pose
        return StepResult(self.observe(), ok=True)


def walker_on(floor, *furniture):
    return Walker(floor, SceneGraph(0, {thing.id: thing for thing in furniture}), RADIUS_M)


def test_an_empty_floor_is_crossed_in_long_strides():
    floor = Floor()
    walker = walker_on(floor)
    assert walker.go_to((3.0, 0.0), 0.05)
    assert math.dist(walker.position, (3.0, 0.0)) <= 0.05
    assert walker.n_actions < 15


@pytest.mark.parametrize("goal", [(2.0, 0.0), (1.7, 1.1), (-1.0, 0.4), (0.03, -0.02), (0.0, 0.0)])
def test_goals_off_the_lattice_are_reached(goal):
    walker = walker_on(Floor())
    assert walker.go_to(goal, 0.05)
    assert math.dist(walker.position, goal) <= 0.05


def test_a_wall_nobody_told_of_is_walked_around():
    floor = Floor((1.0, -0.8, 1.2, 0.8))
    walker = walker_on(floor)
    assert walker.go_to((2.0, 0.0), 0.1)
    assert 0 < floor.n_bumps <= 100


def test_known_furniture_is_not_bumped_into():
    table = Instance("o1", "table", {"table": 1.0}, Box((1.0, -0.8, 0.0), (1.2, 0.8, 0.7)), "present", 0, 0, 5, 1.0)
    floor = Floor((1.0, -0.8, 1.2, 0.8))
    assert walker_on(floor, table).go_to((2.0, 0.0), 0.1)
    assert floor.n_bumps == 0


def test_furniture_that_is_not_there_any_more_can_be_walked_through():
    table = Instance("o1", "table", {"table": 1.0}, Box((1.0, -9.0, 0.0), (1.2, 9.0, 0.7)), "present", 0, 0, 5, 1.0)
    assert walker_on(Floor(), table).go_to((2.0, 0.0), 0.1)


def test_a_goal_behind_walls_all_around_is_given_up():
    around = ((1.5, -0.5, 2.5, -0.4), (1.5, 0.4, 2.5, 0.5), (1.5, -0.5, 1.6, 0.5), (2.4, -0.5, 2.5, 0.5))
    floor = Floor(*around)
    assert not walker_on(floor).go_to((2.0, 0.0), 0.1)
    assert floor.n_bumps <= 100


def test_a_bump_is_not_repeated_until_it_is_forgotten():
    floor = Floor((1.0, -0.8, 1.2, 0.8))
    walker = walker_on(floor)
    walker.go_to((2.0, 0.0), 0.1)
    walker.go_to((0.0, 0.0), 0.1)
    before = floor.n_bumps
    walker.go_to((2.0, 0.0), 0.1)
    assert floor.n_bumps - before <= before

    floor.obstacles.clear()
    walker.forget_bumps()
    walker.go_to((0.0, 0.0), 0.1)
    n_actions = walker.n_actions
    assert walker.go_to((2.0, 0.0), 0.1)
    assert walker.n_actions - n_actions <= 12


def test_facing_a_point_turns_and_tilts_to_it():
    floor = Floor()
    walker = walker_on(floor)
    walker.face((-1.0, 1.0, 0.5), camera_height_m=1.5)
    assert floor.agent_pose.yaw_rad == pytest.approx(3 * math.pi / 4)
    assert floor.agent_pose.horizon_rad == pytest.approx(math.atan2(1.0, math.sqrt(2)))

    walker.face((0.0, 0.01, 0.0), camera_height_m=1.5)
    assert floor.agent_pose.horizon_rad <= math.radians(70) + 1e-9


@pytest.mark.parametrize("angle", np.linspace(-20, 20, 41))
def test_wrapping_keeps_the_direction(angle):
    assert -math.pi <= wrapped(angle) <= math.pi
    assert math.cos(wrapped(angle)) == pytest.approx(math.cos(angle))
    assert math.sin(wrapped(angle)) == pytest.approx(math.sin(angle))
