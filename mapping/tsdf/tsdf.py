# SPDX-License-Identifier: Apache-2.0
"""The TSDF: averaged distances to surfaces, with colour, in blocks of 8x8x8 voxels near the surfaces only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mapping.gpu.device import resolve
from mapping.octree.blocks import blocks_of
from mapping.octree.table import MAX_BLOCK
from mapping.tsdf import storage
from mapping.tsdf.blocks import TsdfBlocks
from mapping.tsdf.kernels import (
    BLOCK,
    MOST_BLOCKS,
    STEPS,
    VOXELS,
    Camera,
    Image,
    Touched,
    find_near,
    find_passed,
    make_scratch,
    update_blocks,
)
from mapping.tsdf.mesh import Mesh, Mesher
from mapping.tsdf.moving import moved
from memory_core.errors import BadFrame, BadInput, BadSettings
from memory_core.frame import CameraFrame

if TYPE_CHECKING:
    from mapping.gpu.tsdf import TsdfDevice

TRUNCATION_VOXELS = 4.0
_MAX_TRUNCATION_VOXELS = 64.0
_MAX_RANGE_VOXELS = 4096
_MOST_TOUCHED = 1 << 24


class Tsdf:
    """Surfaces of the world with their colours, from RGB-D frames with poses. Not thread-safe.

    A voxel holds the mean distance along the optical axis from its centre to the surface in its pixel, cut at the
    truncation distance, over the last 100 frames that saw it, and the mean colour. Only blocks within the truncation
    distance of a measured surface exist; those that later frames look through are brought up to date as well, so what
    has gone is forgotten. The same frames in the same order give the same bytes.

    Args:
        voxel_size_m: edge length; voxel i spans [i, i + 1) * voxel_size_m on each axis.
        truncation_m: distances are cut here; 4 voxels when None.
        device: "cpu", "cuda", or "auto" for a GPU where there is one; see `mapping.gpu.device`. The bytes are the same.

    Raises:
        BadSettings: a length is out of range.
        BackendUnavailable: there is no such device here.
    """

    def __init__(self, voxel_size_m: float = 0.05, truncation_m: float | None = None, device: str = "cpu") -> None:
        if not 1e-3 <= voxel_size_m <= 10:
            raise BadSettings(f"voxel_size_m: want 0.001 .. 10 m, got {voxel_size_m!r}")
        truncation = TRUNCATION_VOXELS if truncation_m is None else truncation_m / voxel_size_m
        if not 1.5 <= truncation <= _MAX_TRUNCATION_VOXELS:
            raise BadSettings(f"truncation_m: want 1.5 .. {_MAX_TRUNCATION_VOXELS:g} voxels, got {truncation:g}")
        self.device = resolve(device)
        self.voxel_size_m = float(voxel_size_m)
        self.truncation_m = truncation * self.voxel_size_m
        self._truncation = truncation
        self._blocks = TsdfBlocks()
        self._emptied: set[tuple[int, ...]] = set()  # regions that the store may have though nothing is left in them
        self._mesher = Mesher(self._blocks, self.voxel_size_m)
        self._scratch = make_scratch()
        self._touched = _room(1 << 14)
        self._on_device = self._make_device()

    def _make_device(self) -> TsdfDevice | None:
        """What takes frames in instead of the compiled loops, None on the CPU."""
        if self.device == "cpu":
            return None
        from mapping.gpu.tsdf import TsdfDevice  # needs Warp, which only the devices do

        device = TsdfDevice("cpu" if self.device == "warp-cpu" else self.device)
        device.bind(self._blocks)
        return device

    def integrate(self, frame: CameraFrame, max_range_m: float = 4.0) -> None:
        """Add one frame; surfaces beyond max_range_m (along the optical axis) are left out.

        O(pixels + voxels near the surfaces in view), whatever the size of the map.

        Raises:
            BadSettings: max_range_m is not positive or is above 4096 voxels.
            BadFrame: the view reaches beyond the map's coordinates, 2^20 voxels from the origin; nothing is changed.
        """
        limit_m = _MAX_RANGE_VOXELS * self.voxel_size_m
        if not 0 < max_range_m <= limit_m:
            raise BadSettings(f"max_range_m: want 0 .. {limit_m:g} m at this voxel size, got {max_range_m!r}")
        origin, camera = self._locate(frame, max_range_m)
        image = self._image(frame, max_range_m)
        if self._on_device is not None:
            self._on_device.look(image, camera, frame.rgb)
        blocks, n_near = self._find(image, camera)
        near = self._blocks.rows_near(blocks[:n_near], origin)
        passed = self._blocks.rows_of(blocks[n_near:], origin)
        rows = np.concatenate([near, passed])
        if self._on_device is not None:
            self._on_device.update(self._blocks, rows, n_near)
        else:
            update_blocks(blocks, rows, n_near, image, camera, self._blocks.stored, self._scratch)

    def _locate(self, frame: CameraFrame, max_range_m: float) -> tuple[NDArray[np.int64], Camera]:
        """Coordinates (3,) of the camera's block, and the camera relative to that block's corner."""
        (height, width), K = frame.depth.shape, frame.K
        fx, fy, cx, cy = float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2])
        x, y, z = (float(c) / self.voxel_size_m for c in frame.T_world_cam[:3, 3])
        widest = math.hypot(1, max(abs(cx), abs(width - cx)) / fx, max(abs(cy), abs(height - cy)) / abs(fy))
        reach = (max_range_m / self.voxel_size_m + self._truncation) * widest
        if not (max(abs(x), abs(y), abs(z)) + reach < BLOCK * (MAX_BLOCK - 1) and reach < BLOCK * MOST_BLOCKS):
            raise BadFrame(
                f"T_world_cam: want a view within {BLOCK * MAX_BLOCK * self.voxel_size_m:.0f} m of the map's origin, "
                f"got a camera at {frame.T_world_cam[:3, 3].tolist()} that sees {reach * self.voxel_size_m:.3g} m far"
            )
        origin = np.array([math.floor(c / BLOCK) for c in (x, y, z)], np.int64)
        R = frame.T_world_cam[:3, :3]
        if fy < 0:  # an image whose rows run upwards is that of a camera with a flipped y axis
            R = R * (1, -1, 1)
        at = np.array([c % BLOCK for c in (x, y, z)], np.float32)
        lens = np.array([fx, abs(fy), cx, cy, width, height], np.float32)
        return origin, Camera(np.ascontiguousarray(R, np.float32), at, lens)

    def _image(self, frame: CameraFrame, max_range_m: float) -> Image:
        depth = np.require(frame.depth, np.float32, ["C", "A"]).view()
        depth.flags.writeable = False  # one type for the compiler, whoever made the image
        per_metre = 1 / self.voxel_size_m
        scale = (per_metre, max_range_m * per_metre, self._truncation, 1 / self._truncation)
        return Image(depth, depth.reshape(-1), _words(frame.rgb), np.array(scale, np.float32))

    def _find(self, image: Image, camera: Camera) -> tuple[NDArray[np.int32], int]:
        """The blocks (n, 3) near surfaces, then those passed; how many of the first."""
        focal, limit = float(camera.lens[:2].min()), float(image.scale[1])
        near_step, passed_step = (int(min(most, max(1, size * focal / limit))) for most, size in ((8, 2), (16, BLOCK)))
        if self._on_device is not None:
            blocks, n_near = self._on_device.find(near_step, passed_step, _MOST_TOUCHED)
        else:
            blocks, n_near = self._touch(image, camera, near_step, passed_step)
        if n_near < 0:
            raise BadFrame("depth: its surfaces are in too many blocks; use larger voxels or a shorter range")
        return blocks, n_near

    def _touch(self, image: Image, camera: Camera, near_step: int, passed_step: int) -> tuple[NDArray[np.int32], int]:
        """As `_find`, by the compiled loops; the number is negative when there are too many."""
        while True:
            self._touched.seen[:] = -1
            n_near = find_near(image, camera, near_step, self._touched)
            n = find_passed(image, camera, passed_step, self._touched, n_near) if n_near >= 0 else -1
            if n >= 0 or len(self._touched.blocks) >= _MOST_TOUCHED:
                return self._touched.blocks[: max(n, 0)], min(n, n_near)
            self._touched = _room(2 * len(self._touched.blocks))

    def distances(self, points: ArrayLike) -> NDArray[np.float32]:
        """(N,) metres to the nearest surface, along the view, of the voxels that hold points (N, 3); NaN where unseen.

        Positive before the surface, negative behind it, cut at the truncation distance. O(N).
        """
        rows, inside = self._voxels_at(points)
        stored = self._blocks.fetched()
        seen = np.asarray(rows >= 0) & (stored.weight[rows, inside] > 0)
        values = stored.tsdf[rows, inside] * np.float32(self.truncation_m / STEPS)
        return np.where(seen, values, np.float32(np.nan))

    def colours(self, points: ArrayLike) -> NDArray[np.uint8]:
        """(N, 3) red, green, blue of the voxels that hold points (N, 3) in metres; black where there is none. O(N)."""
        rows, inside = self._voxels_at(points)
        rgb = self._blocks.fetched().rgb[rows, :, inside]
        return np.where(np.asarray(rows >= 0)[:, None], rgb, np.uint8(0))

    def _voxels_at(self, points: ArrayLike) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        at = np.asarray(points, np.float64)
        if at.ndim != 2 or at.shape[1] != 3:
            raise BadInput(f"points: want (N, 3) numbers, got shape {at.shape}")
        voxels = at / self.voxel_size_m
        usable = np.asarray((np.abs(voxels) < BLOCK * MAX_BLOCK).all(axis=1))  # False for NaN
        voxel = np.floor(np.where(usable[:, None], voxels, 0)).astype(np.int64)
        rows = np.where(usable, self._blocks.rows_of(voxel // BLOCK), np.int32(-1))
        inside = voxel % BLOCK
        return rows, (inside[:, 0] << 6) | (inside[:, 1] << 3) | inside[:, 2]

    def block_centers(self) -> NDArray[np.float64]:
        """(n, 3) metres, the middle of every block, in the order in which `move` wants transforms. O(blocks)."""
        centers = blocks_of(self._blocks.keys[: self._blocks.n]) + 0.5
        return np.asarray(centers * (BLOCK * self.voxel_size_m), np.float64)

    def move(self, T: NDArray[np.float64]) -> None:
        """Move each block rigidly, T (n, 4, 4) metres, as when the trajectory it was seen from is corrected. O(voxels).

        Raises:
            BadInput: not one transform for each block, or one that leaves the map's coordinates; nothing is changed.
        """
        if T.shape != (self._blocks.n, 4, 4):
            raise BadInput(f"T: want ({self._blocks.n}, 4, 4), one for each block, got {T.shape}")
        in_voxels = T.copy()
        in_voxels[:, :3, 3] /= self.voxel_size_m
        known = self._blocks.marked(self._blocks.stored.known)
        emptied = self._emptied | {tuple(region) for region in storage.regions_of(known).tolist()}
        self._blocks, self._emptied = moved(self._blocks, in_voxels), emptied
        if self._on_device is not None:
            self._on_device.bind(self._blocks)
        self._mesher = Mesher(self._blocks, self.voxel_size_m)

    def mesh(self, min_weight: int = 1) -> Mesh:
        """The surface as triangles; only regions that changed since the last call are meshed anew.

        O(voxels in changed regions + vertices).

        Args:
            min_weight: frames that must have seen a voxel for it to take part, 1 .. 100.
        """
        if not 1 <= min_weight <= 100:
            raise BadInput(f"min_weight: want 1 .. 100 frames, got {min_weight!r}")
        return self._mesher.mesh(min_weight)

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Corners (3,), (3,) in metres of the box around all blocks, None when there are none. O(blocks)."""
        if not self._blocks.n:
            return None
        blocks = blocks_of(self._blocks.keys[: self._blocks.n])
        edge_m = BLOCK * self.voxel_size_m
        return blocks.min(axis=0) * edge_m, (blocks.max(axis=0) + 1) * edge_m

    @property
    def n_voxels(self) -> int:
        """Voxels in memory, seen or not. O(1)."""
        return self._blocks.n * VOXELS

    @property
    def memory_bytes(self) -> int:
        """Bytes held by the map's arrays, headroom included; scratch space and meshes are not counted."""
        return self._blocks.nbytes

    def changed_regions(self) -> dict[str, bytes]:
        """Content of every region (64x64x64 voxels) that changed since the last call, by name "tsdf/x_y_z".

        Marks them as stored. The bytes depend only on the voxels, not on how they came to be.
        O(blocks + voxels in changed regions).
        """
        regions = storage.encode(self._blocks, self.voxel_size_m, self.truncation_m, self._emptied)
        self._blocks.stored.changed[: self._blocks.n] = 0
        self._emptied = set()
        return regions

    def restore_regions(self, regions: Mapping[str, bytes]) -> None:
        """Put back what `changed_regions` gave; not reported as changed. O(voxels in them).

        Raises:
            CorruptMemory: the bytes are damaged.
            BadSettings: they have another voxel size or truncation distance.
        """
        storage.decode(regions, self._blocks, self.voxel_size_m, self.truncation_m)


