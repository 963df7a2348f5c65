# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
from mcap.reader import make_reader
from rosbags.highlevel import AnyReader

from memory_core.errors import BadSource
from memory_core.frame import CameraFrame
from recordings import open_source, write_bag
from recordings.bag_writer import depth_encoding
from recordings.images import metres

STORAGES = ("mcap", "sqlite3")


@pytest.fixture(params=STORAGES)
def storage(request):
    return request.param


def round_trip(make, frames, path, storage):
    write_bag(make.source(frames), path, storage)
    source = open_source(path)
    back = list(source.frames())
    assert source.drops == {}
    assert len(back) == len(frames)
    for a, b in zip(frames, back, strict=True):
        make.same(a, b)
    return source


def test_frames_come_back_to_the_bit(tmp_path, make, rng, storage):
    frames = [make.frame(i, rng, robot_id="r2", session_id="tuesday", map_id="flat") for i in range(7)]
    source = round_trip(make, frames, tmp_path / "bag", storage)
    assert source.n_frames == 7
    assert (source.name, source.session_id, source.map_id) == ("bag", "tuesday", "flat")


def test_depth_that_is_no_whole_millimetre_comes_back_to_the_bit(tmp_path, make, rng, storage):
    depth = rng.uniform(0, 80, make.shape).astype(np.float32)
    depth[rng.random(make.shape) < 0.3] = 0
    round_trip(make, [make.frame(0, rng, depth=depth)], tmp_path / "bag", storage)


def test_instance_ids_and_their_names_come_back(tmp_path, make, rng, storage):
    round_trip(make, [make.frame(i, rng, instances=True) for i in range(4)], tmp_path / "bag", storage)


def test_names_that_change_on_the_way_stay_with_their_frames(tmp_path, make, rng, storage):
    frames = [make.frame(i, rng, instances=True) for i in range(4)]
    frames = [replaced(f, instance_labels={1: f"thing {i // 2}"}) for i, f in enumerate(frames)]
    round_trip(make, frames, tmp_path / "bag", storage)


def test_any_orientation_comes_back_to_the_bit(tmp_path, make, rng, storage):
    angles = rng.uniform(-np.pi, np.pi, 60)
    frames = [
        replaced(make.frame(i, rng), T_world_cam=make.pose(*rng.normal(size=3), axis=rng.normal(size=3), angle=angle))
        for i, angle in enumerate(angles)
    ]
    round_trip(make, frames, tmp_path / "bag", storage)


def test_seven_scenes_through_a_bag_is_seven_scenes(tmp_path, make, rng, storage):
    folder = make.seven_scenes(tmp_path / "kitchen", 5, rng)
    frames = list(open_source(folder).frames())
    round_trip(make, frames, tmp_path / "bag", storage)


def test_a_real_recording_through_a_bag_is_the_same(tmp_path, make, shared_data, storage):
    for name in ("sevenscenes_redkitchen", "icl_livingroom1_open3d"):
        frames = [f for f, _ in zip(open_source(shared_data(f"rgbd/{name}")).frames(), range(8), strict=False)]
        round_trip(make, frames, tmp_path / name, storage)


def test_reading_from_the_middle_gives_the_same_frames(tmp_path, make, rng, storage):
    frames = [make.frame(i, rng) for i in range(6)]
    write_bag(make.source(frames), tmp_path / "bag", storage)
    for start in range(8):
        back = list(open_source(tmp_path / "bag").frames(start))
        assert [f.stamp_ns for f in back] == [f.stamp_ns for f in frames[start:]]


def test_a_bag_of_a_bag_is_the_same_bag(tmp_path, make, rng, storage):
    write_bag(make.source([make.frame(i, rng) for i in range(3)]), tmp_path / "bag", storage)
    write_bag(open_source(tmp_path / "bag"), tmp_path / "again", storage)
    for a, b in zip(open_source(tmp_path / "bag").frames(), open_source(tmp_path / "again").frames(), strict=True):
        make.same(a, b)


@pytest.mark.parametrize("suffix", [".mcap", ".db3"])
def test_a_name_with_a_suffix_gives_a_single_file(tmp_path, make, rng, suffix):
    frames = [make.frame(i, rng) for i in range(3)]
    summary = write_bag(make.source(frames), tmp_path / f"kitchen{suffix}")
    assert summary.path.is_file()
    assert summary.bytes == summary.path.stat().st_size
    for a, b in zip(frames, open_source(summary.path).frames(), strict=True):
        make.same(a, b)


def test_other_tools_can_read_the_bag(tmp_path, make, rng):
    frames = [make.frame(i, rng, instances=True) for i in range(3)]
    write_bag(make.source(frames), tmp_path / "bag")
    with AnyReader([tmp_path / "bag"]) as reader:
        kinds = {c.topic: (c.msgtype, c.msgcount) for c in reader.connections}
        first = next(reader.deserialize(raw, c.msgtype) for c, _, raw in reader.messages() if c.topic == "/tf")
    assert kinds["/camera/color/image_raw"] == ("sensor_msgs/msg/Image", 3)
    assert kinds["/camera/depth/image_raw"] == ("sensor_msgs/msg/Image", 3)
    assert kinds["/camera/color/camera_info"] == ("sensor_msgs/msg/CameraInfo", 3)
    assert first.transforms[0].header.frame_id == "map"
    assert first.transforms[0].child_frame_id == "camera_color_optical_frame"
    with next((tmp_path / "bag").glob("*.mcap")).open("rb") as file:
        reader = make_reader(file)
        assert reader.get_header().profile == "ros2"
        labels = [m.data[8:-1] for _, c, m in reader.iter_messages() if c.topic == "/camera/instance_labels"]
    assert len(labels) == 1
    assert json.loads(labels[0]) == {"1": "Sofa", "2": "DiningTable"}


