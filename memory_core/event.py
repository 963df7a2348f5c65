# SPDX-License-Identifier: Apache-2.0
"""What happened. Events are the only way anything enters a memory; tables, maps and graphs are views of them.

Payloads by kind (JSON values only; positions and sizes metres, times int nanoseconds):

| kind | subject | payload |
|---|---|---|
| appeared, saw, moved, vanished, changed | object id | {"instance": instance_payload(instance)} |
| changed, when two are one | id that ends | {"instance": ..., "merged_into": id that stays}: it leaves the graph |
| corrected | "" | {"nodes": [[number, stamp_ns, session id, x, y, z, qx, qy, qz, qw]...], "keyframes": {id:
  corrected pose, 16 numbers}}: how what was seen from each node of the trajectory moved in the map |
| corrected | object id | {"instance": ...}: where it is by the corrected trajectory; nobody moved it |
| mapped | "" | {"places": [place_payload...], "gone_places": [id...], "passages": [passage_payload...],
  "gone_passages": [[a, b]...], "rooms": [room_payload...], "gone_rooms": [id...],
  "frontiers": [frontier_payload...], "gone_frontiers": [id...], "snapshots": [[object id, keyframe id or ""]...]}:
  only what differs from before; the last three may be missing |
| related, unrelated | subject id | {"predicate": ..., "object": id, "confidence": ...} |
| entered | place or room id | {} |
| did, planned, outcome | skill, goal or "" | free; what the planner wrote |
| said, edited | object id or "" | free; what a person said or corrected |
| session | session id | {"source": ..., "settings": {...}}: a recording or run began |
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from memory_core.geometry import Box
from memory_core.graph import Frontier, Instance, Passage, Place, Room, SceneGraph

Kind = Literal[
    "session", "appeared", "saw", "moved", "vanished", "changed", "corrected", "mapped", "related", "unrelated",
    "entered", "did", "planned", "outcome", "said", "edited",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)

canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode
"""Text of JSON values, the same for the same values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the log. The store gives it its number.

    Attributes:
        stamp_ns: when it happened, on the clock of the frames.
        subject: id of what it is about, "" for the whole map.
        label: class name of the subject, "" if none.
        position: map frame, metres, or None.
        text: one readable sentence; what full-text search finds. Data, never instructions.
        payload: see the module's table.
        snapshot: id of the keyframe that shows it, "" if none.
        source: who says so (segmenter, person, planner).
        confidence: 0..1.
    """

    kind: Kind
    stamp_ns: int
    subject: str = ""
    label: str = ""
    position: tuple[float, float, float] | None = None
    text: str = ""
    payload: dict[str, Any] = field(default_factory=dict)
    snapshot: str = ""
    source: str = ""
    confidence: float = 1.0
    robot_id: str = "robot"
    session_id: str = "session"
    map_id: str = "map"

    def canonical(self) -> bytes:
        """The same bytes for the same event on every machine; what digests are made of."""
        return canonical_json({name: getattr(self, name) for name in self.__dataclass_fields__}).encode()


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A kept image: the evidence.

    Attributes:
        id: "k1", "k2", ... in order of time.
        jpeg: encoded image.
        pose: T_world_cam as 16 numbers, row-major.
        shows: object id to its box in the image (u0, v0, u1, v1), pixels.
    """

    id: str
    stamp_ns: int
    jpeg: bytes
    pose: tuple[float, ...]
    K: tuple[float, ...]
    shows: dict[str, tuple[int, int, int, int]]


@dataclass(frozen=True, slots=True)
class MapUpdate:
    """Everything that changed since the previous update: the unit of commitment.

    Attributes:
        stamp_ns: stamp of the last frame in it.
        n_frames: frames integrated since the session began, this update included.
        graph: the scene graph after it.
        events: in order.
        keyframes: new ones.
        map_blocks: region key to its new content, for the regions of the octree that changed.
        state: what the mapper needs besides the map blocks to go on after a restart; opaque, never pickle.
        session_id: the run it belongs to; "" means that of its events.
    """

    stamp_ns: int
    n_frames: int
    graph: SceneGraph
    events: tuple[Event, ...] = ()
    keyframes: tuple[Keyframe, ...] = ()
    map_blocks: dict[str, bytes] = field(default_factory=dict)
    state: bytes = b""
    session_id: str = ""

    def plus(self, *events: Event) -> MapUpdate:
        """The same update with events put before its own."""
        return replace(self, events=events + self.events)


def instance_payload(instance: Instance) -> dict[str, Any]:
    """JSON values from which `instance_from_payload` makes the same instance."""
    return {
        "id": instance.id,
        "label": instance.label,
        "label_scores": dict(instance.label_scores),
        "words": list(instance.words),
        "box": [list(instance.box.minimum), list(instance.box.maximum)],
        "state": instance.state,
        "first_seen_ns": instance.first_seen_ns,
        "last_seen_ns": instance.last_seen_ns,
        "n_observations": instance.n_observations,
        "confidence": instance.confidence,
        "room_id": instance.room_id,
        "place_id": instance.place_id,
    }


def instance_from_payload(payload: dict[str, Any]) -> Instance:
    """The instance of `instance_payload`."""
    minimum, maximum = payload["box"]
    return Instance(**{**payload, "words": tuple(payload["words"]), "box": Box(tuple(minimum), tuple(maximum))})


def place_payload(place: Place) -> dict[str, Any]:
    return {"id": place.id, "position": list(place.position), "radius_m": place.radius_m, "room_id": place.room_id}


def place_from_payload(payload: dict[str, Any]) -> Place:
    return Place(payload["id"], tuple(payload["position"]), payload["radius_m"], payload["room_id"])


def room_payload(room: Room) -> dict[str, Any]:
    return {
        "id": room.id,
        "label": room.label,
        "position": list(room.position),
        "box": [list(room.box.minimum), list(room.box.maximum)],
        "confidence": room.confidence,
        "floor_id": room.floor_id,
    }


def room_from_payload(payload: dict[str, Any]) -> Room:
    minimum, maximum = payload["box"]
    box = Box(tuple(minimum), tuple(maximum))
    floor_id = payload.get("floor_id", "")
    return Room(payload["id"], payload["label"], tuple(payload["position"]), box, payload["confidence"], floor_id)


def passage_payload(passage: Passage) -> list[Any]:
    """[a, b, length_m, cost, door_width_m, door's middle or None]; what is as by default may be missing at the end."""
    values = [passage.a, passage.b, passage.length_m, passage.cost, passage.door_width_m]
    if passage.door is not None:
        return [*values, list(passage.door)]
    return values if passage.door_width_m else values[: 4 if passage.cost != passage.length_m else 3]


def passage_from_payload(payload: Sequence[Any]) -> Passage:
    """The passage of `passage_payload`."""
    a, b, length_m, *more = payload
    cost, width, door = (more + [length_m, 0.0, None][len(more) :])[:3]
    return Passage(a, b, length_m, cost, width, None if door is None else tuple(door))


def frontier_payload(frontier: Frontier) -> dict[str, Any]:
    values = asdict(frontier)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def frontier_from_payload(payload: dict[str, Any]) -> Frontier:
    points = {name: tuple(payload[name]) for name in ("position", "viewpoint", "normal")}
    return Frontier(**{**payload, **points})
