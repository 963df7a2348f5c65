# SPDX-License-Identifier: Apache-2.0
"""Frames into the octree: rows for the blocks in view, their voxels brought up to date, and what changed noted."""

from __future__ import annotations

import numpy as np

from mapping.octree import morton
from mapping.octree.blocks import Blocks
from mapping.octree.lookups import MISSING, Ints, Longs, survey
from mapping.octree.paging import Paging
from mapping.octree.update import update_blocks
from mapping.octree.upkeep import allocate, note
from mapping.octree.view import View
from memory_core.errors import BadSettings
from memory_core.frame import CameraFrame

MAX_RANGE_VOXELS = 4096
_REGION_BIAS = morton.BIAS >> 3


class Frames:
    """Takes frames in. Every frame costs what is in view, whatever the size of the map."""

    def __init__(self, blocks: Blocks, paging: Paging, voxel_size_m: float) -> None:
        self._blocks = blocks
        self._paging = paging
        self._voxel_size_m = voxel_size_m
        self._view = View()
        self._found: tuple[Ints, Ints, Ints] = (np.empty(0, np.int32),) * 3

    def integrate(self, frame: CameraFrame, max_range_m: float) -> None:
        """See `mapping.octree.octree.Octree.integrate`."""
        if not 0 < max_range_m <= MAX_RANGE_VOXELS * self._voxel_size_m:
            limit = MAX_RANGE_VOXELS * self._voxel_size_m
            raise BadSettings(f"max_range_m: want 0 .. {limit:g} m at this voxel size, got {max_range_m!r}")
        view, blocks = self._view, self._blocks
        view.look(frame, self._voxel_size_m, max_range_m)
        try:
            rows = self._rows(view.blocks, view.origin, frame.stamp_ns)
        except BaseException:
            self._forget()
            raise
        self._update(rows)
        note(view.blocks, rows, frame.stamp_ns, blocks.index, blocks.rows, blocks.regions)

    def _update(self, rows: Ints) -> None:
        """Bring the voxels of the visible blocks, in rows (n,), and their counts up to date."""
        view = self._view
        update_blocks(view.blocks, rows, view.hits, view.camera, view.pyramid, self._blocks.updated, view.scratch)

    def _forget(self) -> None:
        """Clear the hits of a frame that is not to be."""
        self._view.hits[: len(self._view.blocks)] = 0

    def _rows(self, visible: Ints, origin: Longs, stamp_ns: int) -> Ints:
        """Rows of the visible blocks, made where missing, their regions in RAM."""
        blocks, paging = self._blocks, self._paging
        rows, of_block, near = self._room(len(visible))
        paging.tick()
        n_near, n_missing, n_outside = survey(
            visible, origin, blocks.index, paging.clock, blocks.touched, rows, of_block, near
        )
        numbers = near[:n_near].copy()
        absent = numbers[blocks.index.slots[numbers] < 0]
        paging.bring(absent)
        if n_outside:
            outside = (visible[of_block < 0, :3] + origin) >> 3
            paging.begin(np.unique(morton.encode(outside, _REGION_BIAS)))
        if n_outside or len(absent):
            paging.tick()
            n_near, n_missing, _ = survey(
                visible, origin, blocks.index, paging.clock, blocks.touched, rows, of_block, near
            )
            numbers = near[:n_near].copy()
        if n_missing:
            paging.make_room(n_missing, 0)
            missing = rows == MISSING
            allocate(visible, origin, of_block, blocks.index, blocks.rows, rows)
            blocks.written(rows[missing])
        blocks.seen_ns[numbers] = np.maximum(blocks.seen_ns[numbers], stamp_ns)
        return rows

    def _room(self, n: int) -> tuple[Ints, ...]:
        if len(self._found[0]) < n:
            self._found = (np.empty(2 * n, np.int32), np.empty(2 * n, np.int32), np.empty(2 * n, np.int32))
        return tuple(array[:n] for array in self._found)
