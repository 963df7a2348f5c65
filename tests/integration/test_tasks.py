# SPDX-License-Identifier: Apache-2.0
"""Closed loop in the embedded house: tour, remember, plan, act; judged by the simulator's truth."""

import json
from dataclasses import replace

import numpy as np
import pytest

import sim
from memory_app.execute import execute
from memory_app.pipeline import Pipeline
from memory_app.sim_tasks import run_tasks
from memory_core.memory import Memory
from memory_core.question import Question
from memory_core.short_term import ShortTermMemory
from task_planner import plan


@pytest.fixture(scope="module")
def memory_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tasks") / "memory"
    with Memory.open(directory) as memory:
        Pipeline().run(sim.house_source("house"), memory)
    return directory


@pytest.fixture(scope="module")
def memory(memory_dir):
    with Memory.open(memory_dir, read_only=True) as memory:
        yield memory


@pytest.fixture(scope="module")
def shared_simulator():
    return sim.make("house")


@pytest.fixture
def simulator(shared_simulator):
    shared_simulator.reset()
    return shared_simulator


class Forgetful:
    """A memory that has never seen things of some class."""

    def __init__(self, memory, label):
        graph = memory.graph()
        kept = {key: thing for key, thing in graph.instances.items() if thing.label != label}
        self._graph, self._memory = replace(graph, instances=kept), memory

    def graph(self, as_of_ns=None):
        return self._graph

    def recall(self, question):
        return self._memory.recall(question)


def where(simulator):
    pose = simulator.agent_pose
    return (pose.x, pose.y, 0.0)


def truth(simulator, label):
    return [thing for thing in simulator.objects() if thing.label == label]


def test_at_least_eight_of_nine_tasks_succeed_and_what_was_never_seen_is_denied(memory_dir):
    report = run_tasks("house", 9, seed=1, memory_dir=memory_dir)

    assert len(report.results) == 9
    assert set(report.by_kind) == {"go_to", "find", "pick_and_place"}
    failed = [result for result in report.results if not result.ok]
    assert len(failed) <= 1, failed
    assert (report.n_unseen, report.n_denied) == (10, 10)
    assert json.loads(json.dumps(report.to_json()))["success_rate"] == report.success_rate


def test_the_robot_knows_when_it_succeeded(memory, simulator):
    made = plan("put the apple in the fridge", memory, where(simulator))
    outcome = execute(made, simulator, memory.graph())

    (fridge,) = truth(simulator, "fridge")
    assert outcome.ok, outcome.reason
    assert fridge.uid in {apple.parent for apple in truth(simulator, "apple")}
    assert (fridge.is_open, simulator.held) == (False, "")
    assert [step.step.skill for step in outcome.steps] == [step.skill for step in made.steps]


def test_a_thing_taken_away_since_the_tour_is_reported_missing(memory, simulator):
    taken = plan("pick up the apple", memory, where(simulator))
    assert execute(taken, simulator, memory.graph()).ok

    outcome = execute(plan("look at the apple", memory, where(simulator)), simulator, memory.graph())

    assert (outcome.ok, outcome.reason) == (False, "the apple was not seen where it is remembered")


def test_what_the_simulator_refuses_is_the_reason(memory, simulator):
    assert execute(plan("pick up the apple", memory, where(simulator)), simulator, memory.graph()).ok
    outcome = execute(plan("pick up the bread", memory, where(simulator)), simulator, memory.graph())
    assert not outcome.ok
    assert "hand already holds" in outcome.reason


def test_a_search_finds_what_was_never_seen(memory, simulator):
    made = plan("find the toilet", Forgetful(memory, "toilet"), where(simulator))
    assert (made.status, made.steps[0].skill) == ("not_seen", "Search")

    outcome = execute(made, simulator, memory.graph())

    assert outcome.ok
    assert any(simulator.sees(toilet.uid) for toilet in truth(simulator, "toilet"))


def test_a_search_for_what_is_nowhere_fails_after_all_rooms(memory, simulator):
    assert truth(simulator, "dumbbell") == []
    made = plan("find the dumbbell", memory, where(simulator))
    outcome = execute(made, simulator, memory.graph())
    assert (outcome.ok, outcome.reason) == (False, "no dumbbell was seen there")
    assert len(outcome.steps) == len(memory.graph().rooms)


def test_the_outcome_can_be_remembered_and_changes_no_view(tmp_path, memory, simulator):
    outcome = execute(plan("go to the sofa", memory, where(simulator)), simulator, memory.graph())
    with Memory.open(tmp_path / "log") as log:
        log.record(*outcome.events())
        stored = [entry.event for entry in log.events()]
        assert [event.kind for event in stored] == ["did", "outcome"]
        assert log.graph().instances == {}


def test_the_same_plan_in_the_same_house_ends_the_same(memory, simulator):
    made = plan("go to the bed", memory, where(simulator))
    first = execute(made, simulator, memory.graph()), simulator.agent_pose
    simulator.reset()
    second = execute(made, simulator, memory.graph()), simulator.agent_pose
    assert first == second


def test_working_memory_answers_what_the_long_term_memory_said_before(memory, simulator):
    working = ShortTermMemory(memory, 8)
    question = Question(kind="where", label="sofa")
    first = working.recall(question)
    working.observe([], simulator.T_world_base, simulator.observe().stamp_ns)
    second = working.recall(question)

    assert (working.stats.hits, working.stats.misses) == (1, 1)
    assert second.results[0].position == first.results[0].position
    relative = np.linalg.inv(simulator.T_world_base) @ [*first.results[0].position, 1.0]
    assert working.things()[0].relative == pytest.approx(tuple(relative[:3]))
