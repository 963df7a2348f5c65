# SPDX-License-Identifier: Apache-2.0
"""Connections to memory.db: one writer, any number of readers, each transaction a consistent whole."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from memory_core.errors import (
    BadInput,
    CorruptMemory,
    MemoryLocked,
    MemoryUnavailable,
    NewerFormat,
    NotAMemory,
    StorageFull,
    TolmanError,
)
from memory_core.store import schema
from memory_core.store.directory import BLOBS

_BUSY_MS = 5_000
_IDLE_READERS = 4
_CACHE_KIB = 16_384  # of each connection; SQLite's 2 MiB make questions about 1e5 objects take twice as long


class Database:
    """One memory.db, opened once. Safe to use from several threads.

    Raises:
        NotAMemory: the file is something else.
        NewerFormat: a newer Tolman wrote it.
        CorruptMemory: it is damaged.
    """

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.path = path
        self._idle: list[apsw.Connection] = []
        self._guard = threading.Lock()
        self._writing = threading.RLock()
        self._writer: apsw.Connection | None = None
        self._closed = False
        with database_errors(path):
            if read_only:
                with self.read() as connection:
                    self.format = _checked_format(path, connection, writable=False)
            else:
                self._writer = _open_writer(path)
                self.format = _migrate(path, self._writer)

    @contextmanager
    def read(self) -> Iterator[apsw.Connection]:
        """A connection that sees one state of the memory from begin to end."""
        with database_errors(self.path):
            connection = self._borrow()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._give_back(connection)

    @contextmanager
    def write(self) -> Iterator[apsw.Connection]:
        """One transaction: all of it is durable when the block ends, none of it when the block raises."""
        with self._writing, database_errors(self.path):
            connection = self.writer
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def exclusive(self) -> Iterator[apsw.Connection]:
        """The writer's connection outside a transaction, for housekeeping."""
        with self._writing, database_errors(self.path):
            yield self.writer

    @property
    def is_writable(self) -> bool:
        return self._writer is not None

    def require_writable(self) -> None:
        """Raise MemoryUnavailable unless this is the writer."""
        if self._closed:
            raise MemoryUnavailable(f"{self.path.parent}: the memory is closed")
        if self._writer is None:
            raise MemoryUnavailable(f"{self.path.parent}: the memory is open for reading only")

    @property
    def writer(self) -> apsw.Connection:
        """The one connection that writes."""
        self.require_writable()
        assert self._writer is not None
        return self._writer

    def close(self) -> None:
        """Close all connections; the write-ahead log is folded into the file. Closing twice is allowed."""
        with self._writing, self._guard:
            self._closed = True
            for connection in self._idle:
                connection.close()
            self._idle.clear()
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _borrow(self) -> apsw.Connection:
        with self._guard:
            if self._closed:
                raise MemoryUnavailable(f"{self.path.parent}: the memory is closed")
            if self._idle:
                return self._idle.pop()
        return _open_reader(self.path)

    def _give_back(self, connection: apsw.Connection) -> None:
        with self._guard:
            if not self._closed and len(self._idle) < _IDLE_READERS:
                self._idle.append(connection)
                return
        connection.close()


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into ours."""
    try:
        yield
    except apsw.Error as error:
        raise _translated(path.parent, error) from error
    except OverflowError as error:
        raise BadInput(f"{path.parent}: want whole numbers of at most 64 bits ({error})") from error
    except UnicodeDecodeError as error:
        raise CorruptMemory(f"{path.parent}: the database holds text that is none ({error})") from error


def _translated(folder: Path, error: apsw.Error) -> TolmanError:
    if isinstance(error, apsw.FullError):
        return StorageFull(f"{folder}: the disk is full; the last commit was not taken, everything before it is kept")
    if isinstance(error, apsw.NotADBError):
        return NotAMemory(f"{folder}: {error}; want the directory of a memory")
    if isinstance(error, apsw.CorruptError):
        return CorruptMemory(f"{folder}: the database is damaged ({error})")
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        return MemoryLocked(f"{folder}: another process keeps the database busy")
    if isinstance(error, (apsw.ConstraintError, apsw.MismatchError, apsw.TooBigError)):
        return BadInput(f"{folder}: the store refuses what it was given ({error}); nothing was stored")
    return MemoryUnavailable(f"{folder}: {error}")


def _open_writer(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(_BUSY_MS)
    _refuse_strangers(path, connection)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
    connection.execute("PRAGMA journal_size_limit=8388608")
    return connection


def _open_reader(path: Path) -> apsw.Connection:
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(_BUSY_MS)
        connection.execute(f"PRAGMA query_only=ON; PRAGMA cache_size=-{_CACHE_KIB}; SELECT count(*) FROM sqlite_schema")
        return connection
    except (apsw.CantOpenError, apsw.ReadOnlyError):
        wal = path.with_name(path.name + "-wal")
        if not path.exists() or (wal.exists() and wal.stat().st_size):
            raise
    # A medium that cannot be written has no room for the shared index of a write-ahead log, nor anybody who writes.
    uri = f"{path.absolute().as_uri()}?immutable=1"
    return apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)


def _pragma(connection: apsw.Connection, name: str) -> int:
    return int(connection.pragma(name))


def _is_blank(connection: apsw.Connection) -> bool:
    no_tables = connection.execute("SELECT NOT EXISTS(SELECT 1 FROM sqlite_schema)").get
    return bool(no_tables) and _pragma(connection, "application_id") == 0 and _pragma(connection, "user_version") == 0


def _refuse_strangers(path: Path, connection: apsw.Connection) -> None:
    if _pragma(connection, "application_id") == schema.APPLICATION_ID:
        return
    if _is_blank(connection):
        if any((path.parent / BLOBS).glob("*")):
            raise CorruptMemory(f"{path.parent}: {path.name} is empty, but {BLOBS} is not; restore it from a copy")
        return
    raise NotAMemory(f"{path.parent}: {path.name} is the database of another program")


def _checked_format(path: Path, connection: apsw.Connection, *, writable: bool) -> int:
    _refuse_strangers(path, connection)
    found, newest = _pragma(connection, "user_version"), len(schema.MIGRATIONS)
    if found > newest:
        raise NewerFormat(
            f"{path.parent} has format {found}, written by a newer Tolman; this one reads up to format {newest}"
        )
    if found < newest and not writable:
        why = "is empty" if found == 0 else f"has the older format {found}"
        raise NotAMemory(f"{path.parent} {why}; open it once for writing to bring it to format {newest}")
    return found


def _migrate(path: Path, connection: apsw.Connection) -> int:
    """Bring the file to the newest format, one transaction for each step."""
    for number in range(_checked_format(path, connection, writable=True), len(schema.MIGRATIONS)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(schema.MIGRATIONS[number])
            connection.execute(f"PRAGMA application_id={schema.APPLICATION_ID}; PRAGMA user_version={number + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return len(schema.MIGRATIONS)
