# SPDX-License-Identifier: Apache-2.0
"""A day between two tours: what people changed, and what the memory says that changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from memory_app.episodes.touring import tour
from memory_app.episodes.watched import Watched
from memory_app.episodes.world import World
from memory_app.pipeline import Session
from memory_core.frame import CameraFrame
from memory_core.memory import Memory
from sim import HouseSimulator, SimObject, Simulator
from sim.days import day_of, differences
from sim.scores import ENOUGH_PIXELS, Change, ChangeScore, Sighting, Witness, score_changes

_DAY_S = 3600.0
_ACTIVITIES = 12
_NEAR_M = 0.3
_TELLING = ("appeared", "moved", "vanished")


def live(world: World, watched: Watched, house: HouseSimulator, memory: Memory) -> tuple[ChangeScore, int]:
    """Tour, let a day pass, tour again; how well the changes were told, and how many there were to see.

    Only what could be seen counts: an object seen clearly on one tour alone came or went for the robot, and one that
    it sees for the first time where it always stood is news, not a change. O(frames + objects).
    """
    sim = cast(Simulator, watched)
    first = _toured(sim, memory).sightings(house.objects())
    before, last_event = house.objects(), memory.info()["events"]
    day = day_of(world.scene, seed=world.seed, n_activities=_ACTIVITIES, duration_s=_DAY_S)
    begin_ns = house.observe().stamp_ns
    house.schedule([(begin_ns + stamp_ns, change) for stamp_ns, change in day.agenda()])
    house.wait(_DAY_S)
    after = house.objects()
    watched.witness = Witness()
    second = _toured(sim, memory).sightings(house.objects())
    true = _to_be_seen(differences(before, after, house.history), before, after, _clear(first), _clear(second))
    told = [
        Change(one.event.kind, one.event.label, one.event.position or (0.0, 0.0, 0.0), one.event.stamp_ns)  # type: ignore[arg-type]
        for one in memory.events(since=last_event, kinds=_TELLING, limit=None)
    ]
    return score_changes(_changes(told, true, after), true), len(true)


def _toured(sim: Simulator, memory: Memory) -> Witness:
    """Tour the house into the memory, as one session; what was to be seen on the tour."""
    witness, first = Witness(), sim.observe()
    session = Session(memory, first)
    tour(sim, _both(session.add, witness.see))
    session.flush(final=True)
    return witness


def _both(add: Callable[[CameraFrame], None], see: Callable[[CameraFrame], None]) -> Callable[[CameraFrame], None]:
    def take(frame: CameraFrame) -> None:
        add(frame)
        see(frame)

    return take


def _clear(seen: Mapping[str, Sighting]) -> set[str]:
    return {uid for uid, sighting in seen.items() if sighting.n_pixels >= ENOUGH_PIXELS}


def _to_be_seen(
    true: Sequence[Change], before: Sequence[SimObject], after: Sequence[SimObject], first: set[str], second: set[str]
) -> list[Change]:
    """The changes as they look to who saw some objects clearly on the first tour and some on the second."""
    then = {thing.uid: thing for thing in before}
    now = {(thing.label, thing.box.center): thing.uid for thing in after}
    gone = {(thing.label, thing.box.center): thing.uid for thing in before}
    seen = []
    for one in true:
        key = (one.label, one.position)
        uid = gone[key] if one.kind == "vanished" else now[key]
        was, is_there = uid in first and one.kind != "appeared", uid in second and one.kind != "vanished"
        if was and is_there:
            seen.append(one)
        elif is_there:
            seen.append(Change("appeared", one.label, one.position, one.stamp_ns))
        elif was:
            seen.append(Change("vanished", one.label, then[uid].box.center, one.stamp_ns))
    return seen


def _changes(told: Sequence[Change], true: Sequence[Change], after: Sequence[SimObject]) -> list[Change]:
    """What was told, without the things seen for the first time where they stood before."""
    changed = {(one.label, one.position) for one in true}
    still = [thing for thing in after if (thing.label, thing.box.center) not in changed]

    def is_news(one: Change) -> bool:
        stood = (thing for thing in still if thing.label == one.label)
        return one.kind == "appeared" and any(thing.box.distance_m(one.position) <= _NEAR_M for thing in stood)

    return [one for one in told if not is_news(one)]
