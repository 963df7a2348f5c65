# SPDX-License-Identifier: Apache-2.0
"""Which images are kept as evidence: first and better views of objects, new views of the place and of its ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mapping.settings import MapperSettings
from memory_core.event import Keyframe
from memory_core.frame import CameraFrame

_BETTER = 2.0  # a view with this many times the pixels of the best so far is worth a new image


@dataclass(frozen=True, slots=True)
class Shown:
    """An object in an image: its id, its box (u0, v0, u1, v1) and how many pixels it has."""

    id: str
    box_px: tuple[int, int, int, int]
    n_pixels: int


@dataclass
class KeyframeGate:
    """Decides for each frame whether it is kept.

    An object shown for the first time always is a reason; a better view, a new view point or a view of a frontier is
    one only when the last keyframe is older than a time, so that the disk fills with novelty and not with time.
    """

    settings: MapperSettings
    _count: int = 0
    _last_ns: int | None = None
    _last_pose: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))
    _best: dict[str, int] = field(default_factory=dict)

    def offer(self, frame: CameraFrame, shown: Sequence[Shown], *, frontier: bool = False) -> Keyframe | None:
        """The keyframe made of a frame, or None when it brings nothing new.

        Args:
            frontier: it is the first view, or a clearly better one, of a frontier.
        """
        if not self._is_first(shown):
            is_new = frontier or self._is_better(shown) or self._is_elsewhere(frame)
            if not (is_new and self._is_due(frame)):
                return None
        for one in shown:
            self._best[one.id] = max(one.n_pixels, self._best.get(one.id, 0))
        self._count += 1
        self._last_ns, self._last_pose = frame.stamp_ns, frame.T_world_cam.copy()
        return _encode(f"k{self._count}", frame, shown, self.settings)

    def begin_session(self) -> None:
        """The clock and the pose start anew; numbers and what was shown go on."""
        self._last_ns = None

    def forget(self, object_id: str) -> None:
        """An object was moved or changed so much that its views show it no longer."""
        self._best.pop(object_id, None)

    def _is_first(self, shown: Sequence[Shown]) -> bool:
        return any(one.id not in self._best for one in shown)

    def move(self, T: NDArray[np.float64]) -> None:
        """The map was corrected: the last keyframe's pose moves by T (4, 4)."""
        self._last_pose = T @ self._last_pose

    def _is_due(self, frame: CameraFrame) -> bool:
        return self._last_ns is None or frame.stamp_ns - self._last_ns >= self.settings.keyframe_s * 1e9

    def _is_better(self, shown: Sequence[Shown]) -> bool:
        return any(one.n_pixels >= _BETTER * self._best[one.id] for one in shown)

    def _is_elsewhere(self, frame: CameraFrame) -> bool:
        if self._last_ns is None:
            return True
        moved_m = float(np.linalg.norm(frame.T_world_cam[:3, 3] - self._last_pose[:3, 3]))
        cosine = (np.trace(self._last_pose[:3, :3].T @ frame.T_world_cam[:3, :3]) - 1.0) / 2.0
        turned_deg = float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
        return moved_m > self.settings.keyframe_m or turned_deg > self.settings.keyframe_deg

    def state(self) -> dict[str, Any]:
        return {
            "count": self._count, "last_ns": self._last_ns, "last_pose": self._last_pose.ravel().tolist(),
            "best": self._best,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        self._count, self._last_ns, self._best = state["count"], state["last_ns"], dict(state["best"])
        self._last_pose = np.array(state["last_pose"], np.float64).reshape(4, 4)


def _encode(id: str, frame: CameraFrame, shown: Sequence[Shown], settings: MapperSettings) -> Keyframe:
    height, width = frame.depth.shape
    scale = min(1.0, settings.keyframe_width_px / width)
    image: NDArray[Any] = frame.rgb[:, :, ::-1]
    if scale < 1.0:
        image = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    done, encoded = cv2.imencode(
        ".jpg", np.ascontiguousarray(image), [cv2.IMWRITE_JPEG_QUALITY, settings.keyframe_quality]
    )
    if not done:
        raise RuntimeError(f"the JPEG encoder refused an image of shape {image.shape}")
    K = frame.K.copy()
    K[:2] *= scale
    boxes = {one.id: _scaled(one.box_px, scale) for one in shown}
    pose = tuple(frame.T_world_cam.ravel().tolist())
    return Keyframe(id, frame.stamp_ns, encoded.tobytes(), pose, tuple(K.ravel().tolist()), boxes)


def _scaled(box_px: tuple[int, int, int, int], scale: float) -> tuple[int, int, int, int]:
    u0, v0, u1, v1 = box_px
    return (int(u0 * scale), int(v0 * scale), max(1, round(u1 * scale)), max(1, round(v1 * scale)))
