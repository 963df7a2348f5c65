# SPDX-License-Identifier: Apache-2.0
"""Makes events: what the mapper noticed, as the memory stores it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mapping.frontiers.frontiers import FrontierChange
from mapping.objects.tracks import Track
from mapping.story.journal import Note
from mapping.story.scene_graph import GraphView
from mapping.story.wording import merge_sentence, relation_sentence, sentence
from mapping.topology.topology import TopologyChange
from memory_core.event import (
    Event,
    Kind,
    frontier_payload,
    instance_payload,
    passage_payload,
    place_payload,
    room_payload,
)
from memory_core.frame import CameraFrame
from memory_core.graph import Instance, Relation, Room

_SOURCE = "mapper"


class Teller:
    """Writes events of one session about a graph."""

    def __init__(self, view: GraphView) -> None:
        self._view = view
        self.robot_id, self.session_id, self.map_id = "robot", "", ""

    def begin_session(self, frame: CameraFrame) -> None:
        self.robot_id, self.session_id, self.map_id = frame.robot_id, frame.session_id, frame.map_id

    def state(self) -> list[str]:
        return [self.robot_id, self.session_id, self.map_id]

    def restore(self, state: list[str]) -> None:
        self.robot_id, self.session_id, self.map_id = state

    def note(self, note: Note, rooms: Mapping[str, Room]) -> Event:
        """The event of a note, with the geometry as it is known now."""
        seen = replace(
            note.track.instance(), last_seen_ns=note.last_seen_ns, n_observations=note.n_observations, state=note.state
        )
        if note.merged_into:
            return self._merged(note, seen)
        return self._about(note.kind, seen, note.track, note.stamp_ns, note.snapshot, rooms)

    def about(self, kind: Kind, track: Track, stamp_ns: int, rooms: Mapping[str, Room]) -> Event:
        """An event about an object as it is now."""
        return self._about(kind, track.instance(), track, stamp_ns, track.snapshot, rooms)

    def mapped(
        self, change: TopologyChange, open_ends: FrontierChange, covered: Mapping[str, str], stamp_ns: int
    ) -> Event:
        """What changed in places, rooms and frontiers, and in which image explains which object."""
        payload = {
            "places": [place_payload(place) for place in change.places],
            "gone_places": list(change.gone_places),
            "passages": [passage_payload(passage) for passage in change.passages],
            "gone_passages": [[a, b] for a, b in change.gone_passages],
            "rooms": [room_payload(room) for room in change.rooms],
            "gone_rooms": list(change.gone_rooms),
            "frontiers": [frontier_payload(frontier) for frontier in open_ends.frontiers],
            "gone_frontiers": list(open_ends.gone),
            "snapshots": [[name, covered[name]] for name in sorted(covered)],
        }
        text = f"Mapped {len(change.places)} places and {len(change.rooms)} rooms."
        return self._event("mapped", stamp_ns, text=text, payload=payload)

    def corrected(self, payload: dict[str, Any], stamp_ns: int) -> Event:
        """The trajectory was corrected, and what was seen from it moved along."""
        text = f"The trajectory was corrected at {len(payload['nodes'])} nodes; what was seen from them is elsewhere."
        return self._event("corrected", stamp_ns, text=text, payload=payload)

    def relations(self, relations: Iterable[Relation], stamp_ns: int, *, hold: bool) -> list[Event]:
        """One event for each relation that began (`hold`) or ended."""
        return [self._relation(relation, stamp_ns, hold) for relation in relations]

    def entered(self, id: str, called: str, position: tuple[float, float, float], stamp_ns: int) -> Event:
        """The robot came to a place or a room."""
        text = f"The robot came to {called}."
        return self._event("entered", stamp_ns, subject=id, position=position, text=text)

    def _about(
        self, kind: Kind, instance: Instance, track: Track, stamp_ns: int, snapshot: str, rooms: Mapping[str, Room]
    ) -> Event:
        room = rooms.get(instance.room_id)
        return self._event(
            kind,
            stamp_ns,
            subject=instance.id,
            label=instance.label,
            position=instance.position,
            text=sentence(kind, instance, room.label if room else ""),
            payload={"instance": instance_payload(instance)},
            snapshot=snapshot or track.snapshot,
            source=track.source or _SOURCE,
            confidence=instance.confidence,
        )

    def _merged(self, note: Note, ended: Instance) -> Event:
        payload: dict[str, Any] = {
            "instance": instance_payload(replace(ended, state="gone")),
            "merged_into": note.merged_into,
        }
        return self._event(
            "changed",
            note.stamp_ns,
            subject=ended.id,
            label=ended.label,
            position=ended.position,
            text=merge_sentence(ended, note.merged_into),
            payload=payload,
            snapshot=note.snapshot,
            source=_SOURCE,
        )

    def _relation(self, relation: Relation, stamp_ns: int, hold: bool) -> Event:
        one, other = (self._view.instances.get(id) for id in (relation.subject, relation.object))
        return self._event(
            "related" if hold else "unrelated",
            stamp_ns,
            subject=relation.subject,
            label=one.label if one else "",
            position=one.position if one else None,
            text=relation_sentence(relation, one, other, holds=hold),
            payload={"predicate": relation.predicate, "object": relation.object, "confidence": relation.confidence},
            confidence=relation.confidence,
        )

    def _event(
        self,
        kind: Kind,
        stamp_ns: int,
        *,
        subject: str = "",
        label: str = "",
        position: tuple[float, float, float] | None = None,
        text: str = "",
        payload: dict[str, Any] | None = None,
        snapshot: str = "",
        source: str = _SOURCE,
        confidence: float = 1.0,
    ) -> Event:
        return Event(
            kind=kind, stamp_ns=stamp_ns, subject=subject, label=label, position=position, text=text,
            payload=payload or {}, snapshot=snapshot, source=source, confidence=confidence,
            robot_id=self.robot_id, session_id=self.session_id, map_id=self.map_id,
        )  # fmt: skip
