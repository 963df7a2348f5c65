# SPDX-License-Identifier: Apache-2.0
"""The octree kept in a memory."""

from __future__ import annotations

from mapping import Octree
from memory_core.memory import Memory


def load_octree(memory: Memory) -> Octree:
    """The octree as of the last commit; O(map). Empty at 5 cm when nothing has been mapped."""
    octree = Octree(memory.info()["octree"]["voxel_size_m"] or 0.05)
    octree.restore_regions(memory.map_blocks())
    return octree
