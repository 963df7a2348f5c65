# SPDX-License-Identifier: Apache-2.0
"""Noise on single frames and sources of frames: a perfect source in, what a real robot would record out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from memory_core.config import check
from memory_core.frame import CameraFrame, FrameSource
from memory_core.geometry import Vec
from sim.noise.depth_cameras import CAMERAS
from sim.noise.drift import LoopClosure, Odometry
from sim.settings import NoiseSettings

DROPPED = "lost on purpose"


def with_depth_noise(frame: CameraFrame, settings: NoiseSettings) -> CameraFrame:
    """The frame as the settings' depth camera gives it; noise depends on the seed and the stamp alone. O(pixels)."""
    if settings.depth_camera not in CAMERAS:
        return frame
    rng = np.random.default_rng([settings.noise_seed, 1, frame.stamp_ns])
    return replace(frame, depth=CAMERAS[settings.depth_camera](frame.depth, frame.rgb, frame.K, rng))


def is_lost(stamp_ns: int, settings: NoiseSettings) -> bool:
    """Whether the frame of a stamp never arrives."""
    if settings.drop == 0:
        return False
    return bool(np.random.default_rng([settings.noise_seed, 3, stamp_ns]).random() < settings.drop)


class NoisySource:
    """A source of frames with noise, drift and losses; the same settings give the same bytes.

    What else the source offers (objects and rooms of a tour, say) is there as before, and true. `closures` are the
    loop closures so far: corrected trajectories that a SLAM system would tell the map of.
    """

    def __init__(self, source: FrameSource, settings: NoiseSettings) -> None:
        """
        Raises:
            BadSettings: a setting is out of range.
        """
        check(settings)
        self._source, self._settings = source, settings
        self._known = _trajectory(source)
        self._kept = [n for n, (stamp_ns, _) in enumerate(self._known or ()) if self._arrives(n, stamp_ns)]
        self.name = f"{source.name} {described(settings)}".strip()
        self.n_frames = len(self._kept) if self._known is not None else None
        self.drops: dict[str, int] = {}
        self.warnings = source.warnings
        self.closures: list[LoopClosure] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def frames(self, start: int = 0) -> Iterator[CameraFrame]:
        """Frames from index `start` on, of those that arrive. O(1) images to skip where the source tells its poses."""
        odometry = Odometry(self._settings)
        self.closures = []
        self.drops = dict(self._source.drops)
        yielded = 0
        for n, (stamp_ns, T_true, frame) in enumerate(self._walk(start)):
            pose = odometry.believe(stamp_ns, T_true) if self._settings.drift > 0 else T_true
            if odometry.closure is not None:
                self.closures.append(odometry.closure)
            if not self._arrives(n, stamp_ns):
                self.drops[DROPPED] = self.drops.get(DROPPED, 0) + 1
                continue
            yielded += 1
            if yielded > start and frame is not None:
                yield with_depth_noise(replace(frame, T_world_cam=pose), self._settings)

    def _walk(self, start: int) -> Iterator[tuple[int, Vec, CameraFrame | None]]:
        """Stamp, true pose and frame of every frame of the source; no frame for those before the first wanted."""
        if self._known is None:
            yield from ((frame.stamp_ns, frame.T_world_cam, frame) for frame in self._source.frames())
            return
        first = self._kept[start] if start < len(self._kept) else len(self._known)
        yield from ((stamp_ns, T, None) for stamp_ns, T in self._known[:first])
        if first < len(self._known):
            yield from ((frame.stamp_ns, frame.T_world_cam, frame) for frame in self._source.frames(first))

    def _arrives(self, n: int, stamp_ns: int) -> bool:
        """The first frame always does: it is where the map begins."""
        return n == 0 or not is_lost(stamp_ns, self._settings)


def _trajectory(source: FrameSource) -> Sequence[tuple[int, Vec]] | None:
    """Stamps and true poses (4, 4) of all frames, where a source tells them without drawing."""
    tell = getattr(source, "trajectory", None)
    return tell() if callable(tell) else None


def described(settings: NoiseSettings) -> str:
    """The noise in a few words, "" for none."""
    words = [settings.depth_camera] if settings.depth_camera in CAMERAS else []
    words += [f"drift {settings.drift:g}"] if settings.drift else []
    words += [f"drop {settings.drop:g}"] if settings.drop else []
    return " ".join([*words, f"seed {settings.noise_seed}"]) if words else ""
