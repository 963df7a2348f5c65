# SPDX-License-Identifier: Apache-2.0
"""Graphs that change: ways stay shortest, changes stay local, look-alikes far apart stay two."""

from __future__ import annotations

import itertools
import math

import networkx as nx
import numpy as np
import pytest

from memory_core.errors import BadInput, NotPossible
from memory_core.routes import RouteGraph, RouteSettings
from memory_core.routes.hierarchy import Hierarchy
from memory_core.routes.near import PointIndex
from memory_core.routes.ways import shortest

PLAIN = RouteSettings(per_metre=0.0, per_cost=1.0)


def streets(n_side, chain=3, rng=None):
    """A city: junctions on a grid, joined by chains of nodes; ids and positions, and pairs of ids."""
    rng = rng or np.random.default_rng(7)
    nodes = {f"j{x}_{y}": (100.0 * x, 100.0 * y, 0.0) for x in range(n_side) for y in range(n_side)}
    links = []
    for x, y, (dx, dy) in itertools.product(range(n_side), range(n_side), ((1, 0), (0, 1))):
        if x + dx < n_side and y + dy < n_side and rng.random() < 0.9:
            ends = f"j{x}_{y}", f"j{x + dx}_{y + dy}"
            inside = [f"c{x}_{y}_{dx}_{k}" for k in range(chain)]
            for k, name in enumerate(inside, 1):
                wiggle = rng.uniform(-5, 5)
                nodes[name] = (100 * x + 25 * k * dx + wiggle, 100 * y + 25 * k * dy + wiggle, 0.0)
            links += itertools.pairwise([ends[0], *inside, ends[1]])
    return nodes, links


def graph_of(nodes, links, **options):
    graph = RouteGraph(**options)
    for node_id, position in nodes.items():
        graph.put_node(node_id, position)
    for a, b in links:
        graph.connect(a, b)
        graph.connect(b, a)
    return graph


def networkx_of(graph):
    twin = nx.DiGraph()
    twin.add_nodes_from(graph)
    twin.add_weighted_edges_from((e.start, e.end, e.weight) for node_id in graph for e in graph.edges(node_id))
    return twin


def check_ways(graph, rng, n=20):
    twin, ids = networkx_of(graph), list(graph)
    for a, b in rng.choice(ids, (n, 2)):
        try:
            wanted = nx.dijkstra_path_length(twin, a, b)
        except nx.NetworkXNoPath:
            with pytest.raises(NotPossible, match="no edges join"):
                graph.shortest(a, b)
            continue
        way = graph.shortest(a, b)
        assert way.weight == pytest.approx(wanted, abs=1e-9)
        assert (way.ids[0], way.ids[-1]) == (a, b)
        assert len(set(way.ids)) == len(way.ids)
        again = graph.way_along(way.ids)
        assert (again.length_m, again.weight) == pytest.approx((way.length_m, way.weight))


def change_at_random(graph, rng, k):
    ids = list(graph)
    a, b = (str(name) for name in rng.choice(ids, 2, replace=False))
    match rng.integers(6):
        case 0:
            graph.put_node(f"new{k}", rng.uniform(0, 800, 3))
            graph.connect(a, f"new{k}")
            graph.connect(f"new{k}", b, cost=float(rng.uniform(-50, 50)))
        case 1:
            graph.put_node(f"leaf{k}", rng.uniform(0, 800, 3))
            graph.connect(a, f"leaf{k}")
            graph.connect(f"leaf{k}", a)
        case 2 if graph.edges(a):
            graph.disconnect(a, graph.ends(a)[0])
        case 3:
            graph.remove_node(a)
        case 4:
            graph.put_node(a, rng.uniform(0, 800, 3))
        case _:
            graph.revisit(a, b, cost=float(rng.uniform(-200, 200)))


@pytest.mark.parametrize("contracted", [True, False])
def test_ways_stay_shortest_whatever_changes(rng, contracted):
    graph = graph_of(*streets(6, rng=rng), contracted=contracted)
    check_ways(graph, rng)
    for k in range(60):
        change_at_random(graph, rng, k)
        check_ways(graph, rng, n=4)


