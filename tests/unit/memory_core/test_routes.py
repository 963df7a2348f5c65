# SPDX-License-Identifier: Apache-2.0
"""Routes are shortest, stay on passages, and say why when there is none."""

from __future__ import annotations

import gc
import itertools
import math
import weakref
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest

from memory_core.errors import NotPossible
from memory_core.geometry import Box
from memory_core.graph import Instance, Passage, Place, Room, SceneGraph
from memory_core.routes import describe, nearest_place, route
from memory_core.routes.scene_net import net_of


def graph_of(places, passages=(), rooms=()):
    return SceneGraph(
        0, places={p.id: p for p in places}, passages=tuple(passages), rooms={room.id: room for room in rooms}
    )


def place(number, x, y, radius=0.3, room=""):
    return Place(f"p{number}", (x, y, 0.0), radius, room)


def room(number, label, x=0.0):
    return Room(f"r{number}", label, (x, 0.0, 0.0), Box.of((x, 0, 1), (2, 2, 2)))


def passage(a, b):
    return Passage(a.id, b.id, math.dist(a.position, b.position))


def row(n=5, spacing=1.0):
    places = [place(k, k * spacing, 0.0) for k in range(n)]
    return places, [passage(a, b) for a, b in itertools.pairwise(places)]


def random_graph(rng, n=40, share=0.08, cost=lambda length, rng: length):
    places = [place(k, *rng.uniform(0, 10, 2), radius=0.01) for k in range(n)]
    pairs = [(a, b) for a, b in itertools.combinations(places, 2) if rng.random() < share]
    return graph_of(places, [Passage(a.id, b.id, cost(math.dist(a.position, b.position), rng)) for a, b in pairs])


@pytest.mark.parametrize("learned", [False, True])
def test_routes_are_as_short_as_the_shortest_of_all_ways(rng, learned):
    for _ in range(20):
        graph = random_graph(rng, cost=lambda length, rng: length * (rng.uniform(0.2, 3.0) if learned else 1.0))
        net = nx.Graph()
        net.add_nodes_from(graph.places)
        net.add_weighted_edges_from((p.a, p.b, p.length_m) for p in graph.passages)
        lengths = {frozenset((p.a, p.b)): p.length_m for p in graph.passages}
        for a, b in rng.choice(list(graph.places), (10, 2)):
            if nx.has_path(net, a, b):
                found = route(graph, graph.places[a].position, b).place_ids
                walked = sum(lengths[frozenset(pair)] for pair in itertools.pairwise((a, *found[found[0] == a :])))
                assert walked == pytest.approx(nx.shortest_path_length(net, a, b, weight="weight"))
            else:
                with pytest.raises(NotPossible, match="no passages join"):
                    route(graph, graph.places[a].position, b)


def test_a_route_starts_at_the_start_and_its_length_is_that_of_its_points():
    places, passages = row()
    way = route(graph_of(places, passages), (-0.4, 0.1, 1.2), "p4")
    np.testing.assert_allclose(way.points[0], (-0.4, 0.1, 0.0))
    np.testing.assert_allclose(way.points[-1], places[4].position)
    assert way.length_m == pytest.approx(np.linalg.norm(np.diff(way.points, axis=0), axis=1).sum())
    assert way.place_ids == ("p0", "p1", "p2", "p3", "p4")


def test_a_goal_in_free_space_is_entered_and_one_outside_is_not():
    places, passages = row()
    graph = graph_of(places, passages)
    np.testing.assert_allclose(route(graph, (0, 0, 0), (4.2, 0.1, 0.8)).points[-1], (4.2, 0.1, 0.0))
    np.testing.assert_allclose(route(graph, (0, 0, 0), (4.9, 0.0, 0.8)).points[-1], places[4].position)


def test_within_one_free_circle_the_way_is_straight():
    way = route(graph_of([place(0, 0, 0, radius=1.0)]), (-0.5, 0, 0), (0.5, 0.2, 0))
    assert len(way.points) == 2
    assert way.length_m == pytest.approx(math.hypot(1.0, 0.2))


def test_out_of_a_free_circle_one_walks_over_its_centre():
    way = route(graph_of([place(0, 0, 0, radius=0.3)]), (-2, 0, 0), (0.0, 0.2, 0))
    np.testing.assert_allclose(way.points, [(-2, 0, 0), (0, 0, 0), (0, 0.2, 0)])


def test_the_first_place_is_skipped_when_the_second_can_be_reached_at_once():
    places = [place(0, 0, 0), place(1, 1, 0, radius=1.5), place(2, 3, 0)]
    graph = graph_of(places, [passage(places[0], places[1]), passage(places[1], places[2])])
    way = route(graph, (0.0, 0.1, 0), "p2")
    assert way.place_ids == ("p1", "p2")


def test_a_room_is_reached_at_its_middle():
    places, passages = row()
    places = [Place(p.id, p.position, p.radius_m, "r1" if p.position[0] < 2 else "r2") for p in places]
    graph = graph_of(places, passages, [room(1, "kitchen", 0.5), room(2, "bedroom", 3.1)])
    assert route(graph, (0, 0, 0), "r2").place_ids[-1] == "p3"


