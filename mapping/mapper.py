# SPDX-License-Identifier: Apache-2.0
"""Frames and segments in, map updates out: composes octree, objects, places, relations, keyframes and the journal."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.frontiers import Frontiers, FrontierSettings
from mapping.keyframes import KeyframeGate, Shown
from mapping.objects.boxes import largest_shift_m
from mapping.objects.changes import Absence
from mapping.objects.instances import Instances, Sighting
from mapping.objects.relations import Relations
from mapping.objects.tracks import Track
from mapping.octree.octree import Octree
from mapping.octree.paging import RegionStore
from mapping.pose_graph.anchoring import LAYERS, Anchoring
from mapping.pose_graph.constraints import Constraint, CorrectedPoses, Correction
from mapping.pose_graph.graph import PoseGraph
from mapping.settings import MapperSettings
from mapping.snapshots import Snapshots
from mapping.space import SpaceLayers, by_layer
from mapping.story.journal import Journal
from mapping.story.scene_graph import GraphView, graph_from_json, graph_to_json
from mapping.story.telling import Teller
from mapping.topology import topology
from mapping.topology.topology import Topology, TopologyChange, TopologySettings
from memory_core.config import check
from memory_core.errors import BadFrame, CorruptMemory
from memory_core.event import Event, Keyframe, MapUpdate
from memory_core.frame import CameraFrame
from memory_core.graph import Instance, SceneGraph
from memory_core.packing import pack, unpack
from memory_core.segment import Segment

_STATE_VERSION = 2
_TIDY_EVERY = 10  # frames between two looks for duplicates
_MUCH_MORE = 1.2
_LOCATE_EVERY = 5  # frames between two looks at which place the camera is in


class Mapper:
    """Builds the map of one `map_id` from frames in order of time.

    The graph is always what the events so far say: an object changes in the graph when an event tells so, which it
    does when its box moved by `moved_m`, when it comes into or leaves view, or at a heartbeat.

    Args:
        store: has the octree's regions of every update but the last, so that they need not all stay in RAM.
    """

    def __init__(self, settings: MapperSettings | None = None, store: RegionStore | None = None) -> None:
        self.settings = settings or MapperSettings()
        check(self.settings)
        self.space = SpaceLayers(self.settings, store)
        self.map_id = ""
        self._topology = Topology(TopologySettings(max_range_m=self.settings.max_range_m))
        self._instances = Instances(self.settings)
        self._absence = Absence(self._instances, self.settings)
        self._relations = Relations(self.settings)
        self._gate = KeyframeGate(self.settings)
        self.frontiers = Frontiers(
            FrontierSettings(max_range_m=self.settings.max_range_m), self.settings.voxel_size_m, self.settings.frontiers
        )
        self.snapshots = Snapshots()
        self._journal = Journal(self.settings)
        self._view = GraphView()
        self._teller = Teller(self._view)
        self._anchoring = Anchoring(self.settings)
        self._corrections: list[dict[str, Any]] = []
        self._corrected: dict[int, None] = {}  # objects that a correction moved
        self._stamp_ns = 0
        self._n_frames = 0
        self._whereabouts = ("", "")
        self._keyframes: list[Keyframe] = []
        self._trail: list[tuple[int, tuple[float, float, float]]] = []
        self._seen: dict[int, None] = {}  # objects that may differ from what the graph shows

    def integrate(self, frame: CameraFrame, segments: Sequence[Segment]) -> None:
        """Take in one frame and what is in it. O(pixels and segments of the frame), whatever the size of the map.

        A frame of another session than the one before begins a new session in the same map.

        Raises:
            BadFrame: another map than before, a stamp before that of the last frame of the session, or an embedding
                of another kind than those before.
            PoseRefused: its pose is uncertain or jumps; see `mapping.pose_graph.gate`. Nothing was written.
        """
        self.space.check(segments)
        frame, jumped = self._begin(frame)
        self.space.integrate(frame, segments)
        self._anchoring.enter(frame, jumped=jumped)
        self._anchoring.look(frame, self.octree.voxel_size_m)
        self._instances.surfaces.anchor = float(self._anchoring.node)
        self._topology.observe(frame)
        sightings = self._instances.observe(frame, segments)
        appeared = self._admit(sightings, frame.stamp_ns)
        self._keep(frame, sightings)
        for track in [s.track for s in sightings if s.track.id]:
            self._seen[track.number] = None
            self._journal.see(track, frame.stamp_ns, appeared=track.number in appeared)
        self._note_absence(frame, {s.track.number for s in sightings})
        self._journal.expire(frame.stamp_ns)
        if self._n_frames % _TIDY_EVERY == 0:
            self._tidy()
        if self._n_frames % _LOCATE_EVERY == 1:
            self._note_position(frame)

    def correct(
        self,
        poses: CorrectedPoses | None = None,
        constraints: Sequence[Constraint] = (),
        *,
        source_follows: bool = False,
    ) -> Correction:
        """Correct the trajectory; everything seen from it moves along, without looking at the recording again.

        Objects, blocks, places and keyframes move with the nodes that they were seen from; copies of one thing that
        fall together are joined. The next update tells it, by events of kind "corrected": nothing "moved".

        Args:
            poses: the trajectory as it is known now; or, without it,
            constraints: relations between its nodes, e.g. loop closures, in addition to those given before.
            source_follows: whether later frames come with corrected poses as well, as those of a SLAM system do; those
                of a recording or of odometry do not, and are moved like the last one.

        O(trajectory + map + objects).

        Raises:
            BadInput: they have nothing to do with this trajectory; nothing is changed.
        """
        deltas, done = self._anchoring.solve(poses, constraints)
        self._anchoring.follow_source(deltas, source_follows=source_follows)
        if not done.n_moved:
            return done
        last = deltas.T[self._anchoring.node]
        self._corrections.append(self._anchoring.told(deltas))
        moved = self._instances.move(deltas.at)
        self._corrected.update(dict.fromkeys(track.number for track in moved if track.id))
        boxes = self.space.move(self._anchoring, deltas, self._stamp_ns)
        self._topology.look_again(boxes)
        self.frontiers.look_again(boxes)
        self._gate.move(last)
        self._trail = [(ns, _moved(last, at)) for ns, at in self._trail]
        self._tidy()
        return done

    def update(self, final: bool = False) -> MapUpdate:
        """Everything that changed since the last call.

        Args:
            final: no frame follows for now; ends what is in view and tells the exact state of every object.

        The same frames and the same calls give the same bytes. O(what changed), except the state, which is written
        whole: O(objects and their surfaces), a few milliseconds for a house.
        """
        if final:
            self._tidy()
            self._journal.close_all(self._stamp_ns)
        change = self._topology.update(self.octree, self._known(final))
        grown = self._grown()
        events = self._tell_corrections()
        events += self._tell_objects(change, final)
        open_ends = self.frontiers.update(self.octree, change.places, change.gone_places, self._stamp_ns)
        covered = self.snapshots.update(self._centers(self.snapshots.affected()))
        if change or open_ends or covered:
            events.append(self._teller.mapped(change, open_ends, covered, self._stamp_ns))
            self._view.apply(events[-1:])
        events += self._tell_relations(events, grown)
        events += self._tell_way()
        keyframes, self._keyframes = tuple(self._keyframes), []
        return MapUpdate(
            stamp_ns=self._stamp_ns,
            n_frames=self._n_frames,
            graph=self.graph(),
            events=tuple(events),
            keyframes=keyframes,
            map_blocks={
                **self.space.changed_blocks(),
                **self._topology.changed_blocks(),
                **self._anchoring.changed_blocks(),
            },
            state=self._state(),
        )

    @property
    def octree(self) -> Octree:
        """Which space is occupied, free or unknown."""
        return self.space.octree

    @property
    def trajectory(self) -> PoseGraph:
        """Where the camera was: nodes that everything is anchored to."""
        return self._anchoring.graph

    def graph(self) -> SceneGraph:
        """What the events up to the last update say. O(everything)."""
        return self._view.graph(self._stamp_ns)

    def restore(self, state: bytes, blocks: Mapping[str, bytes]) -> None:
        """Go on after the update that gave this state, exactly as if never stopped.

        Args:
            state: of the last update.
            blocks: all map blocks by region key, the newest content of each; with a store, all but the octree's.

        Raises:
            CorruptMemory: the state or a block is damaged.
        """
        layers = by_layer(blocks)
        self.space.restore_blocks(layers)
        self._anchoring.restore_blocks({name: layers.get(name, {}) for name in LAYERS})
        self._load(_unpacked(state), layers)

    def _begin(self, frame: CameraFrame) -> tuple[CameraFrame, bool]:
        """Begin a session where the frame does; the frame in the corrected map, and whether it is a new segment."""
        if self.map_id and frame.map_id != self.map_id:
            raise BadFrame(
                f"map_id: want {self.map_id!r} as in earlier frames, got {frame.map_id!r}; use another memory"
            )
        if frame.session_id != self._teller.session_id:
            self._begin_session(frame)
        elif frame.stamp_ns < self._stamp_ns:
            raise BadFrame(
                f"stamp_ns: want {self._stamp_ns} or later, got {frame.stamp_ns}; "
                "a clock that goes back begins a new session"
            )
        frame = self._anchoring.placed(frame)
        jumped = self._anchoring.check(frame)
        self._stamp_ns = frame.stamp_ns
        self._n_frames += 1
        return frame, jumped

    def _begin_session(self, frame: CameraFrame) -> None:
        self.map_id = frame.map_id
        self._teller.begin_session(frame)
        self._journal.close_all(frame.stamp_ns)
        self._gate.begin_session()
        self._anchoring.begin_session()
        self.space.begin_session()
        self._n_frames = 0
        self._whereabouts = ("", "")

    def _admit(self, sightings: list[Sighting], stamp_ns: int) -> set[int]:
        """Numbers of the tracks that became objects in this frame; known ones that came back replace their sighting."""
        appeared = set()
        for index, sighting in enumerate(sightings):
            track = sighting.track
            if not self._instances.is_due(track):
                continue
            earlier = self._absence.earlier(track)
            if earlier is None:
                self._instances.admit(track)
                appeared.add(track.number)
            else:
                self._move(earlier, track, stamp_ns)
                sightings[index] = Sighting(earlier, sighting.segment, sighting.n_points)
        return appeared

    def _move(self, track: Track, newer: Track, stamp_ns: int) -> None:
        """`newer` is `track` at another place."""
        if newer.id:
            self._journal.note("changed", newer, stamp_ns, merged_into=track.id)
            self._end(newer)
        self._instances.take_over(track, newer)
        self._forget_views(track)
        self._journal.note("moved", track, stamp_ns)

    def _end(self, track: Track) -> None:
        self._journal.end(track)
        self._forget_views(track)
        self._seen.pop(track.number, None)
        self._corrected.pop(track.number, None)

    def _forget_views(self, track: Track) -> None:
        """The images so far do not show how things are."""
        self._gate.forget(track.id)
        self.snapshots.forget(track.id)

    def _keep(self, frame: CameraFrame, sightings: Sequence[Sighting]) -> None:
        """Offer the frame as a keyframe; what it shows is then explained by it."""
        admitted = [s for s in sightings if s.track.id]
        shown = [Shown(s.track.id, s.segment.box_px, s.segment.n_pixels) for s in admitted]
        keyframe = self._gate.offer(frame, shown, frontier=self.frontiers.observe(frame))
        if keyframe is None:
            return
        self.frontiers.kept(keyframe.id)
        self.snapshots.see(keyframe.id, {one.id: one.n_pixels for one in shown})
        self._keyframes.append(keyframe)
        self._anchoring.keep(keyframe)
        for sighting in admitted:
            if not sighting.track.snapshot or 2 * sighting.segment.n_pixels >= sighting.track.n_pixels:
                sighting.track.snapshot = keyframe.id

    def _note_absence(self, frame: CameraFrame, seen: set[int]) -> None:
        for track in self._absence.look(frame, seen):
            self._journal.end(track)
            newer = self._absence.later(track)
            if newer is not None:
                self._move(track, newer, frame.stamp_ns)
                continue
            self._instances.retire(track)
            self.snapshots.forget(track.id)
            self._journal.note("vanished", track, frame.stamp_ns)

    def _tidy(self) -> None:
        for stays, ends in self._instances.tidy(self._stamp_ns):
            if stays.id:
                self._seen[stays.number] = None
            if ends.id:
                self._journal.note("changed", ends, self._stamp_ns, merged_into=stays.id)
                self._end(ends)

    def _note_position(self, frame: CameraFrame) -> None:
        x, y, z = frame.T_world_cam[:3, 3].tolist()
        self._trail.append((frame.stamp_ns, (x, y, z)))

    def _tell_corrections(self) -> list[Event]:
        told = [self._teller.corrected(payload, self._stamp_ns) for payload in self._corrections]
        self._corrections.clear()
        return told

    def _tell_objects(self, change: TopologyChange, final: bool) -> list[Event]:
        """Events of the notes, then of everything that the graph no longer shows as it is."""
        self._locate(change)
        rooms = self._topology.rooms
        told = [self._teller.note(note, rooms) for note in self._journal.take()]
        self._view.apply(told)
        for track in (self._instances.tracks[number] for number in sorted(self._corrected)):
            if track.id and self._view.instances.get(track.id) != track.instance():
                told.append(self._teller.about("corrected", track, self._stamp_ns, rooms))
                self._view.apply(told[-1:])
        self._corrected.clear()
        numbers = sorted(self._instances.tracks) if final else sorted(self._seen)
        self._seen.clear()
        for track in (self._instances.tracks[number] for number in numbers):
            if track.id and self._is_stale(track, final):
                told.append(self._teller.about("saw", track, self._stamp_ns, rooms))
                self._view.apply(told[-1:])
        return told

    def _is_stale(self, track: Track, final: bool) -> bool:
        """Whether the graph shows something else than what is known of a track."""
        shown, known = self._view.instances.get(track.id), track.instance()
        if shown is None or final:
            return shown != known
        if (shown.label, shown.room_id, shown.state) != (known.label, known.room_id, known.state):
            return True
        lost_place = bool(shown.place_id) and shown.place_id not in self._topology.places
        return lost_place or largest_shift_m(shown.box, known.box) > self.settings.moved_m

    def _locate(self, change: TopologyChange) -> None:
        """Place and room of what was seen, or of everything where places or rooms changed."""
        if change:
            self._seen.update(dict.fromkeys(track.number for track in self._instances.present()))
        for number in {**self._seen, **self._corrected}:
            track = self._instances.tracks[number]
            track.place_id, track.room_id = self._topology.locate_box(track.box)

    def _known(self, final: bool) -> dict[str, Instance]:
        """What the graph shows, with the latest of what was seen since; in the end everything as it is."""
        numbers = self._instances.tracks if final else {**self._seen, **self._corrected}
        fresh = [self._instances.tracks[number] for number in numbers]
        return {**self._view.instances, **{track.id: track.instance() for track in fresh if track.id}}

    def _centers(self, names: Sequence[str]) -> dict[str, tuple[float, float, float]]:
        known = self._view.instances
        return {name: known[name].position for name in names if name in known}

    def _grown(self) -> list[str]:
        """Objects of whose surface much more is known than when their relations were last looked at."""
        grown = []
        for number in sorted(self._seen):
            track, n = self._instances.tracks[number], self._instances.surfaces.n_voxels(number)
            if n > _MUCH_MORE * track.n_related:
                track.n_related = n
                grown.append(track.id)
        return grown

    def _tell_relations(self, events: Sequence[Event], grown: Sequence[str]) -> list[Event]:
        """Relations that began or ended by what the events told of objects, or by more of their surface."""
        changed = dict.fromkeys([*(event.subject for event in events if "instance" in event.payload), *grown])
        began, ended = self._relations.update(self._view.instances, changed, self._surface)
        told = self._teller.relations(ended, self._stamp_ns, hold=False)
        told += self._teller.relations(began, self._stamp_ns, hold=True)
        self._view.apply(told)
        return told

    def _surface(self, object_id: str) -> NDArray[np.float32]:
        return self._instances.surface(object_id)

    def _tell_way(self) -> list[Event]:
        """Places and rooms the camera came to since the last update."""
        told = []
        for stamp_ns, position in self._trail:
            place_id, room_id = self._topology.locate(position)
            if room_id and room_id != self._whereabouts[1]:
                label = self._topology.rooms[room_id].label
                told.append(self._teller.entered(room_id, f"the {label} ({room_id})", position, stamp_ns))
            if place_id and place_id != self._whereabouts[0]:
                told.append(self._teller.entered(place_id, f"place {place_id}", position, stamp_ns))
            self._whereabouts = (place_id or self._whereabouts[0], room_id or self._whereabouts[1])
        self._trail.clear()
        return told

    def _state(self) -> bytes:
        """Everything but the octree, whose blocks are stored on their own."""
        values = {
            "version": _STATE_VERSION,
            "map_id": self.map_id,
            "teller": self._teller.state(),
            "clock": [self._stamp_ns, self._n_frames],
            "whereabouts": list(self._whereabouts),
            "instances": pack(self._instances.state()),
            "journal": self._journal.state(),
            "gate": self._gate.state(),
            "relations": self._relations.state(),
            "view": graph_to_json(self.graph()),
            "topology": self._topology.state(),
            "frontiers": self.frontiers.state(),
            "snapshots": self.snapshots.state(),
            "anchoring": self._anchoring.state(),
            "space": pack(self.space.state()),
        }
        return zlib.compress(pack(values), 1)

    def _load(self, values: dict[str, Any], layers: Mapping[str, Mapping[str, bytes]]) -> None:
        self.map_id = values["map_id"]
        self._teller.restore(values["teller"])
        self._stamp_ns, self._n_frames = values["clock"]
        self._whereabouts = (values["whereabouts"][0], values["whereabouts"][1])
        self._instances.restore(unpack(values["instances"]))
        self._journal.restore(values["journal"], self._instances.tracks)
        self._gate.restore(values["gate"])
        self._view.load(graph_from_json(values["view"]))
        self._relations.restore(values["relations"], self._view.instances)
        self._topology.restore(values["topology"], layers.get(topology.LAYER, {}))
        self.frontiers.restore(values["frontiers"], self._topology.places)
        self.snapshots.restore(values["snapshots"])
        self._anchoring.restore(values["anchoring"])
        self.space.restore(unpack(values["space"]))


def _moved(T: NDArray[np.float64], at: tuple[float, float, float]) -> tuple[float, float, float]:
    x, y, z = (T[:3, :3] @ at + T[:3, 3]).tolist()
    return (x, y, z)


def _unpacked(state: bytes) -> dict[str, Any]:
    try:
        values = unpack(zlib.decompress(state))
    except zlib.error as error:
        raise CorruptMemory(f"mapper state: {len(state)} bytes cannot be decompressed ({error})") from error
    if values.get("version") != _STATE_VERSION:
        raise CorruptMemory(f"mapper state: want version {_STATE_VERSION}, got {values.get('version')!r}")
    return values
