# SPDX-License-Identifier: Apache-2.0
"""`tolman up` and `tolman play` as two processes: the same memory as `tolman build` of the same bag."""

import signal
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import recordings
from memory_app.cli import main
from memory_app.pipeline import Pipeline
from memory_core.memory import Memory
from memory_nodes.cli import ros_arguments

STOP_S = 15.0


class Frames:
    """A source of frames that are there."""

    def __init__(self, frames):
        self.kept, self.n_frames, self.name, self.drops = frames, len(frames), "room", {}

    def frames(self, start=0):
        yield from self.kept[start:]


@pytest.fixture(scope="module")
def bag(room_frames, tmp_path_factory):
    path = tmp_path_factory.mktemp("bag") / "room.mcap"
    recordings.write_bag(Frames(room_frames), path)
    return path


def ended(process, timeout_s=STOP_S):
    """Exit code and output of a process that should end by itself or was asked to."""
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        pytest.fail(f"it did not end within {timeout_s:g} s:\n{output}")
    return process.returncode, output


def save(probe, wait_until):
    from std_srvs.srv import Trigger

    client = probe.create_client(Trigger, "/tolman/save")
    wait_until(client.service_is_ready, "the node is there")
    future = client.call_async(Trigger.Request())
    wait_until(future.done, "the node has saved", 60)
    return future.result()


def objects(directory):
    with Memory.open(directory, read_only=True) as memory:
        assert memory.verify().problems == []
        found = memory.graph().instances.values()
        return memory.info()["frames"], sorted((i.label, i.position) for i in found)


def test_live_and_offline_agree_and_no_frame_is_lost_at_1x(
    bag, tmp_path, tolman_process, probe, wait_until, room_frames
):
    live, offline = tmp_path / "live", tmp_path / "offline"
    with tolman_process("up", "--memory", live, "--like", bag, "--sim-time") as up:
        wait_until(lambda: probe.count_subscribers("/camera/depth/image_raw"), "the node listens", 200)
        with tolman_process("play", bag, "--wait", "30") as player:
            code, output = ended(player, 60)
        assert code == 0, output
        assert save(probe, wait_until).success
        up.send_signal(signal.SIGTERM)
        code, output = ended(up)
    assert code == 0, output
    with Memory.open(offline) as memory:
        Pipeline().run(recordings.open_source(bag), memory)

    (n_live, seen_live), (n_offline, seen_offline) = objects(live), objects(offline)
    assert n_live == n_offline == len(room_frames), output
    assert [label for label, _ in seen_live] == [label for label, _ in seen_offline] == ["chair", "mug", "sofa"]
    np.testing.assert_allclose([p for _, p in seen_live], [p for _, p in seen_offline], atol=0.05)


def test_interrupted_in_the_middle_both_end_cleanly_with_what_was_mapped_committed(
    bag, tmp_path, tolman_process, probe, wait_until
):
    with tolman_process("up", "--memory", tmp_path / "m", "--like", bag) as up:
        wait_until(lambda: probe.count_subscribers("/camera/depth/image_raw"), "the node listens", 200)
        with tolman_process("play", bag, "--loop", "--wait", "30") as player:
            wait_until(lambda: has_events(tmp_path / "m"), "something is committed", 60)
            up.send_signal(signal.SIGINT)
            code, output = ended(up)
            player.send_signal(signal.SIGINT)
            player_code, player_output = ended(player)

    assert code == 0, output
    assert player_code == 0, player_output
    assert "Traceback" not in output + player_output
    assert objects(tmp_path / "m")[0] > 0


def has_events(directory):
    with Memory.open(directory, read_only=True) as memory:
        return bool(memory.events(limit=1))


@pytest.fixture
def tolman_ends(capsys):
    """Returns a function: arguments -> exit code and output of `tolman ARGUMENTS...` that ends by itself."""

    def run(*arguments):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            return end.code, "".join(capsys.readouterr())
        return 0, "".join(capsys.readouterr())

    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("play", "none.mcap"), "tolman: none.mcap: there is no such bag"),
        (("up", "--like", "none.mcap"), "tolman: none.mcap"),
        (("up", "--ros-args", "-p", "queue_size:=0"), "tolman: parameter queue_size: want 1 .. 100000 frames, got 0"),
        (("up", "--speed", "3"), "tolman: unknown arguments --speed 3; ROS arguments come after --ros-args"),
        (("play", "x.mcap", "--rate", "0"), "0.0 is not in the range"),
    ],
)
def test_wrong_usage_ends_with_code_2_and_one_sentence(arguments, message, tolman_ends):
    code, output = tolman_ends(*arguments)

    assert code == 2, output
    assert message in output


def test_a_memory_that_is_none_is_refused(tolman_ends, tmp_path):
    (tmp_path / "letter").write_text("dear")
    code, output = tolman_ends("up", "--memory", tmp_path / "letter")

    assert code == 2
    assert str(tmp_path / "letter") in output


def test_all_parameters_can_be_printed(tolman_ends):
    code, output = tolman_ends("up", "--print-params")

    assert code == 0
    assert "mapper.voxel_size_m: 0.05" in output


def test_the_options_of_up_become_parameters_and_remappings():
    arguments = ros_arguments(Path("m"), {"rgb": "/c", "odom": "/o", "compressed": True, "sim_time": True})

    parameters = {"memory_dir:=m", "image_transport:=compressed", "use_sim_time:=true", "input.pose_source:=odometry"}
    assert {b for a, b in pairwise(arguments) if a == "-p"} == parameters
    assert {b for a, b in pairwise(arguments) if a == "-r"} == {"rgb:=/c", "odom:=/o"}
