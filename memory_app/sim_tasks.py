# SPDX-License-Identifier: Apache-2.0
"""Closed loop: tour a house, remember it, then plan and carry out tasks in it; the simulator's truth is the judge."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import sim
from memory_app.execute import execute
from memory_app.pipeline import Pipeline
from memory_core.graph import SceneGraph
from memory_core.memory import Memory
from memory_core.recall.vocabulary import Vocabulary
from sim.scores import sightings
from sim.tasks import Task, generate_tasks
from task_planner import PlannerSettings, plan
from task_planner.affordances import PORTABLE

_N_UNSEEN = 10


@dataclass(frozen=True, slots=True)
class TaskResult:
    """One task and how it went.

    Attributes:
        status: of the plan.
        ok: what the simulator's truth says after the steps.
        believed: what the robot thinks.
        reason: why the plan or its execution failed, "" if neither did.
    """

    text: str
    kind: str
    status: str
    ok: bool
    believed: bool
    reason: str
    planning_ms: float
    n_steps: int
    n_actions: int


@dataclass(frozen=True, slots=True)
class TaskReport:
    """How a robot did in one house.

    Attributes:
        n_unseen, n_denied: instructions about things that were never seen, and how many the planner said so of.
    """

    house: str
    results: tuple[TaskResult, ...]
    n_unseen: int
    n_denied: int

    @property
    def success_rate(self) -> float:
        """Share of tasks fulfilled by the simulator's truth; 0 when there were none."""
        return sum(result.ok for result in self.results) / max(1, len(self.results))

    @property
    def by_kind(self) -> dict[str, tuple[int, int]]:
        """Fulfilled and all tasks of each kind."""
        done = Counter(result.kind for result in self.results if result.ok)
        return {kind: (done[kind], n) for kind, n in sorted(Counter(r.kind for r in self.results).items())}

    def planning_ms(self, percentile: float) -> float:
        """A percentile of the time to plan, milliseconds; 0 when there were no tasks."""
        times = [result.planning_ms for result in self.results]
        return float(np.percentile(times, percentile)) if times else 0.0

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "house": self.house,
            "success_rate": self.success_rate,
            "by_kind": self.by_kind,
            "planning_ms": {"p50": self.planning_ms(50), "p99": self.planning_ms(99)},
            "unseen": {"asked": self.n_unseen, "denied": self.n_denied},
            "results": [asdict(result) for result in self.results],
        }


def run_tasks(
    house: str | Path | None = None,
    n_tasks: int = 30,
    seed: int = 0,
    *,
    memory_dir: Path | None = None,
    settings: PlannerSettings | None = None,
) -> TaskReport:
    """Tour a house once, then try generated tasks, each in a fresh house that is as it was on the tour.

    Args:
        house: as for sim.house_source; None is the house that comes along.
        memory_dir: where to keep the memory; a temporary one when None. One that holds the tour is used as it is.

    O(frames of the tour + tasks * actions).

    Raises:
        BadHouse: the house cannot be loaded.
    """
    with tempfile.TemporaryDirectory() as scratch, Memory.open(memory_dir or Path(scratch) / "memory") as memory:
        name = sim.house_source(house).name
        results = tuple(attempts(house, memory, n_tasks, seed, settings))
        unseen = _never_seen(memory.graph(), seed)
        denied = sum(plan(f"find the {label}", memory).status == "not_seen" for label in unseen)
        return TaskReport(name, results, len(unseen), denied)


def attempts(
    house: str | Path | None, memory: Memory, n_tasks: int, seed: int, settings: PlannerSettings | None = None
) -> Iterator[TaskResult]:
    """One result after the other of what `run_tasks` tries; the tour goes into `memory` unless it is there already."""
    source = sim.house_source(house)
    Pipeline().run(source, memory)
    simulator = sim.make("house", scene=house)
    for task in generate_tasks(simulator, sightings(source), n_tasks=n_tasks, seed=seed):
        yield _attempt(task, simulator, memory, settings)


def _attempt(task: Task, simulator: sim.HouseSimulator, memory: Memory, settings: PlannerSettings | None) -> TaskResult:
    simulator.reset()
    pose = simulator.agent_pose
    made = plan(task.text, memory, (pose.x, pose.y, 0.0), settings=settings)
    outcome = execute(made, simulator, memory.graph(), settings) if made.status == "found" else None
    return TaskResult(
        text=task.text,
        kind=task.kind,
        status=made.status,
        ok=task.check(simulator),
        believed=bool(outcome and outcome.ok),
        reason=outcome.reason if outcome else made.text,
        planning_ms=made.latency_ms,
        n_steps=len(made.steps),
        n_actions=outcome.n_actions if outcome else 0,
    )


def _never_seen(graph: SceneGraph, seed: int) -> list[str]:
    """Classes of which the memory holds nothing, by any name."""
    known = Vocabulary(frozenset(thing.label for thing in graph.instances.values()))
    strange = sorted(label for label in PORTABLE if not known.labels_for(label)[0])
    order = np.random.default_rng(seed).permutation(len(strange))
    return [strange[i] for i in order[:_N_UNSEEN]]
