# SPDX-License-Identifier: Apache-2.0
"""The one thread that maps: frames wait in a bounded queue, become memory, and are committed at least every period."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from mapping import MapperSettings
from memory_app.pipeline import Session
from memory_app.settings import PipelineSettings
from memory_core import CameraFrame, SceneGraph
from memory_core.errors import BadFrame, MemoryUnavailable
from memory_core.memory import Memory
from memory_nodes.counts import Counts
from recordings.drops import Rejected
from recordings.matching import PlacedFrame

Report = Callable[[str], None]

# How long a stop may go on integrating what waits; the rest of the two seconds is for the last commit.
_DRAIN_S = 1.0
_POLL_S = 0.1
_PIXEL_BYTES = 3 + 4


class FrameQueue:
    """Frames in order of arrival, limited in number and bytes; when full, the oldest make room."""

    def __init__(self, size: int, n_bytes: int) -> None:
        self._frames: deque[tuple[PlacedFrame, int]] = deque()
        self._size, self._n_bytes = size, n_bytes
        self._held = 0
        self._arrived = threading.Condition()
        self.n_in = 0
        self.n_out = 0

    def put(self, frame: PlacedFrame) -> int:
        """Append a frame; returns how many old ones had to go for it. O(1)."""
        weight = _weight(frame)
        with self._arrived:
            self._frames.append((frame, weight))
            self._held += weight
            self.n_in += 1
            n_dropped = 0
            while len(self._frames) > 1 and (len(self._frames) > self._size or self._held > self._n_bytes):
                self._take()
                n_dropped += 1
            self._arrived.notify()
            return n_dropped

    def get(self, timeout_s: float) -> PlacedFrame | None:
        """The oldest frame, or None when none came in time."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._frames, timeout_s)
            return self._take() if self._frames else None

    def __len__(self) -> int:
        return len(self._frames)

    def _take(self) -> PlacedFrame:
        frame, weight = self._frames.popleft()
        self._held -= weight
        self.n_out += 1
        return frame


def _weight(frame: PlacedFrame) -> int:
    """Bytes of the images of a frame at most; compressed ones hold less until they are decoded."""
    height, width = frame.depth.size
    return height * width * (_PIXEL_BYTES + (4 if frame.instances is not None else 0))


class MappingWorker:
    """Decodes and integrates frames and commits them, on its own thread.

    A frame that cannot be used is dropped and counted. Any other failure is reported and counted, and mapping goes on
    from the last commit: what was committed is kept, what was not is lost, and the map never holds half a frame.

    Args:
        memory: open for writing; used by this thread only.
        queue: where frames wait.
        commit_period_s: longest time between a frame's integration and its commit.
        on_commit: called on the worker's thread with the graph after each commit.
        report: takes one sentence about each failure.
    """

    def __init__(
        self,
        memory: Memory,
        pipeline: PipelineSettings,
        mapper: MapperSettings,
        *,
        queue: FrameQueue,
        commit_period_s: float,
        counts: Counts,
        on_commit: Callable[[SceneGraph], None],
        report: Report,
    ) -> None:
        self._memory, self._pipeline, self._mapper = memory, pipeline, mapper
        self._commit_period_s = commit_period_s
        self._counts, self._on_commit, self._report = counts, on_commit, report
        self._queue = queue
        self._session: Session | None = None
        self._session_name = ""
        self._remembered_until_ns = -1
        self._n_uncommitted = 0
        self._committed_at = time.monotonic()
        self._saves: deque[tuple[int, Future[None]]] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mapping")

    def start(self) -> None:
        self._thread.start()

    def put(self, frame: PlacedFrame) -> None:
        """Hand over a frame; returns at once."""
        self._counts.add("drop: queue full", self._queue.put(frame))

    def save(self) -> Future[None]:
        """Ask for all that came so far to be mapped and committed; the future ends when it is, or tells why not."""
        asked: Future[None] = Future()
        self._saves.append((self._queue.n_in, asked))
        return asked

    def stop(self) -> None:
        """End the session, commit, and join the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def n_waiting(self) -> int:
        return len(self._queue)

    @property
    def commit_age_s(self) -> float:
        """Seconds since everything known was last committed; 0 while nothing waits."""
        return time.monotonic() - self._committed_at if self._n_uncommitted else 0.0

    def _run(self) -> None:
        while not self._stop.is_set():
            self._step(self._queue.get(_POLL_S))
        until = time.monotonic() + _DRAIN_S
        while len(self._queue) and time.monotonic() < until:
            self._step(self._queue.get(0.0))
        if len(self._queue):
            self._counts.add("drop: stopped", len(self._queue))
            self._report(f"stopped with {len(self._queue)} frames waiting; they are lost")
        self._commit(final=True)
        while self._saves:
            self._saves.popleft()[1].set_exception(MemoryUnavailable("stopped before everything that came was mapped"))

    def _step(self, placed: PlacedFrame | None) -> None:
        if placed is not None:
            try:
                self._add(placed.decode())
            except (Rejected, BadFrame) as error:
                self._counts.add(f"drop: {getattr(error, 'reason', 'bad frame')}")
                self._report(f"frame dropped: {error}")
            except Exception as error:
                self._fail("frame", error)
        if self._saves and self._queue.n_out >= self._saves[0][0]:
            self._commit(final=True)
        elif self.commit_age_s >= self._commit_period_s:
            self._commit(final=False)

    def _add(self, frame: CameraFrame) -> None:
        if frame.session_id != self._session_name:
            self._commit(final=True)
            if self._n_uncommitted:
                self._fail("last commit of a session", MemoryUnavailable("another session begins"))
            self._session, self._session_name = None, frame.session_id
        session = self._session or self._begin(frame)
        if frame.stamp_ns <= self._remembered_until_ns:
            self._counts.add("drop: remembered already")
            return
        if self._n_uncommitted == 0:
            self._committed_at = time.monotonic()
        session.add(frame)
        self._n_uncommitted += 1
        self._counts.add("frames mapped")

    def _begin(self, first: CameraFrame) -> Session:
        session = Session(self._memory, first, self._pipeline, self._mapper)
        # A session that the memory knows begins again when a recording is played twice: it adds nothing.
        checkpoint = self._memory.checkpoint(session.id)
        self._remembered_until_ns = checkpoint.stamp_ns if checkpoint else -1
        self._counts.add("sessions")
        self._session = session
        return session

    def _commit(self, *, final: bool) -> None:
        asked = []
        while final and self._saves and self._queue.n_out >= self._saves[0][0]:
            asked.append(self._saves.popleft()[1])
        failure: Exception | None = None
        try:
            if self._session is not None:
                self._flush(self._session, final=final)
        except MemoryUnavailable as error:
            failure = error
            self._committed_at = time.monotonic()
            self._counts.add("error: commit")
            self._report(f"commit failed, nothing is lost and it is tried again: {error}")
        except Exception as error:
            failure = error
            self._fail("commit", error)
        for future in asked:
            future.set_exception(failure) if failure else future.set_result(None)

    def _flush(self, session: Session, *, final: bool) -> None:
        session.flush(final=final)
        self._n_uncommitted = 0
        self._counts.add("commits")
        self._on_commit(session.mapper.graph())

    def _fail(self, what: str, error: Exception) -> None:
        self._counts.add(f"error: {what}")
        self._report(
            f"{what} failed, {self._n_uncommitted} frames since the last commit are lost, going on from there: "
            f"{type(error).__name__}: {error}"
        )
        self._session = None
        self._n_uncommitted = 0
