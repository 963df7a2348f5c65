# SPDX-License-Identifier: Apache-2.0
"""The octree: which space is occupied, free or unknown, as log-odds in blocks of 8x8x8 voxels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mapping.octree import storage, table
from mapping.octree.blocks import UNKNOWN, Blocks, blocks_of
from mapping.octree.kernels import BLOCK
from mapping.octree.update import STEPS_PER_LOG_ODD, Stored, update_blocks
from mapping.octree.view import View
from memory_core.errors import BackendUnavailable, BadInput, BadSettings
from memory_core.frame import CameraFrame

MAX_RANGE_VOXELS = 4096
_MAX_BOX_VOXELS = 1 << 31


class Octree:
    """Occupancy of the world, from depth images with poses. Not thread-safe.

    A voxel holds the log-odds of being occupied, with OctoMap's sensor model (hit 0.7, miss 0.4, clamped to
    0.1192..0.971) in int8 steps; it is occupied at log-odds >= 0, free below, unknown when never seen. In one frame a
    voxel counts once: as hit where a pixel ends, else as missed where any pixel looks through it.
    The same frames in the same order give the same bytes.

    Args:
        voxel_size_m: edge length; voxel i spans [i, i + 1) * voxel_size_m on each axis.
        device: "cpu".

    Raises:
        BadSettings: voxel_size_m is not between 1 mm and 10 m.
        BackendUnavailable: the device is not supported.
    """

    def __init__(self, voxel_size_m: float = 0.05, device: str = "cpu") -> None:
        if not 1e-3 <= voxel_size_m <= 10:
            raise BadSettings(f"voxel_size_m: want 0.001 .. 10 m, got {voxel_size_m!r}")
        if device != "cpu":
            raise BackendUnavailable(f"octree device {device!r} is not supported; use device='cpu'")
        self.voxel_size_m = float(voxel_size_m)
        self._blocks = Blocks()
        self._view = View()

    def integrate(self, frame: CameraFrame, max_range_m: float = 4.0) -> None:
        """Add one frame. Pixels beyond max_range_m still clear the space up to there. O(pixels + visible voxels).

        Raises:
            BadSettings: max_range_m is not positive or is above 4096 voxels.
            BadFrame: the view reaches beyond the map's coordinates, 2^20 voxels from the origin; nothing is changed.
        """
        if not 0 < max_range_m <= MAX_RANGE_VOXELS * self.voxel_size_m:
            limit = MAX_RANGE_VOXELS * self.voxel_size_m
            raise BadSettings(f"max_range_m: want 0 .. {limit:g} m at this voxel size, got {max_range_m!r}")
        view, blocks = self._view, self._blocks
        view.look(frame, self.voxel_size_m, max_range_m)
        rows = blocks.rows_near(view.blocks, view.origin)
        stored = Stored(blocks.voxels, blocks.counts, blocks.changed, blocks.totals)
        update_blocks(view.blocks, rows, view.hits, view.camera, view.pyramid, stored, view.scratch)

    def occupancy(self, points: ArrayLike) -> NDArray[np.int8]:
        """(N,) -1 unknown, 0 free, 1 occupied at points (N, 3) in metres. O(N)."""
        values = self._values(points)
        return np.where(values == UNKNOWN, np.int8(-1), (values >= 0).astype(np.int8))

    def log_odds(self, points: ArrayLike) -> NDArray[np.float32]:
        """(N,) log-odds of being occupied at points (N, 3) in metres, NaN where unknown. O(N)."""
        values = self._values(points)
        return np.where(values == UNKNOWN, np.float32(np.nan), values / np.float32(STEPS_PER_LOG_ODD))

    def _values(self, points: ArrayLike) -> NDArray[np.int8]:
        at, blocks = _vectors("points", points), self._blocks
        per_metre = 1.0 / self.voxel_size_m
        return np.asarray(table.values_at(at, per_metre, blocks.table_keys, blocks.table_rows, blocks.voxels), np.int8)

    def raycast(self, origins: ArrayLike, directions: ArrayLike, max_range_m: float) -> NDArray[np.float64]:
        """(N,) metres to where each ray enters the first occupied voxel, infinity when it meets none in range.

        Unknown space is passed. O(N * range).

        Args:
            origins: (N, 3) metres.
            directions: (N, 3), of any length but 0.
        """
        start, along = _vectors("origins", origins), _vectors("directions", directions)
        lengths = np.linalg.norm(along, axis=1, keepdims=True)
        if len(start) != len(along) or not (np.isfinite(start).all() and (lengths > 0).all()):
            raise BadInput(
                f"raycast: want as many finite origins as directions that are not 0, got {len(start)} and {len(along)}"
            )
        blocks = self._blocks
        limit = max_range_m / self.voxel_size_m
        distances = table.cast_rays(
            start / self.voxel_size_m, along / lengths, limit, blocks.table_keys, blocks.table_rows, blocks.voxels,
            blocks.counts,
        )  # fmt: skip
        return np.asarray(distances * self.voxel_size_m)

    def voxel_of(self, point: ArrayLike) -> NDArray[np.int64]:
        """(3,) coordinates of the voxel that holds a point (3,) in metres."""
        return np.asarray(np.floor(np.asarray(point, np.float64) * (1.0 / self.voxel_size_m)), np.int64)

    def dense(self, minimum: ArrayLike, maximum: ArrayLike) -> NDArray[np.int8]:
        """(nx, ny, nz) occupancy -1, 0, 1 of the voxels from that of `minimum` to that of `maximum`. O(voxels in it).

        Voxel [0, 0, 0] is `voxel_of(minimum)`; its centre is at (voxel_of(minimum) + 0.5) * voxel_size_m.

        Raises:
            BadInput: the corners are not finite, in the wrong order, or too far apart.
        """
        corners = np.array([minimum, maximum], np.float64)
        if corners.shape != (2, 3) or not (np.isfinite(corners).all() and (corners[0] <= corners[1]).all()):
            raise BadInput(f"dense: want finite corners (3,), minimum <= maximum, got {corners.tolist()}")
        low = self.voxel_of(corners[0])
        size = self.voxel_of(corners[1]) - low + 1
        if np.prod(size.astype(np.float64)) > _MAX_BOX_VOXELS:
            raise BadInput(f"dense: a box of {' x '.join(map(str, size))} voxels is too large")
        box = np.empty(tuple(size), np.int8)
        table.fill_box(low, self._blocks.table_keys, self._blocks.table_rows, self._blocks.voxels, box)
        return box

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Corners (3,), (3,) in metres of the box around all blocks with known voxels, None when there are none.

        Both lie inside their voxels, so `dense(*bounds())` is the whole map. O(blocks).
        """
        known = blocks_of(self._known_keys())
        if not len(known):
            return None
        low, high = known.min(axis=0) * BLOCK, (known.max(axis=0) + 1) * BLOCK
        return (low + 0.5) * self.voxel_size_m, (high - 0.5) * self.voxel_size_m

    def occupied_centers(self) -> NDArray[np.float64]:
        """(N, 3) metres, centres of all occupied voxels, in order of block and voxel. O(blocks)."""
        return self._centers(0)

    def free_centers(self) -> NDArray[np.float64]:
        """(N, 3) metres, centres of all free voxels, in order of block and voxel. O(blocks)."""
        return self._centers(1)

    def _centers(self, kind: int) -> NDArray[np.float64]:
        blocks = self._blocks
        rows = np.nonzero(blocks.counts[: blocks.n, kind] > 0)[0]
        rows = rows[np.argsort(blocks.keys[rows])]
        voxels = blocks.voxels[rows]
        row, i = np.nonzero(voxels >= 0 if kind == 0 else (voxels < 0) & (voxels != UNKNOWN))
        inside = np.stack([i >> 6, (i >> 3) & 7, i & 7], axis=1)
        return np.asarray((blocks_of(blocks.keys[rows])[row] * BLOCK + inside + 0.5) * self.voxel_size_m)

    def counts(self) -> tuple[int, int]:
        """Occupied and free voxels. O(1)."""
        return int(self._blocks.totals[0]), int(self._blocks.totals[1])

    @property
    def memory_bytes(self) -> int:
        """Bytes held by the map's arrays, headroom included; scratch space for a frame is not counted."""
        return self._blocks.nbytes

    def changed_regions(self) -> dict[str, bytes]:
        """Content of every region (64x64x64 voxels) that changed since the last call, by name; marks them as stored.

        The bytes depend only on the voxels, not on how they came to be. O(blocks + voxels in changed regions).
        """
        regions = storage.encode(self._blocks, self.voxel_size_m, changed_only=True)
        self._blocks.changed[: self._blocks.n] = 0
        return regions

    def restore_regions(self, regions: Mapping[str, bytes]) -> None:
        """Put back what `changed_regions` gave; not reported as changed. O(voxels in them).

        Raises:
            CorruptMemory: the bytes are damaged.
            BadSettings: they have another voxel size.
        """
        storage.decode(regions, self._blocks, self.voxel_size_m)

    def save(self, path: Path | str) -> None:
        """Write the whole map to a file, replacing it only once it is complete. O(voxels)."""
        storage.save(self._blocks, self.voxel_size_m, Path(path))

    @classmethod
    def load(cls, path: Path | str, device: str = "cpu") -> Octree:
        """A map from a file written by `save`.

        Raises:
            NotAMemory: there is no such file, or it is something else.
            CorruptMemory: it is damaged.
        """
        voxel_size_m, regions = storage.load(Path(path))
        octree = cls(voxel_size_m, device)
        octree.restore_regions(regions)
        return octree

    def _known_keys(self) -> NDArray[np.int64]:
        blocks = self._blocks
        return np.asarray(blocks.keys[: blocks.n][blocks.counts[: blocks.n].sum(axis=1) > 0])


def _vectors(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = np.require(values, np.float64, ["C", "A"]).view()
    if array.ndim != 2 or array.shape[1] != 3:
        raise BadInput(f"{name}: want (N, 3) numbers, got shape {array.shape}")
    array.flags.writeable = False  # one type for the compiler, whoever made the array
    return array


def warm_up() -> None:
    """Compile or load every kernel, so that the first frame is as fast as the next: about 15 s once, then 0.4 s."""
    octree = Octree()
    for shape in ((2, 2), (3, 5)):
        octree.integrate(_wall(shape))
    octree.occupancy(np.zeros((1, 3)))
    octree.raycast(np.zeros((1, 3)), np.ones((1, 3)), 1.0)
    octree.dense(np.zeros(3), np.ones(3))
    octree.restore_regions(octree.changed_regions())


def _wall(shape: tuple[int, int]) -> CameraFrame:
    K = np.array([[2.0, 0, 1], [0, 2.0, 1], [0, 0, 1]])
    return CameraFrame(
        stamp_ns=0, rgb=np.zeros((*shape, 3), np.uint8), depth=np.ones(shape, np.float32), K=K, T_world_cam=np.eye(4)
    )
