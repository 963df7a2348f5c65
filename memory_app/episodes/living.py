# SPDX-License-Identifier: Apache-2.0
"""A day between two tours: what people changed, and what the memory says that changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from memory_app.episodes.touring import tour
from memory_app.episodes.watched import Watched
from memory_app.episodes.world import World
from memory_app.exploring.intake import Intake
from memory_core.frame import CameraFrame
from memory_core.geometry import Box
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
    morning_ns = house.observe().stamp_ns
    house.schedule([(morning_ns + stamp_ns, change) for stamp_ns, change in day.agenda()])
    house.wait(_DAY_S)
    after, evening_ns = house.objects(), house.observe().stamp_ns
    watched.witness = Witness()
    second = _toured(sim, memory).sightings(after)
    happened = _happened(differences(before, after), before, after)
    true, hidden = _to_be_seen(happened, first, second, evening_ns)
    told = [
        Change(one.event.kind, one.event.label, one.event.position or (0.0, 0.0, 0.0), one.event.stamp_ns)  # type: ignore[arg-type]
        for one in memory.events(since=last_event, kinds=_TELLING, limit=None)
    ]
    return score_changes(_changes(told, hidden, after, happened), true), len(true)


def _toured(sim: Simulator, memory: Memory) -> Witness:
    """Tour the house into the memory, as one session; what was to be seen on the tour."""
    witness, intake = Witness(), Intake(sim, memory)
    tour(sim, _both(intake.take, witness.see))
    intake.session.flush(final=True)
    return witness


def _both(add: Callable[[CameraFrame], None], see: Callable[[CameraFrame], None]) -> Callable[[CameraFrame], None]:
    def take(frame: CameraFrame) -> None:
        add(frame)
        see(frame)

    return take


@dataclass(frozen=True, slots=True)
class _Happened:
    """What became of an object over the day; `then` or `now` is None when it was or is not there."""

    label: str
    then: Box | None
    now: Box | None


def _happened(true: Sequence[Change], before: Sequence[SimObject], after: Sequence[SimObject]) -> dict[str, _Happened]:
    """By uid."""
    then, now = ({thing.uid: thing for thing in things} for things in (before, after))
    by_center = {(thing.label, thing.box.center): thing.uid for thing in [*before, *after]}
    found = {}
    for one in true:
        uid = by_center[one.label, one.position]
        was, is_there = one.kind != "appeared", one.kind != "vanished"
        found[uid] = _Happened(one.label, then[uid].box if was else None, now[uid].box if is_there else None)
    return found


def _to_be_seen(
    happened: Mapping[str, _Happened], first: Mapping[str, Sighting], second: Mapping[str, Sighting], evening_ns: int
) -> tuple[list[Change], list[_Happened]]:
    """The changes as they look to who saw some objects clearly on the first tour and some on the second, each from
    when it was to be seen; and those that were not clearly to be seen.
    """
    seen: list[Change] = []
    hidden: list[_Happened] = []
    for uid, one in sorted(happened.items()):
        then = one.then if one.then and _is_clear(first, uid) else None
        now = one.now if one.now and _is_clear(second, uid) else None
        since_ns = second[uid].first_ns if now else evening_ns
        if then and now:
            seen.append(Change("moved", one.label, now.center, since_ns))
        elif now and (one.then is None or uid not in first):
            seen.append(Change("appeared", one.label, now.center, since_ns))
        elif then and (one.now is None or uid not in second):
            seen.append(Change("vanished", one.label, then.center, since_ns))
        else:
            hidden.append(one)
    return seen, hidden


def _is_clear(seen: Mapping[str, Sighting], uid: str) -> bool:
    return uid in seen and seen[uid].n_pixels >= ENOUGH_PIXELS


def _changes(
    told: Sequence[Change], hidden: Sequence[_Happened], after: Sequence[SimObject], happened: Mapping[str, _Happened]
) -> list[Change]:
    """What was told, without first sights of what always stood there, and without what was hardly to be seen."""
    still = [thing for thing in after if thing.uid not in happened]

    def counts(one: Change) -> bool:
        stood = (thing.box for thing in still if thing.label == one.label)
        boxes = (box for thing in hidden if thing.label == one.label for box in (thing.then, thing.now) if box)
        is_news = one.kind == "appeared" and any(box.distance_m(one.position) <= _NEAR_M for box in stood)
        return not is_news and not any(box.distance_m(one.position) <= _NEAR_M for box in boxes)

    return [one for one in told if counts(one)]
