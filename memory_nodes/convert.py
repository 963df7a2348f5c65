# SPDX-License-Identifier: Apache-2.0
"""Between Tolman's values and ROS messages; nothing here decides anything."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, Vector3
from nav_msgs.msg import Path
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from memory_core import Answer, Instance, Result, SceneGraph
from memory_nodes.answers import Request, structured
from memory_nodes.stamps import stamp_ns, time_message

Position = tuple[float, float, float]

_DEFAULT_LIMIT = 10
_TEXT_HEIGHT_M = 0.12
_TIMES = ("since", "until", "as_of", "now")


def request_from_query(query: Any) -> Request:
    """A request from tolman_msgs/Query.

    Raises:
        BadQuestion: neither text nor fields that make a question.
    """
    limit = query.limit or _DEFAULT_LIMIT
    near = [triple(point) for point in query.near]
    times = {f"{name}_ns": stamp_ns(time) for name in _TIMES for time in getattr(query, name)}
    if query.text:
        return Request(text=query.text, near=near[0] if near else None, as_of_ns=times.get("as_of_ns"), limit=limit)
    names = ("kind", "label", "room", "reference", "predicate", "every")
    values: dict[str, Any] = {name: getattr(query, name) for name in names}
    if near:
        values["near"] = near[0]
    if query.within_m:
        values["within_m"] = query.within_m
    return Request(question=structured({**values, "words": tuple(query.words), "limit": limit, **times}))


def fill_response(response: Any, given: Answer | BaseException) -> Any:
    """Fill a tolman_msgs/Query response with an answer, or with the reason why there is none."""
    if not isinstance(given, Answer):
        response.success, response.message = False, str(given) or type(given).__name__
        return response
    from tolman_msgs.msg import Evidence
    from tolman_msgs.msg import Result as ResultMessage

    def result_message(result: Result) -> Any:
        evidence = [Evidence(event_id=e.event_id, stamp=time_message(e.stamp_ns), snapshot=e.snapshot)
                    for e in result.evidence]  # fmt: skip
        names = ("id", "kind", "label", "frame", "room", "place", "state", "age_s", "confidence", "description")
        return ResultMessage(
            position=point_message(result.position),
            size=Vector3(x=result.size[0], y=result.size[1], z=result.size[2]),
            first_seen=time_message(result.first_seen_ns),
            last_seen=time_message(result.last_seen_ns),
            words=list(result.words),
            evidence=evidence,
            **{name: getattr(result, name) for name in names},
        )

    response.success, response.status, response.text = True, given.status, given.text
    response.results = [result_message(result) for result in given.results]
    response.count, response.latency_ms, response.examples = given.count, given.latency_ms, list(given.examples)
    return response


def point_message(position: Sequence[float]) -> Point:
    return Point(x=float(position[0]), y=float(position[1]), z=float(position[2]))


def header(frame: str, at_ns: int) -> Header:
    return Header(frame_id=frame, stamp=time_message(at_ns))


def pose_message(frame: str, at_ns: int, position: Sequence[float], yaw_half: tuple[float, float] = (0.0, 1.0)) -> Any:
    """A PoseStamped on the ground plane; `yaw_half` is (sin, cos) of half the heading."""
    orientation = Quaternion(z=yaw_half[0], w=yaw_half[1])
    return PoseStamped(
        header=header(frame, at_ns), pose=Pose(position=point_message(position), orientation=orientation)
    )


def path_message(frame: str, at_ns: int, positions: Iterable[Sequence[float]]) -> Path:
    """A path through positions, each pose looking at the next."""
    points = [tuple(map(float, position)) for position in positions]
    poses = []
    for i, point in enumerate(points):
        ahead = points[min(i + 1, len(points) - 1)]
        behind = point if i + 1 < len(points) else points[max(i - 1, 0)]
        poses.append(pose_message(frame, at_ns, point, heading_half(behind, ahead)))
    return Path(header=header(frame, at_ns), poses=poses)


def heading_half(start: Sequence[float], end: Sequence[float]) -> tuple[float, float]:
    """(sin, cos) of half the heading from start to end in the ground plane; (0, 1) when they coincide."""
    half = math.atan2(end[1] - start[1], end[0] - start[0]) / 2
    return (math.sin(half), math.cos(half))


def markers(graph: SceneGraph, frame: str, gone: Iterable[int]) -> MarkerArray:
    """A box and a label for each object of a graph, and deletions of those that stand for nothing now.

    Marker ids are the numbers of the object ids, so that a viewer moves a marker instead of adding one.
    """
    about = header(frame, graph.stamp_ns)
    made = [marker for instance in shown(graph) for marker in _object_markers(instance, about)]
    for number in gone:
        made += [Marker(header=about, ns=ns, id=number, action=Marker.DELETE) for ns in ("objects", "labels")]
    return MarkerArray(markers=made)


def shown(graph: SceneGraph) -> list[Instance]:
    """The objects that are drawn: all but those known to be gone."""
    return [instance for instance in graph.instances.values() if instance.state != "gone"]


def marker_id(instance: Instance) -> int:
    return int(instance.id[1:])


def _object_markers(instance: Instance, about: Header) -> tuple[Marker, Marker]:
    x, y, z = instance.position
    size = instance.box.size
    pose = Pose(position=point_message((x, y, z)), orientation=Quaternion(w=1.0))
    above = Pose(position=point_message((x, y, z + size[2] / 2 + _TEXT_HEIGHT_M)), orientation=Quaternion(w=1.0))
    scale = Vector3(x=size[0], y=size[1], z=size[2])
    box = Marker(header=about, ns="objects", id=marker_id(instance), type=Marker.CUBE, pose=pose, scale=scale,
                 color=_color(instance.label, 0.5))  # fmt: skip
    text = Marker(header=about, ns="labels", id=marker_id(instance), type=Marker.TEXT_VIEW_FACING, pose=above,
                  scale=Vector3(z=_TEXT_HEIGHT_M), color=ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0),
                  text=" ".join((*instance.words, instance.label)))  # fmt: skip
    return box, text


def _color(label: str, alpha: float) -> ColorRGBA:
    """The same colour for the same label, everywhere and always."""
    mixed = zlib.crc32(label.encode())
    red, green, blue = ((mixed >> shift & 255) / 255 * 0.8 + 0.2 for shift in (0, 8, 16))
    return ColorRGBA(r=red, g=green, b=blue, a=alpha)


def triple(point: Any) -> Position:
    return (float(point.x), float(point.y), float(point.z))
