# SPDX-License-Identifier: Apache-2.0
"""Octrees as bytes: regions, files, and going on after a restart."""

import numpy as np
import pytest

from mapping.exporters import write_ply
from mapping.octree.blocks import Blocks, blocks_of, keys_of
from mapping.octree.content import codes_of, from_bytes
from mapping.octree.octree import Octree
from memory_core import CameraFrame
from memory_core.errors import BadInput, BadSettings, CorruptMemory, NotAMemory
from memory_core.geometry import pose_matrix
from memory_core.packing import pack, peek, unpack


def frames(rng, n):
    K = np.array([[60.0, 0, 32], [0, 60.0, 24], [0, 0, 1]])
    for _ in range(n):
        q = rng.normal(size=4)
        T = pose_matrix(rng.uniform(-3, 3, 3), q / np.linalg.norm(q))
        depth = rng.uniform(0.5, 3.0, (8, 8)).repeat(6, axis=0).repeat(8, axis=1).astype(np.float32)
        yield CameraFrame(stamp_ns=0, rgb=np.zeros((48, 64, 3), np.uint8), depth=depth, K=K, T_world_cam=T)


@pytest.fixture
def octree(rng):
    octree = Octree(0.05)
    for frame in frames(rng, 4):
        octree.integrate(frame)
    return octree


