# SPDX-License-Identifier: Apache-2.0
"""OctoMap's files: OctoMap reads ours, we read its own, and damaged ones are refused."""

import numpy as np
import pytest

from mapping.octree.octree import Octree
from memory_app.benchmarks.room import room_frames
from memory_core.errors import BadInput, BadSource

STEP = 1 / 27.126


@pytest.fixture(scope="module")
def room():
    octree = Octree(0.1)
    for frame in list(room_frames(6)) * 3:
        octree.integrate(frame)
    return octree


def some_points(octree, n=20_000):
    low, high = octree.bounds()
    return low - 1 + np.random.default_rng(1).random((n, 3)) * (high - low + 2)


@pytest.mark.parametrize("ending", ["bt", "ot"])
def test_octomap_reads_what_we_write_and_says_the_same_everywhere(room, tmp_path, ending):
    pyoctomap = pytest.importorskip("pyoctomap")
    path = tmp_path / f"room.{ending}"
    room.save_octomap(path)
    if ending == "bt":
        theirs = pyoctomap.OcTree(0.5)
        assert theirs.readBinary(str(path))
    else:
        theirs = pyoctomap.OcTree(0.5).read(str(path))
    points = some_points(room)
    assert theirs.getResolution() == 0.1
    np.testing.assert_array_equal(np.asarray(theirs.getLabels(points), np.int8), room.occupancy(points))


@pytest.mark.parametrize("ending", ["bt", "ot"])
def test_what_we_write_is_as_octomap_would_write_it(room, tmp_path, ending):
    pyoctomap = pytest.importorskip("pyoctomap")
    ours, theirs = tmp_path / f"ours.{ending}", tmp_path / f"theirs.{ending}"
    room.save_octomap(ours)
    if ending == "bt":
        tree = pyoctomap.OcTree(0.5)
        assert tree.readBinary(str(ours))
        assert tree.writeBinary(str(theirs))
    else:
        tree = pyoctomap.OcTree(0.5).read(str(ours))
        assert tree.write(str(theirs))
    bodies = [path.read_bytes().partition(b"\ndata\n")[2] for path in (ours, theirs)]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("ending", ["bt", "ot"])
def test_a_map_comes_back_from_a_file(room, tmp_path, ending):
    room.save_octomap(tmp_path / f"room.{ending}")
    back = Octree.load_octomap(tmp_path / f"room.{ending}")
    points = some_points(room)

    assert back.voxel_size_m == 0.1
    assert back.counts() == room.counts()
    np.testing.assert_array_equal(back.occupancy(points), room.occupancy(points))
    if ending == "ot":
        np.testing.assert_array_equal(back.log_odds(points), room.log_odds(points))
    assert len(back.changed_regions()) == len(list(room._paging.contents())), "all of it is new"


def test_pruned_nodes_of_octomap_become_all_their_voxels(tmp_path):
    pyoctomap = pytest.importorskip("pyoctomap")
    tree = pyoctomap.OcTree(0.05)
    corner = np.array([-0.8, 0.4, 0.0])
    for voxel in np.argwhere(np.ones((16, 16, 16), bool)):
        tree.updateNode(corner + (voxel + 0.5) * 0.05, False)
    for voxel in np.argwhere(np.ones((3, 3, 3), bool)):
        tree.updateNode(np.array([1.0, 1.0, 1.0]) + (voxel + 0.5) * 0.05, True)
    tree.updateInnerOccupancy()
    tree.write(str(tmp_path / "pruned.ot"))
    octree = Octree.load_octomap(tmp_path / "pruned.ot")

    assert octree.counts() == (27, 16**3)
    assert (octree.dense(corner + 0.01, corner + 0.79) == 0).all()
    assert octree.log_odds([corner + 0.4]) == pytest.approx(np.log(0.4 / 0.6), abs=STEP / 2)
    assert octree.log_odds([[1.06, 1.06, 1.06]]) == pytest.approx(np.log(0.7 / 0.3), abs=STEP / 2)


