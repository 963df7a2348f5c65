# SPDX-License-Identifier: Apache-2.0
"""Memory: what a robot has seen and done, on disk, with questions and answers.

    with Memory.open("kitchen") as memory:
        print(memory.ask("where is the mug?").text)

One process writes, any number read. All methods may be called from several threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import apsw

from memory_core.errors import BadInput, BadQuestion, CorruptMemory, MemoryUnavailable
from memory_core.event import Event, Keyframe, MapUpdate
from memory_core.graph import SceneGraph
from memory_core.question import Answer, Question
from memory_core.recall import answer
from memory_core.store import directory, graph, log, query, records, verify, views
from memory_core.store.blobs import IMAGE, MAP, Blobs, sha256
from memory_core.store.log import StoredEvent
from memory_core.store.records import Checkpoint
from memory_core.store.sqlite import Database
from memory_core.store.verify import Report

__all__ = ["Checkpoint", "Memory", "Report", "StoredEvent"]

_TRIES = 5


class Memory:
    """A memory directory, open. Make one with `Memory.open`; close it, or use it in a `with` block."""

    def __init__(self, path: Path, database: Database, lock: int | None) -> None:
        self.path = path
        self._database = database
        self._blobs = Blobs(path / directory.BLOBS)
        self._lock = lock
        self._remembering = threading.RLock()

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, create: bool = True, read_only: bool = False) -> Memory:
        """Open the memory in a directory, or begin one there. O(1): does not depend on what it holds.

        Args:
            create: begin a new memory when there is none.
            read_only: never writes and never waits for the writer.

        Raises:
            NotAMemory: the path is something else, or there is nothing and it must not be created.
            NewerFormat: written by a newer Tolman.
            MemoryLocked: another process is writing and `read_only` was not asked for.
            CorruptMemory: damaged.
        """
        folder = Path(path)
        lock: int | None = None
        with directory.file_errors(folder):
            directory.prepare(folder, create=create and not read_only)
            try:
                if not read_only:
                    lock = directory.acquire(folder)
                    directory.hold_reserve(folder)
                return cls(folder, Database(folder / directory.DATABASE, read_only=read_only), lock)
            except BaseException:
                if lock is not None:
                    os.close(lock)
                raise

    def __enter__(self) -> Memory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Fold the write-ahead log into the file and let others write. Closing twice is allowed."""
        with self._remembering:
            self._database.close()
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def remember(self, update: MapUpdate) -> list[int]:
        """Store all of an update or nothing of it; durable on return.

        An update that this session's checkpoint already covers is not stored again.

        Returns:
            The numbers of its events in the log; empty when it was known already.

        O(update x log memory).

        Raises:
            BadInput: the update contradicts itself or what is stored.
            StorageFull: the disk is full; the memory stays as it was and can be used.
        """
        prepared = [log.normalised(event) for event in update.events]
        with self._remembering:
            session, map_id = self._session_of(update)
            sha = records.update_sha(update, [canonical for _, canonical in prepared])
            if self._is_known(session, update.n_frames, sha):
                return []
            with self._new_blobs(update), self._database.write() as connection:
                numbers = _append(connection, prepared)
                records.save_keyframes(connection, update.keyframes)
                replaced = records.save_map_blocks(connection, update.map_blocks)
                records.save_checkpoint(connection, update, session=session, map_id=map_id, sha=sha, events=numbers)
            self._delete_useless(replaced)
        return numbers

    def record(self, *events: Event) -> list[int]:
        """Store events that no map update brought: what was done, planned or said. Durable on return.

        O(events x log memory).

        Raises:
            BadInput, StorageFull: as `remember`.
        """
        prepared = [log.normalised(event) for event in events]
        with self._remembering, self._database.write() as connection:
            return _append(connection, prepared)

    def ask(
        self,
        text: str,
        *,
        as_of_ns: int | None = None,
        near: tuple[float, float, float] | None = None,
        limit: int = 10,
    ) -> Answer:
        """Answer a question in words. O(matches x log memory).

        Args:
            as_of_ns: answer as the memory stood at that time.
            near: where the asker is, map frame, metres: the meaning of "near me", and nearer matches come first.
            limit: most results to list; counts are exact regardless.

        Returns:
            Status "unsupported" with examples when the text was not understood.

        Raises:
            BadQuestion: an argument is of the wrong type or out of range.
        """
        if not isinstance(text, str):
            raise BadQuestion(f"question: want text, got {type(text).__name__}")
        with self._database.read() as connection:
            return answer.ask(connection, text, as_of_ns=as_of_ns, near=near, limit=limit)

    def recall(self, question: Question) -> Answer:
        """Answer a structured question. O(matches x log memory).

        Raises:
            BadQuestion: its fields contradict each other or are out of range.
        """
        with self._database.read() as connection:
            return answer.recall(connection, question)

    def graph(self, as_of_ns: int | None = None) -> SceneGraph:
        """The scene graph now, O(graph), or as it was at a time, O(versions)."""
        with self._database.read() as connection:
            return graph.load(connection, as_of_ns)

    def events(
        self,
        since: int = 0,
        kinds: Sequence[str] = (),
        subject: str = "",
        *,
        text: str = "",
        during_ns: tuple[int, int] | None = None,
        limit: int | None = 1000,
        newest_first: bool = False,
    ) -> list[StoredEvent]:
        """Events with a number greater than `since`, in order of the log.

        Args:
            kinds: only these.
            subject: only those about this object, place, room or session.
            text: only those whose label or text has all these words.
            during_ns: only those with first <= stamp <= last.
            limit: at most so many; None for all.

        O(matches x log events); with `kinds` and `during_ns` alone also the events they pass over.
        """
        with self._database.read() as connection:
            return log.find(connection, log.Filter(since, tuple(kinds), subject, text, during_ns, limit, newest_first))

    def checkpoint(self, session_id: str | None = None) -> Checkpoint | None:
        """How far a session, or the latest one, has been remembered; None when there is none. O(sessions)."""
        with self._database.read() as connection:
            return records.load_checkpoint(connection, session_id)

    def map_blocks(self) -> dict[str, bytes]:
        """Every region of the octree by key, all as of one commit. O(bytes of the map)."""
        contents: dict[str, bytes] = {}  # kept from try to try: a writer replaces only some
        for _ in range(_TRIES):
            with self._database.read() as connection:
                names = list(query.rows(connection, "SELECT key, sha FROM map_block ORDER BY key"))
            try:
                for _, sha in names:
                    contents[sha] = contents.get(sha) or self._blobs.get(sha + MAP)
                return {key: contents[sha] for key, sha in names}
            except FileNotFoundError as error:
                missing = error
        raise CorruptMemory(f"{missing.filename}: a map region is missing; verify tells the extent of the damage")

    def map_block(self, key: str) -> bytes:
        """One map region as of the last commit. O(its bytes).

        Raises:
            BadInput: there is none of that key.
            CorruptMemory: its file is missing or damaged.
        """
        for _ in range(_TRIES):
            with self._database.read() as connection:
                row = query.row(connection, "SELECT sha FROM map_block WHERE key = ?", (key,))
            if row is None:
                raise BadInput(f"there is no map region {key!r} in {self.path}")
            try:
                return self._blobs.get(row[0] + MAP)
            except FileNotFoundError as error:  # a writer may have replaced it since
                missing = error
        raise CorruptMemory(f"{missing.filename}: a map region is missing; verify tells the extent of the damage")

    def map_block_counts(self) -> dict[str, tuple[int, int]]:
        """Occupied and free voxels of every map region by key, without reading any. O(regions)."""
        with self._database.read() as connection:
            found = query.rows(connection, "SELECT key, n_occupied, n_free FROM map_block ORDER BY key")
            return {key: (occupied, free) for key, occupied, free in found}

    def snapshot(self, identity: str) -> Keyframe:
        """A kept image with its pose, as it is known now, and what it shows. O(log keyframes + bytes).

        Raises:
            BadInput: there is no keyframe of that id.
            CorruptMemory: its image is missing.
        """
        with self._database.read() as connection:
            found = records.load_keyframe(connection, identity)
        if found is None:
            raise BadInput(f"there is no snapshot {identity!r} in {self.path}")
        try:
            return replace(found[0], jpeg=self._blobs.get(found[1]))
        except FileNotFoundError as error:
            raise CorruptMemory(f"{error.filename}: the image of {identity} is missing") from error

    def info(self) -> dict[str, Any]:
        """What is in the memory, as JSON values. O(events + files), counting only."""
        with self._database.read() as connection:
            return {
                "schema_version": self._database.format,
                **records.statistics(connection),
                "bytes_on_disk": directory.bytes_on_disk(self.path),
                "digest": records.digest(connection),
            }

    def digest(self) -> str:
        """SHA-256 of the canonical content: equal for equal input. O(map regions + keyframes)."""
        with self._database.read() as connection:
            return records.digest(connection)

    def verify(self, *, repair: bool = False) -> Report:
        """Check the file, the chain of events, every blob, and the views against the log. O(everything).

        Args:
            repair: first remake the views and remove files that nothing refers to; needs the memory open for writing.
        """
        if repair:
            self._database.require_writable()
            self.rebuild()
            self._sweep()
        return verify.verify(self._database, self._blobs)

    def rebuild(self) -> None:
        """Throw all views away and make them again from the events. O(events); one transaction."""
        with self._remembering, self._database.write() as connection:
            views.clear(connection)
            for stored, _ in log.every(connection):
                views.apply(connection, stored.id, stored.event)
            connection.execute("INSERT INTO event_words(event_words) VALUES('rebuild')")

    def compact(self) -> None:
        """Give unused disk space back. O(everything); works on a full disk by using the reserve."""
        self._database.require_writable()
        with self._remembering, directory.file_errors(self.path):
            directory.release_reserve(self.path)
            self._sweep()
            with self._database.exclusive() as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.execute("INSERT INTO event_words(event_words) VALUES('optimize')")
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            directory.hold_reserve(self.path)

    def _session_of(self, update: MapUpdate) -> tuple[str, str]:
        """Names of the session and map of an update: its own, else those of its events, else the latest."""
        map_id = update.events[-1].map_id if update.events else ""
        session = update.session_id or (update.events[-1].session_id if update.events else "")
        with self._database.read() as connection:
            latest = query.row(connection, "SELECT session, map FROM checkpoint ORDER BY seq DESC LIMIT 1")
        latest = latest or ("session", "map")
        return session or latest[0], map_id or latest[1]

    def _is_known(self, session: str, n_frames: int, sha: bytes) -> bool:
        with self._database.read() as connection:
            row = query.row(connection, "SELECT n_frames, sha FROM checkpoint WHERE session = ?", (session,))
        return row is not None and (n_frames < row[0] or (n_frames == row[0] and sha == row[1]))

    @contextmanager
    def _new_blobs(self, update: MapUpdate) -> Iterator[None]:
        """Blobs are durable before their rows; those of an update that fails are removed again."""
        self._database.require_writable()
        contents = {sha256(keyframe.jpeg) + IMAGE: keyframe.jpeg for keyframe in update.keyframes}
        contents |= {sha256(content) + MAP: content for content in update.map_blocks.values()}
        with directory.file_errors(self.path):
            new = self._blobs.put(contents)
        try:
            yield
        except BaseException:
            self._delete_useless(new)
            raise

    def _delete_useless(self, names: Sequence[str]) -> None:
        """Delete those blobs that nothing refers to; what cannot be deleted is harmless, and swept by `compact`."""
        with suppress(MemoryUnavailable), directory.file_errors(self.path), self._database.read() as connection:
            self._blobs.delete(records.useless(connection, names))

    def _sweep(self) -> None:
        with self._remembering, self._database.read() as connection, directory.file_errors(self.path):
            self._blobs.delete(verify.orphans(connection, self._blobs))


def _append(connection: apsw.Connection, prepared: Sequence[tuple[Event, bytes]]) -> list[int]:
    """Append normalised events to the log and bring the views up to date; returns their numbers."""
    writer = log.LogWriter(connection)
    numbers = []
    for event, canonical in prepared:
        numbers.append(writer.append(event, canonical))
        views.apply(connection, numbers[-1], event)
    return numbers
