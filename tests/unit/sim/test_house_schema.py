# SPDX-License-Identifier: Apache-2.0
"""Reading house descriptions: what is needed, and what is said when it is missing."""

import gzip
import json

import numpy as np
import pytest

from memory_core.errors import BadHouse
from sim.house import building
from sim.house.assets import AssetTable, object_types, type_from_name
from sim.house.schema import load_house, parse_house
from sim.house.world import World


def test_the_own_house_has_four_rooms_and_duplicates():
    house = load_house()
    assert sorted(room.kind for room in house.rooms) == ["Bathroom", "Bedroom", "Kitchen", "LivingRoom"]
    kinds = [thing.type.name for thing in World(house, AssetTable()).things.values()]
    assert min(kinds.count("Mug"), kinds.count("Chair"), kinds.count("Book")) >= 3


def test_all_kinds_of_files_hold_the_same_house(tmp_path, own_house):
    plain, lines, packed = tmp_path / "a.json", tmp_path / "b.jsonl", tmp_path / "c.jsonl.gz"
    plain.write_text(json.dumps(own_house))
    lines.write_text("\n" + json.dumps({}) + "\n" + json.dumps(own_house) + "\n")
    with gzip.open(packed, "wt") as file:
        file.write(json.dumps(own_house))
    centers = [[o.center.tolist() for o in load_house(s).objects] for s in (plain, f"{lines}#1", packed, None)]
    assert centers[0] == centers[1] == centers[2] == centers[3]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda h: h.pop("rooms"), r"rooms: missing; there are "),
        (lambda h: h.pop("walls"), r"walls: missing"),
        (lambda h: h["rooms"].clear(), r"rooms: want at least one room"),
        (lambda h: h["rooms"][0].pop("floorPolygon"), r"rooms\[0\].floorPolygon: missing"),
        (lambda h: h["rooms"][0]["floorPolygon"][0].pop("z"), r"rooms\[0\].floorPolygon\[0\].z: missing"),
        (lambda h: h["rooms"][0].update(floorPolygon=[]), r"want at least 3 corners"),
        (lambda h: h["rooms"][0]["floorPolygon"].reverse() or h["rooms"][0].update(id=5), r"id: want a text, got 5"),
        (lambda h: h["walls"][2].update(polygon=[]), r"walls\[2\].polygon: want 4 corners"),
        (lambda h: h["objects"][3].pop("assetId"), r"objects\[3\].assetId: missing"),
        (lambda h: h["objects"][0]["children"][1]["position"].pop("x"), r"objects\[0\].children\[1\].position.x"),
        (
            lambda h: h["objects"][1]["position"].update(y=float("nan")),
            r"objects\[1\].position.y: want a finite number",
        ),
        (lambda h: h["objects"][1]["position"].update(y="high"), r"position.y: want a finite number, got 'high'"),
        (lambda h: h["objects"][1]["position"].update(y=1e12), r"position.y: want at most 1000 in size"),
        (lambda h: h["objects"][1].update(position=None), r"position: want an object, got None"),
        (lambda h: h["objects"][1].update(size={"x": 1, "y": 0, "z": 1}), r"size: want positive lengths"),
        (lambda h: h["objects"][1].update(id=h["objects"][2]["id"]), r"is used twice"),
        (lambda h: h.update(objects={}), r"objects: want a list, got {}"),
    ],
)
def test_what_is_wrong_is_named_with_its_path(own_house, spoil, message):
    spoil(own_house)
    with pytest.raises(BadHouse, match=message):
        parse_house(own_house, "test")


@pytest.mark.parametrize("text", ["", "not JSON", "[1, 2", '"house"', "[]", "null", "[" * 100_000])
def test_other_texts_are_refused(tmp_path, text):
    file = tmp_path / "house.json"
    file.write_text(text)
    with pytest.raises(BadHouse, match=r"house\.json"):
        load_house(file)


def test_things_nested_without_end_are_refused(own_house):
    crate = own_house["objects"][0]
    for depth in range(900):
        crate = {**own_house["objects"][1], "id": f"crate{depth}", "children": [crate]}
    own_house["objects"] = [crate]
    with pytest.raises(BadHouse, match="not hundreds"):
        parse_house(own_house, "test")


