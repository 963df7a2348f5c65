# SPDX-License-Identifier: Apache-2.0
"""Matching of segments and known things is one to one, and never between classes that differ."""

import numpy as np
import pytest

from mapping.objects.associate import View, agreement, assign, score
from mapping.objects.boxes import BoxGrid
from memory_core.geometry import Box, iou, overlap_share

UNIT = Box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def fit(segment, track, shared):
    return score(segment, track, shared, overlap=0.2, box_overlap=0.4, margin_m=0.02)


def test_no_track_is_given_twice(rng):
    scores = rng.uniform(0, 1, (6, 4))
    given = assign(6, [range(4)] * 6, lambda s, t: float(scores[s, t]))
    tracks = [t for t in given if t is not None]

    assert len(tracks) == len(set(tracks)) == 4
    assert given[int(np.unravel_index(scores.argmax(), scores.shape)[0])] == scores.argmax() % 4


def test_equal_scores_are_decided_the_same_way_every_time():
    assert assign(2, [[5, 3], [3, 5]], lambda s, t: 0.5) == [3, 5]


def test_classes_that_differ_never_match_however_much_they_overlap():
    assert fit(View(UNIT, {"cup": 1.0}), View(UNIT, {"plate": 1.0}), 1.0) == 0.0


def test_a_thing_without_a_name_matches_what_it_overlaps():
    assert fit(View(UNIT, {"object": 1.0}), View(UNIT, {"plate": 1.0}), 0.9) > 0.0


def test_a_name_joins_two_sides_without_a_common_voxel_but_no_name_does_not():
    beside = Box((0.6, 0.0, 0.0), (1.6, 1.0, 1.0))
    assert fit(View(beside, {"sofa": 1.0}), View(UNIT, {"sofa": 1.0}), 0.0) > 0.0
    assert fit(View(beside, {"object": 1.0}), View(UNIT, {"object": 1.0}), 0.0) == 0.0


@pytest.mark.parametrize("measure", [iou, overlap_share])
def test_overlap_is_symmetric_and_at_most_one(rng, measure):
    for _ in range(50):
        a, b = (Box.of(rng.uniform(-1, 1, 3), rng.uniform(0, 2, 3)) for _ in range(2))
        assert measure(a, b, 0.02) == pytest.approx(measure(b, a, 0.02))
        assert 0.0 <= measure(a, b, 0.02) <= 1.0
        assert measure(a, a, 0.02) == pytest.approx(1.0)


def test_agreement_is_symmetric_and_full_for_the_unknown():
    mug, cup = {"mug": 0.7, "cup": 0.3}, {"cup": 1.0}
    assert agreement(mug, cup) == agreement(cup, mug) == pytest.approx(0.3)
    assert agreement(mug, {"object": 1.0}) == 1.0


def test_the_grid_finds_every_box_within_the_margin(rng):
    boxes = [Box.of(rng.uniform(-6, 6, 3), rng.uniform(0, 3, 3)) for _ in range(80)]
    grid = BoxGrid()
    for key, box in enumerate(boxes):
        grid.put(key, Box.of(rng.uniform(-6, 6, 3), (1, 1, 1)))  # first somewhere else
        grid.put(key, box)
    for key in range(0, 80, 3):
        grid.drop(key)
    for query in boxes[:20]:
        close = {k for k, box in enumerate(boxes) if k % 3 and box.gap_m(query) <= 0.5}
        assert close <= set(grid.near(query, 0.5))
        assert all(k % 3 for k in grid.near(query, 0.5))
