# SPDX-License-Identifier: Apache-2.0
"""ROS messages turned into checked values. Duck-typed: rosbags' and rclpy's message objects both fit.

Nothing is allocated for an image before its declared size was compared with the bytes that came.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BadFrame
from memory_core.geometry import pose_matrix
from recordings.drops import Rejected
from recordings.images import check_size, clean_metres, decode_gray16, decode_rgb, image_size, metres
from recordings.transforms import plain_name

Pixels = NDArray[Any]

_MAX_POSITION_M = 1e8
# encoding -> channels, and OpenCV's conversion to red, green, blue (None: they are that already)
_COLORS: dict[str, tuple[int, int | None]] = {
    "rgb8": (3, None),
    "bgr8": (3, cv2.COLOR_BGR2RGB),
    "8UC3": (3, cv2.COLOR_BGR2RGB),
    "rgba8": (4, cv2.COLOR_RGBA2RGB),
    "bgra8": (4, cv2.COLOR_BGRA2RGB),
    "mono8": (1, cv2.COLOR_GRAY2RGB),
    "8UC1": (1, cv2.COLOR_GRAY2RGB),
}
_DEPTHS = {"16UC1": "u2", "32FC1": "f4"}
_INSTANCES = {"32SC1": "i4"}
# compressed_depth_image_transport: an enum and the two numbers of its inverse-depth quantisation come first.
_DEPTH_HEADER = struct.Struct("<iff")


@dataclass(frozen=True, eq=False, slots=True)
class ImageMessage:
    """An image whose size and encoding were checked; `decode` makes the array.

    Attributes:
        size: (height, width).
        is_raw: decoding cannot fail; a compressed image may still turn out to be damaged (Rejected).
    """

    stamp_ns: int
    frame_id: str
    size: tuple[int, int]
    is_raw: bool
    decode: Callable[[], Pixels]


@dataclass(frozen=True, eq=False, slots=True)
class CameraModel:
    """Intrinsics K (3, 3) in pixels for images of size (height, width)."""

    stamp_ns: int
    size: tuple[int, int]
    K: NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class StampedPose:
    """Where the frame `child` was in the frame `parent`. `child` is empty for a PoseStamped."""

    stamp_ns: int
    parent: str
    child: str
    T_parent_child: NDArray[np.float64]


def color_image(msg: Any) -> ImageMessage:
    """A colour Image or CompressedImage; decodes to (H, W, 3) uint8. Raises Rejected."""
    if hasattr(msg, "format"):
        data = bytes(msg.data)
        return _image(msg, image_size(data, "colour"), False, lambda: decode_rgb(data, "colour"))
    channels, conversion = _encoding(msg, "colour", _COLORS)
    pixels = _pixels(msg, "colour", np.dtype("u1"), channels)
    return _image(msg, pixels.shape[:2], True, lambda: _as_rgb(pixels, conversion))


def depth_image(msg: Any) -> ImageMessage:
    """A depth Image (16UC1 mm, 32FC1 m) or compressedDepth; decodes to (H, W) float32 metres. Raises Rejected."""
    if hasattr(msg, "format"):
        return _compressed_depth(msg)
    dtype = _encoding(msg, "depth", _DEPTHS)
    pixels = _pixels(msg, "depth", np.dtype(dtype), 1)[:, :, 0]
    if dtype == "u2":
        return _image(msg, pixels.shape, True, lambda: metres(pixels.astype(np.uint16)))
    return _image(msg, pixels.shape, True, lambda: clean_metres(pixels.astype(np.float32)))


def instance_image(msg: Any) -> ImageMessage:
    """An instance Image (32SC1); decodes to (H, W) int32. Raises Rejected."""
    dtype = _encoding(msg, "instances", _INSTANCES)
    pixels = _pixels(msg, "instances", np.dtype(dtype), 1)[:, :, 0]
    return _image(msg, pixels.shape, True, lambda: np.array(pixels, np.int32, order="C"))


def instance_labels(msg: Any) -> dict[int, str]:
    """Class names of instance ids in a String with JSON {"1": "Sofa"}. Raises Rejected."""
    try:
        content = json.loads(msg.data)
        return {int(key): str(value) for key, value in content.items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise Rejected("bad_message", f'instance labels: want JSON {{"1": "name"}}, got {msg.data[:60]!r}') from error


def camera_model(msg: Any) -> CameraModel:
    """The pinhole part of a CameraInfo of ROS 1 or 2. Raises Rejected."""
    K = np.asarray(msg.k if hasattr(msg, "k") else msg.K, np.float64).reshape(3, 3).copy()
    if not (np.isfinite(K).all() and K[0, 0] > 0 and K[1, 1] > 0 and msg.width > 0 and msg.height > 0):
        raise Rejected(
            "bad_camera_info",
            f"CameraInfo: want focal lengths and an image size, got {msg.width}x{msg.height} and K {K.tolist()}; "
            "is the camera calibrated?",
        )
    return CameraModel(_stamp_ns(msg.header, zero_is_fine=True), (int(msg.height), int(msg.width)), K)


def transform_pose(msg: Any, *, static: bool) -> StampedPose:
    """One TransformStamped. Raises Rejected."""
    stamp_ns = _stamp_ns(msg.header, zero_is_fine=static)
    T = _pose(msg.transform.translation, msg.transform.rotation, msg.child_frame_id)
    return StampedPose(stamp_ns, plain_name(msg.header.frame_id), plain_name(msg.child_frame_id), T)


def body_pose(msg: Any) -> StampedPose:
    """An Odometry, PoseStamped or PoseWithCovarianceStamped. Raises Rejected."""
    pose = getattr(msg.pose, "pose", msg.pose)
    child = plain_name(getattr(msg, "child_frame_id", ""))
    T = _pose(pose.position, pose.orientation, child or "pose")
    return StampedPose(_stamp_ns(msg.header), plain_name(msg.header.frame_id), child, T)


def _pose(p: Any, q: Any, name: str) -> NDArray[np.float64]:
    try:
        T = pose_matrix([p.x, p.y, p.z], [q.x, q.y, q.z, q.w])
    except BadFrame as error:
        raise Rejected("bad_pose", f"{name}: {error}") from error
    if np.abs(T[:3, 3]).max() > _MAX_POSITION_M:
        raise Rejected("bad_pose", f"{name}: want a position within {_MAX_POSITION_M:.0e} m, got {T[:3, 3].tolist()}")
    return T


def _stamp_ns(header: Any, *, zero_is_fine: bool = False) -> int:
    stamp_ns = int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)
    if stamp_ns < 0 or (stamp_ns == 0 and not zero_is_fine):
        raise Rejected("bad_stamp", f"{header.frame_id or 'message'}: want a time in the header, got {stamp_ns} ns")
    return stamp_ns


def _image(msg: Any, size: tuple[int, ...], is_raw: bool, decode: Callable[[], Pixels]) -> ImageMessage:
    height, width = size
    frame_id = plain_name(msg.header.frame_id)
    return ImageMessage(_stamp_ns(msg.header), frame_id, (int(height), int(width)), is_raw, decode)


def _encoding(msg: Any, name: str, known: dict[str, Any]) -> Any:
    if msg.encoding not in known:
        raise Rejected("bad_encoding", f"{name}: want one of {', '.join(known)}, got {str(msg.encoding)[:40]!r}")
    return known[msg.encoding]


def _pixels(msg: Any, name: str, dtype: np.dtype[Any], channels: int) -> Pixels:
    """(H, W, channels) view of the message's bytes, after checking that they are there."""
    height, width, step = int(msg.height), int(msg.width), int(msg.step)
    check_size(height, width, name)
    row = width * channels * dtype.itemsize
    data = np.frombuffer(msg.data, np.uint8)
    if step < row or data.size < step * (height - 1) + row:
        raise Rejected(
            "bad_image",
            f"{name}: want {height} rows of {row} bytes for {width}x{height} {msg.encoding}, "
            f"got {data.size} bytes in rows of {step}",
        )
    order = dtype.newbyteorder(">" if msg.is_bigendian else "<")
    strides = (step, channels * dtype.itemsize, dtype.itemsize)
    return np.ndarray((height, width, channels), order, data, strides=strides)


