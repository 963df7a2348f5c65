# SPDX-License-Identifier: Apache-2.0
"""What is known of one region (64x64x64 voxels), and the bytes that say so.

The bytes depend only on the voxels and on when they changed, not on how they came to be or where they were since.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled
from mapping.octree import morton
from memory_core.errors import BadSettings, CorruptMemory
from memory_core.packing import pack, unpack

REGION = 8  # blocks along a region's edge
VERSION = 2
_UNKNOWN = -128
_ABSENT, _LOWEST_VALUE = -127, -126  # what the lookups say of regions that are not in RAM is no value
_VOXELS = 512
_BIAS = morton.BIAS >> 3
_MAX_REGION = 1 << 14
_NAME = re.compile(r"-?\d{1,6}_-?\d{1,6}_-?\d{1,6}")


@compiled
def _tally(log_odds: NDArray[np.int8]) -> NDArray[np.int32]:
    """(m, 3) of blocks (m, 512): occupied voxels, free ones, and 1 where all voxels are the same."""
    tally = np.empty((log_odds.shape[0], 3), np.int32)
    for block in range(log_odds.shape[0]):
        voxels = log_odds[block]
        first = voxels[0]
        occupied, known, differing = np.int16(0), np.int16(0), np.int16(0)
        for i in range(_VOXELS):
            occupied = np.int16(occupied + np.int16(voxels[i] >= 0))
            known = np.int16(known + np.int16(voxels[i] != _UNKNOWN))
            differing = np.int16(differing + np.int16(voxels[i] != first))
        tally[block, 0], tally[block, 1], tally[block, 2] = occupied, known - occupied, differing == 0
    return tally


@dataclass(frozen=True, eq=False)
class Content:
    """The blocks of a region of which something is known.

    Attributes:
        places: (n,) int64 Morton codes of the blocks within the region, ascending.
        whole: (n,) int8 the value that all voxels of a block have, -128 for blocks that are mixed.
        log_odds: (m, 512) int8 voxels of the mixed blocks, in order; -128 unknown; z fastest.
        changed_ns: (n,) int64 when a voxel of the block last changed.
        halvings: how many halvings of the map the values have seen.
    """

    places: NDArray[np.int64]
    whole: NDArray[np.int8]
    log_odds: NDArray[np.int8]
    changed_ns: NDArray[np.int64]
    halvings: int = 0

    def mixed_counts(self) -> NDArray[np.int32]:
        """(m, 2) occupied and free voxels of the mixed blocks."""
        return np.asarray(_tally(np.ascontiguousarray(self.log_odds))[:, :2], np.int32)

    def counts(self) -> tuple[int, int]:
        """Occupied and free voxels."""
        occupied, free = self.mixed_counts().sum(axis=0).tolist()
        uniform = self.whole[self.whole != _UNKNOWN]
        n_occupied = int((uniform >= 0).sum())
        return occupied + _VOXELS * n_occupied, free + _VOXELS * (len(uniform) - n_occupied)

    def voxels(self) -> NDArray[np.int8]:
        """(n, 512) log-odds of all blocks."""
        voxels = np.repeat(self.whole[:, None], _VOXELS, axis=1)
        voxels[self.whole == _UNKNOWN] = self.log_odds
        return voxels

    def simplified(self) -> Content:
        """The same with every uniform block as one value, and none of which nothing is known."""
        uniform = _tally(np.ascontiguousarray(self.log_odds))[:, 2] != 0
        if not uniform.any():
            return self
        whole = self.whole.copy()
        whole[whole == _UNKNOWN] = np.where(uniform, self.log_odds[:, 0], _UNKNOWN)
        mixed = np.zeros(len(whole), np.bool_)
        mixed[self.whole == _UNKNOWN] = ~uniform
        keep = mixed | (whole != _UNKNOWN)
        return Content(self.places[keep], whole[keep], self.log_odds[~uniform], self.changed_ns[keep], self.halvings)

    def halved(self, halvings: int) -> Content:
        """As it is after so many halvings of the map: each divides log-odds by 2, towards 0, where they are lost."""
        times = min(halvings - self.halvings, 8)
        if times <= 0:
            return self
        halves = replace(
            self, whole=_halves(self.whole, times), log_odds=_halves(self.log_odds, times), halvings=halvings
        )
        lost = (self.whole != _UNKNOWN) & (halves.whole == _UNKNOWN)
        kept = Content(halves.places[~lost], halves.whole[~lost], halves.log_odds, halves.changed_ns[~lost], halvings)
        return kept.simplified()


def _halves(values: NDArray[np.int8], times: int) -> NDArray[np.int8]:
    wide = values.astype(np.int16)
    half = np.sign(wide) * (np.abs(wide) >> times)
    return np.where((values == _UNKNOWN) | (half == 0), _UNKNOWN, half).astype(np.int8)


def empty() -> Content:
    """Of a region of which nothing is known."""
    return Content(np.zeros(0, np.int64), np.zeros(0, np.int8), np.zeros((0, _VOXELS), np.int8), np.zeros(0, np.int64))


def name_of(region: NDArray[np.int64]) -> str:
    """Name "x_y_z" of a region by its coordinates (3,)."""
    return "_".join(str(int(c)) for c in region)


def code_of(name: str) -> int:
    """Morton code of a region by its name.

    Raises:
        CorruptMemory: it is not the name of a region.
    """
    if not _NAME.fullmatch(name):
        raise CorruptMemory(f"map region {name!r}: is not a name of three numbers")
    region = np.array([name.split("_")], np.int64)
    if (np.abs(region) > _MAX_REGION).any():
        raise CorruptMemory(f"map region {name}: lies outside the map's coordinates")
    return int(morton.encode(region, _BIAS)[0])


def keys_of(blocks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Morton codes (N,) of block coordinates (N, 3)."""
    return morton.encode(blocks)


