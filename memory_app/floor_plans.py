# SPDX-License-Identifier: Apache-2.0
"""Floor plan of a simulated house as a PNG file: rooms, walls, doors, windows, furniture and what is on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memory_core.errors import BadInput
from sim.house.building import hole_in
from sim.house.world import Thing, World

_INCHES_PER_M = 0.8
_SMALLEST_IN, _LARGEST_IN = 4.0, 40.0
_DPI = 100
_COLOURS = {
    "living room": "#fff3d6", "kitchen": "#ffe1d0", "bedroom": "#e0eaff", "bathroom": "#d7f3f3", "hallway": "#eeeeee",
    "office": "#e6f5dc", "dining room": "#fdebf3", "meeting room": "#efe6fb",
}  # fmt: skip


def draw_floor_plan(world: World, path: Path) -> None:
    """Draw a house from above, as it stands; O(objects).

    Raises:
        BadInput: the picture cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_size(world), layout="tight")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for room in world.rooms.values():
        _draw_room(axes, room.polygon, room.label)
    _draw_walls(axes, world)
    for thing in sorted(world.things.values(), key=lambda thing: bool(thing.parent)):
        _draw_thing(axes, world, thing)
    axes.set_aspect("equal")
    axes.set_xlabel("x (m)")
    axes.set_ylabel("y (m)")
    axes.set_title(world.house.name)
    try:
        figure.savefig(path, dpi=_DPI, metadata={"Software": None})
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: the floor plan cannot be written: {error}") from error


def _size(world: World) -> tuple[float, float]:
    corners = [corner for room in world.rooms.values() for corner in room.polygon]
    lengths = [max(c[k] for c in corners) - min(c[k] for c in corners) for k in (0, 1)]
    width, height = (min(max(length * _INCHES_PER_M, _SMALLEST_IN), _LARGEST_IN) for length in lengths)
    return width, height


def _draw_room(axes: Any, polygon: tuple[tuple[float, float], ...], label: str) -> None:
    from matplotlib.patches import Polygon

    axes.add_patch(Polygon(polygon, facecolor=_COLOURS.get(label, "#f4f4f0"), edgecolor="none", zorder=0))
    x, y = (sum(corner[k] for corner in polygon) / len(polygon) for k in (0, 1))
    axes.text(x, y, label, fontsize=11, weight="bold", alpha=0.6, ha="center", va="center", zorder=4)


def _draw_walls(axes: Any, world: World) -> None:
    walls = {wall.id: wall for wall in world.house.walls}
    for wall in walls.values():
        axes.plot(*zip(wall.start, wall.end, strict=True), color="#222222", linewidth=2, zorder=2)
    for opening in world.house.openings:
        wall = next(walls[name] for name in opening.walls if name in walls)
        low, high, _, _ = hole_in(opening, wall)
        along = (wall.end - wall.start) / wall.length_m
        ends = wall.start + along * low, wall.start + along * high
        closed = "#8c4a1c" if opening.kind == "door" else "#4a90d9"
        axes.plot(*zip(*ends, strict=True), color="white", linewidth=4, zorder=3)
        if not (opening.kind == "door" and opening.is_open):
            axes.plot(*zip(*ends, strict=True), color=closed, linewidth=2, zorder=3)


def _draw_thing(axes: Any, world: World, thing: Thing) -> None:
    from matplotlib.patches import Rectangle

    box = world.scene.bounds(thing.body)
    (x0, y0, _), (x1, y1, _) = box.minimum, box.maximum
    held = bool(thing.parent)
    face, edge = ("#f2b880", "#a05a10") if held else ("#d8d8d0", "#666666")
    axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, facecolor=face, edgecolor=edge, linewidth=0.6, zorder=1))
    if not held:
        axes.text((x0 + x1) / 2, (y0 + y1) / 2, thing.body.label, fontsize=5, ha="center", va="center", zorder=5)
