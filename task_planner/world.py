# SPDX-License-Identifier: Apache-2.0
"""The symbolic state of the few things that goals are about, and the actions that achieve one goal after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memory_core.errors import NotPossible
from memory_core.graph import Instance, Room, SceneGraph
from task_planner import affordances
from task_planner.domain import HAND_EMPTY, Action, Atom, State
from task_planner.goals import Verb
from task_planner.plan import Point
from task_planner.settings import PlannerSettings
from task_planner.symbolic import solve
from task_planner.travel import Ways

START = "start"

# Stands in for the length of a way that is not known, so that costs stay finite.
_FAR_M = 1000.0


@dataclass(frozen=True, slots=True)
class Aim:
    """A goal whose phrases have become things: a verb with its thing or room, and where to put it."""

    verb: Verb
    thing: Instance | None = None
    holder: Instance | None = None
    relation: str = ""
    room: Room | None = None

    def things(self) -> Iterator[Instance]:
        yield from (thing for thing in (self.thing, self.holder) if thing is not None)

    @property
    def target(self) -> str:
        return self.room.id if self.room else self.thing.id if self.thing else ""

    def atoms(self) -> frozenset[Atom]:
        """What must be true when the goal is reached."""
        x = self.target
        wanted: dict[Verb, set[Atom]] = {
            "go": {("at", x)},
            "find": {("at", x), ("seen", x)},
            "look": {("at", x), ("seen", x)},
            "take": {("held", x)},
            "bring": {("held", x), ("at", START)},
            "put": {(self.relation, x, self.holder.id if self.holder else "")},
            "open": {("open", x)},
            "close": {("closed", x)},
            "switch on": {("switched on", x)},
            "switch off": {("switched off", x)},
        }
        return frozenset(wanted[self.verb])


class World:
    """State before and after each goal; goals are achieved in order.

    What the memory does not know is assumed so that the instruction makes sense: things are closed and switched off,
    unless the first thing asked of them is to close them or switch them off.
    """

    def __init__(self, graph: SceneGraph, aims: Sequence[Aim], settings: PlannerSettings, ways: Ways) -> None:
        self._graph, self._settings, self._ways = graph, settings, ways
        self._things = self._relevant(aims)
        self._kept_open = {aim.target for aim in aims if aim.verb == "open"}
        for aim in aims:
            _refuse_nonsense(aim)
        self.state = self._initial(aims)

    def achieve(self, aim: Aim) -> list[Action]:
        """Actions that reach a goal from the present state, which moves on to the state after them.

        Raises:
            NotPossible: there are none.
        """
        wanted = aim.atoms()
        self._refuse_full_hand(aim)
        found = self._solve(wanted, aim)
        tidy = wanted | {("closed", x) for x in self._opened(found)}
        if tidy != wanted and self._settings.leave_as_found:
            found = self._tidied(tidy, aim, found)
        self.state = self._after(found)
        return found

    def _solve(self, wanted: frozenset[Atom], aim: Aim) -> list[Action]:
        targets = {*self._things, aim.target} | ({START} if aim.verb == "bring" else set())
        return solve(self.state, wanted, targets, self._cost, self._settings.max_states)

    def _cost(self, state: State, action: Action) -> float:
        """Metres for going, and a metre's worth for every skill."""
        if action.skill != "GoTo":
            return 1.0
        here = next((self._position(atom[1]) for atom in state if atom[0] == "at"), self._ways.start)
        there = self._position(action.args[0])
        if here is None or there is None:
            return 1.0
        return 1.0 + min(self._ways.between(here, there), _FAR_M)

    def _position(self, x: str) -> Point | None:
        if x == START:
            return self._ways.start
        return self._graph.rooms[x].position if x in self._graph.rooms else self._graph.instances[x].position

    def _tidied(self, wanted: frozenset[Atom], aim: Aim, untidy: list[Action]) -> list[Action]:
        """Actions that also close what they opened; the untidy ones where that would mean putting things down."""
        try:
            tidy = self._solve(wanted, aim)
        except NotPossible:
            return untidy
        return tidy if _n_grasps(tidy) == _n_grasps(untidy) else untidy

    def _after(self, steps: Sequence[Action]) -> State:
        state = self.state
        for action in steps:
            state = action.apply(state)
        return state

    def _opened(self, steps: Sequence[Action]) -> set[str]:
        after = self._after(steps)
        return {
            atom[1]
            for atom in after - self.state
            if atom[0] == "open" and atom[1] not in self._kept_open and ("encloses", atom[1]) in after
        }

    def _relevant(self, aims: Sequence[Aim]) -> dict[str, Instance]:
        """The things of the goals and what encloses them."""
        things = {thing.id: thing for aim in aims for thing in aim.things()}
        queue = list(things)
        while queue:
            inner = queue.pop()
            for relation in self._graph.relations:
                holder = self._graph.instances.get(relation.object)
                if relation.subject != inner or relation.predicate != "in" or holder is None or holder.id in things:
                    continue
                if affordances.is_closed_container(holder):
                    things[holder.id] = holder
                    queue.append(holder.id)
        for instance in self._graph.instances.values():
            if instance.state == "held":
                things[instance.id] = instance
        return things

    def _initial(self, aims: Sequence[Aim]) -> State:
        first = {
            aim.target: aim.verb for aim in reversed(aims) if aim.verb in ("open", "close", "switch on", "switch off")
        }
        atoms: set[Atom] = set()
        for x, thing in self._things.items():
            atoms |= _abilities(thing)
            if affordances.is_openable(thing):
                atoms.add(("open" if first.get(x) == "close" else "closed", x))
            if affordances.is_switched(thing):
                atoms.add(("switched on" if first.get(x) == "switch off" else "switched off", x))
            if thing.state == "held":
                atoms.add(("held", x))
        for relation in self._graph.relations:
            ends = (self._things.get(relation.subject), self._things.get(relation.object))
            if relation.predicate in ("in", "on") and all(ends) and ("held", relation.subject) not in atoms:
                atoms.add((relation.predicate, relation.subject, relation.object))
        if not any(atom[0] == "held" for atom in atoms):
            atoms.add(HAND_EMPTY)
        return frozenset(atoms)

    def _refuse_full_hand(self, aim: Aim) -> None:
        held = [atom[1] for atom in self.state if atom[0] == "held" and atom[1] != aim.target]
        needs_hand = aim.verb in ("take", "bring", "put", "open", "close", "switch on", "switch off")
        if held and needs_hand and not aim.atoms() <= self.state:
            label = self._graph.instances[held[0]].label
            raise NotPossible(f"the hand already holds the {label}; say first where to put it")


