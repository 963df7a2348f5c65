# SPDX-License-Identifier: Apache-2.0
"""Houses made up from a seed: one can walk through all of them, nothing is in anything else, and they differ."""

import json
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

import sim
from memory_core.errors import BadHouse
from sim.generator import HouseRequest, generate, request_of
from sim.generator.openings import sides_of
from sim.generator.plan import plan_rooms
from sim.generator.programme import HALL
from sim.house.assets import AssetTable
from sim.house.floor import Floor
from sim.house.geometry2d import inside_polygon
from sim.house.schema import load_house, parse_house
from sim.house.world import World
from sim.scores import visible_pixels

HOUSES = [(1, 5, "flat"), (3, 1, "flat"), (6, 2, "flat"), (9, 3, "house"), (14, 6, "office")]


@pytest.fixture(scope="module", params=HOUSES, ids=lambda h: f"{h[2]}-{h[0]}-{h[1]}")
def house(request):
    n_rooms, seed, kind = request.param
    return generate(n_rooms, seed, kind)


@pytest.fixture(scope="module")
def world(house):
    assets = AssetTable()
    world = World(parse_house(house, "generated"), assets)
    assert not assets.guessed
    return world


@pytest.fixture(scope="module")
def reached(world):
    """(N, 2) points a robot can walk to from the start pose."""
    start = np.array([world.house.start.x, world.house.start.y])
    floor = Floor(world)
    assert floor.can_stand(start[None])[0]
    return floor.reachable(start)


def area_m2(corners):
    x, y = np.asarray(corners).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def everything(objects):
    for one in objects:
        yield one
        yield from everything(one.get("children", []))


def test_it_has_the_rooms_asked_for(house, request):
    n_rooms, _, kind = request.node.callspec.params["house"]
    assert len(house["rooms"]) == n_rooms
    kinds = Counter(room["roomType"] for room in house["rooms"])
    assert kinds["Office" if kind == "office" else "LivingRoom"] >= 1


def test_every_room_is_reached_on_foot_from_the_start(world, reached):
    for room in world.house.rooms:
        assert inside_polygon(reached, room.corners).sum() * 0.25**2 >= 0.15 * area_m2(room.corners), room


def test_what_is_before_furniture_is_reached_too(world, reached):
    receptacles = [t for t in world.things.values() if t.type.openable and not t.parent]
    for thing in receptacles:
        box = world.scene.bounds(thing.body)
        gaps = [box.distance_m((x, y, box.center[2])) for x, y in reached]
        assert min(gaps) <= 0.7, thing.uid


def test_nothing_stands_in_anything_else(world):
    roots = [world.scene.bounds(t.body) for t in world.things.values() if not t.parent]
    for a, b in combinations(roots, 2):
        shared = np.minimum(a.maximum, b.maximum) - np.maximum(a.minimum, b.minimum)
        assert shared.min() <= 0.002


def test_everything_is_in_one_room(world):
    for thing in world.things.values():
        box = world.scene.bounds(thing.body)
        room = next(r for r in world.house.rooms if r.id == thing.body.room_id)
        corners = [[x, y] for x in (box.minimum[0], box.maximum[0]) for y in (box.minimum[1], box.maximum[1])]
        assert inside_polygon(np.array(corners), room.corners).all(), thing.uid


def test_things_lie_within_what_holds_them_and_apart_from_each_other(world):
    for thing in world.things.values():
        children = [world.scene.bounds(child.body) for child in world.children(thing.uid)]
        around = world.scene.bounds(thing.body)
        for child in children:
            assert (np.array(child.minimum[:2]) >= np.array(around.minimum[:2]) - 0.01).all(), thing.uid
            assert (np.array(child.maximum[:2]) <= np.array(around.maximum[:2]) + 0.01).all(), thing.uid
            assert child.minimum[2] >= around.minimum[2]
        for a, b in combinations(children, 2):
            assert (np.minimum(a.maximum, b.maximum) - np.maximum(a.minimum, b.minimum)).min() <= 0.002, thing.uid


def test_doors_and_windows_are_holes_in_both_sides_of_a_wall(house):
    walls = {wall["id"]: wall["polygon"] for wall in house["walls"]}
    for opening in [*house["doors"], *house["windows"]]:
        ends = []
        for number in ("wall0", "wall1"):
            a, b = ([p["x"], p["z"]] for p in walls[opening[number]][:2])
            ends.append((a, b))
        length = np.linalg.norm(np.subtract(*ends[0]))
        assert ends[0] == ends[1][::-1]
        low, high = opening["holePolygon"]
        assert 0 < low["x"] < high["x"] < length
        assert high["y"] <= walls[opening["wall0"]][2]["y"]


def test_rooms_cover_the_plan_without_gaps_or_overlaps():
    for n_rooms, seed, kind in HOUSES:
        rooms = plan_rooms(HouseRequest(n_rooms, seed, kind))
        sides = sides_of(rooms)
        outside = [side for side in sides if side.beyond < 0]
        # What the walls that face outdoors enclose is as large as all rooms together.
        enclosed = sum(s.start[0] * s.end[1] - s.start[1] * s.end[0] for s in outside) / 2
        assert abs(enclosed) == sum(area_m2(room.corners) for room in rooms)
        for side in sides:
            assert side.beyond != side.room


