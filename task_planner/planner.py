# SPDX-License-Identifier: Apache-2.0
"""An instruction and a memory in, a plan out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from memory_core.errors import BadQuestion, NotPossible
from memory_core.graph import Instance, Room, SceneGraph
from memory_core.question import Answer, Evidence, Question
from task_planner import affordances
from task_planner.goals import EXAMPLES, Goal, Thing, parse
from task_planner.grounding import Grounder, Refused, Suits
from task_planner.plan import Plan, Point, Step
from task_planner.search import search_steps
from task_planner.settings import PlannerSettings
from task_planner.steps import Narrator
from task_planner.travel import Ways
from task_planner.world import Aim, World


class Knowledge(Protocol):
    """What the planner needs of a memory."""

    def graph(self, as_of_ns: int | None = None) -> SceneGraph: ...

    def recall(self, question: Question) -> Answer: ...


def plan(
    text: str,
    memory: Knowledge,
    robot_position: Point | None = None,
    now_ns: int | None = None,
    settings: PlannerSettings | None = None,
) -> Plan:
    """Steps for an instruction such as "put the apple in the fridge", from what the memory knows.

    Args:
        robot_position: where the robot is, map frame, metres; without it routes begin at the first target.
        now_ns: the present, for ages in the text; None means the newest stamp in the memory.

    Raises:
        BadQuestion: the text is not a string, or the position is not three finite numbers.
    """
    began = time.perf_counter()
    if not isinstance(text, str):
        raise BadQuestion(f"instruction: want text, got {type(text).__name__}")
    graph = memory.graph()
    job = _Job(graph, memory, settings or PlannerSettings(), _checked(robot_position), now_ns)
    return replace(job.plan(text), latency_ms=1e3 * (time.perf_counter() - began))


def _checked(position: Point | None) -> Point | None:
    if position is None:
        return None
    try:
        x, y, z = (float(value) for value in position)
    except (TypeError, ValueError) as error:
        raise BadQuestion(f"robot position: want x, y, z in metres, got {position!r}") from error
    if not all(abs(value) < float("inf") for value in (x, y, z)):
        raise BadQuestion(f"robot position: want finite metres, got {position!r}")
    return (x, y, z)


@dataclass
class _Job:
    """One call of `plan`."""

    graph: SceneGraph
    memory: Knowledge
    settings: PlannerSettings
    start: Point | None
    now_ns: int | None

    def __post_init__(self) -> None:
        self.ways = Ways(self.graph, self.start)
        self.grounder = Grounder(self.graph, self.settings, self.ways.metres)

    def plan(self, text: str) -> Plan:
        goals = parse(text, self.grounder.room_phrases())
        if not goals:
            return Plan(
                "unsupported", "I did not understand that. I can be asked things like these.", examples=EXAMPLES
            )
        said = tuple(str(goal) for goal in goals)
        try:
            aims = [self._aim(goal) for goal in goals]
            world = World(self.graph, aims, self.settings, self.ways)
            steps = self._steps(world, aims)
        except Refused as refusal:
            return self._refused(refusal, goals, said)
        except NotPossible as reason:
            return Plan("impossible", f"{reason}"[:1].upper() + f"{reason}"[1:], said)
        return Plan("found", self._summary(steps, aims), said, tuple(steps), self._evidence(aims))

    def _aim(self, goal: Goal) -> Aim:
        if goal.verb == "go" and (room := self._room_meant(goal.thing)):
            return Aim(goal.verb, room=room)
        verb = "take" if goal.verb == "bring" and self.start is None else goal.verb
        thing = self.grounder.thing(goal.thing, _SUITS.get(goal.verb, _anything))
        if goal.verb != "put" or goal.destination is None:
            return Aim(verb, thing)
        if room := self._room_meant(goal.destination):
            return Aim("put", thing, self.grounder.holder_in(room, goal.relation), "on")
        relation = goal.relation
        holder = self.grounder.thing(goal.destination, lambda i: _can_hold(i, relation))
        return Aim("put", thing, holder, relation or ("on" if affordances.holds(holder, "on") else "in"))

    def _room_meant(self, thing: Thing) -> Room | None:
        if thing != Thing(thing.phrase) or thing.phrase not in self.grounder.room_phrases():
            return None
        return self.grounder.room(thing.phrase)

    def _steps(self, world: World, aims: Sequence[Aim]) -> list[Step]:
        narrator = Narrator(self.graph, self.grounder, self.ways, self.settings, start=self.start, now_ns=self.now_ns)
        return [narrator.step(action, aim) for aim in aims for action in world.achieve(aim)]

    def _refused(self, refusal: Refused, goals: Sequence[Goal], said: tuple[str, ...]) -> Plan:
        text, steps = str(refusal), []
        if refusal.status == "not_seen" and all(goal.verb == "find" for goal in goals):
            steps = search_steps(self.graph, refusal.label, self.ways, self.start)
            text += " I can look for it." if steps else ""
        examples = EXAMPLES if refusal.status == "unsupported" else ()
        return Plan(refusal.status, text, said, tuple(steps), examples=examples)

    def _evidence(self, aims: Sequence[Aim]) -> tuple[Evidence, ...]:
        """The newest log entry that shows each thing the plan rests on."""
        found: dict[int, Evidence] = {}
        for thing_id in dict.fromkeys(thing.id for aim in aims for thing in aim.things()):
            answer = self.memory.recall(Question(kind="recall", label=thing_id))
            for result in answer.results:
                found.update({evidence.event_id: evidence for evidence in result.evidence})
        return tuple(found[key] for key in sorted(found))

    def _summary(self, steps: Sequence[Step], aims: Sequence[Aim]) -> str:
        if not steps:
            return "Nothing to do: it already is so."
        length = sum(step.args.get("length_m") or 0.0 for step in steps)
        where = "; ".join(dict.fromkeys(self.grounder.whereabouts(t) for aim in aims for t in aim.things()))
        count = f"{len(steps)} step" + ("s" if len(steps) != 1 else "")
        way = f"{length:.1f} m to go" if self.start else f"{length:.1f} m after the first place" if length else ""
        return (f"{count}, {way}" if way else count) + (f": {where}." if where else ".")


def _anything(_: Instance) -> bool:
    return True


def _can_hold(instance: Instance, relation: str) -> bool:
    return any(affordances.holds(instance, r) for r in ([relation] if relation else ["on", "in"]))


_SUITS: dict[str, Suits] = {
    "take": affordances.is_portable,
    "bring": affordances.is_portable,
    "put": affordances.is_portable,
    "open": affordances.is_openable,
    "close": affordances.is_openable,
    "switch on": affordances.is_switched,
    "switch off": affordances.is_switched,
}
