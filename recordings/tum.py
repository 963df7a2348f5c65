# SPDX-License-Identifier: Apache-2.0
"""Folders in TUM RGB-D layout: rgb.txt, depth.txt, groundtruth.txt."""

from __future__ import annotations

import re
from bisect import bisect_left
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BadSource
from memory_core.geometry import canonical_pose
from recordings import parse
from recordings.drops import Drops
from recordings.folder import FolderCamera, FolderSource, FrameFiles
from recordings.settings import RecordingSettings
from recordings.transforms import NotCovered, PoseTrack

_LISTS = ("rgb.txt", "depth.txt", "groundtruth.txt")
_UNITS_PER_M = 5000.0
_K_ROS = parse.camera_matrix(525.0, 525.0, 319.5, 239.5)
# Published calibrations of the three sensors, recognised by the folder's name.
_K_SENSOR = {
    "freiburg1": parse.camera_matrix(517.3, 516.5, 318.6, 255.3),
    "freiburg2": parse.camera_matrix(520.9, 521.0, 325.1, 249.7),
    "freiburg3": parse.camera_matrix(535.4, 539.2, 320.1, 247.6),
}

Listed = dict[int, Path]


def is_tum(folder: Path) -> bool:
    """Whether a folder has the lists of a TUM RGB-D sequence."""
    return all((folder / name).is_file() for name in _LISTS[:2])


def open_tum(folder: Path, settings: RecordingSettings) -> FolderSource:
    """The frames of one sequence: depth in 1/5000 m, each with the colour image nearest in time.

    A frame has the stamp of its depth image, and the pose of the motion capture system interpolated at it. The
    world of the data set is z-up and stays as it is.

    Raises:
        BadSource: a list is missing or torn, or no frame is usable.
    """
    if not (folder / _LISTS[2]).is_file():
        raise BadSource(
            f"{folder}: want {_LISTS[2]} with the camera's poses beside rgb.txt and depth.txt; it is missing"
        )
    listing = Drops()
    rgb, depth = (_listed(folder, name, listing) for name in _LISTS[:2])
    track = _trajectory(folder / _LISTS[2], settings)
    files = []
    for rgb_ns, depth_ns in _associate(sorted(rgb), sorted(depth), round(settings.slop_s * 1e9), listing):
        try:
            T_world_cam = canonical_pose(track.at(depth_ns))
        except NotCovered as error:
            listing.add("no_pose", f"{depth[depth_ns].name}: {error}")
            continue
        files.append(FrameFiles(depth_ns, rgb[rgb_ns], depth[depth_ns], T_world_cam))
    return FolderSource(folder, files, FolderCamera(_intrinsics(folder), _UNITS_PER_M), settings, listing)


def _listed(folder: Path, name: str, listing: Drops) -> Listed:
    images: Listed = {}
    for words in _rows(folder / name, 2):
        image = (folder / words[1]).resolve()
        if not image.is_relative_to(folder.resolve()):
            raise BadSource(f"{folder / name}: want images inside the folder, got {words[1]!r}")
        stamp_ns = parse.stamp_ns(words[0], name)
        if images.setdefault(stamp_ns, image) != image:
            listing.add("duplicate", f"{name}: {words[1]} has the stamp of {images[stamp_ns].name}")
    return images


def _trajectory(path: Path, settings: RecordingSettings) -> PoseTrack:
    track = PoseTrack(max_gap_ns=round(settings.max_gap_s * 1e9))
    for words in _rows(path, 8):
        track.add(parse.stamp_ns(words[0], path.name), parse.pose(" ".join(words[1:8]), path.name))
    return track


def _rows(path: Path, n_words: int) -> list[list[str]]:
    lines = [line.split() for line in parse.read_text(path).splitlines()]
    rows = [words for words in lines if words and not words[0].startswith("#")]
    for words in rows:
        if len(words) < n_words:
            raise BadSource(f"{path}: want {n_words} words in a line, got {' '.join(words)[:80]!r}")
    return rows


def _associate(rgb: list[int], depth: list[int], slop_ns: int, listing: Drops) -> list[tuple[int, int]]:
    """Pairs (rgb, depth) of stamps that are nearest to each other, each stamp used once."""
    pairs = []
    for rgb_ns in rgb:
        nearest = _nearest(depth, rgb_ns)
        if nearest is None or abs(nearest - rgb_ns) > slop_ns:
            listing.add("no_depth", f"no depth image within {slop_ns / 1e9} s of colour at {rgb_ns / 1e9:.6f} s")
        elif _nearest(rgb, nearest) != rgb_ns:
            listing.add("unsynchronised", f"colour at {rgb_ns / 1e9:.6f} s has no depth image of its own")
        else:
            pairs.append((rgb_ns, nearest))
    return pairs


def _nearest(stamps: list[int], stamp_ns: int) -> int | None:
    position = bisect_left(stamps, stamp_ns)
    around = stamps[max(0, position - 1) : position + 1]
    return min(around, key=lambda other: abs(other - stamp_ns), default=None)


def _intrinsics(folder: Path) -> NDArray[np.float64]:
    sensor = re.search(r"freiburg[123]", folder.resolve().name)
    return _K_SENSOR[sensor[0]] if sensor else _K_ROS
