# SPDX-License-Identifier: Apache-2.0
"""A recording goes in, a memory comes out: the same one however it comes and however often it is interrupted."""

import contextlib
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import recordings
import sim
from mapping import MapperSettings
from memory_app.pipeline import Pipeline, Session, fingerprint
from memory_app.settings import PipelineSettings
from memory_core.errors import BadSettings, BadSource, StorageFull
from memory_core.memory import Memory

N_FRAMES = 60
SETTINGS = PipelineSettings(commit_every=10)


class FirstFrames:
    """The first frames of another source."""

    def __init__(self, source, n):
        self.source, self.n_frames, self.name = source, n, source.name
        self.drops, self.warnings = dict(source.drops), list(source.warnings)

    def frames(self, start=0):
        for index, frame in enumerate(self.source.frames(start), start):
            if index >= self.n_frames:
                return
            yield frame


@pytest.fixture(scope="module")
def house():
    return FirstFrames(sim.house_source("house", width=160, height=120), N_FRAMES)


def build(source, directory, settings=SETTINGS, mapper_settings=None, **options):
    with Memory.open(directory) as memory:
        report = Pipeline(settings, mapper_settings).run(source, memory, **options)
        return report, memory.digest()


@pytest.fixture(scope="module")
def uninterrupted(house, tmp_path_factory):
    return build(house, tmp_path_factory.mktemp("memory") / "m")[1]


def test_every_frame_is_in_the_memory_and_it_verifies(house, tmp_path):
    report, _ = build(house, tmp_path / "m")

    with Memory.open(tmp_path / "m") as memory:
        assert report.frames == memory.info()["frames"] == N_FRAMES
        assert memory.info()["objects"] > 0
        assert memory.verify().problems == []


def test_building_again_changes_nothing(house, tmp_path, uninterrupted):
    build(house, tmp_path / "m")

    report, digest = build(house, tmp_path / "m")

    assert digest == uninterrupted
    assert report.resumed_at == N_FRAMES


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_bag_gives_the_same_digest_as_what_it_was_made_of(house, tmp_path, uninterrupted, storage):
    recordings.write_bag(house, tmp_path / "bag", storage=storage)

    assert build(recordings.open_source(tmp_path / "bag"), tmp_path / "m")[1] == uninterrupted


def test_real_frames_give_the_same_digest_from_folder_and_bags(shared_data, tmp_path):
    folder = FirstFrames(recordings.open_source(shared_data("rgbd/sevenscenes_redkitchen")), 20)
    digests = {build(folder, tmp_path / "folder")[1]}
    for storage in ("mcap", "sqlite3"):
        recordings.write_bag(folder, tmp_path / storage, storage=storage)
        digests.add(build(recordings.open_source(tmp_path / storage), tmp_path / f"m_{storage}")[1])

    assert len(digests) == 1


@pytest.mark.parametrize("stop_at", [7, 10, 33])
def test_a_stopped_build_goes_on_and_ends_the_same(house, tmp_path, uninterrupted, stop_at):
    class Stopped(Exception):
        pass

    def stop(done, total):
        if done == stop_at:
            raise Stopped

    with Memory.open(tmp_path / "m") as memory, pytest.raises(Stopped):
        Pipeline(SETTINGS).run(house, memory, progress=stop)

    report, digest = build(house, tmp_path / "m")

    assert report.resumed_at == stop_at // 10 * 10
    assert digest == uninterrupted


_BUILD = """
import sys
from test_pipeline import SETTINGS, FirstFrames, N_FRAMES, sim, Memory, Pipeline
def tell(done, total):
    print(done, flush=True)
source = FirstFrames(sim.house_source("house", width=160, height=120), N_FRAMES)
with Memory.open(sys.argv[1]) as memory:
    Pipeline(SETTINGS).run(source, memory, progress=tell)
"""


def test_killed_builds_go_on_and_end_the_same(tmp_path, uninterrupted):
    """kill -9 at random frames, several times over the same memory."""
    chance = random.Random(0)
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parent}:{Path(__file__).parents[2]}"}
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", _BUILD, tmp_path / "m"], env=environment, stdout=subprocess.PIPE, text=True
        )
        victim = chance.randrange(5, N_FRAMES)
        for line in process.stdout:
            if int(line) >= victim:
                process.send_signal(signal.SIGKILL)
                break
        process.stdout.close()
        process.wait()

    source = FirstFrames(sim.house_source("house", width=160, height=120), N_FRAMES)
    assert build(source, tmp_path / "m")[1] == uninterrupted
    with Memory.open(tmp_path / "m") as memory:
        assert memory.verify().problems == []


