# SPDX-License-Identifier: Apache-2.0
"""One frame as the octree sees it, found on the device: the counterpart of `mapping.octree.view.View`."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from mapping.gpu import update_kernels, view_kernels
from mapping.octree.image import aim, fill_box, voxel_level
from mapping.octree.kernels import BLOCK, CELL, VOXELS, Ints
from mapping.octree.view import View, locate
from memory_core.frame import CameraFrame

_CELL_BLOCKS = CELL // BLOCK


class DeviceView(View):
    """What one frame shows of the map. Depth goes to the device, the list of visible blocks comes back.

    Attributes after `look`: origin and blocks as those of `View`; the rest stays on the device.
    """

    def __init__(self, device: str) -> None:
        super().__init__()
        self._device = device
        self._on_device_shape: tuple[Any, ...] = ()
        self._found = self._array((2,), wp.int32)
        self._table = self._array((1, 1, 1), wp.int32)
        self._device_cells = self._array((64, 3), wp.int32)
        self._device_block_table = self._array((64, VOXELS), wp.int32)
        self._device_blocks = self._array((64 * VOXELS, 6), wp.int32)
        self._device_hits = self._zeros((64 * VOXELS // 16, VOXELS), wp.uint8)

    def look(self, frame: CameraFrame, voxel_size_m: float, max_range_m: float) -> None:
        """Find the visible blocks and the hit voxels. O(pixels + blocks in the frustum).

        Raises:
            BadFrame: the view reaches beyond the map's coordinates.
        """
        reach = max_range_m / voxel_size_m
        block, position = locate(frame, voxel_size_m, reach)
        self._fit(frame, reach)
        self._fit_device(frame)
        T = np.ascontiguousarray(frame.T_world_cam)
        aim(self._lens, T, position, self.camera)
        self._aim_device()
        self._device_depth.assign(np.ascontiguousarray(frame.depth))
        see = [self._device_depth, 1 / voxel_size_m, self._cuts, self._levels.farthest, self._ends_at]
        self._launch(view_kernels.see, frame.depth.shape, see)
        self._fill_pyramid(T, position, reach)
        self.origin = np.array(block, np.int64)
        self._find_on_device()

    def _fit_device(self, frame: CameraFrame) -> None:
        """Make the device's arrays anew when this is another camera, or another range, than before."""
        shape = (self._shape, self._K, self._reach)
        if shape == self._on_device_shape:
            return
        self._on_device_shape = shape
        levels = view_kernels.Pyramid()
        levels.levels = wp.array(self.pyramid.levels, dtype=wp.int32, device=self._device)
        n = len(self.pyramid.farthest)
        levels.nearest, levels.farthest, levels.around = (self._zeros((n,), wp.float32) for _ in range(3))
        self._levels = levels
        self._cuts = wp.array(self._lens.cuts, dtype=wp.float32, device=self._device)
        self._columns = wp.array(self.camera.columns, dtype=wp.float32, device=self._device)
        self._rows_of_rays = wp.array(self.camera.rows, dtype=wp.float32, device=self._device)
        self._device_depth = self._array(frame.depth.shape, wp.float32)
        self._ends_at = self._array(frame.depth.shape, wp.float32)

    def _aim_device(self) -> None:
        """The camera as the kernels take it."""
        camera, lens = view_kernels.Camera(), self.camera.lens
        camera.R, camera.t = wp.mat33(self.camera.R), wp.vec3(*self.camera.t.tolist())
        camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height = lens.tolist()
        camera.last_u, camera.last_v = np.nextafter(lens[4:6], np.float32(0)).tolist()
        camera.planes = view_kernels.planes_type(self.camera.planes)
        self._device_camera = camera

    def _fill_pyramid(self, T: NDArray[np.float64], position: Any, reach: float) -> None:
        """All levels on the device, and the box of the frustum, which ends at the farthest reach, on the host."""
        levels, table = self._levels, self.pyramid.levels
        for level in range(1, len(table)):
            width, height = table[level, 1:].tolist()
            self._launch(view_kernels.halve, (height, width), [levels, level])
        n = int(table[-1, 0]) + 1
        farthest = levels.farthest[n - 1 :].numpy()[0]
        fill_box(farthest, self._lens, T, position, reach, self._box)
        finest = max(voxel_level(farthest + np.float32(CELL), self.camera.lens, len(table) - 1), 0)
        first = int(table[finest, 0])
        self._launch(view_kernels.spread, (n - first,), [levels, first, finest])

    def _find_on_device(self) -> None:
        low, high = self._box.tolist()
        first = [axis // _CELL_BLOCKS for axis in low]
        shape = tuple((end - 1) // _CELL_BLOCKS + 1 - begin for begin, end in zip(first, high, strict=True))
        if tuple(self._table.shape) != shape:
            self._table = self._array(shape, wp.int32)
        self._device_cells = self._at_least(self._device_cells, int(np.prod(shape)))
        self._found.zero_()
        camera, first_cell = self._device_camera, wp.vec3i(*first)
        cells = [camera, self._levels, first_cell, self._table, self._device_cells, self._found]
        self._launch(view_kernels.find_cells, shape, cells)
        n_cells = int(self._found.numpy()[0])
        self._device_block_table = self._at_least(self._device_block_table, n_cells)
        self._device_blocks = self._at_least(self._device_blocks, n_cells * VOXELS)
        table, blocks = self._device_block_table, self._device_blocks
        box = [wp.vec3i(*low), wp.vec3i(*high)]
        inputs = [camera, self._levels, *box, self._device_cells, table, blocks, self._found]
        self._launch(view_kernels.find_blocks, (n_cells, 8, 8), inputs)
        n = int(self._found.numpy()[1])
        if self._device_hits.shape[0] < n:
            self._device_hits = self._zeros((2 * n, VOXELS), wp.uint8)
        rays = [self._ends_at, self._columns, self._rows_of_rays, camera, self._ends.offset, first_cell]
        self._launch(
            update_kernels.mark_hits, self._ends_at.shape, [*rays, self._table, table, blocks, self._device_hits]
        )
        self.blocks: Ints = blocks[:n].numpy() if n else np.zeros((0, 6), np.int32)

    def update(self, rows: Ints, voxels: Any) -> Ints:
        """Add the frame to the rows (n,) of the visible blocks; (n,) tally, see `update_kernels.update_blocks`."""
        if not len(rows):
            return np.zeros(0, np.int32)
        at = wp.array(rows, dtype=wp.int32, device=self._device)
        tally = self._zeros((len(rows),), wp.int32)
        inputs = [self._device_blocks, at, self._device_hits, self._device_camera, self._levels, voxels, tally]
        self._launch(update_kernels.update_blocks, (len(rows), VOXELS // 8), inputs)
        return np.asarray(tally.numpy(), np.int32)

    def forget(self) -> None:
        """Clear the hits of a frame that is not to be."""
        self._device_hits.zero_()

    def _launch(self, kernel: Any, shape: Any, inputs: list[Any]) -> None:
        wp.launch(kernel, shape, inputs, device=self._device)

    def _array(self, shape: Any, kind: Any) -> Any:
        return wp.empty(shape, dtype=kind, device=self._device)

    def _zeros(self, shape: Any, kind: Any) -> Any:
        return wp.zeros(shape, dtype=kind, device=self._device)

    def _at_least(self, array: Any, n: int) -> Any:
        """The array, or an empty one of at least twice its length when it has fewer than n rows."""
        if array.shape[0] >= n:
            return array
        return self._array((max(n, 2 * array.shape[0]), *array.shape[1:]), array.dtype)
