# SPDX-License-Identifier: Apache-2.0
"""The semantic map: a square of cells seen from above, always of the same size, in memory and in bytes.

Channels are obstacle, explored, current (where the robot is), past (where it was), then one for each class. What was
once seen stays (maximum over time) until it leaves the square. Arrays are indexed [x, y], cell [0, 0] at the lowest
x and y. Classes get channels in order of appearance; when there are none left, and for what has no class, the first
class channel, "object", takes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mapping.semantic_map import drawing
from mapping.semantic_map.kernels import drop_pixels
from mapping.semantic_map.settings import SemanticMapSettings
from memory_core.config import check
from memory_core.errors import BadInput, CorruptMemory
from memory_core.frame import CameraFrame
from memory_core.labels import STRUCTURE
from memory_core.packing import pack, unpack
from memory_core.segment import UNLABELLED, Segment

Plane = NDArray[np.uint8]

CHANNELS = ("obstacle", "explored", "current", "past")
_NAME_BYTES = 64
_NOWHERE = -(1 << 40)
_FIELDS = ("layout", "place", "names", "planes", "hits")


class Label(NamedTuple):
    """A patch of one class: its middle in metres, map frame, and how many cells it covers."""

    label: str
    x: float
    y: float
    n_cells: int


class SemanticMap:
    """See the module.

    Args:
        center: (x, y) metres in the middle of the map at first.
        floor_z: metres, height of the floor in the map frame.
        follows: keep the camera in the middle half by moving the square in whole cells; what leaves it is forgotten.
        min_cells_of: least patch that gets a label, for classes that differ from the setting.
    """

    def __init__(
        self,
        settings: SemanticMapSettings | None = None,
        center: tuple[float, float] = (0.0, 0.0),
        floor_z: float = 0.0,
        *,
        follows: bool = False,
        min_cells_of: Mapping[str, int] | None = None,
    ) -> None:
        self.settings = settings or SemanticMapSettings()
        check(self.settings)
        self.floor_z, self.follows, self.min_cells_of = float(floor_z), follows, dict(min_cells_of or {})
        n = self.settings.n_cells
        self.classes: list[str] = [UNLABELLED]
        self._planes: Plane = np.zeros((3, n, n), np.uint8)  # explored, obstacle, past
        self._hits: Plane = np.zeros((self.settings.n_classes, n, n), np.uint8)
        self._fresh: Plane = np.zeros((0, n, n), np.uint8)
        self._touched: NDArray[np.int32] = np.empty((0, 3), np.int32)
        self._current = (_NOWHERE, _NOWHERE)  # cell of the map's grid, not of the square
        self._first = (self._cell(center[0]) - n // 2, self._cell(center[1]) - n // 2)

    def _cell(self, metres: float) -> int:
        return int(np.floor(metres / self.settings.cell_m))

    @property
    def origin(self) -> tuple[float, float]:
        """Metres x, y of the square's lowest corner."""
        return self._first[0] * self.settings.cell_m, self._first[1] * self.settings.cell_m

    def channel(self, name: str) -> Plane:
        """(n, n) uint8, 1 where so: "obstacle", "explored", "current", "past" or a class. O(cells)."""
        if name == "current":
            return self._here()
        if name in CHANNELS:
            return np.array(self._planes[("explored", "obstacle", "past").index(name)])
        if name not in self.classes:
            raise BadInput(f"channel: want one of {', '.join([*CHANNELS, *self.classes])}, got {name!r}")
        return np.asarray(self._hits[self.classes.index(name)] >= self.settings.hits, np.uint8)

    def channels(self) -> Plane:
        """(4 + n_classes, n, n) uint8: all channels, those without a class yet empty. O(all cells)."""
        named = [self.channel(name) for name in CHANNELS]
        return np.concatenate([np.stack(named), (self._hits >= self.settings.hits).astype(np.uint8)])

    def _here(self) -> Plane:
        plane: Plane = np.zeros(self._planes.shape[1:], np.uint8)
        i, j = self._current[0] - self._first[0], self._current[1] - self._first[1]
        if 0 <= i < len(plane) and 0 <= j < len(plane):
            plane[i, j] = 1
        return plane

    def observe(self, frame: CameraFrame, segments: Sequence[Segment]) -> None:
        """Add what a frame shows. O(pixels), whatever the size of the map, but for the steps of a map that follows."""
        self.stand_at(float(frame.T_world_cam[0, 3]), float(frame.T_world_cam[1, 3]))
        of_pixel = np.full(frame.depth.shape, -1, np.int8)
        for segment in segments:
            if segment.label in STRUCTURE:
                continue
            u0, v0, u1, v1 = segment.box_px
            of_pixel[v0:v1, u0:u1][segment.mask] = self._channel_of(segment.label)
        if not len(self._fresh):
            self._fresh = np.zeros_like(self._hits)
        if len(self._touched) < frame.depth.size:
            self._touched = np.empty((frame.depth.size, 3), np.int32)
        s, depth = self.settings, np.require(frame.depth, np.float32, ["C", "A"]).view()
        depth.flags.writeable = False  # one type for the compiler, whoever made the image
        drop_pixels(
            depth, np.ascontiguousarray(frame.K), np.ascontiguousarray(frame.T_world_cam), of_pixel,
            np.array([*self.origin, self.floor_z]), 1.0 / s.cell_m,
            np.array([s.low_m, s.high_m, s.obstacle_low_m, s.obstacle_high_m]), self._planes[:2], self._hits,
            self._fresh, self._touched,
        )  # fmt: skip

    def _channel_of(self, label: str) -> int:
        if label not in self.classes and len(self.classes) < self.settings.n_classes:
            self.classes.append(label)
        return self.classes.index(label) if label in self.classes else 0

    def stand_at(self, x: float, y: float) -> None:
        """The robot is at (x, y) metres now; the way from where it was is past. O(cells of the way)."""
        now, before = (self._cell(x), self._cell(y)), self._current
        if self.follows and max(abs(self._off_center(0, now)), abs(self._off_center(1, now))) > self._slack:
            self.recenter(x, y)
        self._current = now
        if before[0] != _NOWHERE:
            n = max(abs(now[0] - before[0]), abs(now[1] - before[1])) + 1
            n = n if n <= 2 * len(self._planes[0]) else 1  # a jump is no way
            way = np.rint(np.linspace(now, before, n)).astype(np.int64) - self._first
            way = way[((way >= 0) & (way < len(self._planes[0]))).all(axis=1)]
            self._planes[2][way[:, 0], way[:, 1]] = 1

    @property
    def _slack(self) -> int:
        return self.settings.n_cells // 4

    def _off_center(self, axis: int, cell: tuple[int, int]) -> int:
        return cell[axis] - self._first[axis] - self.settings.n_cells // 2

    def recenter(self, x: float, y: float) -> None:
        """Move the square so that (x, y) metres is in its middle cell; what leaves it is forgotten. O(all cells)."""
        first = (self._cell(x) - self.settings.n_cells // 2, self._cell(y) - self.settings.n_cells // 2)
        shift = (first[0] - self._first[0], first[1] - self._first[1])
        self._planes, self._hits = _moved(self._planes, shift), _moved(self._hits, shift)
        self._first = first

    def paint(self, label: str, cells: ArrayLike, *, hits: int | None = None) -> None:
        """Say that the cells (N, 2) of the map's grid (metres / cell_m, rounded down) are of a class.

        Args:
            hits: pixels that say so; enough of them when None. Cells outside the square are passed over.
        """
        at = np.asarray(cells, np.int64).reshape(-1, 2) - self._first
        at = at[((at >= 0) & (at < self.settings.n_cells)).all(axis=1)]
        plane = self._hits[self._channel_of(label)]
        value = np.uint8(min(255, self.settings.hits if hits is None else hits))
        plane[at[:, 0], at[:, 1]] = np.maximum(plane[at[:, 0], at[:, 1]], value)

    def mark(self, explored: NDArray[np.bool_], obstacle: NDArray[np.bool_]) -> None:
        """Add (n, n) masks of what is explored and where obstacles are."""
        self._planes[0] |= explored.astype(np.uint8)
        self._planes[1] |= obstacle.astype(np.uint8)

    def labels(self) -> list[Label]:
        """Every patch of touching cells of one class that is large enough, by class and place. O(all cells)."""
        found = []
        for name in self.classes:
            least = self.min_cells_of.get(name, self.settings.min_cells)
            n, _, stats, centers = cv2.connectedComponentsWithStats(self.channel(name), connectivity=8)
            for part in range(1, n):
                size, (j, i) = int(stats[part, cv2.CC_STAT_AREA]), centers[part].tolist()
                if size >= least:
                    found.append(Label(name, self._metres(i, 0), self._metres(j, 1), size))
        return sorted(found, key=lambda label: (label.label, label.x, label.y))

    def _metres(self, index: float, axis: int) -> float:
        return float((self._first[axis] + index + 0.5) * self.settings.cell_m)

    def image(self, pixels_per_cell: int = 2) -> NDArray[np.uint8]:
        """(n * k, n * k, 3) uint8 RGB, +x to the right and +y up, with a name on every label. O(pixels)."""
        if not 1 <= pixels_per_cell <= 16:
            raise BadInput(f"pixels_per_cell: want 1 .. 16, got {pixels_per_cell}")
        cells = drawing.coloured(
            {name: self.channel(name) for name in CHANNELS}, {name: self.channel(name) for name in self.classes}
        )
        picture = drawing.enlarged(cells, pixels_per_cell)
        large_first = sorted(self.labels(), key=lambda label: -label.n_cells)
        spots = [(label.label, *self._pixel(label.x, label.y, pixels_per_cell)) for label in large_first]
        drawing.write_names(picture, spots)
        return picture

    def _pixel(self, x: float, y: float, scale: int) -> tuple[int, int]:
        """Column and row of a point in the image."""
        u = (x - self.origin[0]) / self.settings.cell_m
        v = self.settings.n_cells - (y - self.origin[1]) / self.settings.cell_m
        return int(u * scale), int(v * scale)

    def state(self) -> bytes:
        """All of it, always the same number of bytes with the same settings. O(all cells)."""
        names = np.zeros((self.settings.n_classes, _NAME_BYTES), np.uint8)
        for row, name in zip(names, self.classes, strict=False):
            text = name.encode()[:_NAME_BYTES]
            row[: len(text)] = np.frombuffer(text, np.uint8)
        return pack(
            {
                "layout": self._layout(),
                "place": np.array([*self._first, *self._current], np.int64),
                "names": names,
                "planes": np.packbits(self._planes),
                "hits": self._hits,
            }
        )

    def _layout(self) -> NDArray[np.float64]:
        return np.array([self.settings.n_cells, self.settings.n_classes, self.settings.cell_m], np.float64)

    def restore(self, state: bytes) -> None:
        """Go on from `state`, exactly.

        Raises:
            CorruptMemory: the bytes are damaged or of a map with other settings.
        """
        values = unpack(state)
        missing = [name for name in _FIELDS if not isinstance(values.get(name), np.ndarray)]
        if missing or not np.array_equal(values["layout"], self._layout()):
            raise CorruptMemory(f"semantic map: want one of {self._layout().tolist()} cells, classes and metres a cell")
        n = self._planes.size
        if values["hits"].shape != self._hits.shape or len(values["planes"]) != -(-n // 8):
            raise CorruptMemory("semantic map: its channels are of another size")
        self._planes = np.unpackbits(values["planes"], count=n).reshape(self._planes.shape)
        self._hits = values["hits"]
        texts = [bytes(row).rstrip(b"\0").decode(errors="ignore") for row in values["names"]]
        self.classes = [text for text in texts if text]
        place = [int(number) for number in values["place"]]
        self._first, self._current = (place[0], place[1]), (place[2], place[3])


def _moved(planes: Plane, shift: tuple[int, int]) -> Plane:
    """Planes (c, n, n) whose cell [i, j] is what was at [i + shift[0], j + shift[1]], 0 where there was nothing."""
    n = planes.shape[1]
    moved = np.zeros_like(planes)
    to = [slice(max(0, -s), min(n, n - s)) for s in shift]
    of = [slice(max(0, s), min(n, n + s)) for s in shift]
    if all(part.start < part.stop for part in to):
        moved[:, to[0], to[1]] = planes[:, of[0], of[1]]
    return moved
