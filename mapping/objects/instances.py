# SPDX-License-Identifier: Apache-2.0
"""The things seen so far: which segments show them, where they are, and when two of them turn out to be one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.objects.associate import View, agreement, assign, same_named, score
from mapping.objects.boxes import BoxGrid, moved_box
from mapping.objects.patches import Patch, PatchReader
from mapping.objects.surface_kernels import keys_of
from mapping.objects.surfaces import Surfaces
from mapping.objects.tracks import Track, track_from_json
from mapping.settings import MapperSettings
from memory_core.frame import CameraFrame
from memory_core.geometry import Box, iou, overlap_share
from memory_core.segment import Segment

_SEEN_APART = 0.1  # two things seen side by side in this share of their frames are two
_SHARED_VOXELS = 0.6  # two things never seen side by side are one when this much of the smaller is part of the other
_SAME_BOX = 0.5
_STILL_M = 1e-4  # what a correction moves by less is not touched
_NEIGHBOUR_M = 0.3  # things farther apart than this are never candidates for being one


@dataclass(frozen=True, eq=False, slots=True)
class Sighting:
    """One known thing in one frame."""

    track: Track
    segment: Segment
    n_points: int


class Instances:
    """All tracks: tentative, present and gone.

    `observe` costs O(voxels of the frame's segments), whatever the number of tracks elsewhere.
    """

    def __init__(self, settings: MapperSettings) -> None:
        self._settings = settings
        self._margin_m = settings.instance_voxel_m / 2
        self._reader = PatchReader(settings.instance_voxel_m, settings.instance_range_m)
        self._grid = BoxGrid()
        self._next_number = 0
        self._next_id = 1
        self._apart: dict[int, dict[int, int]] = {}  # for each of two things how often they were seen side by side
        self._touched: set[int] = set()
        self._tentative: dict[int, Track] = {}
        self._numbers: dict[str, int] = {}
        self.surfaces = Surfaces(settings.instance_voxels)
        self.gone: dict[int, Track] = {}
        self.tracks: dict[int, Track] = {}

    def observe(self, frame: CameraFrame, segments: Sequence[Segment]) -> list[Sighting]:
        """Fuse the segments of a frame; returns what was seen, tentative things included, in order of the segments."""
        readings = [(segment, self._reader.read(frame, segment)) for segment in segments]
        seen = [(s, p) for s, p in readings if p is not None and p.n_points >= self._settings.min_points]
        chosen = self._associate(seen)
        sightings = []
        for (segment, patch), number in zip(seen, chosen, strict=True):
            track = self._new_track(patch, frame.stamp_ns) if number is None else self.tracks[number]
            self._fuse(track, patch, segment, frame.stamp_ns)
            track.anchor = int(self.surfaces.anchor)
            x, y, z = frame.T_world_cam[:3, 3].tolist()
            track.directions |= track.direction_of((x, y, z))
            sightings.append(Sighting(track, segment, patch.n_points))
        self._note_apart([s.track for s in sightings])
        return sightings

    def is_due(self, track: Track) -> bool:
        """Whether a tentative track was seen often enough to be an object."""
        s = self._settings
        least = s.min_observations_unnamed if track.is_unnamed else s.min_observations
        return not track.id and track.n_observations >= least

    def admit(self, track: Track) -> None:
        """Make a tentative track an object."""
        track.id = f"o{self._next_id}"
        self._next_id += 1
        self._numbers[track.id] = track.number
        del self._tentative[track.number]

    def present(self) -> list[Track]:
        """Objects that are there, oldest first. O(tracks)."""
        return [track for track in self.tracks.values() if track.id and track.state == "present"]

    def surface(self, object_id: str) -> NDArray[np.float32]:
        """(N, 3) points on an object, metres; none when it is not known or its surface is not."""
        number = self._numbers.get(object_id, -1)
        return self.surfaces.of(number)[2] if number >= 0 else np.zeros((0, 3), np.float32)

    def near(self, box: Box, margin_m: float) -> list[Track]:
        """Tracks that are not gone with a box at most the margin away, oldest first."""
        tracks = [self.tracks[number] for number in self._grid.near(box, margin_m)]
        return [track for track in tracks if track.box.gap_m(box) <= margin_m]

    def retire(self, track: Track) -> None:
        """Take a thing that is gone out of the way of what may come to its place; its record stays."""
        track.state = "gone"
        self.gone[track.number] = track
        self.surfaces.release(track.number)
        self._grid.drop(track.number)
        self._touched.discard(track.number)

    def tidy(self, stamp_ns: int) -> list[tuple[Track, Track]]:
        """Drop stale tentative tracks and join duplicates among the tracks touched since the last call.

        Returns:
            (what stays, what ended) for each pair joined. O(touched tracks and their neighbours).
        """
        self._drop_stale(stamp_ns)
        joined = []
        for number in sorted(self._touched):
            while number in self.tracks and (other := self._duplicate_of(self.tracks[number])) is not None:
                stays, ends = self._order(self.tracks[number], other)
                self._join(stays, ends)
                joined.append((stays, ends))
                number = stays.number  # noqa: PLW2901 - what stays may have another duplicate
        self._touched.clear()
        return joined

    def take_over(self, track: Track, other: Track) -> None:
        """`other` is `track` at a new place: the older keeps its id and gets the surface of the newer."""
        self.retire(track)
        track.state = "present"
        del self.gone[track.number]
        self.surfaces.join(track.number, other.number)
        track.join(other)
        track.box = other.box
        self.forget(other)
        self._grid.put(track.number, track.box)

    def move(self, at: Callable[[NDArray[Any]], NDArray[np.float64]]) -> list[Track]:
        """Move everything with the nodes of the pose graph that it was seen from; returns what moved, oldest first.

        Args:
            at: anchors (N,) to the transforms (N, 4, 4) of what was seen from there.

        Nobody moved the things: they keep their ids, and copies that fall together are joined by the next `tidy`.
        O(surfaces of all tracks).
        """
        moved = []
        for track in self.tracks.values():
            if self._move(track, at):
                moved.append(track)
                if track.state != "gone":
                    self._touched.add(track.number)
                    self._grid.put(track.number, track.box)
        return moved

    def _move(self, track: Track, at: Callable[[NDArray[Any]], NDArray[np.float64]]) -> bool:
        _, seen, means = self.surfaces.of(track.number)
        if not len(means):
            before, T = track.box, at(np.array([track.anchor]))[0]
            track.box = moved_box(before, T)
            return track.box != before
        anchors = self.surfaces.anchors_of(track.number)
        T = at(anchors)
        points = (np.einsum("nij,nj->ni", T[:, :3, :3], means) + T[:, :3, 3]).astype(np.float32)
        if np.abs(points - means).max() < _STILL_M:
            return False
        keys = np.empty(len(points), np.int64)
        keys_of(points, 1.0 / self._settings.instance_voxel_m, keys)
        oldest_first = slice(None, None, -1)
        self.surfaces.replace(
            track.number, keys[oldest_first], points[oldest_first], seen[oldest_first], anchors[oldest_first]
        )
        track.box = robust_box(*self.surfaces.of(track.number)[1:], self._settings.box_trim)
        return True

    def forget(self, track: Track) -> None:
        """Remove every trace of a track."""
        self.surfaces.release(track.number)
        self._grid.drop(track.number)
        self._touched.discard(track.number)
        self._tentative.pop(track.number, None)
        self._numbers.pop(track.id, None)
        del self.tracks[track.number]
        for other in self._apart.pop(track.number, {}):
            del self._apart[other][track.number]

    def _associate(self, seen: Sequence[tuple[Segment, Patch]]) -> list[int | None]:
        views = [View(_box(patch.minimum, patch.maximum), segment.label_scores) for segment, patch in seen]
        shared: list[dict[int, float]] = []
        for _, patch in seen:
            votes = self.surfaces.overlaps(patch.keys)
            shared.append({owner: n / len(patch.keys) for owner, n in votes})
        candidates = [
            sorted({*shares, *self._grid.near(view.box, 2 * self._margin_m)})
            for view, shares in zip(views, shared, strict=True)
        ]

        def fit(segment: int, number: int) -> float:
            track = self.tracks[number]
            view = View(track.box, track.label_scores())
            return score(
                views[segment], view, shared[segment].get(number, 0.0), overlap=self._settings.overlap,
                box_overlap=self._settings.box_overlap, margin_m=self._margin_m,
            )  # fmt: skip

        return assign(len(seen), candidates, fit)

    def _new_track(self, patch: Patch, stamp_ns: int) -> Track:
        track = Track(self._next_number, _box(patch.minimum, patch.maximum), stamp_ns, stamp_ns)
        self._next_number += 1
        self.tracks[track.number] = track
        self._tentative[track.number] = track
        return track

    def _fuse(self, track: Track, patch: Patch, segment: Segment, stamp_ns: int) -> None:
        self.surfaces.add(track.number, patch.keys, patch.means)
        track.see(patch, segment.label_scores, segment.source, stamp_ns, segment.n_pixels)
        self._measure(track)
        self._touched.add(track.number)

    def _measure(self, track: Track) -> None:
        _, hits, means = self.surfaces.of(track.number)
        track.box = robust_box(hits, means, self._settings.box_trim)
        self._grid.put(track.number, track.box)

    def _note_apart(self, tracks: Sequence[Track]) -> None:
        """Remember which neighbours were seen side by side: they are two things."""
        if len(tracks) < 2:
            return
        low = np.array([t.box.minimum for t in tracks]) - _NEIGHBOUR_M / 2
        high = np.array([t.box.maximum for t in tracks]) + _NEIGHBOUR_M / 2
        close = ((low[:, None] <= high[None]) & (low[None] <= high[:, None])).all(axis=2)
        for i, j in np.argwhere(np.triu(close, 1)).tolist():
            a, b = tracks[i], tracks[j]
            if agreement(a.label_sums, b.label_sums) > 0.0:
                self._set_apart(a.number, b.number, self._n_apart(a, b) + 1)

    def _set_apart(self, a: int, b: int, n_frames: int) -> None:
        self._apart.setdefault(a, {})[b] = self._apart.setdefault(b, {})[a] = n_frames

    def _n_apart(self, a: Track, b: Track) -> int:
        return self._apart.get(a.number, {}).get(b.number, 0)

    def _duplicate_of(self, track: Track) -> Track | None:
        for other in self.near(track.box, self._margin_m):
            if other is not track and self._are_one(track, other):
                return other
        return None

    def _are_one(self, a: Track, b: Track) -> bool:
        if self._n_apart(a, b) > _SEEN_APART * min(a.n_observations, b.n_observations):
            return False
        scores = a.label_scores(), b.label_scores()
        if agreement(*scores) < 0.5:
            return False
        if same_named(*scores) and overlap_share(a.box, b.box, self._margin_m) >= self._settings.box_overlap:
            return True
        if iou(a.box, b.box, self._margin_m) >= _SAME_BOX:
            return True
        smaller, larger = sorted((a, b), key=lambda track: self.surfaces.n_voxels(track.number))
        keys = self.surfaces.of(smaller.number)[0]
        return self.surfaces.n_near(larger.number, keys) >= _SHARED_VOXELS * max(1, len(keys))

    @staticmethod
    def _order(a: Track, b: Track) -> tuple[Track, Track]:
        """Which of two stays: the admitted one, then the older one."""
        first, second = sorted((a, b), key=lambda track: (not track.id, track.number))
        return first, second

    def _join(self, stays: Track, ends: Track) -> None:
        self.surfaces.join(stays.number, ends.number)
        stays.join(ends)
        self.forget(ends)
        self._measure(stays)

    def _drop_stale(self, stamp_ns: int) -> None:
        oldest_ns = stamp_ns - int(self._settings.tentative_s * 1e9)
        for track in [track for track in self._tentative.values() if track.last_seen_ns < oldest_ns]:
            self.forget(track)

    def state(self) -> dict[str, Any]:
        """JSON values and arrays from which `restore` goes on exactly as if never stopped."""
        arrays = {f"surface_{name}": value for name, value in self.surfaces.state().items()}
        return {
            **arrays,
            "tracks": [track.to_json() for track in self.tracks.values()],
            "numbers": [self._next_number, self._next_id],
            "apart": [[a, b, n] for a in sorted(self._apart) for b, n in sorted(self._apart[a].items()) if a < b],
            "touched": sorted(self._touched),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.surfaces.restore({n.removeprefix("surface_"): v for n, v in state.items() if n.startswith("surface_")})
        self.tracks = {track.number: track for track in map(track_from_json, state["tracks"])}
        self._next_number, self._next_id = state["numbers"]
        self._apart = {}
        for a, b, n_frames in state["apart"]:
            self._set_apart(a, b, n_frames)
        self._touched = set(state["touched"])
        self._sort()

    def _sort(self) -> None:
        """Fill what is derived from the tracks."""
        self._grid = BoxGrid()
        self._tentative = {track.number: track for track in self.tracks.values() if not track.id}
        self._numbers = {track.id: track.number for track in self.tracks.values() if track.id}
        self.gone = {track.number: track for track in self.tracks.values() if track.state == "gone"}
        for track in self.tracks.values():
            if track.state != "gone":
                self._grid.put(track.number, track.box)


def robust_box(hits: NDArray[np.uint16], means: NDArray[np.float32], trim: float) -> Box:
    """The box of a surface without its outermost and least certain voxels.

    Args:
        hits: (N,) frames that saw each voxel; where most voxels were seen twice, the others do not count.
        means: (N, 3) metres.
        trim: share of voxels cut off at each side.
    """
    certain = hits >= 2
    points = means[certain] if 2 * np.count_nonzero(certain) >= max(8, len(hits)) else means
    k = int(trim * len(points))
    ordered = np.sort(points, axis=0)
    return _box(ordered[k], ordered[len(points) - 1 - k])


def _box(minimum: NDArray[np.floating[Any]], maximum: NDArray[np.floating[Any]]) -> Box:
    a, b = minimum.tolist(), maximum.tolist()
    return Box((a[0], a[1], a[2]), (b[0], b[1], b[2]))
