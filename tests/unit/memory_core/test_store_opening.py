# SPDX-License-Identifier: Apache-2.0
"""What a path must be to be a memory, and who may write to it."""

import stat
import subprocess
import sys

import apsw
import pytest

from memory_core.errors import CorruptMemory, MemoryLocked, MemoryUnavailable, NewerFormat, NotAMemory
from memory_core.memory import Memory
from memory_core.store import schema


def with_content(path, script):
    with Memory.open(path) as memory:
        for one in script.flat():
            memory.remember(one)


def problems_of(path):
    """What opening or verifying complains of."""
    try:
        with Memory.open(path) as memory:
            return memory.verify().problems
    except MemoryUnavailable as error:
        return [str(error)]


def test_a_file_is_not_a_memory(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")

    with pytest.raises(NotAMemory, match="is a file; want the directory of a memory"):
        Memory.open(tmp_path / "notes.txt")


def test_a_directory_with_other_things_is_not_made_into_a_memory(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")

    with pytest.raises(NotAMemory, match=r"holds other things \(notes.txt"):
        Memory.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("how", [{"create": False}, {"read_only": True}])
def test_nothing_is_created_where_only_reading_was_asked_for(tmp_path, how):
    with pytest.raises(NotAMemory, match="there is no memory"):
        Memory.open(tmp_path / "absent", **how)
    assert not (tmp_path / "absent").exists()


def test_the_database_of_another_program_is_left_alone(tmp_path):
    other = apsw.Connection(str(tmp_path / "memory.db"))
    other.execute("CREATE TABLE bookmarks(url); INSERT INTO bookmarks VALUES('x')")
    other.close()
    before = (tmp_path / "memory.db").read_bytes()

    for how in ({}, {"read_only": True}):
        with pytest.raises(NotAMemory, match="database of another program"):
            Memory.open(tmp_path, **how)
    assert (tmp_path / "memory.db").read_bytes() == before


def test_a_file_that_is_no_database_is_not_a_memory(tmp_path):
    (tmp_path / "memory.db").write_bytes(b"hello " * 1000)

    with pytest.raises(NotAMemory, match="not a database"):
        Memory.open(tmp_path)


def test_a_memory_of_a_newer_format_is_refused_by_number(tmp_path, script):
    with_content(tmp_path, script)
    database = apsw.Connection(str(tmp_path / "memory.db"))
    database.execute("PRAGMA user_version=12")
    database.close()

    for how in ({}, {"read_only": True}):
        with pytest.raises(NewerFormat, match=rf"has format 12, .* reads up to format {len(schema.MIGRATIONS)}"):
            Memory.open(tmp_path, **how)


def test_an_older_memory_is_brought_up_to_date_and_keeps_its_content(tmp_path, script, monkeypatch):
    with_content(tmp_path, script)
    with Memory.open(tmp_path) as memory:
        before = memory.digest()
    step, newest = "CREATE TABLE mood(name TEXT) STRICT", len(schema.MIGRATIONS)
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, step))

    with pytest.raises(NotAMemory, match=f"older format {newest}; open it once for writing"):
        Memory.open(tmp_path, read_only=True)
    with Memory.open(tmp_path) as memory:
        assert memory.info()["schema_version"] == newest + 1
        assert memory.digest() == before
    with Memory.open(tmp_path, read_only=True) as memory:
        assert memory.verify().ok


def test_a_step_that_fails_leaves_the_older_format(tmp_path, script, monkeypatch):
    with_content(tmp_path, script)
    step = "CREATE TABLE mood(name TEXT) STRICT; CREATE TABLE event(id)"
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, step))
        with pytest.raises(MemoryUnavailable, match="already exists"):
            Memory.open(tmp_path)

    with Memory.open(tmp_path) as memory:
        assert memory.info()["schema_version"] == len(schema.MIGRATIONS)
        assert memory.verify().ok


def test_only_one_may_write_and_anybody_may_read(tmp_path, script):
    with Memory.open(tmp_path / "m") as memory:
        memory.remember(script.flat()[0])
        with pytest.raises(MemoryLocked, match="being written by another process"):
            Memory.open(tmp_path / "m")
        with Memory.open(tmp_path / "m", read_only=True) as reader:
            assert reader.digest() == memory.digest()
            memory.remember(script.flat()[1])
            assert reader.digest() == memory.digest()
    Memory.open(tmp_path / "m").close()


def test_another_process_cannot_write_either(tmp_path):
    code = f"from memory_core.memory import Memory; Memory.open({str(tmp_path / 'm')!r})"
    with Memory.open(tmp_path / "m"):
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "MemoryLocked" in child.stderr


def test_nobody_else_can_read_the_files(tmp_path, script):
    with Memory.open(tmp_path / "m") as memory:
        memory.remember(script.flat()[0])
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "m").rglob("*") if p.is_file()}

    assert "memory.db-wal" in modes
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == 0o700


def test_a_database_that_was_emptied_is_not_taken_for_a_new_memory(tmp_path, script):
    with_content(tmp_path, script)
    (tmp_path / "memory.db").write_bytes(b"")

    with pytest.raises(CorruptMemory, match="is empty, but blobs is not"):
        Memory.open(tmp_path)


@pytest.mark.parametrize("left", [100, 4096, 20_000, 65_536])
def test_a_database_that_was_cut_off_is_reported_never_crashes(tmp_path, script, left):
    with_content(tmp_path, script)
    content = (tmp_path / "memory.db").read_bytes()
    assert len(content) > left
    (tmp_path / "memory.db").write_bytes(content[:left])

    assert problems_of(tmp_path) != []


def test_the_empty_files_of_an_interrupted_beginning_become_a_memory(tmp_path):
    (tmp_path / "m" / "blobs").mkdir(parents=True)
    (tmp_path / "m" / "memory.db").touch()

    with Memory.open(tmp_path / "m") as memory:
        assert memory.verify().ok
