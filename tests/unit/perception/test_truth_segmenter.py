# SPDX-License-Identifier: Apache-2.0
"""The truth segmenter passes on what a perfect detector would see, and nothing of who is who."""

import numpy as np
import pytest

from memory_core import CameraFrame
from memory_core.errors import BadFrame, BadSettings
from perception import GeometricSegmenter, TruthSegmenter, make


def frame(ids=None, labels=None):
    shape = (40, 60) if ids is None else ids.shape
    return CameraFrame(
        stamp_ns=0, rgb=np.zeros((*shape, 3), np.uint8), depth=np.ones(shape, np.float32),
        K=np.array([[50.0, 0, 30], [0, 50, 20], [0, 0, 1]]), T_world_cam=np.eye(4), instance_ids=ids,
        instance_labels=labels or {},
    )  # fmt: skip


@pytest.fixture
def ids(rng):
    image = np.zeros((40, 60), np.int32)
    image[5:20, 10:30] = 7
    image[10:14, 12:16] = 0  # a hole
    image[25:35, 40:55] = 3
    image[0:2, 0:3] = 9  # a speck
    image[36:40, :] = 4
    return image


LABELS = {7: "DiningTable", 3: "Mug", 9: "Fork", 4: "Floor"}


def test_the_masks_pasted_back_are_the_instance_image_without_structure_and_specks(ids):
    segments = TruthSegmenter().segment(frame(ids, LABELS))
    names = {"dining table": 7, "mug": 3}
    pasted = np.zeros_like(ids)
    for one in segments:
        u0, v0, u1, v1 = one.box_px
        pasted[v0:v1, u0:u1][one.mask] = names[one.label]

    np.testing.assert_array_equal(pasted, np.where(np.isin(ids, (7, 3)), ids, 0))


def test_renumbering_the_instances_changes_nothing_but_their_order(ids):
    other = np.select([ids == 7, ids == 3, ids == 9, ids == 4], [2, 90, 1, 5], 0).astype(np.int32)
    before = TruthSegmenter().segment(frame(ids, LABELS))
    after = TruthSegmenter().segment(frame(other, {2: "DiningTable", 90: "Mug", 1: "Fork", 5: "Floor"}))

    assert sorted((s.label, s.box_px, s.source) for s in before) == sorted((s.label, s.box_px, s.source) for s in after)


def test_a_frame_without_instance_image_is_refused():
    with pytest.raises(BadFrame, match="instance_ids: want an instance image"):
        TruthSegmenter().segment(frame())


def test_auto_takes_truth_where_there_is_truth(ids):
    assert isinstance(make("auto", frame(ids, LABELS)), TruthSegmenter)
    assert isinstance(make("auto", frame()), GeometricSegmenter)
    assert isinstance(make("geometric", frame(ids, LABELS)), GeometricSegmenter)


def test_an_unknown_segmenter_is_refused_by_name():
    with pytest.raises(BadSettings, match="want auto, truth or geometric, got 'yolo'"):
        make("yolo", frame())
