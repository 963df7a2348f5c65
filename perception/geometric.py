# SPDX-License-Identifier: Apache-2.0
"""Segments from depth alone: what stands out of large planes, is of a handy size, and is there in several frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_core.frame import CameraFrame
from memory_core.geometry import Box, transform_points
from memory_core.packing import pack, unpack
from memory_core.segment import UNLABELLED, Segment
from perception import cells
from perception.planes import Planes
from perception.settings import GeometricSettings
from perception.steady import Steady

_MAX_PLANES = 32
_FLAT = 0.1  # normals around a seed of a plane differ less than this (1 - cosine)
_EVERY = 2  # rows and columns of cells from which the extent of a plane is taken
_MOSTLY_HIDDEN = 0.3  # a component with this much of its outline cut off is background between things
_ON_PLANE = 0.6  # a component with this much on a known plane is a part of the plane


@dataclass(frozen=True, eq=False, slots=True)
class _Candidate:
    """One component: its number, its outline in cells and its box in the map frame."""

    number: int
    rows: tuple[int, int]
    columns: tuple[int, int]
    box: Box
    touches_edge: bool


class GeometricSegmenter:
    """Finds unnamed things. All are labelled "object": nothing is known of their class.

    O(pixels); 5 to 10 ms for 640x480 on one core. The same frames in the same order give the same segments.
    """

    def __init__(self, settings: GeometricSettings | None = None) -> None:
        self.settings = settings or GeometricSettings()
        self.reset()

    def reset(self) -> None:
        """Forget earlier frames."""
        self._planes = Planes()
        self._steady = Steady(self.settings.window, self.settings.steady)

    def segment(self, frame: CameraFrame) -> list[Segment]:
        """The steady things in a frame, from top to bottom."""
        s = self.settings
        coarse = cells.coarse_depth(frame.depth, s.cell_px, s.range_m)
        points = cells.points_of(coarse, s.cell_px, frame.K)
        taken = self._take_planes(frame, points)
        labels = np.zeros_like(taken)
        n_labels = cells.components(points, taken, labels)
        candidates = self._candidates(frame, points, labels, n_labels)
        steady = self._steady.admit([c.box for c in candidates], [not c.touches_edge for c in candidates])
        return [self._segment(frame, coarse, labels, c) for c, ok in zip(candidates, steady, strict=True) if ok]

    def state(self) -> bytes:
        return pack({"planes": self._planes.rows(), "steady": self._steady.rows()})

    def restore(self, state: bytes) -> None:
        values = unpack(state)
        self._planes.load(values["planes"])
        self._steady.load(values["steady"])

    def _take_planes(self, frame: CameraFrame, points: NDArray[np.float32]) -> NDArray[np.int32]:
        """(h, w) number of the plane of each cell, 0 for none; the planes are remembered."""
        s = self.settings
        normals = cells.normals_of(points)
        seeds = cells.flattest(cells.unevenness(normals), _FLAT)
        taken = np.zeros(points.shape[:2], np.int32)
        planes, areas = np.zeros((_MAX_PLANES, 4)), np.zeros(_MAX_PLANES)
        per_cell = s.cell_px**2 / abs(frame.K[0, 0] * frame.K[1, 1])
        n = cells.grow_planes(
            points, normals, seeds, s.noise_m, s.noise_per_m2, per_cell, s.plane_m2, taken, planes, areas
        )
        cells.absorb(points, s.noise_m, s.noise_per_m2, planes, n, taken)
        few, few_taken = points[::_EVERY, ::_EVERY], taken[::_EVERY, ::_EVERY]
        for k in range(n):
            on_plane = transform_points(frame.T_world_cam, few[few_taken == k + 1].astype(np.float64))
            if len(on_plane):
                z = float(np.linalg.norm(on_plane.mean(axis=0) - frame.T_world_cam[:3, 3]))
                self._planes.see(frame.T_world_cam[:3, :3] @ planes[k, :3], on_plane, self._tolerance_m(z))
        return taken

    def _tolerance_m(self, z: float) -> float:
        return self.settings.noise_m + self.settings.noise_per_m2 * z * z

    def _candidates(
        self, frame: CameraFrame, points: NDArray[np.float32], labels: NDArray[np.int32], n_labels: int
    ) -> list[_Candidate]:
        outlines = cells.outlines(labels, n_labels)
        hidden = cells.hidden_share(points, labels, n_labels)
        h, w = labels.shape
        found = []
        for k in range(1, n_labels + 1):
            n, top, left, bottom, right = outlines[k].tolist()
            if n < self.settings.least_cells or hidden[k] > _MOSTLY_HIDDEN:
                continue
            crop = labels[top : bottom + 1, left : right + 1] == k
            own = points[top : bottom + 1, left : right + 1][crop].astype(np.float64)
            box = self._box(transform_points(frame.T_world_cam, own), float(own[:, 2].mean()))
            if box is None:
                continue
            at_edge = top == 0 or left == 0 or bottom == h - 1 or right == w - 1
            found.append(_Candidate(k, (top, bottom + 1), (left, right + 1), box, at_edge))
        return found

    def _box(self, points: NDArray[np.float64], z: float) -> Box | None:
        """The box of a component in the map frame; None when it has not the size of a thing or lies on a plane."""
        s = self.settings
        low, high = points.min(axis=0), points.max(axis=0)
        if not s.least_size_m <= float((high - low).max()) <= s.most_size_m:
            return None
        if self._planes.share_on(points, self._tolerance_m(z)) > _ON_PLANE:
            return None
        a, b = low.tolist(), high.tolist()
        return Box((a[0], a[1], a[2]), (b[0], b[1], b[2]))

    def _segment(
        self, frame: CameraFrame, coarse: NDArray[np.float32], labels: NDArray[np.int32], candidate: _Candidate
    ) -> Segment:
        """Its cells as pixels, less those whose depth is not the cell's."""
        c = self.settings.cell_px
        (top, bottom), (left, right) = candidate.rows, candidate.columns
        inside = labels[top:bottom, left:right] == candidate.number
        mask = inside.repeat(c, axis=0).repeat(c, axis=1)
        near = coarse[top:bottom, left:right].repeat(c, axis=0).repeat(c, axis=1)
        depth = frame.depth[top * c : bottom * c, left * c : right * c]
        mask &= np.abs(depth - near) <= 0.02 + 0.02 * near
        return Segment((left * c, top * c, right * c, bottom * c), mask, {UNLABELLED: 1.0}, "geometric")