@pytest.mark.parametrize("most_neighbours", [0, 2, 4, 64])
def test_any_limit_of_contraction_and_any_batch_of_changes_gives_shortest_ways(rng, most_neighbours):
    """Also without small cuts, one way, of weight zero, and left uncontracted for a while."""
    n, weights = 40, {}

    def neighbours(node):
        return dict.fromkeys(b if a == node else a for a, b in weights if node in (a, b))

    hierarchy = Hierarchy(lambda a, b: weights.get((a, b), math.inf), neighbours, most_neighbours)
    for node in range(n):
        hierarchy.touch_node(node)
    for _ in range(60):
        for a, b in rng.integers(0, n, (rng.choice([1, 2, 30]), 2)).tolist():
            if a != b:
                weights[(a, b)] = float(rng.choice([0, 1, 1, 2, 7]))
                hierarchy.touch(a, b)
        for a, b in rng.permutation(list(weights))[: rng.integers(0, 12)].tolist():
            del weights[(a, b)]
            hierarchy.touch(a, b)
        hierarchy.settle(contracted=bool(rng.random() < 0.8))
        twin = nx.DiGraph()
        twin.add_nodes_from(range(n))
        twin.add_weighted_edges_from((a, b, w) for (a, b), w in weights.items())
        for a, b in rng.integers(0, n, (10, 2)).tolist():
            way = shortest(hierarchy.levels, a, b)
            if way is None:
                assert not nx.has_path(twin, a, b)
            else:
                walked = sum(weights[pair] for pair in itertools.pairwise(way[0]))
                assert walked == way[1] == nx.dijkstra_path_length(twin, a, b)


def test_a_graph_grown_step_by_step_knows_the_ways_of_one_made_at_once(rng):
    nodes, links = streets(5)
    grown, whole = RouteGraph(), graph_of(nodes, links)
    for a, b in links:
        for node_id in (a, b):
            if node_id not in grown:
                grown.put_node(node_id, nodes[node_id])
        grown.connect(a, b)
        grown.connect(b, a)
        grown.shortest(a, b)
    for a, b in rng.choice(list(grown), (50, 2)):
        if a in whole and nx.has_path(networkx_of(whole), a, b):
            assert grown.shortest(a, b).weight == pytest.approx(whole.shortest(a, b).weight)


def work_of_one_more_node(n_side):
    """How often the hierarchy looks at the weight of an edge when a node is added to a city that was asked before."""
    nodes, links = streets(n_side)
    numbers = {name: k for k, name in enumerate(nodes)}
    around = {k: set() for k in range(len(numbers) + 1)}
    looked = []
    for a, b in links:
        around[numbers[a]].add(numbers[b])
        around[numbers[b]].add(numbers[a])
    hierarchy = Hierarchy(lambda a, b: looked.append(a) or (1.0 if b in around[a] else math.inf), around.__getitem__)
    for a, b in links:
        hierarchy.touch(numbers[a], numbers[b])
    hierarchy.settle()
    looked.clear()
    here, new = numbers["j1_1"], len(numbers)
    around[here].add(new)
    around[new].add(here)
    hierarchy.touch(here, new)
    hierarchy.settle()
    assert shortest(hierarchy.levels, new, numbers["j0_0"])[0][:2] == [new, here]
    return len(looked)


def test_adding_a_node_costs_the_same_in_a_small_city_and_in_a_large_one():
    assert work_of_one_more_node(4) == work_of_one_more_node(24) < 10


def test_a_long_corridor_explored_node_by_node_stays_quick_to_climb():
    graph, n = RouteGraph(), 800
    graph.put_node("n0", (0, 0, 0))
    for k in range(1, n):
        graph.put_node(f"n{k}", (k, 0, 0))
        graph.connect(f"n{k - 1}", f"n{k}")
        graph.connect(f"n{k}", f"n{k - 1}")
        graph.settle()
        if k % 50 == 0:
            assert graph.shortest("n0", f"n{k}").length_m == pytest.approx(k)
    parent, depths = graph._hierarchy.levels.parent, []
    for start in range(n):
        node, depth = start, 0
        while node >= 0:
            node, depth = parent[node], depth + 1
        depths.append(depth)
    assert max(depths) < 0.4 * n


