# SPDX-License-Identifier: Apache-2.0
"""Folders as in the exercises of the SLAM textbooks: color/, depth/ and one pose.txt for all images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory_core.geometry import canonical_pose
from recordings import parse
from recordings.axes import turned_to_map
from recordings.drops import Drops
from recordings.folder import FolderCamera, FolderSource, FrameFiles, numbered
from recordings.settings import RecordingSettings

# Depth as PGM is the Kinect in millimetres; depth as PNG is ICL-NUIM, 1/5000 m, whose images have y up.
_KINECT = FolderCamera(parse.camera_matrix(518.0, 519.0, 325.5, 253.5), 1000.0)
_ICL = FolderCamera(parse.camera_matrix(481.2, 480.0, 319.5, 239.5), 5000.0)
_MIRROR = np.diag([1.0, -1.0, 1.0, 1.0])


def is_slambook(folder: Path) -> bool:
    """Whether a folder has color/, depth/ and pose.txt."""
    return (folder / "pose.txt").is_file() and (folder / "color").is_dir() and (folder / "depth").is_dir()


def open_slambook(folder: Path, settings: RecordingSettings) -> FolderSource:
    """The frames of a folder; row i of pose.txt (x y z qx qy qz qw, camera-to-world) is the i-th image.

    The ICL images are rendered with a negative fy, a left-handed world. Mirroring y in camera and world makes both
    right-handed with a positive fy, and moves no point relative to another.

    Raises:
        BadSource: a torn pose.txt, or no usable frame.
    """
    T_map_world = turned_to_map(settings)
    rows = [line for line in parse.read_text(folder / "pose.txt").splitlines() if line.strip()]
    is_kinect = any((folder / "depth").glob("*.pgm"))
    listing, files = Drops(), []
    colors, depths = numbered(folder / "color"), numbered(folder / "depth")
    for index, row in enumerate(rows):
        color, depth = colors.get(index + 1), depths.get(index + 1)
        if color is None or depth is None:
            listing.add("no_rgb" if color is None else "no_depth", f"row {index + 1} of pose.txt has no image")
            continue
        T = parse.pose(row, f"pose.txt row {index + 1}")
        T_world_cam = canonical_pose(T_map_world @ (T if is_kinect else _mirrored(T)))
        files.append(FrameFiles(parse.nominal_stamp_ns(index), color, depth, T_world_cam))
    return FolderSource(folder, files, _KINECT if is_kinect else _ICL, settings, listing)


def _mirrored(T: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(_MIRROR @ T @ _MIRROR)
