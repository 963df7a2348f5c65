# SPDX-License-Identifier: Apache-2.0
import array
import json
import struct
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from recordings import messages as read
from recordings.drops import Rejected

T0 = 5 * 10**9 + 7
RED = {"rgb8": [200, 50, 10], "bgr8": [10, 50, 200], "rgba8": [200, 50, 10, 99], "bgra8": [10, 50, 200, 99]}


@pytest.mark.parametrize("encoding", sorted(RED))
@pytest.mark.parametrize("padding", [0, 5])
def test_every_colour_encoding_gives_red_green_blue(messages, encoding, padding):
    pixels = np.tile(np.array(RED[encoding], np.uint8), (4, 6, 1))
    image = read.color_image(messages.image(T0, pixels, encoding, padding=padding))
    rgb = image.decode()
    assert (image.stamp_ns, image.size, rgb.shape, rgb.dtype) == (T0, (4, 6), (4, 6, 3), np.uint8)
    assert rgb.flags.c_contiguous
    assert np.unique(rgb.reshape(-1, 3), axis=0).tolist() == [[200, 50, 10]]


def test_grey_becomes_colour(messages, rng):
    gray = rng.integers(0, 256, (4, 6)).astype(np.uint8)
    rgb = read.color_image(messages.image(T0, gray, "mono8")).decode()
    np.testing.assert_array_equal(rgb, np.repeat(gray[..., None], 3, axis=2))


@pytest.mark.parametrize("encoding", ["mono16", "bayer_rggb8", "yuv422", ""])
def test_an_encoding_that_cannot_be_used_is_refused_by_name(messages, encoding):
    with pytest.raises(Rejected, match=f"want one of rgb8.*got '{encoding}'") as refused:
        read.color_image(messages.image(T0, np.zeros((4, 6), np.uint16), encoding))
    assert refused.value.reason == "bad_encoding"


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("padding", [0, 2])
def test_millimetres_and_metres_mean_the_same(messages, rng, big, padding):
    millimetres = rng.integers(0, 9000, (4, 6)).astype(np.uint16)
    meters = (millimetres / 1000).astype(np.float32)
    a = read.depth_image(messages.image(T0, millimetres, "16UC1", big=big, padding=padding)).decode()
    b = read.depth_image(messages.image(T0, meters, "32FC1", big=big, padding=padding)).decode()
    assert a.dtype == b.dtype == np.float32
    np.testing.assert_allclose(a, b, rtol=1e-6)


def test_invalid_depth_becomes_no_return(messages):
    meters = np.array([[np.nan, np.inf, -1.0, 2.0]], np.float32)
    assert read.depth_image(messages.image(T0, meters, "32FC1")).decode().tolist() == [[0, 0, 0, 2]]
    millimetres = np.array([[0, 65535, 2000]], np.uint16)
    assert read.depth_image(messages.image(T0, millimetres, "16UC1")).decode().tolist() == [[0, 0, 2]]


def test_the_data_may_be_any_buffer(messages):
    msg = messages.depth(T0)
    expected = read.depth_image(msg).decode()
    for kind in (bytearray, lambda data: array.array("B", data), lambda data: np.frombuffer(data, np.uint8)):
        msg.data = kind(bytes(msg.data))
        np.testing.assert_array_equal(read.depth_image(msg).decode(), expected)


@pytest.mark.parametrize(
    ("field", "value"),
    [("height", 2**31), ("width", 2**31), ("height", 1000), ("step", 1), ("step", 2**40), ("data", b""), ("height", 0)],
)
def test_lies_about_the_size_are_found_before_anything_is_allocated(messages, field, value):
    msg = messages.depth(T0)
    setattr(msg, field, value)
    with pytest.raises(Rejected) as refused:
        read.depth_image(msg)
    assert refused.value.reason == "bad_image"


def test_an_image_without_a_time_is_refused(messages):
    with pytest.raises(Rejected, match="time") as refused:
        read.color_image(messages.rgb(0))
    assert refused.value.reason == "bad_stamp"


def test_compressed_colour_is_decoded(messages, rng):
    bgr = rng.integers(0, 256, (8, 9, 3)).astype(np.uint8)
    png = cv2.imencode(".png", bgr)[1].tobytes()
    image = read.color_image(messages.compressed(T0, png, "bgr8; png compressed bgr8"))
    assert not image.is_raw
    np.testing.assert_array_equal(image.decode(), bgr[..., ::-1])


def test_compressed_depth_of_millimetres_is_decoded(messages, rng):
    depth = rng.integers(0, 9000, (8, 9)).astype(np.uint16)
    png = cv2.imencode(".png", depth)[1].tobytes()
    for data in (struct.pack("<iff", 0, 0.0, 0.0) + png, png):
        image = read.depth_image(messages.compressed(T0, data, "16UC1; compressedDepth png"))
        np.testing.assert_array_equal(image.decode(), depth.astype(np.float32) / np.float32(1000))


def test_quantised_compressed_depth_is_close_to_what_went_in(messages, rng):
    depth = rng.uniform(0.5, 8.0, (8, 9))
    a, b = 100.0 * 101.0, 1.0 - 101.0
    inverse = np.round(a / depth + b).astype(np.uint16)
    inverse[0, 0] = 0
    data = struct.pack("<iff", 1, a, b) + cv2.imencode(".png", inverse)[1].tobytes()
    decoded = read.depth_image(messages.compressed(T0, data, "32FC1; compressedDepth png")).decode()
    assert decoded[0, 0] == 0
    np.testing.assert_allclose(decoded.ravel()[1:], depth.ravel()[1:], rtol=0.01)


@pytest.mark.parametrize("form", ["16UC1; compressedDepth rvl", "mono8; jpeg compressed", ""])
def test_other_compressed_depth_is_refused_by_name(messages, form):
    with pytest.raises(Rejected, match="compressedDepth png"):
        read.depth_image(messages.compressed(T0, b"\0" * 40, form))


def test_camera_info_of_both_generations_is_read(messages, make):
    info = messages.info(T0)
    old = SimpleNamespace(header=info.header, height=info.height, width=info.width, K=info.k)
    for msg in (info, old):
        model = read.camera_model(msg)
        assert model.K.tobytes() == make.K.tobytes()
        assert model.size == make.shape


@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), np.full((3, 3), np.nan), -np.eye(3)])
def test_an_uncalibrated_camera_is_found(messages, matrix):
    with pytest.raises(Rejected, match="calibrated"):
        read.camera_model(messages.info(T0, matrix))


def test_a_pose_with_nan_or_a_bad_quaternion_or_far_away_is_refused(messages, make):
    for axis, value in (("x", np.nan), ("y", 1e30)):
        one = messages.tf(T0, make.pose()).transforms[0]
        setattr(one.transform.translation, axis, value)
        with pytest.raises(Rejected, match="position"):
            read.transform_pose(one, static=False)
    one = messages.tf(T0, make.pose()).transforms[0]
    one.transform.rotation.w += 0.5
    with pytest.raises(Rejected, match="quaternion"):
        read.transform_pose(one, static=False)


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"a": "b"}', "[" * 100_000])
def test_labels_that_are_not_names_by_number_are_refused(text):
    with pytest.raises(Rejected, match="JSON"):
        read.instance_labels(SimpleNamespace(data=text))


def test_labels_are_names_by_number():
    assert read.instance_labels(SimpleNamespace(data=json.dumps({"3": "Mug"}))) == {3: "Mug"}
