# SPDX-License-Identifier: Apache-2.0
"""tolman correct: a memory that exists is corrected from a file, and what is built on goes on in the corrected map."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import sim
from memory_app.benchmarks.loop_closure import bent
from memory_app.cli import cli
from memory_app.pipeline import Session
from memory_core.geometry import quaternion_from_matrix
from memory_core.memory import Memory

N_FRAMES = 60


@pytest.fixture(scope="module")
def frames():
    source = sim.house_source(None, width=160, height=120)
    return [frame for frame, _ in zip(source.frames(), range(N_FRAMES), strict=False)]


@pytest.fixture
def drifted(tmp_path, frames):
    """A memory of frames whose poses drifted."""
    with Memory.open(tmp_path / "memory") as memory:
        drifting = bent(frames, shift_m=0.5)
        session = Session(memory, drifting[0])
        for frame in drifting:
            session.add(frame)
        session.flush(final=True)
    return tmp_path / "memory"


def tum_of(frames, path):
    lines = ["# stamp x y z qx qy qz qw"]
    for frame in frames:
        T = frame.T_world_cam
        numbers = [*T[:3, 3].tolist(), *quaternion_from_matrix(T[:3, :3]).tolist()]
        lines.append(f"{frame.stamp_ns // 10**9}.{frame.stamp_ns % 10**9:09d} " + " ".join(map(repr, numbers)))
    path.write_text("\n".join(lines))
    return path


def called(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_a_trajectory_corrects_a_memory(tmp_path, drifted, frames):
    with Memory.open(drifted, read_only=True) as memory:
        before, info = memory.digest(), memory.info()
    done = called("correct", drifted, "--trajectory", tum_of(frames, tmp_path / "poses.tum"), "--json")
    report = json.loads(done.output)

    assert done.exit_code == 0
    assert report["n_moved"] > 0
    assert report["largest_m"] == pytest.approx(0.6, abs=0.2)  # turned about the start as well
    with Memory.open(drifted) as memory:
        assert memory.digest() == report["digest"] != before
        assert memory.info()["frames"] == info["frames"]
        assert memory.events(kinds=("corrected",))
        assert memory.verify().problems == []
        memory.rebuild()
        assert memory.digest() == report["digest"]


def test_the_graph_that_is_written_holds_when_it_is_given_back(tmp_path, drifted):
    written = called("correct", drifted, "--write-graph", tmp_path / "graph.g2o", "--json")
    given = called("correct", drifted, "--constraints", tmp_path / "graph.g2o", "--json")

    assert json.loads(written.output)["nodes"] == json.loads(given.output)["n_nodes"]
    assert json.loads(given.output)["largest_m"] < 1e-3
    assert json.loads(given.output)["outliers"] == []


def test_a_trajectory_of_another_time_changes_nothing(tmp_path, drifted):
    with Memory.open(drifted, read_only=True) as memory:
        before = memory.digest()
    (tmp_path / "poses.tum").write_text("99999 0 0 0 0 0 0 1\n")
    done = called("correct", drifted, "--trajectory", tmp_path / "poses.tum")

    assert done.exit_code != 0
    assert "from the time of the memory" in str(done.exception) + done.output
    with Memory.open(drifted, read_only=True) as memory:
        assert memory.digest() == before


def test_one_way_to_correct_is_asked_for(drifted):
    assert called("correct", drifted).exit_code == 2


def test_keyframes_are_where_they_were_taken(tmp_path, drifted, frames):
    called("correct", drifted, "--trajectory", tum_of(frames, tmp_path / "poses.tum"))
    true = {frame.stamp_ns: frame.T_world_cam for frame in frames}
    with Memory.open(drifted, read_only=True) as memory:
        kept = [memory.snapshot(f"k{n + 1}") for n in range(memory.info()["snapshots"])]

    assert kept
    for keyframe in kept:
        at = np.reshape(keyframe.pose, (4, 4))[:3, 3]
        assert np.linalg.norm(at - true[keyframe.stamp_ns][:3, 3]) < 0.06  # what it drifts between two nodes is left
