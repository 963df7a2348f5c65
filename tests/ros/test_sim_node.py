# SPDX-License-Identifier: Apache-2.0
"""A simulator as a robot: it publishes like one, does what it is told, and ends cleanly."""

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from memory_core.errors import BadQuestion, BadSettings
from memory_core.memory import Memory

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"sim.width": 64, "sim.height": 48, "rate": 20.0}
TOPICS = ("rgb", "depth", "instances", "camera_info", "odom", "/tf", "/clock", "instance_labels", "/tolman_sim/result")
STOP_S = 15.0


@pytest.fixture
def robot(graph):
    """Returns a function: parameters by name -> the simulator's node, served; `.end()` stops it and waits."""
    from rclpy.parameter import Parameter

    from memory_nodes.sim_node import SimNode

    def start(**given):
        overrides = [Parameter(name.replace("__", "."), value=value) for name, value in (SMALL | given).items()]
        node = SimNode(context=graph.context(), parameter_overrides=overrides)
        node.end = graph([node])
        return node

    return start


@pytest.fixture
def heard(probe):
    """What a subscriber hears: topic to its messages."""
    from nav_msgs.msg import Odometry
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from rosgraph_msgs.msg import Clock
    from sensor_msgs.msg import CameraInfo, Image
    from std_msgs.msg import String
    from tf2_msgs.msg import TFMessage

    kinds = (Image, Image, Image, CameraInfo, Odometry, TFMessage, Clock, String, String)
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    messages = {topic: [] for topic in TOPICS}
    for topic, kind in zip(TOPICS, kinds, strict=True):
        qos = latched if topic == "instance_labels" else QoSProfile(depth=100)
        probe.create_subscription(kind, topic, messages[topic].append, qos)
    return messages


@pytest.fixture
def tell(probe, heard, wait_until):
    """Returns a function: publish a message on a topic once somebody listens -> the result that follows."""

    def publish(message, topic):
        publisher = probe.create_publisher(type(message), topic, 10)
        # Who tells results must have found who waits for one, too.
        wait_until(lambda: publisher.get_subscription_count() and heard["odom"], f"the robot listens to {topic}")
        wait_until(lambda: probe.count_publishers("/tolman_sim/result"), "the robot tells results")
        publisher.publish(message)

    return publish


@pytest.fixture
def ask(tell, heard, wait_until):
    """Returns a function: publish a message -> the next result."""

    def send(message, topic):
        results = heard["/tolman_sim/result"]
        before = len(results)
        tell(message, topic)
        wait_until(lambda: len(results) > before, "a result", 60)
        return json.loads(results[before].data)

    return send


@pytest.fixture
def act(ask):
    from std_msgs.msg import String

    return lambda **fields: ask(String(data=json.dumps(fields)), "/tolman_sim/act")


def stamp_of(message):
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec


def place(odometry):
    from memory_nodes.sim_messages import yaw_of

    pose = odometry.pose.pose
    return np.array([pose.position.x, pose.position.y]), yaw_of(pose.orientation)


def links(message):
    """Child frame to (parent frame, T_parent_child) of a TFMessage."""
    from memory_core.geometry import pose_matrix

    made = {}
    for link in message.transforms:
        t, q = link.transform.translation, link.transform.rotation
        made[link.child_frame_id] = (link.header.frame_id, pose_matrix((t.x, t.y, t.z), (q.x, q.y, q.z, q.w)))
    return made


def goal(x, y, yaw_rad=0.0, frame="map"):
    from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion
    from std_msgs.msg import Header

    orientation = Quaternion(z=math.sin(yaw_rad / 2), w=math.cos(yaw_rad / 2))
    return PoseStamped(header=Header(frame_id=frame), pose=Pose(position=Point(x=x, y=y), orientation=orientation))


def twist(ahead=0.0, turn=0.0):
    from geometry_msgs.msg import Twist, Vector3

    return Twist(linear=Vector3(x=ahead), angular=Vector3(z=turn))


