# SPDX-License-Identifier: Apache-2.0
"""Folders as Open3D and the ICL-NUIM re-export have them: image/ (or color/), depth/, trajectory.log."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BadFrame, BadSource
from memory_core.geometry import canonical_pose
from recordings import parse
from recordings.axes import turned_to_map
from recordings.drops import Drops
from recordings.folder import FolderCamera, FolderSource, FrameFiles, numbered
from recordings.settings import RecordingSettings

# Not in the folder: the values these data sets were rendered with.
_K = parse.camera_matrix(525.0, 525.0, 319.5, 239.5)
_COLOR_FOLDERS = ("image", "color")


def is_open3d(folder: Path) -> bool:
    """Whether a folder has depth/, image/ or color/, and a trajectory.log in it or one level below."""
    return (folder / "depth").is_dir() and _color_folder(folder) is not None and _trajectory_log(folder) is not None


def open_open3d(folder: Path, settings: RecordingSettings) -> FolderSource:
    """The frames of one sequence: depth in mm, camera-to-world poses, 30 Hz nominal stamps.

    The world is the optical frame of the first camera (y down); it is turned to z-up by the setting `gravity`,
    else by the fixed map x, y, z = z, -x, -y. Pose i belongs to the image with number i.

    Raises:
        BadSource: a torn trajectory, or no usable frame.
    """
    color_folder, log = _color_folder(folder), _trajectory_log(folder)
    if color_folder is None or log is None:
        raise BadSource(f"{folder}: want image/ or color/, depth/ and trajectory.log; a part is missing")
    T_map_world = turned_to_map(settings)
    poses, listing, files = _read_log(log), Drops(), []
    color, depth = numbered(color_folder), numbered(folder / "depth")
    for number in sorted(color):
        if number not in depth:
            listing.add("no_depth", f"{color[number].name} has no depth image with its number")
        elif number not in poses:
            listing.add("no_pose", f"{color[number].name} has no pose in {log.name}")
        elif (T_world_cam := _placed(T_map_world @ poses[number], number, listing)) is not None:
            stamp_ns = parse.nominal_stamp_ns(number)
            files.append(FrameFiles(stamp_ns, color[number], depth[number], T_world_cam))
    return FolderSource(folder, files, FolderCamera(_K), settings, listing)


def _placed(T: NDArray[np.float64], number: int, listing: Drops) -> NDArray[np.float64] | None:
    try:
        return canonical_pose(T)
    except BadFrame as error:
        listing.add("bad_pose", f"pose {number}: {error}")
        return None


def _color_folder(folder: Path) -> Path | None:
    return next((folder / name for name in _COLOR_FOLDERS if (folder / name).is_dir()), None)


def _trajectory_log(folder: Path) -> Path | None:
    candidates = [folder / "trajectory.log", *sorted(folder.glob("*/trajectory.log"))]
    return next((path for path in candidates if path.is_file()), None)


def _read_log(path: Path) -> dict[int, NDArray[np.float64]]:
    """Frame number -> (4, 4): five lines each, three numbers and a matrix."""
    lines = [line for line in parse.read_text(path).splitlines() if line.strip()]
    if len(lines) % 5:
        raise BadSource(f"{path}: want 5 lines for each pose, got {len(lines)} lines; it is torn")
    poses = {}
    for first in range(0, len(lines), 5):
        number = int(parse.numbers(lines[first], 3, f"{path.name} line {first + 1}")[0])
        poses[number] = parse.numbers(" ".join(lines[first + 1 : first + 5]), 16, f"{path.name} pose {number}")
    return {number: matrix.reshape(4, 4) for number, matrix in poses.items()}
