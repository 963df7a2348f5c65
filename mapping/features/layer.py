# SPDX-License-Identifier: Apache-2.0
"""The feature channel of a map: embeddings of what frames show go into a bank, the map's cells point into it.

A query embedding lights up the places that look like it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mapping.features import kernels
from mapping.features.bank import FeatureBank
from mapping.features.cells import FeatureCells
from mapping.octree.blocks import blocks_of, keys_of
from memory_core.errors import BadFrame, BadInput, CorruptMemory
from memory_core.frame import CameraFrame
from memory_core.packing import pack, unpack
from memory_core.segment import Segment

_PIXELS = 30_000  # of an image are looked at; larger ones are thinned
_PAGE = 64  # bank items in one block of storage
LAYER = "features"  # what the names of its blocks begin with
_ABOUT, _BANK = f"{LAYER}/bank", f"{LAYER}/bank_"


class Lit(NamedTuple):
    """Voxels that a query lights up, brightest first: centres (N, 3) in metres, map frame, and scores (N,)."""

    points: NDArray[np.float64]
    scores: NDArray[np.float32]


class FeatureLayer:
    """Bank and cells of one map, in voxels of the octree's size. Costs nothing while nothing carries an embedding.

    Args:
        voxel_size_m: of the octree.
        similarity, capacity: of the bank.
    """

    def __init__(self, voxel_size_m: float = 0.05, similarity: float = 0.9, capacity: int = 4096) -> None:
        self.voxel_size_m = float(voxel_size_m)
        self.bank = FeatureBank(similarity, capacity)
        self.cells = FeatureCells(64)
        self._slots: NDArray[np.int32] = np.empty(0, np.int32)
        self._votes: NDArray[np.int32] = np.empty((0, 5), np.int32)
        self._stored_n = 0

    def check(self, segments: Sequence[Segment]) -> None:
        """Raise BadFrame if the embedding of a segment is none, or of another kind than those before. O(segments)."""
        wanted = self.bank.dimension
        for segment in segments:
            if segment.embedding is None:
                continue
            row = np.asarray(segment.embedding)
            if row.ndim != 1 or not (np.isfinite(row).all() and row.any()):
                raise BadFrame(f"embedding: want (D,) finite numbers with a direction, got shape {row.shape}")
            wanted = wanted or len(row)
            if len(row) != wanted:
                raise BadFrame(f"embedding: want {wanted} numbers as before, got {len(row)}; one map holds one kind")

    def observe(self, frame: CameraFrame, segments: Sequence[Segment], max_range_m: float = 4.0) -> None:
        """Vote for the embeddings of segments where their pixels end. O(pixels of the segments + segments * items).

        Raises:
            BadFrame: see `check`; nothing is changed then.
        """
        carriers = [s for s in segments if s.embedding is not None and s.mask.any()]
        if not carriers:
            return
        self.check(carriers)
        places = np.array([(frame.stamp_ns, *_middle(segment)) for segment in carriers], np.int64)
        items = self._add(np.stack([np.asarray(s.embedding) for s in carriers]), places)
        for segment, item in zip(carriers, items, strict=True):
            window = np.where(segment.mask, np.int32(item), np.int32(-1))
            self._vote(frame, window, (segment.box_px[0], segment.box_px[1]), max_range_m)

    def observe_image(self, frame: CameraFrame, features: ArrayLike, max_range_m: float = 4.0) -> None:
        """Vote for a feature image (h, w, D) that spans the frame's image, coarser or as fine. O(h * w * items * D).

        Anything numpy can read will do, a tensor in main memory too. Features without direction are passed over.

        Raises:
            BadInput: of another shape, or D, than wanted, or not finite.
        """
        image = np.asarray(features)
        if image.ndim != 3 or 0 in image.shape:
            raise BadInput(f"features: want (h, w, D) numbers, got shape {image.shape}")
        height, width = frame.depth.shape
        rows, columns = (np.arange(height) * image.shape[0]) // height, (np.arange(width) * image.shape[1]) // width
        flat = image.reshape(-1, image.shape[2])
        useful = np.nonzero(~(flat == 0).all(axis=1))[0]
        if not len(useful):
            return
        v, u = (useful // image.shape[1] + 0.5) / image.shape[0], (useful % image.shape[1] + 0.5) / image.shape[1]
        at = np.stack([np.full(len(useful), frame.stamp_ns), (v * height).astype(int), (u * width).astype(int)], axis=1)
        items = np.full(len(flat), -1, np.int32)
        items[useful] = self._add(flat[useful], at)
        window = items.reshape(image.shape[:2])[np.ix_(rows, columns)]
        self._vote(frame, np.ascontiguousarray(window), (0, 0), max_range_m)

    def _add(self, features: NDArray[Any], places: NDArray[np.int64]) -> NDArray[np.int32]:
        items = self.bank.add(features, places)
        names = self.bank.take_renames()
        if names is not None:
            self.cells.rename(names)
        return items

    def _vote(self, frame: CameraFrame, window: NDArray[np.int32], first: tuple[int, int], range_m: float) -> None:
        step = max(1, round((frame.depth.size / _PIXELS) ** 0.5))
        n_pixels = -(-window.shape[0] // step) * -(-window.shape[1] // step)
        if n_pixels > len(self._votes):
            self._votes = np.empty((2 * n_pixels, 5), np.int32)
            self._slots = np.full(1 << int(8 * n_pixels).bit_length(), -1, np.int32)
        depth = np.require(frame.depth, np.float32, ["C", "A"]).view()
        depth.flags.writeable = False  # one type for the compiler, whoever made the image
        n = kernels.collect(
            depth, np.ascontiguousarray(frame.K), np.ascontiguousarray(frame.T_world_cam), window, first, step,
            range_m, 1.0 / self.voxel_size_m, self._slots, self._votes,
        )  # fmt: skip
        if n:
            self.cells.vote(self._votes[:n])

    def query(self, embedding: ArrayLike, temperature: float = 0.05) -> NDArray[np.float32]:
        """Attention (blocks, 64) that the map's cells get from an embedding, rows as in `cells`. O(bank + blocks).

        The softmax over the bank's items, averaged over a cell's items by their votes; 0 where nothing is known.
        """
        return self.cells.scores(self.bank.attention(embedding, temperature))

    def light_up(
        self, embedding: ArrayLike, *, k: int | None = None, threshold: float | None = None, temperature: float = 0.05
    ) -> Lit:
        """The voxels most like an embedding, brightest first; equally bright ones in order of their keys.

        Args:
            k: most voxels.
            threshold: least score; the scores of all items sum to 1.

        O(bank + blocks + what is lit).
        """
        if k is not None and k < 0:
            raise BadInput(f"k: want 0 or more voxels, got {k}")
        scores = self.query(embedding, temperature)
        least = float(threshold) if threshold is not None else 0.0
        if k is not None and k < scores.size:
            least = max(least, float(np.partition(scores.ravel(), scores.size - max(1, k))[scores.size - max(1, k)]))
        rows, cells = np.nonzero((scores >= least) & (self.cells.seen[: self.cells.n] != 0) & (scores > 0))
        order = np.lexsort((cells, self.cells.keys[rows], -scores[rows, cells]))[:k]
        rows, cells = rows[order], cells[order]
        voxels, which = self.cells.voxels(rows, cells)
        points = np.asarray((voxels[:k] + 0.5) * self.voxel_size_m, np.float64)
        return Lit(points, scores[rows, cells][which[:k]])

    def features_at(self, points: ArrayLike) -> NDArray[np.float32]:
        """(N, D) unit vectors that the cells at points (N, 3) in metres look like, zeros where nothing is known. O(N).

        A cell's items are averaged by their votes.
        """
        at = np.asarray(points, np.float64).reshape(-1, 3)
        if not (np.abs(at) < self.voxel_size_m * (1 << 20)).all():
            raise BadInput("points: want finite metres within the map's coordinates")
        cell = np.floor(at / self.voxel_size_m).astype(np.int64) >> 1
        rows = self.cells.rows_of(keys_of(cell >> 2))
        known = rows >= 0
        inside = ((cell[:, 0] & 3) << 4) | ((cell[:, 1] & 3) << 2) | (cell[:, 2] & 3)
        items = self.cells.items[rows[known], inside[known]]
        weights = self.cells.counts[rows[known], inside[known]].astype(np.float32)
        features = np.zeros((len(at), self.bank.dimension), np.float32)
        features[known] = np.einsum("ij,ijk->ik", weights, self.bank.vectors[np.where(weights > 0, items, 0)])
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        return np.asarray(features / np.where(lengths > 0, lengths, 1.0), np.float32)

    def block_centers(self) -> NDArray[np.float64]:
        """(n, 3) metres, the middle of every block, in the order in which `move` wants transforms. O(blocks)."""
        return np.asarray((blocks_of(self.cells.keys[: self.cells.n]) + 0.5) * (8 * self.voxel_size_m), np.float64)

    def move(self, T: NDArray[np.float64]) -> None:
        """Move each block rigidly, T (n, 4, 4) metres, as when the trajectory it was seen from is corrected. O(cells).

        Raises:
            BadInput: not one transform for each block, or one that leaves the map's coordinates; nothing is changed.
        """
        if T.shape != (self.cells.n, 4, 4):
            raise BadInput(f"T: want ({self.cells.n}, 4, 4), one for each block, got {T.shape}")
        in_voxels = T.copy()
        in_voxels[:, :3, 3] /= self.voxel_size_m
        self.cells.move(in_voxels)

    @property
    def memory_bytes(self) -> int:
        """Bytes of cells and bank, headroom included."""
        return self.cells.nbytes + self.bank.nbytes

    def changed_regions(self) -> dict[str, bytes]:
        """What changed since the last call: cells by region "features/x_y_z", and the bank.

        Marks it as stored. The bytes depend only on what is in the layer. O(blocks + what changed).
        """
        regions = {f"{LAYER}/{name}": self._packed(of) for name, of in self.cells.changed_regions().items()}
        bank, n = self.bank, max(self.bank.n, self._stored_n)
        dirty = sorted({*(np.nonzero(bank.changed[:n])[0] // _PAGE).tolist()})
        for page in dirty:
            regions[f"{_BANK}{page}"] = self._packed(bank.state(page * _PAGE, (page + 1) * _PAGE))
        if dirty:
            regions[_ABOUT] = self._packed({"about": bank.about()})
        bank.changed[:] = 0
        self._stored_n = bank.n
        return regions

    def _packed(self, values: Mapping[str, Any]) -> bytes:
        """In the form every block of a map has: the layer has no voxels of its own to count."""
        return pack({**values, "voxel_size_m": self.voxel_size_m, "occupied": 0, "free": 0})

    def restore_regions(self, regions: Mapping[str, bytes]) -> None:
        """Put back what `changed_regions` gave, the newest of each name; goes on as if never stopped. O(all of it).

        Raises:
            CorruptMemory: something is missing or damaged.
        """
        if not regions:
            return
        if _ABOUT not in regions:
            raise CorruptMemory("features: the block that describes the bank is missing")
        about = unpack(regions[_ABOUT]).get("about")
        n = about.get("n", 0) if isinstance(about, dict) else -1
        names = [f"{_BANK}{page}" for page in range(-(-n // _PAGE))]  # pages beyond are left from before a merge
        missing = [name for name in names if name not in regions]
        if not isinstance(about, dict) or missing:
            raise CorruptMemory(f"features: {', '.join(missing) or 'the description'} of the bank is missing")
        self.cells = FeatureCells(64)
        self.bank.restore(about, [unpack(regions[name]) for name in names])
        self._stored_n = self.bank.n
        cells = {name: content for name, content in regions.items() if not name.startswith(_ABOUT)}
        self.cells.restore_regions(cells, self.bank.n)


def _middle(segment: Segment) -> tuple[int, int]:
    """Row and column, in the image, of a pixel of a segment: the middle one of its middle row."""
    upto = np.cumsum(np.count_nonzero(segment.mask, axis=1))
    row = int(np.searchsorted(upto, (upto[-1] + 1) // 2))
    columns = np.nonzero(segment.mask[row])[0]
    return row + segment.box_px[1], int(columns[len(columns) // 2]) + segment.box_px[0]
