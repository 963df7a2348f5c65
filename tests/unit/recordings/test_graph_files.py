# SPDX-License-Identifier: Apache-2.0
"""Graphs from files: what is in them is read, ways are shortest, and torn files are refused by line."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest

from memory_core.errors import BadSource
from memory_core.export import to_dsg, to_geojson
from memory_core.geometry import Box
from memory_core.graph import Passage, Place, Room, SceneGraph
from recordings.graphs import is_graph, open_graph, read_routes

NODES = "a,117,40.74,-73.99\nb,117,40.75,-73.99\n-c,0,40.74,-73.98\n"
LINKS = "a,297,b\nb,118,a\nb,10,-c\n"


def touchdown(folder, nodes=NODES, links=LINKS):
    folder.mkdir(exist_ok=True)
    (folder / "nodes.txt").write_text(nodes, encoding="utf-8")
    (folder / "links.txt").write_text(links, encoding="utf-8")
    return folder


def written(path, values):
    path.write_text(values if isinstance(values, str) else json.dumps(values), encoding="utf-8")
    return path


def viewpoint(name, x, unobstructed, included=True):
    pose = [1, 0, 0, x, 0, 1, 0, 2.0, 0, 0, 1, 1.5, 0, 0, 0, 1]
    return {"image_id": name, "pose": pose, "included": included, "unobstructed": unobstructed, "height": 1.5}


def scene():
    places = [Place("p1", (0, 0, 0.5), 0.8, "r1"), Place("p3", (1, 0, 0.5), 0.4, "r1"), Place("p7", (3, 0.5, 3), 0.7)]
    return SceneGraph(
        7,
        places={place.id: place for place in places},
        rooms={"r1": Room("r1", "kitchen", (0, 0, 0), Box.of((0, 0, 1), (2, 2, 2)), floor_id="s1")},
        passages=(Passage("p1", "p3", 1.25), Passage("p3", "p7", 4.0, cost=6.5)),
    )


def edges_of(graph):
    return {(e.start, e.end): e.length_m for node_id in graph for e in graph.edges(node_id)}


def test_latitude_and_longitude_become_metres_east_and_north(tmp_path):
    graph = open_graph(touchdown(tmp_path))
    a, b, c = (np.array(graph.node(name).position) for name in ("a", "b", "-c"))
    np.testing.assert_allclose(b - a, (0, 1111.95, 0), atol=0.1)
    np.testing.assert_allclose(c - a, (1111.95 * math.cos(math.radians(40.745)), 0, 0), atol=0.5)
    assert set(edges_of(graph)) == {("a", "b"), ("b", "a"), ("b", "-c")}


def test_counting_hops_the_shortest_way_has_the_fewest_links(tmp_path):
    nodes = "".join(
        f"{name},0,{lat},0\n" for name, lat in (("a", 0), ("b", 0.001), ("c", 0.002), ("d", 5), ("e", 0.003))
    )
    folder = touchdown(tmp_path, nodes, "a,0,b\nb,0,c\nc,0,e\na,0,d\nd,0,e\n")
    assert open_graph(folder).shortest("a", "e").ids == ("a", "b", "c", "e")
    assert open_graph(folder, hops=True).shortest("a", "e").ids == ("a", "d", "e")


def test_viewpoints_are_joined_where_nothing_is_in_between_and_only_if_included(tmp_path):
    path = written(
        tmp_path / "x_connectivity.json",
        [
            viewpoint("u", 0.0, [False, True, True]),
            viewpoint("v", 3.0, [True, False, False]),
            viewpoint("w", 9.0, [True, False, False], included=False),
        ],
    )
    graph = open_graph(path)
    assert graph.node("v").position == (3.0, 2.0, 1.5)
    assert edges_of(graph) == {("u", "v"): 3.0, ("v", "u"): 3.0}
    assert "w" not in graph


def test_what_is_exported_for_the_route_server_comes_back(tmp_path):
    graph = open_graph(written(tmp_path / "g.geojson", to_geojson(scene())))
    assert {name: graph.node(name).position for name in graph} == {p.id: p.position for p in scene().places.values()}
    assert edges_of(graph) == {
        ("p1", "p3"): 1.25,
        ("p3", "p1"): 1.25,
        ("p3", "p7"): 4.0,
        ("p7", "p3"): 4.0,
    }
    assert graph.shortest("p1", "p7").weight == 1.25 + 6.5


def test_the_route_server_is_told_floors_and_doors():
    graph = scene()
    door = replace(graph.passages[0], door_width_m=0.9)
    values = to_geojson(replace(graph, passages=(door, *graph.passages[1:])))
    assert values["metadata"]["building"]["floors"] == [{"id": "s1", "z": 0.0, "rooms": ["r1"]}]
    about = [feature["properties"]["metadata"] for feature in values["features"]]
    assert [node["floor"] for node in about[:3]] == ["s1", "s1", ""]
    assert [edge.get("door_width_m") for edge in about[3:]] == [0.9, 0.9, None, None]


def test_a_graph_drawn_for_the_route_server_by_hand_is_read_too(tmp_path):
    def point(number, x, y):
        return {"properties": {"id": number, "frame": "map"}, "geometry": {"type": "Point", "coordinates": [x, y]}}

    def line(number, start, end, **more):
        geometry = {"type": "MultiLineString", "coordinates": [[[0, 0], [1, 1]]]}
        return {"properties": {"id": number, "startid": start, "endid": end, **more}, "geometry": geometry}

    features = [line(10, 0, 1, cost=3.0), point(0, 0, 0), point(1, 3, 4), point(5, 0, 1), line(11, 1, 5)]
    path = written(tmp_path / "aws.geojson", {"type": "FeatureCollection", "features": features})
    graph = open_graph(path)
    assert edges_of(graph)[("0", "1")] == 5.0
    assert graph.edges("0")[0].cost == 3.0
    assert graph.shortest("0", "5").ids == ("0", "1", "5")


def test_a_scene_graph_of_our_own_keeps_its_metres(tmp_path):
    graph = open_graph(written(tmp_path / "dsg.json", to_dsg(scene())))
    assert edges_of(graph)[("p1", "p3")] == 1.25
    assert graph.node("p7").position == (3, 0.5, 3)
    assert len(graph) == 3


def test_gml_positions_and_distances_are_read(tmp_path):
    nodes = "".join(f'node [ id {k} label "n{k}" position [ x {k}.0 y 0.0 z -1.5 ] ]\n' for k in range(3))
    text = f"graph [\n{nodes}edge [ source 0 target 1 distance 2.5 ]\nedge [ source 1 target 2 ]\n]\n"
    graph = open_graph(written(tmp_path / "g.gml", text))
    assert graph.shortest("n2", "n0").length_m == 3.5
    assert graph.node("n1").position == (1.0, 0.0, -1.5)


BAD_LISTS = [
    (NODES + "d,1,40.7\n", LINKS, r"nodes.txt, line 4: want id,yaw,lat,lng, got 'd,1,40.7'"),
    (NODES + "a,1,40.7,-73\n", LINKS, r"nodes.txt, line 4: want each node once, got 'a' again"),
    (NODES + "d,1,nan,-73\n", LINKS, r"nodes.txt, line 4: want a finite number, got 'nan'"),
    (NODES + "d,1,north,-73\n", LINKS, r"nodes.txt, line 4: want a finite number, got 'north'"),
    (NODES + "d,1,95,-73\n", LINKS, r"nodes.txt, line 4: want a latitude within 89"),
    (NODES, LINKS + "a,1,zebra\n", r"links.txt, line 4: want nodes of nodes.txt, got 'zebra'"),
    (NODES, LINKS + "a,1,a\n", r"links.txt, line 4: want a link between two nodes"),
    (NODES, LINKS + "a,29", r"links.txt, line 4: want from,heading,to, got 'a,29'"),
]


@pytest.mark.parametrize(("nodes", "links", "message"), BAD_LISTS)
def test_a_torn_list_is_refused_with_its_line(tmp_path, nodes, links, message):
    with pytest.raises(BadSource, match=message):
        open_graph(touchdown(tmp_path, nodes, links))


def test_a_missing_or_binary_list_is_refused_by_name(tmp_path):
    (touchdown(tmp_path) / "links.txt").unlink()
    with pytest.raises(BadSource, match=r"links.txt: cannot be read"):
        open_graph(tmp_path)
    (tmp_path / "links.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSource, match=r"links.txt: cannot be read as text"):
        open_graph(tmp_path)


GEO = {"type": "FeatureCollection"}
POINT = {"properties": {"id": 1}, "geometry": {"type": "Point", "coordinates": [0, 0]}}
LINE = {"properties": {"id": 2, "startid": 1, "endid": 9}, "geometry": {"type": "MultiLineString", "coordinates": []}}
BAD_VALUES = [
    ('[\n{"image_id":', r"g.json, line 2: want JSON"),
    ("[" * 100_000, r"g.json: want JSON with plain numbers and few levels"),
    ("[" + "9" * 5000 + "]", r"g.json: want JSON with plain numbers"),
    ("3", r"g.json: not a graph but 3; want a folder"),
    ({"x": 1}, r"g.json: not a graph but an object of 1"),
    ([1, 2], r"viewpoint 0: want an object with 'image_id', got 1"),
    ([viewpoint("u", 0, [])], r"viewpoint 0: want 'unobstructed' with 1 values, got 0"),
    ([viewpoint("u", math.nan, [False])], r"viewpoint 0, pose: want a finite number, got nan"),
    ([viewpoint("u", 10**400, [False])], r"viewpoint 0, pose: want a finite number, got a huge number"),
    ([viewpoint("u", 0, [1, 0])] * 2, r"viewpoint 1: want an image_id of its own, got 'u'"),
    ([viewpoint("u", 0, [0, 1]), viewpoint("v", 0, [0, 1])], r"'unobstructed' with true and false, got 0"),
    ({**GEO, "features": [POINT, POINT]}, r"feature 1: want each node once, got '1' again"),
    ({**GEO, "features": [POINT, LINE]}, r"feature 1: want startid and endid of nodes in the file, got 9"),
    ({**GEO, "features": [{"properties": {}}]}, r"feature 0: want an object with 'geometry'"),
    ({**GEO, "features": [{**POINT, "geometry": {"type": "Point", "coordinates": 7}}]}, r"'coordinates' of type list"),
    ({"nodes": [{"id": "x", "attributes": {}}], "edges": []}, r"node 0: want 'id' of type int, got 'x'"),
    (
        {"nodes": [{"id": 1, "attributes": {"type": "PlaceNodeAttributes"}}], "edges": []},
        r"node 0: want an id of 64 bits with a letter",
    ),
    (
        {"nodes": [{"id": 112 << 56, "attributes": {"type": "PlaceNodeAttributes", "position": [0, 0]}}], "edges": []},
        r"node 0, position: want 3 numbers, got a list of 2",
    ),
    ({"nodes": [], "edges": [{"source": 1}]}, r"edge 0: want an object with 'target'"),
]


@pytest.mark.parametrize(("values", "message"), BAD_VALUES)
def test_a_torn_or_hostile_file_is_refused_with_the_spot(tmp_path, values, message):
    with pytest.raises(BadSource, match=message):
        open_graph(written(tmp_path / "g.json", values))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("graph [ node [", "want a graph in GML"),
        ('graph [ node [ id 0 label "a" ] ]', "node 'a': want a position"),
        (
            'graph [ node [ id 0 label "a" position [ x 1 y 2 ] ] ]',
            "node 'a', position: want a finite number, got None",
        ),
        ('graph [ node [ id 0 label "a" ] node [ id 1 label "a" ] ]', "want a graph in GML.*label"),
    ],
)
def test_a_torn_gml_is_refused(tmp_path, text, message):
    with pytest.raises(BadSource, match=message):
        open_graph(written(tmp_path / "g.gml", text))


def test_nothing_there_or_something_else_is_told_what_is_read(tmp_path):
    with pytest.raises(BadSource, match=r"nothing here; want a folder with nodes.txt"):
        open_graph(tmp_path / "none")
    with pytest.raises(BadSource, match=r"not a graph; want a folder with nodes.txt"):
        open_graph(tmp_path)
    assert not is_graph(tmp_path)
    assert is_graph(touchdown(tmp_path))


def test_a_torn_file_of_routes_is_refused_with_its_line(tmp_path):
    path = written(tmp_path / "dev.json", '{"route_panoids": ["a", "b"]}\n{"route_panoids": ["a"')
    with pytest.raises(BadSource, match=r"dev.json, line 2: want one JSON object"):
        read_routes(path)
    assert read_routes(written(path, '{"route_panoids": ["a", "b"]}\n')) == [("a", "b")]
    with pytest.raises(BadSource, match=r"line 1: want names"):
        read_routes(written(path, '{"route_panoids": [3]}\n'))


def twin_of(graph):
    twin = nx.DiGraph()
    twin.add_weighted_edges_from((e.start, e.end, e.weight) for node_id in graph for e in graph.edges(node_id))
    return twin


@pytest.fixture(scope="module")
def manhattan(shared_data):
    return open_graph(shared_data("topo_graphs/touchdown"))


def test_the_whole_street_graph_is_read(manhattan):
    assert (len(manhattan), manhattan.n_edges) == (29_641, 61_319)


def test_ways_through_manhattan_are_as_short_as_dijkstra_says(manhattan, rng):
    twin, ids = twin_of(manhattan), list(manhattan)
    for a, b in rng.choice(ids, (8, 2)).tolist():
        wanted = nx.bidirectional_dijkstra(twin, a, b)[0]
        assert manhattan.shortest(a, b).length_m == pytest.approx(wanted, rel=1e-12)


def test_routes_that_people_were_told_have_no_link_too_many(shared_data):
    graph = open_graph(shared_data("topo_graphs/touchdown"), hops=True)
    routes = read_routes(shared_data("topo_graphs/map2seq_unseen/dev.json"))
    assert len(routes) == 800
    for told in routes[::8]:
        assert graph.shortest(told[0], told[-1]).weight == graph.way_along(told).weight == len(told) - 1


def test_all_buildings_of_room_to_room_have_shortest_ways(shared_data, rng):
    files = sorted(shared_data("topo_graphs/r2r_connectivity").glob("*_connectivity.json"))
    assert len(files) == 72
    for path in files:
        included = sum(v["included"] for v in json.loads(path.read_text()))
        graph = open_graph(path)
        assert len(graph) == included
        twin = twin_of(graph)
        for a, b in rng.choice(list(twin), (3, 2)).tolist() if len(twin) else ():
            if nx.has_path(twin, a, b):
                assert graph.shortest(a, b).length_m == pytest.approx(nx.dijkstra_path_length(twin, a, b))


def test_places_of_hydra_and_drones_of_embodied_rag_are_read(shared_data):
    apartment = open_graph(shared_data("scene_graphs/spark_dsg/apartment_dsg.json"))
    assert len(apartment) == 185
    assert all(name.startswith("p") for name in apartment)
    for node_id in apartment:
        for edge in apartment.edges(node_id):
            ends = (apartment.node(end).position for end in (edge.start, edge.end))
            assert edge.length_m == pytest.approx(math.dist(*ends))
    building = shared_data("scene_graphs/embodied_rag/final_semantic_graph_Building99_20241118_160313.gml")
    assert open_graph(building).shortest("drone_0", "drone_200").length_m > 10
