# SPDX-License-Identifier: Apache-2.0
"""Small recordings and messages made up for the tests."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from rosbags import rosbag1
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from memory_core.frame import CameraFrame
from memory_core.geometry import canonical_pose, quaternion_from_matrix

HEIGHT, WIDTH = 24, 32
K = np.array([[30.0, 0, 15.5], [0, 30.0, 11.5], [0, 0, 1]])


def rotation(axis, angle):
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def pose(x=0.0, y=0.0, z=0.0, axis=(0.3, -0.5, 0.8), angle=0.4):
    T = np.eye(4)
    T[:3, :3] = rotation(axis, angle)
    T[:3, 3] = x, y, z
    return canonical_pose(T)


def frame(index, rng, *, depth=None, instances=False, **fields):
    millimetres = rng.integers(0, 6000, (HEIGHT, WIDTH)).astype(np.uint16)
    ids = rng.integers(0, 3, (HEIGHT, WIDTH)).astype(np.int32)
    return CameraFrame(
        stamp_ns=1_000_000_000 + index * 33_333_333,
        rgb=rng.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8),
        depth=millimetres.astype(np.float32) / np.float32(1000) if depth is None else depth,
        K=K,
        T_world_cam=pose(0.1 * index, 1.0, -0.2, angle=0.05 * index),
        instance_ids=ids if instances else None,
        instance_labels={1: "Sofa", 2: "DiningTable"} if instances else {},
        **fields,
    )


class ListSource:
    """A source of frames that are there already."""

    name = "list"

    def __init__(self, frames):
        self._frames = frames
        self.n_frames = len(frames)
        self.drops = {}

    def frames(self, start=0):
        return iter(self._frames[start:])


def assert_same_frame(a, b):
    """Equal to the bit."""
    for name in ("stamp_ns", "robot_id", "session_id", "map_id", "instance_labels"):
        assert getattr(a, name) == getattr(b, name), name
    for name in ("rgb", "depth", "K", "T_world_cam", "instance_ids"):
        one, other = getattr(a, name), getattr(b, name)
        assert (one is None) == (other is None), name
        assert one is None or (one.dtype == other.dtype and one.tobytes() == other.tobytes()), name


class Messages:
    """Message objects like those of rclpy or rosbags, without either."""

    @staticmethod
    def header(stamp_ns, frame_id="camera"):
        stamp = SimpleNamespace(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        return SimpleNamespace(stamp=stamp, frame_id=frame_id)

    def image(self, stamp_ns, pixels, encoding, frame_id="camera", *, padding=0, big=False):
        pixels = pixels.astype(pixels.dtype.newbyteorder(">" if big else "<"))
        rows = pixels.reshape(pixels.shape[0], -1).view(np.uint8)
        rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
        return SimpleNamespace(
            header=self.header(stamp_ns, frame_id),
            height=pixels.shape[0],
            width=pixels.shape[1],
            encoding=encoding,
            is_bigendian=int(big),
            step=rows.shape[1],
            data=rows.tobytes(),
        )

    def rgb(self, stamp_ns, shape=(HEIGHT, WIDTH), value=9, frame_id="camera"):
        return self.image(stamp_ns, np.full((*shape, 3), value, np.uint8), "rgb8", frame_id)

    def depth(self, stamp_ns, shape=(HEIGHT, WIDTH), value=1500, frame_id="camera"):
        return self.image(stamp_ns, np.full(shape, value, np.uint16), "16UC1", frame_id)

    def instances(self, stamp_ns, value=1):
        return self.image(stamp_ns, np.full((HEIGHT, WIDTH), value, np.int32), "32SC1")

    def compressed(self, stamp_ns, data, form, frame_id="camera"):
        return SimpleNamespace(header=self.header(stamp_ns, frame_id), format=form, data=data)

    def info(self, stamp_ns, matrix=K, shape=(HEIGHT, WIDTH)):
        return SimpleNamespace(
            header=self.header(stamp_ns), height=shape[0], width=shape[1], k=np.asarray(matrix, float).reshape(-1)
        )

    def tf(self, stamp_ns, T, parent="map", child="camera"):
        position, orientation = self._pose(T)
        transform = SimpleNamespace(translation=position, rotation=orientation)
        one = SimpleNamespace(header=self.header(stamp_ns, parent), child_frame_id=child, transform=transform)
        return SimpleNamespace(transforms=[one])

    def odometry(self, stamp_ns, T, parent="odom", child="base_link"):
        position, orientation = self._pose(T)
        inner = SimpleNamespace(pose=SimpleNamespace(position=position, orientation=orientation), covariance=None)
        return SimpleNamespace(header=self.header(stamp_ns, parent), child_frame_id=child, pose=inner)

    def pose(self, stamp_ns, T, parent="map"):
        position, orientation = self._pose(T)
        inner = SimpleNamespace(position=position, orientation=orientation)
        return SimpleNamespace(header=self.header(stamp_ns, parent), pose=inner)

    @staticmethod
    def labels(names):
        return SimpleNamespace(data=json.dumps(names))

    @staticmethod
    def _pose(T):
        x, y, z = T[:3, 3]
        qx, qy, qz, qw = quaternion_from_matrix(T[:3, :3])
        return SimpleNamespace(x=x, y=y, z=z), SimpleNamespace(x=qx, y=qy, z=qz, w=qw)


@pytest.fixture
def messages():
    return Messages()


class Bags:
    """Writes bags message by message; plain message objects become those of rosbags."""

    def __init__(self):
        self.ros2 = get_typestore(Stores.ROS2_HUMBLE)
        self.ros1 = get_typestore(Stores.ROS1_NOETIC)
        self.ros1.register(get_types_from_msg("geometry_msgs/TransformStamped[] transforms", "tf2_msgs/msg/TFMessage"))

    def write2(self, path, rows, storage="mcap"):
        """rows: (topic, type, log time, message)."""
        plugin = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}[storage]
        with Writer(path, version=8, storage_plugin=plugin) as writer:
            connections = {}
            for topic, kind, log_ns, message in rows:
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, kind, typestore=self.ros2)
                data = self.ros2.serialize_cdr(self._typed(self.ros2, kind, message), kind)
                writer.write(connections[topic], log_ns, data)
        return path

    def write1(self, path, rows):
        with rosbag1.Writer(path) as writer:
            connections = {}
            for topic, kind, log_ns, message in rows:
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, kind, typestore=self.ros1)
                data = self.ros1.serialize_ros1(self._typed(self.ros1, kind, message), kind)
                writer.write(connections[topic], log_ns, data)
        return path

    def _typed(self, store, kind, message):
        fields = {}
        for name, (node, detail) in store.fielddefs[kind][1]:
            value = getattr(message, name, None)
            if value is None:
                value = getattr(message, name.lower(), None)
            fields[name] = self._value(store, int(node), detail, value)
        return store.types[kind](**fields)

    def _value(self, store, node, detail, value):
        if node == 1:
            default = "" if detail[0] == "string" else 0
            return default if value is None else value
        if node == 2:
            return self._typed(store, detail, value)
        inner, length = detail
        if int(inner[0]) == 1:
            if isinstance(value, (bytes, bytearray)):
                return np.frombuffer(value, np.uint8)
            kind = np.dtype("f8" if inner[1][0] == "float64" else "u1")
            return np.zeros(length or 0, kind) if value is None else np.asarray(value, kind)
        return [self._typed(store, inner[1], one) for one in value]


@pytest.fixture(scope="session")
def bags():
    return Bags()


IMAGE, INFO = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo"
TF = "tf2_msgs/msg/TFMessage"


def camera_rows(n, *, rgb="/cam/rgb/image_raw", depth="/cam/depth/image_raw", tf=True, info=True):
    """Rows of a bag with n frames, 0.1 s apart, moving 1 m/s along x."""
    make = Messages()
    rows = []
    for i in range(n):
        stamp = 10**9 + i * 10**8
        rows += [("/tf", TF, stamp, make.tf(stamp, pose(0.1 * i)))] if tf else []
        rows += [("/cam/rgb/camera_info", INFO, stamp, make.info(stamp))] if info else []
        rows += [(rgb, IMAGE, stamp, make.rgb(stamp, value=i)), (depth, IMAGE, stamp, make.depth(stamp))]
    return rows


def write_seven_scenes(folder, n, rng, *, form="jpg"):
    """A folder with n frames in 7-Scenes layout; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        color = rng.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        depth = rng.integers(0, 6000, (HEIGHT, WIDTH)).astype(np.uint16)
        cv2.imwrite(str(folder / f"frame-{i:06d}.color.{form}"), color)
        cv2.imwrite(str(folder / f"frame-{i:06d}.depth.png"), depth)
        np.savetxt(folder / f"frame-{i:06d}.pose.txt", pose(0.01 * i, angle=0.02 * i))
    return folder


@pytest.fixture
def make():
    """The helpers above, for tests that cannot import this file."""
    return SimpleNamespace(
        frame=frame,
        pose=pose,
        rotation=rotation,
        source=ListSource,
        same=assert_same_frame,
        rows=camera_rows,
        seven_scenes=write_seven_scenes,
        K=K,
        shape=(HEIGHT, WIDTH),
    )
