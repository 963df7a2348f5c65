# SPDX-License-Identifier: Apache-2.0
"""The live node, in this process, fed through real topics."""

import json
from dataclasses import replace

import numpy as np
import pytest

from memory_core.errors import BackendUnavailable, BadQuestion, BadSettings, MemoryLocked
from memory_core.memory import Memory


@pytest.fixture
def tolman(graph, tmp_path):
    """Returns a function: parameters by name -> the memory node, served; `.end()` stops it and waits."""
    from rclpy.parameter import Parameter

    from memory_nodes.bringup import nodes

    def start(**parameters):
        given = {"memory_dir": str(tmp_path / "memory"), "use_instances": True, "commit_period_s": 0.2, **parameters}
        overrides = [Parameter(name.replace("__", "."), value=value) for name, value in given.items()]
        made = nodes(context=graph.context(), parameter_overrides=overrides)
        made[-1].end = graph(made)
        return made[-1]

    return start


@pytest.fixture
def camera(probe):
    """A robot's camera: publishes frames as messages, with its pose on /tf."""
    return Camera(probe)


class Camera:
    def __init__(self, node):
        from geometry_msgs.msg import TransformStamped
        from rclpy.qos import DurabilityPolicy, QoSProfile
        from sensor_msgs.msg import CameraInfo, Image
        from std_msgs.msg import String
        from tf2_msgs.msg import TFMessage

        self.types = {"image": Image, "info": CameraInfo, "transform": TransformStamped, "tf": TFMessage}
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        qos = {"instance_labels": latched}
        kinds = {"rgb": Image, "depth": Image, "instances": Image, "camera_info": CameraInfo, "tf": TFMessage}
        kinds["instance_labels"] = String
        topics = {name: "/tf" if name == "tf" else name for name in kinds}
        self.out = {name: node.create_publisher(kinds[name], topics[name], qos.get(name, 100)) for name in kinds}
        self.String = String

    @property
    def is_heard(self):
        return all(publisher.get_subscription_count() for publisher in self.out.values())

    def publish(self, frame, *, without=(), **changed):
        """Publish one frame: first its pose, then its images; `changed` replaces fields of the image messages."""
        for name, message in self.messages(frame).items():
            for key, value in changed.get(name, {}).items():
                setattr(message, key, value)
            if name not in without:
                self.out[name].publish(message)

    def messages(self, frame):
        from memory_nodes.convert import header

        about = header("camera_optical", frame.stamp_ns)
        info = self.types["info"](header=about, height=frame.depth.shape[0], width=frame.depth.shape[1])
        info.k = frame.K.reshape(9).tolist()
        labels = json.dumps({str(key): label for key, label in frame.instance_labels.items()})
        return {
            "tf": self.transform(frame),
            "camera_info": info,
            "instance_labels": self.String(data=labels),
            "instances": self.image(about, frame.instance_ids, "32SC1"),
            "rgb": self.image(about, frame.rgb, "rgb8"),
            "depth": self.image(about, frame.depth, "32FC1"),
        }

    def transform(self, frame):
        from memory_core.geometry import quaternion_from_matrix
        from memory_nodes.convert import header

        message = self.types["transform"](header=header("map", frame.stamp_ns), child_frame_id="camera_optical")
        t, q = message.transform.translation, message.transform.rotation
        t.x, t.y, t.z = frame.T_world_cam[:3, 3].tolist()
        q.x, q.y, q.z, q.w = quaternion_from_matrix(frame.T_world_cam[:3, :3]).tolist()
        return self.types["tf"](transforms=[message])

    def image(self, about, pixels, encoding):
        height, width = pixels.shape[:2]
        message = self.types["image"](header=about, height=height, width=width, encoding=encoding)
        message.step = pixels.nbytes // height
        message.data = np.ascontiguousarray(pixels).tobytes()
        return message


@pytest.fixture
def feed(camera, wait_until):
    """Returns a function: publish frames no faster than the node takes them."""

    def publish(node, frames, **options):
        before = node.counts["received: depth"]
        for i, frame in enumerate(frames):
            camera.publish(frame, **options)
            wait_until(lambda: node.counts["received: depth"] + 10 > before + i, "the node takes the images")  # noqa: B023

    return publish


