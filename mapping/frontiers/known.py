# SPDX-License-Identifier: Apache-2.0
"""One frontier as it is kept: its shape, which follows from its cells, and its history, which does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mapping.frontiers.cells import Border
from mapping.frontiers.clusters import Group
from mapping.frontiers.kernels import FACES
from mapping.frontiers.sight import Target, View
from memory_core.geometry import Vec
from memory_core.graph import Unseen

_SAMPLES = 16
_MARK = 5  # cells along the cubes by which a frontier is recognised
_ALIKE = 0.1  # least intersection over union of those
_DOOR_M = 0.3  # a robot goes through what is at least as wide
_SAME_SIZE = 0.2  # a frontier that changed by less is still what was looked at
_FACES = np.array(FACES, np.float64)

Mark = tuple[int, int, int]


@dataclass(eq=False)
class Known:
    """A frontier.

    Attributes:
        marks: coarse cubes it runs through.
        number: of its id, 0 as long as it was never listed.
        score: how well the snapshot looks at it, 0..1.
        looks: poses from which the unseen behind it was looked at while it had about `looked_cells` cells.
        last_pose: the last of those, coarsely.
    """

    target: Target
    kind: Unseen
    normal: tuple[float, float, float]
    n_cells: int
    marks: frozenset[Mark]
    first_seen_ns: int
    number: int = 0
    snapshot: str = ""
    score: float = 0.0
    looks: int = 0
    looked_cells: int = 0
    last_pose: tuple[int, ...] = ()
    view: View | None = None

    def inherit(self, before: Known) -> None:
        """Go on as the frontier that was here before."""
        self.first_seen_ns, self.number, self.view = before.first_seen_ns, before.number, before.view
        self.snapshot, self.score = before.snapshot, before.score
        if abs(self.n_cells - before.looked_cells) <= _SAME_SIZE * before.looked_cells:
            self.looks, self.looked_cells, self.last_pose = before.looks, before.looked_cells, before.last_pose

    def look(self, pose: tuple[int, ...]) -> None:
        """Count a look from a coarse pose; staring counts once."""
        self.looks += pose != self.last_pose
        self.last_pose = pose

    def facts(self) -> list[Any]:
        """The history, as JSON values."""
        view = asdict(self.view) if self.view else None
        looks = [self.looks, self.looked_cells, list(self.last_pose)]
        return [self.first_seen_ns, self.number, self.snapshot, self.score, looks, view]

    def take(self, facts: Sequence[Any]) -> None:
        """The history that gave `facts`."""
        self.first_seen_ns, self.number, self.snapshot, self.score, looks, view = facts
        self.looks, self.looked_cells, self.last_pose = looks[0], looks[1], tuple(looks[2])
        self.view = View(**{**view, "position": tuple(view["position"])}) if view else None


def make_known(border: Border, group: Group, stamp_ns: int) -> Known:
    """The frontier of some pieces, without a history. O(its cells)."""
    parts = [border.cells(key, index) for key, index in group]
    cells, bits = np.concatenate([cells for cells, _ in parts]), np.concatenate([bits for _, bits in parts])
    cell_m = border.grid.cell_m
    points = (cells + 0.5) * cell_m
    middle = points.mean(axis=0)
    nearest = points[int(np.argmin(((points - middle) ** 2).sum(axis=1)))]
    chosen = np.unique(np.linspace(0, len(points) - 1, min(_SAMPLES, len(points))).astype(np.int64))
    floor_z = group[0][0].low * cell_m - border.grid.lowest_m
    outward = (bits[:, None] >> np.arange(6) & 1) @ _FACES
    beyond = points[chosen] + 1.5 * cell_m * _unit(outward[chosen])
    target = Target(nearest, points[chosen], beyond, len(points) * cell_m**2, floor_z)
    directions = outward.sum(axis=0)
    a, b, c = _unit(directions[None])[0].tolist()
    low, middle_columns = np.sum([border.tiles[key].measures[index, 13:15] for key, index in group], axis=0).tolist()
    kind: Unseen = "floor" if min(low, middle_columns) * cell_m >= _DOOR_M else "space"
    marks = frozenset(map(tuple, (cells // _MARK).tolist()))
    return Known(target, kind, (a, b, c), len(cells), marks, stamp_ns, looked_cells=len(cells))


def _unit(vectors: Vec) -> Vec:
    """(N, 3) of length 1, or 0 where the directions cancel each other."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float64)


def heirs(before: Sequence[Known], after: Sequence[Known]) -> Iterator[tuple[Known, Known]]:
    """Pairs of earlier and later frontiers that are the same, most alike first, each at most once."""
    by_mark: dict[Mark, list[int]] = {}
    for index, known in enumerate(before):
        for mark in known.marks:
            by_mark.setdefault(mark, []).append(index)
    pairs = [pair for j, known in enumerate(after) for pair in _alike(known, j, before, by_mark)]
    old: set[int] = set()
    new: set[int] = set()
    for _, i, j in sorted(pairs):
        if i not in old and j not in new:
            old.add(i)
            new.add(j)
            yield before[i], after[j]


def _alike(
    known: Known, index: int, before: Sequence[Known], by_mark: dict[Mark, list[int]]
) -> Iterable[tuple[float, int, int]]:
    shared: dict[int, int] = {}
    for mark in known.marks:
        for i in by_mark.get(mark, ()):
            shared[i] = shared.get(i, 0) + 1
    for i, n in shared.items():
        likeness = n / (len(known.marks) + len(before[i].marks) - n)
        if likeness >= _ALIKE:
            yield -likeness, i, index