def test_a_graph_without_small_cuts_is_searched_without_filling_up_with_shortcuts(rng):
    n = 1500
    graph = RouteGraph(PLAIN)
    for k in range(n):
        graph.put_node(f"n{k}", (k, 0, 0))
    for a, b in rng.integers(0, n, (3 * n, 2)).tolist():
        if a != b:
            graph.connect(f"n{a}", f"n{b}", cost=float(rng.random()))
    check_ways(graph, rng)
    assert sum(map(len, graph._hierarchy.levels.arcs)) < 100 * n


def test_a_weight_is_metres_and_learned_cost_and_never_negative():
    graph = graph_of({"a": (0, 0, 0), "b": (3, 4, 0)}, [], settings=RouteSettings(per_metre=2.0, per_cost=0.5))
    graph.connect("a", "b", cost=4.0)
    assert graph.edges("a")[0].weight == 2 * 5 + 0.5 * 4
    graph.connect("a", "b", length_m=7.0)
    assert graph.edges("a")[0].weight == 14
    graph.connect("a", "b", cost=-1000.0)
    assert graph.shortest("a", "b").weight == 0


def test_going_again_counts_half():
    graph = graph_of({"a": (0, 0, 0), "b": (10, 0, 0)}, [])
    graph.revisit("a", "b", cost=8.0)
    graph.revisit("a", "b", cost=0.0)
    assert (graph.edges("a")[0].length_m, graph.edges("a")[0].cost) == (10, 4)
    graph.revisit("a", "b", length_m=20.0, cost=4.0)
    assert (graph.edges("a")[0].length_m, graph.edges("a")[0].cost) == (15, 4)


def test_a_slow_street_is_avoided_once_it_is_known_to_be_slow():
    square = {"a": (0, 0, 0), "b": (10, 0, 0), "c": (5, 3, 0)}
    graph = graph_of(square, [("a", "b"), ("a", "c"), ("c", "b")])
    assert graph.shortest("a", "b").ids == ("a", "b")
    for _ in range(3):
        graph.revisit("a", "b", cost=20.0)
    assert graph.shortest("a", "b").ids == ("a", "c", "b")
    assert graph.shortest("b", "a").ids == ("b", "a")


def test_a_node_that_moves_stretches_its_edges_but_not_those_with_metres_of_their_own():
    graph = graph_of({"a": (0, 0, 0), "b": (1, 0, 0), "c": (0, 1, 0)}, [("a", "b")])
    graph.connect("a", "c", length_m=9.0)
    graph.put_node("a", (0, -1, 0))
    assert graph.shortest("a", "b").length_m == pytest.approx(math.sqrt(2))
    assert graph.shortest("b", "a").length_m == pytest.approx(math.sqrt(2))
    assert graph.shortest("a", "c").length_m == 9


def test_a_removed_node_is_gone_with_its_edges_and_its_place_can_be_taken():
    graph = graph_of({"a": (0, 0, 0), "b": (1, 0, 0), "c": (2, 0, 0)}, [("a", "b"), ("b", "c")])
    assert graph.shortest("a", "c").ids == ("a", "b", "c")
    graph.remove_node("b")
    with pytest.raises(NotPossible, match="no edges join"):
        graph.shortest("a", "c")
    assert (len(graph), graph.n_edges) == (2, 0)
    graph.put_node("d", (1, 1, 0))
    for a, b in (("a", "d"), ("d", "c")):
        graph.connect(a, b)
    assert graph.shortest("a", "c").ids == ("a", "d", "c")
    assert graph.nearest((1, 0.2, 0)) == "d"


def look(rng, base, noise=0.02):
    return base + rng.normal(0, noise, base.shape)


