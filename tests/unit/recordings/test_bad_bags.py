# SPDX-License-Identifier: Apache-2.0
import shutil

import pytest
import yaml

from memory_core.errors import BadSource
from recordings import open_source, write_bag

N = 240
ROSBAG2 = "bags/rosbag2/rosbag2_py/test/resources"


@pytest.fixture(params=["mcap", "sqlite3"])
def storage(request):
    return request.param


@pytest.fixture
def bag(tmp_path, make, rng, storage):
    write_bag(make.source([make.frame(i, rng) for i in range(N)]), tmp_path / "bag", storage)
    return tmp_path / "bag"


@pytest.fixture
def mcap(tmp_path, make, rng):
    write_bag(make.source([make.frame(i, rng) for i in range(N)]), tmp_path / "bag")
    return tmp_path / "bag"


def data_file(bag):
    return next(p for p in bag.iterdir() if p.suffix in (".mcap", ".db3"))


def sentence(error):
    text = str(error.value)
    assert "\n" not in text
    assert "Traceback" not in text
    return text


def test_a_truncated_mcap_gives_what_is_readable_and_says_how_much(mcap):
    file = data_file(mcap)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    source = open_source(mcap)
    frames = list(source.frames())
    assert 0.4 * N < len(frames) < 0.6 * N
    assert "recovered" in source.warnings[0]
    assert f"of {4 * N + 1} messages" in source.warnings[0]
    assert 1.6 * N < source.drops["unreadable"] < 2.4 * N
    assert "bad_message" not in source.drops
    assert [f.stamp_ns for f in source.frames(10)] == [f.stamp_ns for f in frames[10:]]


def test_a_truncated_mcap_without_its_folder_is_read_too(mcap, tmp_path, make):
    whole = list(open_source(mcap).frames())
    file = tmp_path / "alone.mcap"
    file.write_bytes(data_file(mcap).read_bytes()[:-5])
    source = open_source(file)
    for a, b in zip(whole, source.frames(), strict=True):
        make.same(a, b)
    assert f"all {4 * N + 1} messages were recovered" in source.warnings[0]


def test_a_compressed_torn_mcap_is_read_as_far_as_it_goes(tmp_path, make, rng):
    from mcap.writer import CompressionType, Writer
    from rosbags.rosbag2 import Reader

    write_bag(make.source([make.frame(i, rng) for i in range(100)]), tmp_path / "bag.mcap")
    for kind in (CompressionType.ZSTD, CompressionType.LZ4):
        path = tmp_path / f"{kind.name}.mcap"
        writer = Writer(str(path), compression=kind, chunk_size=50_000)
        writer.start("ros2")
        ids = {}
        with Reader(tmp_path / "bag.mcap") as reader:
            for c, log_ns, raw in reader.messages():
                if c.topic not in ids:
                    schema = writer.register_schema(c.msgtype, "ros2msg", b"")
                    ids[c.topic] = writer.register_channel(c.topic, "cdr", schema)
                writer.add_message(ids[c.topic], log_ns, bytes(raw), log_ns)
        writer.finish()
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        source = open_source(path)
        assert 40 < len(list(source.frames())) < 80
        assert source.drops["unreadable"] >= 1


@pytest.mark.parametrize("keep", [0, 1, 8, 30, 200])
def test_a_file_of_which_nothing_is_left_is_refused(bag, keep):
    file = data_file(bag)
    file.write_bytes(file.read_bytes()[:keep])
    for path in (bag, file):
        with pytest.raises(BadSource) as refused:
            open_source(path)
        assert str(path) in sentence(refused)


def test_random_damage_never_escapes_as_another_error(bag, rng, tmp_path):
    content = data_file(bag).read_bytes()
    for i in range(8):
        damaged = bytearray(content)
        begin = int(rng.integers(0, len(content) - 4096))
        damaged[begin : begin + 4096] = rng.integers(0, 256, 4096).astype("u1").tobytes()
        path = tmp_path / f"damaged{i}{data_file(bag).suffix}"
        path.write_bytes(damaged)
        try:
            source = open_source(path)
            frames = list(source.frames())
        except BadSource:
            continue
        finally:
            path.unlink()
        assert all(f.stamp_ns > 0 for f in frames)


def test_a_damaged_page_in_sqlite_loses_only_the_messages_on_it(tmp_path, make, rng):
    write_bag(make.source([make.frame(i, rng) for i in range(N)]), tmp_path / "bag", "sqlite3")
    file = data_file(tmp_path / "bag")
    content = bytearray(file.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 65536] = b"\xff" * 65536
    file.write_bytes(content)
    source = open_source(tmp_path / "bag")
    n_frames = len(list(source.frames()))
    assert 0.8 * N < n_frames < N
    assert len(source.warnings) == 1
    assert f"of {4 * N + 1} messages: damaged after message" in source.warnings[0]


