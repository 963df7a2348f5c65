# SPDX-License-Identifier: Apache-2.0
"""Open3D's VoxelBlockGrid as a peer to measure against: colour TSDF and mesh, on one thread."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_app.benchmarks.octomap_peer import Cost
from memory_core.errors import BackendUnavailable
from memory_core.frame import CameraFrame

_CAPACITY = 50_000  # blocks; growth is not measured
_MILLIMETRES = 1000.0


def process_cost(work: Any) -> Cost:
    """What it costs to call `work` once, with the processor time of all threads of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost((time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3)


def load_open3d() -> Any:
    """The library, told to use one thread.

    Raises:
        BackendUnavailable: it is not installed, or a system library that it needs is missing.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when the library loads
    try:
        import open3d
    except (ImportError, OSError) as error:
        raise BackendUnavailable(f"no Open3D: {error}") from error
    return open3d


class Open3dGrid:
    """One VoxelBlockGrid of blocks of 8x8x8 voxels with distance, weight and colour, float32 as in its examples.

    Args:
        pixel_shift: added to the principal point. Open3D takes the pixel at the truncated image coordinate; with 0.5
            that is the nearest pixel, as we take it.
    """

    name = "Open3D VoxelBlockGrid"

    def __init__(self, voxel_size_m: float, truncation_voxels: float, range_m: float, pixel_shift: float = 0.0) -> None:
        self._o3d = load_open3d()
        core = self._o3d.core
        self._voxel_size_m, self._truncation, self._range_m = voxel_size_m, truncation_voxels, range_m
        self._shift = np.array([[0, 0, pixel_shift], [0, 0, pixel_shift], [0, 0, 0]])
        self._grid = self._o3d.t.geometry.VoxelBlockGrid(
            ("tsdf", "weight", "color"), (core.float32,) * 3, ((1), (1), (3)), voxel_size_m, 8, _CAPACITY,
            core.Device("CPU:0"),
        )  # fmt: skip

    def insert(self, frame: CameraFrame) -> Cost:
        """Cost of finding the blocks and integrating; images are made as its fastest kernels want them before."""
        tensor, image = self._o3d.core.Tensor, self._o3d.t.geometry.Image
        T = frame.T_world_cam.copy()
        T[:3, 3] -= self._voxel_size_m / 2  # its voxel i is a point at i, ours is centred at i + 0.5
        depth = image(tensor(np.round(frame.depth * _MILLIMETRES).astype(np.uint16)))
        colour = image(tensor(np.ascontiguousarray(frame.rgb)))
        K, extrinsic = tensor(frame.K + self._shift), tensor(np.linalg.inv(T))
        scale, truncation = (_MILLIMETRES, self._range_m), self._truncation

        def integrate() -> None:
            blocks = self._grid.compute_unique_block_coordinates(depth, K, extrinsic, *scale, truncation)
            self._grid.integrate(blocks, depth, colour, K, extrinsic, *scale, truncation)

        return process_cost(integrate)

    def values(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Centres (N, 3) metres in our map, and distances (N,) metres, of all voxels that were seen."""
        rows = self._grid.hashmap().active_buf_indices().to(self._o3d.core.int64)
        keys = self._grid.hashmap().key_tensor()[rows].numpy().astype(np.int64)
        seen = self._grid.attribute("weight")[rows].numpy().reshape(len(keys), -1) > 0
        block, i = np.nonzero(seen)
        inside = np.stack([i % 8, i // 8 % 8, i // 64], axis=1)
        distances = self._grid.attribute("tsdf")[rows].numpy().reshape(len(keys), -1)[seen]
        centres = (keys[block] * 8 + inside + 0.5) * self._voxel_size_m
        return centres, distances.astype(np.float64) * self._truncation * self._voxel_size_m

    def mesh(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Vertices (V, 3) metres in our map, and faces (F, 3), of all voxels that were seen once or more."""
        made = self._grid.extract_triangle_mesh(1.0)
        vertices = made.vertex["positions"].numpy() + np.float32(self._voxel_size_m / 2)
        return vertices.astype(np.float32), made.triangle["indices"].numpy().astype(np.int32)

    def distance_to_mesh(
        self, points: NDArray[np.float32], vertices: NDArray[np.float32], faces: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """(N,) metres from points (N, 3) to the nearest triangle of a mesh."""
        core, scene = self._o3d.core, self._o3d.t.geometry.RaycastingScene()
        scene.add_triangles(core.Tensor(np.ascontiguousarray(vertices)), core.Tensor(faces.astype(np.uint32)))
        return np.asarray(scene.compute_distance(core.Tensor(points)).numpy(), np.float64)
