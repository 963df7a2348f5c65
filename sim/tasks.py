# SPDX-License-Identifier: Apache-2.0
"""Tasks for an agent in a house, said as people say them and judged by the simulator's truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Literal, TypeVar

import numpy as np

from memory_core.geometry import Vec
from sim.house.backend import HouseSimulator
from sim.scores.sightings import ENOUGH_PIXELS, Sighting
from sim.types import SimObject, SimRoom

T = TypeVar("T")
TaskKind = Literal["go_to", "find", "pick_and_place"]
ARRIVED_M = 1.0
_FOUND_M = 2.0
_REACHABLE_M = 1.25
_FACING_RAD = math.radians(45)


@dataclass(frozen=True, slots=True)
class Task:
    """A wish and its judge: `check` tells from the simulator's present state whether it is fulfilled."""

    text: str
    kind: TaskKind
    check: Callable[[HouseSimulator], bool]


def generate_tasks(
    simulator: HouseSimulator,
    seen: Mapping[str, Sighting],
    *,
    n_tasks: int = 30,
    seed: int = 0,
    min_pixels: int = ENOUGH_PIXELS,
) -> list[Task]:
    """Feasible tasks about things seen clearly on an earlier tour, kinds in turn, none fulfilled at the start.

    Any object of the named kind will do. Fewer than `n_tasks` when the house does not offer more.

    Args:
        simulator: standing at its start; it is asked what can be reached, and not changed.
    """
    rng = np.random.default_rng(seed)
    clear = [o for o in simulator.objects() if o.uid in seen and seen[o.uid].n_pixels >= min_pixels]
    points = simulator.reachable()
    reachable = [o for o in clear if _gaps_m(o, points).min() <= _REACHABLE_M]
    kinds = [
        iter(_shuffled([*_go_to_rooms(simulator.rooms()), *_go_to(reachable)], rng)),
        iter(_shuffled(_find(reachable), rng)),
        _pick_and_place(simulator, reachable, rng),
    ]
    open_tasks = [(task for task in tasks if not task.check(simulator)) for tasks in kinds]
    in_turn = (task for tasks in zip_longest(*open_tasks) for task in tasks if task is not None)
    return list(islice(in_turn, n_tasks))


def is_near(simulator: HouseSimulator, thing: SimObject, distance_m: float = ARRIVED_M) -> bool:
    """Whether the agent is within a distance of an object's box on the floor plan, and turned to it or seeing it."""
    pose = simulator.agent_pose
    if thing.box.distance_m((pose.x, pose.y, thing.box.center[2])) > distance_m:
        return False
    bearing = math.atan2(thing.box.center[1] - pose.y, thing.box.center[0] - pose.x) - pose.yaw_rad
    turned = abs((bearing + math.pi) % (2 * math.pi) - math.pi) <= _FACING_RAD
    return turned or simulator.sees(thing.uid)


def _gaps_m(thing: SimObject, points: Vec) -> Vec:
    """(N,) distances on the floor plan from points (N, 2) to an object's box."""
    outside = np.maximum(np.array(thing.box.minimum[:2]) - points, points - np.array(thing.box.maximum[:2]))
    return np.asarray(np.linalg.norm(np.maximum(outside, 0), axis=1))


def _shuffled(items: Sequence[T], rng: np.random.Generator) -> list[T]:
    return [items[i] for i in rng.permutation(len(items))]


def _labels(things: Iterable[SimObject]) -> list[str]:
    return sorted({thing.label for thing in things})


def _go_to_rooms(rooms: Sequence[SimRoom]) -> list[Task]:
    return [Task(f"go to the {label}", "go_to", _in_room(label)) for label in sorted({room.label for room in rooms})]


def _in_room(label: str) -> Callable[[HouseSimulator], bool]:
    def check(simulator: HouseSimulator) -> bool:
        pose = simulator.agent_pose
        return any(room.label == label and room.contains(pose.x, pose.y) for room in simulator.rooms())

    return check


def _go_to(things: Sequence[SimObject]) -> list[Task]:
    return [Task(f"go to the {label}", "go_to", _at(label)) for label in _labels(things)]


def _at(label: str) -> Callable[[HouseSimulator], bool]:
    return lambda simulator: any(is_near(simulator, o) for o in simulator.objects() if o.label == label)


def _find(things: Sequence[SimObject]) -> list[Task]:
    return [Task(f"find the {label}", "find", _found(label)) for label in _labels(things)]


def _found(label: str) -> Callable[[HouseSimulator], bool]:
    def check(simulator: HouseSimulator) -> bool:
        pose = simulator.agent_pose
        near = (o for o in simulator.objects() if o.label == label and _gap(o, pose.x, pose.y) <= _FOUND_M)
        return any(simulator.sees(o.uid) for o in near)

    return check


def _gap(thing: SimObject, x: float, y: float) -> float:
    return thing.box.distance_m((x, y, thing.box.center[2]))


def _pick_and_place(simulator: HouseSimulator, things: Sequence[SimObject], rng: np.random.Generator) -> Iterator[Task]:
    """A kind of small thing into or onto a kind of furniture, where each of the kind has room for each."""
    holders = [o for o in things if o.receptacle and not o.pickupable and not o.parent]
    small = [o for o in things if o.pickupable]
    for label, holder_label in _shuffled([(a, b) for a in _labels(small) for b in _labels(holders)], rng):
        kind = [h.uid for h in holders if h.label == holder_label]
        if all(simulator.fits(o.uid, h) for o in small if o.label == label for h in kind):
            text = f"put the {label} {'in' if simulator.holds_inside(kind[0]) else 'on'} the {holder_label}"
            yield Task(text, "pick_and_place", _placed(label, holder_label))


def _placed(label: str, holder_label: str) -> Callable[[HouseSimulator], bool]:
    def check(simulator: HouseSimulator) -> bool:
        holders = {o.uid for o in simulator.objects() if o.label == holder_label}
        return any(o.parent in holders for o in simulator.objects() if o.label == label)

    return check
