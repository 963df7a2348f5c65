# SPDX-License-Identifier: Apache-2.0
"""On, in and near, and that only what changed is told."""

import numpy as np
import pytest

from mapping.objects.relations import Relations
from mapping.settings import MapperSettings
from memory_core.geometry import Box
from memory_core.graph import Instance


def thing(number, label, center, size, state="present"):
    return Instance(f"o{number}", label, {label: 1.0}, Box.of(center, size), state, 0, 0, 5, 1.0)


def faces(box: Box, without_top=False):
    """Points on the faces of a box, as a surface."""
    u = np.linspace(0, 1, 12)
    a, b = (grid.ravel() for grid in np.meshgrid(u, u))
    zero, one = np.zeros_like(a), np.ones_like(a)
    sides = [(a, b, zero), (a, zero, b), (a, one, b), (zero, a, b), (one, a, b)] + [(a, b, one)] * (not without_top)
    points = np.concatenate([np.stack(side, axis=1) for side in sides])
    return (np.asarray(box.minimum) + points * np.asarray(box.size)).astype(np.float32)


def relate(instances, surfaces=None, limit=4):
    by_id = {one.id: one for one in instances}
    surfaces = surfaces or {one.id: faces(one.box) for one in instances}
    relations = Relations(MapperSettings(near_limit=limit))
    began, ended = relations.update(by_id, by_id, surfaces.__getitem__)
    assert ended == []
    return relations, by_id, surfaces, {(r.subject, r.predicate, r.object) for r in began}


TABLE = thing(1, "table", (0, 0, 0.36), (1.2, 0.8, 0.72))
MUG = thing(2, "mug", (0.1, 0.1, 0.77), (0.1, 0.1, 0.1))


def test_a_mug_on_a_table_is_on_it_and_not_also_near_it():
    assert relate([TABLE, MUG])[3] == {("o2", "on", "o1")}


def test_the_nearest_support_wins():
    book = thing(3, "book", (0.1, 0.1, 0.735), (0.25, 0.2, 0.03))
    mug = thing(2, "mug", (0.1, 0.1, 0.80), (0.1, 0.1, 0.1))
    found = relate([TABLE, mug, book])[3]

    assert {("o2", "on", "o3"), ("o3", "on", "o1")} <= found
    assert ("o2", "on", "o1") not in found


def test_what_stands_under_a_table_is_not_on_it():
    bin_ = thing(4, "garbage bag", (0, 0, 0.15), (0.3, 0.3, 0.3))
    surface = faces(TABLE.box)
    surface = surface[surface[:, 2] > 0.6]
    found = relate([TABLE, bin_], {"o1": surface, "o4": faces(bin_.box)})[3]

    assert not {r for r in found if r[1] in ("on", "in")}


def test_an_apple_between_the_walls_of_an_open_vessel_is_in_it():
    vessel = thing(1, "object", (0, 0, 0.1), (0.4, 0.4, 0.2))
    apple = thing(2, "apple", (0, 0, 0.06), (0.08, 0.08, 0.08))
    surfaces = {"o1": faces(vessel.box, without_top=True), "o2": faces(apple.box)}

    assert relate([vessel, apple], surfaces)[3] == {("o2", "in", "o1")}


def test_near_is_stored_once_with_the_smaller_id_first_and_bounded():
    row = [thing(n, "chair", (0.5 * n, 0, 0.4), (0.3, 0.3, 0.8)) for n in range(1, 12)]
    near = relate(row, limit=2)[3]

    assert all(int(a[1:]) < int(b[1:]) for a, _, b in near)
    assert len(near) <= 2 * len(row)
    assert ("o1", "near", "o2") in near


def test_what_is_gone_has_no_relations():
    gone = thing(2, "mug", (0.1, 0.1, 0.77), (0.1, 0.1, 0.1), state="gone")
    assert relate([TABLE, gone])[3] == set()


def test_a_carried_mug_loses_its_table_and_gains_another():
    desk = thing(3, "desk", (3, 0, 0.36), (1.2, 0.8, 0.72))
    relations, by_id, surfaces, _ = relate([TABLE, MUG, desk])
    moved = thing(2, "mug", (3.1, 0.1, 0.77), (0.1, 0.1, 0.1))
    by_id["o2"], surfaces["o2"] = moved, faces(moved.box)
    began, ended = relations.update(by_id, ["o2"], surfaces.__getitem__)

    assert [(r.subject, r.predicate, r.object) for r in ended] == [("o2", "on", "o1")]
    assert [(r.subject, r.predicate, r.object) for r in began] == [("o2", "on", "o3")]


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_small_changes_ends_where_one_look_at_everything_does(seed):
    rng = np.random.default_rng(seed)
    things = [thing(n, "box", rng.uniform(0, 2, 3), rng.uniform(0.05, 0.8, 3)) for n in range(1, 25)]
    surfaces = {one.id: faces(one.box) for one in things}
    step_by_step, by_id, kept = Relations(MapperSettings()), {}, set()
    for k in rng.permutation(len(things)):
        by_id[things[k].id] = things[k]
        began, ended = step_by_step.update(by_id, [things[k].id], surfaces.__getitem__)
        kept = (kept - {(r.subject, r.predicate, r.object) for r in ended}) | {
            (r.subject, r.predicate, r.object) for r in began
        }

    assert kept == relate(things, surfaces)[3]