def test_a_map_of_octomap_itself_is_read_whole(shared_data):
    pyoctomap = pytest.importorskip("pyoctomap")
    path = shared_data("maps/octomap/geb079.bt")
    octree, theirs = Octree.load_octomap(path), pyoctomap.OcTree(0.5)
    assert theirs.readBinary(str(path))
    points = some_points(octree, 50_000)

    assert octree.voxel_size_m == 0.08
    assert min(octree.counts()) > 100_000
    np.testing.assert_array_equal(np.asarray(theirs.getLabels(points), np.int8), octree.occupancy(points))


def test_an_empty_map_is_a_file_too(tmp_path):
    pyoctomap = pytest.importorskip("pyoctomap")
    for ending in ("bt", "ot"):
        path = tmp_path / f"empty.{ending}"
        Octree(0.1).save_octomap(path)
        assert Octree.load_octomap(path).counts() == (0, 0)
    assert pyoctomap.OcTree(0.1).readBinary(str(tmp_path / "empty.bt"))


def test_torn_and_strange_files_are_refused_with_one_sentence(room, tmp_path):
    path = tmp_path / "x.bt"
    with pytest.raises(BadSource, match="cannot be read as an OctoMap file"):
        Octree.load_octomap(path)
    for content in (b"", b"ply\n", b"# Octomap OcTree binary file\n", b"\xff" * 1000):
        path.write_bytes(content)
        with pytest.raises(BadSource, match=r"x\.bt: "):
            Octree.load_octomap(path)
    for ending in ("bt", "ot"):
        room.save_octomap(tmp_path / f"room.{ending}")
        whole = (tmp_path / f"room.{ending}").read_bytes()
        for end in np.linspace(0, len(whole) - 1, 25).astype(int):
            path.write_bytes(whole[:end])
            with pytest.raises(BadSource):
                Octree.load_octomap(path)
        path.write_bytes(whole + b"\0\0\0\0\0")
        with pytest.raises(BadSource, match="follow the last node"):
            Octree.load_octomap(path)


def test_random_bytes_after_a_good_header_do_no_harm(tmp_path, rng):
    for trial in range(40):
        body = rng.integers(0, 256, 4000).astype(np.uint8).tobytes()
        first = "# Octomap OcTree binary file" if trial % 2 else "# Octomap OcTree file"
        path = tmp_path / "x"
        path.write_bytes(f"{first}\nid OcTree\nsize {trial * 100}\nres 0.05\ndata\n".encode() + body)
        with pytest.raises(BadSource):
            Octree.load_octomap(path)


def test_leaves_that_stand_for_the_whole_world_are_refused(tmp_path):
    path = tmp_path / "x.bt"
    path.write_bytes(b"# Octomap OcTree binary file\nid OcTree\nsize 9\nres 0.05\ndata\n\x55\x55")
    with pytest.raises(BadSource, match="stand for more than"):
        Octree.load_octomap(path)


@pytest.mark.parametrize("field", ["res -1", "res nan", "res x", "size -4", "size 999999999999", "id ColorOcTree"])
def test_impossible_headers_are_refused(tmp_path, field):
    lines = {"id": "id OcTree", "size": "size 9", "res": "res 0.05", field.split()[0]: field}
    path = tmp_path / "x.bt"
    path.write_bytes("\n".join(["# Octomap OcTree binary file", *lines.values(), "data\n"]).encode() + b"\0\0")
    with pytest.raises(BadSource):
        Octree.load_octomap(path)


def test_maps_that_octomap_cannot_hold_are_refused(tmp_path):
    far = Octree(0.05)
    far.replace_blocks(np.array([[5000, 0, 0]]), np.zeros((1, 512), np.int8), 0)
    with pytest.raises(BadInput, match="32768 voxels from the origin"):
        far.save_octomap(tmp_path / "far.bt")
    with pytest.raises(BadInput, match=r"ends in \.bt or \.ot"):
        far.save_octomap(tmp_path / "far.ply")
