# SPDX-License-Identifier: Apache-2.0
"""One RGB-D image with its place in space and time: what every source produces and the mapper eats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BadFrame

_MIN_FOCAL = 0.02  # of the image's side: a field of view of 175 degrees, beyond any pinhole


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class CameraFrame:
    """One RGB-D image and where its camera was.

    Lengths are metres, times nanoseconds, pixels (column u, row v) with (0, 0) at the centre of the
    top-left pixel. The camera frame is optical (REP 103): x right, y down, z forward.

    Attributes:
        stamp_ns: capture time on the source's clock, nanoseconds.
        rgb: (H, W, 3) uint8.
        depth: (H, W) float32, metres along z (not along the ray); 0 means no return.
        K: (3, 3) float64 pinhole intrinsics, pixels.
        T_world_cam: (4, 4) float64 rigid transform, p_world = T_world_cam @ p_cam.
        map_id: name of the world frame the pose is given in; positions of two maps are never mixed.
        session_id: one uninterrupted recording or run.
        instance_ids: (H, W) int32 from a simulator, 0 is background; None for real cameras.
        instance_labels: class name of each instance id in instance_ids.
        pose_sigma_m, pose_sigma_rad: standard deviation of the pose, of its worst axis; None where nobody tells.

    Raises:
        BadFrame: a field has the wrong shape or type, or values no camera can produce.
    """

    stamp_ns: int
    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    K: NDArray[np.float64]
    T_world_cam: NDArray[np.float64]
    robot_id: str = "robot"
    session_id: str = "session"
    map_id: str = "map"
    instance_ids: NDArray[np.int32] | None = None
    instance_labels: Mapping[int, str] = field(default_factory=dict)
    pose_sigma_m: float | None = None
    pose_sigma_rad: float | None = None

    def __post_init__(self) -> None:
        if np.ndim(self.depth) != 2:
            raise BadFrame(f"depth: want (H, W) float32, got shape {np.shape(self.depth)}")
        height, width = self.depth.shape
        _require("rgb", self.rgb, (height, width, 3), np.uint8)
        _require("depth", self.depth, (height, width), np.float32)
        _require("K", self.K, (3, 3), np.float64)
        _require("T_world_cam", self.T_world_cam, (4, 4), np.float64)
        if self.instance_ids is not None:
            _require("instance_ids", self.instance_ids, (height, width), np.int32)
        if self.depth.size == 0:
            raise BadFrame("depth: the image is empty")
        if not (self.depth.min() >= 0 and self.depth.max() < np.inf):
            raise BadFrame("depth: want finite metres >= 0 with 0 for no return, got NaN, infinity or negative values")
        if not (np.isfinite(self.K).all() and self.K[0, 0] > 0 and self.K[1, 1] != 0):
            raise BadFrame(f"K: want finite intrinsics with focal lengths in pixels, got {self.K.tolist()}")
        if abs(self.K[0, 0]) < _MIN_FOCAL * width or abs(self.K[1, 1]) < _MIN_FOCAL * height:
            raise BadFrame(
                f"K: focal lengths {self.K[0, 0]:g}, {self.K[1, 1]:g} px see nearly a half-space in an image of "
                f"{width}x{height}; want pixels, not metres or a fraction of the width"
            )
        R = self.T_world_cam[:3, :3]
        if not np.abs(R @ R.T - np.eye(3)).max() < 1e-6:
            raise BadFrame("T_world_cam: the rotation is not orthonormal; see memory_core.geometry.canonical_pose")
        if not np.isfinite(self.T_world_cam).all():
            raise BadFrame("T_world_cam: want finite metres, got NaN or infinity")


def _require(name: str, array: NDArray[Any], shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    got_shape, got_type = np.shape(array), getattr(array, "dtype", type(array).__name__)
    if got_shape != shape or got_type != dtype:
        raise BadFrame(f"{name}: want {shape} {np.dtype(dtype)}, got {got_shape} {got_type}")


class FrameSource(Protocol):
    """Anything that yields frames in stamp order, from the start or from a later frame.

    Attributes:
        name: what to call it in messages.
        n_frames: how many frames there are, None when unknown before reading.
        drops: count of inputs that could not become frames, by reason; grows while reading.
        warnings: one sentence for each thing a person should know about this source; grows while reading.
    """

    name: str
    n_frames: int | None
    drops: dict[str, int]
    warnings: list[str]

    def frames(self, start: int = 0) -> Iterator[CameraFrame]:
        """Frames from index `start` on; `start` counts frames that were yielded, not dropped inputs."""
        ...
