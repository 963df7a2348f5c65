# SPDX-License-Identifier: Apache-2.0
"""A simulated robot's frames as the messages that a real robot's drivers publish."""

from __future__ import annotations

import array
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Transform, TransformStamped, Twist, Vector3
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from memory_core import CameraFrame
from memory_core.geometry import Vec, invert_pose, quaternion_from_matrix
from memory_nodes.convert import header

Link = tuple[str, str, Vec]  # parent frame, child frame, T_parent_child


def image(about: Header, encoding: str, pixels: NDArray[Any]) -> Image:
    """An image, little-endian, rows without padding."""
    data = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
    raw = array.array("B")
    raw.frombytes(data.reshape(-1).view(np.uint8).data)
    height, width = pixels.shape[:2]
    return Image(header=about, height=height, width=width, encoding=encoding, step=data.nbytes // height, data=raw)


def camera_info(about: Header, frame: CameraFrame) -> CameraInfo:
    """The intrinsics of a camera without distortion."""
    height, width = frame.depth.shape
    P = np.hstack([frame.K, np.zeros((3, 1))])
    return CameraInfo(
        header=about, height=height, width=width, distortion_model="plumb_bob", d=[0.0] * 5,
        k=frame.K.reshape(9).tolist(), r=np.eye(3).reshape(9).tolist(), p=P.reshape(12).tolist(),
    )  # fmt: skip


def transforms(stamp_ns: int, links: Iterable[Link]) -> Any:
    """A TFMessage of links, all at one time."""
    from tf2_msgs.msg import TFMessage

    return TFMessage(transforms=[_transform(header(parent, stamp_ns), child, T) for parent, child, T in links])


def odometry(about: Header, child: str, T: Vec, before: tuple[int, Vec] | None, stamp_ns: int) -> Odometry:
    """The pose T (4, 4) of a body and its velocity since the pose `before`, in its own frame then."""
    made = Odometry(header=about, child_frame_id=child)
    made.pose.pose = Pose(position=_of(Point, T[:3, 3]), orientation=_quaternion(T))
    if before is not None and stamp_ns > before[0]:
        made.twist.twist = _twist(invert_pose(before[1]) @ T, (stamp_ns - before[0]) / 1e9)
    return made


def labels_json(labels: Mapping[int, str]) -> str:
    """Names of instances as the memory reads them."""
    return json.dumps({str(number): labels[number] for number in sorted(labels)})


def yaw_of(orientation: Any) -> float:
    """Heading of a quaternion message, radians to the left of the x axis; all zeros is straight ahead."""
    x, y, z, w = orientation.x, orientation.y, orientation.z, orientation.w
    return math.atan2(2 * (w * z + x * y), w * w + x * x - y * y - z * z)


def _twist(T_before_now: Vec, seconds: float) -> Twist:
    turn = math.atan2(T_before_now[1, 0], T_before_now[0, 0])
    return Twist(linear=_of(Vector3, T_before_now[:3, 3] / seconds), angular=Vector3(z=turn / seconds))


def _transform(about: Header, child: str, T: Vec) -> TransformStamped:
    transform = Transform(translation=_of(Vector3, T[:3, 3]), rotation=_quaternion(T))
    return TransformStamped(header=about, child_frame_id=child, transform=transform)


def _quaternion(T: Vec) -> Quaternion:
    x, y, z, w = quaternion_from_matrix(T[:3, :3]).tolist()
    return Quaternion(x=x, y=y, z=z, w=w)


def _of(kind: Any, values: Vec) -> Any:
    x, y, z = values.tolist()
    return kind(x=x, y=y, z=z)
