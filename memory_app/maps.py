# SPDX-License-Identifier: Apache-2.0
"""The octree kept in a memory: its regions are read when they are needed."""

from __future__ import annotations

from pathlib import Path

from mapping import Octree
from memory_core.memory import Memory

_LAYER = "/"  # in the keys of map regions that are not the octree's


class MemoryRegions:
    """The octree's regions in a memory, as `mapping.octree.paging.RegionStore`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @property
    def folder(self) -> Path:
        """Where scratch files go: the memory's own directory."""
        return self._memory.path

    def regions(self) -> dict[str, tuple[int, int]]:
        """Occupied and free voxels of every region, by name. O(regions)."""
        return {key: counts for key, counts in self._memory.map_block_counts().items() if _LAYER not in key}

    def read(self, name: str) -> bytes:
        """The latest content of a region. O(its bytes)."""
        return self._memory.map_block(name)


def other_layers(memory: Memory) -> dict[str, bytes]:
    """All map regions but the octree's, by key. O(bytes of those layers)."""
    return {key: memory.map_block(key) for key in memory.map_block_counts() if _LAYER in key}


def load_octree(memory: Memory, ram_mb: int | None = None) -> Octree:
    """The octree as of the last commit. O(regions): voxels are read when they are asked for. At 5 cm when empty.

    Args:
        ram_mb: most that the voxels in RAM may take, MiB; None for no limit.
    """
    budget = None if ram_mb is None else ram_mb << 20
    voxel_size_m = memory.info()["octree"]["voxel_size_m"] or 0.05
    octree = Octree(voxel_size_m, ram_budget_bytes=budget, store=MemoryRegions(memory))
    octree.open_store()
    return octree