def test_it_publishes_what_the_simulator_sees_from_where_it_is(robot, heard, wait_until):
    import sim

    robot()
    wait_until(lambda: all(heard[topic] for topic in TOPICS[:8]), "every topic")
    common = set.intersection(*({stamp_of(m) for m in heard[topic]} for topic in ("rgb", "depth", "instances", "odom")))
    wait_until(lambda: heard["/tf"], "transforms")
    expected = sim.make("house", width=64, height=48).observe()
    stamp_ns = min(common)
    at = {topic: next(m for m in heard[topic] if stamp_of(m) == stamp_ns) for topic in ("rgb", "depth", "instances")}

    assert bytes(at["rgb"].data) == expected.rgb.tobytes()
    assert bytes(at["depth"].data) == expected.depth.tobytes()
    assert bytes(at["instances"].data) == expected.instance_ids.astype("<i4").tobytes()
    assert heard["camera_info"][0].k.tolist() == expected.K.reshape(9).tolist()
    named = json.loads(heard["instance_labels"][0].data)
    assert {int(key): label for key, label in named.items()} == dict(expected.instance_labels)
    tree = links(heard["/tf"][0])
    T = np.eye(4)
    for child, parent in (("odom", "map"), ("base_link", "odom"), ("camera_optical", "base_link")):
        assert tree[child][0] == parent
        T = T @ tree[child][1]
    np.testing.assert_allclose(T, expected.T_world_cam, atol=1e-9)
    assert at["rgb"].header.frame_id == at["depth"].header.frame_id == "camera_optical"


def test_time_passes_step_by_step_also_when_nothing_is_asked_for(robot, heard, wait_until):
    robot(sim__step_s=0.05)
    wait_until(lambda: len(heard["/clock"]) > 10, "time passes")
    times = [message.clock.sec * 1_000_000_000 + message.clock.nanosec for message in heard["/clock"]]

    assert set(np.diff(times)) == {50_000_000}


def test_velocities_move_it_until_they_are_not_repeated(robot, heard, tell, wait_until):
    robot(cmd_vel_timeout_s=1.0)
    wait_until(lambda: heard["odom"], "odometry")
    _, yaw = place(heard["odom"][0])
    tell(twist(turn=0.5), "cmd_vel")
    wait_until(lambda: place(heard["odom"][-1])[1] != yaw, "it turns")
    wait_until(
        lambda: len(heard["odom"]) > 3 and place(heard["odom"][-1])[1] == place(heard["odom"][-4])[1], "it stops"
    )
    _, turned = place(heard["odom"][-1])
    fastest = max(abs(message.twist.twist.angular.z) for message in heard["odom"])

    assert (turned - yaw) % (2 * math.pi) == pytest.approx(0.5, abs=1e-6)
    assert fastest == pytest.approx(0.5, abs=1e-6)


def test_a_bump_ends_driving_and_is_told(robot, heard, ask):
    robot(cmd_vel_timeout_s=60.0)
    result = ask(twist(ahead=2.0), "cmd_vel")

    assert (result["action"], result["ok"]) == ("cmd_vel", False)
    assert "blocked by a wall or furniture" in result["error"]


def test_it_walks_to_a_goal_and_looks_where_the_goal_looks(robot, heard, ask, wait_until):
    node = robot()
    spots = np.array(node._robot._sim.reachable())
    wait_until(lambda: heard["odom"], "odometry")
    start, _ = place(heard["odom"][0])
    far = spots[np.argmin(np.abs(np.linalg.norm(spots - start, axis=1) - 2.0))]
    result = ask(goal(*far.tolist(), yaw_rad=1.0), "goal_pose")
    wait_until(lambda: stamp_of(heard["odom"][-1]) >= result["stamp_ns"], "the last step")
    there, yaw = place(heard["odom"][-1])

    assert result["ok"], result
    assert math.dist(there, far) <= node.settings.goal_tolerance_m + 0.125
    assert yaw == pytest.approx(1.0, abs=0.02)


def test_another_order_ends_a_walk(robot, heard, tell, ask, wait_until):
    node = robot(rate=2.0)
    spots = np.array(node._robot._sim.reachable())
    wait_until(lambda: heard["odom"], "odometry")
    start, _ = place(heard["odom"][0])
    far = spots[np.argmax(np.linalg.norm(spots - start, axis=1))]
    tell(goal(*far.tolist()), "goal_pose")
    wait_until(lambda: math.dist(place(heard["odom"][-1])[0], start) > 0.1, "it walks")
    result = ask(twist(), "cmd_vel")

    assert result["error"] == "another order came"
    assert result["action"] == "goal_pose"


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (lambda: goal(1.0, 1.0, frame="odom"), "want a goal in frame 'map', got 'odom'"),
        (lambda: goal(math.nan, 1.0), "want a finite goal"),
    ],
)
def test_a_goal_that_is_none_is_refused(message, error, robot, ask):
    robot()

    assert error in ask(message(), "goal_pose")["error"]


