# SPDX-License-Identifier: Apache-2.0
"""What an object looks like: a few boxes inside its bounding box, so that what lies on or in it can be seen.

Coordinates are the object's own: x forward, y left, z up, origin at the centre of its bounding box, metres.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from memory_core.geometry import Box

_BOARD_M = 0.02
_SAME_LEVEL_M = 0.04
_LEAST_PAD_M = 0.01
_HIGHEST_PAD_M = 0.3
_PANEL_M, _THICKEST_PANEL_M = 0.06, 0.15


@dataclass(frozen=True, slots=True)
class Part:
    """One box of a proxy; a `door` is drawn only while the object is closed."""

    box: Box
    door: bool = False


@dataclass(frozen=True, slots=True)
class Extent:
    """The bounding box of an object and the boxes of what it holds, all in its own frame."""

    size: tuple[float, float, float]
    held: tuple[Box, ...]
    asset: str = ""

    @property
    def low(self) -> tuple[float, float, float]:
        return (-self.size[0] / 2, -self.size[1] / 2, -self.size[2] / 2)

    @property
    def high(self) -> tuple[float, float, float]:
        return (self.size[0] / 2, self.size[1] / 2, self.size[2] / 2)

    def slab(self, low: Sequence[float], high: Sequence[float]) -> Box:
        """A box given by fractions 0..1 of the extent, both corners (3,)."""
        corners = [[-s / 2 + s * f for s, f in zip(self.size, corner, strict=True)] for corner in (low, high)]
        return _box(corners[0], corners[1])

    def levels(self) -> list[float]:
        """Heights on which held things stand inside the extent, ascending, merged when nearly the same."""
        bottoms = sorted(b.minimum[2] for b in self.held if b.center[2] < self.high[2])
        merged: list[float] = []
        for bottom in bottoms:
            if (not merged or bottom - merged[-1] > _SAME_LEVEL_M) and not self._cuts(bottom):
                merged.append(bottom)
        return [max(level, self.low[2] + _BOARD_M) for level in merged]

    def _cuts(self, level: float) -> bool:
        """Whether a board at this height would go through something that stands on a lower one."""
        return any(b.minimum[2] < level - _SAME_LEVEL_M and b.maximum[2] > level - _BOARD_M for b in self.held)

    def swallows(self, boxes: Sequence[Box]) -> bool:
        """Whether a held thing has its centre inside one of the boxes."""
        return any(box.distance_m(held.center) == 0 for box in boxes for held in self.held)


def parts_of(shape: str, extent: Extent) -> list[Part]:
    """The boxes of a shape; a shape that would swallow what it holds becomes an open-front shell with boards."""
    parts = _SHAPES.get(shape, _block)(extent)
    if shape not in ("cabinet", "board", "drawer") and extent.swallows([part.box for part in parts]):
        parts = _shelf(extent)
    return [*parts, *_solid(_pads(extent, [part.box for part in parts]))]


def _pads(e: Extent, boxes: Sequence[Box]) -> list[Box]:
    """Fills what is left open under held things: real seats and mattresses are not as flat as boards."""
    pads: list[Box] = []
    for held in e.held:
        x, y, _ = held.center
        bottom = held.minimum[2]
        below = [b.maximum[2] for b in boxes if b.maximum[2] <= bottom and b.distance_m((x, y, b.center[2])) == 0]
        if below and _LEAST_PAD_M < bottom - max(below) < _HIGHEST_PAD_M and bottom <= e.high[2]:
            low = np.maximum(held.minimum[:2], e.low[:2])
            high = np.minimum(held.maximum[:2], e.high[:2])
            pad = _box((low[0], low[1], max(below)), (high[0], high[1], bottom))
            if not e.swallows([pad]):
                pads.append(pad)
    return pads


def _box(low: Sequence[float], high: Sequence[float]) -> Box:
    thin = np.maximum(np.asarray(high, np.float64), np.asarray(low, np.float64) + 1e-4)
    return Box((low[0], low[1], low[2]), (float(thin[0]), float(thin[1]), float(thin[2])))


def _solid(boxes: Sequence[Box]) -> list[Part]:
    return [Part(box) for box in boxes]


def _block(e: Extent) -> list[Part]:
    """Solid; lower where something stands deeper than its top, with a back that keeps the height."""
    levels = e.levels()
    if not levels:
        return _solid([_box(e.low, e.high)])
    if len(levels) > 1:
        return _shelf(e)
    back = min(_BOARD_M * 1.5, e.size[0] * 0.2)
    body = _box(e.low, (e.high[0], e.high[1], levels[0]))
    return _solid([body, _box((e.low[0], e.low[1], levels[0]), (e.low[0] + back, e.high[1], e.high[2]))])


def _table(e: Extent) -> list[Part]:
    levels = e.levels()
    holds_up_to_top = any(held.center[2] >= e.high[2] for held in e.held)
    is_lower_shelf = bool(levels) and levels[-1] < e.low[2] + 0.6 * e.size[2]
    tops = [*levels, e.high[2]] if not levels or holds_up_to_top or is_lower_shelf else levels
    leg = min(0.05, e.size[0] * 0.25, e.size[1] * 0.25)
    boards = [_box((e.low[0], e.low[1], max(z - 0.04, e.low[2])), (e.high[0], e.high[1], z)) for z in tops]
    posts = _legs(e, leg, tops[-1] - 0.04)
    if tops[-1] < e.high[2]:
        posts.append(_box((e.low[0], e.low[1], tops[-1]), (e.low[0] + 0.02, e.high[1], e.high[2])))
    return _solid(boards + posts)


def _legs(e: Extent, leg: float, top: float) -> list[Box]:
    xs = ((e.low[0], e.low[0] + leg), (e.high[0] - leg, e.high[0]))
    ys = ((e.low[1], e.low[1] + leg), (e.high[1] - leg, e.high[1]))
    return [_box((x[0], y[0], e.low[2]), (x[1], y[1], max(top, e.low[2] + 0.01))) for x in xs for y in ys]


def _seat_level(e: Extent, share: float) -> float:
    return min([*e.levels(), e.low[2] + e.size[2] * share])


def _back_depth(e: Extent, wanted: float, level: float) -> float:
    """Depth of a back rest that leaves what lies before it free."""
    rear = min((b.minimum[0] for b in e.held if b.maximum[2] > level), default=e.high[0])
    return max(0.03, min(wanted, rear - e.low[0]))


def _chair(e: Extent) -> list[Part]:
    seat = _seat_level(e, 0.52)
    back = _back_depth(e, 0.05, seat)
    boards = [
        _box((e.low[0], e.low[1], max(seat - 0.05, e.low[2])), (e.high[0], e.high[1], seat)),
        _box((e.low[0], e.low[1], seat), (e.low[0] + back, e.high[1], e.high[2])),
    ]
    return _solid(boards + _legs(e, min(0.05, e.size[0] * 0.2), seat - 0.05))


def _sofa(e: Extent) -> list[Part]:
    seat = _seat_level(e, 0.45)
    back = _back_depth(e, e.size[0] * 0.25, seat)
    boxes = [
        _box(e.low, (e.high[0], e.high[1], seat)),
        _box((e.low[0], e.low[1], seat), (e.low[0] + back, e.high[1], e.high[2])),
    ]
    arm, top = e.size[1] * 0.12, seat + (e.high[2] - seat) * 0.4
    for y in ((e.low[1], e.low[1] + arm), (e.high[1] - arm, e.high[1])):
        rest = _box((e.low[0], y[0], seat), (e.high[0], y[1], top))
        if all(rest.gap_m(held) > 0 for held in e.held):
            boxes.append(rest)
    return _solid(boxes)


def _bed(e: Extent) -> list[Part]:
    mattress = _seat_level(e, 0.55)
    head = _back_depth(e, 0.06, mattress)
    return _solid(
        [
            _box(e.low, (e.high[0], e.high[1], mattress)),
            _box((e.low[0], e.low[1], mattress), (e.low[0] + head, e.high[1], e.high[2])),
        ]
    )


def _shelf(e: Extent) -> list[Part]:
    return _solid(_shell(e) + _boards(e, e.levels() or _even_levels(e)))


def _board(e: Extent) -> list[Part]:
    """A board at the bottom; above it is only where things stand."""
    return _solid([e.slab((0, 0, 0), (1, 1, min(1.0, _BOARD_M / e.size[2])))])


def _cabinet(e: Extent) -> list[Part]:
    panel = min(_BOARD_M, e.size[0] * 0.1)
    front = e.high[0] - panel
    inner = [_cut(box, front) for box in _shell(e)] + [_cut(box, front - 0.01) for box in _boards(e, e.levels())]
    return [*_solid(inner), Part(_box((front, e.low[1], e.low[2]), e.high), door=True)]


def _cut(box: Box, front: float) -> Box:
    """The part of a box behind a plane x = front."""
    return _box(box.minimum, (min(box.maximum[0], front), box.maximum[1], box.maximum[2]))


def _shell(e: Extent) -> list[Box]:
    """Back, two sides, floor and top; the front is open, and the top too where something sticks out of it."""
    t = min(_BOARD_M, min(e.size) * 0.2)
    (x0, y0, z0), (x1, y1, z1) = e.low, e.high
    shell = [
        _box((x0, y0, z0), (x0 + t, y1, z1)),
        _box((x0, y0, z0), (x1, y0 + t, z1)),
        _box((x0, y1 - t, z0), (x1, y1, z1)),
        _box((x0, y0, z0), (x1, y1, z0 + t)),
    ]
    if all(b.maximum[2] <= z1 or b.center[2] >= z1 for b in e.held):
        shell.append(_box((x0, y0, z1 - t), (x1, y1, z1)))
    return shell


def _boards(e: Extent, levels: Sequence[float]) -> list[Box]:
    t = min(_BOARD_M, e.size[2] * 0.1)
    kept = [z for z in levels if z - t > e.low[2] + t]
    return [_box((e.low[0], e.low[1], z - t), (e.high[0], e.high[1], z)) for z in kept]


def _even_levels(e: Extent) -> list[float]:
    n_boards = max(0, round(e.size[2] / 0.4) - 1)
    return [e.low[2] + e.size[2] * (i + 1) / (n_boards + 1) for i in range(n_boards)]


def _basin(e: Extent) -> list[Part]:
    """Open at the top: four walls around a floor that lies just under what is in it."""
    inside = [b.minimum[2] for b in e.held if b.center[2] < e.high[2]]
    depth = min(0.25, e.size[2] * 0.6)
    level = max(min([*inside, e.high[2] - depth]), e.low[2] + min(0.01, e.size[2] * 0.1))
    t = min(0.03, e.size[0] * 0.1, e.size[1] * 0.1)
    (x0, y0, z0), (x1, y1, z1) = e.low, e.high
    return _solid(
        [
            _box((x0, y0, z0), (x1, y1, level)),
            _box((x0, y0, level), (x0 + t, y1, z1)),
            _box((x1 - t, y0, level), (x1, y1, z1)),
            _box((x0, y0, level), (x1, y0 + t, z1)),
            _box((x0, y1 - t, level), (x1, y1, z1)),
        ]
    )


def _drawer(e: Extent) -> list[Part]:
    """Open at the top; what it slides under is drawn as a lid while it is closed."""
    t = min(0.015, min(e.size) * 0.2)
    inside = [b.minimum[2] for b in e.held if b.center[2] < e.high[2]]
    level = max(min([*inside, e.low[2] + t]), e.low[2] + t / 2)
    (x0, y0, z0), (x1, y1, z1) = e.low, e.high
    walls = [
        _box((x0, y0, z0), (x1, y1, level)),
        _box((x0, y0, level), (x0 + t, y1, z1)),
        _box((x1 - t, y0, level), (x1, y1, z1)),
        _box((x0, y0, level), (x1, y0 + t, z1)),
        _box((x0, y1 - t, level), (x1, y1, z1)),
    ]
    return [*_solid(walls), Part(_box((x0, y0, z1 - t / 3), (x1, y1, z1)), door=True)]


def _counter(e: Extent) -> list[Part]:
    """A kitchen counter; models named _L_ have an arm to the right, _C_ to both sides."""
    depth_x, depth_y = min(0.66, e.size[0]), min(0.66, e.size[1])
    strips = [_box(e.low, (e.low[0] + depth_x, e.high[1], e.high[2]))]
    if "_L_" in e.asset or "_C_" in e.asset:
        strips.append(_box(e.low, (e.high[0], e.low[1] + depth_y, e.high[2])))
    if "_C_" in e.asset:
        strips.append(_box((e.low[0], e.high[1] - depth_y, e.low[2]), e.high))
    stands_free = any(min(_gap_on_floor(strip, held) for strip in strips) > 0.05 for held in e.held)
    if len(strips) == 1 or stands_free or e.levels():
        return _block(e)
    return _solid(strips)


def _gap_on_floor(strip: Box, held: Box) -> float:
    x, y, _ = held.center
    return strip.distance_m((x, y, strip.center[2]))


def _lamp(e: Extent) -> list[Part]:
    return _solid(
        [
            e.slab((0.15, 0.15, 0), (0.85, 0.85, 0.04)),
            e.slab((0.44, 0.44, 0.04), (0.56, 0.56, 0.72)),
            e.slab((0, 0, 0.72), (1, 1, 1)),
        ]
    )


def _plant(e: Extent) -> list[Part]:
    return _solid([e.slab((0.2, 0.2, 0), (0.8, 0.8, 0.4)), e.slab((0, 0, 0.4), (1, 1, 1))])


def _laptop(e: Extent) -> list[Part]:
    return _solid([e.slab((0.06, 0, 0), (1, 1, 0.1)), e.slab((0, 0, 0), (0.06, 1, 1))])


def _screen(e: Extent) -> list[Part]:
    """A panel on a foot; only a panel when it is as thin as one, as on a wall."""
    if e.size[0] <= _THICKEST_PANEL_M:
        return _block(e)
    half = _PANEL_M / 2 / e.size[0]
    panel = e.slab((0.5 - half, 0, 0.1), (0.5 + half, 1, 1))
    return _solid([panel, e.slab((0.5 - half, 0.45, 0), (0.5 + half, 0.55, 0.1)), e.slab((0, 0.3, 0), (1, 0.7, 0.03))])


def _toilet(e: Extent) -> list[Part]:
    return _solid([e.slab((0.3, 0.08, 0), (1, 0.92, 0.5)), e.slab((0, 0, 0), (0.3, 1, 1))])


_SHAPES: dict[str, Callable[[Extent], list[Part]]] = {
    "box": _block,
    "chest": _block,
    "table": _table,
    "chair": _chair,
    "sofa": _sofa,
    "bed": _bed,
    "shelf": _shelf,
    "cabinet": _cabinet,
    "board": _board,
    "drawer": _drawer,
    "basin": _basin,
    "counter": _counter,
    "lamp": _lamp,
    "plant": _plant,
    "laptop": _laptop,
    "screen": _screen,
    "toilet": _toilet,
}
