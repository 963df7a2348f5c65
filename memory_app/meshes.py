# SPDX-License-Identifier: Apache-2.0
"""The TSDF kept in a memory, and its mesh as a file."""

from __future__ import annotations

from pathlib import Path

from mapping.tsdf.files import write_mesh
from mapping.tsdf.storage import LAYER
from mapping.tsdf.tsdf import Tsdf, tsdf_of
from memory_core.memory import Memory


def load_tsdf(memory: Memory) -> Tsdf:
    """The TSDF as of the last commit. O(its regions).

    Raises:
        BadInput: the memory holds none.
    """
    names = [key for key in memory.map_block_counts() if key.startswith(f"{LAYER}/")]
    return tsdf_of({name: memory.map_block(name) for name in names})


def write_mesh_of(memory: Memory, output: Path, kind: str) -> None:
    """Write the mesh of a memory as "ply" or "glb". O(TSDF)."""
    write_mesh(load_tsdf(memory).mesh(), output, kind)
