# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys
from pathlib import Path

import pytest

from memory_core.errors import BadSource, StorageFull
from recordings import open_source, write_bag
from recordings.bag_writer import BagSummary

FULL_DISK = """
import resource, signal, sys
import numpy as np
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from memory_core.errors import StorageFull
from memory_core.frame import CameraFrame
from recordings import write_bag

class Noise:
    name, n_frames, drops = "noise", 100, {}
    def frames(self, start=0):
        rng = np.random.default_rng(0)
        for i in range(100):
            yield CameraFrame(stamp_ns=i + 1, rgb=rng.integers(0, 256, (100, 100, 3)).astype(np.uint8),
                depth=np.ones((100, 100), np.float32), K=np.diag([50.0, 50.0, 1.0]), T_world_cam=np.eye(4))

resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
try:
    write_bag(Noise(), sys.argv[1], sys.argv[2])
except StorageFull as error:
    print(error)
    sys.exit(7)
"""


def test_the_summary_tells_what_was_written(tmp_path, make, rng):
    seen = []
    source = make.source([make.frame(i, rng) for i in range(4)])
    summary = write_bag(source, tmp_path / "bag", progress=lambda done, of: seen.append((done, of)))
    assert summary == BagSummary(tmp_path / "bag", "mcap", 4, 17, summary.bytes)
    assert summary.bytes == sum(p.stat().st_size for p in (tmp_path / "bag").iterdir())
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_same_frames_give_the_same_bytes(tmp_path, make, rng):
    frames = [make.frame(i, rng) for i in range(3)]
    a = write_bag(make.source(frames), tmp_path / "a" / "bag.mcap").path.read_bytes()
    b = write_bag(make.source(frames), tmp_path / "b" / "bag.mcap").path.read_bytes()
    assert a == b


def test_a_bag_that_is_there_is_replaced_only_when_forced(tmp_path, make, rng):
    write_bag(make.source([make.frame(0, rng)]), tmp_path / "bag")
    longer = make.source([make.frame(i, rng) for i in range(3)])
    with pytest.raises(BadSource, match="already"):
        write_bag(longer, tmp_path / "bag")
    assert open_source(tmp_path / "bag").n_frames == 1
    write_bag(longer, tmp_path / "bag", force=True)
    assert open_source(tmp_path / "bag").n_frames == 3
    assert [p.name for p in tmp_path.iterdir()] == ["bag"]


def test_what_is_no_bag_is_never_replaced(tmp_path, make, rng):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("...")
    with pytest.raises(BadSource, match="not a ROS 2 bag"):
        write_bag(make.source([make.frame(0, rng)]), tmp_path / "thesis", force=True)
    assert (tmp_path / "thesis" / "chapter1.tex").exists()


def test_a_folder_that_holds_more_than_one_bag_is_never_replaced(tmp_path, make, rng):
    frames = make.source([make.frame(0, rng)])
    write_bag(frames, tmp_path / "all" / "monday.mcap")
    write_bag(frames, tmp_path / "bag")
    (tmp_path / "bag" / "notes.txt").write_text("...")
    for folder in ("all", "bag"):
        with pytest.raises(BadSource, match="not a ROS 2 bag and nothing else"):
            write_bag(frames, tmp_path / folder, force=True)
    assert (tmp_path / "all" / "monday.mcap").exists()


def test_a_bag_stays_when_its_successor_cannot_take_its_place(tmp_path, make, rng, monkeypatch):
    frames = make.source([make.frame(0, rng)])
    write_bag(frames, tmp_path / "a.mcap")
    before = (tmp_path / "a.mcap").read_bytes()
    rename = Path.rename
    refused = []

    def refuse_once(path, target):
        if path.name == "a.mcap" and path.parent != tmp_path and not refused:
            refused.append(path)
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse_once)
    with pytest.raises(BadSource, match="cannot be written"):
        write_bag(frames, tmp_path / "a.mcap", force=True)
    assert refused
    assert (tmp_path / "a.mcap").read_bytes() == before


def test_a_source_that_breaks_leaves_nothing_behind(tmp_path, make, rng):
    class Breaking(make.source):
        def frames(self, start=0):
            yield make.frame(0, rng)
            raise BadSource("the cable came off")

    for storage in ("mcap", "sqlite3"):
        with pytest.raises(BadSource, match="cable"):
            write_bag(Breaking([]), tmp_path / "bag", storage)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_full_disk_leaves_nothing_behind_and_says_so(tmp_path, storage):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "bag"), storage], capture_output=True, text=True, check=False
    )
    assert done.returncode == 7, done.stderr
    assert "the disk took no more" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert issubclass(StorageFull, Exception)


def test_a_source_without_frames_makes_no_bag(tmp_path, make):
    with pytest.raises(BadSource, match="gave no frame"):
        write_bag(make.source([]), tmp_path / "bag")
    assert list(tmp_path.iterdir()) == []


def test_frames_that_do_not_belong_together_are_refused(tmp_path, make, rng):
    frames = [make.frame(1, rng), make.frame(0, rng)]
    with pytest.raises(BadSource, match="stamp order"):
        write_bag(make.source(frames), tmp_path / "bag")
    frames = [make.frame(0, rng), make.frame(1, rng, session_id="other")]
    with pytest.raises(BadSource, match="one session"):
        write_bag(make.source(frames), tmp_path / "bag")


def test_an_unknown_storage_is_answered_with_the_known_ones(tmp_path, make, rng):
    with pytest.raises(BadSource, match="want one of mcap, sqlite3, got 'hdf5'"):
        write_bag(make.source([make.frame(0, rng)]), tmp_path / "bag", "hdf5")


def test_a_place_that_cannot_be_written_is_said(tmp_path, make, rng):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadSource, match="cannot be written"):
        write_bag(make.source([make.frame(0, rng)]), tmp_path / "file" / "bag")


def test_the_rest_of_an_interrupted_write_is_cleared(tmp_path, make, rng):
    (tmp_path / ".bag.partial").mkdir()
    (tmp_path / ".bag.partial" / "old").write_text("x")
    write_bag(make.source([make.frame(0, rng)]), tmp_path / "bag")
    assert [p.name for p in tmp_path.iterdir()] == ["bag"]
