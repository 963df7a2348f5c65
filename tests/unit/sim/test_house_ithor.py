# SPDX-License-Identifier: Apache-2.0
"""Dumps of iTHOR scenes as houses: boxes as measured, a room around them."""

import json
import math

import numpy as np
import pytest

import sim
from memory_core.errors import BadHouse
from sim.house.assets import AssetTable
from sim.house.measuring import measured_assets
from sim.house.schema import load_house, parse_house
from sim.house.world import World


def xyz(x, y, z):
    return {"x": x, "y": y, "z": z}


def thing(kind, center, size, rotation_y=0.0, **more):
    return {
        "objectId": f"{kind}|{center[0]}",
        "objectType": kind,
        "position": xyz(0, 0, 0),
        "rotation": xyz(0, rotation_y, 0),
        "axisAlignedBoundingBox": {"center": xyz(*center), "size": xyz(*size)},
        "parentReceptacles": None,
        **more,
    }


@pytest.fixture
def dump():
    """A kitchen of 4 x 6 m: a table with a plate with an apple, a fridge turned by 90 degrees, a window."""
    table = thing("DiningTable", (1.0, 0.4, 1.0), (1.5, 0.8, 1.0), parentReceptacles=["Floor|2.0"])
    plate = thing("Plate", (1.1, 0.81, 1.0), (0.2, 0.02, 0.2), parentReceptacles=["Floor|2.0", "DiningTable|1.0"])
    apple = thing(
        "Apple",
        (1.12, 0.86, 1.0),
        (0.08, 0.08, 0.08),
        parentReceptacles=["DiningTable|1.0", "Plate|1.1"],
        isToggled=False,
    )
    fridge = thing("Fridge", (3.6, 0.9, 3.0), (0.7, 1.8, 0.9), rotation_y=270.0, isOpen=True)
    return [
        thing("Floor", (2.0, -0.05, 3.0), (4.0, 0.1, 6.0)),
        thing("Window", (0.0, 1.5, 4.0), (0.1, 1.0, 1.2)),
        table, plate, apple, fridge,
    ]  # fmt: skip


def test_a_dump_is_a_room_with_its_things(dump):
    house = parse_house(dump, "FloorPlan12_physics.json")
    assert [room.kind for room in house.rooms] == ["Kitchen"]
    low, high = house.rooms[0].corners.min(axis=0), house.rooms[0].corners.max(axis=0)
    np.testing.assert_allclose(high - low, [6.02, 4.02])
    world = World(house, AssetTable())
    parents = {t.type.name: t.parent for t in world.things.values()}
    assert parents == {"DiningTable": "", "Plate": "DiningTable|1.0", "Apple": "Plate|1.1", "Fridge": ""}
    assert world.things["Fridge|3.6"].is_open
    for value in dump[2:]:
        box = world.scene.bounds(world.things[value["objectId"]].body)
        expected = value["axisAlignedBoundingBox"]
        np.testing.assert_allclose(box.size, [expected["size"][k] for k in "zxy"], atol=1e-6)


def test_a_fridge_faces_the_way_it_is_turned(dump):
    fridge = World(parse_house(dump, "FloorPlan12"), AssetTable()).things["Fridge|3.6"]
    np.testing.assert_allclose(fridge.body.T_world_body[:2, 0], [0, 1], atol=1e-9)  # Unity's -x is the map's +y
    np.testing.assert_allclose(fridge.size, [0.7, 0.9, 1.8])


def test_a_window_is_a_hole_in_the_nearest_wall(dump):
    house = parse_house(dump, "FloorPlan12")
    assert [(o.id, o.kind) for o in house.openings] == [("Window|0.0", "window")]
    wall = next(w for w in house.walls if w.id == house.openings[0].walls[0])
    assert wall.start[1] == pytest.approx(0.01) == wall.end[1]
    assert house.openings[0].high[0] - house.openings[0].low[0] == pytest.approx(1.2)


def test_an_oriented_box_is_taken_where_one_is_told(dump):
    yaw = math.radians(30)
    corners = [
        [x * math.cos(yaw) + z * math.sin(yaw) + 3.0, y + 0.01, -x * math.sin(yaw) + z * math.cos(yaw) + 5.0]
        for x in (-0.1, 0.1) for y in (-0.01, 0.01) for z in (-0.3, 0.3)
    ]  # fmt: skip
    book = thing("Book", (3.0, 0.01, 5.0), (0.6, 0.02, 0.6), 30.0, objectOrientedBoundingBox={"cornerPoints": corners})
    world = World(parse_house([*dump, book], "FloorPlan12"), AssetTable())
    np.testing.assert_allclose(world.things["Book|3.0"].size, [0.6, 0.2, 0.02], atol=1e-9)


