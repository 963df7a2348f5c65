# SPDX-License-Identifier: Apache-2.0
"""Frontiers of a rendered house: a doorway is one until someone went through it."""

from __future__ import annotations

import numpy as np
import pytest

from mapping.frontiers import Frontiers
from mapping.octree.octree import Octree
from mapping.topology.topology import Topology
from sim.house.floor import Floor as TrueFloor
from sim.house.source import house_source


class Robot:
    """Walks the tour of a house, or part of it, and finds frontiers."""

    def __init__(self) -> None:
        self.tour = house_source(None, width=160, height=120)
        self.frames = list(self.tour.frames())[::2]
        self.octree, self.topology, self.frontiers = Octree(0.05), Topology(), Frontiers()
        self.told: dict[str, object] = {}

    def walk(self, frames):
        for n, frame in enumerate(frames, 1):
            self.octree.integrate(frame, 4.0)
            self.topology.observe(frame)
            if self.frontiers.observe(frame):
                self.frontiers.kept(f"k{frame.stamp_ns}")
            if n % 30 == 0 or n == len(frames):
                change = self.topology.update(self.octree, {})
                told = self.frontiers.update(self.octree, change.places, change.gone_places, frame.stamp_ns)
                self.told.update({one.id: one for one in told.frontiers})
                for id in told.gone:
                    del self.told[id]

    def near(self, x, y, within_m=1.2):
        """Frontiers one could drive through, at a point."""
        found = [one for one in self.frontiers.all() if one.kind == "floor"]
        return [one for one in found if np.hypot(one.position[0] - x, one.position[1] - y) <= within_m]


@pytest.fixture(scope="module")
def walks():
    """What is known after one room was seen, and after the whole house was."""
    robot = Robot()
    first = robot.tour.rooms()[0]
    inside = [frame for frame in robot.frames if first.contains(*frame.T_world_cam[:2, 3])]
    robot.walk(inside)
    early = robot.frontiers.all()
    robot.walk(robot.frames)
    return robot, first, early


def test_from_one_room_the_ways_out_of_it_are_frontiers_for_driving(walks):
    _, room, early = walks
    out = [one for one in early if one.kind == "floor" and one.unseen_m3 > 3.0]
    assert out
    beyond = [np.add(one.position, np.multiply(one.normal, 0.5)) for one in out]
    assert any(not room.contains(x, y) for x, y, _ in beyond)


def test_seeing_the_whole_house_leaves_little_unseen(walks):
    robot, _, early = walks
    late = robot.frontiers.all()
    assert sum(one.unseen_m3 for one in late) < 0.5 * sum(one.unseen_m3 for one in early)
    assert sum(one.area_m2 for one in late if one.kind == "floor") < 0.5 * sum(
        one.area_m2 for one in early if one.kind == "floor"
    )


def test_a_robot_can_stand_at_every_viewpoint(walks):
    robot, _, early = walks
    floor = TrueFloor(robot.tour._world, radius_m=0.15)
    stands = np.array([one.viewpoint[:2] for one in (*early, *robot.frontiers.all())])
    assert floor.can_stand(stands).all()


def test_frontiers_are_inside_the_house_and_at_heights_that_matter(walks):
    robot, _, early = walks
    rooms = robot.tour.rooms()
    for one in (*early, *robot.frontiers.all()):
        x, y, z = one.position
        assert any(room.contains(x, y) for room in rooms) or min(_outside(room, x, y) for room in rooms) < 0.2
        assert 0.0 < z < 1.8


def _outside(room, x, y):
    low, high = np.array(room.box.minimum[:2]), np.array(room.box.maximum[:2])
    return float(np.linalg.norm(np.maximum(np.maximum(low - (x, y), (x, y) - high), 0.0)))


def test_a_snapshot_looks_at_its_frontier(walks):
    robot, _, _ = walks
    frames = {f"k{frame.stamp_ns}": frame for frame in robot.frames}
    shown = [one for one in robot.frontiers.all() if one.snapshot]
    assert shown
    for one in shown:
        frame = frames[one.snapshot]
        x, _, z = np.linalg.inv(frame.T_world_cam)[:3] @ np.array([*one.position, 1.0])
        assert z > 0.0
        assert abs(x / z) < 0.7 * frame.depth.shape[1] / frame.K[0, 0]


def test_what_was_told_is_what_is_there(walks):
    robot, _, _ = walks
    assert set(robot.told) == {one.id for one in robot.frontiers.all()}


def test_the_same_walk_with_a_restart_in_it_ends_the_same(walks):
    robot, _, _ = walks
    again = Frontiers()
    again.restore(robot.frontiers.state(), robot.topology.places)
    assert again.all() == robot.frontiers.all()
    assert again.state() == robot.frontiers.state()


def test_following_the_camera_finds_the_same_borders_as_looking_everywhere(walks):
    robot, _, _ = walks
    fresh = Frontiers()
    low, high = robot.octree.bounds()
    fresh.note_change(low.tolist(), high.tolist())
    fresh.update(robot.octree, robot.topology.places.values())
    assert fresh.groups() == robot.frontiers.groups()


def test_the_best_view_of_a_frontier_sees_into_the_unseen(walks):
    robot, _, _ = walks
    for one in robot.frontiers.all()[:3]:
        view = robot.frontiers.best_view(one.id, robot.octree)
        assert view.place_id in robot.topology.places
        assert view.unseen_m3 > 0.0


def test_a_room_seen_from_all_sides_has_no_frontier(box_world):
    octree, topology, frontiers = Octree(0.05), Topology(), Frontiers()
    n = 0
    for x, y in ((-2.5, -2.5), (2.5, -2.5), (2.5, 2.5), (-2.5, 2.5), (0.0, 0.0)):
        for angle in np.linspace(0, 2 * np.pi, 16, endpoint=False):
            for down in (-1.2, -0.4, 0.15):
                n += 1
                target = (x + np.cos(angle), y + np.sin(angle), 1.2 + down)
                frame = box_world.frame((x, y, 1.2), target, n * 0.1)
                octree.integrate(frame, 4.0)
                topology.observe(frame)
                frontiers.observe(frame)
    change = topology.update(octree, {})
    assert len(change.places) > 10
    frontiers.update(octree, change.places)
    assert frontiers.all() == ()
