# SPDX-License-Identifier: Apache-2.0
"""AI2-THOR through its real client, with our stand-in as the process it drives, against the embedded house."""

import json

import numpy as np
import pytest

import sim
from memory_app.pipeline import Pipeline
from memory_core.errors import NotPossible
from memory_core.memory import Memory
from sim import Action, AgentPose
from sim.thor.standin import command

pytest.importorskip("ai2thor.controller", reason="needs the client: pip install ai2thor")

SIZE = {"width": 160, "height": 120}
WALK = [
    Action("MoveAhead"),
    Action("RotateLeft", angle_deg=20.0),
    Action("MoveAhead", distance_m=0.3),
    Action("LookDown", angle_deg=15.0),
    Action("MoveRight", distance_m=0.2),
    Action("MoveAhead", distance_m=9.0),
    Action("RotateRight", angle_deg=75.0),
    Action("LookUp", angle_deg=20.0),
    Action("Done"),
]


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    """The client writes below the home directory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


def start(scene="house", *arguments, **given):
    given = {**SIZE, "start_timeout_s": 120.0, **given}
    return sim.make("ai2thor", scene=scene, executable=command(*arguments), **given)


@pytest.fixture(scope="module")
def shared_thor():
    simulator = start()
    yield simulator
    simulator.close()


@pytest.fixture
def thor(shared_thor):
    shared_thor.reset()
    return shared_thor


@pytest.fixture
def house():
    return sim.make("house", **SIZE)


class Walk:
    """The frames of a simulator before and after each action of a script."""

    name = "walk"

    def __init__(self, simulator, script):
        self.n_frames, self.drops, self.warnings = len(script) + 1, {}, []
        self._simulator, self._script = simulator, script

    def frames(self, start=0):
        yield self._simulator.observe()
        for action in self._script:
            yield self._simulator.step(action).frame


def same_picture(a, b, house, thor):
    n = int(max(a.instance_ids.max(), b.instance_ids.max())) + 1
    names = [np.array([simulator.uid_of(i) for i in range(n)]) for simulator in (house, thor)]
    assert np.mean(names[0][a.instance_ids] != names[1][b.instance_ids]) <= 0.001
    assert np.abs(a.depth - b.depth).max() <= 0.001
    np.testing.assert_array_equal(a.rgb, b.rgb)
    np.testing.assert_allclose(a.T_world_cam, b.T_world_cam, atol=1e-9)
    np.testing.assert_array_equal(a.K, b.K)


def test_both_show_the_same_from_everywhere(thor, house, rng):
    points = house.reachable()
    for x, y in points[rng.choice(len(points), 6, replace=False)]:
        pose = AgentPose(x=float(x), y=float(y), yaw_rad=rng.uniform(-3, 3), horizon_rad=rng.uniform(-0.5, 0.9))
        results = [simulator.step(Action("Teleport", pose=pose)) for simulator in (house, thor)]
        assert [r.ok for r in results] == [True, True]
        same_picture(results[0].frame, results[1].frame, house, thor)


def test_the_same_actions_give_the_same_trajectory_and_the_same_refusals(thor, house):
    for action in WALK:
        ours, theirs = house.step(action), thor.step(action)
        assert (ours.ok, ours.error) == (theirs.ok, theirs.error)
        assert ours.frame.stamp_ns == theirs.frame.stamp_ns
        same_picture(ours.frame, theirs.frame, house, thor)
        np.testing.assert_allclose(house.T_world_base, thor.T_world_base, atol=1e-9)
        assert house.agent_pose.horizon_rad == pytest.approx(thor.agent_pose.horizon_rad)


def test_the_same_actions_give_the_same_memory(thor, house, tmp_path):
    digests = []
    for name, simulator in (("house", house), ("thor", thor)):
        with Memory.open(tmp_path / name) as memory:
            Pipeline().run(Walk(simulator, WALK), memory)
            assert memory.graph().instances
            digests.append(memory.digest())
    assert digests[0] == digests[1]


def test_both_tell_the_same_truth(thor, house):
    assert thor.rooms() == house.rooms()
    np.testing.assert_allclose(thor.reachable(), house.reachable())
    for ours, theirs in zip(house.objects(), thor.objects(), strict=True):
        np.testing.assert_allclose(ours.box.minimum, theirs.box.minimum, atol=1e-9)
        np.testing.assert_allclose(ours.box.maximum, theirs.box.maximum, atol=1e-9)
        for name in ("uid", "label", "room_id", "parent", "relation", "state", "pickupable", "receptacle", "openable",
                     "toggleable", "sliceable", "is_open", "is_on", "instance_id"):  # fmt: skip
            assert getattr(ours, name) == getattr(theirs, name), (ours.uid, name)
        assert thor.uid_of(theirs.instance_id) == theirs.uid
        assert thor.label_of(theirs.instance_id) == theirs.label


def stand_before(house, uid):
    """Go to where a thing can be seen and reached."""
    thing = house.object(uid)
    center = np.array(thing.box.center)
    points = house.reachable()
    for x, y in points[np.argsort(np.abs([thing.box.distance_m((x, y, center[2])) - 0.4 for x, y in points]))][:50]:
        way = center[:2] - (x, y)
        horizon = np.clip(np.arctan2(1.5 - center[2], np.hypot(*way)), -1.2, 1.2)
        pose = AgentPose(x=float(x), y=float(y), yaw_rad=float(np.arctan2(way[1], way[0])), horizon_rad=float(horizon))
        if house.step(Action("Teleport", pose=pose)).ok and house.sees(uid):
            return
    raise AssertionError(f"{uid} is seen from nowhere")


def test_things_are_taken_and_put_opened_and_switched_in_both_alike(thor, house):
    """Whatever the embedded house's physics says, AI2-THOR's client brings the same."""
    script = [
        ("OpenObject", "Fridge|3|1"), ("SliceObject", "Lettuce|3|1"), ("CloseObject", "Fridge|3|1"),
        ("ToggleObjectOff", "DeskLamp|4|1"), ("ToggleObjectOn", "DeskLamp|4|1"), ("SliceObject", "Mug|3|1"),
        ("PickupObject", "Mug|3|1"), ("PickupObject", "Bread|3|1"), ("PutObject", "DiningTable|3|1"),
        ("SliceObject", "Bread|3|1"), ("PickupObject", "Bread|3|1|BreadSliced_2"),
    ]  # fmt: skip
    refused = []
    for name, uid in script:
        stand_before(house, uid)
        assert thor.step(Action("Teleport", pose=house.agent_pose)).ok
        ours, theirs = (simulator.step(Action(name, uid)) for simulator in (house, thor))
        assert (ours.ok, ours.error) == (theirs.ok, theirs.error)
        assert house.held == thor.held
        states = [[(o.uid, o.label, o.state, o.is_open, o.is_on, o.parent) for o in s.objects()] for s in (house, thor)]
        assert states[0] == states[1]
        same_picture(ours.frame, theirs.frame, house, thor)
        refused += [] if ours.ok else [(name, uid)]
    assert ("SliceObject", "Mug|3|1") in refused
    assert ("PickupObject", "Bread|3|1") in refused
    assert ("PutObject", "DiningTable|3|1") not in refused
    assert len(refused) < len(script) / 2
    assert len(thor.objects()) > 101


def test_reset_loads_another_house(thor, house, shared_data):
    file = shared_data("houses/procthor_1k/train.jsonl.gz")
    for simulator in (house, thor):
        simulator.reset(f"{file}#7")
    same_picture(house.observe(), thor.observe(), house, thor)
    assert {o.uid for o in thor.objects()} == {o.uid for o in house.objects()}
    thor.reset("house")


def test_an_action_that_ai2thor_does_not_know_is_one_error_and_the_end_of_nothing(thor):
    before = thor.agent_pose
    with pytest.raises(NotPossible, match="Fly"):
        thor.step(Action("Fly"))
    assert thor.step(Action("Done")).ok
    assert thor.agent_pose == before


def test_a_scene_of_the_build_and_http_do_as_well():
    simulator = start("FloorPlan1", server="WSGI")
    try:
        house = sim.make("house", **SIZE)
        same_picture(house.observe(), simulator.observe(), house, simulator)
        assert simulator.step(Action("RotateLeft", angle_deg=30.0)).ok
        house.step(Action("RotateLeft", angle_deg=30.0))
        same_picture(house.observe(), simulator.observe(), house, simulator)
        assert [room.label for room in simulator.rooms()] == ["kitchen"]
    finally:
        simulator.close()


def test_the_unchanged_client_understands_the_stand_in():
    from ai2thor.controller import Controller

    controller = Controller(
        scene="FloorPlan1", local_executable_path=command(), x_display=":0", width=160, height=120,
        renderDepthImage=True, renderInstanceSegmentation=True, server_timeout=60, server_start_timeout=120,
    )  # fmt: skip
    try:
        event = controller.step("RotateRight", degrees=45)
        assert event.metadata["lastActionSuccess"]
        assert event.frame.shape == (120, 160, 3)
        assert set(event.instance_masks) & {o["objectId"] for o in event.metadata["objects"]}
        assert sum(mask.sum() for mask in event.instance_masks.values()) == (event.depth_frame < 20).sum() > 0
    finally:
        controller.stop()
        controller.server.unity_proc.wait(10)


@pytest.fixture
def room_of_boxes(tmp_path):
    """A room of boxes of stated size, turned in all ways, as a ProcTHOR house."""

    def corner(x, y, z):
        return {"x": x, "y": y, "z": z}

    def wall(name, a, b):
        polygon = [corner(a[0], 0, a[1]), corner(b[0], 0, b[1]), corner(b[0], 2.6, b[1]), corner(a[0], 2.6, a[1])]
        return {"id": name, "roomId": "room|1", "polygon": polygon}

    def box(name, at, size, turn):
        keys = dict(zip(("position", "size", "rotation"), (corner(*at), corner(*size), corner(*turn)), strict=True))
        return {"id": name, "assetId": "Box", "objectType": "Painting", "children": [], **keys}

    corners = [(1.0, 2.0), (1.0, 6.5), (7.0, 6.5), (7.0, 2.0)]
    house = {
        "rooms": [{"id": "room|1", "roomType": "Bedroom", "floorPolygon": [corner(x, 0, z) for x, z in corners]}],
        "walls": [wall(f"wall|{i}", corners[i - 1], corners[i]) for i in range(4)],
        "objects": [
            box("Box|a", (2.2, 0.4, 5.4), (0.9, 0.8, 0.5), (0, 0, 0)),
            box("Box|b", (5.6, 0.6, 5.2), (0.4, 1.2, 0.9), (0, 35, 0)),
            box("Box|c", (6.1, 1.4, 3.0), (0.3, 0.5, 0.9), (25, 0, 0)),
            box("Box|d", (1.7, 1.1, 3.2), (0.4, 0.9, 0.5), (0, 0, 40)),
            box("Box|e", (3.5, 1.8, 6.0), (0.8, 0.3, 0.4), (20, 110, -35)),
        ],
        "doors": [],
        "windows": [],
        "metadata": {"agent": {"position": corner(4.0, 0.95, 4.0), "rotation": corner(0, 60, 0), "horizon": 0}},
    }
    (tmp_path / "boxes.json").write_text(json.dumps(house))
    return tmp_path / "boxes.json"


def test_a_ray_caster_in_unity_s_own_frame_sees_what_the_house_shows(room_of_boxes):
    """Its mathematics is left-handed and its own, so a wrong sign in our conversions cannot cancel."""
    house = sim.make("house", scene=room_of_boxes, **SIZE)
    thor = start(room_of_boxes, "--renderer", "boxes")
    seen = set()
    try:
        assert thor.agent_pose.yaw_rad == pytest.approx(house.agent_pose.yaw_rad)
        for turn in range(8):
            for simulator in (house, thor):
                simulator.step(Action("RotateLeft", angle_deg=45.0))
                simulator.step(Action("MoveLeft", distance_m=0.1))
                simulator.step(Action("LookDown" if turn % 2 else "LookUp", angle_deg=13.0))
            ours, theirs = house.observe(), thor.observe()
            np.testing.assert_allclose(ours.T_world_cam, theirs.T_world_cam, atol=1e-6)
            n = int(max(ours.instance_ids.max(), theirs.instance_ids.max())) + 1
            names = [np.array([s.uid_of(i) for i in range(n)]) for s in (house, thor)]
            differ = names[0][ours.instance_ids] != names[1][theirs.instance_ids]
            assert differ.mean() <= 0.001
            assert np.abs(ours.depth - theirs.depth)[~differ].max() <= 0.001
            seen |= set(np.unique(names[1][theirs.instance_ids]))
        assert {f"Box|{letter}" for letter in "abcde"} <= seen
        assert {f"wall|{i}" for i in range(4)} <= seen
    finally:
        thor.close()
