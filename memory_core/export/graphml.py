# SPDX-License-Identifier: Apache-2.0
"""All layers of a scene graph as GraphML, for Gephi, yEd, networkx and the like."""

from __future__ import annotations

import re
from typing import Any

import networkx as nx

from memory_core.graph import Floor, Frontier, Instance, Place, Room, SceneGraph

# Characters that XML 1.0 cannot hold.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_graphml(graph: SceneGraph) -> str:
    """GraphML text: nodes with `layer`, label, x, y, z (metres) and times; edges with `kind`. O(nodes + edges)."""
    layered = graph.to_networkx()
    plain: nx.MultiDiGraph[str] = nx.MultiDiGraph(stamp_ns=graph.stamp_ns)
    for name, data in layered.nodes(data=True):
        if "value" in data:  # a relation may name something that is not in this snapshot
            plain.add_node(_clean(name), **_attributes(data["layer"], data["value"]))
    for one, other, data in layered.edges(data=True):
        if _clean(one) in plain and _clean(other) in plain:
            plain.add_edge(_clean(one), _clean(other), **data)
    return "\n".join(nx.generate_graphml(plain)) + "\n"


def _attributes(layer: str, value: Instance | Place | Room | Floor | Frontier) -> dict[str, Any]:
    x, y, z = value.position
    common = {"layer": layer, "x": float(x), "y": float(y), "z": float(z)}
    if isinstance(value, Place):
        return {**common, "label": value.id, "radius_m": float(value.radius_m), "room": value.room_id}
    if isinstance(value, Frontier):
        measures = {"area_m2": float(value.area_m2), "unseen_m3": float(value.unseen_m3)}
        return {**common, "label": f"unseen {value.kind}", **measures, "room": value.room_id, "place": value.place_id}
    size = dict(zip(("size_x", "size_y", "size_z"), map(float, value.box.size), strict=True))
    if isinstance(value, Floor):
        return {**common, **size, "label": value.id}
    common = {**common, **size, "label": _clean(value.label), "confidence": float(value.confidence)}
    if isinstance(value, Room):
        return {**common, "floor": value.floor_id}
    return {
        **common,
        "words": _clean(" ".join(value.words)),
        "state": value.state,
        "first_seen_ns": value.first_seen_ns,
        "last_seen_ns": value.last_seen_ns,
        "n_observations": value.n_observations,
        "room": value.room_id,
        "place": value.place_id,
    }


def _clean(text: str) -> str:
    return _NOT_XML.sub("�", text)
