# SPDX-License-Identifier: Apache-2.0
"""A scene graph as the JSON that spark_dsg 1.1 loads: objects 2, places 3, rooms 4, one building 5."""

from __future__ import annotations

from typing import Any

from memory_core.export.ids import number_of
from memory_core.geometry import Box
from memory_core.graph import Instance, Passage, Place, Room, SceneGraph, around

_LAYERS = {"OBJECTS": 2, "PLACES": 3, "ROOMS": 4, "BUILDINGS": 5}
_NO_LABEL = 2**32 - 1
_UPRIGHT = {"w": 1.0, "x": 0.0, "y": 0.0, "z": 0.0}
_GREY = {"r": 128, "g": 128, "b": 128, "a": 255}
_BUILDING = "building"


def to_dsg(graph: SceneGraph) -> dict[str, Any]:
    """JSON values for `spark_dsg.DynamicSceneGraph.load`.

    "o3" becomes node O3, "p3" p3, "r3" R3; B0 holds all rooms, its metadata the floors. Edges: rooms to their places,
    places to the objects nearest to them, passages (weight: metres), relations (metadata: predicate). Places from
    which a frontier is looked at are active frontiers. Class names are in the nodes' names and, numbered, in the
    labelspaces of the metadata. O(nodes + edges).
    """
    labels = sorted({instance.label for instance in graph.instances.values()})
    room_labels = sorted({room.label for room in graph.rooms.values()})
    open_ended = {frontier.place_id for frontier in graph.frontiers.values()}
    nodes = [
        *(_object_node(instance, labels.index(instance.label)) for instance in graph.instances.values()),
        *(_place_node(place, graph.stamp_ns, place.id in open_ended) for place in graph.places.values()),
        *(_room_node(room, room_labels.index(room.label), graph.stamp_ns) for room in graph.rooms.values()),
        *_building_nodes(graph),
    ]
    return {
        "SPARK_DSG_header": {"project_name": "tolman", "version": {"major": 1, "minor": 1, "patch": 3}},
        "directed": False,
        "multigraph": False,
        "metadata": {"stamp_ns": graph.stamp_ns, "labelspaces": _labelspaces(labels, room_labels)},
        "layer_keys": [_key(layer) for layer in _LAYERS.values()],
        "layer_names": {name: _key(layer) for name, layer in _LAYERS.items()},
        "nodes": nodes,
        "edges": _edges(graph),
    }


def _key(layer: int) -> dict[str, int]:
    return {"layer": layer, "partition": 0}


def _labelspaces(labels: list[str], room_labels: list[str]) -> dict[str, list[list[Any]]]:
    def pairs(names: list[str]) -> list[list[Any]]:
        return [[number, name] for number, name in enumerate(names)]

    return {"_l2p0": pairs(labels), "_l4p0": pairs(room_labels)}


def _symbol(letter: str, name: str) -> int:
    return ord(letter) << 56 | number_of(name)


def _node(number: int, layer: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"id": number, **_key(_LAYERS[layer]), "attributes": attributes}


def _semantic(kind: str, name: str, position: tuple[float, float, float], stamp_ns: int) -> dict[str, Any]:
    """What nodes of all layers have."""
    return {
        "type": kind,
        "name": name,
        "position": list(position),
        "last_update_time_ns": stamp_ns,
        "is_active": False,
        "is_predicted": False,
        "metadata": {},
        "semantic_label": _NO_LABEL,
        "semantic_feature": {"rows": 0, "cols": 0, "data": None},
        "color": _GREY,
        "bounding_box": _box(None),
    }


def _box(box: Box | None) -> dict[str, Any]:
    center, size = (box.center, box.size) if box else ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    return {
        "type": "AABB" if box else "INVALID",
        "dimensions": list(size),
        "world_P_center": list(center),
        "world_R_center": _UPRIGHT,
    }


def _object_node(instance: Instance, label: int) -> dict[str, Any]:
    metadata = {
        "state": instance.state,
        "words": list(instance.words),
        "first_seen_ns": instance.first_seen_ns,
        "last_seen_ns": instance.last_seen_ns,
        "n_observations": instance.n_observations,
        "confidence": instance.confidence,
        "label_scores": dict(instance.label_scores),
    }
    attributes = {
        **_semantic("ObjectNodeAttributes", instance.label, instance.position, instance.last_seen_ns),
        "semantic_label": label,
        "bounding_box": _box(instance.box),
        "metadata": metadata,
        "registered": False,
        "world_R_object": _UPRIGHT,
        "mesh_connections": [],
    }
    return _node(_symbol("O", instance.id), "OBJECTS", attributes)


