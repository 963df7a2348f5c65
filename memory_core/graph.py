# SPDX-License-Identifier: Apache-2.0
"""The 3D scene graph at one moment: objects, places, rooms and their relations. Values only; the mapper makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import networkx as nx

from memory_core.geometry import Box

State = Literal["present", "moved", "gone", "unverified", "held"]
Predicate = Literal["on", "in", "near"]
Unseen = Literal["floor", "space"]


@dataclass(frozen=True, slots=True)
class Instance:
    """One thing over time.

    Attributes:
        id: "o1", "o2", ... unique in a memory, never reused.
        label: most likely class; "object" when unknown.
        label_scores: class name to probability, sums to 1.
        words: what can be said without a class, size and colour first, e.g. ("small", "red").
        box: axis-aligned in the map frame, metres.
        n_observations: in how many frames it was seen.
        confidence: 0..1, that it exists where and as stated.
        room_id, place_id: "" when unknown.
    """

    id: str
    label: str
    label_scores: Mapping[str, float]
    box: Box
    state: State
    first_seen_ns: int
    last_seen_ns: int
    n_observations: int
    confidence: float
    words: tuple[str, ...] = ()
    room_id: str = ""
    place_id: str = ""

    @property
    def position(self) -> tuple[float, float, float]:
        return self.box.center


@dataclass(frozen=True, slots=True)
class Place:
    """A free-space node "p1", "p2", ...: a robot centred at `position` has `radius_m` of clearance."""

    id: str
    position: tuple[float, float, float]
    radius_m: float
    room_id: str = ""


@dataclass(frozen=True, slots=True)
class Room:
    """A set of places "r1", "r2", ... . `label` is inferred from what is in it; "room" when unknown."""

    id: str
    label: str
    position: tuple[float, float, float]
    box: Box
    confidence: float = 0.0
    floor_id: str = ""


@dataclass(frozen=True, slots=True)
class Floor:
    """A storey "s1", "s2", ...: rooms whose floors are at the height `z`, metres. Follows from the rooms."""

    id: str
    z: float
    box: Box
    rooms: tuple[str, ...]

    @property
    def position(self) -> tuple[float, float, float]:
        return self.box.center


@dataclass(frozen=True, slots=True)
class Relation:
    """subject predicate object, e.g. o3 on o1. `near` is stored once, with the smaller id first."""

    subject: str
    predicate: Predicate
    object: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Passage:
    """An undirected edge between two places, with the metres to walk.

    Attributes:
        cost: metres that take as long at the usual pace: more than `length_m` where travelling was slow. None means
            that nothing else is known: `length_m`.
        door_width_m: free width where it passes through a door from one room to another, 0 elsewhere.
        door: the middle of that door at floor height, metres.
    """

    a: str
    b: str
    length_m: float
    cost: float = None  # type: ignore[assignment]  # never None once made
    door_width_m: float = 0.0
    door: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if self.cost is None:
            object.__setattr__(self, "cost", self.length_m)


@dataclass(frozen=True, slots=True)
class Frontier:
    """Where known free space ends at space that was never seen: "f1", "f2", ...

    Attributes:
        kind: "floor" where a robot may drive on into it, "space" where there is more to see than to drive to (behind
            a counter, under a table, above a shelf).
        position: its middle, metres.
        viewpoint: a place at floor height from which it is seen, where the robot fits.
        yaw_rad: heading at the viewpoint that looks at it.
        area_m2: of the surface between what is free and what was never seen.
        unseen_m3: never seen space that the viewpoint would look into, as far as the camera ranges.
        normal: unit vector out of the free space.
        snapshot: the kept image that looks at it best, "" while there is none.
    """

    id: str
    kind: Unseen
    position: tuple[float, float, float]
    viewpoint: tuple[float, float, float]
    yaw_rad: float
    area_m2: float
    unseen_m3: float
    normal: tuple[float, float, float]
    first_seen_ns: int
    room_id: str = ""
    place_id: str = ""
    snapshot: str = ""


@dataclass(frozen=True)
class SceneGraph:
    """What is known at `stamp_ns`; mappings are keyed by id. Treat as read-only.

    `frontiers` is where to look next. `snapshots` gives for each object the one keyframe that explains it together
    with its neighbours: few images that show everything (the best image of one object is in the events' `snapshot`).
    """

    stamp_ns: int
    instances: Mapping[str, Instance] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    rooms: Mapping[str, Room] = field(default_factory=dict)
    relations: tuple[Relation, ...] = ()
    passages: tuple[Passage, ...] = ()
    frontiers: Mapping[str, Frontier] = field(default_factory=dict)
    snapshots: Mapping[str, str] = field(default_factory=dict)

    @property
    def floors(self) -> dict[str, Floor]:
        """Storeys by id, lowest first. O(rooms)."""
        rooms: dict[str, list[Room]] = {}
        for room in self.rooms.values():
            if room.floor_id:
                rooms.setdefault(room.floor_id, []).append(room)
        floors = [_floor(floor_id, members) for floor_id, members in rooms.items()]
        return {floor.id: floor for floor in sorted(floors, key=lambda floor: (floor.z, floor.id))}

    def to_networkx(self) -> nx.MultiDiGraph[str]:
        """All layers in one graph: node attribute `layer`, edge attribute `kind` (on, in, near, passage, contains).

        O(nodes + edges).
        """
        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(stamp_ns=self.stamp_ns)
        layers: tuple[tuple[str, Mapping[str, Any]], ...] = (
            ("object", self.instances),
            ("place", self.places),
            ("room", self.rooms),
            ("frontier", self.frontiers),
        )
        for layer, nodes in layers:
            for node in nodes.values():
                graph.add_node(node.id, layer=layer, value=node)
        floors = self.floors
        for floor in floors.values():
            graph.add_node(floor.id, layer="floor", value=floor)
            graph.add_edges_from((floor.id, room_id, {"kind": "contains"}) for room_id in floor.rooms)
        inhabitants: list[Instance | Place | Frontier] = [
            *self.instances.values(),
            *self.places.values(),
            *self.frontiers.values(),
        ]
        for inhabitant in inhabitants:
            if inhabitant.room_id in self.rooms:
                graph.add_edge(inhabitant.room_id, inhabitant.id, kind="contains")
        for relation in self.relations:
            graph.add_edge(relation.subject, relation.object, kind=relation.predicate, confidence=relation.confidence)
        for passage in self.passages:
            about = {"length_m": passage.length_m, "cost": passage.cost, "door_width_m": passage.door_width_m}
            graph.add_edge(passage.a, passage.b, kind="passage", **about)
            graph.add_edge(passage.b, passage.a, kind="passage", **about)
        return graph


def _floor(floor_id: str, rooms: list[Room]) -> Floor:
    box = around([room.box for room in rooms])
    return Floor(floor_id, box.minimum[2], box, tuple(room.id for room in rooms))


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds all of some."""
    low = [min(box.minimum[axis] for box in boxes) for axis in range(3)]
    high = [max(box.maximum[axis] for box in boxes) for axis in range(3)]
    return Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))
