# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from memory_core.errors import TransformUnavailable
from recordings.drops import Rejected
from recordings.transforms import MAX_FRAMES, NotCovered, PoseTrack, TransformBuffer, TransformPending

S = 10**9


@pytest.fixture
def buffer():
    return TransformBuffer(max_gap_ns=S, history_ns=10 * S, jump_ns=S)


def test_a_sample_comes_back_to_the_bit(buffer, make):
    T = make.pose(1.2, -3.4, 5.6)
    buffer.add("map", "camera", 5 * S, T)
    assert buffer.lookup("map", "camera", 5 * S).tobytes() == T.tobytes()


def test_there_and_back_is_the_identity(buffer, make):
    buffer.add("map", "odom", S, make.pose(1, 2, 3))
    buffer.add("odom", "base", S, make.pose(4, 5, 6, angle=1.1))
    there, back = buffer.lookup("map", "base", S), buffer.lookup("base", "map", S)
    np.testing.assert_allclose(there @ back, np.eye(4), atol=1e-12)


def test_a_chain_is_the_product_of_its_links(buffer, make):
    A, B, C = make.pose(1), make.pose(0, 2, angle=0.9), make.pose(0, 0, 3, angle=-0.2)
    buffer.add("map", "odom", S, A)
    buffer.add("odom", "base", S, B)
    buffer.add("base", "camera", 0, C, static=True)
    np.testing.assert_allclose(buffer.lookup("map", "camera", S), A @ B @ C, atol=1e-12)


def test_two_branches_meet_at_their_common_ancestor(buffer, make):
    left, right = make.pose(1), make.pose(0, 2, angle=0.9)
    buffer.add("base", "left", 0, left, static=True)
    buffer.add("base", "right", 0, right, static=True)
    np.testing.assert_allclose(buffer.lookup("left", "right", 7 * S), np.linalg.inv(left) @ right, atol=1e-12)


def test_between_two_samples_it_goes_straight_and_turns_evenly(buffer, make):
    buffer.add("map", "camera", S, make.pose(0, axis=(0, 0, 1), angle=0.0))
    buffer.add("map", "camera", 2 * S, make.pose(4, axis=(0, 0, 1), angle=1.0))
    T = buffer.lookup("map", "camera", S + S // 4)
    np.testing.assert_allclose(T[:3, 3], [1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(T[:3, :3], make.rotation((0, 0, 1), 0.25), atol=1e-6)


def test_order_of_arrival_does_not_matter(make, rng):
    stamps = rng.permutation(np.arange(10) * S // 20)
    tracks = [PoseTrack(max_gap_ns=S) for _ in range(2)]
    for stamp in stamps:
        tracks[0].add(int(stamp), make.pose(float(stamp)))
    for stamp in sorted(stamps):
        tracks[1].add(int(stamp), make.pose(float(stamp)))
    for stamp in range(0, 9 * S // 20, S // 37):
        assert tracks[0].at(stamp).tobytes() == tracks[1].at(stamp).tobytes()


def test_it_never_extrapolates(buffer, make):
    buffer.add("map", "camera", S, make.pose(0))
    buffer.add("map", "camera", S + S // 2, make.pose(1))
    with pytest.raises(TransformPending, match="older"):
        buffer.lookup("map", "camera", S + S // 2 + 1)
    with pytest.raises(TransformUnavailable, match="newer") as never:
        buffer.lookup("map", "camera", S - 1)
    assert not isinstance(never.value, TransformPending)


def test_a_long_gap_is_not_interpolated_over(buffer, make):
    buffer.add("map", "camera", S, make.pose(0))
    buffer.add("map", "camera", 3 * S, make.pose(1))
    with pytest.raises(TransformUnavailable, match="gap"):
        buffer.lookup("map", "camera", 2 * S)


def test_a_frame_nobody_knows_may_still_come(buffer, make):
    buffer.add("map", "base", S, make.pose(0))
    with pytest.raises(TransformPending, match="not connected; frames there are: base, map"):
        buffer.lookup("map", "camera", S)


def test_ros_1_slashes_do_not_matter(buffer, make):
    buffer.add("/map", "/camera", S, make.pose(1))
    assert buffer.lookup("map", "camera", S).tobytes() == make.pose(1).tobytes()


def test_a_loop_of_frames_ends(buffer, make):
    buffer.add("a", "b", S, make.pose(0))
    buffer.add("b", "a", S, make.pose(0))
    with pytest.raises(TransformUnavailable):
        buffer.lookup("map", "a", S)


def test_what_is_old_is_forgotten_and_memory_stays_bounded(make):
    track = PoseTrack(max_gap_ns=S, history_ns=S, jump_ns=S)
    for i in range(2000):
        track.add(i * S // 100, make.pose(0))
    assert len(track) <= 220
    with pytest.raises(NotCovered) as lost:
        track.at(5 * S)
    assert not lost.value.may_come


def test_a_clock_that_was_set_back_starts_anew(make):
    track = PoseTrack(max_gap_ns=S, history_ns=10 * S, jump_ns=S)
    for stamp in (50 * S, 51 * S, S, S + S // 2):
        track.add(stamp, make.pose(stamp / S))
    assert track.at(S)[0, 3] == 1.0
    with pytest.raises(NotCovered) as later:
        track.at(2 * S)
    assert later.value.may_come


def test_a_child_gets_a_new_parent(buffer, make):
    buffer.add("map", "camera", S, make.pose(1))
    buffer.add("odom", "camera", S, make.pose(2))
    assert buffer.ancestors("camera") == ["camera", "odom"]
    with pytest.raises(TransformPending):
        buffer.lookup("map", "camera", S)


@pytest.mark.parametrize(("parent", "child"), [("", "a"), ("a", ""), ("a", "a"), ("/a", "a")])
def test_frames_need_names_of_their_own(buffer, make, parent, child):
    with pytest.raises(Rejected, match="different names"):
        buffer.add(parent, child, S, make.pose(0))


def test_a_flood_of_frames_is_stopped(buffer, make):
    T = make.pose(0)
    for i in range(MAX_FRAMES):
        buffer.add("map", f"frame{i}", S, T, static=True)
    with pytest.raises(Rejected, match="too many"):
        buffer.add("map", "one more", S, T, static=True)