def test_actions_are_done_by_name_and_their_results_carry_their_id(robot, act, heard):
    robot()
    looked = act(id="a", action="LookDown", angle_deg=30)
    blocked = act(id=7, action="MoveAhead", distance_m=10.0)
    unknown = act(id=[8], action="PickupObject", instance=999_999)

    assert (looked["id"], looked["action"], looked["ok"], looked["error"]) == ("a", "LookDown", True, "")
    assert (blocked["id"], blocked["ok"]) == (7, False)
    assert (unknown["id"], unknown["error"]) == ([8], "there is no instance 999999")
    assert looked["stamp_ns"] < blocked["stamp_ns"]


def test_a_thing_is_picked_up_by_its_number_in_the_instance_image(robot, act):
    node = robot()
    simulator = node._robot._sim
    thing = next(thing for thing in simulator.objects() if thing.pickupable)
    result = act(action="PickupObject", instance=thing.instance_id)

    # Out of reach or not: the refusal is about the very thing.
    assert result["ok"] or thing.label in result["error"].lower()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "want JSON"),
        ("[1]", "want JSON"),
        ("[" * 100_000, "want JSON"),
        ('{"action": "Fly"}', "action: want one of MoveAhead"),
        ('{"action": ["Fly"]}', "action: want one of MoveAhead"),
        ('{"action": "Done", "speed": 3}', "with any of id, action"),
        ('{"action": "PickupObject", "uid": 3}', "want a text as uid"),
        ('{"action": "MoveAhead", "distance_m": NaN}', "distance_m: want a finite number"),
        ('{"action": "Teleport", "pose": [1, 2]}', "pose: want"),
    ],
)
def test_what_is_no_action_is_refused_in_one_sentence(text, message):
    from memory_nodes.sim_orders import act_from

    with pytest.raises(BadQuestion, match="^[^\n]*" + message.replace("[", r"\[")):
        act_from(text)


def test_the_robot_takes_the_next_order_after_a_bad_one(robot, ask, act):
    from std_msgs.msg import String

    robot()

    assert "want JSON" in ask(String(data="{"), "/tolman_sim/act")["error"]
    assert act(action="Done")["ok"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"simulator": "unreal"}, "parameter simulator: want one of house, ai2thor, habitat, got 'unreal'"),
        ({"speed": 1.0}, "unknown parameter speed"),
        ({"sim.width": 3}, r"parameter sim\.width: want"),
    ],
)
def test_a_wrong_parameter_is_refused(given, message, robot):
    with pytest.raises(BadSettings, match=message):
        robot(**given)


def test_ai2thor_is_a_robot_too(robot, heard, act, wait_until):
    pytest.importorskip("ai2thor")
    from sim.thor.standin import command

    robot(simulator="ai2thor", ai2thor__executable=command(), rate=1.0)
    wait_until(lambda: all(heard[topic] for topic in TOPICS[:8]), "every topic")
    before = place(heard["odom"][0])[1]

    assert act(action="RotateLeft", angle_deg=30)["ok"]
    wait_until(lambda: place(heard["odom"][-1])[1] != before, "it has turned")
    assert (place(heard["odom"][-1])[1] - before) % (2 * math.pi) == pytest.approx(math.radians(30), abs=1e-3)


def test_a_simulator_that_ends_by_itself_ends_the_node_with_its_reason(robot, wait_until, monkeypatch):
    from memory_core.errors import BackendUnavailable

    node = robot()

    def dead(action):
        raise BackendUnavailable("the simulator is gone")

    monkeypatch.setattr(node._robot._sim, "step", dead)
    wait_until(lambda: node._robot.failure, "the failure is noticed")

    with pytest.raises(BackendUnavailable, match="the simulator is gone"):
        node._check()
    node._robot._thread.join(5)
    assert not node._robot._thread.is_alive()


def test_what_the_robot_has_seen_is_remembered_and_it_goes_there_when_told_in_words(
    robot, graph, ask, act, tmp_path, wait_until
):
    from rclpy.parameter import Parameter
    from std_msgs.msg import String

    from memory_nodes.bringup import nodes

    given = {"memory_dir": str(tmp_path / "m"), "use_instances": True, "commit_period_s": 0.2}
    made = nodes(context=graph.context(), parameter_overrides=[Parameter(k, value=v) for k, v in given.items()])
    end, memory = graph(made), made[-1]
    robot(rate=2.0, sim__width=160, sim__height=120)
    for _ in range(12):
        assert act(action="RotateLeft", angle_deg=30)["ok"]
    wait_until(lambda: memory.counts["frames mapped"] >= 12, "what was seen is mapped", 60)
    memory._worker.save().result(60)
    walked = ask(String(data="go to the sofa"), "/tolman_planner/goal_text")
    end()

    assert (walked["action"], walked["ok"]) == ("goal_pose", True), walked
    with Memory.open(tmp_path / "m", read_only=True) as stored:
        assert stored.verify().problems == []
        assert "sofa" in {instance.label for instance in stored.graph().instances.values()}


