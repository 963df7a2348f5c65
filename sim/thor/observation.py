# SPDX-License-Identifier: Apache-2.0
"""What AI2-THOR shows, as images and numbers of our own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BackendUnavailable
from memory_core.frame import CameraFrame
from memory_core.geometry import Vec
from memory_core.labels import STRUCTURE, spoken
from sim.frames import camera_pose_from_unity, intrinsics_from_vertical

_FAR_SLACK_M = 1e-3


class InstanceNumbers:
    """Numbers of the names that AI2-THOR speaks of, counted from 1 in the order of their first mention, never reused.

    The table of colours comes with every frame, in the order of the scene, so a scene numbers its things the same way
    each time; what comes into being later, such as slices, is numbered on.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: list[str] = [""]
        self._labels: dict[int, str] = {}
        self._learnt: tuple[Sequence[Mapping[str, Any]], Mapping[str, str]] = ((), {})
        self._colours = np.zeros(0, np.uint32)
        self._of_colour = np.zeros(0, np.int32)

    @property
    def labels(self) -> Mapping[int, str]:
        """Class name of each number; grows."""
        return MappingProxyType(self._labels)

    def number(self, name: str, kind: str) -> int:
        """The number of a name; `kind` is its class as AI2-THOR writes it."""
        if name not in self._numbers:
            self._numbers[name] = len(self._names)
            self._names.append(name)
        self._labels[self._numbers[name]] = spoken(kind)
        return self._numbers[name]

    def name(self, number: int) -> str:
        """The name of a number, "" for 0 and for numbers not given."""
        return self._names[number] if 0 <= number < len(self._names) else ""

    def known(self, name: str) -> int:
        """The number of a name, 0 when it has none."""
        return self._numbers.get(name, 0)

    def learn(self, table: Sequence[Mapping[str, Any]], kinds: Mapping[str, str]) -> None:
        """Take over a table of colours: [{"name", "color": [r, g, b]}, ...]; O(rows) when something is new.

        The table names objects, parts of the building, and classes, which it keeps apart only by the "|" in the names
        of the first. What is none of them is background.

        Args:
            kinds: class of each object, as AI2-THOR writes it.
        """
        if (table, kinds) == self._learnt:
            return
        rows = [(_packed(row["color"]), self._of_row(str(row["name"]), kinds), "|" in row["name"]) for row in table]
        # A colour that stands for an object and a class alike is the object's.
        numbers = {colour: number for colour, number, _ in rows} | {c: n for c, n, is_object in rows if is_object}
        self._colours = np.array(sorted(numbers), np.uint32)
        self._of_colour = np.array([numbers[colour] for colour in sorted(numbers)], np.int32)
        self._learnt = (table, dict(kinds))

    def _of_row(self, name: str, kinds: Mapping[str, str]) -> int:
        kind = kinds.get(name) or name.partition("|")[0]
        if name not in kinds and "|" not in name:
            kind = re.split(r"[^A-Za-z]", name)[0]  # "Wall_12"
            if spoken(kind) not in STRUCTURE:
                return 0
        return self.number(name, kind)

    def read(self, colours: NDArray[np.uint8]) -> NDArray[np.int32]:
        """(H, W) numbers of an image (H, W, 3) of colours; 0 where the table lacks one. O(pixels log rows)."""
        image = np.asarray(colours, np.uint32)
        packed = image[..., 0] | image[..., 1] << np.uint32(8) | image[..., 2] << np.uint32(16)
        if not len(self._colours):
            return np.zeros(packed.shape, np.int32)
        at = np.minimum(np.searchsorted(self._colours, packed), len(self._colours) - 1)
        return np.where(self._colours[at] == packed, self._of_colour[at], np.int32(0)).astype(np.int32)


def frame_of(event: Any, numbers: InstanceNumbers, far_m: float, stamp_ns: int, names: tuple[str, str]) -> CameraFrame:
    """The frame of an event of the client.

    Args:
        far_m: depth of the far plane, which means that there is nothing.
        names: (session_id, map_id).
    """
    height, width = event.depth_frame.shape
    kinds = {str(thing["objectId"]): str(thing["objectType"]) for thing in event.metadata["objects"]}
    numbers.learn(event.metadata["colors"], kinds)
    return CameraFrame(
        stamp_ns=stamp_ns,
        rgb=np.array(event.frame[..., :3], np.uint8, order="C"),
        depth=_depth(event.depth_frame, far_m),
        K=intrinsics_from_vertical(width, height, float(event.metadata["fov"])),
        T_world_cam=_camera_pose(event.metadata),
        session_id=names[0],
        map_id=names[1],
        instance_ids=numbers.read(event.instance_segmentation_frame),
        instance_labels=numbers.labels,
    )


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Whatever is wrong with what AI2-THOR has sent is one error.

    Raises:
        BackendUnavailable: something is missing or of the wrong kind.
    """
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise BackendUnavailable(
            f"AI2-THOR sent {what} that cannot be read ({type(error).__name__}: {error}); want those of ai2thor 5"
        ) from error


def triple(point: Mapping[str, Any], axes: Iterable[str] = "xyz") -> list[float]:
    """The numbers of Unity's {"x", "y", "z"}."""
    return [float(point[axis]) for axis in axes]


def _camera_pose(metadata: Mapping[str, Any]) -> Vec:
    agent = metadata["agent"]
    position, heading = triple(metadata["cameraPosition"]), float(agent["rotation"]["y"])
    return camera_pose_from_unity(position, heading, float(agent["cameraHorizon"]))


def _depth(depth: NDArray[np.float32], far_m: float) -> NDArray[np.float32]:
    metres = np.array(depth, np.float32, order="C")
    metres[~(metres < far_m - _FAR_SLACK_M) | (metres < 0)] = 0
    return metres


def _packed(colour: Sequence[int]) -> int:
    red, green, blue = (int(value) for value in colour[:3])
    return red | green << 8 | blue << 16
