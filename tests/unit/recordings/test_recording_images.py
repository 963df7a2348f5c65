# SPDX-License-Identifier: Apache-2.0
import struct
import zlib

import cv2
import numpy as np
import pytest

from recordings.drops import Rejected
from recordings.images import clean_metres, decode_gray16, decode_rgb, image_size, metres


def encoded(form, array, *options):
    return cv2.imencode(form, array, list(options))[1].tobytes()


@pytest.fixture
def depth_png(rng):
    return encoded(".png", rng.integers(0, 65536, (20, 30)).astype(np.uint16))


def test_the_size_is_known_without_decoding(rng):
    color = rng.integers(0, 256, (20, 30, 3)).astype(np.uint8)
    for form in (".jpg", ".png"):
        assert image_size(encoded(form, color), "a") == (20, 30)
    assert image_size(encoded(".jpg", color, cv2.IMWRITE_JPEG_PROGRESSIVE, 1), "a") == (20, 30)
    assert image_size(encoded(".pgm", color[..., 0].astype(np.uint16)), "a") == (20, 30)


def test_colours_come_as_red_green_blue():
    bgr = np.zeros((4, 4, 3), np.uint8)
    bgr[..., 2] = 200
    assert decode_rgb(encoded(".png", bgr), "a")[0, 0].tolist() == [200, 0, 0]


def test_grey_becomes_three_equal_channels(rng):
    gray = rng.integers(0, 256, (5, 6)).astype(np.uint8)
    np.testing.assert_array_equal(decode_rgb(encoded(".png", gray), "a"), np.repeat(gray[..., None], 3, axis=2))


def test_sixteen_bits_of_depth_survive(rng):
    depth = rng.integers(0, 65536, (20, 30)).astype(np.uint16)
    np.testing.assert_array_equal(decode_gray16(encoded(".png", depth), "a"), depth)


def test_every_torn_png_is_found(depth_png):
    for length in range(0, len(depth_png), 7):
        with pytest.raises(Rejected, match=r"torn|empty|JPEG, PNG or PGM"):
            image_size(depth_png[:length], "a")


def test_a_png_that_is_only_its_end_is_refused(depth_png):
    with pytest.raises(Rejected, match="no size"):
        image_size(depth_png[:8] + depth_png[-12:], "a")


def test_every_flipped_byte_of_a_png_is_found(depth_png):
    for position in range(0, len(depth_png), 11):
        damaged = bytearray(depth_png)
        damaged[position] ^= 0xFF
        with pytest.raises(Rejected):
            decode_gray16(bytes(damaged), "a")


def test_a_torn_jpeg_is_found(rng):
    jpeg = encoded(".jpg", rng.integers(0, 256, (40, 40, 3)).astype(np.uint8))
    for length in range(2, len(jpeg) - 2, 13):
        with pytest.raises(Rejected, match="JPEG"):
            image_size(jpeg[:length], "a")


def test_a_tiny_file_that_declares_a_huge_image_is_refused_before_decoding(depth_png):
    header = b"IHDR" + struct.pack(">II", 60000, 60000) + depth_png[24:29]
    huge = depth_png[:12] + header + struct.pack(">I", zlib.crc32(header)) + depth_png[33:]
    with pytest.raises(Rejected, match="60000x60000"):
        decode_gray16(huge, "a")


def test_a_16_bit_colour_image_is_refused_by_name(rng):
    with pytest.raises(Rejected, match="16-bit") as refused:
        decode_rgb(encoded(".png", rng.integers(0, 65536, (4, 5, 3)).astype(np.uint16)), "a")
    assert refused.value.reason == "bad_encoding"


def test_a_colour_image_is_not_depth(rng):
    with pytest.raises(Rejected, match="16-bit"):
        decode_gray16(encoded(".png", rng.integers(0, 256, (4, 5, 3)).astype(np.uint8)), "a")


def test_zero_and_65535_are_no_return():
    depth = metres(np.array([[0, 1, 1500, 65534, 65535]], np.uint16))
    assert depth.dtype == np.float32
    assert depth.tolist() == [[0.0, np.float32(0.001), 1.5, np.float32(65.534), 0.0]]


def test_what_no_camera_can_measure_is_no_return():
    depth = clean_metres(np.array([[np.nan, np.inf, -np.inf, -1.0, 0.0, 2.5]], np.float32))
    assert depth.tolist() == [[0, 0, 0, 0, 0, 2.5]]
