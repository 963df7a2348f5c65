# SPDX-License-Identifier: Apache-2.0
"""Phrases to the things and rooms the memory knows, or the reason why none fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from memory_core.errors import NotPossible
from memory_core.graph import Instance, Room, SceneGraph
from memory_core.recall import lexicon, wording
from memory_core.recall.finding import NEAR_M
from memory_core.recall.phrases import Phrase, phrases
from memory_core.recall.tokens import normalised, tokenise
from memory_core.recall.vocabulary import Vocabulary
from memory_core.segment import UNLABELLED
from task_planner import affordances
from task_planner.goals import Thing
from task_planner.plan import PlanStatus, Point
from task_planner.settings import PlannerSettings

Suits = Callable[[Instance], bool]
Travel = Callable[[Point], float]

_MOST_NAMED = 5


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
        labels = frozenset(instance.label for instance in graph.instances.values())
        self._vocabulary = Vocabulary(labels, graph.rooms)
        # Common classes are read as names even when nothing of the kind was seen.
        self._reading = Vocabulary(labels | affordances.CLASSES, graph.rooms)

    def room_phrases(self) -> frozenset[str]:
        """Phrases that name a room, known or not."""
        return self._vocabulary.room_names | {f"room {key.removeprefix('r')}" for key in self._graph.rooms}

    def room(self, phrase: str) -> Room:
        """The nearest room of that name. Raises Refused when there is none."""
        rooms = self._vocabulary.rooms_called(phrase)
        if not rooms:
            known = ", ".join(sorted({wording.room_name(room) for room in self._graph.rooms.values()})) or "none"
            raise Refused(
                "not_seen", f"I have never seen {lexicon.with_article(phrase)}. Rooms I know: {known}.", phrase
            )
        return min(rooms, key=lambda room: (self._travel(room.position), room.id))

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
        if len(classes) > 1 and not set(classes) <= lexicon.synonyms(classes[0]):
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
            raise Refused(
                "not_seen", f"I know nothing{wording.in_room(wording.room_name(room))} to put it down on.", room.label
            )
        return min(holders, key=self._rank)

    def _rank(self, instance: Instance) -> tuple[bool, bool, float, str]:
        doubtful = instance.confidence < self._settings.min_confidence
        return (instance.state not in ("present", "held"), doubtful, self._travel(instance.position), instance.id)

    def _candidates(self, thing: Thing) -> list[Instance]:
        """Instances of any state that fit; raises Refused when none ever did."""
        said = self._understood(thing.phrase)
        if said.label in self._graph.instances:
            found = [self._graph.instances[said.label]]
        else:
            found = self._anything() if said.is_generic else self._called(said.label)
        for word in said.words:
            found = self._filtered(found, said.name, _described(word))
        for room_name in filter(None, (said.room, thing.room)):
            room = self.room(room_name)
            found = self._filtered(found, said.name + wording.in_room(wording.room_name(room)), _inside(room))
        if thing.reference is not None:
            anchors = {instance.id for instance in self._candidates(thing.reference)}
            found = self._filtered(found, str(thing), lambda i: self._is_related(i, thing.relation, anchors))
        return found

    def _understood(self, text: str) -> Phrase:
        """What a noun phrase says, by the same lexicon that questions are read with."""
        tokens = tokenise(normalised(text), self._reading)
        found = phrases(tokens) or [Phrase("", text)]
        is_plain = all(token.kind in ("noun", "word", "room", "generic", "break") for token in tokens)
        if not is_plain or len(found) > 1 or not found[0].label:
            raise Refused("unsupported", f'I did not understand "{text}".')
        return found[0]

    def _anything(self) -> list[Instance]:
        things = [instance for _, instance in sorted(self._graph.instances.items()) if instance.state != "gone"]
        if not things:
            raise Refused("not_seen", "I have never seen anything.")
        return things

    def _called(self, name: str) -> list[Instance]:
        labels, is_only_alike = self._vocabulary.labels_for(name)
        if not labels or is_only_alike:
            alike = labels or self._vocabulary.alike(name)
            hint = f" I know {_either(alike)}." if alike else ""
            raise Refused("not_seen", f"I have never seen {lexicon.with_article(name)}.{hint}", name)
        return [instance for _, instance in sorted(self._graph.instances.items()) if instance.label in labels]

    def _filtered(self, found: Sequence[Instance], said: str, keep: Suits) -> list[Instance]:
        kept = [instance for instance in found if keep(instance)]
        if not kept:
            others = ", ".join(self.whereabouts(instance) for instance in found[:3])
            raise Refused(
                "not_seen", f"I have never seen {lexicon.with_article(said)}. What I know: {others}.", found[0].label
            )
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
            instance.box.gap_m(self._graph.instances[anchor].box) <= NEAR_M for anchor in anchors - {instance.id}
        )

    def _gone(self, thing: Thing, candidates: Sequence[Instance]) -> str:
        last = max(candidates, key=lambda instance: instance.last_seen_ns)
        return (
            f"The {thing.phrase} is gone: it was {self.whereabouts(last, with_label=False)}, and is not there any more."
        )

    def whereabouts(self, instance: Instance, *, with_label: bool = True) -> str:
        """ "the mug on the dining table in the kitchen"."""
        words = instance.words if instance.label == UNLABELLED else ()
        parts = [f"the {wording.thing(instance.label, words)}"] if with_label else []
        for relation in self._graph.relations:
            if relation.subject == instance.id and relation.predicate in ("in", "on"):
                holder = self._graph.instances.get(relation.object)
                parts += [f"{relation.predicate} the {holder.label}"] if holder else []
                break
        if instance.room_id in self._graph.rooms:
            parts.append(wording.in_room(wording.room_name(self._graph.rooms[instance.room_id])).strip())
        return wording.plain(" ".join(parts)) or f"at {np.round(instance.position, 1).tolist()}"


def _described(word: str) -> Suits:
    wanted = frozenset(lexicon.meanings(word))
    # The nearest is chosen anyway.
    return lambda instance: word in lexicon.SUPERLATIVES or bool(wanted & set(instance.words))


def _inside(room: Room) -> Suits:
    return lambda instance: instance.room_id == room.id


def _either(classes: Sequence[str]) -> str:
    """ "the mug", "the mug or the cup", "the mug, the cup or the glass"."""
    more = ["something else"] if len(classes) > _MOST_NAMED else []
    *before, last = [f"the {name}" for name in classes[:_MOST_NAMED]] + more
    return f"{', '.join(before)} or {last}" if before else last