def _n_grasps(steps: Sequence[Action]) -> int:
    return sum(action.skill == "PickUp" for action in steps)


def _abilities(thing: Instance) -> set[Atom]:
    x = thing.id
    able: dict[Atom, bool] = {
        ("carries", x, "in"): affordances.holds(thing, "in"),
        ("carries", x, "on"): affordances.holds(thing, "on"),
        ("portable", x): affordances.is_portable(thing),
        ("openable", x): affordances.is_openable(thing),
        ("encloses", x): affordances.is_closed_container(thing),
        ("switchable", x): affordances.is_switched(thing),
    }
    return {atom for atom, is_so in able.items() if is_so}


def _refuse_nonsense(aim: Aim) -> None:
    """Raise NotPossible for what cannot be done with such things whatever their state."""
    thing, holder = aim.thing, aim.holder
    if thing is None:
        return
    name = f"the {thing.label}"
    if aim.verb in ("take", "bring", "put") and not affordances.is_portable(thing):
        raise NotPossible(f"{name} cannot be picked up")
    if aim.verb in ("open", "close") and not affordances.is_openable(thing):
        raise NotPossible(f"{name} cannot be opened or closed")
    if aim.verb in ("switch on", "switch off") and not affordances.is_switched(thing):
        raise NotPossible(f"{name} cannot be switched on or off")
    if holder is None:
        return
    if holder.id == thing.id:
        raise NotPossible(f"{name} cannot be put {aim.relation} itself")
    if not affordances.holds(holder, aim.relation):
        other = "on" if aim.relation == "in" else "in"
        hint = f"; it can be put {other} it" if affordances.holds(holder, other) else ""
        raise NotPossible(f"nothing can be put {aim.relation} the {holder.label}{hint}")
