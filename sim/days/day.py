# SPDX-License-Identifier: Apache-2.0
"""A day in a house: what happens when, and what is different afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.house.changes import Change, Changed
from sim.scores.changes import Change as Difference
from sim.scores.changes import ChangeKind
from sim.types import SimObject

_NEAR_M = 0.3


@dataclass(frozen=True, slots=True)
class Happening:
    """One change of a day, part of something people do.

    Attributes:
        routine: its name.
        changed: the change with its time, and the object before and after it.
    """

    routine: str
    changed: Changed


@dataclass(frozen=True, slots=True)
class Day:
    """What happens in a house when nobody stands in the way; in order of time.

    Attributes:
        house: name of the house.
    """

    house: str
    happenings: tuple[Happening, ...]

    def agenda(self) -> list[tuple[int, Change]]:
        """For HouseSimulator.schedule: (simulated time in nanoseconds, change)."""
        return [(happening.changed.stamp_ns, happening.changed.change) for happening in self.happenings]


def differences(
    before: Sequence[SimObject], after: Sequence[SimObject], history: Sequence[Changed] = (), *, near_m: float = _NEAR_M
) -> list[Difference]:
    """What somebody would find different who looked at everything before and after; O(objects + history).

    What is shut away in something closed is not there to be found. Moves by less than `near_m` do not count.

    Args:
        history: what was done, for the times: a difference happened when its object was last changed, else at 0.
    """
    then, now = _in_sight(before), _in_sight(after)
    stamps = {uid: done.stamp_ns for done in history if not done.error for uid in (done.change.uid, *done.made)}
    found: list[Difference] = []
    for uid in sorted(then.keys() | now.keys()):
        one = now.get(uid) or then[uid]
        if kind := _kind(then.get(uid), now.get(uid), near_m):
            found.append(Difference(kind, one.label, one.box.center, stamps.get(uid, 0)))
    return found


def _kind(then: SimObject | None, now: SimObject | None, near_m: float) -> ChangeKind | None:
    if then is None or now is None:
        return "vanished" if now is None else "appeared"
    gap = float(np.linalg.norm(np.subtract(then.box.center, now.box.center)))
    return "moved" if gap >= near_m else None


def _in_sight(objects: Sequence[SimObject]) -> dict[str, SimObject]:
    """The objects that are not in anything closed, by uid."""
    all_of_them = {o.uid: o for o in objects}

    def is_shut(o: SimObject) -> bool:
        holder = all_of_them.get(o.parent)
        return holder is not None and ((o.relation == "in" and holder.is_open is False) or is_shut(holder))

    return {o.uid: o for o in objects if o.state == "present" and not is_shut(o)}
