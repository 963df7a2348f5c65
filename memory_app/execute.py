# SPDX-License-Identifier: Apache-2.0
"""Carrying out a plan in a simulator by what the robot sees and feels; the simulator's truth is never asked.

A thing is found again as the visible segment of its label that is nearest to where it is remembered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from memory_app.walking import Point2, Walker
from memory_core.event import Event
from memory_core.frame import CameraFrame
from memory_core.geometry import Box, transform_points, unproject
from memory_core.graph import SceneGraph
from memory_core.labels import spoken
from sim import Action, Simulator
from task_planner import Plan, PlannerSettings, Step
from task_planner.standing import stand_for

_ARRIVED_M = 0.1
_MISPLACED_M = 0.5
_LEAST_PIXELS = 10
# How far from the thing to stand, tried in turn: from afar one looks under what hides it from above.
_DISTANCES_M = (0.6, 1.3, 0.9, 0.4)
_CLOSE_M = 0.8
_STEP_M = 0.1
_FULL_TURN = 12
# Where to look when the thing is not in the middle of the image: turns and tilts, degrees.
_GLANCES_DEG = ((0, 0), (0, 20), (0, -20), (30, 10), (-30, 10), (60, 10), (-60, 10))

_ACTIONS = {
    "PickUp": "PickupObject",
    "Put": "PutObject",
    "Open": "OpenObject",
    "Close": "CloseObject",
    "ToggleOn": "ToggleObjectOn",
    "ToggleOff": "ToggleObjectOff",
}
# Skills that are done when the thing is as wanted before.
_SWITCHES = frozenset({"Open", "Close", "ToggleOn", "ToggleOff"})


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What became of one step; `reason` is "" when it is done."""

    step: Step
    ok: bool
    reason: str
    n_actions: int
    stamp_ns: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a plan: the steps that were tried, in order, the last one failed unless `ok`."""

    ok: bool
    reason: str
    steps: tuple[StepOutcome, ...]

    @property
    def n_actions(self) -> int:
        return sum(step.n_actions for step in self.steps)

    def events(self) -> list[Event]:
        """What a memory should keep: one event for each step, and how it ended."""
        done = [_did(step) for step in self.steps]
        if not self.steps:
            return done
        text = "The plan is done." if self.ok else f"The plan failed: {self.reason}"
        end = Event(
            kind="outcome", stamp_ns=self.steps[-1].stamp_ns, text=text, payload={"ok": self.ok}, source="planner"
        )
        return [*done, end]


def execute(plan: Plan, sim: Simulator, graph: SceneGraph, settings: PlannerSettings | None = None) -> Outcome:
    """Carry out a plan's steps in order until one fails or a search has found its thing.

    Args:
        graph: what the memory knew when the plan was made; for standing elsewhere when a thing cannot be reached.
    """
    robot = _Robot(sim, graph, settings or PlannerSettings())
    outcomes: list[StepOutcome] = []
    for step in plan.steps:
        before = robot.walker.n_actions
        reason = robot.perform(step)
        stamp_ns = sim.observe().stamp_ns
        outcomes.append(StepOutcome(step, not reason, reason, robot.walker.n_actions - before, stamp_ns))
        if step.skill == "Search":
            if not reason:
                return Outcome(True, "", tuple(outcomes))
        elif reason:
            return Outcome(False, reason, tuple(outcomes))
    searched = any(step.skill == "Search" for step in plan.steps)
    return Outcome(not searched, outcomes[-1].reason if searched else "", tuple(outcomes))


class _Robot:
    """One simulated robot at work. Skills return why they failed, "" when they did not."""

    def __init__(self, sim: Simulator, graph: SceneGraph, settings: PlannerSettings) -> None:
        self.walker = Walker(sim, graph, settings.robot_radius_m)
        self._sim, self._graph, self._settings = sim, graph, settings

    def perform(self, step: Step) -> str:
        skills: dict[str, Callable[[Step], str]] = {"GoTo": self._go, "LookAt": self._look, "Search": self._search}
        return skills.get(step.skill, self._handle)(step)

    def _go(self, step: Step) -> str:
        route: list[Point2] = [(point[0], point[1]) for point in step.args["route"]]
        arrived = self.walker.follow(route, _ARRIVED_M)
        is_thing = step.args["id"] in self._graph.instances
        if not arrived and not (is_thing and self._comes_near(step)):
            return f"no way was found to the {step.args['label'] or 'point'}"
        if is_thing:
            self._face(step)
            self._close_in(step)
        else:
            self.walker.turn_to(step.args["yaw_rad"])
        return ""

    def _look(self, step: Step) -> str:
        uid, _ = self._find_from_stands(step, lambda _: "")
        return "" if uid else self._missing(step)

    def _handle(self, step: Step) -> str:
        """Act on the thing; from other stands when it is not seen or the simulator refuses."""

        def act(uid: str) -> str:
            result = self.walker.act(Action(_ACTIONS[step.skill], uid=uid))  # type: ignore[arg-type]
            as_wanted = step.skill in _SWITCHES and " is already " in result.error
            return "" if result.ok or as_wanted else result.error

        uid, refusal = self._find_from_stands(step, act)
        if uid and not refusal:
            self.walker.forget_bumps()
        return refusal if uid else self._missing(step)

    def _search(self, step: Step) -> str:
        self.walker.follow([(point[0], point[1]) for point in step.args["route"]], _ARRIVED_M)
        for turn in range(_FULL_TURN):
            self.walker.turn_to(self._sim.agent_pose.yaw_rad + (2 * math.pi / _FULL_TURN if turn else 0.0))
            self.walker.tilt_to(math.radians(25))
            if _sightings(self._sim.observe(), step.args["label"]):
                return ""
        return f"no {step.args['label']} was seen there"

    def _find_from_stands(self, step: Step, use: Callable[[str], str]) -> tuple[str, str]:
        """The handle of the thing, "" when it was not found, and why using it failed, from up to four stands."""
        tried: list[Point2] = []
        uid, refusal = "", ""
        for attempt in range(len(_DISTANCES_M)):
            tried.append(self.walker.position)
            uid = self._find(step) or uid
            refusal = use(uid) if uid else ""
            if uid and not refusal:
                break
            if attempt + 1 < len(_DISTANCES_M) and not self._stand_elsewhere(step, tried, _DISTANCES_M[attempt + 1]):
                break
        return uid, refusal

    def _comes_near(self, step: Step) -> bool:
        """Is the thing in reach from here, or from another stand that can be walked to?"""
        return self._gap_m(step) <= self._settings.reach_m or self._stand_elsewhere(step, [], _DISTANCES_M[0])

    def _gap_m(self, step: Step) -> float:
        box = _box(step)
        return box.distance_m((*self.walker.position, box.center[2]))

    def _close_in(self, step: Step) -> None:
        """Step towards the thing in front until it is close or something is in the way."""
        while self._gap_m(step) > _CLOSE_M:
            if not self.walker.act(Action("MoveAhead", distance_m=_STEP_M)).ok:
                return

    def _stand_elsewhere(self, step: Step, tried: Sequence[Point2], distance_m: float) -> bool:
        """Walk to another point from which the thing can be reached; False when there is none left."""
        thing = self._graph.instances[step.args["id"]]
        settings = replace(self._settings, comfortable_m=distance_m, reach_m=max(self._settings.reach_m, distance_m))
        avoid = [(x, y, 0.0) for x, y in tried]
        for _ in _DISTANCES_M:
            here = (*self.walker.position, 0.0)
            stand = stand_for(self._graph, thing, settings, here, avoid)
            if stand is None:
                return False
            if self.walker.go_to((stand.point[0], stand.point[1]), _ARRIVED_M):
                return True
            avoid.append(stand.point)
        return False

    def _find(self, step: Step) -> str:
        """Handle of the segment that is the thing of a step, "" when none is in view."""
        for turn_deg, tilt_deg in _GLANCES_DEG:
            self._face(step)
            pose = self._sim.agent_pose
            if turn_deg or tilt_deg:
                self.walker.turn_to(pose.yaw_rad + math.radians(turn_deg))
                self.walker.tilt_to(pose.horizon_rad + math.radians(tilt_deg))
            number = _nearest(_sightings(self._sim.observe(), step.args["label"]), _box(step))
            if number:
                return self._sim.uid_of(number)
        return ""

    def _face(self, step: Step) -> None:
        x, y, z = step.args["position"]
        self.walker.face((x, y, z), float(self._sim.observe().T_world_cam[2, 3]))

    def _missing(self, step: Step) -> str:
        return f"the {step.args['label']} was not seen where it is remembered"


def _sightings(frame: CameraFrame, label: str) -> dict[int, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """Number of each visible segment of a class to the middle of its visible points, (3,) map frame."""
    if frame.instance_ids is None:
        return {}
    numbers, counts = np.unique(frame.instance_ids, return_counts=True)
    found = {}
    for number in numbers[counts >= _LEAST_PIXELS].tolist():
        if number and spoken(frame.instance_labels.get(number, "")) == label:
            depth = np.where(frame.instance_ids == number, frame.depth, np.float32(0))
            points = transform_points(frame.T_world_cam, unproject(depth, frame.K))
            if len(points):
                found[int(number)] = np.asarray(points.mean(axis=0))
    return found


def _nearest(sightings: dict[int, np.ndarray[tuple[int, ...], np.dtype[np.float64]]], remembered: Box) -> int:
    """The segment nearest to a remembered box, 0 when none is near enough to be the same thing."""
    distances = {number: remembered.distance_m(middle) for number, middle in sightings.items()}
    near = {number: d for number, d in distances.items() if d <= _MISPLACED_M}
    return min(near, key=lambda n: (near[n], math.dist(sightings[n], remembered.center), n)) if near else 0


def _box(step: Step) -> Box:
    return Box.of(step.args["position"], step.args["size"])


def _did(outcome: StepOutcome) -> Event:
    step = outcome.step
    position = step.args["position"]
    label = step.args["label"]
    text = f"{step.skill} {label}: done." if outcome.ok else f"{step.skill} {label}: {outcome.reason}"
    return Event(
        kind="did",
        stamp_ns=outcome.stamp_ns,
        subject=step.args["id"],
        label=label,
        position=(position[0], position[1], position[2]),
        text=text,
        payload={"skill": step.skill, "ok": outcome.ok, "n_actions": outcome.n_actions},
        source="planner",
    )
