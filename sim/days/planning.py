# SPDX-License-Identifier: Apache-2.0
"""Makes up a day by trying it out: every change of it is possible when its time comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from memory_core.errors import BadInput, NotPossible
from sim.days.day import Day, Happening
from sim.days.routines import ROUTINES, Kind, Routine
from sim.frames import size_from_unity
from sim.house.assets import AssetTable, object_types
from sim.house.changes import Change, apply
from sim.house.compatibility import goes_together
from sim.house.placing import free_spots
from sim.house.schema import load_house
from sim.house.world import Thing, World

_T = TypeVar("_T")

_LATER_CHANCE = 0.5
_LATEST = 3
_ROUTINES_TRIED = 12
_THINGS_TRIED = 3
_PLACES_TRIED = 4
_BREATH_S = 5.0
_LEAST_SLOT_S = 1.0


@dataclass(frozen=True, slots=True)
class _Later:
    """What is still to come of a routine: its thing goes on to a place, or is set back."""

    slot: int
    routine: Routine
    uid: str


def day_of(
    house: str | Path | None,
    *,
    seed: int = 0,
    n_activities: int = 12,
    duration_s: float = 3600.0,
    start_ns: int = 0,
    asset_database: str | Path | None = None,
) -> Day:
    """A day in a house that stands as it was built, see `plan_day`.

    Raises:
        BadHouse: as load_house.
        BadInput: as plan_day.
    """
    world = World(load_house(house), AssetTable(asset_database))
    return plan_day(world, seed=seed, n_activities=n_activities, duration_s=duration_s, start_ns=start_ns)


def plan_day(
    world: World, *, seed: int = 0, n_activities: int = 12, duration_s: float = 3600.0, start_ns: int = 0
) -> Day:
    """What happens in a house; the world given is left as it is in the evening. O(activities x (objects + places)).

    The same house, seed and arguments give the same day. Doors that are closed are opened again later, as long as the
    day lasts.

    Args:
        n_activities: of people; one may carry several changes, such as opening a cabinet, taking and closing.
        duration_s: simulated time over which they are spread evenly, after `start_ns`.

    Raises:
        BadInput: no activities, or less than a second for each.
    """
    if n_activities < 1 or not duration_s >= n_activities * _LEAST_SLOT_S:
        raise BadInput(f"day: want activities and at least 1 s for each, got {n_activities} in {duration_s:g} s")
    planner = _Planner(world, np.random.default_rng([seed, 77]), n_activities, duration_s, start_ns)
    for slot in range(n_activities):
        planner.fill(slot)
    planner.set_back()
    return Day(world.house.name, tuple(planner.happenings))


class _Planner:
    """A day that grows, slot by slot, in a world that changes with it."""

    def __init__(
        self, world: World, random: np.random.Generator, n_slots: int, duration_s: float, start_ns: int
    ) -> None:
        self.happenings: list[Happening] = []
        self._world, self._random, self._n_slots = world, random, n_slots
        self._slot_s, self._start_ns = duration_s / (n_slots + 1), start_ns
        self._later: list[_Later] = []
        self._n_new = 0
        self._now_ns = start_ns
        weights = np.array([routine.weight for routine in ROUTINES])
        self._chances = weights / weights.sum()

    def fill(self, slot: int) -> None:
        """Let something happen: what is due, else a routine drawn until one is possible."""
        self._begin(slot)
        due = [later for later in self._later if later.slot <= slot]
        for later in due:
            self._later.remove(later)
            if self._go_on(later):
                return
        for _ in range(_ROUTINES_TRIED):
            routine = ROUTINES[int(self._random.choice(len(ROUTINES), p=self._chances))]
            uid = _KINDS[routine.kind](self, routine)
            if uid:
                self._remember(slot, routine, uid)
                return

    def set_back(self) -> None:
        """At the end of the day, open the doors and light the rooms that were to be set back later."""
        self._begin(self._n_slots)
        for later in self._later:
            if later.routine.kind in ("door", "light"):
                self._go_on(later)

    def carry(self, routine: Routine) -> str:
        """Take one of the things of a routine to one of its places; its uid, "" when that cannot be."""
        things = [t for t in self._things(routine.types) if t.type.pickupable]
        for thing in self._some(things, _THINGS_TRIED):
            if self._carry_to(routine, thing, routine.to):
                return thing.uid
        return ""

    def switch(self, routine: Routine) -> str:
        for thing in self._some([t for t in self._things(routine.types) if t.type.toggleable], 1):
            self._do(routine, _switched(thing))
            return thing.uid
        return ""

    def close_door(self, routine: Routine) -> str:
        doors = [d for d in self._world.doors.values() if d.is_open and d.spec.openable]
        for door in self._some(doors, 1):
            self._do(routine, Change(name="close", uid=door.spec.id))
            return door.spec.id
        return ""

    def dim(self, routine: Routine) -> str:
        for room_id in self._some([r for r in self._world.rooms if self._world.is_lit(r)], 1):
            self._do(routine, Change(name="switch_off", uid=room_id))
            return room_id
        return ""

    def bring(self, routine: Routine) -> str:
        asset = routine.types[int(self._random.integers(len(routine.types)))]
        while f"{asset}|new|{self._n_new}" in self._world.known:
            self._n_new += 1
        uid = f"{asset}|new|{self._n_new}"
        for place in self._some(self._things(routine.to), _PLACES_TRIED):
            change = Change(name="add", uid=uid, to=place.uid, position=self._somewhere_on(place), asset=asset)
            if self._has_room(place, asset) and self._with_doors(routine, change, place.uid):
                return uid
        return ""

    def take(self, routine: Routine) -> str:
        for thing in self._some([t for t in self._things(routine.types) if t.type.pickupable], 1):
            if self._with_doors(routine, Change(name="remove", uid=thing.uid), thing.parent):
                return thing.uid
        return ""

    def slice(self, routine: Routine) -> str:
        for thing in self._some([t for t in self._things(routine.types) if t.type.sliceable], 1):
            if self._with_doors(routine, Change(name="slice", uid=thing.uid), thing.parent):
                return thing.uid
        return ""

    def _begin(self, slot: int) -> None:
        self._now_ns = self._start_ns + round((slot + 0.5) * self._slot_s * 1e9)

    def _remember(self, slot: int, routine: Routine, uid: str) -> None:
        must = routine.kind in ("door", "light")
        if must or ((routine.then or routine.kind == "switch") and self._random.random() < _LATER_CHANCE):
            self._later.append(_Later(slot + int(self._random.integers(1, _LATEST + 1)), routine, uid))

    def _go_on(self, later: _Later) -> bool:
        """Do what was still to come; False when it cannot be any more."""
        kind, uid, world = later.routine.kind, later.uid, self._world
        if kind == "door":
            return self._do(later.routine, Change(name="open", uid=uid))
        if kind == "light":
            return self._do(later.routine, Change(name="switch_on", uid=uid))
        if uid not in world.things:
            return False
        if kind == "switch":
            return self._do(later.routine, _switched(world.things[uid]))
        return self._carry_to(later.routine, world.things[uid], later.routine.then)

    def _carry_to(self, routine: Routine, thing: Thing, places: Sequence[str]) -> bool:
        inside = {thing.uid, thing.parent, *(held.uid for held in self._world.descendants(thing.uid))}
        at_hand = [p for p in self._things(places) if p.uid not in inside and not self._closed_around(p.parent)]
        free = [place for place in at_hand if goes_together(thing.type.name, place.type.name)]
        for place in self._some(free, _PLACES_TRIED):
            change = Change(name="move", uid=thing.uid, to=place.uid, position=self._somewhere_on(place))
            if self._with_doors(routine, change, thing.parent, place.uid):
                return True
        return False

    def _with_doors(self, routine: Routine, change: Change, *holders: str) -> bool:
        """A change with what is closed around it opened before and closed after; nothing happens when it cannot be."""
        closed = list(dict.fromkeys(shut for holder in holders for shut in self._closed_around(holder)))
        begun_ns, n_before = self._now_ns, len(self.happenings)
        for uid in closed:
            self._do(routine, Change(name="open", uid=uid))
        possible = self._do(routine, change)
        for uid in reversed(closed):
            self._do(routine, Change(name="close", uid=uid))
        if not possible:
            self._now_ns = begun_ns
            del self.happenings[n_before:]
        return possible

    def _closed_around(self, uid: str) -> list[str]:
        """What is closed of a thing and all that holds it, from outside."""
        found: list[str] = []
        while thing := self._world.things.get(uid):
            if thing.type.openable and not thing.is_open:
                found.insert(0, uid)
            uid = thing.parent
        return found

    def _do(self, routine: Routine, change: Change) -> bool:
        stamp_ns = self._tick()
        try:
            done = apply(self._world, change, stamp_ns)
        except NotPossible:
            return False
        self.happenings.append(Happening(routine.name, done))
        return True

    def _tick(self) -> int:
        """The time now; what comes next comes a breath later."""
        now_ns = self._now_ns
        self._now_ns += round(min(_BREATH_S, self._slot_s / 20) * 1e9)
        return now_ns

    def _things(self, types: Sequence[str]) -> list[Thing]:
        return [thing for thing in self._world.things.values() if thing.type.name in types and not thing.held]

    def _some(self, options: Sequence[_T], n: int) -> list[_T]:
        """At most n of the options, in random order."""
        return [options[int(k)] for k in self._random.permutation(len(options))[:n]]

    def _has_room(self, place: Thing, asset: str) -> bool:
        """Whether something new fits: asked beforehand, as what is brought in and does not fit costs a number."""
        kind = object_types()[asset]
        new = Thing(place.body, kind, size_from_unity(kind.size_m), parent="", is_open=False, is_on=False)
        return bool(free_spots(self._world, place, new, np.array(self._world.scene.bounds(place.body).center)))

    def _somewhere_on(self, place: Thing) -> tuple[float, float, float]:
        box = self._world.scene.bounds(place.body)
        x, y = (float(self._random.uniform(box.minimum[k], box.maximum[k])) for k in (0, 1))
        return round(x, 3), round(y, 3), round(box.center[2], 3)


def _switched(thing: Thing) -> Change:
    return Change(name="switch_off" if thing.is_on else "switch_on", uid=thing.uid)


_KINDS: dict[Kind, Callable[[_Planner, Routine], str]] = {
    "carry": _Planner.carry,
    "switch": _Planner.switch,
    "door": _Planner.close_door,
    "light": _Planner.dim,
    "bring": _Planner.bring,
    "take": _Planner.take,
    "slice": _Planner.slice,
}
