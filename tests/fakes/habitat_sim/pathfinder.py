# SPDX-License-Identifier: Apache-2.0
"""Where one can stand, as a fine grid over the floor: x to the right, z towards the viewer, y up."""

import numpy as np

from habitat_sim.strict import floats

_CELL_M = 0.02
_LOW_M = 0.05
_STEP_M = 0.01


class PathFinder:
    __slots__ = ("_free", "_low", "_rng")

    def __init__(self):
        self._free, self._low, self._rng = None, np.zeros(2), np.random.default_rng(0)

    @property
    def is_loaded(self):
        return self._free is not None

    def load_nav_mesh(self, path):
        return False

    def seed(self, number):
        self._rng = np.random.default_rng(number)

    def get_random_navigable_point(self, max_tries=10):
        cells = np.argwhere(self._free)
        return self._point(cells[self._rng.integers(len(cells))]) if len(cells) else np.full(3, np.nan, np.float32)

    def is_navigable(self, pt, max_y_delta=0.5):
        point = floats(pt)
        return self.is_loaded and bool(abs(point[1]) <= max_y_delta and self._stands(point[None, [0, 2]])[0])

    def snap_point(self, point):
        wanted = floats(point)
        if self._stands(wanted[None, [0, 2]])[0]:
            return np.array([wanted[0], 0, wanted[2]], np.float32)
        cells = np.argwhere(self._free)
        if not len(cells):
            return np.full(3, np.nan, np.float32)
        gaps = np.linalg.norm(cells * _CELL_M + self._low - wanted[[0, 2]], axis=1)
        return self._point(cells[np.argmin(gaps)])

    def try_step_no_sliding(self, start, end):
        begin, goal = floats(start), floats(end)
        n_steps = max(1, int(np.ceil(np.linalg.norm(goal - begin) / _STEP_M)))
        way = begin + np.linspace(0, 1, n_steps + 1)[:, None] * (goal - begin)
        blocked = np.flatnonzero(~self._stands(way[:, [0, 2]]))
        reached = way[max(0, blocked[0] - 1)] if len(blocked) else goal
        return np.array([reached[0], 0, reached[2]], np.float32)

    def _compute(self, triangles, radius, height):
        """Of triangles (N, 3, 3), level ones at 0 are floor, and what is between ankle and head is in the way."""
        from scipy import ndimage

        floor = triangles[np.abs(triangles[..., 1]).max(axis=1) < _LOW_M]
        highest, lowest = triangles[..., 1].max(axis=1), triangles[..., 1].min(axis=1)
        obstacles = triangles[(highest > _LOW_M) & (lowest < height)]
        self._low = triangles[..., [0, 2]].min(axis=(0, 1)) - 2 * radius
        size = np.ceil((triangles[..., [0, 2]].max(axis=(0, 1)) + 2 * radius - self._low) / _CELL_M).astype(int)
        free = self._drawn(floor, size) & ~self._drawn(obstacles, size)
        self._free = ndimage.distance_transform_edt(free) * _CELL_M >= radius - _CELL_M

    def _drawn(self, triangles, size):
        import cv2

        mask = np.zeros(tuple(size), np.uint8)
        corners = np.round((triangles[..., [2, 0]] - self._low[::-1]) / _CELL_M * 16).astype(np.int32)
        for corner in corners:
            cv2.fillConvexPoly(mask, corner, 1, shift=4)
        return mask > 0

    def _stands(self, points):
        cells = np.round((points - self._low) / _CELL_M).astype(int)
        inside = ((cells >= 0) & (cells < self._free.shape)).all(axis=1)
        stands = np.zeros(len(points), bool)
        stands[inside] = self._free[tuple(cells[inside].T)]
        return stands

    def _point(self, cell):
        x, z = cell * _CELL_M + self._low
        return np.array([x, 0, z], np.float32)
