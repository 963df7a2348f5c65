# SPDX-License-Identifier: Apache-2.0
"""Whether a frame's pose is good enough to be written into the map."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.settings import MapperSettings
from memory_core.errors import BadFrame
from memory_core.frame import CameraFrame

_RECOVERED = 0.7  # of the limit: once refused, a pose must be this certain to be taken again


class PoseRefused(BadFrame):
    """A frame whose pose cannot be trusted; `reason` is pose_uncertain or pose_jump."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass
class LocalisationGate:
    """Refuses frames with uncertain poses and poses that jump; both with hysteresis.

    After a jump nothing is taken until `jump_frames` frames in a row agree with each other: the camera was localised
    anew, and a new segment of the trajectory begins. O(1) a frame.
    """

    settings: MapperSettings
    _pose: NDArray[np.float64] | None = None
    _stamp_ns: int = 0
    _waiting: list[tuple[int, NDArray[np.float64]]] = field(default_factory=list)
    _is_uncertain: bool = False

    def begin_session(self) -> None:
        self._pose, self._waiting, self._is_uncertain = None, [], False

    def check(self, frame: CameraFrame) -> bool:
        """Whether a frame that may be written begins a new segment, after a jump that lasted; `take` it when it is.

        Raises:
            PoseRefused: the frame must not be written.
        """
        self._check_certainty(frame)
        pose, stamp_ns = frame.T_world_cam, frame.stamp_ns
        if self._pose is None or self._is_plausible(self._stamp_ns, self._pose, stamp_ns, pose):
            return False
        if self._waiting and not self._is_plausible(*self._waiting[-1], stamp_ns, pose):
            self._waiting.clear()
        self._waiting.append((stamp_ns, pose))
        if len(self._waiting) >= self.settings.jump_frames:
            return True
        jump_m = float(np.linalg.norm(pose[:3, 3] - self._pose[:3, 3]))
        raise PoseRefused(
            "pose_jump",
            f"T_world_cam: the camera jumped by {jump_m:.2f} m and {np.degrees(_turn(self._pose, pose)):.0f} deg in "
            f"{(stamp_ns - self._stamp_ns) / 1e9:.3f} s; not written unless the next frames agree with it",
        )

    def move(self, T: NDArray[np.float64]) -> None:
        """The map was corrected: what the gate remembers moves by T (4, 4)."""
        if self._pose is not None:
            self._pose = T @ self._pose
        self._waiting.clear()

    def take(self, frame: CameraFrame) -> None:
        """A frame was written: the next is compared with it."""
        self._stamp_ns, self._pose = frame.stamp_ns, frame.T_world_cam.copy()
        self._waiting.clear()

    def _check_certainty(self, frame: CameraFrame) -> None:
        share = _RECOVERED if self._is_uncertain else 1.0
        limits = ((frame.pose_sigma_m, self.settings.pose_sigma_m, "m"),
                  (frame.pose_sigma_rad, np.radians(self.settings.pose_sigma_deg), "rad"))  # fmt: skip
        for sigma, limit, unit in limits:
            if sigma is not None and not 0.0 <= sigma <= share * limit:
                self._is_uncertain = True
                raise PoseRefused(
                    "pose_uncertain",
                    f"T_world_cam: known to {sigma:.3g} {unit} only, want {share * limit:.3g} {unit} or better",
                )
        self._is_uncertain = False

    def _is_plausible(
        self, since_ns: int, before: NDArray[np.float64], stamp_ns: int, pose: NDArray[np.float64]
    ) -> bool:
        s, dt = self.settings, max(0.0, (stamp_ns - since_ns) / 1e9)
        moved_m = float(np.linalg.norm(pose[:3, 3] - before[:3, 3]))
        if moved_m > s.jump_m + s.fastest_m_s * dt:
            return False
        return bool(np.degrees(_turn(before, pose)) <= s.jump_deg + s.fastest_deg_s * dt)

    def state(self) -> dict[str, Any]:
        return {
            "pose": None if self._pose is None else self._pose.ravel().tolist(), "stamp_ns": self._stamp_ns,
            "waiting": [[stamp_ns, pose.ravel().tolist()] for stamp_ns, pose in self._waiting],
            "is_uncertain": self._is_uncertain,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        pose = state["pose"]
        self._pose = None if pose is None else np.array(pose, np.float64).reshape(4, 4)
        self._stamp_ns, self._is_uncertain = state["stamp_ns"], state["is_uncertain"]
        self._waiting = [(stamp_ns, np.array(pose, np.float64).reshape(4, 4)) for stamp_ns, pose in state["waiting"]]


def _turn(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Angle between two rotations, radians."""
    cosine = (np.sum(a[:3, :3] * b[:3, :3]) - 1.0) / 2.0
    return float(np.arccos(np.clip(cosine, -1.0, 1.0)))
