# SPDX-License-Identifier: Apache-2.0
"""Others can read what is exported, and find in it what was there."""

from __future__ import annotations

import errno
import io
import itertools
import json
import os

import networkx as nx
import pytest

from memory_core.errors import BadInput, NotPossible, StorageFull
from memory_core.export import to_dsg, to_geojson, to_graphml, write_graph
from memory_core.geometry import Box
from memory_core.graph import Instance, Passage, Place, Relation, Room, SceneGraph


def thing(number, label, center, place="p1", room="r1"):
    box = Box.of(center, (0.2, 0.3, 0.4))
    scores = {label: 0.9, "object": 0.1}
    return Instance(f"o{number}", label, scores, box, "present", 5, 9, 3, 0.8, ("small", "red"), room, place)


@pytest.fixture
def graph():
    things = [
        thing(1, "table", (0.5, 0.5, 0.4)),
        thing(4, "mug", (0.5, 0.5, 0.8)),
        thing(9, "bed", (4, 1, 0.3), "p7", "r2"),
    ]
    places = [
        Place("p1", (0, 0, 0.025), 0.8, "r1"),
        Place("p3", (1, 0, 0.025), 0.4, "r1"),
        Place("p7", (3, 0.5, 0.025), 0.7, "r2"),
    ]
    rooms = [
        Room("r1", "kitchen", (0, 0, 0), Box.of((0, 0, 1), (2, 2, 2)), 0.9),
        Room("r2", "bedroom", (3, 0, 0), Box.of((3, 0, 1), (2, 2, 2))),
    ]
    passages = (Passage("p1", "p3", 1.0), Passage("p3", "p7", 2.062))
    relations = (Relation("o4", "on", "o1", 0.9), Relation("o1", "near", "o4"))

    def by_id(values):
        return {value.id: value for value in values}

    return SceneGraph(77, by_id(things), by_id(places), by_id(rooms), relations, passages)


EMPTY = SceneGraph(0)


def loaded(graph, tmp_path):
    spark_dsg = pytest.importorskip("spark_dsg")
    return spark_dsg.DynamicSceneGraph.load(str(write_graph(graph, tmp_path / "graph.json", "dsg")))


def test_spark_dsg_loads_every_node_where_it_was(graph, tmp_path):
    spark_dsg = pytest.importorskip("spark_dsg")
    dsg = loaded(graph, tmp_path)
    layers = [(2, "O", graph.instances), (3, "p", graph.places), (4, "R", graph.rooms)]
    for layer, letter, nodes in layers:
        assert dsg.get_layer(layer).num_nodes() == len(nodes)
        for node_id, node in nodes.items():
            attributes = dsg.get_node(spark_dsg.NodeSymbol(letter, int(node_id[1:]))).attributes
            assert attributes.position.tolist() == pytest.approx(list(node.position), abs=0)
    assert dsg.get_layer(5).num_nodes() == 1


def test_spark_dsg_sees_names_boxes_and_labels(graph, tmp_path):
    spark_dsg = pytest.importorskip("spark_dsg")
    dsg = loaded(graph, tmp_path)
    mug = dsg.get_node(spark_dsg.NodeSymbol("O", 4)).attributes
    assert mug.name == "mug"
    assert dsg.get_labelspace(2, 0).get_category(mug.semantic_label) == "mug"
    assert mug.bounding_box.dimensions.tolist() == pytest.approx([0.2, 0.3, 0.4], abs=1e-6)
    assert mug.metadata.get()["state"] == "present"
    assert dsg.get_node(spark_dsg.NodeSymbol("p", 7)).attributes.distance == 0.7
    assert dsg.get_node(spark_dsg.NodeSymbol("R", 1)).attributes.name == "kitchen"


def test_spark_dsg_sees_who_belongs_to_whom(graph, tmp_path):
    spark_dsg = pytest.importorskip("spark_dsg")
    dsg = loaded(graph, tmp_path)
    symbol = spark_dsg.NodeSymbol
    assert dsg.get_node(symbol("O", 9)).get_parent() == symbol("p", 7).value
    assert dsg.get_node(symbol("p", 7)).get_parent() == symbol("R", 2).value
    assert dsg.get_node(symbol("R", 2)).get_parent() == symbol("B", 0).value
    assert dsg.get_edge(symbol("p", 3), symbol("p", 7)).info.weight == 2.062
    facts = dsg.get_edge(symbol("O", 1), symbol("O", 4)).info.metadata.get()["relations"]
    assert ["o4", "on", "o1", 0.9] in facts
    assert len(facts) == 2


def test_spark_dsg_saves_and_loads_it_again(graph, tmp_path):
    spark_dsg = pytest.importorskip("spark_dsg")
    dsg = loaded(graph, tmp_path)
    dsg.save(str(tmp_path / "again.json"))
    again = spark_dsg.DynamicSceneGraph.load(str(tmp_path / "again.json"))
    assert (again.num_nodes(), again.num_edges()) == (dsg.num_nodes(), dsg.num_edges())


