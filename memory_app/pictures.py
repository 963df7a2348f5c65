# SPDX-License-Identifier: Apache-2.0
"""Pictures of a memory as PNG files: a top-down map, the scene graph, and kept frames with what they show."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mapping import Octree
from memory_core import Instance, Keyframe, SceneGraph
from memory_core.errors import CorruptMemory

_BACKGROUND = "#fafaf8"
_WALL_BAND_M = (0.3, 2.0)

_Spot = tuple[float, float]


def draw_map(graph: SceneGraph, octree: Octree, path: Path, route: NDArray[np.float64] | None = None) -> None:
    """Top-down map: what is occupied in grey, rooms by colour, objects with labels, a route if given."""
    figure, axes = _figure((11, 8.5))
    points = octree.occupied_centers()
    floor_z = _floor_height(graph, points)
    _draw_occupied(axes, points, floor_z, octree.voxel_size_m)
    for room in graph.rooms.values():
        places = [place for place in graph.places.values() if place.room_id == room.id]
        xy = np.array([place.position[:2] for place in places]).reshape(-1, 2)
        radii = [place.radius_m for place in places]
        for (x, y), radius in zip(xy, radii, strict=True):
            axes.add_patch(_circle((x, y), min(radius, 0.5), color=_colour(room.id), alpha=0.22, linewidth=0))
        axes.text(*room.position[:2], room.label, fontsize=15, ha="center", va="center", alpha=0.75, weight="bold")
    for passage in graph.passages:
        ends = np.array([graph.places[passage.a].position[:2], graph.places[passage.b].position[:2]])
        axes.plot(*ends.T, color="#888888", linewidth=0.6, alpha=0.6)
    present = [instance for instance in graph.instances.values() if instance.state != "gone"]
    for instance in present:
        _draw_object(axes, instance)
    _label_objects(axes, present)
    if route is not None and len(route):
        axes.plot(route[:, 0], route[:, 1], color="#d62728", linewidth=2.5, alpha=0.9)
        axes.plot(*route[-1, :2], marker="*", markersize=16, color="#d62728")
    axes.set_aspect("equal")
    axes.set_xlabel("x (m)")
    axes.set_ylabel("y (m)")
    _save(figure, path)


def _floor_height(graph: SceneGraph, points: NDArray[np.float64]) -> float:
    heights = [place.position[2] for place in graph.places.values()]
    if heights:
        return float(np.median(heights))
    return float(np.percentile(points[:, 2], 2)) if len(points) else 0.0


def _draw_occupied(axes: Any, points: NDArray[np.float64], floor_z: float, voxel_size_m: float) -> None:
    above = points[:, 2] - floor_z
    points = points[(above > _WALL_BAND_M[0]) & (above < _WALL_BAND_M[1])]
    if not len(points):
        return
    low = points[:, :2].min(axis=0)
    cells = np.round((points[:, :2] - low) / voxel_size_m).astype(int)
    columns = np.zeros(tuple(cells.max(axis=0) + 1), np.float32)
    np.add.at(columns, tuple(cells.T), 1.0)
    tallest = (_WALL_BAND_M[1] - _WALL_BAND_M[0]) / voxel_size_m
    high = low + (np.array(columns.shape) - 1) * voxel_size_m
    half = voxel_size_m / 2
    axes.imshow(
        np.minimum(columns.T / tallest, 1.0) ** 0.5,
        origin="lower",
        extent=(low[0] - half, high[0] + half, low[1] - half, high[1] + half),
        cmap="Greys",
        vmin=0,
        vmax=1.3,
        zorder=0,
    )


def _draw_object(axes: Any, instance: Instance) -> None:
    from matplotlib.patches import Rectangle

    low, size = instance.box.minimum, instance.box.size
    colour = _colour(instance.label)
    axes.add_patch(Rectangle(low[:2], size[0], size[1], fill=True, facecolor=colour, alpha=0.45, edgecolor=colour))


def _label_objects(axes: Any, instances: Sequence[Instance]) -> None:
    """A name at each object, beside it where its middle is taken; left out where there is no room at all."""
    taken: list[tuple[float, float, float, float]] = []
    for instance in sorted(instances, key=lambda i: (-i.box.size[0] * i.box.size[1], i.id)):
        x, y = instance.position[:2]
        half_x, half_y = 0.036 * len(instance.label), 0.06
        out = instance.box.size[1] / 2 + half_y
        for dx, dy in ((0, 0), (0, out), (0, -out), (0, 0.12), (0, -0.12), (half_x, 0.12), (-half_x, -0.12)):
            spot = (x + dx - half_x, x + dx + half_x, y + dy - half_y, y + dy + half_y)
            if not any(_overlap(spot, other) for other in taken):
                taken.append(spot)
                axes.text(x + dx, y + dy, instance.label, fontsize=6, ha="center", va="center", clip_on=True)
                break


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]


def draw_graph(graph: SceneGraph, path: Path) -> None:
    """The scene graph in layers: rooms above places above objects, with on/in relations between objects."""
    figure, axes = _figure((13, 7.5))
    spots = _spread(graph)
    for instance in graph.instances.values():
        parent = next((r.object for r in graph.relations if r.subject == instance.id and r.predicate != "near"), "")
        above = parent or instance.room_id
        if above in spots and instance.id in spots:
            style = "-" if parent else ":"
            _link(axes, spots[instance.id], spots[above], _colour(instance.room_id), style)
    for place in graph.places.values():
        if place.room_id in spots:
            _link(axes, spots[place.id], spots[place.room_id], _colour(place.room_id), "-", 0.25)
    for passage in graph.passages:
        _link(axes, spots[passage.a], spots[passage.b], "#999999", "-", 0.7)
    for room in graph.rooms.values():
        axes.scatter(*spots[room.id], s=420, color=_colour(room.id), zorder=3)
        axes.text(spots[room.id][0], spots[room.id][1] + 0.14, room.label, ha="center", fontsize=12, weight="bold")
    for place in graph.places.values():
        axes.scatter(*spots[place.id], s=14, color=_colour(place.room_id), zorder=3)
    for instance in graph.instances.values():
        axes.scatter(*spots[instance.id], s=34, color=_colour(instance.label), zorder=3)
        axes.text(spots[instance.id][0], spots[instance.id][1] - 0.05, instance.label, rotation=90, fontsize=6,
                  ha="center", va="top")  # fmt: skip
    axes.set_ylim(-0.9, 3.5)
    for height, name in ((3.0, "rooms"), (2.0, "places"), (0.3, "objects")):
        axes.text(0.0, height, name, transform=axes.get_yaxis_transform(), fontsize=10, alpha=0.5, rotation=90)
    axes.set_axis_off()
    _save(figure, path)


def _spread(graph: SceneGraph) -> dict[str, tuple[float, float]]:
    """Where each node is drawn: rooms side by side, what belongs to them below, supported things lowest."""
    spots: dict[str, tuple[float, float]] = {}
    parents = {r.subject: r.object for r in graph.relations if r.predicate != "near"}
    rooms = [*graph.rooms, ""]
    members = {room: [i for i in graph.instances.values() if _room_of(i.room_id, graph) == room] for room in rooms}
    widths = {room: max(2, len(members[room])) for room in rooms if room or members[room]}
    left, total = 0.0, float(sum(widths.values()))
    for room, width in widths.items():
        span = width / total
        if room:
            spots[room] = (left + span / 2, 3.0)
        places = [place for place in graph.places.values() if _room_of(place.room_id, graph) == room]
        for index, place in enumerate(sorted(places, key=lambda p: p.position)):
            spots[place.id] = (left + span * (index + 0.5) / len(places), 2.0 + 0.25 * (index % 3) / 2)
        order = {i.id: number for number, i in enumerate(sorted(members[room], key=lambda i: (i.label, i.id)))}

        def below_its_parent(instance: Instance, order: dict[str, int] = order) -> tuple[float, int]:
            return order.get(parents.get(instance.id, instance.id), -1), order[instance.id]

        for index, instance in enumerate(sorted(members[room], key=below_its_parent)):
            spots[instance.id] = (left + span * (index + 0.5) / width, 0.2 if instance.id in parents else 0.9)
        left += span
    return spots


def _room_of(room_id: str, graph: SceneGraph) -> str:
    return room_id if room_id in graph.rooms else ""


def _link(
    axes: Any, a: tuple[float, float], b: tuple[float, float], colour: str, style: str, alpha: float = 0.6
) -> None:
    axes.plot([a[0], b[0]], [a[1], b[1]], color=colour, linestyle=style, linewidth=0.9, alpha=alpha, zorder=1)


def annotated(keyframe: Keyframe, graph: SceneGraph, highlight: Sequence[str] = ()) -> NDArray[np.uint8]:
    """The kept image with a named box around each object it shows, (H, W, 3) uint8 BGR; `highlight` in red."""
    image = cv2.imdecode(np.frombuffer(keyframe.jpeg, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise CorruptMemory(f"keyframe {keyframe.id}: its image cannot be decoded")
    for object_id, (u0, v0, u1, v1) in sorted(keyframe.shows.items()):
        instance = graph.instances.get(object_id)
        if instance is None:
            continue
        wanted = object_id in highlight
        bgr = (40, 40, 220) if wanted else tuple(int(c * 255) for c in reversed(_rgb(instance.label)))
        cv2.rectangle(image, (u0, v0), (u1 - 1, v1 - 1), bgr, 3 if wanted else 1)
        text = f"{instance.label} {instance.id}"
        cv2.putText(image, text, (u0 + 2, max(10, v0 - 3)), cv2.FONT_HERSHEY_SIMPLEX, 0.38, bgr, 1, cv2.LINE_AA)
    return np.asarray(image, np.uint8)


def draw_evidence(keyframe: Keyframe, graph: SceneGraph, path: Path, highlight: Sequence[str] = ()) -> None:
    """Write `annotated` as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ok, data = cv2.imencode(".png", annotated(keyframe, graph, highlight))
    if not ok:
        raise OSError(f"{path}: the image could not be encoded")
    path.write_bytes(data.tobytes())


def _rgb(name: str) -> tuple[float, float, float]:
    hue = (sum((index + 1) * ord(letter) for index, letter in enumerate(name)) * 0.137) % 1.0
    return colorsys.hls_to_rgb(hue, 0.42, 0.62)


def _colour(name: str) -> str:
    red, green, blue = (round(255 * part) for part in _rgb(name))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _circle(center: tuple[float, float], radius: float, **style: Any) -> Any:
    from matplotlib.patches import Circle

    return Circle(center, radius, **style)


def _figure(size_inches: tuple[float, float]) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size_inches, facecolor=_BACKGROUND)
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight")
