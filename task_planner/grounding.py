# SPDX-License-Identifier: Apache-2.0
"""Phrases to the things and rooms the memory knows, or the reason why none fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from memory_core.errors import NotPossible
from memory_core.graph import Instance, Room, SceneGraph
from task_planner import affordances
from task_planner.goals import Thing
from task_planner.plan import PlanStatus, Point
from task_planner.settings import PlannerSettings
from task_planner.words import ROOMS, labels_of

Suits = Callable[[Instance], bool]
Travel = Callable[[Point], float]

_VOCABULARY = (
    affordances.PORTABLE
    | affordances.OPENABLE
    | affordances.OPENABLE_ONLY
    | affordances.CONTAINERS
    | affordances.SURFACES
    | affordances.SWITCHED
    | frozenset(affordances.LIKELY_ROOMS)
)


class Refused(NotPossible):
    """A phrase that names nothing to act on; `label` is the class that was meant."""

    def __init__(self, status: PlanStatus, text: str, label: str = "") -> None:
        super().__init__(text)
        self.status, self.label = status, label


class Grounder:
    """Chooses things in one scene graph.

    Args:
        travel: metres to go to a point, for choosing the nearest of several.
    """

    def __init__(self, graph: SceneGraph, settings: PlannerSettings, travel: Travel) -> None:
        self._graph, self._settings, self._travel = graph, settings, travel
        self._known = frozenset(instance.label for instance in graph.instances.values())

    def room_phrases(self) -> frozenset[str]:
        """Phrases that name a room, known or not."""
        return ROOMS | {room.label for room in self._graph.rooms.values()} | set(self._graph.rooms)

    def room(self, phrase: str) -> Room:
        """The nearest room of that name. Raises Refused when there is none."""
        rooms = [room for key, room in sorted(self._graph.rooms.items()) if phrase in (room.label, key)]
        if not rooms:
            known = sorted({room.label for room in self._graph.rooms.values()})
            raise Refused(
                "not_seen", f"I have never seen a {phrase}. Rooms I know: {', '.join(known) or 'none'}.", phrase
            )
        return min(rooms, key=lambda room: self._travel(room.position))

    def thing(self, thing: Thing, suits: Suits = lambda _: True) -> Instance:
        """The best instance for a phrase: one that suits the task, is present, certain and near.

        Raises:
            Refused: never seen, gone, or of several classes with nothing to choose by.
        """
        candidates = self._candidates(thing)
        present = [instance for instance in candidates if instance.state != "gone"]
        if not present:
            raise Refused("gone", self._gone(thing, candidates), candidates[0].label)
        suitable = [instance for instance in present if suits(instance)] or present
        classes = sorted({instance.label for instance in suitable})
        if len(classes) > 1:
            raise Refused("ambiguous", f"Which {thing.phrase}: {_either(classes)}?", thing.phrase)
        return min(suitable, key=self._rank)

    def holder_in(self, room: Room, relation: str) -> Instance:
        """The nearest thing in a room that something can be put down on (or in)."""
        relations = (relation,) if relation == "on" else ("on", "in")
        holders = [
            instance
            for instance in self._graph.instances.values()
            if instance.room_id == room.id
            and instance.state != "gone"
            and not affordances.is_portable(instance)
            and affordances.holds(instance, relations[0])
        ]
        if not holders:
            raise Refused("not_seen", f"I know nothing in the {room.label} to put it down on.", room.label)
        return min(holders, key=self._rank)

    def _rank(self, instance: Instance) -> tuple[bool, bool, float, str]:
        doubtful = instance.confidence < self._settings.min_confidence
        return (instance.state not in ("present", "held"), doubtful, self._travel(instance.position), instance.id)

    def _candidates(self, thing: Thing) -> list[Instance]:
        """Instances of any state that fit; raises Refused when none ever did."""
        if thing.phrase in self._graph.instances:
            return [self._graph.instances[thing.phrase]]
        labels, words = labels_of(thing.phrase, self._known)
        if not labels:
            if " and " in thing.phrase:
                raise Refused("unsupported", f'I did not understand "{thing.phrase}".')
            meant, _ = labels_of(thing.phrase, _VOCABULARY)
            raise Refused("not_seen", f"I have never seen a {thing.phrase}.", meant[0] if meant else thing.phrase)
        found = [i for _, i in sorted(self._graph.instances.items()) if i.label in labels]
        found = self._filtered(
            found, f"{' '.join(words)} {'/'.join(labels)}".strip(), lambda i: set(words) <= set(i.words)
        )
        if thing.room:
            room = self.room(thing.room)
            found = self._filtered(found, str(thing), lambda i: i.room_id == room.id)
        if thing.reference is not None:
            anchors = {instance.id for instance in self._candidates(thing.reference)}
            found = self._filtered(found, str(thing), lambda i: self._is_related(i, thing.relation, anchors))
        return found

    def _filtered(self, found: Sequence[Instance], said: str, keep: Suits) -> list[Instance]:
        kept = [instance for instance in found if keep(instance)]
        if not kept:
            others = ", ".join(self.whereabouts(instance) for instance in found[:3])
            raise Refused("not_seen", f"I have never seen a {said}. What I know: {others}.", found[0].label)
        return kept

    def _is_related(self, instance: Instance, relation: str, anchors: set[str]) -> bool:
        for known in self._graph.relations:
            if relation not in ("", known.predicate):
                continue
            if known.subject == instance.id and known.object in anchors:
                return True
            if known.predicate == "near" and known.object == instance.id and known.subject in anchors:
                return True
        return relation == "near" and any(
            instance.box.gap_m(self._graph.instances[anchor].box) < 1.0 for anchor in anchors - {instance.id}
        )

    def _gone(self, thing: Thing, candidates: Sequence[Instance]) -> str:
        last = max(candidates, key=lambda instance: instance.last_seen_ns)
        return (
            f"The {thing.phrase} is gone: it was {self.whereabouts(last, with_label=False)}, and is not there any more."
        )

    def whereabouts(self, instance: Instance, *, with_label: bool = True) -> str:
        """ "the mug on the dining table in the kitchen"."""
        parts = [f"the {instance.label}"] if with_label else []
        for relation in self._graph.relations:
            if relation.subject == instance.id and relation.predicate in ("in", "on"):
                holder = self._graph.instances.get(relation.object)
                parts += [f"{relation.predicate} the {holder.label}"] if holder else []
                break
        if instance.room_id in self._graph.rooms:
            parts.append(f"in the {self._graph.rooms[instance.room_id].label}")
        return " ".join(parts) or f"at {np.round(instance.position, 1).tolist()}"


def _either(classes: Sequence[str]) -> str:
    return " or ".join([", ".join(f"the {name}" for name in classes[:-1]), f"the {classes[-1]}"])