@pytest.fixture
def seen(tolman, camera, feed, room_frames, wait_until):
    """The node after it has seen the whole room, all of it committed."""
    node = tolman()
    wait_until(lambda: camera.is_heard, "the node subscribes the camera")
    feed(node, room_frames)
    wait_until(lambda: node.counts["frames mapped"] == len(room_frames), "all frames are mapped", 120)
    node._worker.save().result(10)
    return node


def listen(probe, kind, topic, qos=10):
    heard = []
    probe.create_subscription(kind, topic, heard.append, qos)
    return heard


def call(probe, wait_until, kind, name, request):
    client = probe.create_client(kind, name)
    wait_until(client.service_is_ready, f"{name} is there")
    future = client.call_async(request)
    wait_until(future.done, f"{name} answers")
    return future.result()


def test_what_the_camera_sees_is_in_the_memory_and_nothing_is_lost(seen, room_frames, tmp_path):
    assert seen.input.drops == {}
    seen.end()

    with Memory.open(tmp_path / "memory", read_only=True) as memory:
        assert memory.info()["frames"] == len(room_frames)
        assert {instance.label for instance in memory.graph().instances.values()} == {"sofa", "chair", "mug"}


def test_service_topic_and_memory_give_the_same_answer(seen, probe, wait_until):
    from std_msgs.msg import String

    from tolman_msgs.srv import Query

    text = "where is the mug?"
    heard = listen(probe, String, "tolman/answer")
    ask = probe.create_publisher(String, "tolman/question", 10)
    wait_until(lambda: ask.get_subscription_count() and probe.count_publishers("tolman/answer"), "the topics are there")
    ask.publish(String(data=json.dumps({"id": "a1", "text": text})))
    wait_until(lambda: heard, "an answer on the topic")
    by_topic = json.loads(heard[0].data)
    by_service = call(probe, wait_until, Query, "tolman/query", Query.Request(text=text))
    known = seen.memory.ask(text)

    assert by_topic["id"] == "a1"
    assert by_topic["ok"]
    assert by_service.success
    assert by_topic["answer"]["status"] == by_service.status == known.status
    assert by_topic["answer"]["text"] == by_service.text == known.text
    assert [r.id for r in by_service.results] == [r["id"] for r in by_topic["answer"]["results"]]
    for message, result in zip(by_service.results, known.results, strict=True):
        position = message.position
        assert (position.x, position.y, position.z) == pytest.approx(result.position)
        assert message.label == result.label
        assert len(message.evidence) == len(result.evidence)


def test_a_structured_query_is_the_question_of_its_fields(seen, probe, wait_until):
    from geometry_msgs.msg import Point

    from memory_core import Question
    from tolman_msgs.srv import Query

    request = Query.Request(kind="recall", label="sofa", near=[Point(x=2.0, y=0.6, z=0.3)], within_m=1.0, limit=3)
    response = call(probe, wait_until, Query, "tolman/query", request)
    question = Question(kind="recall", label="sofa", near=(2.0, 0.6, 0.3), within_m=1.0, limit=3)

    assert response.success, response.message
    assert response.text == seen.memory.recall(question).text


def test_the_typed_query_has_every_field_of_a_question():
    from dataclasses import fields

    from memory_core import Question
    from tolman_msgs.srv import Query

    offered = {name.removesuffix("_ns") for name in Query.Request.get_fields_and_field_types()}
    assert offered == {spec.name.removesuffix("_ns") for spec in fields(Question)} | {"text"}