def test_regions_say_what_they_hold_in_order(octree):
    regions = octree.changed_regions()

    assert list(regions) == sorted(regions, key=lambda name: [int(c) for c in name.split("_")])
    assert sum(peek(r)["occupied"] for r in regions.values()) == octree.counts()[0]
    assert sum(peek(r)["free"] for r in regions.values()) == octree.counts()[1]
    for name, content in regions.items():
        values = unpack(content)
        assert {"voxel_size_m", "occupied", "free", "keys", "whole", "log_odds", "changed_ns"} < set(values)
        assert (np.diff(values["keys"]) > 0).all()
        assert {"_".join(str(c) for c in block // 8) for block in blocks_of(values["keys"])} == {name}
        mixed = values["whole"] == -128
        assert len(values["log_odds"]) == mixed.sum()
        assert (values["log_odds"] != values["log_odds"][:, :1]).any(axis=1).all()


def test_only_regions_that_changed_are_reported_and_only_once(octree, rng):
    octree.changed_regions()
    assert octree.changed_regions() == {}

    frame = next(frames(rng, 1))
    octree.integrate(frame)
    first = octree.changed_regions()
    assert first
    for _ in range(12):
        octree.integrate(frame)
    octree.changed_regions()
    octree.integrate(frame)
    assert octree.changed_regions() == {}, "everything in view is as certain as it can be"


def test_a_restored_map_goes_on_as_if_never_stopped(octree, rng):
    stored = octree.changed_regions()
    later = list(frames(rng, 6))
    restored = Octree(0.05)
    restored.restore_regions(stored)
    assert restored.counts() == octree.counts()
    assert restored.changed_regions() == {}

    for frame in later:
        octree.integrate(frame)
        restored.integrate(frame)
    assert restored.changed_regions() == octree.changed_regions()
    np.testing.assert_array_equal(restored.occupied_centers(), octree.occupied_centers())


def test_changes_laid_over_an_older_state_give_the_newer_one(octree, rng):
    stored = octree.changed_regions()
    for frame in frames(rng, 3):
        octree.integrate(frame)
        stored.update(octree.changed_regions())
    restored = Octree(0.05)
    restored.restore_regions(stored)

    assert restored.counts() == octree.counts()
    np.testing.assert_array_equal(restored.free_centers(), octree.free_centers())


def test_restoring_an_older_region_takes_newer_blocks_away(octree, rng):
    old = octree.changed_regions()
    before = octree.free_centers()
    for frame in frames(rng, 3):
        octree.integrate(frame)
    newer = octree.changed_regions()
    octree.restore_regions({name: old[name] for name in newer if name in old})
    octree.restore_regions({name: pack({**unpack(newer[name]), **NOTHING}) for name in newer if name not in old})

    np.testing.assert_array_equal(octree.free_centers(), before)


NOTHING = {
    "keys": np.zeros(0, np.int64), "log_odds": np.zeros((0, 512), np.int8),
    "whole": np.zeros(0, np.int8), "changed_ns": np.zeros(0, np.int64),
}  # fmt: skip


def test_a_saved_map_loads_with_the_same_content(octree, tmp_path):
    path = tmp_path / "map.octree"
    octree.save(path)
    loaded = Octree.load(path)

    assert loaded.voxel_size_m == octree.voxel_size_m
    assert loaded.counts() == octree.counts()
    np.testing.assert_array_equal(loaded.occupied_centers(), octree.occupied_centers())
    loaded.save(tmp_path / "again.octree")
    assert (tmp_path / "again.octree").read_bytes() == path.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.octree", "map.octree"]


def test_an_empty_map_can_be_saved_too(tmp_path):
    Octree(0.1).save(tmp_path / "empty")

    assert Octree.load(tmp_path / "empty").counts() == (0, 0)


def test_files_that_are_no_octrees_are_refused_by_name(tmp_path):
    with pytest.raises(NotAMemory, match="nowhere: cannot be read"):
        Octree.load(tmp_path / "nowhere")
    other = tmp_path / "other"
    other.write_bytes(pack({"format": "something else"}))
    with pytest.raises(NotAMemory, match="is not a tolman octree 2 file"):
        Octree.load(other)
    other.write_bytes(b"ply\nformat ascii 1.0\n")
    with pytest.raises(CorruptMemory):
        Octree.load(other)


def test_a_torn_file_is_refused_wherever_it_is_torn(octree, tmp_path):
    path = tmp_path / "map.octree"
    octree.save(path)
    whole = path.read_bytes()
    for end in np.linspace(0, len(whole) - 1, 40).astype(int):
        path.write_bytes(whole[:end])
        with pytest.raises(CorruptMemory):
            Octree.load(path)


@pytest.mark.parametrize(
    "damage",
    [
        {"keys": np.zeros((2, 2), np.int64)},
        {"keys": [1, 2, 3]},
        {"log_odds": np.zeros((1, 512), np.float32)},
        {"log_odds": np.zeros((3, 511), np.int8)},
        {"keys": np.array([5, 5], np.int64), "log_odds": np.zeros((2, 512), np.int8)},
        {"keys": np.array([-1], np.int64), "log_odds": np.zeros((1, 512), np.int8)},
        {"keys": keys_of(np.array([[900, 900, 900]])), "log_odds": np.zeros((1, 512), np.int8)},
        {"keys": keys_of(np.array([[1 << 19, 0, 0]])), "log_odds": np.zeros((1, 512), np.int8)},
    ],
)
def test_damaged_regions_are_refused_and_leave_the_map_as_it_was(octree, damage):
    regions = octree.changed_regions()
    before = octree.counts()
    name, content = next(reversed(regions.items()))
    emptied = Octree(0.05)
    with pytest.raises(CorruptMemory, match=f"map region {name}"):
        emptied.restore_regions({**regions, name: pack({**unpack(content), **damage})})

    assert emptied.counts() == (0, 0)
    assert octree.counts() == before


def test_regions_of_another_voxel_size_or_a_strange_name_are_refused(octree):
    regions = octree.changed_regions()
    with pytest.raises(BadSettings, match=r"want voxels of 0.1 m, got 0.05"):
        Octree(0.1).restore_regions(regions)
    with pytest.raises(CorruptMemory, match="is not a name of three numbers"):
        Octree(0.05).restore_regions({"../etc": next(iter(regions.values()))})


def old_region(name, content):
    """The bytes that version 1 had for a region: keys with one coordinate after the other, all voxels of all blocks."""
    values = unpack(content)
    at = blocks_of(values["keys"]) + (1 << 20)
    keys = (at[:, 0] << 42) | (at[:, 1] << 21) | at[:, 2]
    order = np.argsort(keys)
    voxels = from_bytes(name, content, values["voxel_size_m"]).voxels()[order]
    about = {key: values[key] for key in ("voxel_size_m", "occupied", "free")}
    return pack({**about, "keys": keys[order], "log_odds": voxels})


def test_regions_of_version_1_are_read(octree):
    regions = octree.changed_regions()
    restored = Octree(0.05)
    restored.restore_regions({name: old_region(name, content) for name, content in regions.items()})

    assert restored.counts() == octree.counts()
    np.testing.assert_array_equal(restored.occupied_centers(), octree.occupied_centers())
    np.testing.assert_array_equal(restored.free_centers(), octree.free_centers())


def test_regions_stay_findable_while_their_table_grows(rng):
    names = {tuple(c) for c in rng.integers(-8000, 8000, (9000, 3)).tolist()}
    blocks = Blocks()
    codes = codes_of(np.array(sorted(names), np.int64))
    rng.shuffle(codes)
    for part in np.array_split(codes, 37):
        blocks.add(part)

    assert blocks.n_regions == len(names)
    np.testing.assert_array_equal(blocks.codes[blocks.numbers_of(codes)], codes)
    assert {tuple(c) for c in blocks.corners[: blocks.n_regions].tolist()} == names
    assert (blocks.numbers_of(codes_of(np.array([[8001, 0, 0], [0, -8001, 3]]))) == -1).all()


def test_a_map_larger_than_what_was_asked_for_in_advance_grows_with_nothing_lost(rng):
    blocks = Blocks()
    capacity = blocks.n_free_rows
    blocks.grow(capacity + 1, blocks.n_free_slots + 1)

    assert blocks.n_free_rows > capacity
    octree, paged = Octree(0.05), Octree(0.05)
    for frame in frames(rng, 2):
        octree.integrate(frame)
        paged.integrate(frame)
        paged._blocks.grow(paged._blocks.n_free_rows + 1, paged._blocks.n_free_slots + 1)
    assert octree.changed_regions() == paged.changed_regions()


def test_a_point_cloud_file_has_a_header_that_fits_its_bytes(octree, tmp_path):
    points = octree.occupied_centers()
    colours = np.arange(points.size, dtype=np.uint8).reshape(points.shape)
    write_ply(points, colours, tmp_path / "map.ply")
    header, _, body = (tmp_path / "map.ply").read_bytes().partition(b"end_header\n")

    assert header.startswith(b"ply\nformat binary_little_endian 1.0\n")
    assert f"element vertex {len(points)}\n".encode() in header
    kinds = {b"float": "<f4", b"uchar": "u1"}
    fields = [line.split() for line in header.splitlines() if line.startswith(b"property")]
    table = np.frombuffer(body, [(name.decode(), kinds[kind]) for _, kind, name in fields])
    np.testing.assert_array_equal(np.stack([table[c] for c in "xyz"], axis=1), points.astype(np.float32))
    np.testing.assert_array_equal(np.stack([table[c] for c in ("red", "green", "blue")], axis=1), colours)

    write_ply(points, None, tmp_path / "plain.ply")
    assert (tmp_path / "plain.ply").read_bytes().endswith(points[-1].astype("<f4").tobytes())
    assert len(list(tmp_path.iterdir())) == 2


def test_a_point_cloud_that_does_not_fit_its_colours_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"colours: want \(2, 3\) uint8"):
        write_ply(np.zeros((2, 3)), np.zeros((3, 3), np.uint8), tmp_path / "x.ply")
    with pytest.raises(BadInput, match=r"points: want \(N, 3\)"):
        write_ply(np.zeros(3), None, tmp_path / "x.ply")
    assert not list(tmp_path.iterdir())
