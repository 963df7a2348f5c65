# SPDX-License-Identifier: Apache-2.0
"""What is no longer where it was: absence is evidence only where the place was in view and seen free."""

from __future__ import annotations

from collections.abc import Container
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled
from mapping.objects.instances import Instances
from mapping.objects.tracks import Track
from mapping.settings import MapperSettings
from memory_core.frame import CameraFrame
from memory_core.geometry import Box, invert_pose, iou, transform_points
from memory_core.segment import UNLABELLED

Verdict = Literal["free", "there", "unknown"]

_MARGIN_M = 0.03  # depth behind a point by more than this, and more with distance, looks through it
_MARGIN_PER_M2 = 0.008
_MOSTLY_SEEN = 0.5
_MOSTLY_FREE = 0.7
_STILL_THERE = 0.4
_SAME_SIZE = 0.35  # boxes of a moved thing agree at least this much when laid upon each other
_FREE_NS = 500_000_000  # a place is seen free for this long at least
_MISSED_FRAMES = 20  # frames in a row without a segment where there should be one
_PLAIN_PX = 200.0  # a face of this many pixels is not overlooked
_SAMPLES = 128
_EDGE_PX = 2


def look_at(
    frame: CameraFrame, points: NDArray[np.float32], T_cam_world: NDArray[np.float64], range_m: float
) -> Verdict:
    """Whether a frame sees the surface points (N, 3) of a thing, sees through them, or cannot tell. O(1)."""
    step = max(1, len(points) // _SAMPLES)
    free, there, n = _count(frame.depth, frame.K, T_cam_world, points, step, range_m)
    if n and there >= _STILL_THERE * n:
        return "there"
    if n and free + there >= _MOSTLY_SEEN * n and free >= _MOSTLY_FREE * (free + there):
        return "free"
    return "unknown"


def visible_region(frame: CameraFrame, range_m: float) -> Box:
    """A box around everything the camera could see within a range."""
    height, width = frame.depth.shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    rays = np.stack([(corners[:, 0] - frame.K[0, 2]) / frame.K[0, 0], (corners[:, 1] - frame.K[1, 2]) / frame.K[1, 1]])
    far = np.vstack([np.concatenate([rays, np.ones((1, 4))]).T * range_m, np.zeros((1, 3))])
    points = transform_points(frame.T_world_cam, far)
    low, high = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))


def box_points(box: Box) -> NDArray[np.float32]:
    """Points inside a box, for things whose surface is not known."""
    steps = np.array([0.25, 0.5, 0.75])
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    points: NDArray[np.float64] = np.asarray(box.minimum) + grid * np.asarray(box.size)
    return points.astype(np.float32)


class Absence:
    """Notices objects that are gone, and recognises them at another place.

    `look` costs O(objects in view that the frame does not show), a hundred points each.
    """

    def __init__(self, instances: Instances, settings: MapperSettings) -> None:
        self._instances, self._settings = instances, settings

    def look(self, frame: CameraFrame, seen: Container[int]) -> list[Track]:
        """Objects whose place has now been seen free in enough frames in a row; `seen` are numbers of those shown."""
        range_m = self._settings.instance_range_m
        T_cam_world = invert_pose(frame.T_world_cam)
        gone = []
        for track in self._instances.near(visible_region(frame, range_m), 0.0):
            if track.number in seen or not track.id:
                continue
            points = self._instances.surfaces.of(track.number)[2]
            verdict = look_at(frame, points if len(points) else box_points(track.box), T_cam_world, range_m)
            if verdict == "there":
                track.free_frames = 0
                track.missed_frames += self._is_missed(track, frame)
            elif verdict == "free":
                track.free_since_ns = track.free_since_ns if track.free_frames else frame.stamp_ns
                track.free_frames += 1
            if self._is_gone(track, frame.stamp_ns):
                gone.append(track)
        return gone

    def _is_gone(self, track: Track, stamp_ns: int) -> bool:
        free = track.free_frames >= self._settings.gone_frames and stamp_ns - track.free_since_ns >= _FREE_NS
        return free or track.missed_frames >= _MISSED_FRAMES

    def _is_missed(self, track: Track, frame: CameraFrame) -> bool:
        """Whether a named thing should have been segmented: depth alone cannot tell a plate from the table below it.

        That is so where it would be large in the image and was seen from this side before.
        """
        x, y, z = frame.T_world_cam[:3, 3].tolist()
        distance_m = max(0.1, track.box.distance_m((x, y, z)))
        _, middle, longest = sorted(track.box.size)
        n_pixels = middle * longest * (float(frame.K[0, 0]) / distance_m) ** 2
        known = bool(track.directions & track.direction_of((x, y, z)))
        return not track.is_unnamed and known and n_pixels >= _PLAIN_PX

    def earlier(self, track: Track) -> Track | None:
        """The one object that is gone and may be this new thing, if no other new thing may be it as well."""
        gone = (one for one in self._instances.gone.values() if one.last_seen_ns <= track.first_seen_ns)
        found = _only([one for one in gone if _alike(track, one)])
        return found if found and self._newcomers(found) == [track] else None

    def later(self, track: Track) -> Track | None:
        """The one object that appeared after this one was last seen and may be it."""
        found = _only(self._newcomers(track))
        return found if found and found.id else None

    def _newcomers(self, track: Track) -> list[Track]:
        """Things first seen after a thing was last seen that may be it, oldest first. O(tracks)."""
        newer = (t for t in self._instances.tracks.values() if t.first_seen_ns >= track.last_seen_ns)
        return [one for one in newer if one is not track and one.state == "present" and _alike(track, one)]


def _only(tracks: list[Track]) -> Track | None:
    return tracks[0] if len(tracks) == 1 else None


def _alike(a: Track, b: Track) -> bool:
    first, second = a.instance(), b.instance()
    if first.label != second.label or (first.label == UNLABELLED and first.words != second.words):
        return False
    return iou(Box.of((0, 0, 0), first.box.size), Box.of((0, 0, 0), second.box.size), 0.02) >= _SAME_SIZE


@compiled
def _count(
    depth: NDArray[np.float32],
    K: NDArray[np.float64],
    T: NDArray[np.float64],
    points: NDArray[np.float32],
    step: int,
    range_m: float,
) -> tuple[int, int, int]:
    """How many of every step-th point are seen through, are seen, and how many there are."""
    free, there, n = 0, 0, 0
    height, width = depth.shape
    for i in range(0, len(points), step):
        n += 1
        x, y, w = np.float64(points[i, 0]), np.float64(points[i, 1]), np.float64(points[i, 2])
        z = T[2, 0] * x + T[2, 1] * y + T[2, 2] * w + T[2, 3]
        if z < 0.1 or z > range_m:
            continue
        u = int(np.floor(K[0, 0] * (T[0, 0] * x + T[0, 1] * y + T[0, 2] * w + T[0, 3]) / z + K[0, 2] + 0.5))
        v = int(np.floor(K[1, 1] * (T[1, 0] * x + T[1, 1] * y + T[1, 2] * w + T[1, 3]) / z + K[1, 2] + 0.5))
        if u < _EDGE_PX or v < _EDGE_PX or u >= width - _EDGE_PX or v >= height - _EDGE_PX:
            continue
        measured = np.float64(depth[v, u])
        margin = _MARGIN_M + _MARGIN_PER_M2 * z * z
        if measured <= 0.0 or measured < z - margin:
            continue
        if measured > z + margin:
            free += 1
        else:
            there += 1
    return free, there, n
