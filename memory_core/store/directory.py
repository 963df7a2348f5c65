# SPDX-License-Identifier: Apache-2.0
"""The folder of a memory: what lies in it, who may write, and a reserve for the day the disk is full."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from memory_core.errors import MemoryLocked, MemoryUnavailable, NotAMemory, StorageFull, TolmanError

DATABASE = "memory.db"
BLOBS = "blobs"
LOCK = "lock"
RESERVE = "reserve"
RESERVE_BYTES = 1 << 20

_OURS = frozenset({DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal", BLOBS, LOCK, RESERVE})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def prepare(path: Path, *, create: bool) -> None:
    """Make sure that `path` is a memory's folder, or becomes one when it may be created.

    Raises:
        NotAMemory: it is a file, holds other things, or does not exist and must not be created.
    """
    if path.exists() and not path.is_dir():
        raise NotAMemory(f"{path} is a file; want the directory of a memory")
    names = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    if DATABASE in names:
        return
    if names - _OURS:
        example = sorted(names - _OURS)[0]
        raise NotAMemory(f"{path} holds other things ({example}, ...) and no {DATABASE}; want a memory or a new path")
    if not create:
        raise NotAMemory(f"{path}: there is no memory; build one first, or check the path")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    (path / BLOBS).mkdir(mode=0o700, exist_ok=True)
    os.close(os.open(path / DATABASE, os.O_CREAT | os.O_RDWR, 0o600))
    sync_folder(path)


def acquire(path: Path) -> int:
    """Take the one writer's lock; it is released when the returned descriptor is closed or the process ends.

    Raises:
        MemoryLocked: somebody else is writing.
    """
    lock = os.open(path / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise MemoryLocked(f"{path} is being written by another process; read it, or wait until that ends") from None
    return lock


def hold_reserve(path: Path) -> None:
    """Keep some disk aside; given back by `release_reserve` so that a full disk can still be cleaned up."""
    reserve = path / RESERVE
    if reserve.exists() and reserve.stat().st_size == RESERVE_BYTES:
        return
    descriptor = os.open(reserve, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
    except OSError:
        release_reserve(path)
    finally:
        os.close(descriptor)


def release_reserve(path: Path) -> None:
    with suppress(FileNotFoundError):
        (path / RESERVE).unlink()


def bytes_on_disk(path: Path) -> int:
    """Sum of the sizes of all files. O(files)."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.stat(os.path.join(folder, name)).st_size
    return total


def sync_folder(path: Path) -> None:
    """Make creations, renames and deletions in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Turns errors of the operating system into ours."""
    try:
        yield
    except OSError as error:
        raise _translated(path, error) from error


def _translated(path: Path, error: OSError) -> TolmanError:
    if error.errno in _FULL:
        return StorageFull(f"{path}: the disk is full; the last commit was not taken, everything before it is kept")
    return MemoryUnavailable(f"{path}: {error.strerror or error}")
