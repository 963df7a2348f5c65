# SPDX-License-Identifier: Apache-2.0
"""A scene graph into a file that is either whole or not there."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from memory_core.errors import BadInput, StorageFull
from memory_core.export.dsg import to_dsg
from memory_core.export.geojson import to_geojson
from memory_core.export.graphml import to_graphml
from memory_core.graph import SceneGraph

_FULL = (errno.ENOSPC, errno.EDQUOT)


def _json(values: object) -> str:
    return json.dumps(values, separators=(",", ":"), allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[SceneGraph], str]] = {
    "dsg": lambda graph: _json(to_dsg(graph)),
    "geojson": lambda graph: _json(to_geojson(graph)),
    "graphml": to_graphml,
}


def write_graph(graph: SceneGraph, path: str | Path, kind: str) -> Path:
    """Write a graph as "dsg", "geojson" or "graphml"; a file of that name is replaced at once or not at all.

    Raises:
        BadInput: the format is unknown, or the folder is missing or cannot be written.
        StorageFull: the disk is full.
    """
    if kind not in FORMATS:
        raise BadInput(f"format: want one of {', '.join(FORMATS)}, got {kind!r}")
    write_whole(Path(path), FORMATS[kind](graph).encode())
    return Path(path)


def write_whole(path: Path, content: bytes) -> None:
    """Put bytes into a file: written beside it, synced, then renamed over it."""
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent or Path())
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o600)
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        if error.errno in _FULL:
            raise StorageFull(f"{path}: the disk is full") from error
        raise BadInput(f"{path}: cannot be written: {error.strerror or error}") from error
