# SPDX-License-Identifier: Apache-2.0
"""Exploring and searching a small flat, with the truth out of reach."""

import numpy as np
import pytest

import sim
from memory_app.exploring import ExplorationSettings, explore
from memory_app.exploring.explorer import Explorer
from memory_app.exploring.oracle import Coverage, Oracle
from memory_app.exploring.searching import Searcher
from memory_core.memory import Memory

FLAT = "gen?rooms=2&seed=4&kind=flat"
ALLOWED = ("observe", "step")


class Blindfolded:
    """A simulator of which only what a robot has may be used: its frames and its actions."""

    def __init__(self, simulator):
        self._simulator = simulator

    def __getattr__(self, name):
        assert name in ALLOWED or name == "take_closure", f"{name} is the truth"
        return getattr(self._simulator, name)


def flat():
    return sim.make("house", scene=FLAT, width=160, height=120)


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    simulator = flat()
    with Memory.open(tmp_path_factory.mktemp("explored") / "memory") as memory:
        explorer = Explorer(Blindfolded(simulator), memory)
        coverage = Coverage(np.asarray(simulator.reachable()), explorer.mapper.octree)
        explorer.watch = lambda n, _: coverage.look(n)
        report = explorer.run()
        yield simulator, memory, coverage, report


def test_all_of_the_floor_is_seen_by_frames_alone(explored):
    _, _, coverage, report = explored
    assert report.complete
    assert coverage.curve[-1][1] >= 0.98
    assert report.n_bumps <= 2


def test_it_takes_at_most_twice_what_knowing_the_floor_would(explored):
    _, _, coverage, _ = explored
    oracle = Oracle(flat()).run()
    assert coverage.actions_to(0.95) <= 2 * oracle.actions_to(0.95) + 12  # and one look around at the start


def test_the_memory_holds_the_flat(explored):
    simulator, memory, _, _ = explored
    graph = memory.graph()
    assert len(graph.rooms) == len(simulator.rooms())
    assert len(graph.instances) >= 0.7 * len([o for o in simulator.objects() if not o.parent])
    assert memory.verify().problems == []


def test_the_same_world_is_explored_in_the_same_way(tmp_path):
    digests, reports = set(), set()
    for name in ("one", "other"):
        with Memory.open(tmp_path / name) as memory:
            reports.add(explore(flat(), memory, ExplorationSettings(max_actions=40)))
            digests.add(memory.digest())
    assert len(digests) == len(reports) == 1
    assert not reports.pop().complete


def test_a_robot_goes_straight_to_what_its_memory_knows(explored, tmp_path):
    simulator, memory, _, _ = explored
    graph = memory.graph()
    label = next(i.label for i in graph.instances.values() if i.label in {"bed", "sofa", "fridge", "dining table"})
    searcher = Searcher(Blindfolded(simulator), memory)
    assert searcher.find(label)
    things = [o for o in simulator.objects() if o.label == label]
    pose = simulator.agent_pose
    assert min(o.box.distance_m((pose.x, pose.y, o.box.center[2])) for o in things) <= 1.0
    assert len(memory.info()["sessions"]) == 2

    with Memory.open(tmp_path / "empty") as empty:
        assert not Searcher(Blindfolded(flat()), empty, ExplorationSettings(max_actions=20)).find("piano")