def test_a_lost_metadata_file_does_not_matter(bag, make):
    whole = [f.stamp_ns for f in open_source(bag).frames()]
    for damage in (lambda p: p.write_text("rosbag2_bagfile_information: [1, {"), lambda p: p.unlink()):
        damage(bag / "metadata.yaml")
        source = open_source(bag)
        assert [f.stamp_ns for f in source.frames()] == whole
        assert "metadata.yaml is missing or damaged" in source.warnings[0]


def test_messages_that_are_not_cdr_are_refused_by_name(tmp_path, make, rng):
    write_bag(make.source([make.frame(0, rng)]), tmp_path / "bag", "sqlite3")
    import apsw

    connection = apsw.Connection(str(data_file(tmp_path / "bag")))
    connection.execute("UPDATE topics SET serialization_format = 'rot13'")
    connection.close()
    path = tmp_path / "bag" / "metadata.yaml"
    path.write_text(path.read_text().replace("serialization_format: cdr", "serialization_format: rot13"))
    with pytest.raises(BadSource, match="rot13"):
        open_source(tmp_path / "bag")


def test_the_name_of_a_folder_says_nothing_about_its_kind(mcap, tmp_path):
    mcap.rename(tmp_path / "kitchen.v1.bag")
    source = open_source(tmp_path / "kitchen.v1.bag")
    assert len(list(source.frames())) == N
    assert source.name == "kitchen.v1.bag"


def test_a_bag_of_a_future_version_is_opened_by_its_files(mcap):
    content = yaml.safe_load((mcap / "metadata.yaml").read_text())
    content["rosbag2_bagfile_information"]["version"] = 99
    (mcap / "metadata.yaml").write_text(yaml.safe_dump(content))
    assert len(list(open_source(mcap).frames())) == N


def test_camera_info_missing_from_a_bag_is_said(tmp_path, make, bags):
    bags.write2(tmp_path / "bag", make.rows(3, info=False))
    with pytest.raises(BadSource, match=r"no topic with CameraInfo \(or give intrinsics\); name it with info_topic"):
        open_source(tmp_path / "bag")
    assert len(list(open_source(tmp_path / "bag", intrinsics="30,30,15.5,11.5").frames())) == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bags/foxglove_rosbag1/empty-file.bag", r"empty \(0 bytes\)"),
        ("bags/foxglove_rosbag1/no-messages.bag", "no messages"),
        ("bags/foxglove_rosbag1/example.bag", "no topic with depth images"),
        ("bags/foxglove_rosbag1/example-lz4.bag", "no topic with depth images"),
        ("bags/foxglove_rosbag1/example-bz2.bag", "no topic with depth images"),
        ("bags/rosbag1_min/test_bag.bag", "no topic with depth images"),
        ("bags/rosbag2/ros2bag/test/resources/empty_bag", "no messages"),
        ("bags/evo/tf_example", "no topic with depth images"),
        ("bags/plotjuggler/rosbag2_test", "no topic with depth images"),
        ("bags/mcap/custom-camera-model.mcap", "no topic with|serialised as cdr"),
        ("bags/mcap/example_logs.mcap", "no topic with|serialised as cdr|no messages"),
        (f"{ROSBAG2}/mcap/wbag", "no topic with depth images"),
        (f"{ROSBAG2}/sqlite3/wbag", "no topic with depth images"),
        (f"{ROSBAG2}/mcap/reindex_test_bags/multiple_files", "no topic with depth images"),
        (f"{ROSBAG2}/sqlite3/reindex_test_bags/multiple_files", "no topic with depth images"),
    ],
)
def test_bags_of_others_without_a_camera_are_answered_in_one_sentence(shared_data, tmp_path, name, message):
    original = shared_data(name)
    copy = tmp_path / original.name
    if original.is_dir():
        shutil.copytree(original, copy)
    else:
        shutil.copy(original, copy)
    with pytest.raises(BadSource, match=message) as refused:
        open_source(copy)
    assert str(copy) in sentence(refused)


def test_a_torn_bag_of_ros_1_names_the_remedy(tmp_path, make, bags):
    bags.write1(tmp_path / "one.bag", make.rows(20))
    content = (tmp_path / "one.bag").read_bytes()
    for keep in (5, 100, len(content) // 2, len(content) - 10):
        (tmp_path / "torn.bag").write_bytes(content[:keep])
        with pytest.raises(BadSource, match="reindex") as refused:
            open_source(tmp_path / "torn.bag")
        sentence(refused)


def test_a_hostile_message_is_counted_and_the_rest_goes_on(tmp_path, make, bags):
    from rosbags.rosbag2 import StoragePlugin, Writer

    rows = make.rows(5)
    with Writer(tmp_path / "bag", version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {}
        for i, (topic, kind, log_ns, message) in enumerate(rows):
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=bags.ros2)
            data = bytes(bags.ros2.serialize_cdr(bags._typed(bags.ros2, kind, message), kind))
            if i == 8:
                data = data[:4] + b"\xff" * 8  # a transform list that says it has 4 billion entries
            if i == 14:
                data = data[:-200]
            writer.write(connections[topic], log_ns, data)
    source = open_source(tmp_path / "bag")
    assert len(list(source.frames())) == 4
    assert source.drops["bad_message"] == 2
