# SPDX-License-Identifier: Apache-2.0
"""When something about an object is worth a record: intervals of visibility, with heartbeats ever farther apart."""

from __future__ import annotations

from dataclasses import dataclass

from mapping.objects.tracks import Track
from mapping.settings import MapperSettings
from memory_core.event import Kind
from memory_core.graph import State

_FIRST_HEARTBEAT_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Note:
    """Something to be told of a track; the rest of the event is known at the next update.

    Attributes:
        state, last_seen_ns, n_observations: as they were at stamp_ns.
        merged_into: id of the object that this one turned out to be, "" if none.
    """

    kind: Kind
    track: Track
    stamp_ns: int
    state: State
    last_seen_ns: int
    n_observations: int
    snapshot: str
    merged_into: str = ""


class Journal:
    """Collects notes between updates. A robot that stands still makes fewer and fewer of them.

    `see` costs O(1), `expire` O(intervals open).
    """

    def __init__(self, settings: MapperSettings) -> None:
        self._settings = settings
        self._open: dict[int, list[int]] = {}  # track number -> [stamp of the last record, time to the next]
        self._tracks: dict[int, Track] = {}
        self._notes: list[Note] = []

    def see(self, track: Track, stamp_ns: int, *, appeared: bool = False) -> None:
        """An admitted object is in view."""
        interval = self._open.get(track.number)
        if interval is None:
            self._open[track.number] = [stamp_ns, _FIRST_HEARTBEAT_NS]
            self._tracks[track.number] = track
            self.note("appeared" if appeared else "saw", track, stamp_ns)
        elif stamp_ns - interval[0] >= interval[1]:
            self._open[track.number] = [stamp_ns, min(2 * interval[1], int(self._settings.heartbeat_s * 1e9))]
            self.note("saw", track, stamp_ns)

    def note(self, kind: Kind, track: Track, stamp_ns: int, merged_into: str = "") -> None:
        """Record something now."""
        self._notes.append(
            Note(
                kind,
                track,
                stamp_ns,
                track.state,
                track.last_seen_ns,
                track.n_observations,
                track.snapshot,
                merged_into,
            )
        )

    def expire(self, stamp_ns: int) -> None:
        """End the intervals of what has not been in view for a while."""
        oldest_ns = stamp_ns - int(self._settings.gap_s * 1e9)
        for number in [n for n, track in self._tracks.items() if track.last_seen_ns < oldest_ns]:
            self._close(number, stamp_ns)

    def close_all(self, stamp_ns: int) -> None:
        """End every interval."""
        for number in list(self._open):
            self._close(number, stamp_ns)

    def end(self, track: Track) -> None:
        """The track is no more, or no longer there: its interval ends without a note of its own."""
        self._open.pop(track.number, None)
        self._tracks.pop(track.number, None)

    def take(self) -> list[Note]:
        """The notes since the last call, in order of time."""
        notes, self._notes = self._notes, []
        return notes

    def state(self) -> list[list[int]]:
        return [[number, *interval] for number, interval in self._open.items()]

    def restore(self, state: list[list[int]], tracks: dict[int, Track]) -> None:
        self._open = {number: interval for number, *interval in state}
        self._tracks = {number: tracks[number] for number in self._open}

    def _close(self, number: int, stamp_ns: int) -> None:
        track = self._tracks[number]
        self.note("saw", track, stamp_ns)
        self.end(track)