def test_a_dsg_made_by_another_program_has_every_field_of_ours(graph, shared_data):
    """Layer numbers and node ids mean the same as in a scene graph recorded by Hydra."""
    theirs = json.loads(shared_data("scene_graphs/spark_dsg/apartment_dsg.json").read_text())
    layer_of = {chr(node["id"] >> 56): node["layer"] for node in theirs["nodes"]}
    for node in to_dsg(graph)["nodes"]:
        assert layer_of[chr(node["id"] >> 56)] == node["layer"]


def test_an_empty_graph_loads_too(tmp_path):
    assert loaded(EMPTY, tmp_path).num_nodes() == 0
    assert to_geojson(EMPTY)["features"] == []
    assert len(nx.read_graphml(io.BytesIO(to_graphml(EMPTY).encode()))) == 0


def test_the_route_server_gets_points_and_edges_in_both_directions(graph):
    features = to_geojson(graph, frame="odom")["features"]
    nodes = {f["properties"]["id"]: f for f in features if f["geometry"]["type"] == "Point"}
    edges = [f for f in features if f["geometry"]["type"] == "MultiLineString"]
    assert set(nodes) == {1, 3, 7}
    assert nodes[7]["geometry"]["coordinates"] == [3, 0.5]
    assert {node["properties"]["frame"] for node in nodes.values()} == {"odom"}
    ends = {(f["properties"]["startid"], f["properties"]["endid"]) for f in edges}
    assert ends == {(1, 3), (3, 1), (3, 7), (7, 3)}
    for edge in edges:
        start, end = (nodes[edge["properties"][name]]["geometry"]["coordinates"] for name in ("startid", "endid"))
        assert edge["geometry"]["coordinates"] == [[start, end]]
    ids = [feature["properties"]["id"] for feature in features]
    assert len(set(ids)) == len(ids)


def row(numbers):
    places = {f"p{n}": Place(f"p{n}", (float(k), 0, 0), 0.5) for k, n in enumerate(numbers)}
    ids = list(places)
    return SceneGraph(0, places=places, passages=tuple(Passage(a, b, 1.0) for a, b in itertools.pairwise(ids)))


def test_large_numbers_are_replaced_so_that_ids_fit_16_bits():
    features = to_geojson(row([5, 70_000, 65_535]))["features"]
    assert max(feature["properties"]["id"] for feature in features) < 2**16
    names = [f["properties"]["metadata"].get("place") for f in features]
    assert names[:3] == ["p5", "p70000", "p65535"]


def test_a_map_too_large_for_the_route_server_is_refused_with_the_numbers():
    with pytest.raises(NotPossible, match="30000 places and 59998"):
        to_geojson(row(range(30_000)))


def test_networkx_reads_the_graphml_with_all_layers(graph):
    read = nx.read_graphml(io.BytesIO(to_graphml(graph).encode()), force_multigraph=True)
    assert set(read) == {*graph.instances, *graph.places, *graph.rooms}
    assert (read.nodes["o4"]["x"], read.nodes["o4"]["label"], read.nodes["o4"]["last_seen_ns"]) == (0.5, "mug", 9)
    kinds = sorted(data["kind"] for _, _, data in read.edges(data=True))
    assert kinds == sorted(d["kind"] for _, _, d in graph.to_networkx().edges(data=True))


def test_labels_that_xml_cannot_hold_are_exported_all_the_same(tmp_path):
    label = "mug\x00\x1b <b>&\ud800'\""
    hostile = SceneGraph(0, instances={"o1": thing(1, label, (0, 0, 0))})
    read = nx.read_graphml(io.BytesIO(to_graphml(hostile).encode()))
    assert read.nodes["o1"]["label"].startswith("mug")
    for kind in ("dsg", "geojson", "graphml"):
        write_graph(hostile, tmp_path / kind, kind)
    assert json.loads((tmp_path / "dsg").read_text())["nodes"][0]["attributes"]["name"] == label


def test_relations_to_things_that_are_not_there_are_left_out(graph, tmp_path):
    dangling = SceneGraph(
        0, graph.instances, relations=(Relation("o1", "near", "o99"),), passages=(Passage("p1", "p2", 1),)
    )
    assert loaded(dangling, tmp_path).num_edges() == 0
    assert to_geojson(dangling)["features"] == []
    assert "o99" not in to_graphml(dangling)


def test_an_id_without_a_number_is_refused():
    with pytest.raises(BadInput, match="o12"):
        to_dsg(SceneGraph(0, instances={"x": Instance(**{**vars_of(thing(1, "mug", (0, 0, 0))), "id": "x"})}))


def vars_of(value):
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def test_an_unknown_format_names_those_there_are(graph, tmp_path):
    with pytest.raises(BadInput, match="dsg, geojson, graphml"):
        write_graph(graph, tmp_path / "x", "obj")


def test_the_same_graph_gives_the_same_bytes(graph, tmp_path):
    for kind in ("dsg", "geojson", "graphml"):
        first, second = (write_graph(graph, tmp_path / f"{kind}{k}", kind).read_bytes() for k in range(2))
        assert first == second


def test_a_missing_folder_is_said_and_a_full_disk_leaves_the_old_file(graph, tmp_path, monkeypatch):
    with pytest.raises(BadInput, match="cannot be written"):
        write_graph(graph, tmp_path / "no" / "x.json", "dsg")
    path = tmp_path / "x.json"
    path.write_text("old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull, match="full"):
        write_graph(graph, path, "dsg")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.json"]
