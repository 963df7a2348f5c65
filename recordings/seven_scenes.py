# SPDX-License-Identifier: Apache-2.0
"""Folders in 7-Scenes layout: frame-%06d.color.jpg|png, .depth.png, .pose.txt."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BadFrame, BadSource
from memory_core.geometry import canonical_pose
from recordings import parse
from recordings.axes import OPTICAL_DOWN, turned_to_map
from recordings.drops import Drops
from recordings.folder import FolderCamera, FolderSource, FrameFiles
from recordings.settings import RecordingSettings

_COLOR = re.compile(r"frame-(\d{1,9})\.color\.(jpg|png)")
# Published for the Kinect's depth camera. Colour was not registered to it; the data set has no better numbers.
_K = parse.camera_matrix(585.0, 585.0, 320.0, 240.0)


def is_seven_scenes(folder: Path) -> bool:
    """Whether a folder has colour images named as in 7-Scenes."""
    return any(_COLOR.fullmatch(path.name) for path in folder.glob("frame-*.color.*"))


def open_seven_scenes(folder: Path, settings: RecordingSettings) -> FolderSource:
    """The frames of one sequence: depth in mm, camera-to-world poses, 30 Hz nominal stamps.

    The data set's world is the optical frame of some first camera (y down). It is turned to z-up: by
    gravity-direction.txt (or the setting `gravity`) when there, else by the fixed map x, y, z = z, -x, -y.

    Raises:
        BadSource: no usable frame, or intrinsics or gravity that cannot be read.
    """
    T_map_world = turned_to_map(settings, _recorded_gravity(folder))
    listing, files = Drops(), []
    for number, color in _colors(folder, listing).items():
        entry = _frame_files(folder, color, number, T_map_world, listing)
        files += [entry] if entry else []
    return FolderSource(folder, files, FolderCamera(_intrinsics(folder)), settings, listing)


def _colors(folder: Path, listing: Drops) -> dict[str, Path]:
    """Number of a frame as it is written -> its colour image."""
    colors: dict[str, Path] = {}
    for path in sorted(folder.glob("frame-*.color.*")):
        if (match := _COLOR.fullmatch(path.name)) is None:
            continue
        if match[1] in colors:
            listing.add("duplicate", f"{path.name} beside {colors[match[1]].name}")
        else:
            colors[match[1]] = path
    return colors


def _frame_files(
    folder: Path, color: Path, number: str, T_map_world: NDArray[np.float64], listing: Drops
) -> FrameFiles | None:
    depth, pose = folder / f"frame-{number}.depth.png", folder / f"frame-{number}.pose.txt"
    if not depth.exists():
        listing.add("no_depth", f"{depth.name} is missing")
        return None
    if not pose.exists():
        listing.add("no_pose", f"{pose.name} is missing")
        return None
    try:
        T_world_cam = canonical_pose(T_map_world @ parse.numbers(parse.read_text(pose), 16, pose.name).reshape(4, 4))
    except (BadSource, BadFrame) as error:
        listing.add("bad_pose", f"{pose.name}: {error}")
        return None
    return FrameFiles(parse.nominal_stamp_ns(int(number)), color, depth, T_world_cam)


def _intrinsics(folder: Path) -> NDArray[np.float64]:
    path = folder / "camera-intrinsics.txt"
    if not path.exists():
        return _K
    K = parse.numbers(parse.read_text(path), 9, str(path)).reshape(3, 3)
    if not (K[0, 0] > 0 and K[1, 1] > 0 and np.array_equal(K[2], [0, 0, 1])):
        raise BadSource(f"{path}: want a 3x3 camera matrix in pixels, got {K.tolist()}")
    return K


def _recorded_gravity(folder: Path) -> NDArray[np.float64]:
    path = folder / "gravity-direction.txt"
    return parse.numbers(parse.read_text(path), 3, str(path)) if path.exists() else np.array(OPTICAL_DOWN)