def test_two_corridors_that_look_alike_but_lie_apart_stay_two(rng):
    bases = [rng.normal(0, 1, 32) for _ in range(10)]
    graph = RouteGraph()
    first = [graph.observe(look(rng, base), (2.0 * k, 0, 0)) for k, base in enumerate(bases)]
    second = [graph.observe(look(rng, base), (2.0 * k, 60, 0)) for k, base in enumerate(bases)]
    again = [graph.observe(look(rng, base), (2.0 * k + 0.3, 0.2, 0)) for k, base in enumerate(bases)]
    assert len({*first, *second}) == 20
    assert again == first
    assert len(graph) == 20


def test_near_is_not_enough_to_be_one_and_of_several_the_most_alike_is_taken(rng):
    one, other = rng.normal(0, 1, 16), rng.normal(0, 1, 16)
    graph = RouteGraph()
    a, b = graph.observe(one, (0, 0, 0)), graph.observe(other, (0.1, 0, 0))
    assert a != b
    assert graph.observe(look(rng, other), (0, 0, 0)) == b


def test_a_merged_node_is_the_mean_of_what_was_seen(rng):
    base = rng.normal(0, 1, 8)
    seen = [(look(rng, base), rng.uniform(-0.5, 0.5, 3)) for _ in range(5)]
    graph = RouteGraph()
    ids = {graph.observe(descriptor, position) for descriptor, position in seen}
    node = graph.node(ids.pop())
    assert not ids
    assert node.visits == 5
    np.testing.assert_allclose(node.position, np.mean([position for _, position in seen], axis=0))
    np.testing.assert_allclose(node.descriptor, np.mean([descriptor for descriptor, _ in seen], axis=0), atol=1e-6)


def test_ids_of_observations_do_not_return_after_a_removal():
    graph = RouteGraph()
    a, b = graph.observe([0.0], (0, 0, 0)), graph.observe([0.0], (100, 0, 0))
    graph.remove_node(a)
    assert graph.observe([0.0], (200, 0, 0)) not in (a, b)


def test_the_nearest_point_is_that_of_a_search_through_all(rng):
    index, points = PointIndex(1.0), {}
    for k in range(300):
        points[k] = tuple(rng.normal(0, 20, 3).tolist())
        index.put(k, points[k])
    for k in range(0, 300, 3):
        index.discard(k)
        del points[k]
    for point in rng.normal(0, 40, (50, 3)).tolist():
        assert index.nearest(point) == min(points, key=lambda k: (math.dist(points[k], point), k))
        near = {k for k, at in points.items() if math.dist(at, point) <= 7.3}
        assert {k for k, _ in index.within(point, 7.3)} == near
    assert index.nearest((1e9, 0, 0)) is not None
    assert PointIndex(1.0).nearest((0, 0, 0)) is None


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda g: g.connect("a", "zebra"), "no node 'zebra'"),
        (lambda g: g.connect("a", "a"), "two nodes, got 'a' twice"),
        (lambda g: g.connect("a", "b", length_m=-1.0), "metres >= 0, got -1.0"),
        (lambda g: g.connect("a", "b", cost=math.nan), "cost: want a finite number, got nan"),
        (lambda g: g.disconnect("a", "b"), "no edge from 'a' to 'b'"),
        (lambda g: g.put_node("c", (0, math.inf, 0)), "'c': want finite metres"),
        (lambda g: g.put_node("c", (0, 0)), "'c': want three numbers"),
        (lambda g: g.observe([math.nan], (0, 0, 0)), "descriptor: want"),
        (lambda g: (g.observe([1.0, 2.0], (0, 0, 0)), g.observe([1.0], (0, 0, 0))), "want 2 numbers as before, got 1"),
        (lambda g: g.way_along(["a", "b"]), "no edge from 'a' to 'b'"),
        (lambda g: RouteGraph().nearest((0, 0, 0)), "no nodes"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_changes_nothing(act, message):
    graph = graph_of({"a": (0, 0, 0), "b": (1, 0, 0)}, [])
    with pytest.raises((BadInput, NotPossible), match=message):
        act(graph)
    assert graph.n_edges == 0