def test_a_room_is_wide_enough_for_what_it_is_for():
    for seed in range(30):
        for room in plan_rooms(HouseRequest(2 + seed % 9, seed, ("flat", "house", "office")[seed % 3])):
            low, high = np.min(room.corners, axis=0), np.max(room.corners, axis=0)
            assert (high - low).min() >= (13 if room.kind == HALL else 19), (seed, room)
            assert area_m2(room.corners) >= 400, (seed, room)
            assert room.kind == HALL or (high - low).max() <= 2.7 * (high - low).min(), (seed, room)


def test_rooms_hold_what_such_rooms_hold():
    share: Counter[str] = Counter()
    n_rooms: Counter[str] = Counter()
    for seed in range(12):
        house = generate(5 + seed % 4, seed, "flat")
        kinds = {room["id"].split("|")[1]: room["roomType"] for room in house["rooms"]}
        n_rooms.update(kinds.values())
        found = {(o["id"].split("|")[0], o["id"].split("|")[1]) for o in everything(house["objects"])}
        share.update(f"{kind} in {kinds[room]}" for kind, room in found)
    assert share["Bed in Bedroom"] >= 0.85 * n_rooms["Bedroom"]
    assert share["Toilet in Bathroom"] >= 0.9 * n_rooms["Bathroom"]
    assert share["Fridge in Kitchen"] >= 0.85 * n_rooms["Kitchen"]
    assert share["Sofa in LivingRoom"] >= 0.85 * n_rooms["LivingRoom"]
    assert not share["Toilet in LivingRoom"]
    assert not share["Bed in Kitchen"]


def test_there_are_things_inside_what_can_be_opened():
    world = World(load_house("gen?rooms=8&seed=2"), AssetTable())
    held = {thing.parent for thing in world.things.values()}
    full = [t for t in world.things.values() if t.type.openable and t.uid in held]
    assert len(full) >= 3
    assert all(
        world.truth(child).relation == "in" for t in full for child in world.children(t.uid) if _is_low(world, child)
    )


def _is_low(world, child):
    return world.scene.bounds(child.body).center[2] < world.scene.bounds(world.things[child.parent].body).maximum[2]


def test_the_same_request_gives_the_same_bytes_and_another_seed_another_house():
    texts = [json.dumps(generate(4, seed)) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert len({json.dumps(generate(4, seed)["rooms"]) for seed in range(5)}) == 5


def test_clutter_adds_things_and_nothing_else():
    none, some, much = (generate(4, 1, "flat", clutter) for clutter in (0.0, 1.0, 3.0))
    assert none["walls"] == much["walls"]
    count = [len(list(everything(house["objects"]))) for house in (none, some, much)]
    assert count[0] < count[1] < count[2]
    assert len({len(house["objects"]) for house in (none, some, much)}) == 1


def test_a_hundred_rooms_are_one_building():
    house = generate(100, 2, "office")
    assert len(house["rooms"]) == 100
    reached, joined = (
        {"room|0"},
        [(d["room0"], d["room1"]) for d in house["doors"] if d["openness"] or not d["openable"]],
    )
    while more := {b for a, b in (*joined, *((y, x) for x, y in joined)) if a in reached} - reached:
        reached |= more
    assert len(reached) == 100


def test_a_house_is_named_by_what_was_asked_for():
    assert load_house("gen?rooms=3&seed=7").name == "gen?rooms=3&seed=7&kind=flat"
    assert len(load_house("gen?rooms=3").rooms) == 3
    assert request_of("generated#12") == request_of("generated#12") != request_of("generated#13")
    assert request_of("some/file.json#3") is None
    request = HouseRequest(5, 9, "office", 2.0)
    assert request_of(request.name) == request


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("gen?rooms=0", "want 1 to 200 rooms, got 0"),
        ("gen?rooms=201", "want 1 to 200 rooms, got 201"),
        ("gen?rooms=two", "want rooms=int, got 'two'"),
        ("gen?room=2", "want rooms, seed, kind, clutter"),
        ("gen?kind=castle", "want kind flat, house, office, got 'castle'"),
        ("gen?seed=-1", "want a seed of 0 or more"),
        ("gen?clutter=nan", "want clutter from 0 to 5"),
        ("generated#", "want generated#SEED"),
        ("generated#x", "want generated#SEED"),
    ],
)
def test_impossible_requests_are_refused_in_one_sentence(spec, message):
    with pytest.raises(BadHouse, match=message.replace("?", r"\?")):
        load_house(spec)


def test_a_tour_sees_nearly_everything_that_is_not_shut_away():
    source = sim.house_source("gen?rooms=2&seed=3", width=160, height=120)
    objects = {o.uid: o for o in source.objects()}
    pixels = visible_pixels(source)
    in_view = [uid for uid, o in objects.items() if not (o.parent and objects[o.parent].is_open is False)]
    assert np.mean([pixels[uid] >= 100 for uid in in_view]) >= 0.85
