# SPDX-License-Identifier: Apache-2.0
"""Regions of a TSDF as canonical bytes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.octree.blocks import blocks_of, in_range, keys_of
from mapping.tsdf.blocks import TsdfBlocks, Values
from mapping.tsdf.kernels import MAX_WEIGHT, STEPS, VOXELS
from memory_core.errors import BadSettings, CorruptMemory
from memory_core.packing import pack, peek, unpack

REGION = 8  # blocks along a region's edge
LAYER = "tsdf"
_NAME = re.compile(LAYER + r"/(0|-?[1-9]\d{0,6})_(0|-?[1-9]\d{0,6})_(0|-?[1-9]\d{0,6})")
_IN_REGION = np.stack(np.meshgrid(*[np.arange(REGION)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


def blocks_in(region: NDArray[np.int64]) -> NDArray[np.int64]:
    """Coordinates (512, 3) of the blocks of a region (3,)."""
    return np.asarray(region * REGION + _IN_REGION)


def regions_of(blocks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Coordinates (n, 3) of the regions that blocks (N, 3) are in, without repetition, in order."""
    return np.asarray(np.unique(blocks // REGION, axis=0))


def encode(
    blocks: TsdfBlocks, voxel_size_m: float, truncation_m: float, emptied: Collection[tuple[int, ...]] = ()
) -> dict[str, bytes]:
    """Regions with changed blocks by name "tsdf/x_y_z" (coordinates in regions), sorted; no unseen blocks.

    Of the regions in `emptied` those in which no block is left come without blocks.
    """
    packed = {}
    changed = regions_of(blocks.marked(blocks.stored.changed))
    for region in np.unique(np.array([*changed.tolist(), *emptied], np.int64).reshape(-1, 3), axis=0):
        rows = blocks.rows_of(blocks_in(region))
        rows = rows[rows >= 0]
        rows = rows[blocks.stored.known[rows] != 0]
        rows = rows[np.argsort(blocks.keys[rows])]
        if len(rows) or tuple(region.tolist()) in emptied:
            packed[_name(region)] = _pack(blocks, rows, voxel_size_m, truncation_m)
    return packed


def _name(region: NDArray[np.int64]) -> str:
    return f"{LAYER}/" + "_".join(str(int(c)) for c in region)


def _pack(blocks: TsdfBlocks, rows: NDArray[np.int32], voxel_size_m: float, truncation_m: float) -> bytes:
    """Only voxels that were seen are written; `seen` has one bit for each."""
    stored = blocks.fetched()
    weight = stored.weight[rows]
    seen = weight > 0
    tsdf = stored.tsdf[rows][seen]
    return pack(
        {
            "voxel_size_m": voxel_size_m, "truncation_m": truncation_m, "occupied": 0, "free": 0,
            "keys": blocks.keys[rows], "seen": np.packbits(seen, axis=1), "weight": weight[seen],
            "tsdf_high": (tsdf >> 8).astype(np.int8), "tsdf_low": (tsdf & 255).astype(np.uint8),
            "rgb": np.ascontiguousarray(stored.rgb[rows].transpose(1, 0, 2)[:, seen]),
        }
    )  # fmt: skip


def decode(regions: Mapping[str, bytes], blocks: TsdfBlocks, voxel_size_m: float, truncation_m: float) -> None:
    """Put regions into `blocks`; everything is checked before anything is changed."""
    checked = {name: _unpack(name, regions[name], voxel_size_m, truncation_m) for name in sorted(regions)}
    for name, (keys, values) in checked.items():
        blocks.clear(blocks_in(np.array(name.partition("/")[2].split("_"), np.int64)))
        blocks.put(keys, values)


def lengths_of(name: str, content: bytes) -> tuple[float, float]:
    """Voxel size and truncation distance, metres, that a region was made with."""
    about = peek(content)
    voxel_size_m, truncation_m = about.get("voxel_size_m"), about.get("truncation_m")
    if not (isinstance(voxel_size_m, float) and isinstance(truncation_m, float)):
        raise CorruptMemory(f"TSDF region {name}: want voxel_size_m and truncation_m, got {sorted(about)}")
    return voxel_size_m, truncation_m


def _unpack(name: str, content: bytes, voxel_size_m: float, truncation_m: float) -> tuple[NDArray[np.int64], Values]:
    if not _NAME.fullmatch(name):
        raise CorruptMemory(f"TSDF region {name!r}: want a name as {LAYER}/1_-2_0")
    values = unpack(content)
    for length, wanted in (("voxel_size_m", voxel_size_m), ("truncation_m", truncation_m)):
        if values.get(length) != wanted:
            raise BadSettings(f"TSDF region {name}: want {length} {wanted}, got {values.get(length)!r}")
    keys, bits = _array(name, values, "keys", np.int64, 1), _array(name, values, "seen", np.uint8, 2)
    at = blocks_of(keys)
    whole = bits.shape == (len(keys), VOXELS // 8) and (np.diff(keys) > 0).all()
    if (
        not whole
        or not in_range(at)
        or (keys_of(at) != keys).any()
        or [_name(r) for r in regions_of(at)] not in ([name], [])
    ):
        raise CorruptMemory(f"TSDF region {name}: its {len(keys)} blocks are not those of this region")
    return keys, _voxels(name, values, np.unpackbits(bits, axis=1).astype(bool))


def _voxels(name: str, values: dict[str, Any], seen: NDArray[np.bool_]) -> Values:
    n = int(seen.sum())
    weight, low = _array(name, values, "weight", np.uint8, 1), _array(name, values, "tsdf_low", np.uint8, 1)
    high, rgb = _array(name, values, "tsdf_high", np.int8, 1), _array(name, values, "rgb", np.uint8, 2)
    if {len(weight), len(low), len(high)} != {n} or rgb.shape != (3, n):
        raise CorruptMemory(f"TSDF region {name}: want values of {n} voxels, got {len(weight)} and {rgb.shape}")
    steps = (high.astype(np.int16) << 8) | low
    if n and not (weight.min() >= 1 and weight.max() <= MAX_WEIGHT and np.abs(steps.astype(np.int32)).max() <= STEPS):
        raise CorruptMemory(f"TSDF region {name}: has weights or distances that no frames give")
    tsdf, weights = np.zeros(seen.shape, np.int16), np.zeros(seen.shape, np.uint8)
    colours = np.zeros((3, *seen.shape), np.uint8)
    tsdf[seen], weights[seen], colours[:, seen] = steps, weight, rgb
    return tsdf, weights, np.ascontiguousarray(colours.transpose(1, 0, 2))


def _array(name: str, values: dict[str, Any], field: str, kind: type[np.generic], n_axes: int) -> NDArray[Any]:
    value = values.get(field)
    if not (isinstance(value, np.ndarray) and value.dtype == kind and value.ndim == n_axes):
        raise CorruptMemory(f"TSDF region {name}: {field} is missing or of the wrong type")
    return value
