# SPDX-License-Identifier: Apache-2.0
"""Camera frames written as a ROS 2 bag that any tool can read; nothing half-written is left behind."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from memory_core.errors import BadSource, StorageFull
from memory_core.frame import CameraFrame, FrameSource
from memory_core.geometry import quaternion_from_matrix
from recordings import layout
from recordings.bag_reader import STORAGE_SUFFIXES, storage_files
from recordings.images import INVALID_DEPTH, metres

Progress = Callable[[int, "int | None"], None]

_PLUGINS = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}
_FILE_STORAGE = {".mcap": "mcap", ".db3": "sqlite3"}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_TYPES = get_typestore(Stores.ROS2_HUMBLE)
_FOREVER = QosTime(2147483647, 4294967295)
_LATCHED = Qos(
    QosHistory.KEEP_LAST,
    1,
    QosReliability.RELIABLE,
    QosDurability.TRANSIENT_LOCAL,
    _FOREVER,
    _FOREVER,
    QosLiveliness.AUTOMATIC,
    _FOREVER,
    False,
)


@dataclass(frozen=True, slots=True)
class BagSummary:
    """What was written."""

    path: Path
    storage: str
    frames: int
    messages: int
    bytes: int


def write_bag(
    source: FrameSource,
    path: str | Path,
    storage: str = "mcap",
    progress: Progress | None = None,
    *,
    force: bool = False,
) -> BagSummary:
    """Write all frames of a source; reading the bag gives the same frames to the bit.

    Args:
        source: frames of one session, in stamp order.
        path: the bag's folder, or a single file when it ends in .mcap or .db3 (which then decides the storage).
        storage: "mcap" or "sqlite3".
        progress: called with (frames so far, frames in all or None).
        force: replace a bag that is there; anything else than a bag is never replaced.

    Raises:
        BadSource: the path is taken, the storage unknown, or the frames cannot go into one bag.
        StorageFull: the disk took no more; nothing is left behind.
    """
    target = Path(path)
    storage = _FILE_STORAGE.get(target.suffix, storage)
    if storage not in _PLUGINS:
        raise BadSource(f"storage: want one of {', '.join(_PLUGINS)}, got {storage!r}")
    _check_target(target, force)
    partial = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        bag = partial / target.name.removesuffix(target.suffix if target.suffix in STORAGE_SUFFIXES else "")
        n_frames, n_messages = _write(source, bag, storage, progress)
        result = storage_files(bag)[0] if target.suffix in STORAGE_SUFFIXES else bag
        n_bytes = _flush(result)
        _put_in_place(result, target, partial)
    except (OSError, sqlite3.Error) as error:
        raise _storage_error(error, target) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return BagSummary(target, storage, n_frames, n_messages, n_bytes)


def depth_encoding(depth: NDArray[np.float32]) -> tuple[str, NDArray[Any]]:
    """16UC1 millimetres where every value comes back from them to the bit, else 32FC1 metres as they are."""
    millimetres = np.rint(np.minimum(depth, INVALID_DEPTH / 1000.0) * 1000.0).astype(np.uint16)
    if np.array_equal(metres(millimetres), depth):
        return "16UC1", millimetres
    return "32FC1", depth


def _write(source: FrameSource, bag: Path, storage: str, progress: Progress | None) -> tuple[int, int]:
    n_frames = 0
    with Writer(bag, version=8, storage_plugin=_PLUGINS[storage]) as writer:
        messages = _FrameMessages(writer)
        for frame in source.frames():
            messages.write(frame)
            n_frames += 1
            if progress is not None:
                progress(n_frames, source.n_frames)
        if n_frames == 0:
            raise BadSource(f"{source.name}: it gave no frame, so there is no bag to write; drops: {source.drops}")
    return n_frames, messages.count


class _FrameMessages:
    """Turns frames into messages of one bag."""

    def __init__(self, writer: Writer) -> None:
        self.count = 0
        self._writer = writer
        self._connections: dict[str, Any] = {}
        self._labels: dict[int, str] | None = None
        self._identity: tuple[str, str, str] | None = None
        self._newest_ns = 0

    def write(self, frame: CameraFrame) -> None:
        """Write one frame. Raises BadSource when it does not belong after the others."""
        self._check(frame)
        header = _message("std_msgs/msg/Header", stamp=_time(frame.stamp_ns), frame_id=layout.CAMERA_FRAME)
        self._put(layout.TF, frame.stamp_ns, _transforms(frame))
        self._put(layout.INFO, frame.stamp_ns, _camera_info(frame, header))
        self._put(layout.RGB, frame.stamp_ns, _image(header, "rgb8", frame.rgb))
        self._put(layout.DEPTH, frame.stamp_ns, _image(header, *depth_encoding(frame.depth)))
        if frame.instance_ids is not None:
            self._write_labels(frame)
            self._put(layout.INSTANCES, frame.stamp_ns, _image(header, "32SC1", frame.instance_ids))

    def _check(self, frame: CameraFrame) -> None:
        if frame.stamp_ns <= self._newest_ns:
            raise BadSource(
                f"a bag wants frames in stamp order from 1 ns on, got {frame.stamp_ns} ns after {self._newest_ns}"
            )
        identity = (frame.robot_id, frame.session_id, frame.map_id)
        if self._identity is None:
            self._identity = identity
            content = dict(zip(("robot_id", "session_id", "map_id"), identity, strict=True))
            self._put_text(layout.RECORDING, frame.stamp_ns - 1, content)
        elif identity != self._identity:
            raise BadSource(f"a bag holds one session in one map; it began with {self._identity}, then came {identity}")
        self._newest_ns = frame.stamp_ns

    def _write_labels(self, frame: CameraFrame) -> None:
        labels = dict(frame.instance_labels)
        if labels != self._labels:
            # One nanosecond earlier, so that a reader has them before the image they name.
            self._put_text(
                layout.INSTANCE_LABELS, frame.stamp_ns - 1, {str(key): labels[key] for key in sorted(labels)}
            )
            self._labels = labels

    def _put_text(self, topic: str, log_ns: int, content: dict[str, str]) -> None:
        self._put(topic, log_ns, _message("std_msgs/msg/String", data=json.dumps(content)), [_LATCHED])

    def _put(self, topic: str, log_ns: int, message: Any, qos: list[Qos] | None = None) -> None:
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, message.__msgtype__, typestore=_TYPES, offered_qos_profiles=qos or []
            )
        data = _TYPES.serialize_cdr(message, message.__msgtype__)
        self._writer.write(self._connections[topic], log_ns, data)
        self.count += 1


def _message(kind: str, **fields: Any) -> Any:
    return _TYPES.types[kind](**fields)


def _time(stamp_ns: int) -> Any:
    return _message("builtin_interfaces/msg/Time", sec=stamp_ns // 1_000_000_000, nanosec=stamp_ns % 1_000_000_000)


def _image(header: Any, encoding: str, pixels: NDArray[Any]) -> Any:
    data = np.ascontiguousarray(pixels)
    data = data.astype(data.dtype.newbyteorder("<"), copy=False).reshape(-1).view(np.uint8)
    height, width = pixels.shape[:2]
    return _message(
        "sensor_msgs/msg/Image",
        header=header,
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=data.size // height,
        data=data,
    )


def _camera_info(frame: CameraFrame, header: Any) -> Any:
    height, width = frame.depth.shape
    region = _message("sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    return _message(
        "sensor_msgs/msg/CameraInfo",
        header=header,
        height=height,
        width=width,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=frame.K.reshape(-1),
        r=np.eye(3).reshape(-1),
        p=np.hstack([frame.K, np.zeros((3, 1))]).reshape(-1),
        binning_x=0,
        binning_y=0,
        roi=region,
    )


def _transforms(frame: CameraFrame) -> Any:
    x, y, z = (float(value) for value in frame.T_world_cam[:3, 3])
    qx, qy, qz, qw = (float(value) for value in quaternion_from_matrix(frame.T_world_cam[:3, :3]))
    transform = _message(
        "geometry_msgs/msg/Transform",
        translation=_message("geometry_msgs/msg/Vector3", x=x, y=y, z=z),
        rotation=_message("geometry_msgs/msg/Quaternion", x=qx, y=qy, z=qz, w=qw),
    )
    header = _message("std_msgs/msg/Header", stamp=_time(frame.stamp_ns), frame_id=layout.WORLD_FRAME)
    stamped = _message(
        "geometry_msgs/msg/TransformStamped",
        header=header,
        child_frame_id=layout.CAMERA_FRAME,
        transform=transform,
    )
    return _message("tf2_msgs/msg/TFMessage", transforms=[stamped])


def _check_target(target: Path, force: bool) -> None:
    if not target.exists():
        return
    if not force:
        raise BadSource(f"{target}: there is something here already; choose another name or force it to be replaced")
    is_bag = bool(storage_files(target))
    if target.is_dir():
        others = set(target.iterdir()) - {*storage_files(target), target / "metadata.yaml"}
        is_bag = is_bag and (target / "metadata.yaml").is_file() and not others
    if not is_bag:
        raise BadSource(f"{target}: it is not a ROS 2 bag and nothing else, so it is not replaced")


def _flush(path: Path) -> int:
    """Make the bag durable; returns its size in bytes."""
    files = [path] if path.is_file() else sorted(path.iterdir())
    for file in files:
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
    return sum(file.stat().st_size for file in files)


def _put_in_place(result: Path, target: Path, partial: Path) -> None:
    replaced = partial / "(replaced)"
    if target.exists():
        target.rename(replaced)
    try:
        result.rename(target)
    except OSError:
        if replaced.exists():
            replaced.rename(target)
        raise


def _storage_error(error: OSError | sqlite3.Error, target: Path) -> Exception:
    if isinstance(error, sqlite3.Error) or error.errno in _FULL:
        return StorageFull(f"{target}: the disk took no more ({error}); nothing was left behind, free some space")
    return BadSource(f"{target}: cannot be written: {error.strerror or error}")
