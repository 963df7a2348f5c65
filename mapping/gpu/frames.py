# SPDX-License-Identifier: Apache-2.0
"""Frames into the octree by way of the device, which holds the voxels; the host keeps the books."""

from __future__ import annotations

import numpy as np

from mapping.gpu.lookups import DeviceLookups
from mapping.gpu.mirror import Mirror
from mapping.gpu.view import DeviceView
from mapping.octree.blocks import Blocks
from mapping.octree.frames import Frames
from mapping.octree.lookups import Ints
from mapping.octree.paging import Paging

_COUNT = (1 << 10) - 1


class DeviceFrames(Frames):
    """Takes frames in. To the device go depth, rows and voxels that are new to it; back come blocks and counts.

    Attributes:
        lookups: answers questions about many points or rays.
    """

    def __init__(self, blocks: Blocks, paging: Paging, voxel_size_m: float, device: str) -> None:
        super().__init__(blocks, paging, voxel_size_m)
        self._on_device = DeviceView(device)
        self._view = self._on_device
        self._mirror = Mirror(device, [blocks.index.voxels])
        self._mirror.written_on_host(np.arange(int(blocks.rows.use[0])))
        blocks.mirror = self._mirror
        self.lookups = DeviceLookups(device, self._mirror)

    def _update(self, rows: Ints) -> None:
        """Bring the voxels of the visible blocks up to date on the device, and their counts here."""
        stored, mirror = self._blocks.updated, self._mirror
        mirror.upload(rows)
        tally = self._on_device.update(rows, mirror.twins[0])
        differing = np.nonzero(tally & _COUNT)[0]
        rows, tally = rows[differing], tally[differing]
        occupied = (tally >> 10) & _COUNT
        counts = np.stack([occupied, (tally >> 20) - occupied], axis=1)
        stored.totals[:] += (counts - stored.counts[rows]).sum(axis=0)
        stored.counts[rows] = counts
        stored.changed[rows] = 1
        mirror.written_on_device(rows)

    def _forget(self) -> None:
        self._on_device.forget()
