# SPDX-License-Identifier: Apache-2.0
"""Damage is found and named; a full disk loses nothing that was acknowledged."""

import errno
import random
import shutil
import subprocess
from contextlib import contextmanager, suppress

import apsw
import pytest

from memory_core.errors import CorruptMemory, StorageFull, TolmanError
from memory_core.memory import Memory
from memory_core.store import blobs


@pytest.fixture
def folder(tmp_path, script):
    with Memory.open(tmp_path / "m") as memory:
        for one in script.flat():
            memory.remember(one)
    return tmp_path / "m"


def tampered(folder, sql):
    database = apsw.Connection(str(folder / "memory.db"))
    database.execute(sql)
    database.close()
    with Memory.open(folder) as memory:
        return memory.verify().problems


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE event SET text = 'The mug was never there.' WHERE id = 5", "event 5: the log was altered"),
        ("UPDATE event SET stamp = stamp + 1 WHERE id = 9", "event 9: the log was altered"),
        ("UPDATE event SET payload = '{\"instance\": ' WHERE id = 3", "event 3: its payload is damaged"),
        ("DELETE FROM event WHERE id = 4", "event 5: the log was altered"),
        ("UPDATE origin SET robot = 'other'", "event 1: the log was altered"),
        ("UPDATE object_version SET x0 = x0 - 1 WHERE object = 'o2'", "view object_version: differs"),
        ("DELETE FROM object_box WHERE id IN (SELECT id FROM object_version WHERE object = 'o1')", "view object_box"),
        ("DELETE FROM edge WHERE subject = 'o2'", "view edge: differs"),
        ("UPDATE place SET radius_m = 9", "view place: differs"),
        ("UPDATE room SET label = 'bathroom'", "view room: differs"),
        ("UPDATE passage SET length_m = 1", "view passage: differs"),
        ("INSERT INTO event_words(event_words, rowid, label, text) VALUES('delete', 3, 'x', 'y')", "text index"),
        ("UPDATE keyframe SET sha = 'ab' WHERE id = 'k2'", "keyframe k2: ab.jpg is missing"),
    ],
)
def test_every_alteration_is_found_and_named(folder, sql, said):
    assert any(said in problem for problem in tampered(folder, sql))


def test_views_that_were_altered_are_repaired_from_the_log(folder):
    with Memory.open(folder) as memory:
        graph = memory.graph()
    assert tampered(folder, "DELETE FROM edge; UPDATE object_version SET label = 'x'; DELETE FROM object_box") != []

    with Memory.open(folder) as memory:
        assert memory.verify(repair=True).problems == []
        assert memory.graph() == graph


@pytest.mark.parametrize("suffix", [".jpg", ".map"])
def test_a_blob_that_is_missing_or_altered_is_found(folder, suffix):
    one = sorted((folder / "blobs").glob(f"*{suffix}"))[0]
    content = one.read_bytes()
    for damage in (lambda: one.write_bytes(content[:-3] + b"xyz"), one.unlink):
        damage()
        with Memory.open(folder) as memory:
            assert any(one.stem in problem for problem in memory.verify().problems)
            with pytest.raises(CorruptMemory):
                memory.map_blocks() if suffix == ".map" else _all_snapshots(memory)


def _all_snapshots(memory):
    images = [memory.snapshot(name) for name in ("k1", "k2")]
    if any(blobs.sha256(image.jpeg) + ".jpg" not in memory._blobs.names() for image in images):
        raise CorruptMemory("altered")


def test_files_nothing_refers_to_do_no_harm_and_are_swept(folder):
    stray = folder / "blobs" / ("0" * 64 + ".jpg")
    half = folder / "blobs" / ("1" * 64 + ".map.tmp")
    for path in (stray, half):
        path.write_bytes(b"x")

    with Memory.open(folder) as memory:
        report = memory.verify()
        assert report.ok
        assert report.counts["orphans"] == 2
        memory.compact()
        assert memory.verify().counts["orphans"] == 0
    assert not stray.exists()


