# SPDX-License-Identifier: Apache-2.0
"""Octrees as files: all regions of a map by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mapping.exporters import write_file
from mapping.octree.content import REGION, code_of
from memory_core.errors import CorruptMemory, NotAMemory
from memory_core.packing import pack, unpack

__all__ = ["FORMAT", "REGION", "load", "save"]

FORMAT = "tolman octree 2"
_FORMATS = (FORMAT, "tolman octree 1")


def save(regions: Mapping[str, bytes], voxel_size_m: float, path: Path) -> None:
    """Write regions to a file, replacing it only once it is complete. O(bytes)."""
    write_file(path, pack({"format": FORMAT, "voxel_size_m": voxel_size_m, **regions}))


def load(path: Path) -> tuple[float, dict[str, bytes]]:
    """Voxel size and regions of a file. O(bytes).

    Raises:
        NotAMemory: there is no such file, or it is something else.
        CorruptMemory: it is damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotAMemory(f"{path}: cannot be read as an octree: {error.strerror}") from error
    values = unpack(content)
    if values.pop("format", None) not in _FORMATS:
        raise NotAMemory(f"{path}: is not a {FORMAT} file")
    voxel_size_m = values.pop("voxel_size_m", None)
    regions = {name: region for name, region in values.items() if isinstance(region, bytes)}
    if not isinstance(voxel_size_m, float) or len(regions) != len(values):
        raise CorruptMemory(f"{path}: has parts that an octree does not have")
    for name in regions:
        code_of(name)
    return voxel_size_m, regions