def test_every_field_of_a_typed_query_arrives():
    from builtin_interfaces.msg import Time
    from geometry_msgs.msg import Point

    from memory_core import Question
    from memory_nodes.convert import request_from_query
    from tolman_msgs.srv import Query

    times = {name: [Time(sec=number)] for number, name in enumerate(("since", "until", "as_of", "now"), start=1)}
    query = Query.Request(
        kind="near", label="mug", words=["red"], room="kitchen", reference="sofa", predicate="on",
        near=[Point(x=1.0, y=2.0, z=3.0)], within_m=0.5, limit=7, every=True, **times,
    )  # fmt: skip

    assert request_from_query(query).question == Question(
        kind="near", label="mug", words=("red",), room="kitchen", reference="sofa", predicate="on",
        near=(1.0, 2.0, 3.0), within_m=0.5, limit=7, every=True,
        since_ns=10**9, until_ns=2 * 10**9, as_of_ns=3 * 10**9, now_ns=4 * 10**9,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("where is the mug?", "want JSON such as"),
        ("[1, 2]", "want a JSON object, got list"),
        ('{"id": 7}', "want text, or question"),
        ('{"id": 7, "text": "x", "speed": 2}', "unknown speed"),
        ('{"id": 7, "text": 5}', "text: want str, got 5"),
        ('{"id": 7, "text": "x", "near": [1, 2]}', "near: want three finite metres"),
        ('{"id": 7, "text": "x", "limit": 0}', "limit: want 1 .. 1000, got 0"),
        ('{"id": 7, "question": {"kind": "why"}}', "kind: want one of where"),
        ('{"id": 7, "question": {"label": "mug"}}', "want kind and any of"),
        ("[" * 5000, "want JSON such as"),
    ],
)
def test_a_bad_request_is_answered_with_what_was_wrong(data, message):
    from memory_nodes.answers import answer_json, request_from_json, request_id

    with pytest.raises(BadQuestion, match=message) as caught:
        request_from_json(data)
    reply = json.loads(answer_json(request_id(data), caught.value))

    assert reply["ok"] is False
    assert reply["id"] == (7 if '"id": 7' in data else None)


def test_a_query_without_anything_is_refused_in_words(tolman, probe, wait_until):
    from tolman_msgs.srv import Query

    tolman()
    response = call(probe, wait_until, Query, "tolman/query", Query.Request())

    assert not response.success
    assert "kind: want one of" in response.message


def test_objects_are_drawn_with_stable_ids_also_for_who_comes_late(seen, probe, wait_until):
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from visualization_msgs.msg import Marker, MarkerArray

    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    heard = listen(probe, MarkerArray, "tolman/objects", latched)
    wait_until(lambda: heard, "the markers come")

    boxes = {m.id: m for m in heard[-1].markers if m.ns == "objects" and m.action == Marker.ADD}
    expected = seen.memory.graph().instances
    assert set(boxes) == {int(key[1:]) for key in expected}
    for instance in expected.values():
        marker = boxes[int(instance.id[1:])]
        assert (marker.scale.x, marker.scale.y, marker.scale.z) == pytest.approx(instance.box.size)
        assert marker.header.frame_id == "map"


def test_markers_of_what_is_gone_are_deleted(seen, probe, wait_until):
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from visualization_msgs.msg import Marker, MarkerArray

    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    heard = listen(probe, MarkerArray, "tolman/objects", latched)
    wait_until(lambda: heard, "the markers come")
    graph = seen.memory.graph()
    gone = next(iter(graph.instances.values()))
    seen._publish_objects(replace(graph, instances={**graph.instances, gone.id: replace(gone, state="gone")}))
    wait_until(lambda: len(heard) > 1, "the markers change")

    deleted = {(m.ns, m.id) for m in heard[-1].markers if m.action == Marker.DELETE}
    number = int(gone.id[1:])
    assert deleted == {("objects", number), ("labels", number)}


def test_an_instruction_becomes_a_plan_and_a_goal_to_drive_to(seen, probe, wait_until):
    from geometry_msgs.msg import PoseStamped
    from std_msgs.msg import String

    plans = listen(probe, String, "tolman_planner/plan")
    goals = listen(probe, PoseStamped, "goal_pose")
    say = probe.create_publisher(String, "tolman_planner/goal_text", 10)
    wait_until(lambda: say.get_subscription_count() and probe.count_publishers("goal_pose"), "the planner is there")
    say.publish(String(data="go to the sofa"))
    wait_until(lambda: plans and goals, "a plan and a goal")

    made = json.loads(plans[0].data)
    assert made["status"] == "found", made["text"]
    stand = next(step["args"]["stand"] for step in made["steps"] if "stand" in step["args"])
    position, orientation = goals[0].pose.position, goals[0].pose.orientation
    assert (position.x, position.y) == pytest.approx(tuple(stand[:2]))
    assert orientation.z**2 + orientation.w**2 == pytest.approx(1.0)
    assert goals[0].header.frame_id == "map"