def test_dictionaries_lists_and_whole_metadata_are_the_same(dump):
    agent = {"position": xyz(2.0, 0.9, 5.0), "rotation": xyz(0, 90.0, 0)}
    whole = {"sceneName": "FloorPlan301", "objects": dump, "agent": agent}
    forms = [{o["objectId"]: o for o in dump}, dump, whole, [whole]]
    houses = [parse_house(form, "FloorPlan301.json") for form in forms]
    assert {tuple(o.uid for o in house.objects) for house in houses} == {("DiningTable|1.0", "Fridge|3.6")}
    assert {house.rooms[0].kind for house in houses} == {"Bedroom"}
    assert houses[2].start == houses[3].start
    assert (houses[2].start.x, houses[2].start.y) == (5.0, -2.0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: d[2].pop("objectId"), r"objects\[2\].objectId: missing"),
        (lambda d: d[2]["axisAlignedBoundingBox"].pop("size"), r"objects\[2\].axisAlignedBoundingBox.size: missing"),
        (lambda d: d[2].update(objectId=d[3]["objectId"]), "used twice"),
        (lambda d: d[2]["axisAlignedBoundingBox"]["center"].update(x=math.inf), "want a finite number"),
    ],
)
def test_what_is_wrong_in_a_dump_is_named(dump, spoil, message):
    spoil(dump)
    with pytest.raises(BadHouse, match=message):
        parse_house(dump, "FloorPlan12.json")


def test_things_that_lie_in_each_other_do_not_go_round(dump):
    dump[3]["parentReceptacles"] = ["Apple|1.12"]
    world = World(parse_house(dump, "FloorPlan12"), AssetTable())
    assert world.things["Plate|1.1"].parent == ""


def test_a_scene_can_be_walked_and_acted_in(shared_data, look_at):
    file = shared_data("houses/ithor_metadata/FloorPlan1_physics.json")
    simulator = sim.make("house", scene=file, width=160, height=120)
    assert [room.label for room in simulator.rooms()] == ["kitchen"]
    assert len(simulator.reachable()) > 50
    apple = next(o for o in simulator.objects() if o.label == "apple")
    assert apple.relation == "on"
    look_at(simulator, apple.uid)
    assert simulator.step(sim.Action("PickupObject", apple.uid)).ok
    look_at(simulator, next(o.uid for o in simulator.objects() if o.label == "dining table" or "CounterTop" in o.uid))


def test_dumps_load_with_every_size_known(shared_data):
    folder = shared_data("houses/ithor_metadata/FloorPlan1_physics.json").parent
    for file in sorted(folder.glob("*.json"))[::12]:
        assets = AssetTable()
        world = World(load_house(file), assets)
        assert len(world.things) >= 15
        assert not assets.guessed
        n_dumped = len(json.loads(file.read_text()))
        assert n_dumped - len(world.things) < 8  # the floor and windows


def test_measured_sizes_are_those_of_the_database(shared_data, asset_database, tmp_path):
    folder = shared_data("houses/ithor_metadata/FloorPlan1_physics.json").parent
    table = measured_assets(load_house(file) for file in sorted(folder.glob("FloorPlan2*.json")))
    (tmp_path / "assets.json").write_text(json.dumps(table))
    known = {a["assetId"]: a["boundingBox"] for kind in json.loads(asset_database.read_text()).values() for a in kind}
    apart = [
        abs(asset["boundingBox"][axis] - known[asset["assetId"]][axis])
        for kind in table.values() for asset in kind if asset["assetId"] in known for axis in "xyz"
    ]  # fmt: skip
    assert len(apart) > 150
    assert np.median(apart) < 0.005
    assert np.mean(np.array(apart) < 0.05) > 0.9
    assets = AssetTable(tmp_path / "assets.json")
    World(load_house(), assets)
    assert assets.guessed


def test_a_model_measured_in_different_sizes_is_left_out(dump):
    named = [dict(o, assetId="Model_1") for o in dump if o["objectType"] == "Apple"]
    other = thing("Apple", (3.0, 0.5, 5.0), (0.3, 0.3, 0.3), assetId="Model_1")
    assert measured_assets([parse_house([*dump[:3], *named], "a")]) == {
        "Apple": [{"assetId": "Model_1", "boundingBox": {"x": 0.08, "y": 0.08, "z": 0.08}}]
    }
    assert measured_assets([parse_house([*dump[:3], *named, other], "a")]) == {}
