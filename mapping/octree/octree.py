# SPDX-License-Identifier: Apache-2.0
"""The octree: which space is occupied, free or unknown, as log-odds in blocks of 8x8x8 voxels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mapping.gpu.device import resolve
from mapping.octree import content, exports, octomap_files, storage
from mapping.octree.blocks import Blocks
from mapping.octree.decay import Decay
from mapping.octree.frames import Frames
from mapping.octree.lookups import MAX_BLOCK, UNKNOWN
from mapping.octree.paging import Paging, RegionStore
from mapping.octree.queries import Queries
from mapping.octree.update import STEPS_PER_LOG_ODD
from memory_core.errors import BadInput, BadSettings
from memory_core.frame import CameraFrame

MAX_LEVEL = 6  # of a cell as large as a region
_MAX_BOX_VOXELS = 1 << 31
_BLOCK = 8
_MANY = 1 << 14  # points


class Octree:
    """Occupancy of the world, from depth images with poses. Not thread-safe.

    A voxel holds the log-odds of being occupied, with OctoMap's sensor model (hit 0.7, miss 0.4, clamped to
    0.1192..0.971) in int8 steps; it is occupied at log-odds >= 0, free below, unknown when never seen. In one frame a
    voxel counts once: as hit where a pixel ends, else as missed where any pixel looks through it.
    The same frames in the same order give the same bytes, whatever the budget and whatever was asked in between.

    Args:
        voxel_size_m: edge length; voxel i spans [i, i + 1) * voxel_size_m on each axis.
        device: "cpu", "cuda", or "auto" for a GPU where there is one; see `mapping.gpu.device`. The bytes are the same.
        ram_budget_bytes: most that the voxels in RAM may take; the rest waits in the store or in a scratch file beside
            it, and comes back when it is looked at or asked for. None for no limit.
        store: where regions that `changed_regions` gave are kept; it must have them all before the next call of it.
            `open_store` makes a map of what it has.
        decay_half_life_s: time in which log-odds fade to half, 0 for never; at 0 a voxel is unknown again.

    Raises:
        BadSettings: voxel_size_m is not between 1 mm and 10 m, or the half-life is negative.
        BackendUnavailable: there is no such device here.
    """

    def __init__(
        self,
        voxel_size_m: float = 0.05,
        device: str = "cpu",
        *,
        ram_budget_bytes: int | None = None,
        store: RegionStore | None = None,
        decay_half_life_s: float = 0.0,
    ) -> None:
        if not 1e-3 <= voxel_size_m <= 10:
            raise BadSettings(f"voxel_size_m: want 0.001 .. 10 m, got {voxel_size_m!r}")
        self.device = resolve(device)
        self.voxel_size_m = float(voxel_size_m)
        self._blocks = Blocks(ram_budget_bytes)
        self._decay = Decay(decay_half_life_s)
        self._paging = Paging(self._blocks, self.voxel_size_m, self._decay, store)
        self._queries = Queries(self._blocks, self._paging)
        self._frames = self._make_frames()

    def _make_frames(self) -> Frames:
        if self.device == "cpu":
            return Frames(self._blocks, self._paging, self.voxel_size_m)
        from mapping.gpu.frames import DeviceFrames  # needs Warp, which only the devices do

        device = "cpu" if self.device == "warp-cpu" else self.device
        frames = DeviceFrames(self._blocks, self._paging, self.voxel_size_m, device)
        self._queries.device = frames.lookups
        return frames

    def integrate(self, frame: CameraFrame, max_range_m: float = 4.0) -> None:
        """Add one frame. Pixels beyond max_range_m still clear the space up to there. O(pixels + visible voxels).

        Raises:
            BadSettings: max_range_m is not positive or is above 4096 voxels, or the view does not fit the budget.
            BadFrame: the view reaches beyond the map's coordinates, 2^20 voxels from the origin; nothing is changed.
            StorageFull: no room on disk for what must leave RAM; nothing is changed.
        """
        self.advance(frame.stamp_ns)
        self._frames.integrate(frame, max_range_m)

    def advance(self, stamp_ns: int) -> None:
        """Let time pass without a frame: what fades, fades up to then. O(regions) once in a half-life, else O(1)."""
        if self._decay.advance(stamp_ns):
            self._paging.hide_outdated()

    def occupancy(self, points: ArrayLike, level: int = 0) -> NDArray[np.int8]:
        """(N,) -1 unknown, 0 free, 1 occupied at points (N, 3) in metres. O(N), O(64 N) at most at other levels.

        Args:
            level: of the cell of 2^level voxels that holds the point, 0 .. 6. A cell is occupied when any of its voxels
                is, free when all are, else unknown.
        """
        if level:
            cells = self._cells_of(_vectors("points", points), _checked_level(level))
            return self._queries.cells(cells, level)
        values = self._values(points)
        return np.where(values == UNKNOWN, np.int8(-1), (values >= 0).astype(np.int8))

    def log_odds(self, points: ArrayLike) -> NDArray[np.float32]:
        """(N,) log-odds of being occupied at points (N, 3) in metres, NaN where unknown. O(N)."""
        values = self._values(points)
        return np.where(values == UNKNOWN, np.float32(np.nan), values / np.float32(STEPS_PER_LOG_ODD))

    def raycast(self, origins: ArrayLike, directions: ArrayLike, max_range_m: float) -> NDArray[np.float64]:
        """(N,) metres to where each ray enters the first occupied voxel, infinity when it meets none in range.

        Unknown space is passed. O(N * range); regions and blocks without occupied voxels are one step.

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
        limit = max_range_m / self.voxel_size_m
        return self._queries.rays(start / self.voxel_size_m, along / lengths, limit) * self.voxel_size_m

    def voxel_of(self, point: ArrayLike) -> NDArray[np.int64]:
        """(3,) coordinates of the voxel that holds a point (3,) in metres."""
        return np.asarray(np.floor(np.asarray(point, np.float64) * (1.0 / self.voxel_size_m)), np.int64)

    def dense(self, minimum: ArrayLike, maximum: ArrayLike, level: int = 0) -> NDArray[np.int8]:
        """(nx, ny, nz) occupancy -1, 0, 1 of the voxels from that of `minimum` to that of `maximum`. O(voxels in it).

        Voxel [0, 0, 0] is `voxel_of(minimum)`; its centre is at (voxel_of(minimum) + 0.5) * voxel_size_m. At another
        level these are cells of 2^level voxels, as in `occupancy`, the first being `voxel_of(minimum) >> level`.

        Raises:
            BadInput: the corners are not finite, in the wrong order, or too far apart.
        """
        low, high = self._corners("dense", minimum, maximum)
        low, high = low >> _checked_level(level), high >> level
        size = high - low + 1
        if np.prod(size.astype(np.float64)) > _MAX_BOX_VOXELS:
            raise BadInput(f"dense: a box of {' x '.join(map(str, size))} voxels is too large")
        if not level:
            return self._queries.dense(low, high)
        cells = np.stack(np.meshgrid(*map(np.arange, low, high + 1), indexing="ij"), axis=-1)
        return self._queries.cells(cells.reshape(-1, 3), level).reshape(size)

    def any_occupied(self, boxes: ArrayLike) -> NDArray[np.bool_]:
        """(N,) whether any voxel of each box (N, 6) is occupied: minimum and maximum corners in metres.

        O(blocks the box cuts + their voxels, up to the first that is).
        """
        return np.asarray(self._queries.count(self._voxel_boxes(boxes), only_any=True)[:, 0] > 0)

    def count(self, boxes: ArrayLike) -> NDArray[np.int64]:
        """(N, 2) occupied and free voxels in boxes (N, 6), otherwise as `any_occupied`."""
        return self._queries.count(self._voxel_boxes(boxes))

    def distance(self, points: ArrayLike, max_m: float = 2.0) -> NDArray[np.float64]:
        """(N,) metres from points (N, 3) to the nearest occupied voxel, 0 inside one, infinity beyond max_m. Exact.

        O(N * blocks within max_m), in the worst case; blocks farther than the nearest found are not looked into.
        """
        at = _vectors("points", points)
        if not (np.isfinite(at).all() and 0 < max_m <= 1024 * self.voxel_size_m):
            raise BadInput(f"distance: want finite points and max_m up to 1024 voxels, got max_m {max_m!r}")
        return self._queries.distances(at / self.voxel_size_m, max_m / self.voxel_size_m) * self.voxel_size_m

    def esdf(self, minimum: ArrayLike, maximum: ArrayLike, max_m: float = 2.0) -> NDArray[np.float32]:
        """(nx, ny, nz) metres from each voxel's centre to that of the nearest occupied voxel; the box as in `dense`.

        Inside occupied space it is negative: the way out to the nearest voxel that is not occupied. Exact up to max_m
        and cut there. O(voxels of the box with max_m around it).
        """
        low, high = self._corners("esdf", minimum, maximum)
        n_around = int(np.ceil(max_m / self.voxel_size_m))
        around = self._queries.dense(low - n_around, high + n_around)
        return exports.signed_distance(around == 1, n_around).clip(-n_around, n_around) * np.float32(self.voxel_size_m)

    def visible(
        self, T_world_cam: ArrayLike, K: ArrayLike, size: tuple[int, int], max_range_m: float = 4.0
    ) -> NDArray[np.float64]:
        """(N, 3) metres, centres of the occupied voxels that a pinhole camera sees.

        A voxel is seen when its centre is in the image and in range, and nothing occupied stands before the middle of
        one of its sides that face the camera, or before its centre.
        O(voxels of the regions in the frustum + rays to those occupied).

        Args:
            T_world_cam: (4, 4) pose of the optical frame.
            K: (3, 3) intrinsics in pixels.
            size: width and height in pixels.
        """
        return exports.visible(self, np.asarray(T_world_cam, np.float64), np.asarray(K, np.float64), size, max_range_m)

    def occupied_in(self, minimum: ArrayLike, maximum: ArrayLike) -> NDArray[np.float64]:
        """(N, 3) metres, centres of the occupied voxels of a box as in `dense`. O(voxels of the regions with any)."""
        voxels = self._queries.occupied_in(*self._corners("occupied_in", minimum, maximum))
        return np.asarray((voxels + 0.5) * self.voxel_size_m)

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Corners (3,), (3,) in metres of the box around all blocks with known voxels, None when there are none.

        Both lie inside their voxels, so `dense(*bounds())` is the whole map. O(map).
        """
        known = self.known_blocks()[0]
        if not len(known):
            return None
        low, high = known.min(axis=0) * _BLOCK, (known.max(axis=0) + 1) * _BLOCK
        return (low + 0.5) * self.voxel_size_m, (high - 0.5) * self.voxel_size_m

    def known_blocks(self) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """(N, 3) coordinates in blocks and (N, 512) log-odds steps of all blocks of which something is known. O(map).

        -128 is an unknown voxel; z is fastest.
        """
        return exports.known_blocks(self._blocks, self._paging)

    def replace_blocks(self, blocks: NDArray[np.int64], voxels: NDArray[np.int8], stamp_ns: int) -> None:
        """Make the map hold these blocks, as `known_blocks` gives them, and nothing else; all has changed. O(map)."""
        keys = content.keys_of(blocks)
        order = np.argsort(keys)
        mixed = np.full(len(keys), UNKNOWN, np.int8)
        regions = content.split(keys[order], mixed, np.ascontiguousarray(voxels[order], np.int8), stamp_ns)
        for number in range(self._blocks.n_regions):
            regions.setdefault(self._blocks.name(number), content.empty())
        self._take(regions)

    def _take(self, regions: Mapping[str, content.Content]) -> None:
        for name in sorted(regions):
            self._blocks.mark_dirty(self._paging.replace(name, regions[name], stored=False))

    def occupied_centers(self) -> NDArray[np.float64]:
        """(N, 3) metres, centres of all occupied voxels, in order of block and voxel. O(map)."""
        return np.asarray(exports.centers(self._blocks, self._paging, occupied=True) * self.voxel_size_m)

    def free_centers(self) -> NDArray[np.float64]:
        """(N, 3) metres, centres of all free voxels, in order of block and voxel. O(map)."""
        return np.asarray(exports.centers(self._blocks, self._paging, occupied=False) * self.voxel_size_m)

    def occupancy_grid(self, z_min: float, z_max: float) -> exports.Grid:
        """The map seen from above between two heights in metres, as nav_msgs/OccupancyGrid has it. O(map)."""
        return exports.occupancy_grid(self._blocks, self._paging, self.voxel_size_m, z_min, z_max)

    def counts(self) -> tuple[int, int]:
        """Occupied and free voxels; what fades counts as when it was last in RAM. O(1)."""
        return int(self._blocks.totals[0]), int(self._blocks.totals[1])

    @property
    def memory_bytes(self) -> int:
        """Bytes of RAM that the map takes; scratch space for a frame is not counted."""
        return self._blocks.nbytes

    @property
    def resident_regions(self) -> int:
        """How many regions have their voxels in RAM."""
        return len(self._blocks.residents())

    def changed_since(self, stamp_ns: int) -> NDArray[np.float64]:
        """(N, 6) metres, the blocks (8x8x8 voxels) whose voxels changed after a time: minimum and maximum corners.

        O(regions + blocks of those that changed); regions of a reopened map are read the first time.
        """
        blocks = exports.changed_since(self._blocks, self._paging, stamp_ns)
        return np.asarray(blocks * (_BLOCK * self.voxel_size_m))

    def last_seen_ns(self, points: ArrayLike) -> NDArray[np.int64]:
        """(N,) when the region (64x64x64 voxels) of each point was last in view since the map was opened, 0 if not."""
        cells = self._cells_of(_vectors("points", points), MAX_LEVEL)
        numbers = self._blocks.numbers_of(content.codes_of(cells))
        return np.where(numbers >= 0, self._blocks.seen_ns[numbers], 0)

    def changed_regions(self) -> dict[str, bytes]:
        """Content of every region (64x64x64 voxels) that changed since the last call, by name; marks them as stored.

        The bytes depend only on the voxels and when they changed. O(changed regions).
        """
        return self._paging.hand_out()

    def restore_regions(self, regions: Mapping[str, bytes]) -> None:
        """Put back what `changed_regions` gave; not reported as changed. O(voxels in them).

        Raises:
            CorruptMemory: the bytes are damaged.
            BadSettings: they have another voxel size.
        """
        for name in sorted(regions):
            content.from_bytes(name, regions[name], self.voxel_size_m)
        for name in sorted(regions):
            region = content.from_bytes(name, regions[name], self.voxel_size_m)
            self._paging.replace(name, region, stored=True)

    def open_store(self) -> None:
        """Begin with the regions that the store has; each is read when it is first needed. O(regions)."""
        self._paging.open_store()

    def save(self, path: Path | str) -> None:
        """Write the whole map to a file, replacing it only once it is complete. O(map)."""
        blocks, size = self._blocks, self.voxel_size_m
        parts = ((blocks.name(number), part) for number, part in self._paging.contents())
        storage.save({name: content.to_bytes(name, part, size) for name, part in parts}, size, Path(path))

    @classmethod
    def load(cls, path: Path | str, device: str = "cpu") -> Octree:
        """A map from a file written by `save`. O(map).

        Raises:
            NotAMemory: there is no such file, or it is something else.
            CorruptMemory: it is damaged.
        """
        voxel_size_m, regions = storage.load(Path(path))
        octree = cls(voxel_size_m, device)
        octree.restore_regions(regions)
        return octree

    def save_octomap(self, path: Path | str, kind: str = "") -> None:
        """Write the map as OctoMap's "bt" (occupied or free) or "ot" (log-odds). O(map log map).

        Args:
            kind: "bt" or "ot"; by the name's ending when not given.

        Raises:
            BadInput: another kind, or a map that reaches beyond OctoMap's 2^15 voxels from the origin.
        """
        path = Path(path)
        octomap_files.write(self._blocks, self._paging, self.voxel_size_m, path, kind or path.suffix.lower()[1:])

    @classmethod
    def load_octomap(cls, path: Path | str, device: str = "cpu") -> Octree:
        """A map from OctoMap's .bt or .ot. Log-odds go to the nearest step; pruned nodes become all their voxels.

        O(nodes + blocks).

        Raises:
            BadSource: there is no such file, or it is torn or something else.
        """
        voxel_size_m, regions = octomap_files.read(Path(path))
        octree = cls(voxel_size_m, device)
        octree._take(regions)
        return octree

    def _values(self, points: ArrayLike) -> NDArray[np.int8]:
        return self._queries.values(_vectors("points", points), 1.0 / self.voxel_size_m)

    def _cells_of(self, points: NDArray[np.float64], level: int) -> NDArray[np.int64]:
        voxels = np.floor(points * (1.0 / self.voxel_size_m))
        inside = (np.abs(voxels) < _BLOCK * MAX_BLOCK).all(axis=1, keepdims=True)
        return np.where(inside, voxels, _BLOCK * MAX_BLOCK).astype(np.int64) >> level

    def _corners(self, what: str, minimum: ArrayLike, maximum: ArrayLike) -> NDArray[np.int64]:
        corners = np.array([minimum, maximum], np.float64)
        if corners.shape != (2, 3) or not (np.isfinite(corners).all() and (corners[0] <= corners[1]).all()):
            raise BadInput(f"{what}: want finite corners (3,), minimum <= maximum, got {corners.tolist()}")
        return self.voxel_of(corners)

    def _voxel_boxes(self, boxes: ArrayLike) -> NDArray[np.int64]:
        corners = np.asarray(boxes, np.float64)
        if corners.ndim != 2 or corners.shape[1] != 6 or not (corners[:, :3] <= corners[:, 3:]).all():
            raise BadInput(f"boxes: want (N, 6) metres, minimum <= maximum, got shape {corners.shape}")
        limit = _BLOCK * MAX_BLOCK
        return np.clip(np.floor(corners * (1.0 / self.voxel_size_m)), -limit, limit).astype(np.int64)


def _checked_level(level: int) -> int:
    if not 0 <= level <= MAX_LEVEL:
        raise BadInput(f"level: want 0 .. {MAX_LEVEL}, got {level!r}")
    return level


def _vectors(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = np.require(values, np.float64, ["C", "A"]).view()
    if array.ndim != 2 or array.shape[1] != 3:
        raise BadInput(f"{name}: want (N, 3) numbers, got shape {array.shape}")
    array.flags.writeable = False  # one type for the compiler, whoever made the array
    return array


def warm_up(device: str = "cpu") -> None:
    """Compile or load every kernel of a build, so that the first frame is as fast as the next: some 20 s once."""
    octree = Octree(device=device)
    for shape in ((2, 2), (3, 5)):
        octree.integrate(_wall(shape))
    for n in (1, _MANY):  # many go to the device, if there is one
        octree.occupancy(np.zeros((n, 3)))
        octree.raycast(np.zeros((n, 3)), np.ones((n, 3)), 1.0)
    octree.dense(np.zeros(3), np.ones(3))
    octree.restore_regions(octree.changed_regions())


def _wall(shape: tuple[int, int]) -> CameraFrame:
    K = np.array([[2.0, 0, 1], [0, 2.0, 1], [0, 0, 1]])
    return CameraFrame(
        stamp_ns=0, rgb=np.zeros((*shape, 3), np.uint8), depth=np.ones(shape, np.float32), K=K, T_world_cam=np.eye(4)
    )
