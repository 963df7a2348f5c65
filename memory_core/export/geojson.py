# SPDX-License-Identifier: Apache-2.0
"""Places and passages as the GeoJSON that Nav2's route server loads."""

from __future__ import annotations

from typing import Any

from memory_core.errors import NotPossible
from memory_core.export.ids import number_of
from memory_core.graph import Passage, Place, SceneGraph

_LIMIT = 2**16  # the route server's messages hold ids in 16 bits


def to_geojson(graph: SceneGraph, frame: str = "map") -> dict[str, Any]:
    """A FeatureCollection: a Point for each place, two directed MultiLineStrings for each passage; metres in `frame`.

    A place keeps its number ("p7" is node 7) as long as all ids then fit below 65536, else places are numbered anew
    from 0; edges follow after the largest node id. The metadata of a node has its id in the memory, its room and its
    floor, that of an edge its metres, its cost in metres and the width of a door that it passes, that of the whole the
    building's floors. The route server refuses a graph without edges. O(places + passages).

    Raises:
        NotPossible: there are too many places and passages for ids of 16 bits.
    """
    passages = [p for p in graph.passages if p.a in graph.places and p.b in graph.places]
    numbers = _numbers(graph, 2 * len(passages))
    first_edge = max(numbers.values(), default=-1) + 1
    features = [_node(place, numbers[place.id], graph, frame) for place in graph.places.values()]
    for k, passage in enumerate(passages):
        for direction, (start, end) in enumerate(((passage.a, passage.b), (passage.b, passage.a))):
            ends = graph.places[start], graph.places[end]
            properties = {"id": first_edge + 2 * k + direction, "startid": numbers[start], "endid": numbers[end]}
            features.append(_edge(ends, {**properties, "metadata": _about(passage)}))
    floors = [{"id": floor.id, "z": floor.z, "rooms": list(floor.rooms)} for floor in graph.floors.values()]
    about = {"building": {"floors": floors}} if floors else {}
    return {"type": "FeatureCollection", "name": "tolman", "metadata": about, "features": features}


def _about(passage: Passage) -> dict[str, float]:
    about = {"length_m": passage.length_m, "cost_m": passage.cost}
    return {**about, "door_width_m": passage.door_width_m} if passage.door_width_m else about


def _numbers(graph: SceneGraph, n_edges: int) -> dict[str, int]:
    own = {place_id: number_of(place_id) for place_id in graph.places}
    if len(set(own.values())) == len(own) and max(own.values(), default=0) + 1 + n_edges <= _LIMIT:
        return own
    if len(own) + n_edges > _LIMIT:
        raise NotPossible(
            f"{len(own)} places and {n_edges} directed passages do not fit the route server's {_LIMIT} ids; "
            "export a part of the map"
        )
    return {place_id: k for k, place_id in enumerate(graph.places)}


def _node(place: Place, number: int, graph: SceneGraph, frame: str) -> dict[str, Any]:
    room = graph.rooms.get(place.room_id)
    metadata = {
        "place": place.id,
        "room": place.room_id,
        "class_type": room.label if room else "",
        "floor": room.floor_id if room else "",
        "radius_m": place.radius_m,
        "z": place.position[2],
    }
    properties = {"id": number, "frame": frame, "metadata": metadata}
    return _feature("Point", [place.position[0], place.position[1]], properties)


def _edge(ends: tuple[Place, Place], properties: dict[str, Any]) -> dict[str, Any]:
    return _feature("MultiLineString", [[[place.position[0], place.position[1]] for place in ends]], properties)


def _feature(kind: str, coordinates: list[Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}
