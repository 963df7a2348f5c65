# SPDX-License-Identifier: Apache-2.0
"""Frames in, memory out: the one loop behind offline builds, simulators and the live node.

A `Session` is one uninterrupted run of frames. It begins where the memory's last checkpoint ended, so an interrupted
build goes on and ends with the same digest as one that was never stopped.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import perception
from mapping import Mapper, MapperSettings
from memory_app.maps import MemoryRegions, other_layers
from memory_app.settings import PipelineSettings
from memory_app.warm_up import warm_up
from memory_core import CameraFrame, Event, FrameSource, MapUpdate, Segmenter
from memory_core.errors import BadFrame, BadSettings, BadSource
from memory_core.memory import Memory
from memory_core.packing import pack, unpack

Progress = Callable[[int, int | None], None]
_NOT_OF_THE_MAP = ("map_ram_mb", "device")  # settings that may differ from run to run
_UNUSABLE = "unusable"  # frames that the map cannot take, among the drops of their source


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Attributes:
        frames: frames of this recording in the memory, `resumed_at` of them from an earlier run.
        seconds: without the preparation before the first frame, which compiles once and loads afterwards.
        drops: inputs that could not become frames, by reason.
        stage_s: seconds spent, by stage: read, segment, integrate, update, commit.
    """

    frames: int
    resumed_at: int
    seconds: float
    drops: dict[str, int] = field(default_factory=dict)
    stage_s: dict[str, float] = field(default_factory=dict)

    @property
    def frames_per_s(self) -> float:
        return (self.frames - self.resumed_at) / self.seconds if self.seconds else 0.0


def fingerprint(frame: CameraFrame) -> str:
    """Name of the session that begins with this frame: the same from a folder and from a bag made of it."""
    content = hashlib.sha256(str(frame.stamp_ns).encode())
    for array in (frame.rgb, frame.depth, frame.K, frame.T_world_cam):
        content.update(array.tobytes())
    return f"s{content.hexdigest()[:12]}"


class Session:
    """Feeds the frames of one uninterrupted run into a memory.

    Args:
        memory: open for writing.
        first: the first frame of the run; names the session and selects the segmenter.

    Raises:
        BadSettings: the memory was built with other mapping settings.
        BadSource: this session was interrupted and another came after it.
    """

    def __init__(
        self,
        memory: Memory,
        first: CameraFrame,
        settings: PipelineSettings | None = None,
        mapper_settings: MapperSettings | None = None,
    ) -> None:
        self.memory = memory
        self.settings = settings or PipelineSettings()
        self.id = fingerprint(first)
        self.segmenter: Segmenter = perception.make(self.settings.segmenter, first)
        self.mapper = Mapper(mapper_settings or MapperSettings(), MemoryRegions(memory))
        self.stage_s = {"segment": 0.0, "integrate": 0.0, "update": 0.0, "commit": 0.0}
        self.n_frames = 0
        self.finished = False
        self._pending = 0
        self._is_new = True
        self._unsaved: MapUpdate | None = None
        self._about = {"mapper": _shaping(self.mapper.settings), "segmenter": self.settings.segmenter}
        self._restore()

    def add(self, frame: CameraFrame) -> None:
        """Segment and integrate one frame; commits after every `commit_every` frames.

        Raises:
            BadFrame: the frame cannot be part of this map; `skip` it or stop.
        """
        frame = replace(frame, session_id=self.id)
        began = time.perf_counter()
        segments = self.segmenter.segment(frame)
        segmented = time.perf_counter()
        self.mapper.integrate(frame, segments)
        self.stage_s["segment"] += segmented - began
        self.stage_s["integrate"] += time.perf_counter() - segmented
        self._pending += 1
        self.finished = False
        self.skip()

    def skip(self) -> None:
        """Count one more frame of the source, so that a resumed build goes on after it."""
        self.n_frames += 1
        if self.n_frames % self.settings.commit_every == 0:
            self.flush()

    def flush(self, *, final: bool = False) -> None:
        """Commit what is pending. With `final`, also end what is still open; adding more frames later is allowed.

        When the memory cannot take it (a full disk, say), nothing is lost: the next flush tries the same again.
        """
        while self._unsaved or self._pending or (final and not self.finished):
            self._unsaved = self._unsaved or self._take_update(final)
            began = time.perf_counter()
            self.memory.remember(self._unsaved)
            self._unsaved = None
            self.stage_s["commit"] += time.perf_counter() - began

    def _take_update(self, final: bool) -> MapUpdate:
        """What changed since the last update, with all that is needed to go on after it."""
        began = time.perf_counter()
        update = self.mapper.update(final=final)
        parts = {"mapper": update.state, "segmenter": self.segmenter.state()}
        state = pack({"about": self._about, "finished": final, **parts})
        update = replace(update, n_frames=self.n_frames, state=state, session_id=self.id)
        if self._is_new:
            update = update.plus(self._opening(update.events[0].stamp_ns if update.events else update.stamp_ns))
        self._is_new = False
        self._pending = 0
        self.finished = final
        self.stage_s["update"] += time.perf_counter() - began
        return update

    def _opening(self, stamp_ns: int) -> Event:
        return Event(
            kind="session",
            stamp_ns=stamp_ns,
            subject=self.id,
            text=f"Session {self.id} began.",
            payload={"settings": self._about},
            session_id=self.id,
            map_id=self.mapper.map_id,
        )

    def _restore(self) -> None:
        latest, own = self.memory.checkpoint(), self.memory.checkpoint(self.id)
        self._is_new = own is None
        if latest is None:
            return
        state = unpack((own or latest).state)
        built = {**state["about"], "mapper": {**_defaults(), **state["about"]["mapper"]}}
        if built != self._about:
            raise BadSettings(_difference(built, self._about))
        if own and own.session_id != latest.session_id and not state["finished"]:
            raise BadSource(
                f"session {self.id} stopped after {own.n_frames} frames and {latest.session_id} came after it; "
                "what is left of it cannot be put in between. Build both into a new directory"
            )
        self.mapper.restore(state["mapper"], other_layers(self.memory))
        if own is not None:
            self.segmenter.restore(state["segmenter"])
            self.n_frames = own.n_frames
            self.finished = bool(state["finished"])


