# SPDX-License-Identifier: Apache-2.0
"""A simulator that lives: its time passes on a thread of its own, and it does what it is told in the meantime."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, cast

import numpy as np

from memory_app.walking import Walker
from memory_core import CameraFrame, SceneGraph
from memory_core.errors import NotPossible
from memory_core.geometry import Vec
from memory_nodes.sim_orders import Act, Drive, Goal, Order, Outcome
from memory_nodes.sim_settings import SimNodeSettings
from sim import Action, Simulator, StepResult
from sim.types import ActionName

See = Callable[[CameraFrame, Vec], None]
Tell = Callable[[Outcome], None]

_MAX_WAITING = 1000
_LEAST = 1e-9
# What is owed of a velocity (ahead, left, turn to the left) and the actions that pay it forwards and backwards.
_PAYMENTS: tuple[tuple[ActionName, ActionName], ...] = (
    ("MoveAhead", "MoveBack"), ("MoveLeft", "MoveRight"), ("RotateLeft", "RotateRight"),
)  # fmt: skip


class _Stopped(Exception):
    """The robot is to end."""


class _Interrupted(Exception):
    """Another order came while it was walking."""


class SimRobot:
    """A simulator on its own thread, which makes, steps and closes it.

    Every step is one action and one frame, `step_s` of simulated time apart; without orders it stands and looks.
    Orders are done one after the other. Any new order ends a walk to a goal, and ends driving.

    Args:
        begin: makes the simulator.
        see: takes each new frame and the pose (4, 4) of the base, on the robot's thread.
        tell: takes what came of each goal and action, and bumps while driving, on the robot's thread.

    Attributes:
        failure: why the simulator ended by itself; None while it lives.
    """

    def __init__(
        self, begin: Callable[[], Simulator], settings: SimNodeSettings, step_s: float, *, see: See, tell: Tell
    ) -> None:
        self._begin, self._settings, self._step_s, self._tell = begin, settings, step_s, tell
        self._pace = _Pace(step_s / settings.rate, see, self._is_interrupted)
        self._orders: deque[Order] = deque()
        self._drive: Drive | None = None
        self._n_drive_steps = 0
        self._owed = np.zeros(3)
        self._begun: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="simulator")
        self.failure: Exception | None = None

    def start(self) -> None:
        """Begin the simulator; returns with its first frame seen.

        Raises:
            TolmanError: it cannot be made.
        """
        self._thread.start()
        self._begun.result()

    def order(self, order: Order) -> None:
        """Tell it what to do; returns at once.

        Raises:
            NotPossible: too many orders wait.
        """
        if len(self._orders) >= _MAX_WAITING:
            raise NotPossible(f"{_MAX_WAITING} orders wait already; wait for their results")
        self._orders.append(order)

    def stop(self) -> None:
        """Close the simulator and join its thread; takes as long as the present step."""
        self._pace.stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            self._sim = self._begin()
        except Exception as error:
            self._begun.set_exception(error)
            return
        try:
            self._paced = self._pace.of(self._sim)
            self._begun.set_result(None)
            while True:
                self._live()
        except _Stopped:
            return
        except Exception as error:
            self.failure = error
            if not self._begun.done():
                self._begun.set_exception(error)
        finally:
            self._sim.close()

    def _live(self) -> None:
        """Do the next order, or let one step pass."""
        order = self._orders.popleft() if self._orders else None
        if order is None:
            self._pass()
            return
        self._drive, self._owed = None, np.zeros(3)
        if isinstance(order, Drive):
            self._drive = order
            self._n_drive_steps = max(1, round(self._settings.cmd_vel_timeout_s / self._step_s))
        elif isinstance(order, Goal):
            self._report(None, "goal_pose", self._go(order))
        else:
            self._report(order.id, order.action.name, self._act(order))

    def _pass(self) -> None:
        action = Action("Done")
        if self._drive is not None and self._n_drive_steps > 0:
            self._n_drive_steps -= 1
            action = self._payment(self._drive)
        result = self._paced.step(action)
        if not result.ok and action.name != "Done":
            self._drive = None
            self._report(None, "cmd_vel", result.error)

    def _payment(self, drive: Drive) -> Action:
        """The one action that pays most of what the velocities owe by now; metres and radians count the same."""
        self._owed += np.array([drive.ahead_m_s, drive.left_m_s, drive.turn_rad_s]) * self._step_s
        which = int(np.argmax(np.abs(self._owed)))
        owed = float(self._owed[which])
        if abs(owed) < _LEAST:
            return Action("Done")
        self._owed[which] = 0.0
        name = _PAYMENTS[which][owed < 0]
        return Action(name, distance_m=abs(owed), angle_deg=math.degrees(abs(owed)))

    def _act(self, order: Act) -> str:
        """Why not, "" when done."""
        action = order.action
        if order.instance and not action.uid:
            action = replace(action, uid=self._sim.uid_of(order.instance))
            if not action.uid:
                return f"there is no instance {order.instance}"
        return self._paced.step(action).error

    def _go(self, goal: Goal) -> str:
        """Why not, "" when there."""
        walker = Walker(self._paced, SceneGraph(stamp_ns=0), self._settings.robot_radius_m)
        tilt_rad = self._sim.agent_pose.horizon_rad
        error = ""
        self._pace.may_interrupt = True
        try:
            if walker.go_to((goal.x, goal.y), self._settings.goal_tolerance_m):
                walker.turn_to(goal.yaw_rad)
            else:
                error = f"there is no way to ({goal.x:.2f}, {goal.y:.2f}) around what is in the way"
        except _Interrupted:
            error = "another order came"
        self._pace.may_interrupt = False
        walker.tilt_to(tilt_rad)
        return error

    def _report(self, order_id: Any, action: str, error: str) -> None:
        self._tell(Outcome(order_id, action, not error, error, self._pace.stamp_ns))

    def _is_interrupted(self) -> bool:
        return bool(self._orders)


class _Pace:
    """Makes the steps of a simulator take their time, and shows each frame once.

    Attributes:
        may_interrupt: whether a step may be refused because of another order.
        stamp_ns: of the last frame shown.
    """

    def __init__(self, period_s: float, see: See, is_interrupted: Callable[[], bool]) -> None:
        self._period_s, self._see, self._is_interrupted = period_s, see, is_interrupted
        self._due = time.monotonic()
        self.stopped = threading.Event()
        self.may_interrupt = False
        self.stamp_ns = -1

    def of(self, sim: Simulator) -> Simulator:
        """The simulator, its steps paced; its present frame is shown."""
        self.show(sim)
        return cast(Simulator, _Paced(sim, self))

    def wait(self) -> None:
        """Until the next step is due; time that was missed is not made up for.

        Raises:
            _Stopped, _Interrupted: the step is not to be done.
        """
        now = time.monotonic()
        self._due = max(self._due + self._period_s, now)
        if self.stopped.wait(self._due - now):
            raise _Stopped
        if self.may_interrupt and self._is_interrupted():
            raise _Interrupted

    def show(self, sim: Simulator) -> None:
        """Hand on the present frame, unless it was before: a frame that got lost is not there."""
        frame = sim.observe()
        if frame.stamp_ns != self.stamp_ns:
            self.stamp_ns = frame.stamp_ns
            self._see(frame, sim.T_world_base)


class _Paced:
    """A simulator whose steps wait for their time; all else passes through."""

    def __init__(self, sim: Simulator, pace: _Pace) -> None:
        self._sim, self._pace = sim, pace

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sim, name)

    def step(self, action: Action) -> StepResult:
        self._pace.wait()
        result = self._sim.step(action)
        self._pace.show(self._sim)
        return result
