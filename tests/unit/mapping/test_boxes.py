# SPDX-License-Identifier: Apache-2.0
"""Boxes near a box, and how much two boxes have in common."""

import numpy as np
import pytest

from mapping.objects.boxes import BoxGrid
from memory_core.geometry import Box, iou, overlap_share


def some_boxes(rng, n):
    return [Box.of(c, s) for c, s in zip(rng.uniform(-4, 4, (n, 3)), rng.uniform(0.05, 1.5, (n, 3)), strict=True)]


def touches(a, b, margin_m):
    low, high = np.subtract(b.minimum, margin_m), np.add(b.maximum, margin_m)
    return bool((np.array(a.minimum) <= high).all() and (np.array(a.maximum) >= low).all())


@pytest.mark.parametrize("margin_m", [0.0, 0.04, 1.3])
def test_a_grid_finds_just_the_boxes_that_a_grown_box_touches(margin_m):
    rng = np.random.default_rng(3)
    boxes = some_boxes(rng, 60)
    grid = BoxGrid()
    for key, box in enumerate(some_boxes(rng, 60)):
        grid.put(key, box)  # moved below
    for key, box in enumerate(boxes):
        grid.put(key, box)
    for key in range(0, 60, 7):
        grid.drop(key)
    for one in some_boxes(rng, 30):
        there = [key for key, box in enumerate(boxes) if key % 7 and touches(box, one, margin_m)]
        assert grid.near(one, margin_m) == there


def test_a_box_that_moves_within_its_column_is_found_where_it_is_now():
    grid = BoxGrid()
    grid.put(1, Box((0.1, 0.1, 0.0), (0.2, 0.2, 0.1)))
    grid.put(1, Box((0.7, 0.7, 0.0), (0.8, 0.8, 0.1)))
    assert grid.near(Box((0.1, 0.1, 0.0), (0.2, 0.2, 0.1)), 0.0) == []
    assert grid.near(Box((0.75, 0.75, 0.0), (0.9, 0.9, 0.1)), 0.0) == [1]


def test_overlaps_are_symmetric_whole_for_the_same_box_and_nothing_for_boxes_apart():
    rng = np.random.default_rng(4)
    for a, b in zip(some_boxes(rng, 40), some_boxes(rng, 40), strict=True):
        for share in (iou, overlap_share):
            assert share(a, b, 0.02) == pytest.approx(share(b, a, 0.02))
            assert share(a, a, 0.02) == pytest.approx(1.0)
        assert 0.0 <= iou(a, b, 0.02) <= overlap_share(a, b, 0.02) <= 1.0
    assert iou(Box((0, 0, 0), (1, 1, 1)), Box((2, 0, 0), (3, 1, 1)), 0.1) == 0.0
