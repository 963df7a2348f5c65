# SPDX-License-Identifier: Apache-2.0
"""`tolman play`: what is in a bag comes out on its topics, all of it, at its pace."""

import os
import threading
from pathlib import Path

import pytest

import recordings
from memory_core.errors import BadSource

RGB, DEPTH = "/camera/color/image_raw", "/camera/depth/image_raw"


class Frames:
    """A source of frames that are there."""

    def __init__(self, frames):
        self.kept, self.n_frames, self.name, self.drops = frames, len(frames), "room", {}

    def frames(self, start=0):
        yield from self.kept[start:]


@pytest.fixture(scope="session")
def bag(room_frames, tmp_path_factory):
    path = tmp_path_factory.mktemp("bag") / "room.mcap"
    recordings.write_bag(Frames(room_frames), path)
    return path


@pytest.fixture
def heard(probe):
    """What a subscriber hears: topic to its messages."""
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from rosgraph_msgs.msg import Clock
    from sensor_msgs.msg import CameraInfo, Image
    from std_msgs.msg import String
    from tf2_msgs.msg import TFMessage

    kinds = {
        RGB: Image, DEPTH: Image, "/camera/instances": Image, "/camera/color/camera_info": CameraInfo,
        "/tf": TFMessage, "/clock": Clock, "/camera/instance_labels": String,
    }  # fmt: skip
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    messages = {topic: [] for topic in kinds}
    for topic, kind in kinds.items():
        qos = latched if topic.endswith("labels") else QoSProfile(depth=200)
        probe.create_subscription(kind, topic, messages[topic].append, qos)
    return messages


@pytest.fixture
def play(graph):
    """Returns a function: bag and options -> the player, after it has played."""
    from memory_nodes.player import Player, PlayOptions
    from memory_nodes.runtime import ServedNode

    made = []

    def run(bag, *, stop=None, progress=None, **options):
        node = ServedNode("player", context=graph.context())
        made.append(node)
        player = Player(node, bag, PlayOptions(**{"rate": 20.0, **options}), reports.append)
        player.play(stop or threading.Event(), progress)
        return player

    reports = run.reports = []
    yield run
    for node in made:
        node.destroy_node()


def stamp_of(message):
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec


def test_every_message_arrives_in_order_with_the_bytes_that_were_recorded(bag, heard, play, room_frames, wait_until):
    player = play(bag)
    every = [RGB, DEPTH, "/tf", "/camera/instances", "/camera/color/camera_info"]
    wait_until(lambda: all(len(heard[topic]) >= len(room_frames) for topic in every), "all messages")

    assert [stamp_of(message) for message in heard[RGB]] == [frame.stamp_ns for frame in room_frames]
    assert bytes(heard[RGB][7].data) == room_frames[7].rgb.tobytes()
    assert {len(heard[topic]) for topic in every} == {len(room_frames)}
    assert len(heard["/camera/instance_labels"]) == 1
    assert player.n_published == 5 * len(room_frames) + 2
    assert player.skipped == {}


def test_the_clock_goes_before_each_message_and_never_back(bag, heard, play, room_frames, wait_until):
    def times():
        return [message.clock.sec * 1_000_000_000 + message.clock.nanosec for message in heard["/clock"]]

    play(bag)
    wait_until(lambda: times()[-1:] == [room_frames[-1].stamp_ns], "the last time")

    assert times() == sorted(times())


def test_only_the_topics_that_were_asked_for_are_played(bag, heard, play, room_frames, wait_until):
    play(bag, topics=(DEPTH,))
    wait_until(lambda: len(heard[DEPTH]) == len(room_frames), "all depth images")

    assert not heard[RGB]


def test_what_is_latched_comes_also_from_before_the_start_offset(bag, heard, play, room_frames, wait_until):
    play(bag, start_offset_s=1.0)
    wait_until(lambda: heard[DEPTH] and heard["/camera/instance_labels"], "images and names")
    late = [frame.stamp_ns for frame in room_frames if frame.stamp_ns >= room_frames[0].stamp_ns - 1 + 1_000_000_000]
    wait_until(lambda: len(heard[DEPTH]) == len(late), "the rest of the images")

    assert [stamp_of(message) for message in heard[DEPTH]] == late


