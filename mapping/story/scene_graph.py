# SPDX-License-Identifier: Apache-2.0
"""The graph as a view of the events: folding the events of a mapper gives its graph, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from memory_core.event import (
    Event,
    frontier_from_payload,
    frontier_payload,
    instance_from_payload,
    instance_payload,
    passage_from_payload,
    passage_payload,
    place_from_payload,
    place_payload,
    room_from_payload,
    room_payload,
)
from memory_core.graph import Frontier, Instance, Passage, Place, Relation, Room, SceneGraph

_OBJECT_KINDS = frozenset({"appeared", "saw", "moved", "vanished", "changed", "corrected"})


class GraphView:
    """A scene graph that events change.

    `apply` costs O(what the event says); `graph` O(everything).
    """

    def __init__(self) -> None:
        self.load(SceneGraph(stamp_ns=0))

    def load(self, graph: SceneGraph) -> None:
        """Become this graph."""
        self.stamp_ns = graph.stamp_ns
        self.instances: dict[str, Instance] = dict(graph.instances)
        self.places: dict[str, Place] = dict(graph.places)
        self.rooms: dict[str, Room] = dict(graph.rooms)
        self.relations: dict[tuple[str, str, str], Relation] = {_key(r): r for r in graph.relations}
        self.passages: dict[tuple[str, str], Passage] = {(p.a, p.b): p for p in graph.passages}
        self.frontiers: dict[str, Frontier] = dict(graph.frontiers)
        self.snapshots: dict[str, str] = dict(graph.snapshots)

    def apply(self, events: Iterable[Event]) -> None:
        """Change the graph by events, in order; kinds that say nothing about the graph are passed over."""
        for event in events:
            self.stamp_ns = max(self.stamp_ns, event.stamp_ns)
            if event.kind in _OBJECT_KINDS and event.subject:
                self._object(event)
            elif event.kind == "mapped":
                self._mapped(event.payload)
            elif event.kind in ("related", "unrelated"):
                self._relation(event)

    def graph(self, stamp_ns: int | None = None) -> SceneGraph:
        """An immutable snapshot, everything in order of ids."""
        return SceneGraph(
            stamp_ns=self.stamp_ns if stamp_ns is None else stamp_ns,
            instances={id: self.instances[id] for id in sorted(self.instances, key=_by_id)},
            places={id: self.places[id] for id in sorted(self.places, key=_by_id)},
            rooms={id: self.rooms[id] for id in sorted(self.rooms, key=_by_id)},
            relations=tuple(self.relations[key] for key in sorted(self.relations, key=_by_ids)),
            passages=tuple(self.passages[key] for key in sorted(self.passages, key=_by_ids)),
            frontiers={id: self.frontiers[id] for id in sorted(self.frontiers, key=_by_id)},
            snapshots={id: self.snapshots[id] for id in sorted(self.snapshots, key=_by_id)},
        )

    def _object(self, event: Event) -> None:
        if "merged_into" in event.payload:
            self.instances.pop(event.subject, None)
        else:
            self.instances[event.subject] = instance_from_payload(event.payload["instance"])

    def _mapped(self, payload: dict[str, Any]) -> None:
        for a, b in payload["gone_passages"]:
            self.passages.pop((a, b), None)
        for id in payload["gone_places"]:
            self.places.pop(id, None)
        for id in payload["gone_rooms"]:
            self.rooms.pop(id, None)
        self.rooms.update((room.id, room) for room in map(room_from_payload, payload["rooms"]))
        self.places.update((place.id, place) for place in map(place_from_payload, payload["places"]))
        self.passages.update(((one.a, one.b), one) for one in map(passage_from_payload, payload["passages"]))
        for id in payload.get("gone_frontiers", ()):
            self.frontiers.pop(id, None)
        self.frontiers.update((one.id, one) for one in map(frontier_from_payload, payload.get("frontiers", ())))
        for id, keyframe in payload.get("snapshots", ()):
            self.snapshots.pop(id, None)
            if keyframe:
                self.snapshots[id] = keyframe

    def _relation(self, event: Event) -> None:
        payload = event.payload
        relation = Relation(event.subject, payload["predicate"], payload["object"], payload["confidence"])
        if event.kind == "related":
            self.relations[_key(relation)] = relation
        else:
            self.relations.pop(_key(relation), None)


def _key(relation: Relation) -> tuple[str, str, str]:
    return (relation.subject, relation.predicate, relation.object)


def _by_id(id: str) -> tuple[str, int, str]:
    return (id[:1], int(id[1:]) if id[1:].isdigit() else -1, id)


def _by_ids(ids: Sequence[str]) -> list[tuple[str, int, str]]:
    return [_by_id(id) for id in ids]


def graph_to_json(graph: SceneGraph) -> dict[str, Any]:
    """JSON values from which `graph_from_json` makes the same graph."""
    return {
        "stamp_ns": graph.stamp_ns,
        "instances": [instance_payload(instance) for instance in graph.instances.values()],
        "places": [place_payload(place) for place in graph.places.values()],
        "rooms": [room_payload(room) for room in graph.rooms.values()],
        "relations": [[r.subject, r.predicate, r.object, r.confidence] for r in graph.relations],
        "passages": [passage_payload(passage) for passage in graph.passages],
        "frontiers": [frontier_payload(frontier) for frontier in graph.frontiers.values()],
        "snapshots": dict(graph.snapshots),
    }


def graph_from_json(values: dict[str, Any]) -> SceneGraph:
    """The graph of `graph_to_json`."""
    return SceneGraph(
        stamp_ns=values["stamp_ns"],
        instances={one.id: one for one in map(instance_from_payload, values["instances"])},
        places={one.id: one for one in map(place_from_payload, values["places"])},
        rooms={one.id: one for one in map(room_from_payload, values["rooms"])},
        relations=tuple(Relation(*row) for row in values["relations"]),
        passages=tuple(map(passage_from_payload, values["passages"])),
        frontiers={one.id: one for one in map(frontier_from_payload, values["frontiers"])},
        snapshots=dict(values["snapshots"]),
    )
