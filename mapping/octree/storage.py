# SPDX-License-Identifier: Apache-2.0
"""Regions of an octree as canonical bytes, and files of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.exporters import write_file
from mapping.octree.blocks import VOXELS, Blocks, blocks_of, in_range, keys_of
from memory_core.errors import BadSettings, CorruptMemory, NotAMemory
from memory_core.packing import pack, unpack

REGION = 8  # blocks along a region's edge
FORMAT = "tolman octree 1"
_NAME = re.compile(r"(-?\d+)_(-?\d+)_(-?\d+)")


def encode(blocks: Blocks, voxel_size_m: float, *, changed_only: bool = False) -> dict[str, bytes]:
    """Regions by name "x_y_z" (coordinates in regions), sorted; blocks without known voxels are left out."""
    keys = np.sort(blocks.keys[: blocks.n][blocks.changed[: blocks.n] != 0 if changed_only else slice(None)])
    regions = np.unique(blocks_of(keys) // REGION, axis=0)
    packed = {}
    for region in regions:
        rows = blocks.rows_of(_keys_in(region))
        rows = rows[rows >= 0]
        rows = rows[blocks.counts[rows].sum(axis=1) > 0]
        if len(rows):
            packed[_name(region)] = _pack(blocks, rows, voxel_size_m)
    return packed


def _keys_in(region: NDArray[np.int64]) -> NDArray[np.int64]:
    """Keys of the 512 blocks of a region, ascending."""
    return keys_of(region * REGION + _IN_REGION)


_IN_REGION = np.stack(np.meshgrid(*[np.arange(REGION)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


def _name(region: NDArray[np.int64]) -> str:
    return "_".join(str(int(c)) for c in region)


def _pack(blocks: Blocks, rows: NDArray[np.int32], voxel_size_m: float) -> bytes:
    occupied, free = blocks.counts[rows].sum(axis=0)
    values = {"voxel_size_m": voxel_size_m, "occupied": int(occupied), "free": int(free)}
    return pack({**values, "keys": blocks.keys[rows], "log_odds": blocks.voxels[rows]})


def decode(regions: Mapping[str, bytes], blocks: Blocks, voxel_size_m: float) -> None:
    """Put regions into `blocks`; everything is checked before anything is changed."""
    checked = {name: _unpack(name, regions[name], voxel_size_m) for name in sorted(regions)}
    for name, (keys, log_odds) in checked.items():
        blocks.forget(_keys_in(np.array(name.split("_"), np.int64)))
        blocks.put(keys, log_odds)


def _unpack(name: str, content: bytes, voxel_size_m: float) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    values = unpack(content)
    if not _NAME.fullmatch(name):
        raise CorruptMemory(f"map region {name!r}: is not a name of three numbers")
    if values.get("voxel_size_m") != voxel_size_m:
        raise BadSettings(f"map region {name}: want voxels of {voxel_size_m} m, got {values.get('voxel_size_m')}")
    keys, log_odds = _array(name, values.get("keys"), np.int64, 1), _array(name, values.get("log_odds"), np.int8, 2)
    at = blocks_of(keys)
    whole = log_odds.shape == (len(keys), VOXELS) and (np.diff(keys) > 0).all() and (keys_of(at) == keys).all()
    if not whole or not in_range(at) or any(_name(region) != name for region in np.unique(at // REGION, axis=0)):
        raise CorruptMemory(f"map region {name}: its {len(keys)} blocks are not those of this region")
    return keys, log_odds


def _array(name: str, value: Any, kind: type[np.generic], n_axes: int) -> NDArray[Any]:
    if not (isinstance(value, np.ndarray) and value.dtype == kind and value.ndim == n_axes):
        raise CorruptMemory(f"map region {name}: keys or log-odds are missing or of the wrong type")
    return value


def save(blocks: Blocks, voxel_size_m: float, path: Path) -> None:
    """Write all regions to a file."""
    content = pack({"format": FORMAT, "voxel_size_m": voxel_size_m, **encode(blocks, voxel_size_m)})
    write_file(path, content)


def load(path: Path) -> tuple[float, dict[str, bytes]]:
    """Voxel size and regions of a file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotAMemory(f"{path}: cannot be read as an octree: {error.strerror}") from error
    values = unpack(content)
    if values.pop("format", None) != FORMAT:
        raise NotAMemory(f"{path}: is not a {FORMAT} file")
    voxel_size_m = values.pop("voxel_size_m", None)
    regions = {name: region for name, region in values.items() if _NAME.fullmatch(name) and isinstance(region, bytes)}
    if not isinstance(voxel_size_m, float) or len(regions) != len(values):
        raise CorruptMemory(f"{path}: has parts that an octree does not have")
    return voxel_size_m, regions
