# SPDX-License-Identifier: Apache-2.0
"""Frontiers: where known space ends; found where cameras looked, gone once explored, the same however found."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping.frontiers import Frontiers, FrontierSettings
from mapping.octree.octree import Octree
from memory_core import Place
from memory_core.errors import BadInput, BadSettings, CorruptMemory

SIDE, TALL, VOXEL_M = 120, 48, 0.05  # 6 m x 6 m x 2.4 m from the origin


class Block:
    """A box of voxels that stands in for an octree; unknown outside."""

    voxel_size_m = VOXEL_M

    def __init__(self) -> None:
        self.voxels = np.full((SIDE, SIDE, TALL), -1, np.int8)

    def dense(self, minimum, maximum):
        low, high = (np.floor(np.asarray(corner) / VOXEL_M + 1e-9).astype(int) for corner in (minimum, maximum))
        box = np.full(high - low + 1, -1, np.int8)
        a, b = np.maximum(low, 0), np.minimum(high + 1, self.voxels.shape)
        if (a < b).all():
            inside = tuple(slice(i, j) for i, j in zip(a - low, b - low, strict=True))
            box[inside] = self.voxels[tuple(slice(i, j) for i, j in zip(a, b, strict=True))]
        return box

    def occupancy(self, points):
        at = np.floor(np.asarray(points) / VOXEL_M).astype(int)
        inside = ((at >= 0) & (at < self.voxels.shape)).all(axis=1)
        values = np.full(len(at), -1, np.int8)
        values[inside] = self.voxels[tuple(at[inside].T)]
        return values

    def raycast(self, origins, directions, max_range_m):
        along = np.arange(0.0, max_range_m, VOXEL_M / 2)
        unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        points = origins[:, None] + unit[:, None] * along[None, :, None]
        hit = (self.occupancy(points.reshape(-1, 3)) == 1).reshape(len(origins), -1)
        return np.where(hit.any(axis=1), along[np.argmax(hit, axis=1)], np.inf)

    def fill(self, low, high, value):
        """Set a box, corners in metres; returns them."""
        a, b = (np.round(np.asarray(corner) / VOXEL_M).astype(int) for corner in (low, high))
        self.voxels[tuple(slice(i, j) for i, j in zip(a, b, strict=True))] = value
        return low, high


def place(number, x, y, z=0.0):
    return Place(f"p{number}", (x, y, z), 0.4, "r1")


HERE = place(1, 1.5, 1.5)


def room(block, low=(0.3, 0.3), high=(3.0, 3.0)):
    """A closed room, all of it seen."""
    block.fill((low[0] - 0.1, low[1] - 0.1, 0.0), (high[0] + 0.1, high[1] + 0.1, 2.3), 1)
    return block.fill((*low, 0.1), (*high, 2.2), 0)


def followed(block, *changes, places=(HERE,), **fields):
    frontiers = Frontiers(FrontierSettings(**fields), VOXEL_M)
    for low, high in changes:
        frontiers.note_change(low, high)
    frontiers.update(block, places)
    return frontiers


ALL = ((0.0, 0.0, 0.0), (6.0, 6.0, 2.4))


def test_a_closed_room_that_was_seen_has_no_frontier():
    block = Block()
    assert followed(block, room(block)).all() == ()


def test_an_opening_is_a_frontier_that_looks_out_of_it_and_where_a_robot_can_go():
    block = Block()
    room(block)
    block.fill((3.0, 1.0, 0.1), (3.2, 2.0, 2.0), 0)
    (found,) = followed(block, ALL).all()

    assert found.kind == "floor"
    assert np.allclose(found.position, (3.15, 1.5, 0.9), atol=0.3)
    assert np.allclose(found.normal, (1, 0, 0), atol=0.05)
    assert found.area_m2 == pytest.approx(1.0 * 1.5, abs=0.2)
    assert (found.viewpoint, found.place_id, found.room_id) == (HERE.position, "p1", "r1")
    assert abs(found.yaw_rad) < 0.2
    assert found.unseen_m3 > 1.0


def test_an_opening_above_a_counter_is_for_looking_only():
    block = Block()
    room(block)
    block.fill((3.0, 1.0, 1.1), (3.2, 2.0, 2.0), 0)
    (found,) = followed(block, ALL).all()
    assert found.kind == "space"


def test_what_no_place_looks_at_is_not_listed():
    block = Block()
    room(block)
    block.fill((3.0, 1.0, 0.1), (3.2, 2.0, 2.0), 0)
    wall = block.fill((2.6, 0.3, 0.0), (2.7, 3.0, 2.2), 1)
    frontiers = followed(block, ALL)
    assert frontiers.all() == ()

    frontiers.note_change(*wall)
    change = frontiers.update(block, [place(2, 2.85, 0.7)])
    assert [one.place_id for one in change.frontiers] == ["p2"]


def test_a_frontier_is_told_once_and_gone_when_what_is_behind_was_seen():
    block = Block()
    room(block)
    door = block.fill((3.0, 1.0, 0.1), (3.2, 2.0, 2.0), 0)
    frontiers = followed(block, ALL)
    frontiers.note_change(*door)
    assert not frontiers.update(block)

    beyond = room(block, (3.2, 0.3), (5.8, 3.0))
    block.fill((3.0, 1.0, 0.1), (3.3, 2.0, 2.0), 0)
    frontiers.note_change(*beyond)
    assert frontiers.update(block).gone == ("f1",)
    assert frontiers.all() == ()


def test_a_frontier_that_moves_on_keeps_its_id_and_age():
    block = Block()
    room(block)
    block.fill((3.0, 1.0, 0.1), (3.2, 2.0, 2.0), 0)
    frontiers = followed(block, ALL)
    step = block.fill((3.2, 1.0, 0.1), (3.5, 2.0, 2.0), 0)
    frontiers.note_change(*step)
    change = frontiers.update(block, stamp_ns=7)

    assert [(one.id, one.first_seen_ns) for one in change.frontiers] == [("f1", 0)]
    assert change.gone == ()


def test_a_frontier_given_up_stays_away_until_it_changes():
    block = Block()
    room(block)
    door = block.fill((3.0, 1.0, 0.1), (3.2, 2.0, 2.0), 0)
    frontiers = followed(block, ALL)
    frontiers.give_up("f1")
    assert frontiers.update(block).gone == ("f1",)
    frontiers.note_change(*door)
    assert not frontiers.update(block)

    step = block.fill((3.0, 0.4, 0.1), (3.3, 2.6, 2.0), 0)
    frontiers.note_change(*step)
    assert [one.id for one in frontiers.update(block).frontiers] == ["f1"]


def test_asking_for_a_frontier_that_is_none_says_so():
    with pytest.raises(BadInput, match="frontier 'f9': there is no such frontier"):
        Frontiers().give_up("f9")
    with pytest.raises(BadInput, match="frontier 'o1'"):
        Frontiers().best_view("o1", Octree())


def test_the_best_view_has_the_frontier_in_sight_and_looks_into_most():
    block = Block()
    room(block)
    block.fill((3.0, 1.0, 0.1), (3.2, 2.0, 2.0), 0)
    aside = place(2, 2.6, 0.6)
    frontiers = followed(block, ALL, places=(HERE, aside))
    view = frontiers.best_view("f1", block, fov_rad=math.radians(60))

    assert view.place_id == "p1"
    towards = math.atan2(1.5 - view.position[1], 3.15 - view.position[0])
    assert abs(view.yaw_rad - towards) <= math.radians(32)
    assert view.unseen_m3 > 0.5


def test_two_storeys_have_their_own_frontiers():
    block = Block()
    room(block)
    block.fill((3.0, 1.0, 0.1), (3.2, 2.0, 2.0), 0)
    space = Frontiers(FrontierSettings(highest_m=0.8, eye_m=0.5), VOXEL_M)
    space.note_change(*ALL)
    space.update(block, [HERE, place(2, 1.5, 1.5, 1.2)])
    assert sorted(one.viewpoint[2] for one in space.all()) == [0.0, 1.2]


BOXES = st.lists(
    st.tuples(
        st.tuples(*[st.integers(0, SIDE - 1)] * 2, st.integers(0, TALL - 1)),
        st.tuples(*[st.integers(1, 40)] * 3),
        st.sampled_from([-1, 0, 0, 0, 1]),
    ),
    min_size=1,
    max_size=6,
)


@given(st.lists(BOXES, min_size=1, max_size=4))
@settings(deadline=None, max_examples=40)
def test_step_by_step_gives_the_same_as_all_at_once(steps):
    block = Block()
    grown = followed(block)
    for boxes in steps:
        for corner, size, value in boxes:
            low = np.array(corner) * VOXEL_M
            grown.note_change(*block.fill(low, low + np.array(size) * VOXEL_M, value))
        grown.update(block)
    assert grown.groups() == followed(block, ALL).groups()
    assert _shapes(grown) == _shapes(followed(block, ALL))


def _shapes(frontiers):
    """What does not depend on the order in which frontiers were found."""
    nameless = [replace(one, id="", first_seen_ns=0, unseen_m3=0, yaw_rad=0) for one in frontiers.all()]
    return sorted(nameless, key=lambda one: (one.position, one.area_m2))


@given(st.lists(BOXES, min_size=2, max_size=4), st.integers(0, 3))
@settings(deadline=None, max_examples=20)
def test_a_restart_leaves_no_trace(steps, stop):
    block = Block()
    whole = followed(block)
    resumed = followed(block)
    for n, boxes in enumerate(steps):
        if n == stop:
            again = Frontiers(FrontierSettings(), VOXEL_M)
            again.restore(resumed.state(), {"p1": HERE})
            resumed = again
        for corner, size, value in boxes:
            low = np.array(corner) * VOXEL_M
            box = block.fill(low, low + np.array(size) * VOXEL_M, value)
            whole.note_change(*box)
            resumed.note_change(*box)
        assert whole.update(block, stamp_ns=n) == resumed.update(block, stamp_ns=n)
    assert whole.state() == resumed.state()


def test_what_is_told_adds_up_to_what_is_there():
    rng = np.random.default_rng(4)
    block, told = Block(), {}
    frontiers = followed(block)
    for _ in range(30):
        low = rng.uniform(0, 5, 3) * (1, 1, 0.3)
        frontiers.note_change(*block.fill(low, low + rng.uniform(0.3, 2.0, 3), int(rng.choice([-1, 0, 0, 1]))))
        change = frontiers.update(block)
        told.update({one.id: one for one in change.frontiers})
        assert set(change.gone) <= set(told)
        for id in change.gone:
            del told[id]
        assert set(told) == {one.id for one in frontiers.all()}


def test_torn_state_is_refused():
    with pytest.raises(CorruptMemory):
        Frontiers().restore(b"torn", {})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cell_m": 0.0}, "cell_m"),
        ({"reach_m": float("nan")}, "reach_m"),
        ({"looks": 0}, "looks"),
        ({"lowest_m": 2.0, "highest_m": 1.0}, "highest_m: want more than lowest_m"),
    ],
)
def test_impossible_settings_are_refused_by_name(fields, message):
    with pytest.raises(BadSettings, match=message):
        Frontiers(FrontierSettings(**fields))


@pytest.mark.parametrize(
    "fields",
    [{"cell_m": 2.0}, {"cell_m": 0.01}, {"lowest_m": 0.0, "highest_m": 0.11}, {"reach_m": 0.2}, {"view_m": 0.3}],
)
def test_extreme_settings_find_something_or_nothing_but_do_not_fail(fields):
    block = Block()
    room(block)
    block.fill((3.0, 1.0, 0.1), (3.2, 2.0, 2.0), 0)
    found = followed(block, ALL, least_m2=0.0, least_unseen_m3=0.0, **fields).all()
    assert all(np.isfinite([*one.position, *one.normal, one.area_m2, one.unseen_m3]).all() for one in found)


@pytest.mark.parametrize("value", [-1, 1])
def test_a_change_in_one_tile_reaches_what_hangs_together_with_it_next_door(value):
    block = Block()
    block.fill((0.4, 0.4, 0.1), (2.8, 1.2, 1.7), 0)
    grown = followed(block, ALL)
    grown.note_change(*block.fill((1.6, 0.4, 0.1), (2.8, 1.2, 1.7), value))
    grown.update(block)
    assert grown.groups() == followed(block, ALL).groups()