def _place_node(place: Place, stamp_ns: int, is_frontier: bool) -> dict[str, Any]:
    attributes = {
        **_semantic("PlaceNodeAttributes", place.id, place.position, stamp_ns),
        "distance": place.radius_m,
        "num_basis_points": 0,
        "voxblox_mesh_connections": [],
        "pcl_mesh_connections": [],
        "mesh_vertex_labels": [],
        "deformation_connections": [],
        "real_place": True,
        "active_frontier": is_frontier,
        "anti_frontier": False,
        "need_cleanup": False,
        "num_frontier_voxels": 0,
        "frontier_scale": [0.0, 0.0, 0.0],
        "orientation": _UPRIGHT,
    }
    return _node(_symbol("p", place.id), "PLACES", attributes)


def _room_node(room: Room, label: int, stamp_ns: int) -> dict[str, Any]:
    attributes = {
        **_semantic("RoomNodeAttributes", room.label, room.position, stamp_ns),
        "semantic_label": label,
        "bounding_box": _box(room.box),
        "metadata": {"confidence": room.confidence, "floor": room.floor_id},
        "semantic_class_probabilities": {},
    }
    return _node(_symbol("R", room.id), "ROOMS", attributes)


def _building_nodes(graph: SceneGraph) -> list[dict[str, Any]]:
    """One building around all rooms; none without rooms."""
    if not graph.rooms:
        return []
    box = around([room.box for room in graph.rooms.values()])
    floors = [{"id": floor.id, "z": floor.z, "rooms": list(floor.rooms)} for floor in graph.floors.values()]
    attributes = _semantic("SemanticNodeAttributes", _BUILDING, box.center, graph.stamp_ns)
    about = {"bounding_box": _box(box), "metadata": {"floors": floors}}
    return [_node(_symbol("B", "B0"), "BUILDINGS", {**attributes, **about})]


def _edges(graph: SceneGraph) -> list[dict[str, Any]]:
    places, rooms = graph.places, graph.rooms
    homes = [(place.id, place.room_id) for place in places.values() if place.room_id in rooms]
    stands = [(thing.id, thing.place_id) for thing in graph.instances.values() if thing.place_id in places]
    ways = [passage for passage in graph.passages if passage.a in places and passage.b in places]
    return [
        *(_edge(_symbol("B", "B0"), _symbol("R", room)) for room in rooms),
        *(_edge(_symbol("R", room), _symbol("p", place)) for place, room in homes),
        *(_edge(_symbol("p", place), _symbol("O", thing)) for thing, place in stands),
        *(_edge(_symbol("p", way.a), _symbol("p", way.b), way.length_m, _about(way)) for way in ways),
        *(_edge(*pair, metadata={"relations": facts}) for pair, facts in _related(graph).items()),
    ]


def _about(way: Passage) -> dict[str, Any]:
    """What a passage costs, and the door that it passes if any."""
    about: dict[str, Any] = {"cost": way.cost}
    return {**about, "door_width_m": way.door_width_m, "door": list(way.door)} if way.door is not None else about


def _related(graph: SceneGraph) -> dict[tuple[int, int], list[list[Any]]]:
    """Relations by pair of objects, of which the format has one edge: [subject, predicate, object, confidence]..."""
    found: dict[tuple[int, int], list[list[Any]]] = {}
    for relation in graph.relations:
        if relation.subject in graph.instances and relation.object in graph.instances:
            one, other = sorted((_symbol("O", relation.subject), _symbol("O", relation.object)))
            fact = [relation.subject, relation.predicate, relation.object, relation.confidence]
            found.setdefault((one, other), []).append(fact)
    return found


def _edge(
    source: int, target: int, weight: float | None = None, metadata: dict[str, Any] | None = None
) -> dict[str, Any]:
    info = {
        "type": "EdgeAttributes",
        "weighted": weight is not None,
        "weight": 1.0 if weight is None else weight,
        "metadata": metadata or {},
    }
    return {"source": source, "target": target, "info": info}
