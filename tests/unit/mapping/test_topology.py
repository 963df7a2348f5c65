# SPDX-License-Identifier: Apache-2.0
"""Places, passages and rooms of drawn floor plans."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from mapping.topology import Topology, TopologySettings
from memory_core.errors import CorruptMemory
from memory_core.frame import CameraFrame
from memory_core.geometry import Box
from memory_core.graph import Instance

VOXEL = 0.05
CEILING = 2.6
CAMERA = 1.2


class Drawing:
    """An octree that was told what is where: everything is unknown, then free, floor, walls and furniture are drawn."""

    voxel_size_m = VOXEL

    def __init__(self, floor_z: float = 0.0, side_m: float = 16.0) -> None:
        n = round(side_m / VOXEL)
        self.floor_z = floor_z
        self.low = np.array([-n // 2, -n // 2, round(floor_z / VOXEL) - 10])
        self.cells = np.full((n, n, 90), -1, np.int8)

    def dense(self, minimum, maximum):
        first = np.floor(np.asarray(minimum) / VOXEL).astype(int)
        last = np.floor(np.asarray(maximum) / VOXEL).astype(int) + 1
        answer = np.full(last - first, -1, np.int8)
        low, high = np.maximum(first, self.low), np.minimum(last, self.low + self.cells.shape)
        if (low < high).all():
            here = tuple(slice(a, b) for a, b in zip(low - first, high - first, strict=True))
            there = tuple(slice(a, b) for a, b in zip(low - self.low, high - self.low, strict=True))
            answer[here] = self.cells[there]
        return answer

    def put(self, value, x, y, z=(0.0, CEILING)):
        """Fill a box; z is above the floor."""
        a = np.round(np.array([x[0], y[0], z[0] + self.floor_z]) / VOXEL).astype(int) - self.low
        b = np.round(np.array([x[1], y[1], z[1] + self.floor_z]) / VOXEL).astype(int) - self.low
        self.cells[a[0] : b[0], a[1] : b[1], a[2] : b[2]] = value

    def room(self, x, y):
        """A room with walls of 10 cm, a floor, and free space up to the ceiling."""
        self.put(1, (x[0] - 0.1, x[1] + 0.1), (y[0] - 0.1, y[1] + 0.1))
        self.put(1, x, y, (-0.05, 0.0))
        self.put(0, x, y)

    def hole(self, x, y, top=CEILING):
        self.put(1, x, y, (-0.05, 0.0))
        self.put(0, x, y, (0.0, top))


def camera(x, y, z=CAMERA, heading=0.0, depth_m=4.0):
    """A frame looking level along `heading` (radians); only its pose and reach matter."""
    c, s = np.cos(heading), np.sin(heading)
    T = np.eye(4)
    T[:3, :3] = np.array([[s, 0, c], [-c, 0, s], [0, -1, 0]])
    T[:3, 3] = x, y, z
    K = np.array([[20.0, 0, 19.5], [0, 20.0, 14.5], [0, 0, 1]])
    return CameraFrame(
        stamp_ns=0,
        rgb=np.zeros((30, 40, 3), np.uint8),
        depth=np.full((30, 40), depth_m, np.float32),
        K=K,
        T_world_cam=T,
    )


def look_around(topology, points, z=CAMERA):
    for x, y in points:
        for heading in np.arange(4) * np.pi / 2:
            topology.observe(camera(x, y, z, heading))


def explored(drawing, points, instances=None, settings=None):
    topology = Topology(settings)
    look_around(topology, points, drawing.floor_z + CAMERA)
    topology.update(drawing, instances or {})
    return topology


def thing(number, label, center, size=(0.4, 0.4, 0.4)):
    return Instance(f"o{number}", label, {label: 1.0}, Box.of(center, size), "present", 0, 1, 5, 0.9)


def graph_of(topology):
    graph = nx.Graph()
    graph.add_nodes_from(topology.places)
    graph.add_weighted_edges_from((p.a, p.b, p.length_m) for p in topology.passages)
    return graph


def two_rooms(door_m=0.9, top=2.0, floor_z=0.0):
    drawing = Drawing(floor_z)
    drawing.room((-4.0, -0.05), (-2.0, 2.0))
    drawing.room((0.05, 4.0), (-2.0, 2.0))
    drawing.hole((-0.05, 0.05), (-door_m / 2, door_m / 2), top)
    return drawing


BOTH = [(-2.0, 0.0), (2.0, 0.0)]


def test_two_rooms_joined_by_a_door_are_two_rooms_in_one_network():
    topology = explored(two_rooms(), BOTH)
    assert len(topology.rooms) == 2
    assert nx.is_connected(graph_of(topology))
    left, right = topology.locate((-2, 0, 0))[1], topology.locate((2, 0, 0))[1]
    assert {left, right} == set(topology.rooms)
    for place in topology.places.values():
        if abs(place.position[0]) > 0.5:
            assert place.room_id == (left if place.position[0] < 0 else right)


def test_a_wide_opening_without_a_lintel_does_not_part_rooms():
    assert len(explored(two_rooms(door_m=2.0, top=CEILING), BOTH).rooms) == 1


def test_a_wide_door_under_a_lintel_parts_rooms():
    assert len(explored(two_rooms(door_m=2.0, top=2.1), BOTH).rooms) == 2


@pytest.mark.parametrize("floor_z", [-1.3, 0.0, 2.7])
def test_the_floor_is_found_at_any_height(floor_z):
    topology = explored(two_rooms(floor_z=floor_z), BOTH)
    assert len(topology.rooms) == 2
    assert all(abs(place.position[2] - floor_z) <= VOXEL for place in topology.places.values())


def test_an_empty_map_has_nothing():
    topology = explored(Drawing(), BOTH)
    assert not topology.places
    assert not topology.rooms
    assert topology.locate((0, 0, 0)) == ("", "")
    assert Topology().update(Drawing(), {}) == Topology().update(Drawing(), {})
    assert not Topology().update(Drawing(), {})