def test_the_only_house_of_a_file_is_number_0(tmp_path, own_house):
    plain = tmp_path / "a.json"
    plain.write_text(json.dumps(own_house, indent=2))

    assert [o.uid for o in load_house(f"{plain}#0").objects] == [o.uid for o in load_house(plain).objects]
    with pytest.raises(BadHouse):
        load_house(f"{plain}#1")


def test_missing_torn_and_short_files_are_refused(tmp_path, own_house):
    with pytest.raises(BadHouse, match="cannot be read"):
        load_house(tmp_path / "none.json")
    torn = tmp_path / "torn.jsonl.gz"
    torn.write_bytes(gzip.compress(json.dumps(own_house).encode())[:-2000])
    with pytest.raises(BadHouse, match="cannot be read"):
        load_house(f"{torn}#0")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(BadHouse, match="cannot be read"):
        load_house(tmp_path / "bytes.json")
    one = tmp_path / "one.jsonl"
    one.write_text(json.dumps(own_house))
    with pytest.raises(BadHouse, match=r"want house #7, the file holds 1"):
        load_house(f"{one}#7")


def test_a_floor_that_crosses_itself_is_refused(own_house):
    own_house["rooms"][0]["floorPolygon"] = [{"x": x, "y": 0, "z": z} for x, z in [(0, 0), (4, 4), (4, 0), (0, 5)]]
    with pytest.raises(BadHouse, match="crosses itself"):
        building.build(parse_house(own_house, "test"))


def test_a_hole_is_at_the_same_place_in_both_walls():
    house = load_house()
    walls = {wall.id: wall for wall in house.walls}
    inner = [door for door in house.openings if door.kind == "door" and all(w in walls for w in door.walls)]
    assert len(inner) == 3
    for door in inner:
        ends = []
        for wall in (walls[name] for name in door.walls):
            low, high, _, _ = building.hole_in(door, wall)
            along = (wall.end - wall.start) / wall.length_m
            ends.append(sorted(np.round([wall.start + along * low, wall.start + along * high], 9).tolist()))
        assert ends[0] == ends[1]


def test_sizes_come_from_the_house_then_the_database_then_the_type(own_house, asset_database):
    own_house["objects"] = own_house["objects"][:3]
    sofa, table, chair = own_house["objects"]
    for thing in own_house["objects"]:
        thing.pop("children", None)
    sofa["size"] = {"x": 3.0, "y": 1.0, "z": 0.5}
    table["assetId"] = "Coffee_Table_203_1"
    chair["assetId"] = "Nothing_Known"
    assets = AssetTable(asset_database)
    world = World(parse_house(own_house, "test"), assets)
    assert world.things[sofa["id"]].size.tolist() == [0.5, 3.0, 1.0]
    assert world.things[table["id"]].type.name == "CoffeeTable"
    assert assets.guessed == {"default size": 1}


def test_a_file_that_is_no_asset_database_is_refused(tmp_path):
    file = tmp_path / "assets.json"
    for text, message in (
        ("[]", "got a list"),
        ("{", "want ProcTHOR"),
        ('{"Mug": [{"assetId": "a"}]}', "boundingBox: missing"),
    ):
        file.write_text(text)
        with pytest.raises(BadHouse, match=message):
            AssetTable(file)
        file.unlink()
        file = tmp_path / (file.name + "x")


@pytest.mark.parametrize(
    ("asset", "kind"),
    [
        ("RoboTHOR_dresser_hemnes", "Dresser"),
        ("TV_Stand_212_1", "TVStand"),
        ("bin_17", "GarbageCan"),
        ("Wall_Decor_Photo_3V", "Painting"),
        ("Cellphone_5", "CellPhone"),
        ("Mug", "Mug"),
        ("Spaceship_9", "Spaceship"),
    ],
)
def test_the_name_of_a_model_tells_its_type(asset, kind):
    assert type_from_name(asset) == kind


def test_every_type_has_a_plausible_size_and_a_known_shape():
    for kind in object_types().values():
        assert all(0.002 < length < 3 for length in kind.size_m), kind
        assert not kind.holds_inside or kind.receptacle, kind


def test_most_of_500_houses_load(procthor_world):
    for index in range(0, 500, 29):
        assert procthor_world(index).things
