# SPDX-License-Identifier: Apache-2.0
"""Content-addressed files: written once, whole or not at all, and durable before anything refers to them."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from memory_core.errors import CorruptMemory
from memory_core.store.directory import sync_folder

IMAGE = ".jpg"
MAP = ".map"

_TEMPORARY = ".tmp"
_LEVEL = 1  # level 6 makes map regions 10 % smaller and takes three times as long


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Blobs:
    """Files named by the SHA-256 of their content; map regions are compressed after hashing.

    Names end in `IMAGE` or `MAP`. Nothing here is ever changed in place.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, contents: Mapping[str, bytes]) -> list[str]:
        """Store contents under their names; returns the names that were not there before. Durable on return.

        O(bytes). On failure nothing of this call is left behind.

        Raises:
            OSError: the disk is full or broken.
        """
        new = [name for name in contents if not (self.folder / name).exists()]
        written: list[Path] = []
        try:
            for name in new:
                written.append(self.folder / (name + _TEMPORARY))
                _write(written[-1], _encoded(name, contents[name]))
            for name, temporary in zip(new, list(written), strict=True):
                temporary.rename(self.folder / name)
                written.append(self.folder / name)
            if contents:  # one that was there may stem from a run that ended before it could sync
                sync_folder(self.folder)
        except OSError:
            for path in written:
                path.unlink(missing_ok=True)
            raise
        return new

    def get(self, name: str) -> bytes:
        """Content of a blob.

        Raises:
            FileNotFoundError: there is none of that name.
            CorruptMemory: it cannot be decompressed.
        """
        data = (self.folder / name).read_bytes()
        if not name.endswith(MAP):
            return data
        try:
            return zlib.decompress(data)
        except zlib.error as error:
            raise CorruptMemory(f"{self.folder / name}: damaged map region ({error})") from error

    def delete(self, names: Iterable[str]) -> None:
        """Remove blobs nothing refers to any more; those that are gone already do no harm."""
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def names(self) -> set[str]:
        """Every file in the folder, unfinished ones included. O(files)."""
        with suppress(FileNotFoundError):
            return {entry.name for entry in os.scandir(self.folder)}
        return set()


def _encoded(name: str, content: bytes) -> bytes:
    return zlib.compress(content, _LEVEL) if name.endswith(MAP) else content


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
