# SPDX-License-Identifier: Apache-2.0
"""Which kind of recording a path is, and its source of frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from memory_core.config import settings_from
from memory_core.errors import BadSource
from memory_core.frame import FrameSource
from recordings.bag import BagSource
from recordings.bag_reader import STORAGE_SUFFIXES, storage_files
from recordings.open3d_folder import is_open3d, open_open3d
from recordings.settings import RecordingSettings
from recordings.seven_scenes import is_seven_scenes, open_seven_scenes
from recordings.slambook import is_slambook, open_slambook
from recordings.tum import is_tum, open_tum

VALID = (
    "want a ROS bag (a ROS 2 bag folder, .mcap, .db3, or a ROS 1 .bag) or a folder in the layout of "
    "7-Scenes (frame-000000.color.jpg, .depth.png, .pose.txt), TUM RGB-D (rgb.txt, depth.txt, groundtruth.txt) "
    "or Open3D (image/, depth/, trajectory.log)"
)

_FOLDERS: tuple[tuple[Callable[[Path], bool], Callable[[Path, RecordingSettings], FrameSource]], ...] = (
    (is_seven_scenes, open_seven_scenes),
    (is_tum, open_tum),
    (is_open3d, open_open3d),
    (is_slambook, open_slambook),
)


def open_source(spec: str | Path, **options: Any) -> FrameSource:
    """The frames of a recording, whose kind is found from its content.

    Args:
        spec: path of a bag or of a data set folder.
        options: fields of RecordingSettings by name.

    Raises:
        BadSource: missing, empty, torn beyond use, or of an unknown kind; the message says what would be valid.
        BadSettings: an unknown option or a value out of range.
    """
    settings = settings_from(RecordingSettings, options)
    path = Path(spec).expanduser()
    if not path.exists():
        raise BadSource(f"{path}: there is nothing here; {VALID}")
    if not path.is_dir():
        return _open_file(path, settings)
    for fits, opened in _FOLDERS:
        if fits(path):
            return opened(path, settings)
    return _open_other_folder(path, settings)


def _open_file(path: Path, settings: RecordingSettings) -> FrameSource:
    if path.suffix in (*STORAGE_SUFFIXES, ".bag"):
        return BagSource(path, settings)
    raise BadSource(f"{path}: not a recording; {VALID}")


def _open_other_folder(path: Path, settings: RecordingSettings) -> FrameSource:
    if (path / "metadata.yaml").exists() or storage_files(path):
        return BagSource(path, settings)
    if not any(path.iterdir()):
        raise BadSource(f"{path}: the folder is empty; {VALID}")
    raise BadSource(f"{path}: not a recording; {VALID}")
