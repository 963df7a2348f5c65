# SPDX-License-Identifier: Apache-2.0
"""A map larger than its RAM: nothing is lost, nothing changes, the budget is kept."""

import errno
from pathlib import Path

import numpy as np
import pytest

from mapping.octree import paging
from mapping.octree.octree import Octree
from memory_core import CameraFrame
from memory_core.errors import BadInput, BadSettings, CorruptMemory, StorageFull

BUDGET = 3 << 20
K = np.array([[60.0, 0, 32], [0, 60.0, 24], [0, 0, 1]])


class Kept:
    """A store in RAM that counts what is read of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.kept, self.n_read, self.counted = folder, {}, 0, {}

    def keep(self, octree: Octree) -> None:
        self.kept.update(octree.changed_regions())

    def regions(self):
        from memory_core.packing import peek

        return {name: (peek(c)["occupied"], peek(c)["free"]) for name, c in sorted(self.kept.items())}

    def read(self, name: str) -> bytes:
        self.n_read += 1
        return self.kept[name]


def walk(n, *, back=True, step_m=1.2):
    """A camera that goes along x looking ahead and aside, and back the same way; everything is 2 to 3 m away."""
    rng = np.random.default_rng(5)
    way = [*range(n), *reversed(range(n))] if back else range(n)
    for stamp, i in enumerate(way):
        T = np.eye(4)
        yaw = 0.7 * stamp
        T[:3, :3] = [[np.sin(yaw), 0, np.cos(yaw)], [-np.cos(yaw), 0, np.sin(yaw)], [0, -1, 0]]
        T[:3, 3] = i * step_m, 0, 1
        depth = rng.uniform(1.5, 3.0, (8, 8)).repeat(6, axis=0).repeat(8, axis=1).astype(np.float32)
        yield CameraFrame(stamp_ns=stamp * 10**9, rgb=np.zeros((48, 64, 3), np.uint8), depth=depth, K=K, T_world_cam=T)


@pytest.fixture(scope="module")
def whole():
    octree = Octree(0.05)
    for frame in walk(40):
        octree.integrate(frame)
    return octree


def paged(store=None, every=6):
    octree = Octree(0.05, ram_budget_bytes=BUDGET, store=store)
    for i, frame in enumerate(walk(40)):
        octree.integrate(frame)
        if store is not None and i % every == 0:
            store.keep(octree)
    return octree


def some_points(n=20_000):
    return np.random.default_rng(2).uniform([-3, -3, -1], [51, 3, 3], (n, 3))


def contents(octree):
    return {octree._blocks.name(number): content.voxels().tobytes() for number, content in octree._paging.contents()}


def test_with_a_budget_the_map_is_the_same_to_the_last_byte(whole, tmp_path):
    reference, small = Octree(0.05), Octree(0.05, ram_budget_bytes=BUDGET)
    for frame in walk(40):
        reference.integrate(frame)
        small.integrate(frame)
    assert small.resident_regions < small._blocks.n_regions / 2, "else nothing was paged"
    assert reference.memory_bytes > 1.5 * small.memory_bytes
    assert small.counts() == reference.counts()
    assert small.changed_regions() == reference.changed_regions()
    small.save(tmp_path / "small")
    reference.save(tmp_path / "whole")
    assert (tmp_path / "small").read_bytes() == (tmp_path / "whole").read_bytes()


def test_with_a_store_each_commit_gives_the_same_bytes_and_clean_regions_are_not_written_again(tmp_path):
    store, other = Kept(tmp_path), Kept(tmp_path)
    small = paged(store)
    reference = Octree(0.05)
    for i, frame in enumerate(walk(40)):
        reference.integrate(frame)
        if i % 6 == 0:
            other.keep(reference)
    assert store.kept == other.kept
    assert store.n_read > 0
    assert contents(small) == contents(reference)


def test_every_question_gets_the_same_answer_wherever_the_regions_lie(whole):
    small, points = paged(), some_points()
    rng = np.random.default_rng(3)
    boxes = np.hstack([points[:300], points[:300] + rng.uniform(0, 5, (300, 3))])
    origins, along = points[:2000], rng.normal(size=(2000, 3))

    np.testing.assert_array_equal(small.occupancy(points), whole.occupancy(points))
    np.testing.assert_array_equal(small.raycast(origins, along, 60.0), whole.raycast(origins, along, 60.0))
    np.testing.assert_array_equal(small.count(boxes), whole.count(boxes))
    np.testing.assert_array_equal(small.any_occupied(boxes), whole.any_occupied(boxes))
    np.testing.assert_array_equal(small.distance(points[:500]), whole.distance(points[:500]))
    for level in (0, 2, 4, 6):
        np.testing.assert_array_equal(small.occupancy(points, level), whole.occupancy(points, level))
    np.testing.assert_array_equal(small.dense(*whole.bounds()), whole.dense(*whole.bounds()))
    np.testing.assert_array_equal(small.occupied_centers(), whole.occupied_centers())
    np.testing.assert_array_equal(small.changed_since(30 * 10**9), whole.changed_since(30 * 10**9))
    np.testing.assert_array_equal(small.occupied_in([0, -2, 0], [40, 2, 2]), whole.occupied_in([0, -2, 0], [40, 2, 2]))
    assert small._blocks.n_free_slots >= 0
    assert small.memory_bytes <= BUDGET * 1.2


def test_a_map_reopened_from_its_store_reads_only_what_it_needs(whole, tmp_path):
    store = Kept(tmp_path)
    store.keep(paged(store))
    opened = Octree(0.05, store=store)
    store.n_read = 0
    opened.open_store()

    assert store.n_read == 0
    assert opened.counts() == whole.counts()
    point = whole.occupied_centers()[:1]
    assert opened.occupancy(point) == 1
    assert store.n_read == 1
    frames = list(walk(3, back=False))
    again = Octree(0.05)
    again.restore_regions(store.kept)
    for frame in frames:
        opened.integrate(frame)
        again.integrate(frame)
    assert opened.changed_regions() == again.changed_regions()
    assert store.n_read < len(store.kept) / 2


def test_what_was_handed_out_but_not_yet_stored_is_kept_in_the_scratch_file(tmp_path):
    store = Kept(tmp_path)
    octree = Octree(0.05, ram_budget_bytes=BUDGET, store=store)
    frames = list(walk(40, back=False))
    for frame in frames[:4]:
        octree.integrate(frame)
    before = contents(octree)
    octree.changed_regions()  # and the disk is full: nobody keeps them
    for frame in frames[8:]:
        octree.integrate(frame)

    assert any(octree._blocks.home[number] < 0 for number, _ in octree._paging.contents())
    assert {name: content for name, content in contents(octree).items() if name in before} == before
    assert store.n_read == 0


def test_a_frame_that_needs_more_than_the_budget_is_refused_and_leaves_the_map_as_it_was():
    octree = Octree(0.005, ram_budget_bytes=1 << 20)
    frame = next(walk(1))
    with pytest.raises(BadSettings, match="RAM budget of the map: too small"):
        octree.integrate(frame)
    assert octree.counts() == (0, 0)


def test_a_full_disk_loses_nothing(whole, monkeypatch):
    octree = Octree(0.05, ram_budget_bytes=BUDGET)
    frames = list(walk(40))
    put, full = paging.Scratch.put, []

    def refuse(self, number, data):
        if full:
            raise StorageFull(f"scratch file of the map: {errno.ENOSPC}")
        put(self, number, data)

    monkeypatch.setattr(paging.Scratch, "put", refuse)
    refused = 0
    for frame in frames:
        full.append(True)
        try:
            octree.integrate(frame)
        except StorageFull:
            refused += 1
            full.clear()
            octree.integrate(frame)
        full.clear()
    assert refused
    assert contents(octree) == contents(whole)


def test_a_damaged_region_in_the_store_is_told_when_it_is_needed(tmp_path):
    store = Kept(tmp_path)
    store.keep(paged(store))
    name = next(name for name, counts in store.regions().items() if counts[0])
    opened = Octree(0.05, store=store)
    opened.open_store()
    store.kept[name] = store.kept[name][:-9]
    with pytest.raises(CorruptMemory):
        opened.save(tmp_path / "x")
    with pytest.raises(BadInput, match="want an empty map"):
        opened.open_store()


def test_the_scratch_file_has_no_name_and_uses_its_holes(tmp_path):
    scratch = paging.Scratch(tmp_path)
    for round_ in range(5):
        for number in range(4):
            scratch.put(number, bytes([round_ * 10 + number]) * 5000)
        assert [scratch.get(number)[0] for number in range(4)] == [round_ * 10 + n for n in range(4)]
    scratch.drop(2)

    assert 2 not in scratch
    assert scratch._end == 4 * 8192
    assert list(tmp_path.iterdir()) == []
