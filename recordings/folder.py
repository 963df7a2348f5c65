# SPDX-License-Identifier: Apache-2.0
"""Frames from image files: what all RGB-D data set folders have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BadFrame, BadSource
from memory_core.frame import CameraFrame
from recordings import parse
from recordings.drops import Drops, Rejected
from recordings.images import MAX_PIXELS, decode_gray16, decode_rgb, image_size, metres
from recordings.prefetch import ordered_map
from recordings.settings import RecordingSettings

R = TypeVar("R")

_IMAGES = {".jpg", ".jpeg", ".png", ".pgm"}
# No image needs more than 16 bits in each of four channels.
_MAX_FILE_BYTES = 8 * MAX_PIXELS
_NUMBER = re.compile(r"\d{1,9}")


@dataclass(frozen=True, eq=False, slots=True)
class FrameFiles:
    """Where one frame is on disk. T_world_cam is a canonical pose in the map frame."""

    stamp_ns: int
    rgb: Path
    depth: Path
    T_world_cam: NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class FolderCamera:
    """Intrinsics (3, 3) in pixels, and how many depth values make a metre."""

    K: NDArray[np.float64]
    units_per_m: float = 1000.0

    def with_settings(self, settings: RecordingSettings) -> FolderCamera:
        """The same camera with what the user said about it."""
        K = parse.intrinsics(settings.intrinsics) if settings.intrinsics else self.K
        return replace(self, K=K, units_per_m=settings.depth_units_per_m or self.units_per_m)


class FolderSource:
    """A FrameSource over image files, decoded ahead of use by a few threads.

    Attributes:
        name: the folder's name.
        session_id: session of all its frames.
        n_frames: how many frames are listed; damaged files found while reading make it fewer.
        drops: what could not become a frame, by reason (recordings.drops.REASONS).
        warnings: one sentence for each reason.
    """

    def __init__(
        self,
        folder: Path,
        files: Sequence[FrameFiles],
        camera: FolderCamera,
        settings: RecordingSettings,
        listing: Drops,
    ) -> None:
        """Takes the files in any order, and the drops found while listing them.

        Raises:
            BadSource: there is not one usable frame.
        """
        self.name = folder.resolve().name
        if not files:
            why = "; ".join(listing.messages) or "it has no frames"
            raise BadSource(f"{folder}: no usable frame in this recording: {why}")
        self._files = sorted(files, key=lambda entry: entry.stamp_ns)
        self._camera = camera.with_settings(settings)
        self._settings = settings
        self._listing = listing
        self._drops = Drops()
        self._drops.restart_from(listing)
        self.session_id = settings.session_id or self.name
        self.n_frames: int | None = len(self._files)
        self.drops = self._drops.counts
        self.warnings = self._drops.messages

    def frames(self, start: int = 0) -> Iterator[CameraFrame]:
        """Frames from index `start` on, in stamp order.

        Frames before `start` are checked for damage (about 0.5 ms each), not decoded.
        """
        self._drops.restart_from(self._listing)
        position = self._skip(start)
        for frame in self._map(self._read, self._files[position:]):
            if isinstance(frame, Rejected):
                self._drops.add(frame.reason, str(frame))
            else:
                yield frame

    def _skip(self, start: int) -> int:
        """How many files come before the frame with index `start`."""
        good = 0
        for position, problem in enumerate(self._map(_problem, self._files) if start else ()):
            if problem is None:
                good += 1
            else:
                self._drops.add(problem.reason, str(problem))
            if good == start:
                return position + 1
        return len(self._files) if start else 0

    def _map(self, work: Callable[[FrameFiles], R], files: Sequence[FrameFiles]) -> Iterator[R]:
        return ordered_map(work, files, threads=self._settings.decode_threads, ahead=self._settings.prefetch_frames)

    def _read(self, files: FrameFiles) -> CameraFrame | Rejected:
        try:
            rgb_bytes, depth_bytes = _checked_bytes(files)
            return CameraFrame(
                stamp_ns=files.stamp_ns,
                rgb=decode_rgb(rgb_bytes, files.rgb.name),
                depth=metres(decode_gray16(depth_bytes, files.depth.name), self._camera.units_per_m),
                K=self._camera.K.copy(),
                T_world_cam=files.T_world_cam.copy(),
                robot_id=self._settings.robot_id or "robot",
                session_id=self.session_id,
                map_id=self._settings.map_id or "map",
            )
        except Rejected as problem:
            return problem
        except BadFrame as error:
            return Rejected("bad_image", f"{files.rgb.name}: {error}")


def _problem(files: FrameFiles) -> Rejected | None:
    try:
        _checked_bytes(files)
    except Rejected as problem:
        return problem
    return None


def _checked_bytes(files: FrameFiles) -> tuple[bytes, bytes]:
    """Both files' bytes, whole and of one size."""
    rgb, depth = _bytes_of(files.rgb), _bytes_of(files.depth)
    rgb_size, depth_size = image_size(rgb, files.rgb.name), image_size(depth, files.depth.name)
    if rgb_size != depth_size:
        raise size_mismatch(files.depth.name, depth_size, rgb_size)
    return rgb, depth


def _bytes_of(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise Rejected("bad_image", f"{path.name}: want at most {_MAX_FILE_BYTES >> 20} MiB, it is larger")
        return path.read_bytes()
    except OSError as error:
        raise Rejected("bad_image", f"{path.name}: cannot be read: {error.strerror}") from error


def numbered(folder: Path) -> dict[int, Path]:
    """The images of a folder whose names are numbers. Raises BadSource when two have the same number."""
    images: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in _IMAGES or _NUMBER.fullmatch(path.stem) is None:
            continue
        number = int(path.stem)
        if number in images:
            raise BadSource(f"{folder}: want one image with number {number}, got {images[number].name} and {path.name}")
        images[number] = path
    return images


def size_mismatch(name: str, depth: tuple[int, int], rgb: tuple[int, int]) -> Rejected:
    """The refusal of depth (height, width) that does not fit its colour image."""
    return Rejected(
        "bad_depth_size",
        f"{name}: depth is {depth[1]}x{depth[0]} but colour is {rgb[1]}x{rgb[0]}; record depth registered to colour",
    )
