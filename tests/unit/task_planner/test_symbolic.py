# SPDX-License-Identifier: Apache-2.0
"""Laws of the symbolic domain and its search."""

import itertools
import random

import pytest

from memory_core.errors import NotPossible
from task_planner.domain import HAND_EMPTY, actions, invariant_violation
from task_planner.symbolic import solve

THINGS = ("apple", "egg", "fridge", "drawer", "table", "lamp")
ABILITIES = frozenset(
    {
        ("portable", "apple"), ("portable", "egg"), ("openable", "fridge"), ("openable", "drawer"),
        ("encloses", "fridge"), ("encloses", "drawer"), ("carries", "fridge", "in"), ("carries", "drawer", "in"),
        ("carries", "table", "on"), ("switchable", "lamp"),
    }
)  # fmt: skip
START = ABILITIES | {
    ("closed", "fridge"), ("closed", "drawer"), ("switched off", "lamp"), ("on", "apple", "table"),
    ("in", "egg", "drawer"), HAND_EMPTY,
}  # fmt: skip


def run(state, steps):
    for action in steps:
        assert action.is_possible(state), action
        state = action.apply(state)
        assert invariant_violation(state) == ""
    return state


def names(steps):
    return [" ".join((action.skill, *action.args)) for action in steps]


GOALS = [
    {("at", "table")},
    {("held", "apple")},
    {("held", "egg")},
    {("in", "apple", "fridge")},
    {("in", "egg", "fridge"), ("closed", "drawer"), ("closed", "fridge")},
    {("in", "apple", "fridge"), ("on", "egg", "table")},
    {("switched on", "lamp"), ("open", "drawer")},
    {("held", "apple"), ("at", "lamp"), ("seen", "fridge")},
]


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: " and ".join(" ".join(atom) for atom in sorted(goal)))
def test_solutions_can_be_carried_out_and_reach_the_goal(goal):
    steps = solve(START, frozenset(goal), THINGS)
    assert goal <= run(START, steps)


def test_random_goals_are_reached_from_random_states():
    rng = random.Random(1)
    for _ in range(12):
        state = START
        for _ in range(rng.randint(0, 15)):
            state = rng.choice(list(actions(state, THINGS))).apply(state)
        goal = frozenset({rng.choice([("in", "apple", "fridge"), ("on", "egg", "table"), ("held", "egg")])})
        assert goal <= run(state, solve(state, goal, THINGS))


def test_no_sequence_of_possible_actions_breaks_the_world():
    rng, state = random.Random(0), START
    for _ in range(3000):
        state = rng.choice(list(actions(state, THINGS))).apply(state)
        assert invariant_violation(state) == ""


def test_a_closed_receptacle_is_opened_before_anything_goes_in_or_out():
    put = names(solve(START, frozenset({("in", "apple", "fridge")}), THINGS))
    take = names(solve(START, frozenset({("held", "egg")}), THINGS))

    assert put.index("Open fridge") < put.index("Put apple fridge in")
    assert take.index("Open drawer") < take.index("PickUp egg")


def test_one_hand_opens_the_fridge_before_it_is_full():
    steps = names(solve(START, frozenset({("in", "apple", "fridge")}), THINGS))
    assert steps.index("Open fridge") < steps.index("PickUp apple")


def test_one_hand_carries_one_thing_at_a_time():
    steps = solve(START, frozenset({("in", "apple", "fridge"), ("in", "egg", "fridge")}), THINGS)
    kinds = [action.skill for action in steps if action.skill in ("PickUp", "Put")]
    assert kinds == ["PickUp", "Put"] * 2


def test_what_holds_already_needs_nothing():
    assert solve(START, frozenset({("on", "apple", "table")}), THINGS) == []


def test_every_step_of_a_solution_is_needed():
    steps = solve(START, frozenset({("in", "apple", "fridge")}), THINGS)
    assert len(steps) == 6
    for left_out in range(len(steps)):
        state, works = START, True
        for action in itertools.chain(steps[:left_out], steps[left_out + 1 :]):
            works = works and action.is_possible(state)
            state = action.apply(state)
        assert not (works and ("in", "apple", "fridge") in state)


def test_the_cheapest_way_is_taken():
    def far_fridge(_, action):
        return 100.0 if action.args == ("table",) else 1.0

    start = START | {("portable", "lamp"), ("carries", "fridge", "on")}
    goal = frozenset({("held", "apple"), ("seen", "apple")})
    assert "GoTo table" not in names(solve(start, goal, THINGS, far_fridge))


@pytest.mark.parametrize(
    "goal",
    [{("held", "table")}, {("in", "apple", "table")}, {("held", "apple"), ("held", "egg")}, {("open", "lamp")}],
)
def test_what_cannot_be_reached_is_said_with_the_goal(goal):
    with pytest.raises(NotPossible, match="no sequence of skills makes " + " ".join(sorted(goal)[0])):
        solve(START, frozenset(goal), THINGS)


def test_the_search_is_bounded():
    with pytest.raises(NotPossible, match="within 10 states"):
        solve(START, frozenset({("in", "egg", "fridge")}), THINGS, max_states=10)


def test_the_same_problem_has_the_same_solution():
    goal = frozenset({("in", "apple", "fridge"), ("on", "egg", "table")})
    assert solve(START, goal, THINGS) == solve(START, goal, THINGS[::-1])