def test_a_memory_built_with_other_settings_is_refused_by_name(house, tmp_path):
    build(FirstFrames(house, 10), tmp_path / "m")

    with pytest.raises(BadSettings, match=r"voxel_size_m 0\.05, asked 0\.1"):
        build(house, tmp_path / "m", mapper_settings=MapperSettings(voxel_size_m=0.1))


def test_a_second_recording_needs_the_word_that_it_is_the_same_map(house, tmp_path):
    class Later(FirstFrames):
        def frames(self, start=0):
            for frame in super().frames(start):
                yield replace(frame, stamp_ns=frame.stamp_ns + 3_600_000_000_000)

    later = Later(house, N_FRAMES)
    build(house, tmp_path / "m")

    with pytest.raises(BadSource, match=r"already holds session .* --same-map"):
        build(later, tmp_path / "m")
    report, _ = build(later, tmp_path / "m", same_map=True)

    with Memory.open(tmp_path / "m") as memory:
        assert report.frames == N_FRAMES
        assert len(memory.info()["sessions"]) == 2
        assert memory.verify().problems == []


def test_an_interrupted_session_is_not_continued_after_another(house, tmp_path):
    class Later(FirstFrames):
        def frames(self, start=0):
            for frame in super().frames(start):
                yield replace(frame, stamp_ns=frame.stamp_ns + 3_600_000_000_000)

    with Memory.open(tmp_path / "m") as memory:
        first = Session(memory, next(iter(house.frames())), SETTINGS)
        for frame in FirstFrames(house, 10).frames():
            first.add(frame)
    build(Later(house, 10), tmp_path / "m", same_map=True)

    with pytest.raises(BadSource, match="stopped after 10 frames"):
        build(house, tmp_path / "m")


def test_a_commit_that_fails_is_tried_again_and_nothing_is_lost(house, tmp_path, uninterrupted, monkeypatch):
    remember, failures = Memory.remember, [30, 40, 60]

    def full_at_times(self, update):
        if update.n_frames in failures:
            failures.remove(update.n_frames)
            raise StorageFull("the disk is full")
        return remember(self, update)

    monkeypatch.setattr(Memory, "remember", full_at_times)
    with Memory.open(tmp_path / "m") as memory:
        session = Session(memory, next(iter(house.frames())), SETTINGS)
        for frame in house.frames():
            with contextlib.suppress(StorageFull):
                session.add(frame)
        session.flush(final=True)

        assert failures == []
        assert memory.digest() == uninterrupted
        assert memory.verify().problems == []


class Displaced(FirstFrames):
    """Some frames claim to be a million kilometres away."""

    def __init__(self, source, n, displaced):
        super().__init__(source, n)
        self.displaced = displaced

    def frames(self, start=0):
        for index, frame in enumerate(super().frames(start), start):
            far = frame.T_world_cam.copy()
            far[0, 3] = 1e9
            yield replace(frame, T_world_cam=far) if index in self.displaced else frame


def test_frames_the_map_cannot_take_are_dropped_and_said(house, tmp_path):
    source = Displaced(house, 25, displaced={0, 7, 10})

    report, _ = build(source, tmp_path / "m")

    assert report.frames == 25
    assert report.drops == {"unusable": 1, "pose_jump": 2}  # the first cannot be compared with any before it
    assert all("T_world_cam" in warning for warning in source.warnings[-2:])
    with Memory.open(tmp_path / "m") as memory:
        assert memory.info()["objects"] > 0
        assert memory.verify().problems == []


def test_a_source_of_which_no_frame_can_be_used_is_refused(house, tmp_path):
    with pytest.raises(BadSource, match="no frame could be used; dropped: 5 unusable; unusable: T_world_cam"):
        build(Displaced(house, 5, displaced=range(5)), tmp_path / "m")


def test_a_source_without_frames_is_refused(house, tmp_path):
    with pytest.raises(BadSource, match="no frame could be read"):
        build(FirstFrames(house, 0), tmp_path / "m")


def test_a_session_is_named_by_its_first_frame_alone(house):
    first = next(iter(house.frames()))

    assert fingerprint(first) == fingerprint(replace(first, session_id="other", robot_id="r2"))
    assert fingerprint(first) != fingerprint(replace(first, stamp_ns=first.stamp_ns + 1))