def test_random_damage_is_reported_never_crashes(folder, tmp_path):
    draw = random.Random(5)
    for n in range(12):
        copy = tmp_path / f"copy{n}"
        shutil.copytree(folder, copy)
        content = bytearray((copy / "memory.db").read_bytes())
        start = draw.randrange(100, len(content) - 600)
        content[start : start + 512] = draw.randbytes(512)
        (copy / "memory.db").write_bytes(content)
        with suppress(TolmanError), Memory.open(copy) as memory:
            memory.verify()
            memory.ask("where is the mug?")


def test_a_torn_log_loses_nothing_before_the_tear(tmp_path, script):
    """A copy of the files while they are being written, cut off at any point, is some earlier state."""
    states = {}
    with Memory.open(tmp_path / "m") as memory:
        for n in range(1, 15):
            thing = script.instance("o1", "mug", (n, 0, 0), t=n, n=n)
            memory.remember(script.update(n, n, [script.told("saw", thing, n)]))
            states[memory.digest()] = n
        shutil.copytree(tmp_path / "m", tmp_path / "copy")
    log = (tmp_path / "copy" / "memory.db-wal").read_bytes()
    found = set()
    for cut in range(0, len(log), len(log) // 12):
        torn = tmp_path / f"torn{cut}"
        shutil.copytree(tmp_path / "copy", torn, ignore=shutil.ignore_patterns("*-shm"))
        (torn / "memory.db-wal").write_bytes(log[:cut])
        with Memory.open(torn) as memory:
            assert memory.verify().problems == []
            found.add(states.get(memory.digest(), 0))

    assert len(found) > 3
    assert max(found) < 14


def fill(memory, script, first=1):
    n = first
    while True:
        thing = script.instance("o1", "mug", (n, 0, 0), t=n, n=n)
        told = script.told("saw", thing, n)
        memory.remember(script.update(n, n, [told], keyframes=(script.keyframe(n, n, ["o1"]),)))
        n += 1


def acknowledged(memory):
    point = memory.checkpoint()
    return 0 if point is None else point.n_frames


def test_a_full_database_keeps_what_was_acknowledged_and_goes_on_when_there_is_room(tmp_path, script):
    with Memory.open(tmp_path / "m") as memory:
        memory._database.writer.execute("PRAGMA max_page_count=60")
        with pytest.raises(StorageFull, match="disk is full"):
            fill(memory, script)
        done = acknowledged(memory)
        assert done > 2
        assert memory.graph().instances["o1"].n_observations == done
        assert memory.verify().problems == []
        assert memory.verify().counts["orphans"] == 0

        memory._database.writer.execute("PRAGMA max_page_count=100000")
        thing = script.instance("o1", "mug", (0, 0, 0), t=done + 1, n=done + 1)
        memory.remember(script.update(done + 1, done + 1, [script.told("saw", thing, done + 1)]))
        assert acknowledged(memory) == done + 1


def test_a_disk_that_fills_up_under_an_image_keeps_what_was_acknowledged(tmp_path, script, monkeypatch):
    with Memory.open(tmp_path / "m") as memory:
        memory.remember(script.flat()[0])
        digest = memory.digest()

        def full(path, data):
            path.write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(blobs, "_write", full)
            with pytest.raises(StorageFull, match="disk is full"):
                memory.remember(script.flat()[1])
        assert memory.digest() == digest
        assert memory.verify().counts["orphans"] == 0
        assert memory.remember(script.flat()[1]) != []


@contextmanager
def small_disk(path):
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(path)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_a_disk_that_is_really_full_keeps_what_was_acknowledged(tmp_path, script):
    with small_disk(tmp_path / "disk") as disk:
        memory = Memory.open(disk / "m")
        with pytest.raises(StorageFull):
            fill(memory, script)
        done = acknowledged(memory)
        assert done > 5
        assert memory.graph().instances["o1"].n_observations == done
        assert memory.verify().problems == []
        memory.close()

        with Memory.open(disk / "m", read_only=True) as again:
            assert acknowledged(again) == done
        with Memory.open(disk / "m") as again:
            again.compact()
            assert again.verify().problems == []
            thing = script.instance("o1", "mug", (0, 0, 0), t=done + 1, n=done + 1)
            again.remember(script.update(done + 1, done + 1, [script.told("saw", thing, done + 1)]))