def test_up_with_a_simulator_is_one_process_that_ends_cleanly(tmp_path, tolman_process, heard, wait_until):
    with tolman_process("up", "--memory", tmp_path / "m", "--sim", "house") as up:
        wait_until(lambda: heard["odom"] or up.poll() is not None, "the robot is there", 200)
        wait_until(lambda: has_objects(tmp_path / "m") or up.poll() is not None, "something is remembered", 60)
        up.send_signal(signal.SIGINT)
        output, _ = up.communicate(timeout=STOP_S)

    assert up.returncode == 0, output
    assert "Traceback" not in output


def has_objects(directory):
    with Memory.open(directory, read_only=True) as memory:
        return bool(memory.graph().instances)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_executable_ends_cleanly(number, heard, wait_until):
    with executable("-p", "sim.width:=64", "-p", "sim.height:=48") as process:
        wait_until(lambda: heard["odom"] or process.poll() is not None, "the robot is there", 100)
        process.send_signal(number)
        output, _ = process.communicate(timeout=STOP_S)

    assert process.returncode == 0, output
    assert "Traceback" not in output


def test_the_executable_ends_with_one_sentence_when_ai2thor_dies(heard, wait_until):
    pytest.importorskip("ai2thor")
    psutil = pytest.importorskip("psutil")
    from sim.thor.standin import command

    build = command()
    with executable("-p", "simulator:=ai2thor", "-p", f"ai2thor.executable:='{build}'") as process:
        wait_until(lambda: heard["odom"] or process.poll() is not None, "the robot is there", 100)
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        output, _ = process.communicate(timeout=STOP_S)

    assert process.returncode == 1, output
    assert "sim_node: AI2-THOR has ended" in output
    assert "Traceback" not in output


def test_the_executable_says_in_one_sentence_why_it_cannot_start():
    with executable("-p", "scene:=none.json") as process:
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 2, output
    assert "sim_node: " in output
    assert "none.json" in output


def executable(*parameters):
    code = "from memory_nodes.cli import sim_node; sim_node()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "--ros-args", *parameters],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=dict(os.environ),
    )  # fmt: skip


def test_a_scene_without_a_simulator_is_refused(capsys):
    from memory_app.cli import main

    with pytest.raises(SystemExit) as end:
        main(["up", "--scene", "x.json"])

    assert end.value.code == 2
    assert "say which, e.g. --sim house" in capsys.readouterr().err


def test_the_parameter_file_has_every_parameter_and_both_nodes_read_it(graph, tmp_path):
    from memory_nodes.memory_node import MemoryNode
    from memory_nodes.parameters import as_yaml
    from memory_nodes.sim_node import SimNode
    from memory_nodes.sim_settings import SECTIONS

    stored = (ROOT / "config" / "sim.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(stored)
    assert stored.endswith(as_yaml(SECTIONS).removeprefix("/**:"))
    content["/**/tolman_sim"]["ros__parameters"] |= SMALL
    content["/**/tolman"]["ros__parameters"]["memory_dir"] = str(tmp_path / "m")
    path = tmp_path / "sim.yaml"
    path.write_text(yaml.safe_dump(content))

    for namespace in ("/", "/robot1"):
        context = graph.context("--ros-args", "-r", f"__ns:={namespace}", "--params-file", str(path))
        simulator, memory = SimNode(context=context), MemoryNode(context=context)
        try:
            assert simulator.get_namespace() == namespace
            assert simulator.settings.rate == SMALL["rate"]
            assert memory.settings.use_instances
        finally:
            for node in (simulator, memory):
                node.close()
                node.destroy_node()
            memory.input.destroy_node()


def test_a_namespace_holds_all_topics_but_time_and_transforms(graph):
    from memory_nodes.sim_node import SimNode

    node = SimNode(context=graph.context("--ros-args", "-r", "__ns:=/robot1", "-p", "sim.width:=32"))
    try:
        names = {publisher.topic_name for publisher in node.publishers}
    finally:
        node.close()
        node.destroy_node()

    assert {"/robot1/rgb", "/robot1/odom", "/robot1/tolman_sim/result", "/tf", "/clock"} <= names


def test_the_documentation_lists_every_parameter_of_the_node():
    from memory_nodes.sim_settings import SECTIONS

    text = (ROOT / "docs" / "ros.md").read_text(encoding="utf-8")

    for spec in SECTIONS[0].fields():
        assert f"`{spec.name}`" in text, spec.name