def test_the_nearest_place_is_on_the_same_storey():
    graph = graph_of([Place("p1", (0, 0, 0), 0.5), Place("p2", (0.8, 0, 2.7), 0.5)])
    assert nearest_place(graph, (0.6, 0, 0.1)).id == "p1"
    assert nearest_place(graph, (0.2, 0, 2.8)).id == "p2"


@pytest.mark.parametrize("goal", ["p9", "r9", "kitchen", (1.0, 0.0, 0.0)])
def test_without_places_or_with_an_unknown_goal_the_reason_is_given(goal):
    with pytest.raises(NotPossible, match="no place"):
        route(graph_of([]), (0, 0, 0), goal)
    if isinstance(goal, str):
        with pytest.raises(NotPossible, match=goal):
            route(graph_of([place(1, 0, 0)]), (0, 0, 0), goal)


def test_a_room_without_places_cannot_be_reached():
    with pytest.raises(NotPossible, match="kitchen"):
        route(graph_of([place(1, 0, 0)], rooms=[room(1, "kitchen")]), (0, 0, 0), "r1")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (("kitchen", "kitchen", "kitchen"), "within the kitchen, 2.0 m"),
        (("bedroom", "hallway", "kitchen"), "through the hallway into the kitchen, 2.0 m"),
        (("bedroom", "bedroom", "kitchen"), "into the kitchen, 2.0 m"),
        (("bedroom", "room", "kitchen"), "into the kitchen, 2.0 m"),
        (("", "", ""), "2.0 m"),
    ],
)
def test_a_route_in_words_names_the_rooms_it_leads_through(labels, words):
    places, passages = row(3)
    ids = {label: k for k, label in enumerate(sorted(set(labels) - {""}), 1)}
    places = [
        Place(p.id, p.position, 0.1, f"r{ids[label]}" if label else "") for p, label in zip(places, labels, strict=True)
    ]
    graph = graph_of(places, passages, [room(number, label) for label, number in ids.items()])
    assert describe(route(graph, (0, 0, 0), "p2"), graph) == words


def test_a_goal_beside_a_pocket_nobody_can_enter_is_reached_from_outside():
    places, passages = row()
    pocket = place(9, 4.0, 1.0)
    graph = graph_of([*places, pocket], passages)
    assert route(graph, (0, 0, 0), (4.0, 0.8, 0.5)).place_ids[-1] == "p4"


def test_a_goal_far_from_all_that_can_be_reached_is_refused():
    places, passages = row()
    graph = graph_of([*places, place(9, 4.0, 5.0)], passages)
    with pytest.raises(NotPossible, match=r"\(4.00, 5.00, 0.00\)"):
        route(graph, (0, 0, 0), (4.0, 5.0, 0.0))
    with pytest.raises(NotPossible, match="p9"):
        route(graph, (0, 0, 0), "p9")


def test_an_object_is_reached_at_its_place_even_if_another_is_nearer_through_the_wall():
    places, passages = row()
    mug = Instance("o1", "mug", {"mug": 1.0}, Box.of((4.0, 0.1, 1), (0.1,) * 3), "present", 0, 1, 3, 1.0, place_id="p3")
    graph = replace(graph_of(places, passages), instances={"o1": mug, "o2": replace(mug, id="o2", place_id="")})
    assert route(graph, (0, 0, 0), "o1").place_ids[-1] == "p3"
    with pytest.raises(NotPossible, match="mug"):
        route(graph, (0, 0, 0), "o2")


def test_a_way_that_is_slow_to_go_is_avoided():
    places = [place(0, 0, 0), place(1, 2, 0), place(2, 1, 1)]
    direct = passage(places[0], places[1])
    detour = [passage(places[0], places[2]), passage(places[2], places[1])]
    assert route(graph_of(places, [direct, *detour]), (0, 0, 0), "p1").place_ids == ("p0", "p1")
    slow = replace(direct, cost=9.0)
    way = route(graph_of(places, [slow, *detour]), (0, 0, 0), "p1")
    assert way.place_ids == ("p0", "p2", "p1")
    assert way.length_m == pytest.approx(2 * math.sqrt(2))


def test_a_graph_is_made_ready_once_and_forgotten_with_it():
    places, passages = row()
    graph = graph_of(places, passages)
    net = net_of(graph)
    route(graph, (0, 0, 0), "p4")
    assert net_of(graph) is net
    gone = weakref.ref(net)
    del graph, net
    gc.collect()
    assert gone() is None


def test_a_building_of_thousands_of_places_is_asked_like_a_small_one():
    n = 60
    places = [place(k, 0.5 * (k % n), 0.5 * (k // n), 0.2) for k in range(n * n)]
    pairs = [(k, k + step) for k in range(n * n) for step in (1, n) if k + step < n * n and (step == n or (k + 1) % n)]
    graph = graph_of(places, [passage(places[a], places[b]) for a, b in pairs])
    way = route(graph, places[0].position, f"p{n * n - 1}")
    assert way.length_m == pytest.approx(0.5 * 2 * (n - 1))
