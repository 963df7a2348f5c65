# SPDX-License-Identifier: Apache-2.0
"""Encoded images (JPEG, PNG, PGM) as arrays, checked before anything is allocated, and depth as metres."""

from __future__ import annotations

import re
import struct
import zlib
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from recordings.drops import Rejected

MAX_PIXELS = 64_000_000
INVALID_DEPTH = 65535

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def image_size(data: bytes, name: str) -> tuple[int, int]:
    """(height, width) that an encoded image declares, after checking that it is whole.

    PNG chunks are checked against their CRC, a JPEG for its end marker, a PGM for its length: O(len(data)),
    without decoding.

    Raises:
        Rejected: not one of these formats, torn, or larger than 64 million pixels.
    """
    if data.startswith(_PNG):
        size = _png_size(data, name)
    elif data.startswith(b"\xff\xd8"):
        size = _jpeg_size(data, name)
    elif data.startswith(b"P5"):
        size = _pgm_size(data, name)
    else:
        what = "an empty file" if not data else f"bytes that begin with {data[:4]!r}"
        raise Rejected("bad_image", f"{name}: want a JPEG, PNG or PGM image, got {what}")
    check_size(*size, name)
    return size


def check_size(height: int, width: int, name: str) -> None:
    """Raises Rejected for an image without pixels or with more than 64 million."""
    if not (height > 0 and width > 0 and height * width <= MAX_PIXELS):
        raise Rejected("bad_image", f"{name}: want 1 .. {MAX_PIXELS} pixels, it declares {width}x{height}")


def decode_rgb(data: bytes, name: str) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of an encoded 8-bit image; grey becomes three equal channels. Raises Rejected."""
    image_size(data, name)
    if data.startswith(_PNG) and data[24] == 16:
        raise Rejected("bad_encoding", f"{name}: want 8 bits a channel in a colour image, got a 16-bit PNG")
    bgr = _decode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION, name)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))


def decode_gray16(data: bytes, name: str) -> NDArray[np.uint16]:
    """(H, W) uint16 of an encoded image with one 16-bit channel. Raises Rejected."""
    image_size(data, name)
    image = _decode(data, cv2.IMREAD_UNCHANGED, name)
    if image.ndim != 2 or image.dtype != np.uint16:
        raise Rejected("bad_image", f"{name}: want one 16-bit channel, got shape {image.shape} {image.dtype}")
    return image


def metres(raw: NDArray[np.uint16], units_per_m: float = 1000.0) -> NDArray[np.float32]:
    """(H, W) float32 metres of 16-bit depth; 0 and 65535 become 0, no return."""
    depth = raw.astype(np.float32)
    depth /= np.float32(units_per_m)
    depth[raw == INVALID_DEPTH] = 0.0
    return depth


def clean_metres(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """A copy of a float depth image in which NaN, infinities and negative values are 0, no return."""
    return np.where((depth > 0) & (depth < np.inf), depth, np.float32(0.0)).astype(np.float32, copy=False)


def _decode(data: bytes, flags: int, name: str) -> NDArray[Any]:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise Rejected("bad_image", f"{name}: cannot be decoded: {error.err}") from error
    if image is None:
        raise Rejected("bad_image", f"{name}: cannot be decoded")
    return np.asarray(image)


def _png_size(data: bytes, name: str) -> tuple[int, int]:
    offset = len(_PNG)
    while offset + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, offset)
        end = offset + 12 + length
        if end > len(data):
            break
        crc = zlib.crc32(memoryview(data)[offset + 4 : end - 4])
        if crc != struct.unpack_from(">I", data, end - 4)[0]:
            raise Rejected("bad_image", f"{name}: the PNG is damaged at byte {offset}")
        if data[offset + 4 : offset + 8] == b"IEND":
            if data[12:16] != b"IHDR":
                raise Rejected("bad_image", f"{name}: the PNG has no size")
            width, height = struct.unpack_from(">II", data, 16)
            return height, width
        offset = end
    raise Rejected("bad_image", f"{name}: the PNG is torn after {len(data)} bytes")


def _jpeg_size(data: bytes, name: str) -> tuple[int, int]:
    offset = 2
    while offset + 9 <= len(data) and data[offset] == 0xFF:
        marker = data[offset + 1]
        if marker in _JPEG_SIZES:
            if data.rfind(b"\xff\xd9", len(data) - 65536 if len(data) > 65536 else 0) < 0:
                raise Rejected("bad_image", f"{name}: the JPEG is torn after {len(data)} bytes")
            height, width = struct.unpack_from(">HH", data, offset + 5)
            return height, width
        offset += 1 if marker == 0xFF else 2 + struct.unpack_from(">H", data, offset + 2)[0]
    raise Rejected("bad_image", f"{name}: the JPEG has no size")


def _pgm_size(data: bytes, name: str) -> tuple[int, int]:
    header = re.match(rb"P5\s+(?:#[^\n]*\n\s*)*(\d{1,9})\s+(\d{1,9})\s+(\d{1,9})\s", data[:512])
    if header is None:
        raise Rejected("bad_image", f"{name}: the PGM has no size")
    width, height, largest = (int(number) for number in header.groups())
    wanted = header.end() + width * height * (2 if largest > 255 else 1)
    if len(data) < wanted:
        raise Rejected("bad_image", f"{name}: the PGM is torn: want {wanted} bytes, got {len(data)}")
    return height, width