def _as_rgb(pixels: Pixels, conversion: int | None) -> NDArray[np.uint8]:
    own = np.array(pixels, order="C")
    return own if conversion is None else np.asarray(cv2.cvtColor(own, conversion))


def _compressed_depth(msg: Any) -> ImageMessage:
    data = bytes(msg.data)
    if data.startswith(b"\x89PNG"):
        return _image(msg, image_size(data, "depth"), False, lambda: metres(decode_gray16(data, "depth")))
    encoding = str(msg.format).split(";")[0].strip()
    if encoding not in _DEPTHS or len(data) < _DEPTH_HEADER.size or "rvl" in str(msg.format).lower():
        raise Rejected(
            "bad_encoding", f"depth: want compressedDepth png of 16UC1 or 32FC1, got {str(msg.format)[:60]!r}"
        )
    _, a, b = _DEPTH_HEADER.unpack_from(data)
    png = data[_DEPTH_HEADER.size :]
    size = image_size(png, "depth")
    if encoding == "16UC1":
        return _image(msg, size, False, lambda: metres(decode_gray16(png, "depth")))
    return _image(msg, size, False, lambda: _dequantised(decode_gray16(png, "depth"), a, b))


def _dequantised(inverse: NDArray[np.uint16], a: float, b: float) -> NDArray[np.float32]:
    """Metres of depth that was quantised as a / depth + b; 0 is no return."""
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = np.float32(a) / (inverse.astype(np.float32) - np.float32(b))
    depth[inverse == 0] = 0.0
    return clean_metres(depth)