def test_depth_is_written_as_millimetres_only_when_nothing_is_lost(rng):
    whole = metres(rng.integers(0, 65535, (40, 50)).astype(np.uint16))
    assert depth_encoding(whole)[0] == "16UC1"
    for value in (1e-7, 1.0005, 65.535, 70.0, 1e30):
        depth = whole.copy()
        depth[3, 4] = value
        assert depth_encoding(depth)[0] == "32FC1", value


@pytest.mark.parametrize("layout", ["tf", "odometry", "pose"])
def test_a_bag_of_ros_1_gives_the_frames_of_ros_2(tmp_path, make, bags, messages, layout):
    rows = make.rows(6, tf=layout == "tf")
    extra = "0 0 0.5 0 0 0 1"
    for i in range(6):
        stamp = 10**9 + i * 10**8
        if layout == "odometry":
            rows.append(("/odom", "nav_msgs/msg/Odometry", stamp, messages.odometry(stamp, make.pose(0.1 * i))))
        if layout == "pose":
            rows.append(("/pose", "geometry_msgs/msg/PoseStamped", stamp, messages.pose(stamp, make.pose(0.1 * i))))
    rows.sort(key=lambda row: row[2])
    options = {} if layout == "tf" else {"camera_in_base": extra}
    bags.write1(tmp_path / "one.bag", rows)
    for name, plugin in (("two", "mcap"), ("three", "sqlite3")):
        bags.write2(tmp_path / name, rows, plugin)
    sources = [open_source(tmp_path / n, session_id="s", **options) for n in ("one.bag", "two", "three")]
    results = [list(source.frames()) for source in sources]
    assert [len(frames) for frames in results] == [6, 6, 6]
    for one, two, three in zip(*results, strict=True):
        make.same(one, two)
        make.same(one, three)
    z = 0.0 if layout == "tf" else 0.5
    expected = make.pose(0.5)[:3, :3] @ [0, 0, z] + [0.5, 0, 0]
    np.testing.assert_allclose(results[0][5].T_world_cam[:3, 3], expected, atol=1e-9)


def test_the_world_may_be_deep_in_a_chain_of_frames(tmp_path, make, bags, messages):
    rows = make.rows(5, tf=False)
    for i in range(5):
        stamp = 10**9 + i * 10**8
        rows.append(("/tf", "tf2_msgs/msg/TFMessage", stamp, messages.tf(stamp, make.pose(1.0), "map", "odom")))
        rows.append(("/tf", "tf2_msgs/msg/TFMessage", stamp, messages.tf(stamp, make.pose(0.1 * i), "odom", "base")))
    static = messages.tf(10**9, make.pose(0, 0, 1), "base", "camera")
    rows.append(("/tf_static", "tf2_msgs/msg/TFMessage", 10**9, static))
    rows.sort(key=lambda row: row[2])
    bags.write2(tmp_path / "bag", rows)
    in_map = list(open_source(tmp_path / "bag").frames())
    in_odom = list(open_source(tmp_path / "bag", world_frame="odom").frames())
    assert {f.map_id for f in in_map} == {"map"}
    assert {f.map_id for f in in_odom} == {"odom"}
    for a, b in zip(in_map, in_odom, strict=True):
        np.testing.assert_allclose(a.T_world_cam, make.pose(1.0) @ b.T_world_cam, atol=1e-9)


def test_a_camera_that_tf_does_not_reach_is_said_with_the_frames_there_are(tmp_path, make, bags, messages):
    rows = make.rows(3, tf=False)
    rows.insert(0, ("/tf", "tf2_msgs/msg/TFMessage", 10**9, messages.tf(10**9, make.pose(), "map", "base_link")))
    bags.write2(tmp_path / "bag", rows)
    with pytest.raises(BadSource, match=r"no pose for the camera frame 'camera'.*frames in tf are: base_link, map"):
        open_source(tmp_path / "bag")


def test_images_that_cannot_be_placed_are_counted(tmp_path, make, bags):
    lost = [("/tf", 0), ("/cam/rgb/image_raw", 4), ("/cam/depth/image_raw", 7)]
    rows = [row for row in make.rows(10) if (row[0], (row[2] - 10**9) // 10**8) not in lost]
    bags.write2(tmp_path / "bag", rows)
    source = open_source(tmp_path / "bag")
    frames = list(source.frames())
    assert [(f.stamp_ns - 10**9) // 10**8 for f in frames] == [1, 2, 3, 5, 6, 8, 9]
    assert source.drops == {"no_pose": 1, "no_rgb": 1, "no_depth": 1}


def replaced(frame, **fields):
    names = CameraFrame.__dataclass_fields__
    return CameraFrame(**{name: fields.get(name, getattr(frame, name)) for name in names})
