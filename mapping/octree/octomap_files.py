# SPDX-License-Identifier: Apache-2.0
"""OctoMap's .bt and .ot files, read and written without OctoMap.

Both hold a tree of 16 levels in depth-first order, children ordered by z, y, x. A .bt says of every child in two bits:
unknown, free, occupied, or a node itself. An .ot says of every node its log-odds and which children it has. A leaf
above the last level stands for all voxels in it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled
from mapping.exporters import write_file
from mapping.octree import morton
from mapping.octree.blocks import Blocks
from mapping.octree.content import Content, split
from mapping.octree.lookups import UNKNOWN
from mapping.octree.paging import Paging
from mapping.octree.update import HIGHEST, LOWEST, STEPS_PER_LOG_ODD
from memory_core.errors import BadInput, BadSource

DEPTH = 16
_CENTER = 1 << 15  # OctoMap's coordinate of voxel 0
_BINARY, _FULL = "# Octomap OcTree binary file", "# Octomap OcTree file"
_MAX_BLOCKS = 1 << 21  # after expansion of pruned leaves: 2^30 voxels
_FREE, _OCCUPIED, _NODE = 1, 2, 3  # what two bits of a .bt say
_NODE_RECORD = np.dtype([("log_odds", "<f4"), ("children", "u1")])


Longs = NDArray[np.int64]
Bytes = NDArray[np.int8]


class Leaves(NamedTuple):
    """Leaves of a tree: codes (N,) of their first voxel, their level (0 is one voxel), and log-odds steps."""

    codes: NDArray[np.int64]
    levels: NDArray[np.int64]
    values: NDArray[np.int8]


class _Nodes(NamedTuple):
    """Nodes of one level by code (N,): the greatest value below, whether they are leaves, bits of their children."""

    codes: NDArray[np.int64]
    values: NDArray[np.int8]
    leaf: NDArray[np.bool_]
    children: NDArray[np.int64]  # two bits each


def write(blocks: Blocks, paging: Paging, voxel_size_m: float, path: Path, kind: str) -> None:
    """See `mapping.octree.octree.Octree.save_octomap`."""
    if kind not in ("bt", "ot"):
        raise BadInput(f"{path}: want a name that ends in .bt or .ot, or one of these as the kind")
    binary = kind == "bt"
    levels = _levels(_leaves(blocks, paging, binary=binary))
    data = _bt(levels) if binary else _ot(levels)
    n_nodes = sum(len(level.codes) for level in levels)
    head = [_BINARY if binary else _FULL, "id OcTree", f"size {n_nodes}", f"res {voxel_size_m!r}", "data"]
    write_file(path, ("\n".join(head) + "\n").encode() + data)


def _leaves(blocks: Blocks, paging: Paging, *, binary: bool) -> tuple[Leaves, Leaves]:
    """Known voxels, and blocks that are the same all over; with `binary` only occupied or free."""
    voxels, whole = [], []
    for number, known in paging.contents():
        content = _thresholded(known) if binary else known
        at = morton.decode((blocks.codes[number] << 9) | content.places) * 8
        if (at < -_CENTER).any() or (at + 8 > _CENTER).any():
            raise BadInput(f"OctoMap reaches {_CENTER} voxels from the origin; block {at[0].tolist()} lies beyond")
        mixed = content.whole == UNKNOWN
        block, i = np.nonzero(content.log_odds != UNKNOWN)
        inside = np.stack([i >> 6, (i >> 3) & 7, i & 7], axis=1)
        voxels.append((_octomap_codes(at[mixed][block] + inside), content.log_odds[block, i]))
        whole.append((_octomap_codes(at[~mixed]) >> 9, content.whole[~mixed]))
    return _sorted(voxels, 0), _sorted(whole, 3)


def _thresholded(content: Content) -> Content:
    def states(values: NDArray[np.int8]) -> NDArray[np.int8]:
        known = np.where(values >= 0, HIGHEST, LOWEST)
        return np.where(values == UNKNOWN, UNKNOWN, known).astype(np.int8)

    whole, log_odds = states(content.whole), states(content.log_odds)
    return Content(content.places, whole, log_odds, content.changed_ns).simplified()


def _octomap_codes(voxels: NDArray[np.int64]) -> NDArray[np.int64]:
    return morton.encode(voxels[:, ::-1], _CENTER)


def _sorted(parts: list[tuple[Longs, Bytes]], level: int) -> Leaves:
    codes = np.concatenate([np.zeros(0, np.int64), *(codes for codes, _ in parts)])
    values = np.concatenate([np.zeros(0, np.int8), *(values for _, values in parts)])
    order = np.argsort(codes)
    return Leaves(codes[order], np.full(len(codes), level), values[order])


def _levels(leaves: tuple[Leaves, Leaves]) -> list[_Nodes]:
    """Nodes of each level up to the root, equal leaves joined. O(leaves log leaves)."""
    fine, coarse = leaves
    nodes, levels = _as_nodes(fine), []
    for level in range(1, DEPTH + 1):
        nodes, parents = _parents(nodes)
        levels.append(nodes)
        nodes = _merged(parents, _as_nodes(coarse)) if level == 3 else parents
    return [*levels, nodes]


def _as_nodes(leaves: Leaves) -> _Nodes:
    n = len(leaves.codes)
    return _Nodes(leaves.codes, leaves.values, np.ones(n, np.bool_), np.zeros(n, np.int64))


def _merged(a: _Nodes, b: _Nodes) -> _Nodes:
    both = _joined([a, b])
    return _select(both, np.argsort(both.codes))


def _joined(parts: list[_Nodes]) -> _Nodes:
    return _Nodes(
        np.concatenate([part.codes for part in parts]), np.concatenate([part.values for part in parts]),
        np.concatenate([part.leaf for part in parts]), np.concatenate([part.children for part in parts]),
    )  # fmt: skip


def _select(nodes: _Nodes, which: NDArray[Any]) -> _Nodes:
    return _Nodes(nodes.codes[which], nodes.values[which], nodes.leaf[which], nodes.children[which])


def _parents(nodes: _Nodes) -> tuple[_Nodes, _Nodes]:
    """The nodes that stay, and their parents; eight equal leaves become one."""
    above = nodes.codes >> 3
    first = np.nonzero(np.diff(above, prepend=-1))[0]
    n = np.diff(first, append=len(above))
    if not len(first):
        return nodes, nodes
    highest, lowest = np.maximum.reduceat(nodes.values, first), np.minimum.reduceat(nodes.values, first)
    n_leaves = np.add.reduceat(nodes.leaf.astype(np.int64), first)
    leaf = (n == 8) & (n_leaves == 8) & (highest == lowest)
    kind = np.where(nodes.leaf, np.where(nodes.values >= 0, _OCCUPIED, _FREE), _NODE)
    children = np.bitwise_or.reduceat(kind << (2 * (nodes.codes & 7)), first)
    parents = _Nodes(above[first], highest, leaf, np.where(leaf, 0, children))
    stays = ~np.repeat(leaf, n)
    return _select(nodes, stays), parents


def _preorder(levels: list[_Nodes], *, leaves: bool) -> _Nodes:
    """All nodes, or all but the leaves, in the order of a walk through the tree."""
    kept = [_select(nodes, (~nodes.leaf) | leaves) for nodes in levels]
    codes = np.concatenate([nodes.codes << (3 * level) for level, nodes in enumerate(kept)])
    depth = np.concatenate([np.full(len(nodes.codes), DEPTH - level) for level, nodes in enumerate(kept)])
    order = np.lexsort([depth, codes])
    return _select(_joined(kept), order)


def _bt(levels: list[_Nodes]) -> bytes:
    return _preorder(levels, leaves=False).children.astype("<u2").tobytes()


def _ot(levels: list[_Nodes]) -> bytes:
    nodes = _preorder(levels, leaves=True)
    records = np.zeros(len(nodes.codes), _NODE_RECORD)
    records["log_odds"] = nodes.values.astype(np.float32) / np.float32(STEPS_PER_LOG_ODD)
    has = (nodes.children[:, None] >> (2 * np.arange(8))) & 3 != 0
    records["children"] = np.packbits(has, axis=1, bitorder="little")[:, 0]
    return records.tobytes()


def read(path: Path) -> tuple[float, dict[str, Content]]:
    """Voxel size and regions by name of a .bt or .ot. O(nodes + blocks).

    Raises:
        BadSource: there is no such file, or it is torn or something else.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadSource(f"{path}: cannot be read as an OctoMap file: {error.strerror}") from error
    binary, voxel_size_m, n_nodes, start = _header(path, data)
    body = np.frombuffer(data, np.uint8, offset=start)
    leaves, n_read, n_bytes = _parse_bt(body, n_nodes) if binary else _parse_ot(body, n_nodes)
    if n_read != n_nodes:
        raise BadSource(f"{path}: want {n_nodes} nodes as its header says, got {n_read}; the file is torn")
    if n_bytes != len(body):
        raise BadSource(f"{path}: {len(body) - n_bytes} bytes follow the last node; the file is damaged")
    return voxel_size_m, _regions(path, leaves)


