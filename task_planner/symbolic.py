# SPDX-License-Identifier: Apache-2.0
"""The cheapest sequence of skills that reaches a goal: uniform-cost search over the few things that matter."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

from memory_core.errors import NotPossible
from task_planner.domain import Action, Atom, State, actions, serves

Cost = Callable[[State, Action], float]


def one_each(_: State, __: Action) -> float:
    """Every action costs the same."""
    return 1.0


def solve(
    state: State, goal: frozenset[Atom], targets: Iterable[str], cost: Cost = one_each, max_states: int = 100_000
) -> list[Action]:
    """Actions on the targets, applied in order, that make every goal atom true; no other sequence costs less.

    O(states reached * actions), which is exponential in the number of targets: give it only those that matter
    (six: some 50 ms).

    Args:
        cost: of an action in a state, more than 0.

    Raises:
        NotPossible: no sequence exists, or none was found within `max_states` states.
    """
    names = tuple(targets)
    costs: dict[State, float] = {state: 0.0}
    parents: dict[State, tuple[State, Action]] = {}
    queue: list[tuple[float, int, State]] = [(0.0, 0, state)]
    while queue:
        spent, _, current = heapq.heappop(queue)
        if spent > costs[current]:
            continue
        if goal <= current:
            return _path(parents, current)
        for action in actions(current, names):
            if not serves(action, goal):
                continue
            after, total = action.apply(current), spent + cost(current, action)
            if total < costs.get(after, float("inf")):
                costs[after] = total
                parents[after] = (current, action)
                heapq.heappush(queue, (total, len(parents) + len(queue), after))
        if len(costs) > max_states:
            raise NotPossible(f"no way found to make {_words(goal)} within {max_states} states")
    raise NotPossible(f"no sequence of skills makes {_words(goal)}")


def _path(parents: dict[State, tuple[State, Action]], state: State) -> list[Action]:
    steps: list[Action] = []
    while state in parents:
        state, action = parents[state]
        steps.append(action)
    return steps[::-1]


def _words(goal: frozenset[Atom]) -> str:
    return " and ".join(" ".join(atom) for atom in sorted(goal))
