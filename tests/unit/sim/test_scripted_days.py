# SPDX-License-Identifier: Apache-2.0
"""Scripted days: they can really happen, the truth is told, and what differs afterwards is what one would find."""

from dataclasses import replace

import numpy as np
import pytest

import sim
from memory_core.errors import BadInput
from memory_core.geometry import Box
from sim.days import day_of, differences, plan_day
from sim.days.routines import ROUTINES
from sim.house.assets import AssetTable, object_types
from sim.house.changes import Change, Changed
from sim.house.compatibility import goes_together
from sim.house.schema import load_house
from sim.house.world import World

HOUSE = "gen?rooms=5&seed=4"
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def day():
    return day_of(HOUSE, seed=1, n_activities=25, duration_s=600, start_ns=5 * SECOND)


@pytest.fixture
def simulator():
    return sim.make("house", scene=HOUSE, width=32, height=24)


def test_everything_planned_happens_as_planned(day, simulator):
    simulator.schedule(day.agenda())
    simulator.wait(700)
    assert [happening.changed for happening in day.happenings] == simulator.history
    assert not any(done.error for done in simulator.history)


def test_it_happens_little_by_little(day, simulator):
    simulator.schedule(day.agenda())
    for _ in range(10):
        simulator.wait(30)
        due = [h for h in day.happenings if h.changed.stamp_ns <= simulator.now_ns]
        assert len(simulator.history) == len(due)


def test_times_ascend_within_the_day(day):
    stamps = [happening.changed.stamp_ns for happening in day.happenings]
    assert stamps == sorted(stamps)
    assert stamps[0] >= 5 * SECOND
    assert stamps[-1] <= 605 * SECOND
    assert stamps[-1] - stamps[0] >= 300 * SECOND


def test_the_same_seed_gives_the_same_day_and_another_one_another():
    days = [day_of(HOUSE, seed=seed, n_activities=6) for seed in (3, 3, 4)]
    assert days[0] == days[1] != days[2]


def test_all_kinds_of_things_happen():
    names = {h.changed.change.name for h in day_of(HOUSE, seed=1, n_activities=60).happenings}
    assert names == {"move", "add", "remove", "open", "close", "switch_on", "switch_off", "slice"}


def test_things_go_where_such_things_go(day):
    world = World(load_house(HOUSE), AssetTable())
    for happening in day.happenings:
        change = happening.changed.change
        if change.name == "move":
            assert goes_together(happening.changed.after.uid.split("|")[0], change.to.split("|")[0])
            assert happening.changed.before.box != happening.changed.after.box
            assert world.things[change.uid].type.pickupable


def test_doors_are_open_and_rooms_are_lit_in_the_evening():
    for seed in (0, 1, 3):  # A door is closed, or a light switched off, near the end of the day.
        world = World(load_house(HOUSE), AssetTable())
        doors = {name: door.is_open for name, door in world.doors.items()}
        plan_day(world, seed=seed, n_activities=6)
        assert {name: door.is_open for name, door in world.doors.items()} == doors
        assert all(world.is_lit(room) for room in world.rooms)


def test_what_is_in_a_closed_thing_is_taken_out_through_its_door():
    happenings = day_of(HOUSE, seed=3, n_activities=60).happenings
    names = [h.changed.change for h in happenings]
    taken = [
        k for k, h in enumerate(happenings) if names[k].name in ("move", "remove") and h.changed.before.relation == "in"
    ]
    shut = [k for k in taken if object_types()[happenings[k].changed.before.parent.split("|")[0]].openable]
    assert shut
    for k in shut:
        holder = happenings[k].changed.before.parent
        before = [c.name for c in names[:k] if c.uid == holder]
        after = [c.name for c in names[k:] if c.uid == holder]
        assert before[-1] == "open"
        assert after[0] == "close"


def test_differences_of_a_day_are_those_of_its_history(day, simulator):
    before = simulator.objects()
    simulator.schedule(day.agenda())
    simulator.wait(700)
    found = differences(before, simulator.objects(), simulator.history)
    assert len(found) >= 5
    stamps = {done.stamp_ns for done in simulator.history}
    assert all(one.stamp_ns in stamps for one in found)
    assert differences(before, before) == []
    swapped = {"appeared": "vanished", "vanished": "appeared", "moved": "moved"}
    backwards = differences(simulator.objects(), before)
    assert sorted(swapped[one.kind] + one.label for one in backwards) == sorted(one.kind + one.label for one in found)


def test_what_is_shut_away_has_vanished_and_small_moves_do_not_count(simulator):
    objects = simulator.objects()
    mug = next(o for o in objects if o.pickupable and not o.parent.startswith("Fridge"))
    fridge = next(o for o in objects if o.label == "fridge")
    inside = replace(mug, parent=fridge.uid, relation="in")
    others = [o for o in objects if o.uid != mug.uid]
    done = Changed(Change(name="move", uid=mug.uid, to=fridge.uid), 7)
    (gone,) = differences([mug, *others], [inside, *others], [done])
    assert (gone.kind, gone.label, gone.position, gone.stamp_ns) == ("vanished", mug.label, mug.box.center, 7)
    box = mug.box
    shifted = Box(*(tuple(x + 0.1 for x in corner) for corner in (box.minimum, box.maximum)))
    assert differences([mug], [replace(mug, box=shifted)]) == []
    assert [d.kind for d in differences([mug], [replace(mug, box=shifted)], near_m=0.1)] == ["moved"]


def test_routines_speak_of_types_that_exist():
    for routine in ROUTINES:
        for name in (*routine.types, *routine.to, *routine.then):
            assert name in object_types(), name
        assert routine.weight > 0


@pytest.mark.parametrize(("n", "duration_s"), [(0, 100), (10, 5), (10, float("nan"))])
def test_an_impossible_day_is_refused(n, duration_s):
    with pytest.raises(BadInput, match="want activities and at least 1 s for each"):
        day_of(HOUSE, n_activities=n, duration_s=duration_s)


def test_a_house_with_nothing_to_carry_has_a_quiet_day():
    world = World(load_house("gen?rooms=1&clutter=0"), AssetTable())
    day = plan_day(world, n_activities=5)
    assert all(
        h.changed.change.name in ("switch_on", "switch_off", "add", "move", "close", "open") for h in day.happenings
    )
    assert np.isfinite([h.changed.stamp_ns for h in day.happenings]).all()