def _header(path: Path, data: bytes) -> tuple[bool, float, int, int]:
    """Whether it is a .bt, its voxel size, its number of nodes, and where the nodes begin."""
    text = data[:65536]
    first = text.split(b"\n", 1)[0].decode("ascii", "replace").strip()
    if first not in (_BINARY, _FULL):
        raise BadSource(f"{path}: is not an OctoMap file (.bt or .ot): it begins with {first[:40]!r}")
    end = re.search(rb"\ndata[^\n]*\n", text)
    lines = text[: end.start()].decode("ascii", "replace").splitlines() if end else []
    fields = dict(line.split(None, 1) for line in lines if line[:1] != "#" and len(line.split(None, 1)) == 2)
    try:
        size, voxel_size_m = int(fields["size"]), float(fields["res"])
    except (KeyError, ValueError) as error:
        raise BadSource(f"{path}: its header lacks id, size, res or data") from error
    if fields.get("id", "").strip() != "OcTree":
        raise BadSource(f"{path}: want an OcTree, got {fields.get('id', 'nothing')[:40]!r}")
    if not 1e-3 <= voxel_size_m <= 10 or end is None or not 0 <= size <= 8 * len(data):
        raise BadSource(f"{path}: impossible header: {size} nodes of {voxel_size_m} m in {len(data)} bytes")
    return first == _BINARY, voxel_size_m, size, end.end()


