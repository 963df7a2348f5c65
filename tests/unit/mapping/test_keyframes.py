# SPDX-License-Identifier: Apache-2.0
"""Keyframes: novelty is kept, time is not."""

import cv2
import numpy as np
import pytest

from mapping.keyframes import KeyframeGate, Shown
from mapping.settings import MapperSettings


@pytest.fixture
def gate():
    return KeyframeGate(MapperSettings(keyframe_width_px=64))


def cup(n_pixels, id="o1"):
    return Shown(id, (10, 20, 40, 60), n_pixels)


def still(world, stamp_s):
    return world.frame((2, 0, 1), (0, 0, 0.5), stamp_s)


def test_the_first_view_of_an_object_is_always_kept(box_world, gate):
    assert gate.offer(still(box_world, 0.0), [cup(100)]) is not None
    assert gate.offer(still(box_world, 0.01), [cup(100), cup(50, "o2")]).shows.keys() == {"o1", "o2"}


def test_nothing_new_is_not_kept_however_long_it_lasts(box_world, gate):
    gate.offer(still(box_world, 0.0), [cup(100)])
    assert all(gate.offer(still(box_world, float(s)), [cup(150)]) is None for s in range(1, 100))


def test_a_clearly_better_view_is_kept_but_not_more_than_one_a_second(box_world, gate):
    gate.offer(still(box_world, 0.0), [cup(100)])
    assert gate.offer(still(box_world, 0.5), [cup(300)]) is None
    assert gate.offer(still(box_world, 1.5), [cup(300)]) is not None


def test_a_new_view_point_is_kept(box_world, gate):
    gate.offer(still(box_world, 0.0), [])
    assert gate.offer(box_world.frame((2, 0.3, 1), (0, 0, 0.5), 2.0), []) is None
    assert gate.offer(box_world.frame((2, 1.0, 1), (0, 0, 0.5), 3.0), []) is not None


def test_a_picture_is_small_and_its_boxes_and_intrinsics_fit_it(box_world, gate):
    frame = still(box_world, 0.0)
    keyframe = gate.offer(frame, [cup(100)])
    image = cv2.imdecode(np.frombuffer(keyframe.jpeg, np.uint8), cv2.IMREAD_COLOR)

    assert image.shape == (48, 64, 3)
    assert keyframe.shows["o1"] == (5, 10, 20, 30)
    assert keyframe.K[0] == frame.K[0, 0] / 2
    np.testing.assert_array_equal(np.reshape(keyframe.pose, (4, 4)), frame.T_world_cam)


def test_a_restored_gate_decides_as_before(box_world, gate):
    gate.offer(still(box_world, 0.0), [cup(100)])
    other = KeyframeGate(MapperSettings(keyframe_width_px=64))
    other.restore(gate.state())
    for frame, shown in ((still(box_world, 2.0), [cup(150)]), (still(box_world, 3.0), [cup(400)])):
        assert gate.offer(frame, shown) == other.offer(frame, shown)


def test_a_view_of_a_frontier_is_kept_but_not_more_than_one_a_second(box_world, gate):
    gate.offer(still(box_world, 0.0), [])
    assert gate.offer(still(box_world, 0.5), [], frontier=True) is None
    assert gate.offer(still(box_world, 1.5), [], frontier=True) is not None
    assert gate.offer(still(box_world, 3.0), []) is None
