# SPDX-License-Identifier: Apache-2.0
"""Which regions of the octree are in RAM: brings those that are asked for, lets go of those not asked for longest.

A region that the store has as it is, is dropped; one that changed since is written to a scratch file, which vanishes
with the process. Regions also pass through here when their voxels have to be halved, see `mapping.octree.decay`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

import numpy as np
from numpy.typing import NDArray

from mapping.octree import content as contents
from mapping.octree.blocks import Blocks
from mapping.octree.content import Content
from mapping.octree.decay import Decay
from memory_core.errors import BadInput, BadSettings, CorruptMemory, StorageFull

_GRAIN = 4096  # bytes; places in the scratch file are multiples of it


class RegionStore(Protocol):
    """Where the regions of a map are kept, as `Octree.changed_regions` gave them."""

    @property
    def folder(self) -> Path:
        """A folder for scratch files, on a disk with room for the map."""
        ...

    def regions(self) -> Mapping[str, tuple[int, int]]:
        """Occupied and free voxels of every region, by name."""
        ...

    def read(self, name: str) -> bytes:
        """The latest content of a region."""
        ...


class Scratch:
    """A file without a name that holds regions while they are not in RAM. Places that were left are used again."""

    def __init__(self, folder: Path | None) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  lives as long as the map
        self._places: dict[int, tuple[int, int]] = {}
        self._holes: dict[int, list[int]] = {}
        self._end = 0

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def put(self, number: int, data: bytes) -> None:
        """Keep a region. O(bytes).

        Raises:
            StorageFull: the disk is full; nothing is lost, as the region stays where it was.
        """
        self.drop(number)
        size = -(-len(data) // _GRAIN) * _GRAIN
        holes = self._holes.get(size)
        at = holes.pop() if holes else self._end
        try:
            self._file.seek(at)
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            if holes is not None and at != self._end:
                holes.append(at)
            raise StorageFull(
                f"scratch file of the map: {error.strerror}; free some space or allow more RAM"
            ) from error
        self._end = max(self._end, at + size)
        self._places[number] = (at, len(data))

    def get(self, number: int) -> bytes:
        at, size = self._places[number]
        self._file.seek(at)
        data = self._file.read(size)
        if len(data) != size:
            raise CorruptMemory(f"scratch file of the map: want {size} bytes, got {len(data)}")
        return data

    def drop(self, number: int) -> None:
        """Forget a region, if it is there."""
        at, size = self._places.pop(number, (0, 0))
        if size:
            self._holes.setdefault(-(-size // _GRAIN) * _GRAIN, []).append(at)


class Paging:
    """Brings regions to RAM and back. Every operation costs as much as the regions it moves, whatever the map's size.

    Args:
        store: has regions that are not in RAM; None when all there is, is in RAM or the scratch file.
    """

    def __init__(self, blocks: Blocks, voxel_size_m: float, decay: Decay, store: RegionStore | None) -> None:
        self._blocks = blocks
        self._voxel_size_m = voxel_size_m
        self._decay = decay
        self._store = store
        self._scratch: Scratch | None = None
        self._handed_out: list[int] = []
        self.clock = 1

    def tick(self) -> None:
        """Begin a new operation: regions it asks for are not let go of during it."""
        self.clock += 1

    def begin(self, codes: NDArray[np.int64]) -> None:
        """Make new regions of which nothing is known, codes without repetition."""
        self.make_room(0, len(codes))
        numbers = self._blocks.add(codes)
        self._blocks.touched[numbers] = self.clock
        for number in numbers.tolist():
            self._blocks.settle(number, contents.empty())
            self._blocks.halvings[number] = self._decay.halvings

    def bring(self, numbers: NDArray[np.int32] | Sequence[int]) -> None:
        """Have regions in RAM as they are now.

        Raises:
            BadSettings: they do not fit into the budget together.
            CorruptMemory: a region's bytes are damaged.
        """
        for number in [int(n) for n in numbers]:
            blocks = self._blocks
            blocks.touched[number] = self.clock
            if blocks.home[number] < 0:
                self._load(number)
            blocks.index.slots[number] = blocks.home[number]
            times = self._decay.halvings - int(blocks.halvings[number])
            if times > 0:
                blocks.halve(number, times)
                blocks.halvings[number] = self._decay.halvings

    def bring_some(self, numbers: NDArray[np.int32]) -> None:
        """Have at least one of the regions in RAM, and as many as fit."""
        self.tick()
        brought = 0
        with suppress(BadSettings):  # no more room without letting go of those just brought
            for number in np.unique(numbers).tolist():
                self.bring([number])
                brought += 1
        if not brought:
            self.bring(numbers[:1])

    def hide_outdated(self) -> None:
        """After a halving: every region is to be brought again. O(regions), once in a half-life."""
        self._blocks.index.slots[: self._blocks.n_regions] = -1

    def make_room(self, n_rows: int, n_slots: int) -> None:
        """Have so many rows and slots free.

        Raises:
            BadSettings: the budget is too small for what one operation needs.
        """
        blocks = self._blocks
        if not blocks.is_bounded:
            if blocks.n_free_rows < n_rows or blocks.n_free_slots < n_slots:
                blocks.grow(n_rows, n_slots)
            return
        while blocks.n_free_rows < n_rows or blocks.n_free_slots < n_slots:
            self._let_go(self._oldest())

    def contents(self) -> Iterator[tuple[int, Content]]:
        """Every region of which something is known, in Morton order, without bringing it to RAM. O(map)."""
        blocks = self._blocks
        for number in np.argsort(blocks.codes[: blocks.n_regions]).tolist():
            content = self.content(number)
            if len(content.places):
                yield number, content

    def content(self, number: int) -> Content:
        """One region as it is now, without bringing it to RAM. O(its blocks)."""
        if self._blocks.home[number] >= 0:
            return self._blocks.content(number).halved(self._decay.halvings)
        return self._read(number).halved(self._decay.halvings)

    def replace(self, name: str, content: Content, *, stored: bool) -> int:
        """Set a whole region, not changed since it was last handed out; returns its number. O(its blocks)."""
        blocks, code = self._blocks, np.array([contents.code_of(name)], np.int64)
        number = int(blocks.numbers_of(code)[0])
        if number < 0:
            number = int(blocks.add(code)[0])
        elif blocks.home[number] >= 0:
            blocks.vacate(number)
        if self._scratch:
            self._scratch.drop(number)
        blocks.forget_dirty(number)
        self.tick()
        blocks.touched[number] = self.clock
        self.make_room(len(content.log_odds), 1)
        blocks.settle(number, content)
        blocks.stored[number] = stored
        self._decay.halvings = max(self._decay.halvings, content.halvings)
        return number

    def open_store(self) -> None:
        """Learn which regions the store has, without reading them. O(regions)."""
        regions = dict(self._store.regions()) if self._store else {}
        codes = np.array([contents.code_of(name) for name in regions], np.int64)
        known = self._blocks.numbers_of(codes) >= 0
        if known.any():
            raise BadInput("open_store: want an empty map, got one with regions that the store has too")
        for number, counts in zip(self._blocks.add(codes).tolist(), regions.values(), strict=True):
            self._blocks.set_counts(number, *counts)
            self._blocks.stored[number] = True
            self._blocks.regions.latest_ns[number] = np.iinfo(np.int64).max  # not known until it is read

    def hand_out(self) -> dict[str, bytes]:
        """Bytes of the regions that changed since the last call; what that call gave is now in the store."""
        blocks = self._blocks
        numbers = blocks.take_dirty()
        blocks.stored[self._handed_out] = self._store is not None
        blocks.stored[numbers] = False
        self._handed_out = numbers
        return {blocks.name(n): contents.to_bytes(blocks.name(n), self.content(n), self._voxel_size_m) for n in numbers}

    def _oldest(self) -> int:
        """The region in RAM that was not asked for longest. O(regions in RAM)."""
        blocks = self._blocks
        numbers = blocks.residents()
        touched = blocks.touched[numbers]
        oldest = int(numbers[touched.argmin()]) if len(numbers) else -1
        if oldest < 0 or blocks.touched[oldest] >= self.clock:
            raise BadSettings("RAM budget of the map: too small for what one frame shows; allow more")
        return oldest

    def _let_go(self, number: int) -> None:
        blocks = self._blocks
        if not blocks.stored[number] or blocks.regions.dirty[number]:
            self._scratch = self._scratch or Scratch(self._store.folder if self._store else None)
            name = blocks.name(number)
            self._scratch.put(number, contents.to_bytes(name, blocks.content(number), self._voxel_size_m))
        blocks.vacate(number)

    def _load(self, number: int) -> None:
        content = self._read(number)
        self.make_room(len(content.log_odds), 1)
        self._blocks.settle(number, content)
        if self._scratch:
            self._scratch.drop(number)

    def _read(self, number: int) -> Content:
        name = self._blocks.name(number)
        if self._scratch and number in self._scratch:
            data = self._scratch.get(number)
        elif self._store and self._blocks.stored[number]:
            data = self._store.read(name)
        else:
            raise CorruptMemory(f"map region {name}: is neither in RAM nor stored")
        return contents.from_bytes(name, data, self._voxel_size_m)
