# SPDX-License-Identifier: Apache-2.0
"""Rooms and places of rendered houses, compared with the floor plan."""

from __future__ import annotations

import numpy as np
import pytest

from mapping.octree.octree import Octree
from mapping.topology.topology import Topology
from memory_core.graph import Instance
from sim.house.floor import Floor as TrueFloor
from sim.house.source import house_source


def toured(spec=None, every=30):
    """A tour and what the topology made of it."""
    tour = house_source(spec, width=160, height=120)
    tour.poses = tour.poses[::2]  # sees the same in half the time
    octree, topology = Octree(0.05), Topology()
    for n, frame in enumerate(tour.frames(), 1):
        octree.integrate(frame, 4.0)
        topology.observe(frame)
        if n % every == 0:
            topology.update(octree, {})
    topology.update(octree, things_of(tour))
    return tour, topology


def things_of(tour):
    return {
        f"o{k}": Instance(f"o{k}", thing.label, {thing.label: 1.0}, thing.box, "present", 0, 1, 5, 0.9)
        for k, thing in enumerate(tour.objects(), 1)
    }


@pytest.fixture(scope="module")
def own_house():
    return toured()


def test_it_does_not_matter_when_updates_are_made(own_house):
    """Places, rooms, doors and lengths are the same after the last update, whatever the updates before it."""
    tour, often = own_house
    once = Topology()
    octree = Octree(0.05)
    for frame in tour.frames():
        octree.integrate(frame, 4.0)
        once.observe(frame)
    once.update(octree, things_of(tour))
    assert sorted((p.position, p.radius_m) for p in once.places.values()) == sorted(
        (p.position, p.radius_m) for p in often.places.values()
    )
    assert sorted((r.label, r.position, r.box) for r in once.rooms.values()) == sorted(
        (r.label, r.position, r.box) for r in often.rooms.values()
    )
    assert sorted((p.length_m, p.cost, p.door_width_m, p.door or ()) for p in once.passages) == sorted(
        (p.length_m, p.cost, p.door_width_m, p.door or ()) for p in often.passages
    )


def test_doors_of_the_house_are_found_where_they_are(own_house):
    """Every pair of rooms that a door joins in the floor plan is joined by one here, of about that width."""
    tour, topology = own_house
    doors = {way.door: way.door_width_m for way in topology.passages if way.door is not None}
    assert len(doors) >= len(tour.rooms()) - 1
    assert all(0.6 <= width <= 2.1 for width in doors.values())
    floor = TrueFloor(tour._world, radius_m=0.15)
    assert floor.can_stand(np.array([door[:2] for door in doors])).all()


def true_room(tour, x, y):
    return next((room.id for room in tour.rooms() if room.contains(x, y)), "")


def samples(tour, step=0.2):
    """(x, y, true room) on a lattice over all rooms."""
    low = np.min([room.box.minimum[:2] for room in tour.rooms()], axis=0)
    high = np.max([room.box.maximum[:2] for room in tour.rooms()], axis=0)
    for x in np.arange(low[0] + step / 2, high[0], step):
        for y in np.arange(low[1] + step / 2, high[1], step):
            if true := true_room(tour, x, y):
                yield x, y, true


def v_measure(truth, found):
    """Harmonic mean of homogeneity and completeness of two labellings."""
    _, a = np.unique(truth, return_inverse=True)
    _, b = np.unique(found, return_inverse=True)
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1.0 / len(a))

    def entropy(p):
        return float(-(p[p > 0] * np.log(p[p > 0])).sum())

    of_a, of_b, both = entropy(joint.sum(axis=1)), entropy(joint.sum(axis=0)), entropy(joint.ravel())
    shared = of_a + of_b - both
    return 2 * shared / (of_a + of_b) if of_a + of_b > 0 else 1.0


def named_alike(tour, topology):
    """Room id of the topology -> id of the true room that most of it lies in."""
    votes = {}
    for x, y, true in samples(tour, 0.4):
        room = topology.locate((x, y, 0.0))[1]
        votes.setdefault(room, []).append(true)
    return {room: max(sorted(set(names)), key=names.count) for room, names in votes.items()}


def test_rooms_of_the_house_are_those_of_its_floor_plan(own_house):
    tour, topology = own_house
    points = list(samples(tour))
    found = [topology.locate((x, y, 0.0))[1] for x, y, _ in points]
    assert len(topology.rooms) == len(tour.rooms())
    assert v_measure([true for _, _, true in points], found) >= 0.95


def test_rooms_of_the_house_have_the_right_names(own_house):
    tour, topology = own_house
    alike = named_alike(tour, topology)
    truth = {room.id: room.label for room in tour.rooms()}
    assert {room.id: room.label for room in topology.rooms.values()} == {r: truth[t] for r, t in alike.items()}


def test_objects_are_in_their_rooms(own_house):
    tour, topology = own_house
    alike = named_alike(tour, topology)
    things = [thing for thing in tour.objects() if thing.room_id]
    right = [alike.get(topology.locate_box(thing.box)[1]) == thing.room_id for thing in things]
    assert np.mean(right) >= 0.95


def test_places_stand_for_the_floor_a_robot_can_reach(own_house):
    tour, topology = own_house
    floor = TrueFloor(tour._world)
    start = floor.start((tour.poses[0].x, tour.poses[0].y))
    reachable = floor.reachable(start, 0.2)
    reach = topology.settings.place_reach_m + 0.1
    near = 0
    for x, y in reachable:
        place_id, _ = topology.locate((x, y, 0.0))
        near += bool(place_id) and np.hypot(*np.subtract(topology.places[place_id].position[:2], (x, y))) <= reach
    assert near >= 0.95 * len(reachable)


def test_places_and_passages_are_where_a_robot_can_truly_go(own_house):
    tour, topology = own_house
    floor = TrueFloor(tour._world, radius_m=0.15)
    places = np.array([place.position[:2] for place in topology.places.values()])
    assert floor.can_stand(places).all()
    ways = [[np.array(topology.places[end].position[:2]) for end in (way.a, way.b)] for way in topology.passages]
    assert all(floor.can_walk(start, end) for start, end in ways)


@pytest.mark.parametrize("name", ["house_100.json", "temp_4_mar_2026_4pm.json"])
def test_double_doors_and_open_kitchens_part_the_rooms_of_other_peoples_houses(name, shared_data):
    tour, topology = toured(shared_data(f"houses/procthor_multiroom/{name}"))
    points = list(samples(tour))
    found = [topology.locate((x, y, 0.0))[1] for x, y, _ in points]
    assert v_measure([true for _, _, true in points], found) >= 0.9
    alike = named_alike(tour, topology)
    things = [thing for thing in tour.objects() if thing.room_id]
    assert np.mean([alike.get(topology.locate_box(thing.box)[1]) == thing.room_id for thing in things]) >= 0.95