def _parse_bt(body: NDArray[np.uint8], n_nodes: int) -> tuple[Leaves, int, int]:
    leaves = Leaves(np.empty(n_nodes, np.int64), np.empty(n_nodes, np.int64), np.empty(n_nodes, np.int8))
    n_leaves, n_read, n_bytes = _walk_bt(body, n_nodes, *leaves)
    return _first(leaves, n_leaves), n_read, n_bytes


def _parse_ot(body: NDArray[np.uint8], n_nodes: int) -> tuple[Leaves, int, int]:
    records = body[: len(body) // 5 * 5].view(_NODE_RECORD)
    log_odds = np.clip(np.where(np.isnan(records["log_odds"]), 0, records["log_odds"]), -100, 100)
    steps = log_odds.astype(np.float64) * STEPS_PER_LOG_ODD
    rounded = np.where(steps < 0, np.minimum(np.rint(steps), -1), np.rint(steps)).clip(-126, 127).astype(np.int8)
    leaves = Leaves(np.empty(n_nodes, np.int64), np.empty(n_nodes, np.int64), np.empty(n_nodes, np.int8))
    n_leaves, n_read = _walk_ot(np.ascontiguousarray(records["children"]), rounded, n_nodes, *leaves)
    return _first(leaves, n_leaves), n_read, 5 * n_read


def _first(leaves: Leaves, n: int) -> Leaves:
    return Leaves(leaves.codes[:n], leaves.levels[:n], leaves.values[:n])


@compiled
def _walk_bt(body: NDArray[np.uint8], n_nodes: int, codes: Longs, levels: Longs, values: Bytes) -> tuple[int, int, int]:
    """Leaves of a .bt into the arrays, of n_nodes each; how many, how many nodes and how many bytes were read."""
    stack, depths = np.empty(8 * 17, np.int64), np.empty(8 * 17, np.int64)
    n, n_read, at, top = 0, 0, 0, 0
    if n_nodes > 0:
        stack[0], depths[0], top, n_read = 0, DEPTH, 1, 1
    while top > 0:
        top -= 1
        code, level = stack[top], depths[top] - 1
        if at + 2 > body.shape[0] or level < 0:
            return n, -1, at
        bits = np.int64(body[at]) | (np.int64(body[at + 1]) << 8)
        at += 2
        for i in range(7, -1, -1):
            kind = (bits >> (2 * i)) & 3
            if kind == 0:
                continue
            n_read += 1
            if n_read > n_nodes:
                return n, -1, at
            child = code | (np.int64(i) << (3 * level))
            if kind == _NODE:
                stack[top], depths[top] = child, level
                top += 1
            else:
                codes[n], levels[n], values[n] = child, level, LOWEST if kind == _FREE else HIGHEST
                n += 1
    return n, n_read, at


@compiled
def _walk_ot(
    children: NDArray[np.uint8],
    steps: NDArray[np.int8],
    n_nodes: int,
    codes: NDArray[np.int64],
    levels: NDArray[np.int64],
    values: NDArray[np.int8],
) -> tuple[int, int]:
    """Leaves of an .ot into the arrays, of n_nodes each; how many, and how many nodes were read."""
    stack, depths = np.empty(8 * 17, np.int64), np.empty(8 * 17, np.int64)
    n, n_read, top = 0, 0, 0
    if n_nodes > 0:
        stack[0], depths[0], top = 0, DEPTH, 1
    while top > 0:
        top -= 1
        code, level = stack[top], depths[top]
        if n_read >= n_nodes or n_read >= children.shape[0]:
            return n, -1
        bits, value = np.int64(children[n_read]), steps[n_read]
        n_read += 1
        if bits == 0:
            codes[n], levels[n], values[n] = code, level, value
            n += 1
        elif level == 0:
            return n, -1
        for i in range(7, -1, -1):
            if (bits >> i) & 1:
                stack[top], depths[top] = code | (np.int64(i) << (3 * (level - 1))), level - 1
                top += 1
    return n, n_read


def _regions(path: Path, leaves: Leaves) -> dict[str, Content]:
    """Leaves as regions by name."""
    large = leaves.levels >= 3
    n_blocks = int((np.int64(1) << (3 * (leaves.levels[large] - 3))).sum())
    if n_blocks > _MAX_BLOCKS or (leaves.levels > 12).any():
        raise BadSource(f"{path}: its leaves stand for more than {_MAX_BLOCKS * 512} voxels")
    codes, values = _expanded(leaves.codes[large] >> 9, leaves.levels[large] - 3, leaves.values[large])
    small = _expanded(leaves.codes[~large], leaves.levels[~large], leaves.values[~large])
    whole = _block_keys(codes)
    keys, of_block = np.unique(_block_keys(small[0] >> 9), return_inverse=True)
    voxels = np.full((len(keys), 512), UNKNOWN, np.int8)
    inside = morton.decode(small[0] & 511, 0)[:, ::-1]
    voxels[of_block.reshape(-1), inside @ np.array([64, 8, 1])] = small[1]
    every = np.concatenate([keys, whole])
    uniform = np.concatenate([np.full(len(keys), UNKNOWN, np.int8), values])
    order = np.argsort(every)
    return split(every[order], uniform[order], voxels, 0)


def _expanded(codes: Longs, levels: Longs, values: Bytes) -> tuple[Longs, Bytes]:
    """The same as leaves of level 0."""
    n = np.int64(1) << (3 * levels)
    before = np.cumsum(n) - n
    counter = np.arange(int(n.sum())) - np.repeat(before, n)
    return np.repeat(codes, n) + counter, np.repeat(values, n)


def _block_keys(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Our keys of blocks from OctoMap's codes of them."""
    return morton.encode(morton.decode(codes, _CENTER >> 3)[:, ::-1])
