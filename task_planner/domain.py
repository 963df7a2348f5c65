# SPDX-License-Identifier: Apache-2.0
"""The symbolic world: atoms, goals as sets of atoms, and skills with preconditions and effects (STRIPS).

Atoms are tuples. What changes:

| atom | meaning |
|---|---|
| ("at", x) | the robot stands where it can see and reach x: a thing, a room or a point |
| ("seen", x) | the robot has looked at x since it began |
| ("held", x), ("hand empty",) | there is one hand |
| ("on", x, y), ("in", x, y) | where x is |
| ("open", x), ("closed", x) | |
| ("switched on", x), ("switched off", x) | |

What never changes: ("portable", x), ("openable", x), ("encloses", x) (its inside is out of reach while closed),
("carries", x, relation) (things can be put in or on it), ("switchable", x).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

Atom = tuple[str, ...]
State = frozenset[Atom]

HAND_EMPTY: Atom = ("hand empty",)


@dataclass(frozen=True, slots=True)
class Action:
    """One skill applied to particular things.

    Attributes:
        skill: GoTo, LookAt, Open, Close, PickUp, Put, ToggleOn, ToggleOff.
        args: ids; for Put the thing, where it goes and "in" or "on".
        needs, lacks: atoms that must, or must not, hold before.
        adds, removes: atoms that hold, or no longer hold, after.
    """

    skill: str
    args: tuple[str, ...]
    needs: frozenset[Atom]
    adds: frozenset[Atom]
    removes: frozenset[Atom] = field(default_factory=frozenset)
    lacks: frozenset[Atom] = field(default_factory=frozenset)

    def is_possible(self, state: State) -> bool:
        return self.needs <= state and not self.lacks & state

    def apply(self, state: State) -> State:
        """The state after the action. Call only where it is possible."""
        return (state - self.removes) | self.adds


def actions(state: State, targets: Iterable[str]) -> Iterator[Action]:
    """Every possible action on the targets, in a fixed order."""
    names = sorted(targets)
    for build in (_manipulate, _put, _go):
        for action in build(state, names):
            if action.is_possible(state):
                yield action


def serves(action: Action, goal: frozenset[Atom]) -> bool:
    """Can the action be part of a shortest way to the goal? False only where it surely cannot.

    Nothing has to be looked at, switched or closed for the sake of something else, and only what the goal moves has
    to be picked up.
    """
    if action.skill in ("LookAt", "ToggleOn", "ToggleOff", "Close"):
        return bool(action.adds & goal)
    if action.skill == "PickUp":
        return any(atom[0] in ("held", "in", "on") and atom[1] == action.args[0] for atom in goal)
    return True


def _go(state: State, names: list[str]) -> Iterator[Action]:
    here = frozenset(atom for atom in state if atom[0] == "at")
    for x in names:
        yield Action("GoTo", (x,), frozenset(), frozenset({("at", x)}), here - {("at", x)}, frozenset({("at", x)}))


def _manipulate(state: State, names: list[str]) -> Iterator[Action]:
    for x in names:
        at, free = ("at", x), frozenset({("at", x), HAND_EMPTY})
        yield Action("LookAt", (x,), frozenset({at}), frozenset({("seen", x)}))
        yield _flip("Open", x, free | {("openable", x)}, "closed", "open")
        yield _flip("Close", x, free | {("openable", x)}, "open", "closed")
        yield _flip("ToggleOn", x, free | {("switchable", x)}, "switched off", "switched on")
        yield _flip("ToggleOff", x, free | {("switchable", x)}, "switched on", "switched off")
        yield _pick_up(state, x)


def _flip(skill: str, x: str, needs: frozenset[Atom], before: str, after: str) -> Action:
    return Action(skill, (x,), needs | {(before, x)}, frozenset({(after, x)}), frozenset({(before, x)}))


def _pick_up(state: State, x: str) -> Action:
    whereabouts = frozenset(atom for atom in state if atom[0] in ("in", "on") and atom[1] == x)
    lids = {("open", atom[2]) for atom in whereabouts if atom[0] == "in" and ("encloses", atom[2]) in state}
    needs = frozenset({("at", x), HAND_EMPTY, ("portable", x), *lids})
    return Action("PickUp", (x,), needs, frozenset({("held", x)}), whereabouts | {HAND_EMPTY})


def _put(state: State, names: list[str]) -> Iterator[Action]:
    for x in (atom[1] for atom in sorted(state) if atom[0] == "held"):
        for y in names:
            for relation in ("in", "on"):
                lid = {("open", y)} if relation == "in" and ("encloses", y) in state else set()
                needs = frozenset({("held", x), ("at", y), ("carries", y, relation), *lid})
                adds = frozenset({(relation, x, y), HAND_EMPTY})
                yield Action("Put", (x, y, relation), needs, adds, frozenset({("held", x)}), frozenset({("held", y)}))


def invariant_violation(state: State) -> str:
    """What cannot be true of a state, in words; "" when nothing is wrong."""
    held = [atom[1] for atom in state if atom[0] == "held"]
    if len(held) + (HAND_EMPTY in state) != 1:
        return f"one hand holds {held} and is{'' if HAND_EMPTY in state else ' not'} empty"
    for x in {atom[1] for atom in state if atom[0] in ("open", "closed")}:
        if ("open", x) in state and ("closed", x) in state:
            return f"{x} is open and closed"
    for x in held:
        if any(atom[0] in ("in", "on") and atom[1] == x for atom in state):
            return f"{x} is held and lies somewhere"
    return ""