def _shaping(settings: MapperSettings) -> dict[str, Any]:
    """The settings that the map depends on."""
    return {name: value for name, value in asdict(settings).items() if name not in _NOT_OF_THE_MAP}


def _defaults() -> dict[str, Any]:
    """Of settings that a memory may be older than."""
    return _shaping(MapperSettings())


def _difference(built: dict[str, Any], asked: dict[str, Any]) -> str:
    flat = [{"segmenter": d["segmenter"], **d["mapper"]} for d in (built, asked)]
    changed = [f"{name} {flat[0].get(name)!r}, asked {flat[1].get(name)!r}" for name in sorted(flat[1])
               if flat[0].get(name) != flat[1].get(name)]  # fmt: skip
    return "this memory was built with other settings: " + "; ".join(changed) + ". Use the same, or a new directory"


class Pipeline:
    """Replays a source into a memory. O(frames); one frame in RAM at a time besides the source's look-ahead."""

    def __init__(self, settings: PipelineSettings | None = None, mapper_settings: MapperSettings | None = None) -> None:
        self.settings = settings or PipelineSettings()
        self.mapper_settings = mapper_settings or MapperSettings()

    def run(
        self,
        source: FrameSource,
        memory: Memory,
        *,
        same_map: bool = False,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> BuildReport:
        """Build `memory` from all frames of `source`, going on where an earlier run of it stopped.

        Args:
            same_map: the memory already holds another session and the poses of this one are in the same map frame.
            limit: stop after this many frames of the source.
            progress: called with (frames done, frames in all or None).

        Raises:
            BadSource: the source has no frame, or belongs to another map or time than the memory.
        """
        first = next(iter(source.frames()), None)
        if first is None:
            raise BadSource(f"{source.name}: no frame could be read" + _drops(source))
        session = Session(memory, first, self.settings, self.mapper_settings)
        if session.n_frames == 0 and not same_map:
            _refuse_second_map(memory)
        warm_up(self.mapper_settings)
        began = time.perf_counter()
        resumed_at = session.n_frames
        total = source.n_frames if limit is None else min(limit, source.n_frames or limit)
        read_s = 0.0
        unusable = 0
        frames = _timed(source.frames(resumed_at))
        while limit is None or session.n_frames < limit:
            frame, seconds = next(frames, (None, 0.0))
            read_s += seconds
            if frame is None:
                break
            try:
                session.add(frame)
            except BadFrame as error:
                unusable += 1
                _note_unusable(source, error)
                session.skip()
            if progress:
                progress(session.n_frames, total)
        if unusable and unusable == session.n_frames - resumed_at:
            raise BadSource(f"{source.name}: no frame could be used{_drops(source)}")
        session.flush(final=True)
        return BuildReport(
            frames=session.n_frames,
            resumed_at=resumed_at,
            seconds=time.perf_counter() - began,
            drops=dict(source.drops),
            stage_s={"read": read_s, **session.stage_s},
        )


def _timed(frames: Iterator[CameraFrame]) -> Iterator[tuple[CameraFrame, float]]:
    began = time.perf_counter()
    for frame in frames:
        yield frame, time.perf_counter() - began
        began = time.perf_counter()


def _note_unusable(source: FrameSource, error: BadFrame) -> None:
    reason = str(getattr(error, "reason", _UNUSABLE))
    if reason not in source.drops:
        source.warnings.append(f"{reason}: {error}")
    source.drops[reason] = source.drops.get(reason, 0) + 1


def _drops(source: FrameSource) -> str:
    """What a source lost, as the end of a sentence."""
    lost = ", ".join(f"{n} {reason}" for reason, n in sorted(source.drops.items()))
    return "".join([f"; dropped: {lost}" if lost else "", *(f"; {warning}" for warning in source.warnings[:3])])


def _refuse_second_map(memory: Memory) -> None:
    sessions = memory.info()["sessions"]
    if sessions:
        names = ", ".join(str(name) for name in sessions)
        raise BadSource(
            f"the memory already holds session {names}. If this recording's poses are in the same map frame, "
            "say --same-map; otherwise use another directory"
        )
