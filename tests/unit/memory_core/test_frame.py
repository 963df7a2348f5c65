# SPDX-License-Identifier: Apache-2.0
"""A frame is checked once, at the door."""

import numpy as np
import pytest

from memory_core import CameraFrame
from memory_core.errors import BadFrame

GOOD = {
    "stamp_ns": 1,
    "rgb": np.zeros((4, 6, 3), np.uint8),
    "depth": np.ones((4, 6), np.float32),
    "K": np.array([[5.0, 0, 3], [0, 5.0, 2], [0, 0, 1]]),
    "T_world_cam": np.eye(4),
}


def depth_with(value):
    depth = np.ones((4, 6), np.float32)
    depth[2, 3] = value
    return depth


def pose_with(row, column, value):
    T = np.eye(4)
    T[row, column] = value
    return T


def test_a_good_frame_is_taken():
    assert CameraFrame(**GOOD).map_id == "map"
    assert CameraFrame(**GOOD, instance_ids=np.zeros((4, 6), np.int32)).instance_ids is not None


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("rgb", np.zeros((4, 6), np.uint8), r"rgb: want \(4, 6, 3\) uint8, got \(4, 6\) uint8"),
        ("rgb", np.zeros((4, 6, 3), np.float32), r"rgb: want .* got \(4, 6, 3\) float32"),
        ("rgb", np.zeros((5, 6, 3), np.uint8), "rgb: want"),
        ("depth", np.ones((4, 6), np.uint16), r"depth: want \(4, 6\) float32, got \(4, 6\) uint16"),
        ("depth", np.ones(6, np.float32), r"depth: want \(H, W\) float32"),
        ("depth", None, "depth: want"),
        ("depth", depth_with(np.nan), "depth: want finite metres"),
        ("depth", depth_with(np.inf), "depth: want finite metres"),
        ("depth", depth_with(-1.0), "depth: want finite metres"),
        ("K", np.eye(3)[:2], "K: want"),
        ("K", np.eye(3, dtype=np.float32), "K: want"),
        ("K", np.diag([0.0, 5.0, 1.0]), "K: want finite intrinsics"),
        ("K", np.diag([np.nan, 5.0, 1.0]), "K: want finite intrinsics"),
        ("T_world_cam", np.eye(3), "T_world_cam: want"),
        ("T_world_cam", pose_with(0, 1, 0.5), "T_world_cam: the rotation is not orthonormal"),
        ("T_world_cam", pose_with(0, 0, np.nan), "T_world_cam"),
        ("T_world_cam", pose_with(0, 3, np.inf), "T_world_cam: want finite metres"),
        ("instance_ids", np.zeros((4, 6), np.int64), "instance_ids: want"),
    ],
)
def test_a_bad_field_is_refused_by_name(field, value, said):
    with pytest.raises(BadFrame, match=said):
        CameraFrame(**{**GOOD, field: value})


def test_an_empty_image_is_refused():
    empty = {"rgb": np.zeros((0, 6, 3), np.uint8), "depth": np.zeros((0, 6), np.float32)}
    with pytest.raises(BadFrame, match="the image is empty"):
        CameraFrame(**{**GOOD, **empty})


def test_a_focal_length_that_is_not_in_pixels_is_refused():
    with pytest.raises(BadFrame, match=r"focal lengths 0\.9, 0\.9 px see nearly a half-space in an image of 64x48"):
        CameraFrame(
            stamp_ns=0,
            rgb=np.zeros((48, 64, 3), np.uint8),
            depth=np.ones((48, 64), np.float32),
            K=np.array([[0.9, 0, 0.5], [0, 0.9, 0.5], [0, 0, 1]]),
            T_world_cam=np.eye(4),
        )