def test_the_working_memory_tells_recent_things_relative_to_the_robot_and_keeps_what_the_task_is_about(
    seen, probe, wait_until
):
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from std_msgs.msg import String

    from memory_nodes.working_memory import level_base

    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    told = listen(probe, String, "tolman/working_memory", latched)
    wait_until(lambda: told, "a late listener gets what is in mind")
    things = {thing["label"]: thing for thing in json.loads(told[-1].data)["things"]}
    base = level_base(seen._T_world_cam)

    assert things
    for thing in things.values():
        in_map = base @ [*thing["relative"], 1.0]
        assert in_map[:3] == pytest.approx(thing["position"], abs=1e-6)
    assert not things["sofa"]["for_task"]

    say = probe.create_publisher(String, "tolman_planner/goal_text", 10)
    wait_until(say.get_subscription_count, "the planner is there")
    say.publish(String(data="go to the sofa"))
    wait_until(
        lambda: any(t["for_task"] and t["label"] == "sofa" for t in json.loads(told[-1].data)["things"]),
        "the sofa is kept in mind",
    )


@pytest.mark.parametrize("tilt", [0.0, 0.4, np.pi / 2])
def test_the_base_is_level_and_looks_where_the_camera_looks(tilt):
    from memory_nodes.working_memory import level_base

    yaw = 0.7
    ahead = [np.cos(yaw) * np.cos(tilt), np.sin(yaw) * np.cos(tilt), -np.sin(tilt)]
    right = [np.sin(yaw), -np.cos(yaw), 0.0]
    T_world_cam = np.eye(4)
    T_world_cam[:3, 0], T_world_cam[:3, 1], T_world_cam[:3, 2] = right, np.cross(ahead, right), ahead

    base = level_base(T_world_cam)

    assert base[:3, 0] == pytest.approx([np.cos(yaw), np.sin(yaw), 0.0])
    assert base[:3, 2] == pytest.approx([0.0, 0.0, 1.0])


def test_what_was_never_seen_has_a_plan_that_says_so_and_no_false_goal(seen, probe, wait_until):
    from std_msgs.msg import String

    plans = listen(probe, String, "tolman_planner/plan")
    say = probe.create_publisher(String, "tolman_planner/goal_text", 10)
    wait_until(say.get_subscription_count, "the planner is there")
    say.publish(String(data="go to the piano"))
    wait_until(lambda: plans, "a plan")

    assert json.loads(plans[0].data)["status"] == "not_seen"


def test_a_route_is_a_path_in_the_map_frame(seen, probe, wait_until):
    from geometry_msgs.msg import PoseStamped
    from nav_msgs.srv import GetPlan

    places = list(seen.memory.graph().places.values())
    request = GetPlan.Request(start=PoseStamped(), goal=PoseStamped())
    for stamped, place in ((request.start, places[0]), (request.goal, places[-1])):
        stamped.pose.position.x, stamped.pose.position.y, stamped.pose.position.z = place.position
    path = call(probe, wait_until, GetPlan, "tolman/get_plan", request).plan

    assert path.header.frame_id == "map"
    end = path.poses[-1].pose.position
    assert np.hypot(end.x - places[-1].position[0], end.y - places[-1].position[1]) < 0.01


def test_a_route_without_a_map_is_empty_and_the_node_lives_on(tolman, probe, wait_until):
    from nav_msgs.srv import GetPlan
    from std_srvs.srv import Trigger

    tolman()
    path = call(probe, wait_until, GetPlan, "tolman/get_plan", GetPlan.Request()).plan

    assert not path.poses
    assert call(probe, wait_until, Trigger, "tolman/save", Trigger.Request()).success


