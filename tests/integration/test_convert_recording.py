# SPDX-License-Identifier: Apache-2.0
"""Real recordings through bags of both storages, whole and torn."""

import hashlib
import itertools

import pytest

from recordings import open_source, write_bag

N = 16


class First:
    """The first frames of another source."""

    def __init__(self, source, n):
        self.name, self.n_frames, self.drops = source.name, n, source.drops
        self._source, self._n = source, n

    def frames(self, start=0):
        return itertools.islice(self._source.frames(start), self._n - start)


def digests(frames):
    return [
        hashlib.sha256(
            b"".join(
                part.tobytes() if hasattr(part, "tobytes") else str(part).encode()
                for part in (f.stamp_ns, f.rgb, f.depth, f.K, f.T_world_cam, f.robot_id, f.session_id, f.map_id)
            )
        ).hexdigest()
        for f in frames
    ]


@pytest.mark.parametrize("name", ["sevenscenes_redkitchen", "icl_livingroom1_open3d"])
def test_a_folder_and_its_bags_are_the_same_recording(shared_data, tmp_path, name):
    folder = First(open_source(shared_data(f"rgbd/{name}")), N)
    expected = digests(folder.frames())
    for storage in ("mcap", "sqlite3"):
        summary = write_bag(folder, tmp_path / storage, storage)
        source = open_source(tmp_path / storage)
        assert (summary.frames, source.n_frames, source.drops) == (N, N, {})
        assert digests(source.frames()) == expected
        assert digests(open_source(tmp_path / storage).frames(N // 2)) == expected[N // 2 :]


def test_half_of_a_torn_bag_is_half_of_the_recording(shared_data, tmp_path):
    folder = First(open_source(shared_data("rgbd/sevenscenes_redkitchen")), N)
    for suffix in (".mcap", ".db3"):
        file = write_bag(folder, tmp_path / f"kitchen{suffix}").path
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        source = open_source(file)
        found = digests(source.frames())
        assert N // 3 <= len(found) <= N // 2
        assert found == digests(folder.frames())[: len(found)]
        assert "recovered" in source.warnings[0]
