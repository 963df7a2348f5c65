# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from memory_core.errors import BadSource
from recordings import REASONS, FrameMatcher, Identity, RecordingSettings
from recordings.drops import Rejected

S = 10**9
TICK = S // 10


class Decoding:
    """A FrameMatcher whose frames come decoded; those that cannot be are counted."""

    def __init__(self, matcher):
        self._matcher = matcher
        self.drops, self.warnings = matcher.drops.counts, matcher.drops.messages

    def __getattr__(self, name):
        def call(*args, **options):
            return [
                frame for placed in getattr(self._matcher, name)(*args, **options) for frame in self._decoded(placed)
            ]

        return call

    def _decoded(self, placed):
        try:
            return [placed.decode()]
        except Rejected as problem:
            self._matcher.drops.add(problem.reason, str(problem))
            return []


def assembler(**options):
    extra = {name: options.pop(name) for name in ("identity", "expect_instances") if name in options}
    return Decoding(FrameMatcher(RecordingSettings(**options), **extra))


def stamps(frames):
    return [frame.stamp_ns for frame in frames]


@pytest.fixture
def ready(messages, make):
    """An assembler that knows the camera and its poses from 1 s to 3 s, every 0.1 s."""
    ready = assembler()
    ready.camera_info(messages.info(S))
    for stamp in range(S, 3 * S, TICK):
        ready.transforms(messages.tf(stamp, make.pose(stamp / S)))
    return ready


def feed(target, messages, stamp):
    return target.rgb(messages.rgb(stamp)) + target.depth(messages.depth(stamp))


def test_a_complete_frame_comes_at_once_with_all_its_parts(ready, messages, make):
    (frame,) = feed(ready, messages, 2 * S)
    assert frame.stamp_ns == 2 * S
    assert frame.rgb[0, 0].tolist() == [9, 9, 9]
    assert frame.depth[0, 0] == 1.5
    assert frame.K.tobytes() == make.K.tobytes()
    assert frame.T_world_cam.tobytes() == make.pose(2.0).tobytes()
    assert (frame.robot_id, frame.session_id, frame.map_id) == ("robot", "session", "map")
    assert ready.drops == {}


def test_the_order_in_which_the_parts_come_does_not_matter(messages, make, rng):
    results = []
    for _ in range(6):
        target = assembler()
        feeds = [
            lambda t=target: t.rgb(messages.rgb(2 * S)),
            lambda t=target: t.depth(messages.depth(2 * S)),
            lambda t=target: t.camera_info(messages.info(2 * S)),
            lambda t=target: t.transforms(messages.tf(2 * S, make.pose(2.0))),
        ]
        frames = [frame for i in rng.permutation(4) for frame in feeds[i]()]
        assert len(frames) == 1
        results.append(frames[0].T_world_cam.tobytes())
    assert len(set(results)) == 1


