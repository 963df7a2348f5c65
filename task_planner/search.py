# SPDX-License-Identifier: Apache-2.0
"""Where to look for what was never seen: rooms where such things are kept first, then all others, near ones first."""

from __future__ import annotations

from memory_core.graph import Room, SceneGraph
from memory_core.recall.lexicon import with_article
from memory_core.recall.wording import in_room, room_name
from task_planner.affordances import likely_rooms
from task_planner.plan import Point, Step
from task_planner.standing import stand_in_room
from task_planner.travel import Ways


def search_steps(graph: SceneGraph, label: str, ways: Ways, start: Point | None) -> list[Step]:
    """One Search step for each known room with a place to stand. O(rooms log rooms) routes."""
    likely = likely_rooms(label)

    def order(room: Room) -> tuple[int, float, str]:
        rank = likely.index(room.label) if room.label in likely else len(likely)
        return (rank, ways.metres(room.position), room.id)

    steps: list[Step] = []
    here = start
    for room in sorted(graph.rooms.values(), key=order):
        stand = stand_in_room(graph, room.id)
        if stand is None:
            continue
        way = ways.to(here or stand.point, stand)
        args = {
            "id": room.id,
            "label": label,
            "position": list(room.position),
            "size": list(room.box.size),
            "stand": list(stand.point),
            "yaw_rad": stand.yaw_rad,
            "route": [list(point) for point in way.points],
            "length_m": way.length_m if here else None,
            "places": list(way.place_ids),
        }
        usual = f"{with_article(label)} is usually kept in {with_article(room.label)}"
        other = f"{with_article(label)} might be{in_room(room_name(room))}"
        steps.append(Step("Search", args, usual if room.label in likely else other))
        here = stand.point
    return steps
