# SPDX-License-Identifier: Apache-2.0
"""Symbolic actions to steps a robot can carry out: where to stand, which way, and why."""

from __future__ import annotations

from typing import Any

from memory_core.errors import NotPossible
from memory_core.graph import Instance, SceneGraph
from memory_core.recall import wording
from task_planner.domain import Action
from task_planner.grounding import Grounder
from task_planner.plan import Point, Stand, Step
from task_planner.settings import PlannerSettings
from task_planner.standing import stand_for, stand_in_room
from task_planner.travel import Ways
from task_planner.world import START, Aim


class Narrator:
    """Turns the actions of one plan into steps, in order; keeps track of where the robot and moved things will be."""

    def __init__(
        self,
        graph: SceneGraph,
        grounder: Grounder,
        ways: Ways,
        settings: PlannerSettings,
        *,
        start: Point | None,
        now_ns: int | None,
    ) -> None:
        self._graph, self._grounder, self._ways, self._settings = graph, grounder, ways, settings
        self._start, self._here = start, start
        self._now_ns = graph.stamp_ns if now_ns is None else now_ns
        self._put: dict[str, str] = {}

    def step(self, action: Action, aim: Aim) -> Step:
        """The step of an action. Raises NotPossible where no place to stand is known."""
        x = action.args[0]
        if action.skill == "GoTo":
            return self._go(x, aim)
        thing = self._graph.instances[x]
        if action.skill == "Put":
            return self._put_down(thing, self._graph.instances[action.args[1]], action.args[2])
        return Step(action.skill, _about(thing), self._reason(action.skill, thing, aim))

    def _go(self, x: str, aim: Aim) -> Step:
        if x == START:
            return self._go_back(aim)
        if x in self._graph.rooms:
            return self._go_to_room(x)
        thing = self._graph.instances[self._put.get(x, x)]
        stand = stand_for(self._graph, thing, self._settings, self._here)
        if stand is None:
            raise NotPossible(f"no free place is known from which to reach the {thing.label}")
        args = _about(thing) | self._way(stand)
        return Step("GoTo", args, f"{self._grounder.whereabouts(thing)}, {self._last_seen(thing)}")

    def _go_to_room(self, x: str) -> Step:
        room = self._graph.rooms[x]
        stand = stand_in_room(self._graph, x)
        if stand is None:
            raise NotPossible(f"no free place is known{wording.in_room(wording.room_name(room))}")
        about = {"id": room.id, "label": room.label, "position": list(room.position), "size": list(room.box.size)}
        return Step("GoTo", about | self._way(stand), f"a free place{wording.in_room(wording.room_name(room))}")

    def _go_back(self, aim: Aim) -> Step:
        if self._start is None:
            raise NotPossible("where to bring it is not known: the robot's position was not given")
        label = aim.thing.label if aim.thing else "thing"
        about: dict[str, Any] = {"id": "", "label": "", "position": list(self._start), "size": [0.0, 0.0, 0.0]}
        return Step(
            "GoTo", about | self._way(Stand(self._start, 0.0, "")), f"bring the {label} to where it was asked for"
        )

    def _way(self, stand: Stand) -> dict[str, Any]:
        args: dict[str, Any] = {"stand": list(stand.point), "yaw_rad": stand.yaw_rad, "length_m": None}
        args |= {"route": [list(stand.point)], "places": [stand.place_id] if stand.place_id else []}
        if self._here is not None:
            way = self._ways.to(self._here, stand)
            args |= {"route": [list(p) for p in way.points], "length_m": way.length_m, "places": list(way.place_ids)}
        self._here = stand.point
        return args

    def _put_down(self, thing: Instance, holder: Instance, relation: str) -> Step:
        self._put[thing.id] = holder.id
        args = _about(holder) | {"object": thing.id, "object_label": thing.label, "relation": relation}
        return Step("Put", args, f"the {thing.label} goes {relation} the {holder.label}")

    def _reason(self, skill: str, thing: Instance, aim: Aim) -> str:
        name = f"the {thing.label}"
        asked = aim.thing is not None and aim.thing.id == thing.id
        if skill == "Open" and not asked:
            return f"{name} is taken to be closed, and has to be open to reach inside"
        if skill == "Close" and not asked:
            return f"leave {name} as it was found"
        if skill == "PickUp":
            return f"take {name} in the hand"
        if skill == "LookAt":
            return f"make sure that {name} is there"
        return f"{name} was asked for"

    def _last_seen(self, thing: Instance) -> str:
        return f"last seen {wording.ago(max(0, self._now_ns - thing.last_seen_ns) / 1e9)}"


def _about(thing: Instance) -> dict[str, Any]:
    return {"id": thing.id, "label": thing.label, "position": list(thing.position), "size": list(thing.box.size)}
