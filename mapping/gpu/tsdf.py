# SPDX-License-Identifier: Apache-2.0
"""Frames into the TSDF by way of the device, which holds the voxels; the host keeps keys, rows and flags."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from mapping.gpu import tsdf_kernels as kernels
from mapping.gpu.mirror import Mirror
from mapping.gpu.view_kernels import Camera
from mapping.tsdf.blocks import TsdfBlocks
from mapping.tsdf.kernels import BLOCK, VOXELS, Ints
from mapping.tsdf.kernels import Camera as HostCamera
from mapping.tsdf.kernels import Image as HostImage

_FIRST_ROOM = 1 << 14  # blocks of one frame
_OF_AVERAGES = (1 << 10) - 1


class TsdfDevice:
    """One frame after the other, on a device. To it go depth, colours and rows; back come blocks and what changed."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._image: Any = None
        self._camera: Any = None
        self._touched: Any = self._room(_FIRST_ROOM)
        self._mirror: Mirror

    def bind(self, blocks: TsdfBlocks) -> None:
        """Hold the voxels of these blocks from now on, and of no others."""
        self._mirror = Mirror(self._device, blocks.voxels)
        self._mirror.written_on_host(np.arange(blocks.n))
        blocks.mirror = self._mirror

    def look(self, image: HostImage, camera: HostCamera, colours: NDArray[np.uint8]) -> None:
        """Take over a frame: image and camera as the compiled loops have them, colours (H, W, 3). O(pixels)."""
        if self._image is None or tuple(self._image.depth.shape) != image.depth.shape:
            self._image = kernels.Image()
            self._image.depth = wp.empty(image.depth.shape, dtype=wp.float32, device=self._device)
            self._image.colours = wp.empty(3 * image.depth.size, dtype=wp.uint8, device=self._device)
        on_device = self._image
        on_device.depth.assign(image.depth)
        on_device.colours.assign(np.ascontiguousarray(colours).reshape(-1))
        on_device.per_metre, on_device.limit, on_device.truncation, on_device.per_truncation = image.scale.tolist()
        self._camera = seen_by = Camera()
        seen_by.R, seen_by.t = wp.mat33(camera.R), wp.vec3(*camera.t.tolist())
        seen_by.fx, seen_by.fy, seen_by.cx, seen_by.cy, seen_by.width, seen_by.height = camera.lens.tolist()
        seen_by.last_u, seen_by.last_v = np.nextafter(camera.lens[4:6], np.float32(0)).tolist()

    def find(self, near_step: int, passed_step: int, most: int) -> tuple[Ints, int]:
        """The blocks (n, 3) near surfaces, then those passed, of every so many pixels; how many of the first.

        The number is negative when there are more than `most`.
        """
        height, width = self._image.depth.shape
        truncation = float(self._image.truncation)
        n_points = int(np.ceil(2 * truncation / (BLOCK / 2))) + 1
        apart = 2 * truncation / (n_points - 1)
        near_shape = ((height - 1) // near_step + 1, (width - 1) // near_step + 1)
        passed_shape = ((height - 1) // passed_step + 2, (width - 1) // passed_step + 2)
        while True:
            touched = self._touched
            touched.seen.fill_(-1)
            touched.n_found.zero_()
            near = [self._image, self._camera, near_step, n_points, apart, touched]
            wp.launch(kernels.find_near, near_shape, near, device=self._device)
            n_near = int(touched.n_found.numpy()[0])
            passed = [self._image, self._camera, passed_step, touched]
            wp.launch(kernels.find_passed, passed_shape, passed, device=self._device)
            n, room = int(touched.n_found.numpy()[0]), int(touched.blocks.shape[0])
            if n <= room:
                return touched.blocks[:n].numpy() if n else np.zeros((0, 3), np.int32), n_near
            if room >= most:
                return np.zeros((0, 3), np.int32), -1
            self._touched = self._room(2 * room)

    def update(self, blocks: TsdfBlocks, rows: Ints, n_near: int) -> None:
        """Add the frame to the rows (n,) of the blocks that `find` gave, -1 for none.

        From n_near on only those are that some voxel of was seen before.
        """
        stored, mirror = blocks.stored, self._mirror
        if not len(rows):
            return
        rows = rows.copy()
        rows[n_near:][stored.known[rows[n_near:]] == 0] = -1
        mirror.upload(rows[rows >= 0])
        at = wp.array(rows, dtype=wp.int32, device=self._device)
        tally = wp.zeros(len(rows), dtype=wp.int32, device=self._device)
        inputs = [self._touched.blocks, at, self._image, self._camera, *mirror.twins, tally]
        wp.launch(kernels.update_blocks, (len(rows), VOXELS // 8), inputs, device=self._device)
        counts = tally.numpy()
        mirror.written_on_device(rows[counts != 0])
        changed = rows[(counts & _OF_AVERAGES) != 0]
        stored.known[changed] = stored.changed[changed] = stored.stale[changed] = 1

    def _room(self, n: int) -> Any:
        touched = kernels.Touched()
        touched.seen = wp.empty(4 * n, dtype=wp.int64, device=self._device)
        touched.blocks = wp.empty((n, 3), dtype=wp.int32, device=self._device)
        touched.n_found = wp.zeros(1, dtype=wp.int32, device=self._device)
        return touched