def test_a_loop_begins_again_until_it_is_stopped(bag, heard, play, room_frames):
    stop = threading.Event()
    begun, before = [], [0.0]

    def progress(done_s, _):
        if done_s < before[0]:
            begun.append(done_s)
        before[0] = done_s
        if len(begun) > 1:
            stop.set()

    player = play(bag, loop=True, stop=stop, progress=progress, rate=100.0)

    assert len(begun) > 1
    assert player.n_published > 2 * 5 * len(room_frames)


def test_without_subscribers_it_says_so_and_plays_all_the_same(bag, play, room_frames):
    player = play(bag, wait_s=0.1, rate=100.0)

    assert player.n_published == 5 * len(room_frames) + 2
    assert play.reports == ["no subscriber within 0.1 s; playing all the same"]


def test_a_type_that_is_not_installed_is_named_and_skipped(bag, play, monkeypatch, room_frames):
    monkeypatch.setitem(__import__("sys").modules, "tf2_msgs.msg", None)
    player = play(bag, wait_s=0.0, rate=100.0)

    assert player.skipped == {"/tf": "tf2_msgs/msg/TFMessage"}
    assert "/tf is not played: its type tf2_msgs/msg/TFMessage is not installed" in play.reports


def test_a_topic_that_is_not_there_is_refused_with_those_that_are(bag, play):
    with pytest.raises(BadSource, match=rf"no topic /rgb; it has .*{RGB}"):
        play(bag, topics=("/rgb",))


def test_an_offset_beyond_the_end_is_refused(bag, play):
    with pytest.raises(BadSource, match=r"it lasts 2\.6 s, less than the start offset"):
        play(bag, start_offset_s=60.0, wait_s=0.0)


def missing(path, bag):
    return path / "none.mcap"


def empty(path, bag):
    path.joinpath("empty.mcap").write_bytes(b"")
    return path / "empty.mcap"


def noise(path, bag):
    path.joinpath("noise.db3").write_bytes(bytes(range(256)) * 64)
    return path / "noise.db3"


def a_folder(path, bag):
    return path


@pytest.mark.parametrize("broken", [missing, empty, noise, a_folder])
def test_a_bag_that_cannot_be_read_is_refused_in_one_sentence(broken, bag, play, tmp_path):
    path = broken(tmp_path, bag)
    with pytest.raises(BadSource) as caught:
        play(path)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_torn_bag_is_played_as_far_as_it_goes_and_that_is_said(bag, play, tmp_path, room_frames):
    torn = tmp_path / "torn.mcap"
    torn.write_bytes(bag.read_bytes()[: os.path.getsize(bag) // 2])
    player = play(torn, wait_s=0.0, rate=100.0)

    assert len(room_frames) < player.n_published < 4 * len(room_frames)
    assert f"recovered {player.n_published} messages" in play.reports[0]


def test_ros_1_bags_are_played_as_ros_2_messages(play, shared_data, wait_until, probe):
    from memory_nodes.player import message_class
    from recordings.bag_reader import BagReader

    bag = next(
        path for path in sorted(Path(shared_data("bags/rosbag1_min")).rglob("*.bag")) if path.stat().st_size < 1e7
    )
    topic = next(topic for topic in BagReader(bag).topics.values() if message_class(topic.msgtype))
    messages = []
    probe.create_subscription(message_class(topic.msgtype), topic.name, messages.append, 1000)
    play(bag, topics=(topic.name,), rate=1000.0)

    wait_until(lambda: len(messages) == topic.count, "all messages")


def test_a_publisher_of_images_gets_room_for_more_than_one(monkeypatch):
    from xml.etree import ElementTree

    from memory_nodes import transport

    for name in transport._CHOSEN_OTHERWISE:
        monkeypatch.delenv(name, raising=False)
    with transport.room_for_images():
        profile = ElementTree.parse(os.environ[transport._variable()])
        size = next(element for element in profile.iter() if element.tag.endswith("segment_size"))
        assert int(size.text) > 10 * 640 * 480 * 3

    assert transport._variable() not in os.environ


def test_transports_that_the_environment_chooses_are_respected(monkeypatch):
    from memory_nodes import transport

    monkeypatch.setenv("FASTDDS_BUILTIN_TRANSPORTS", "UDPv4")
    with transport.room_for_images():
        assert transport._variable() not in os.environ
