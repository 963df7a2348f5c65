# SPDX-License-Identifier: Apache-2.0
import pytest

from memory_core.errors import BadSource
from recordings.bag_reader import Topic
from recordings.settings import RecordingSettings
from recordings.topics import choose

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
INFO, TF, ODOMETRY = "sensor_msgs/msg/CameraInfo", "tf2_msgs/msg/TFMessage", "nav_msgs/msg/Odometry"
POSE = "geometry_msgs/msg/PoseStamped"


def topics(*rows):
    return {name: Topic(name, kind, 5) for name, kind in rows}


REALSENSE = topics(
    ("/camera/color/image_raw", IMAGE),
    ("/camera/color/image_raw/compressed", COMPRESSED),
    ("/camera/color/camera_info", INFO),
    ("/camera/depth/image_rect_raw", IMAGE),
    ("/camera/depth/camera_info", INFO),
    ("/camera/aligned_depth_to_color/image_raw", IMAGE),
    ("/camera/aligned_depth_to_color/camera_info", INFO),
    ("/camera/infra1/image_rect_raw", IMAGE),
    ("/tf", TF),
    ("/tf_static", TF),
)
KINECT_TUM = topics(
    ("/camera/rgb/image_color", IMAGE),
    ("/camera/rgb/camera_info", INFO),
    ("/camera/depth/image", IMAGE),
    ("/camera/depth/camera_info", INFO),
    ("/tf", "tf2_msgs/msg/TFMessage"),
)


def test_depth_registered_to_colour_is_preferred():
    found = choose(REALSENSE, RecordingSettings(), "bag")
    assert found.rgb == "/camera/color/image_raw"
    assert found.depth == "/camera/aligned_depth_to_color/image_raw"
    assert found.info == "/camera/aligned_depth_to_color/camera_info"
    assert (found.tf, found.tf_static) == (("/tf",), ("/tf_static",))


def test_registered_depth_is_preferred_whatever_the_order_of_names():
    rows = {**KINECT_TUM, **topics(("/camera/depth_registered/image", IMAGE))}
    assert choose(rows, RecordingSettings(), "bag").depth == "/camera/depth_registered/image"


def test_the_layout_of_the_kinect_is_understood():
    found = choose(KINECT_TUM, RecordingSettings(), "bag")
    assert (found.rgb, found.depth) == ("/camera/rgb/image_color", "/camera/depth/image")
    assert found.info == "/camera/depth/camera_info"


def test_colour_comes_from_the_camera_of_the_depth():
    rows = topics(
        ("/back/color/image_raw", IMAGE),
        ("/front/color/image_raw", IMAGE),
        ("/front/depth/image_raw", IMAGE),
        ("/back/color/camera_info", INFO),
        ("/front/color/camera_info", INFO),
    )
    found = choose(rows, RecordingSettings(), "bag")
    assert (found.rgb, found.info) == ("/front/color/image_raw", "/front/color/camera_info")


def test_compressed_topics_do_when_there_are_no_others():
    rows = topics(
        ("/cam/color/image_raw/compressed", COMPRESSED),
        ("/cam/depth/image_raw/compressedDepth", COMPRESSED),
        ("/cam/depth/camera_info", INFO),
    )
    found = choose(rows, RecordingSettings(), "bag")
    assert found.depth == "/cam/depth/image_raw/compressedDepth"
    assert found.rgb == "/cam/color/image_raw/compressed"
    assert found.info == "/cam/depth/camera_info"


def test_named_topics_win():
    settings = RecordingSettings(depth_topic="/camera/depth/image_rect_raw", info_topic="/camera/color/camera_info")
    found = choose(REALSENSE, settings, "bag")
    assert (found.depth, found.info) == ("/camera/depth/image_rect_raw", "/camera/color/camera_info")


def test_a_named_pose_topic_is_the_only_one():
    rows = {**KINECT_TUM, **topics(("/odom", ODOMETRY), ("/slam/pose", POSE))}
    assert choose(rows, RecordingSettings(), "bag").odometry == "/odom"
    found = choose(rows, RecordingSettings(pose_topic="/slam/pose"), "bag")
    assert (found.odometry, found.pose) == ("", "/slam/pose")


@pytest.mark.parametrize(
    ("missing", "what", "option"),
    [
        ("/camera/depth/image", "depth images", "depth_topic"),
        ("/camera/rgb/image_color", "colour images", "rgb_topic"),
    ],
)
def test_what_is_missing_is_named_with_what_there_is(missing, what, option):
    rows = {name: topic for name, topic in KINECT_TUM.items() if name != missing}
    with pytest.raises(
        BadSource, match=rf"bag: no topic with {what}; name it with {option}; there are /camera"
    ) as refused:
        choose(rows, RecordingSettings(), "bag")
    assert "/tf (tf2_msgs/msg/TFMessage)" in str(refused.value)


def test_without_camera_info_the_intrinsics_must_be_given():
    rows = {name: topic for name, topic in KINECT_TUM.items() if topic.msgtype != INFO}
    with pytest.raises(BadSource, match=r"CameraInfo \(or give intrinsics\)"):
        choose(rows, RecordingSettings(), "bag")
    assert choose(rows, RecordingSettings(intrinsics="1,1,1,1"), "bag").info == ""


def test_a_named_topic_that_is_not_there_or_of_another_type_is_refused():
    for name in ("/nowhere", "/tf"):
        with pytest.raises(BadSource, match=f"want {name} with type sensor_msgs"):
            choose(KINECT_TUM, RecordingSettings(rgb_topic=name), "bag")


def test_empty_topics_do_not_count():
    rows = {**KINECT_TUM, "/camera/depth_registered/image": Topic("/camera/depth_registered/image", IMAGE, 0)}
    assert choose(rows, RecordingSettings(), "bag").depth == "/camera/depth/image"
