# SPDX-License-Identifier: Apache-2.0
"""Places, passages and rooms of drawn floor plans."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest

from mapping.topology.topology import Topology
from memory_core.errors import CorruptMemory
from memory_core.frame import CameraFrame
from memory_core.geometry import Box
from memory_core.graph import Instance, SceneGraph
from memory_core.packing import pack, unpack

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


def test_a_way_through_a_door_tells_where_it_is_and_how_wide():
    topology = explored(two_rooms(door_m=0.9), BOTH)
    doors = [way for way in topology.passages if way.door is not None]
    assert len({way.door for way in doors}) == 1
    assert np.hypot(*doors[0].door[:2]) <= 0.15
    assert doors[0].door_width_m == pytest.approx(0.9, abs=0.1)
    room_of = {place.id: place.room_id for place in topology.places.values()}
    assert doors == [way for way in topology.passages if room_of[way.a] != room_of[way.b]]
    assert all(way.door_width_m == 0 for way in topology.passages if way not in doors)


def test_ways_that_took_long_cost_more():
    drawing = two_rooms()
    topologies = [Topology(), Topology()]
    for topology, seconds in zip(topologies, (0.5, 1.9), strict=True):
        look_around(topology, BOTH)
        for n in range(30):
            topology.observe(replace(camera(-3.0 + 0.1 * n, 0.0), stamp_ns=int(n * seconds * 1e9)))
        topology.update(drawing, {})
    quick, slow = topologies
    assert all(way.cost == way.length_m for way in quick.passages)
    ratios = {round(way.cost / way.length_m, 1) for way in slow.passages}
    assert max(ratios) == pytest.approx(1.9 / 0.1 * 0.2, abs=0.1)
    assert min(ratios) == 1.0
    assert [place.position for place in quick.places.values()] == [place.position for place in slow.places.values()]


def test_an_empty_map_has_nothing():
    topology = explored(Drawing(), BOTH)
    assert not topology.places
    assert not topology.rooms
    assert topology.locate((0, 0, 0)) == ("", "")
    assert Topology().update(Drawing(), {}) == Topology().update(Drawing(), {})
    assert not Topology().update(Drawing(), {})


def test_furniture_does_not_part_a_room():
    drawing = Drawing()
    drawing.room((-4.0, 4.0), (-2.0, 2.0))
    drawing.put(1, (-0.3, 0.3), (-2.0, 1.3), (0.0, 0.9))  # a kitchen island that leaves 70 cm
    drawing.put(1, (1.5, 2.1), (-2.0, -1.0), (0.0, 1.8))  # a fridge
    drawing.put(-1, (1.55, 2.05), (-2.0, -1.0), (0.0, 1.75))
    topology = explored(drawing, BOTH)
    assert len(topology.rooms) == 1
    assert nx.is_connected(graph_of(topology))


@pytest.mark.parametrize(("label", "n_rooms"), [("floor lamp", 1), ("object", 2)])
def test_a_tall_thing_that_stands_free_does_not_part_a_room_once_it_has_a_name(label, n_rooms):
    drawing = Drawing()
    drawing.room((-4.0, 4.0), (-1.2, 1.2))
    drawing.put(1, (-0.3, 0.3), (-0.4, 0.4), (0.0, 1.9))
    lamp = thing(1, label, (0, 0, 0.95), (0.6, 0.8, 1.9))
    assert len(explored(drawing, BOTH, {lamp.id: lamp}).rooms) == n_rooms


def test_a_thing_before_a_wall_opens_no_way_through_it():
    drawing = two_rooms()
    shelf = thing(1, "shelving unit", (0.0, 1.2, 1.0), (0.3, 1.6, 2.0))  # a box that reaches through the wall
    assert len(explored(drawing, BOTH, {shelf.id: shelf}).rooms) == 2


def test_an_l_shaped_room_is_one_room():
    drawing = Drawing()
    drawing.room((-4.0, 0.0), (-2.0, 2.0))
    drawing.room((-4.0, -2.2), (-6.0, -1.9))
    drawing.put(0, (-4.0, -2.2), (-2.2, 2.0))
    assert len(explored(drawing, [(-2, 0), (-3, -4)]).rooms) == 1


def test_a_corridor_between_two_rooms_is_a_room_of_its_own():
    drawing = Drawing()
    drawing.room((-6.0, -2.0), (-2.0, 2.0))
    drawing.room((-1.9, 1.9), (-0.6, 0.6))
    drawing.room((2.0, 6.0), (-2.0, 2.0))
    for x in (-2.0, 1.9):
        drawing.hole((x, x + 0.1), (-0.4, 0.4), 2.0)
    topology = explored(drawing, [(-4, 0), (0, 0), (4, 0)])
    assert len({topology.locate((x, 0, 0))[1] for x in (-4, 0, 4)}) == 3
    assert nx.is_connected(graph_of(topology))


def test_floors_that_no_way_joins_have_places_but_no_passages_between():
    drawing = two_rooms()
    drawing.put(1, (-0.05, 0.05), (-2.0, 2.0))
    topology = explored(drawing, BOTH)
    assert len(topology.rooms) == 2
    assert nx.number_connected_components(graph_of(topology)) == 2


def test_a_pocket_too_small_to_stand_for_has_no_place():
    drawing = Drawing()
    drawing.room((-2.0, 2.0), (-2.0, 2.0))
    drawing.put(1, (0.9, 2.0), (0.9, 2.0), (0.0, 0.8))
    drawing.put(0, (1.2, 1.8), (1.2, 1.8))  # a free spot inside a fence
    topology = explored(drawing, [(-1.0, 0.0)])
    assert not [p for p in topology.places.values() if p.position[0] > 0.9 and p.position[1] > 0.9]


class Ground:
    """The drivable grid of the first storey: `drive`, where it begins, and the number of the place of each cell."""

    def __init__(self, topology):
        floor = topology._floors[0]
        tiles = floor.tiles
        keys = np.array(sorted(tiles.at))
        low, high = keys.min(axis=0) * tiles.side, (keys.max(axis=0) + 1) * tiles.side
        self.origin = low
        self.drive = tiles.window("drive", tuple(low), tuple(high))
        self.voxel_size_m = VOXEL

    def center(self, i, j):
        return tuple((np.array([i, j]) + self.origin + 0.5) * VOXEL)


def free_line(grid, start, end, margin_m):
    """Whether a disc moved from start to end keeps off everything that is not open floor, by dense sampling."""
    closed = np.argwhere(grid.drive != 1)
    centers = (closed + grid.origin + 0.5) * grid.voxel_size_m
    steps = np.linspace(start, end, 40)
    return min(np.linalg.norm(centers - step, axis=1).min() for step in steps) > margin_m


def furnished():
    drawing = two_rooms()
    drawing.put(1, (-3.0, -2.0), (-0.5, 0.5), (0.0, 0.7))
    drawing.put(1, (1.0, 3.0), (0.5, 1.2), (0.0, 0.8))
    drawing.put(1, (3.2, 4.0), (-2.0, -1.0), (0.0, 1.0))
    return drawing


def test_passages_keep_the_robot_clear_of_obstacles_and_have_the_length_of_the_air_line():
    topology = explored(furnished(), BOTH)
    grid = Ground(topology)
    assert len(topology.passages) >= len(topology.places) - 1
    for passage in topology.passages:
        a, b = (np.array(topology.places[end].position[:2]) for end in (passage.a, passage.b))
        assert passage.length_m == pytest.approx(np.linalg.norm(a - b), abs=1e-3)
        assert free_line(grid, a, b, topology.settings.robot_radius_m - 0.5 * VOXEL)


def test_nearly_all_floor_the_robot_can_reach_sees_a_place_within_reach():
    topology = explored(furnished(), BOTH)
    grid = Ground(topology)
    reachable = [cell for cell in np.argwhere(grid.drive == 1) if cell_fits(grid, cell)]
    seen = 0
    for i, j in reachable[::45]:
        place_id, _ = topology.locate((*grid.center(i, j), 0.0))
        place = np.array(topology.places[place_id].position[:2])
        near = np.linalg.norm(place - grid.center(i, j)) <= topology.settings.place_reach_m + VOXEL
        seen += near and free_line(grid, grid.center(i, j), place, 0.5 * VOXEL)
    assert seen >= 0.95 * len(reachable[::45])


def cell_fits(grid, cell):
    i, j = cell
    return (grid.drive[i - 4 : i + 5, j - 4 : j + 5] == 1).all()


def test_places_are_centres_of_free_circles_of_their_radius():
    topology = explored(furnished(), BOTH)
    grid = Ground(topology)
    closed = (np.argwhere(grid.drive != 1) + grid.origin + 0.5) * VOXEL
    for place in topology.places.values():
        gap = np.linalg.norm(closed - place.position[:2], axis=1).min()
        assert place.radius_m >= topology.settings.robot_radius_m
        assert abs(gap - 0.5 * VOXEL - place.radius_m) <= 0.01


def test_growing_the_map_keeps_places_and_rooms_and_says_only_what_changed():
    drawing, topology = two_rooms(), Topology()
    known = drawing.cells.copy()
    half = known.shape[0] // 2
    drawing.cells[half + 20 :] = -1
    look_around(topology, BOTH)
    first = topology.update(drawing, {})
    places, rooms = dict(topology.places), dict(topology.rooms)
    assert set(first.places) == set(places.values())
    assert set(first.rooms) == set(rooms.values())
    drawing.cells = known
    look_around(topology, BOTH[1:])
    second = topology.update(drawing, {})
    stayed = [p for p in places.values() if p.id in topology.places]
    assert len(stayed) >= 0.8 * len(places)
    assert all(np.hypot(*np.subtract(topology.places[p.id].position, p.position)[:2]) <= 0.5 for p in stayed)
    assert {p: topology.places[p].position for p in places if places[p].position[0] < -1.0} == {
        p: places[p].position for p in places if places[p].position[0] < -1.0
    }
    assert set(rooms) <= set(topology.rooms)
    assert not second.gone_rooms
    assert not {place.id for place in second.places if place == places.get(place.id)}
    look_around(topology, BOTH)
    assert not topology.update(drawing, {})


def geometry(topology):
    """Everything but ids: places, ways between them, cells of each room."""
    at = {id: place.position for id, place in topology.places.items()}
    rooms = set()
    for floor in topology._floors:
        cells = {}
        for key, tile in floor.tiles.at.items():
            for number in np.unique(tile.rooms):
                cells.setdefault(int(number), []).append((key, (tile.rooms == number).tobytes()))
        rooms |= {tuple(sorted(parts)) for number, parts in cells.items() if number}
    ways = {(*sorted((at[p.a], at[p.b])), p.length_m, p.door, p.door_width_m) for p in topology.passages}
    return sorted((p.position, p.radius_m) for p in topology.places.values()), ways, rooms


@pytest.mark.parametrize("seed", range(4))
def test_the_result_follows_from_the_map_alone(seed):
    """Walls, furniture and holes come and go in any order; in the end it is as if all had been seen at once."""
    rng = np.random.default_rng(seed)
    drawing, topology = furnished(), Topology()
    things = {}
    for _ in range(6):
        x, y = rng.uniform(-3.8, 3.0), rng.uniform(-1.9, 1.2)
        box = (x, x + rng.uniform(0.05, 1.2)), (y, y + rng.uniform(0.05, 1.2)), (0.0, rng.choice([0.4, 1.0, CEILING]))
        drawing.put(rng.choice([-1, 0, 1]), *box)
        low, high = zip(*box, strict=True)
        if rng.random() < 0.5:
            name = f"o{len(things) + 1}"
            things[name] = Instance(name, "floor lamp", {"floor lamp": 1.0}, Box(low, high), "present", 0, 1, 5, 0.9)
        look_around(topology, BOTH)
        topology.update(drawing, things)
        assert geometry(topology) == geometry(explored(drawing, BOTH, things))


def test_changes_put_together_give_the_present_state():
    drawing, topology = furnished(), Topology()
    known = drawing.cells.copy()
    places, passages, rooms = {}, {}, {}
    for columns in (100, 150, 180, 220, 320):
        drawing.cells = known.copy()
        drawing.cells[columns:] = -1
        look_around(topology, BOTH)
        change = topology.update(drawing, {})
        for store, new, gone in (
            (places, {p.id: p for p in change.places}, change.gone_places),
            (passages, {(p.a, p.b): p for p in change.passages}, change.gone_passages),
            (rooms, {r.id: r for r in change.rooms}, change.gone_rooms),
        ):
            store.update(new)
            for key in gone:
                del store[key]
        assert places == topology.places
        assert set(passages.values()) == set(topology.passages)
        assert rooms == topology.rooms


def test_a_place_is_gone_when_something_stands_there_and_its_id_does_not_come_back():
    drawing = two_rooms()
    topology = explored(drawing, BOTH)
    place = topology.places["p1"]
    known = drawing.cells.copy()
    x, y = place.position[:2]
    drawing.put(1, (x - 0.3, x + 0.3), (y - 0.3, y + 0.3), (0.0, 1.0))
    look_around(topology, BOTH)
    assert "p1" in topology.update(drawing, {}).gone_places
    drawing.cells = known
    look_around(topology, BOTH)
    topology.update(drawing, {})
    assert "p1" not in topology.places


def test_unobserved_columns_are_not_read_again():
    drawing = two_rooms()
    topology = explored(drawing, BOTH)
    drawing.dense = None
    assert not topology.update(drawing, {})


def test_a_pose_that_jumps_by_kilometres_costs_no_memory_and_leaves_the_map_as_it_is():
    drawing = two_rooms()
    topology = explored(drawing, BOTH)
    rooms, places = dict(topology.rooms), dict(topology.places)
    look_around(topology, [(9000.0, -7000.0)])
    assert not topology.update(drawing, {})
    assert (topology.rooms, topology.places) == (rooms, places)


def test_a_restored_topology_goes_on_bit_for_bit():
    drawing = furnished()
    known = drawing.cells.copy()
    drawing.cells[190:] = -1
    one = explored(drawing, BOTH[:1])
    one.observe(camera(2.0, 0.0))
    other = Topology()
    blocks = one.changed_blocks()
    other.restore(one.state(), blocks)
    assert other.state() == one.state()
    assert (other.places, set(other.passages), other.rooms) == (one.places, set(one.passages), one.rooms)
    for x in np.arange(-4, 4, 0.3):
        assert one.locate((x, 0.4, 0.2)) == other.locate((x, 0.4, 0.2))
    drawing.cells = known
    for topology in (one, other):
        look_around(topology, BOTH[1:])
    assert one.update(drawing, {}) == other.update(drawing, {})
    assert one.state() == other.state()
    assert {**blocks, **one.changed_blocks()} == {**blocks, **other.changed_blocks()}


def test_only_tiles_that_changed_are_stored_again():
    drawing = furnished()
    topology = explored(drawing, BOTH)
    assert len(topology.changed_blocks()) == len(topology._floors[0].tiles.at)
    look_around(topology, BOTH)
    topology.update(drawing, {})
    assert topology.changed_blocks() == {}


def test_a_new_topology_can_be_restored_too():
    other = Topology()
    other.restore(Topology().state(), {})
    assert other.state() == Topology().state()


def test_a_torn_state_is_refused():
    topology = explored(two_rooms(), BOTH)
    state, blocks = topology.state(), topology.changed_blocks()
    with pytest.raises(CorruptMemory):
        Topology().restore(state[:-20], blocks)
    name, block = next(iter(blocks.items()))
    for damage in (block[:-5], b"", pack({**unpack(block), "codes": b"x"}), pack({**unpack(block), "rooms": []})):
        with pytest.raises(CorruptMemory):
            Topology().restore(state, {**blocks, name: damage})
    with pytest.raises(CorruptMemory, match="want topology/x_y_storey"):
        Topology().restore(state, {"topology/../etc": block})


def test_the_same_frames_give_the_same_topology():
    one, other = (explored(furnished(), BOTH) for _ in range(2))
    assert one.state() == other.state()
    assert one.changed_blocks() == other.changed_blocks()


@pytest.mark.parametrize("z", [0.3, 1.2, 2.2])
def test_things_on_a_wall_belong_to_the_room_they_hang_in(z):
    topology = explored(two_rooms(), BOTH)
    left, right = topology.locate((-2, 0, 0))[1], topology.locate((2, 0, 0))[1]
    assert topology.locate_box(Box((-0.09, 1.0, z), (-0.05, 1.8, z + 0.3)))[1] == left
    assert topology.locate_box(Box((0.05, 1.0, z), (0.09, 1.8, z + 0.3)))[1] == right
    assert topology.locate((-0.06, 1.4, z))[1] == left
    assert topology.locate((0.06, 1.4, z))[1] == right


def test_a_wardrobe_against_a_wall_belongs_to_the_room_it_stands_in():
    drawing = two_rooms()
    drawing.put(1, (-0.65, -0.05), (0.8, 1.8), (0.0, 2.2))
    drawing.put(-1, (-0.6, -0.05), (0.85, 1.75), (0.0, 2.15))
    topology = explored(drawing, BOTH)
    room = topology.locate((-2, 0, 0))[1]
    assert len(topology.rooms) == 2
    assert topology.locate_box(Box((-0.65, 0.8, 0.0), (-0.05, 1.8, 2.2)))[1] == room
    assert topology.locate((-0.35, 1.3, 1.0))[1] == room
    assert topology.locate_box(Box((-0.65, 0.8, 0.0), (-0.05, 1.8, 2.2)))[0] in topology.places


def test_far_from_everything_a_point_belongs_nowhere():
    assert explored(two_rooms(), BOTH).locate((7.5, 7.5, 0.0)) == ("", "")


def test_rooms_are_named_after_what_is_in_them():
    things = [thing(1, "fridge", (-3.5, 1.5, 0.9)), thing(2, "stove", (-3.5, -1.5, 0.4)), thing(3, "bed", (3, 1, 0.3))]
    topology = explored(two_rooms(), BOTH, {t.id: t for t in things})
    labels = {topology.rooms[topology.locate((x, 0, 0))[1]].label for x in (-2, 2)}
    assert labels == {"kitchen", "bedroom"}


def test_two_storeys_have_their_own_rooms_and_places():
    lower, upper = two_rooms(floor_z=0.0), two_rooms(floor_z=3.0)

    class Both:
        voxel_size_m = VOXEL

        def dense(self, minimum, maximum):
            return np.maximum(lower.dense(minimum, maximum), upper.dense(minimum, maximum))

    topology = Topology()
    look_around(topology, BOTH, CAMERA)
    look_around(topology, BOTH, 3.0 + CAMERA)
    topology.update(Both(), {})
    assert len(topology.rooms) == 4
    assert topology.locate((-2, 0, 0.5))[1] != topology.locate((-2, 0, 3.5))[1]
    assert nx.number_connected_components(graph_of(topology)) == 2
    floors = SceneGraph(0, rooms=topology.rooms).floors
    assert [round(floor.z) for floor in floors.values()] == [0, 3]
    assert all(len(floor.rooms) == 2 for floor in floors.values())


def test_without_a_floor_in_sight_places_follow_the_camera():
    """A hand-held camera that looked straight ahead: only a slab of free space around its height is known."""
    drawing = Drawing()
    drawing.put(0, (-2.0, 2.0), (-2.0, 2.0), (0.6, 1.6))
    topology = explored(drawing, [(0.0, 0.0)])
    assert topology.places
    assert nx.is_connected(graph_of(topology))


def test_a_point_in_an_unseen_strip_belongs_to_its_side_of_the_wall():
    drawing = two_rooms()
    drawing.put(-1, (-0.7, -0.05), (0.8, 1.8))
    topology = explored(drawing, BOTH)
    assert topology.locate((-0.15, 1.3, 1.0))[1] == topology.locate((-2, 0, 0))[1]
