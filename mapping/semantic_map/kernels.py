# SPDX-License-Identifier: Apache-2.0
"""Compiled loop of the semantic map: pixels into cells."""

from __future__ import annotations

from typing import Any

import numpy as np

from mapping.compiled import compiled


@compiled
def drop_pixels(
    depth: Any, K: Any, T: Any, classes: Any, corner: Any, per_m: float, heights: Any, planes: Any, hits: Any,
    fresh: Any, touched: Any,
) -> None:  # fmt: skip
    """Project the pixels of a frame to the floor.

    Args:
        classes: (H, W) channel of each pixel, -1 for none.
        corner: (3,) metres x, y of the map's corner, and height of its floor.
        heights: (4,) metres above the floor: lowest and highest looked at, lowest and highest obstacle.
        planes: (2, n, n) explored and obstacle, set to 1 where a pixel says so.
        hits: (C, n, n) most pixels of a class in a cell in one frame, 255 at most.
        fresh: (C, n, n) zeros; zeros again afterwards.
        touched: (H * W, 3) room for the cells of this frame.
    """
    n_touched, n = 0, planes.shape[1]
    for v in range(depth.shape[0]):
        for u in range(depth.shape[1]):
            z = np.float64(depth[v, u])
            if z <= 0.0:
                continue
            a, b = (u - K[0, 2]) * z / K[0, 0], (v - K[1, 2]) * z / K[1, 1]
            height = T[2, 0] * a + T[2, 1] * b + T[2, 2] * z + T[2, 3] - corner[2]
            x = (T[0, 0] * a + T[0, 1] * b + T[0, 2] * z + T[0, 3] - corner[0]) * per_m
            y = (T[1, 0] * a + T[1, 1] * b + T[1, 2] * z + T[1, 3] - corner[1]) * per_m
            if not (0.0 <= x < n and 0.0 <= y < n and heights[0] <= height <= heights[1]):
                continue
            i, j = np.int64(x), np.int64(y)
            planes[0, i, j] = 1
            if heights[2] <= height <= heights[3]:
                planes[1, i, j] = 1
            c = classes[v, u]
            if c >= 0:
                if fresh[c, i, j] == 0:
                    touched[n_touched, 0], touched[n_touched, 1], touched[n_touched, 2] = c, i, j
                    n_touched += 1
                if fresh[c, i, j] < 255:
                    fresh[c, i, j] += 1
    for t in range(n_touched):
        c, i, j = touched[t, 0], touched[t, 1], touched[t, 2]
        hits[c, i, j] = max(hits[c, i, j], fresh[c, i, j])
        fresh[c, i, j] = 0