def test_the_pose_is_the_one_at_the_stamp_of_depth(ready, messages):
    (frame,) = ready.depth(messages.depth(2 * S + TICK // 2)) + ready.rgb(messages.rgb(2 * S + TICK // 2))
    assert frame.T_world_cam[0, 3] == pytest.approx(2.05)


def test_it_waits_for_a_later_transform_and_never_extrapolates(ready, messages, make):
    late = 3 * S - TICK // 2
    assert feed(ready, messages, late) == []
    (frame,) = ready.transforms(messages.tf(3 * S, make.pose(3.0)))
    assert frame.T_world_cam[0, 3] == pytest.approx(2.95)


def test_an_image_from_before_the_first_pose_is_dropped(ready, messages):
    assert feed(ready, messages, S // 2) == []
    assert ready.drops == {"no_pose": 1}
    assert len(feed(ready, messages, 2 * S)) == 1


def test_waiting_is_bounded_in_time(ready, messages):
    for i in range(30):
        feed(ready, messages, 4 * S + i * TICK)
    assert ready.drops["no_pose"] >= 18
    assert "older" in "".join(ready.warnings)


def test_waiting_is_bounded_in_number(messages):
    target = assembler(max_queue=5, wait_s=100.0)
    for i in range(20):
        feed(target, messages, S + i)
    assert target.drops == {"queue_full": 15}
    assert target.finish() == []
    assert target.drops == {"queue_full": 15, "no_camera_info": 5}


def test_frames_come_in_stamp_order_and_each_once(ready, messages):
    frames = [f for i in range(10) for f in feed(ready, messages, S + i * TICK)]
    assert stamps(frames) == sorted(set(stamps(frames)))
    assert len(frames) == 10


def test_camera_info_missing_is_said(messages, make):
    target = assembler()
    target.transforms(messages.tf(S, make.pose()))
    feed(target, messages, S)
    assert target.finish() == []
    assert target.drops == {"no_camera_info": 1}
    assert "intrinsics" in target.warnings[0]


def test_intrinsics_can_be_given_instead(messages, make):
    target = assembler(intrinsics="30,31,15.5,11.5")
    target.transforms(messages.tf(S, make.pose()))
    (frame,) = feed(target, messages, S)
    assert frame.K[1, 1] == 31


def test_intrinsics_that_are_not_four_numbers_are_refused():
    with pytest.raises(BadSource, match=r"intrinsics \(fx,fy,cx,cy\): want 4"):
        assembler(intrinsics="30,31")


def test_camera_info_for_another_size_is_not_scaled_but_refused(ready, messages):
    ready.camera_info(messages.info(int(1.5 * S), shape=(480, 640)))
    assert feed(ready, messages, 2 * S) == []
    assert ready.drops == {"bad_camera_info": 1}
    assert "640x480" in ready.warnings[0]


def test_the_zoom_of_a_camera_holds_from_its_stamp_on(ready, messages, make):
    zoomed = make.K.copy()
    zoomed[0, 0] = 60
    ready.camera_info(messages.info(int(1.5 * S), zoomed))
    assert [feed(ready, messages, t)[0].K[0, 0] for t in (S, 2 * S)] == [30, 60]


def test_depth_of_another_size_is_refused_with_a_remedy(ready, messages):
    ready.rgb(messages.rgb(2 * S))
    assert ready.depth(messages.depth(2 * S, shape=(12, 16))) == []
    assert ready.drops == {"bad_depth_size": 1}
    assert "depth is 16x12 but colour is 32x24; record depth registered to colour" in ready.warnings[0]


def test_depth_in_another_frame_is_used_but_said(ready, messages):
    ready.rgb(messages.rgb(2 * S, frame_id="color_camera"))
    assert len(ready.depth(messages.depth(2 * S))) == 1
    assert "registered" in ready.warnings[0]


def test_bad_messages_are_counted_by_reason_and_the_rest_goes_on(ready, messages, make):
    ready.rgb(messages.image(S, np.zeros((24, 32), np.uint16), "mono16"))
    ready.depth(messages.depth(0))
    torn = messages.depth(2 * S)
    torn.data = torn.data[:-1]
    ready.depth(torn)
    bad = messages.tf(2 * S, make.pose())
    bad.transforms[0].transform.translation.x = float("nan")
    ready.transforms(bad)
    ready.camera_info(messages.info(S, np.zeros((3, 3))))
    ready.instance_labels(messages.labels([]))
    assert ready.drops == {
        "bad_encoding": 1,
        "bad_stamp": 1,
        "bad_image": 1,
        "bad_pose": 1,
        "bad_camera_info": 1,
        "bad_message": 1,
    }
    assert set(ready.drops) <= set(REASONS)
    assert len(feed(ready, messages, int(2.5 * S))) == 1


def test_a_damaged_jpeg_is_counted(ready, messages):
    jpeg = bytearray(cv2.imencode(".jpg", np.zeros((24, 32, 3), np.uint8))[1].tobytes())
    jpeg[-2:] = b"\0\0"
    ready.depth(messages.depth(2 * S))
    assert ready.rgb(messages.compressed(2 * S, bytes(jpeg), "jpeg")) == []
    assert ready.drops == {"bad_image": 1}


def test_odometry_moves_the_body_and_the_camera_hangs_on_it(messages, make):
    T_base_cam = make.pose(0.1, 0.2, 1.0, angle=-1.0)
    values = " ".join(str(v) for v in (0.1, 0.2, 1.0, *_quaternion(T_base_cam)))
    given, static = assembler(camera_in_base=values), assembler()
    static.transforms(messages.tf(0, T_base_cam, "base_link", "camera"), static=True)
    for target in (given, static):
        target.camera_info(messages.info(S))
        target.odometry(messages.odometry(S, make.pose(5.0)))
        (frame,) = feed(target, messages, S)
        np.testing.assert_allclose(frame.T_world_cam, make.pose(5.0) @ T_base_cam, atol=1e-9)
        assert frame.map_id == "odom"


def test_odometry_without_the_place_of_the_camera_gives_no_invented_pose(messages, make):
    target = assembler()
    target.camera_info(messages.info(S))
    target.odometry(messages.odometry(S, make.pose(5.0)))
    assert feed(target, messages, S) == []
    assert target.finish() == []
    assert target.drops == {"no_pose": 1}


def test_a_pose_stamped_is_the_camera_itself(messages, make):
    target = assembler()
    target.camera_info(messages.info(S))
    target.pose(messages.pose(S, make.pose(5.0), parent="world"))
    (frame,) = feed(target, messages, S)
    assert frame.T_world_cam.tobytes() == make.pose(5.0).tobytes()
    assert frame.map_id == "world"


def test_map_is_preferred_over_the_frames_above_it(messages, make):
    target = assembler()
    target.camera_info(messages.info(S))
    target.transforms(messages.tf(S, make.pose(100.0), "earth", "map"))
    target.transforms(messages.tf(S, make.pose(1.0), "map", "camera"))
    (frame,) = feed(target, messages, S)
    assert frame.map_id == "map"
    assert frame.T_world_cam[0, 3] == 1.0


def test_instances_travel_with_their_frame(messages, make):
    target = assembler(expect_instances=True)
    target.camera_info(messages.info(S))
    target.transforms(messages.tf(S, make.pose()))
    target.instance_labels(messages.labels({"4": "Mug"}))
    assert feed(target, messages, S) == []
    (frame,) = target.instances(messages.instances(S, value=4))
    assert frame.instance_ids.dtype == np.int32
    assert np.unique(frame.instance_ids).tolist() == [4]
    assert frame.instance_labels == {4: "Mug"}


def test_a_lost_instance_image_loses_only_its_frame(messages, make):
    target = assembler(expect_instances=True)
    target.camera_info(messages.info(S))
    for i in range(3):
        target.transforms(messages.tf(S + i, make.pose()))
    frames = feed(target, messages, S) + feed(target, messages, S + 1)
    frames += target.instances(messages.instances(S + 1))
    assert stamps(frames) == [S + 1]
    assert target.drops == {"no_instances": 1}


def test_a_clock_that_is_set_back_begins_a_new_session(messages, make):
    target = assembler(identity=Identity(session_id="loop"))
    target.camera_info(messages.info(S))
    frames = []
    for _ in range(2):
        for stamp in range(10 * S, 15 * S, TICK):
            frames += target.transforms(messages.tf(stamp, make.pose(stamp / S))) + feed(target, messages, stamp)
    assert len(frames) == 100
    assert [f.session_id for f in frames] == ["loop"] * 50 + ["loop-2"] * 50
    assert stamps(frames[50:]) == stamps(frames[:50])


def _quaternion(T):
    from memory_core.geometry import quaternion_from_matrix

    return quaternion_from_matrix(T[:3, :3])