BAD = {
    "an encoding nobody knows": ({"rgb": {"encoding": "bayer?"}}, "bad_encoding"),
    "a size that the bytes do not have": ({"depth": {"height": 2**31, "width": 2**31}}, "bad_image"),
    "rows shorter than the image": ({"rgb": {"step": 5}}, "bad_image"),
    "no bytes at all": ({"depth": {"data": b""}}, "bad_image"),
    "no focal length": ({"camera_info": {"k": [0.0] * 9}}, "bad_camera_info"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_message_is_counted_and_the_next_frames_are_mapped(case, tolman, camera, room_frames, wait_until):
    node = tolman()
    wait_until(lambda: camera.is_heard, "the node subscribes the camera")
    changed, reason = BAD[case]
    camera.publish(room_frames[0], **changed)
    for frame in room_frames[1:6]:
        camera.publish(frame)

    wait_until(lambda: node.counts["frames mapped"] >= 4, f"frames are mapped, drops {node.input.drops}")
    assert node.input.drops.get(reason) == 1, node.input.drops


def test_a_pose_of_nan_is_counted_and_no_frame_is_placed_by_it(tolman, camera, room_frames, wait_until):
    node = tolman()
    wait_until(lambda: camera.is_heard, "the node subscribes the camera")
    bad = camera.transform(room_frames[0])
    bad.transforms[0].transform.translation.x = float("nan")
    camera.out["tf"].publish(bad)
    camera.publish(room_frames[0], without=("tf",))
    for frame in room_frames[1:6]:
        camera.publish(frame)

    wait_until(lambda: node.counts["frames mapped"] == 5, "the others are mapped")
    assert node.input.drops["bad_pose"] == 1


def test_without_a_transform_nothing_is_remembered(tolman, camera, feed, room_frames, wait_until):
    node = tolman()
    wait_until(lambda: camera.is_heard, "the node subscribes the camera")
    feed(node, room_frames, without=("tf",))
    wait_until(lambda: node.input.drops.get("no_pose", 0) > 5, "images are given up")

    assert node.counts["frames mapped"] == 0
    assert not node.memory.graph().instances


def placed(room_frames):
    """The frames as the input node hands them on."""
    from recordings import Identity, PlacedFrame
    from recordings.messages import ImageMessage

    def image(frame):
        return ImageMessage(frame.stamp_ns, "camera", frame.depth.shape, True, lambda: None)

    return [PlacedFrame(image(f), image(f), f.K, f.T_world_cam, Identity()) for f in room_frames]


def stamps(queue):
    return [queue.get(0.0).depth.stamp_ns for _ in range(len(queue))]


def test_a_full_queue_drops_the_oldest_frames_and_counts_them(room_frames):
    from memory_nodes.worker import FrameQueue

    queue = FrameQueue(3, 10**9)
    dropped = [queue.put(frame) for frame in placed(room_frames[:5])]

    assert dropped == [0, 0, 0, 1, 1]
    assert stamps(queue) == [frame.stamp_ns for frame in room_frames[2:5]]
    assert queue.get(0.0) is None


def test_a_queue_is_also_limited_in_bytes(room_frames):
    from memory_nodes.worker import FrameQueue

    queue = FrameQueue(100, 2 * 96 * 72 * 7)
    dropped = [queue.put(frame) for frame in placed(room_frames[:4])]

    assert dropped == [0, 0, 1, 1]
    assert stamps(queue) == [frame.stamp_ns for frame in room_frames[2:4]]


def test_when_the_clock_is_set_back_a_new_session_begins(seen, feed, room_frames, wait_until):
    earlier = [replace(frame, stamp_ns=frame.stamp_ns - 500_000_000_000) for frame in room_frames[:10]]
    feed(seen, earlier)

    wait_until(lambda: seen.counts["sessions"] == 2, "a second session")
    wait_until(lambda: seen.counts["frames mapped"] > len(room_frames), "its frames are mapped")


def test_a_recording_played_twice_is_remembered_once(seen, feed, room_frames, wait_until):
    before = seen.memory.info()
    feed(seen, room_frames)
    wait_until(lambda: seen.counts["drop: remembered already"] >= len(room_frames) - 1, "the frames are recognised")
    seen._worker.save().result(10)

    assert seen.memory.info()["digest"] == before["digest"]


def test_a_camera_that_offers_best_effort_only_is_named(tolman, probe, wait_until):
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import Image

    node = tolman()
    probe.create_publisher(Image, "rgb", qos_profile_sensor_data)

    wait_until(lambda: node.counts["incompatible qos: rgb"] >= 1, "the mismatch is noticed")


def test_best_effort_can_be_asked_for(tolman, probe, wait_until):
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import Image

    tolman(image_qos="best_effort")
    publisher = probe.create_publisher(Image, "rgb", qos_profile_sensor_data)

    wait_until(lambda: publisher.get_subscription_count() == 1, "the node matches the driver")


def test_compressed_transports_are_subscribed_beside_the_remapped_topics(graph, tmp_path):
    from rclpy.parameter import Parameter

    from memory_nodes.bringup import nodes

    overrides = [Parameter("memory_dir", value=str(tmp_path / "m")), Parameter("image_transport", value="compressed")]
    context = graph.context("--ros-args", "-r", "rgb:=/head/color", "-r", "__ns:=/robot1")
    made = nodes(context=context, parameter_overrides=overrides)
    graph(made)

    assert made[0].topics["rgb"] == "/head/color/compressed"
    assert made[0].topics["depth"] == "/robot1/depth/compressedDepth"


def test_diagnostics_name_what_is_missing(tolman, probe, wait_until):
    from diagnostic_msgs.msg import DiagnosticArray

    heard = listen(probe, DiagnosticArray, "/diagnostics")
    tolman()
    wait_until(lambda: heard, "diagnostics")

    (status,) = heard[0].status
    assert status.name == "/tolman"
    assert status.message == "waiting for rgb: nothing came on /rgb, which nobody publishes"


def test_diagnostics_tell_rates_queue_and_drops(seen, probe, wait_until):
    from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

    heard = listen(probe, DiagnosticArray, "/diagnostics")
    wait_until(lambda: heard, "diagnostics")

    (status,) = heard[-1].status
    values = {pair.key: pair.value for pair in status.values}
    assert status.level == DiagnosticStatus.OK, status.message
    assert values["frames mapped"] == "40"
    assert values["queue"] == "0 of 1000"
    assert int(values["memory [bytes]"]) > 0
    assert {"rgb [Hz]", "depth [Hz]", "last commit age [s]"} <= set(values)


def test_a_callback_that_fails_is_counted_and_the_node_goes_on(tolman, probe, wait_until, monkeypatch):
    from std_msgs.msg import String
    from std_srvs.srv import Trigger

    node = tolman()
    monkeypatch.setattr("memory_nodes.answers.answer_json", lambda *_: 1 / 0)
    ask = probe.create_publisher(String, "tolman/question", 10)
    wait_until(ask.get_subscription_count, "the topic is there")
    ask.publish(String(data="{}"))

    wait_until(lambda: node.counts["error: question"] == 1, "the failure is counted")
    assert call(probe, wait_until, Trigger, "tolman/save", Trigger.Request()).success


def test_a_failed_commit_loses_no_memory_and_mapping_goes_on(seen, camera, room_frames, wait_until, monkeypatch):
    from memory_core.errors import StorageFull

    def full(*_):
        raise StorageFull("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(seen.memory, "remember", full)
        for frame in room_frames[:5]:
            camera.publish(replace(frame, stamp_ns=frame.stamp_ns + 10_000_000_000))
        wait_until(lambda: seen.counts["error: commit"] >= 1, "the failure is counted")
    mapped = seen.counts["frames mapped"]
    for frame in room_frames[5:10]:
        camera.publish(replace(frame, stamp_ns=frame.stamp_ns + 20_000_000_000))
    wait_until(lambda: seen.counts["frames mapped"] >= mapped + 5, "mapping goes on")
    seen._worker.save().result(10)

    assert not seen.memory.verify().problems
    assert {i.label for i in seen.memory.graph().instances.values()} == {"sofa", "chair", "mug"}


def test_two_nodes_do_not_write_one_memory(tolman):
    tolman()
    with pytest.raises(MemoryLocked):
        tolman()


def test_a_wrong_parameter_does_not_leave_a_node_behind(tolman):
    with pytest.raises(BadSettings, match="queue_size: want 1"):
        tolman(queue_size=0)


def test_transforms_that_were_asked_for_need_their_type(tolman, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tf2_msgs.msg", None)

    with pytest.raises(BackendUnavailable, match=r"run tools/build_interfaces\.py"):
        tolman(input__pose_source="tf")


def test_two_robots_run_side_by_side_under_their_namespaces(graph, tmp_path, probe, wait_until):
    from rclpy.parameter import Parameter
    from std_srvs.srv import Trigger

    from memory_nodes.bringup import nodes

    for robot in ("robot1", "robot2"):
        overrides = [Parameter("memory_dir", value=str(tmp_path / robot))]
        graph(nodes(context=graph.context("--ros-args", "-r", f"__ns:=/{robot}"), parameter_overrides=overrides))

    for robot in ("robot1", "robot2"):
        assert call(probe, wait_until, Trigger, f"/{robot}/tolman/save", Trigger.Request()).success