def codes_of(regions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Morton codes (N,) of region coordinates (N, 3)."""
    return morton.encode(regions, _BIAS)


def to_bytes(name: str, content: Content, voxel_size_m: float) -> bytes:
    """The region as canonical bytes. O(bytes)."""
    occupied, free = content.counts()
    keys = (code_of(name) << 9) | content.places
    about = {"version": VERSION, "voxel_size_m": voxel_size_m, "occupied": occupied, "free": free}
    arrays = {"keys": keys, "whole": content.whole, "log_odds": content.log_odds, "changed_ns": content.changed_ns}
    return pack({**about, "halvings": content.halvings, **arrays})


def from_bytes(name: str, data: bytes, voxel_size_m: float) -> Content:
    """The region that `to_bytes` wrote, or an older version of it. O(bytes).

    Raises:
        CorruptMemory: the bytes are damaged.
        BadSettings: they have another voxel size.
    """
    values, code = unpack(data), code_of(name)
    if values.get("voxel_size_m") != voxel_size_m:
        raise BadSettings(f"map region {name}: want voxels of {voxel_size_m} m, got {values.get('voxel_size_m')}")
    version = values.get("version", 1)
    if version not in (1, VERSION):
        raise CorruptMemory(f"map region {name}: want version 1 or {VERSION}, got {version!r}")
    content = _read_v1(name, values) if version == 1 else _read(name, values)
    keys, n = content.places, len(content.places)
    shapes = content.whole.shape == content.changed_ns.shape == (n,)
    whole = shapes and content.log_odds.shape == (int((content.whole == _UNKNOWN).sum()), _VOXELS)
    if not (whole and (np.diff(keys) > 0).all() and (keys >> 9 == code).all()):
        raise CorruptMemory(f"map region {name}: its {n} blocks are not those of this region")
    return replace(content, places=keys & 511, whole=_valid(content.whole), log_odds=_valid(content.log_odds))


def _valid(values: NDArray[np.int8]) -> NDArray[np.int8]:
    values[values == _ABSENT] = _LOWEST_VALUE
    return values


def split(
    keys: NDArray[np.int64], whole: NDArray[np.int8], log_odds: NDArray[np.int8], stamp_ns: int
) -> dict[str, Content]:
    """Regions by name from all blocks of a map: Morton codes (n,) ascending, the rest as in `Content`. O(n)."""
    regions = {}
    starts = np.nonzero(np.diff(keys >> 9, prepend=-1))[0].tolist()
    before = np.concatenate([[0], np.cumsum(whole == _UNKNOWN)])
    for start, end in zip(starts, [*starts, len(keys)][1:], strict=True):
        name = name_of(morton.decode(keys[start : start + 1] >> 9, _BIAS)[0])
        rows, stamps = log_odds[before[start] : before[end]], np.full(end - start, stamp_ns)
        regions[name] = Content(keys[start:end] & 511, whole[start:end], rows, stamps).simplified()
    return regions


def _read(name: str, values: dict[str, Any]) -> Content:
    halvings = values.get("halvings")
    if type(halvings) is not int or halvings < 0:
        raise CorruptMemory(f"map region {name}: want how often it was halved, got {halvings!r}")
    return Content(
        _array(name, values, "keys", np.int64, 1), _array(name, values, "whole", np.int8, 1),
        _array(name, values, "log_odds", np.int8, 2), _array(name, values, "changed_ns", np.int64, 1), halvings,
    )  # fmt: skip


def _read_v1(name: str, values: dict[str, Any]) -> Content:
    """Version 1 had no stamps and no uniform blocks, and keys with one coordinate after the other."""
    keys, log_odds = _array(name, values, "keys", np.int64, 1), _array(name, values, "log_odds", np.int8, 2)
    mask = (1 << 21) - 1
    codes = morton.encode(np.stack([(keys >> 42) & mask, (keys >> 21) & mask, keys & mask], axis=1), 0)
    if (keys < 0).any() or len(log_odds) != len(keys):
        raise CorruptMemory(f"map region {name}: its {len(keys)} blocks are not those of this region")
    order = np.argsort(codes)
    n = len(keys)
    return Content(codes[order], np.full(n, _UNKNOWN, np.int8), log_odds[order], np.zeros(n, np.int64)).simplified()


def _array(name: str, values: dict[str, Any], key: str, kind: type[np.generic], n_axes: int) -> NDArray[Any]:
    value = values.get(key)
    if not (isinstance(value, np.ndarray) and value.dtype == kind and value.ndim == n_axes):
        raise CorruptMemory(f"map region {name}: {key} is missing or of the wrong type")
    return value
