# SPDX-License-Identifier: Apache-2.0
"""A world of boxes on a floor, seen by rays: frames with exact depth and instance ids."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from memory_core import CameraFrame
from memory_core.geometry import Box

WIDTH, HEIGHT, FOCAL = 128, 96, 90.0
K = np.array([[FOCAL, 0, (WIDTH - 1) / 2], [0, FOCAL, (HEIGHT - 1) / 2], [0, 0, 1.0]])
GREY = (120, 120, 120)


@dataclass
class BoxWorld:
    """Boxes by name on a floor at z = 0 with walls around; `label` and `colour` belong to names."""

    boxes: dict[str, Box] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    colours: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    half_size_m: float = 4.0

    def put(self, name, center, size, label=None, colour=(200, 30, 30)) -> Box:
        self.boxes[name] = Box.of(center, size)
        self.labels[name] = label or name.rstrip("0123456789")
        self.colours[name] = colour
        return self.boxes[name]

    def frame(self, eye, target, stamp_s: float = 0.0, **fields) -> CameraFrame:
        """What a camera at `eye` looking at `target` sees; rays against boxes, O(pixels x boxes)."""
        pose = look_at(eye, target)
        v, u = np.mgrid[0:HEIGHT, 0:WIDTH]
        rays = np.stack([(u - K[0, 2]) / FOCAL, (v - K[1, 2]) / FOCAL, np.ones_like(u, float)], -1).reshape(-1, 3)
        directions = rays @ pose[:3, :3].T
        origin = pose[:3, 3]
        room = Box((-self.half_size_m, -self.half_size_m, 0.0), (self.half_size_m, self.half_size_m, 3.0))
        depth = _exit(origin, directions, room)
        ids = np.zeros(len(depth), np.int32)
        rgb = np.tile(np.array(GREY, np.uint8), (len(depth), 1))
        for number, (name, box) in enumerate(self.boxes.items(), start=1):
            hit = _enter(origin, directions, box)
            nearer = hit < depth
            depth = np.where(nearer, hit, depth)
            ids[nearer] = number
            rgb[nearer] = self.colours[name]
        fields = {
            "instance_ids": ids.reshape(HEIGHT, WIDTH),
            "instance_labels": {n: self.labels[name] for n, name in enumerate(self.boxes, start=1)},
            **fields,
        }
        return CameraFrame(
            stamp_ns=round(stamp_s * 1e9), rgb=rgb.reshape(HEIGHT, WIDTH, 3),
            depth=depth.reshape(HEIGHT, WIDTH).astype(np.float32), K=K, T_world_cam=pose, **fields,
        )  # fmt: skip

    def walk_around(self, target=(0, 0, 0.4), radius_m=1.8, n=24, start_s=0.0, dt_s=0.1, turn=1.0) -> list[CameraFrame]:
        """Frames on a circle around a point, looking at it."""
        angles = np.linspace(0, 2 * np.pi * turn, n, endpoint=False)
        eyes = [(target[0] + radius_m * np.cos(a), target[1] + radius_m * np.sin(a), 1.2) for a in angles]
        return [self.frame(eye, target, start_s + dt_s * k) for k, eye in enumerate(eyes)]


def look_at(eye, target) -> np.ndarray:
    forward = np.subtract(target, eye).astype(float)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0, 0, 1.0))
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = eye
    return pose


def _slabs(origin, directions, box: Box):
    with np.errstate(divide="ignore"):
        inverse = 1.0 / directions
    a, b = (np.asarray(box.minimum) - origin) * inverse, (np.asarray(box.maximum) - origin) * inverse
    return np.minimum(a, b).max(axis=1), np.maximum(a, b).min(axis=1)


def _enter(origin, directions, box: Box):
    near, far = _slabs(origin, directions, box)
    return np.where((near <= far) & (near > 0.05), near, np.inf)


def _exit(origin, directions, box: Box):
    return _slabs(origin, directions, box)[1]


@pytest.fixture
def box_world():
    """An empty BoxWorld; `put` things into it."""
    return BoxWorld()


@pytest.fixture(scope="session")
def mapped():
    """Returns a function: frames, optional mapper, commit every n frames -> (mapper, updates)."""
    from mapping import Mapper
    from perception import TruthSegmenter

    def run(frames: Sequence[CameraFrame], mapper: Mapper | None = None, every: int = 8, final: bool = True, skip=0):
        mapper = mapper or Mapper()
        segmenter = TruthSegmenter(min_pixels=8)
        updates = []
        for n, frame in enumerate(frames, start=1):
            if n <= skip:
                continue
            mapper.integrate(frame, segmenter.segment(frame))
            if n % every == 0:
                updates.append(mapper.update())
        if final:
            updates.append(mapper.update(final=True))
        return mapper, updates

    return run
