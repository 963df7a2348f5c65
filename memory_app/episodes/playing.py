# SPDX-License-Identifier: Apache-2.0
"""One episode of each kind: what the robot does, and what the truth says of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import numpy as np

from memory_app.episodes.goals import goal_points, shortest_m
from memory_app.episodes.judging import Figures, judge
from memory_app.episodes.living import live
from memory_app.episodes.report import Episode
from memory_app.episodes.touring import tour
from memory_app.episodes.watched import Watched
from memory_app.episodes.world import World
from memory_app.exploring.explorer import Explorer
from memory_app.exploring.intake import Intake
from memory_app.exploring.oracle import Coverage
from memory_app.exploring.searching import Searcher
from memory_app.sim_tasks import attempts
from memory_core.errors import BadSettings
from memory_core.memory import Memory
from sim import HouseSimulator, Simulator
from sim.scores import RouteEpisode, score_routes

_COVERED = 0.95

Play = Callable[[World, Memory, Watched], Episode]


def explore(world: World, memory: Memory, watched: Watched) -> Episode:
    """Explore the whole scene; the memory is judged, and how much of the floor was seen."""
    points = np.asarray(watched.reachable(), np.float64)
    explorer = Explorer(cast(Simulator, watched), memory)
    coverage = Coverage(points, explorer.mapper.octree)
    explorer.watch = lambda n, _: coverage.note(n)
    done = explorer.run()
    covered = coverage.look(done.n_actions)
    figures: Figures = {
        "coverage": covered,
        "actions to 95 %": coverage.actions_to(_COVERED),
        "actions": done.n_actions,
        "bumps": done.n_bumps,
        "driven m": done.driven_m,
    }
    return _judged(world, "explore", watched, memory, figures, covered >= _COVERED)


def take_tour(world: World, memory: Memory, watched: Watched) -> Episode:
    """A tour past all of the floor, which the robot is told; the memory is judged."""
    intake = Intake(cast(Simulator, watched), memory)
    tour(cast(Simulator, watched), intake.take)
    intake.session.flush(final=True)
    return _judged(world, "tour", watched, memory, {"frames": intake.session.n_frames}, None)


def live_day(world: World, memory: Memory, watched: Watched) -> Episode:
    """A tour, a day on which people change things, another tour; what the memory tells of the changes is judged."""
    house = getattr(watched.simulator, "simulator", watched.simulator)
    if not isinstance(house, HouseSimulator):
        raise BadSettings(f"a day: want the simulator 'house', in which people live, got {world.simulator!r}")
    score, n_happened = live(world, watched, house, memory)
    figures: Figures = {
        "changes": n_happened,
        "change precision": score.precision,
        "change recall": score.recall,
        "delay s": score.median_delay_s,
    }
    details = {
        "changes missed": [[one.kind, one.label, *one.position] for one in score.missed],
        "changes spurious": [[one.kind, one.label, *one.position] for one in score.spurious],
    }
    return _judged(world, "day", watched, memory, figures, None, details)


def search(world: World, memory: Memory, watched: Watched) -> Episode:
    """Find a thing of a kind drawn by the seed, from where the last search ended and with what the memory knows."""
    watched.begin()
    points = np.asarray(watched.reachable(), np.float64)
    goals = goal_points(watched.objects(), points)
    if not goals:
        return Episode("search", world.name, world.seed, None, "nothing can be walked to", {})
    label = sorted(goals)[int(world.rng(1).integers(len(goals)))]
    searcher = Searcher(cast(Simulator, watched), memory)
    believed = searcher.find(label)
    route = RouteEpisode(
        watched.path, goals[label].tolist(), shortest_m(points, watched.path[0], goals[label]), (), believed
    )
    score = score_routes([route], radius_m=world.radius_m)
    figures: Figures = {
        "SPL": score.spl if score.n_episodes else None,
        "walked m": watched.walked_m,
        "shortest m": route.shortest_m if math.isfinite(route.shortest_m) else None,
        "actions": watched.n_actions,
    }
    ok = bool(score.success) if score.n_episodes else None
    return Episode("search", world.name, world.seed, ok, f"find the {label}", figures)


def fetch(world: World, memory: Memory, n_tasks: int) -> Iterator[Episode]:
    """Go-to, find and pick-and-place tasks, each in the house as it was on the one tour before them all."""
    if world.simulator != "house" or not world.noise.is_perfect:
        raise BadSettings(f"fetch: want the simulator 'house' without noise, got {world.simulator!r}")
    for n, result in enumerate(attempts(world.scene, memory, n_tasks, world.seed)):
        figures: Figures = {"actions": result.n_actions, "planning ms": result.planning_ms}
        text = result.text + (f": {result.reason}" if result.reason else "")
        yield Episode("fetch", world.name, world.seed + n, result.ok, text, figures, {"believed": result.believed})


PLAYS: dict[str, Play] = {"explore": explore, "tour": take_tour, "day": live_day, "search": search}


def _judged(
    world: World, kind: str, watched: Watched, memory: Memory, figures: Figures, ok: bool | None,
    details: Mapping[str, Any] | None = None,
) -> Episode:  # fmt: skip
    truth = watched.objects()
    found, about = judge(memory, cast(Simulator, watched), watched.witness.sightings(truth), world.seed)
    return Episode(kind, world.name, world.seed, ok, "", {**figures, **found}, {**about, **(details or {})})