def tsdf_of(regions: Mapping[str, bytes]) -> Tsdf:
    """A TSDF from regions alone, with the lengths they were made with.

    Raises:
        BadInput: there are none.
        CorruptMemory: the bytes are damaged.
    """
    if not regions:
        raise BadInput("mesh: there are no surfaces; the memory was built with mesh_voxel_m 0, or nothing was seen")
    tsdf = Tsdf(*storage.lengths_of(*next(iter(regions.items()))))
    tsdf.restore_regions(regions)
    return tsdf


def _words(rgb: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Views (H, W, 3) colours as overlapping words of 4 bytes, so that one load gives all channels of a pixel."""
    flat = np.require(rgb, np.uint8, ["C", "A"]).reshape(-1)
    flat = flat if len(flat) > 3 else np.tile(flat, 2)
    words: NDArray[np.uint32] = np.ndarray((len(flat) // 3 - 1,), "<u4", flat, strides=(3,))
    words.flags.writeable = False
    return words


def _room(n: int) -> Touched:
    return Touched(np.full(2 * n, -1, np.int64), np.empty((n, 3), np.int32))


def warm_up(device: str = "cpu") -> None:
    """Compile or load every kernel, so that the first frame is as fast as the next: about 10 s once, then 0.2 s."""
    tsdf = Tsdf(device=device)
    K = np.array([[2.0, 0, 1], [0, 2.0, 1], [0, 0, 1]])
    rgb, depth = np.zeros((3, 5, 3), np.uint8), np.ones((3, 5), np.float32)
    tsdf.integrate(CameraFrame(stamp_ns=0, rgb=rgb, depth=depth, K=K, T_world_cam=np.eye(4)))
    tsdf.mesh()
    tsdf.restore_regions(tsdf.changed_regions())
