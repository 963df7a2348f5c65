# SPDX-License-Identifier: Apache-2.0
"""AI2-THOR's words, numbers and axes, without its client."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from memory_core.errors import BadHouse, NotPossible
from sim import Action, AgentPose
from sim.frames import (
    base_pose,
    box_from_unity,
    camera_pose,
    camera_pose_from_unity,
    degrees_from_yaw,
    horizontal_fov_deg,
    intrinsics,
    intrinsics_from_vertical,
    ros_from_unity,
    unity_from_ros,
    unity_size,
    vertical_fov_deg,
    yaw_from_unity,
)
from sim.thor.actions import pose_of, same_pose, unity_action
from sim.thor.observation import InstanceNumbers, frame_of
from sim.thor.scenes import load_scene, room_at, room_of_bounds
from sim.thor.truth import objects_of


def thing(uid, kind, center, size, **told):
    box = {"center": dict(zip("xyz", center, strict=True)), "size": dict(zip("xyz", size, strict=True))}
    return {"objectId": uid, "objectType": kind, "axisAlignedBoundingBox": box, "position": box["center"], **told}


@pytest.mark.parametrize(("yaw_deg", "unity_deg"), [(0, 0), (90, 270), (-90, 90), (180, 180), (-1, 1)])
def test_unity_turns_clockwise_from_0_to_360(yaw_deg, unity_deg):
    assert degrees_from_yaw(math.radians(yaw_deg)) == pytest.approx(unity_deg)


def test_headings_come_back(rng):
    for yaw in rng.uniform(-math.pi, math.pi, 50):
        assert math.remainder(yaw_from_unity(degrees_from_yaw(yaw)) - yaw, 2 * math.pi) == pytest.approx(0, abs=1e-12)


def test_boxes_keep_their_corners(rng):
    for center, size in zip(rng.uniform(-5, 5, (20, 3)), rng.uniform(0.1, 2, (20, 3)), strict=True):
        box = box_from_unity(center, size)
        corners = ros_from_unity(np.array([center - size / 2, center + size / 2]))
        np.testing.assert_allclose(box.minimum, corners.min(axis=0))
        np.testing.assert_allclose(box.maximum, corners.max(axis=0))
        np.testing.assert_allclose(unity_size(box.size), size)


def test_the_camera_of_unity_is_the_camera_of_the_map():
    told = unity_from_ros((1.0, 2.0, 1.6))
    T = camera_pose_from_unity(told, 270.0, 20.0)
    np.testing.assert_array_equal(T, camera_pose(base_pose(1.0, 2.0, yaw_from_unity(270.0)), 1.6, math.radians(20)))
    np.testing.assert_allclose(T[:3, 2], [0, math.cos(math.radians(20)), -math.sin(math.radians(20))], atol=1e-9)


@pytest.mark.parametrize(("width", "height", "hfov"), [(320, 240, 90.0), (300, 300, 60.0), (640, 360, 103.7)])
def test_an_angle_told_across_and_up_gives_the_same_camera_to_the_bit(width, height, hfov):
    vertical = vertical_fov_deg(width, height, hfov)
    assert horizontal_fov_deg(width, height, vertical) == pytest.approx(hfov, abs=1e-9)
    np.testing.assert_array_equal(intrinsics_from_vertical(width, height, vertical), intrinsics(width, height, hfov))


def test_a_square_image_sees_as_much_up_as_across():
    assert vertical_fov_deg(300, 300, 77.0) == pytest.approx(77.0)


def test_actions_are_told_in_metres_degrees_and_names():
    assert unity_action(Action("MoveBack", distance_m=0.4), 0.9) == {"action": "MoveBack", "moveMagnitude": 0.4}
    assert unity_action(Action("LookDown", angle_deg=15.0), 0.9) == {"action": "LookDown", "degrees": 15.0}
    assert unity_action(Action("SliceObject", "Apple|1"), 0.9) == {"action": "SliceObject", "objectId": "Apple|1"}
    assert unity_action(Action("PutObject", "Bowl|1"), 0.9)["objectId"] == "Bowl|1"
    assert unity_action(Action("Done"), 0.9) == {"action": "Done"}


def test_teleport_keeps_the_height_of_the_agent():
    told = unity_action(Action("Teleport", pose=AgentPose(x=1, y=2, yaw_rad=-math.pi / 2, horizon_rad=0.5)), 0.9)
    assert told["position"] == {"x": -2.0, "y": 0.9, "z": 1.0}
    assert told["rotation"]["y"] == pytest.approx(90)
    assert told["horizon"] == pytest.approx(math.degrees(0.5))


def test_poses_told_and_told_back_are_the_same(rng):
    for x, y, yaw, horizon in rng.uniform(-1, 1, (20, 4)):
        pose = AgentPose(x=x, y=y, yaw_rad=yaw * math.pi, horizon_rad=horizon)
        told = unity_action(Action("Teleport", pose=pose), 0.9)
        back = pose_of({**told, "cameraHorizon": told["horizon"] % 360})
        assert same_pose(pose, back)
        assert math.dist((pose.x, pose.y, pose.horizon_rad), (back.x, back.y, back.horizon_rad)) < 1e-9


def test_a_pose_elsewhere_is_another():
    pose = AgentPose(x=1, y=2, yaw_rad=3.14, horizon_rad=0)
    assert same_pose(pose, AgentPose(x=1, y=2, yaw_rad=-3.1415, horizon_rad=0))
    for other in (
        AgentPose(x=1.02, y=2, yaw_rad=3.14),
        AgentPose(x=1, y=2, yaw_rad=3.1),
        AgentPose(x=1, y=2, yaw_rad=3.14, horizon_rad=0.02),
    ):
        assert not same_pose(pose, other)


@pytest.mark.parametrize(
    "action",
    [
        Action("MoveAhead", distance_m=float("nan")),
        Action("RotateLeft", angle_deg=float("inf")),
        Action("Teleport"),
        Action("Teleport", pose=AgentPose(x=float("nan"), y=0, yaw_rad=0)),
    ],
)
def test_what_is_not_a_number_never_leaves(action):
    with pytest.raises(NotPossible):
        unity_action(action, 0.9)


def test_numbers_are_given_in_order_and_never_again():
    numbers = InstanceNumbers()
    numbers.learn([{"name": "Apple|1", "color": [1, 0, 0]}, {"name": "Bowl|1", "color": [0, 1, 0]}], {})
    numbers.learn([{"name": "Bowl|1", "color": [0, 1, 0]}, {"name": "Apple|1|AppleSliced_0", "color": [0, 0, 1]}], {})
    assert [numbers.name(n) for n in range(-1, 5)] == ["", "", "Apple|1", "Bowl|1", "Apple|1|AppleSliced_0", ""]
    image = np.array([[[0, 1, 0], [0, 0, 1], [1, 0, 0], [9, 9, 9]]], np.uint8)
    np.testing.assert_array_equal(numbers.read(image), [[2, 3, 0, 0]])


@pytest.mark.parametrize("first", ["Wall", "Wall|1"])
def test_a_colour_of_an_object_and_of_a_class_is_the_object(first):
    numbers = InstanceNumbers()
    numbers.learn([{"name": n, "color": [7, 0, 0]} for n in sorted({"Wall", "Wall|1"}, key=lambda n: n != first)], {})
    assert numbers.name(int(numbers.read(np.array([[[7, 0, 0]]], np.uint8))[0, 0])) == "Wall|1"


def test_the_class_of_an_object_is_what_the_metadata_say():
    numbers = InstanceNumbers()
    table = [{"name": "tv_07|1", "color": [7, 0, 0]}]
    numbers.learn(table, {})
    assert numbers.labels[numbers.known("tv_07|1")] == "tv 07"
    numbers.learn(table, {"tv_07|1": "Television"})
    assert numbers.labels == {1: "television"}


def test_parts_of_the_building_are_themselves_and_what_has_no_name_is_background():
    names = ["Wall_12", "Floor", "ceiling|1", "Cube.003", "-1240", "Television", "Bench"]
    numbers = InstanceNumbers()
    numbers.learn([{"name": name, "color": [k, k, 9]} for k, name in enumerate(names)], {"Bench": "Bench"})
    seen = numbers.read(np.array([[[k, k, 9] for k in range(len(names))]], np.uint8))
    assert [numbers.labels.get(int(n), "") for n in seen[0]] == ["wall", "floor", "ceiling", "", "", "", "bench"]


def event(depth, far_m=20.0):
    height, width = np.shape(depth)
    picture = np.zeros((height, width, 3), np.uint8)
    metadata = {
        "colors": [],
        "objects": [],
        "fov": 90.0,
        "cameraPosition": {"x": 0, "y": 1.5, "z": 0},
        "agent": {"rotation": {"y": 0.0}, "cameraHorizon": 0.0},
    }
    flipped = np.flip(np.asarray(depth, np.float32), axis=0)
    return SimpleNamespace(
        depth_frame=flipped, frame=np.flip(picture, axis=0), instance_segmentation_frame=picture, metadata=metadata
    )


def test_the_far_plane_and_what_is_no_number_are_no_depth():
    shown = event([[20.0, 19.0, float("nan")], [0.5, -1.0, float("inf")]])
    frame = frame_of(shown, InstanceNumbers(), 20.0, 0, ("s", "m"))
    np.testing.assert_array_equal(frame.depth, [[0.5, 0, 0], [0, 19, 0]])


def test_images_are_our_own_and_in_order():
    shown = event(np.ones((4, 6)))
    frame = frame_of(shown, InstanceNumbers(), 20.0, 5, ("s", "m"))
    assert frame.rgb.flags["C_CONTIGUOUS"]
    assert frame.depth.flags["C_CONTIGUOUS"]
    assert not np.shares_memory(frame.depth, shown.depth_frame)
    assert (frame.stamp_ns, frame.session_id, frame.map_id) == (5, "s", "m")


def test_objects_stand_in_the_smallest_of_what_holds_them_and_the_building_is_no_object():
    metadata = {
        "objects": [
            thing("Floor|1", "Floor", (0, 0, 0), (5, 0.1, 5), receptacle=True),
            thing("Fridge|1", "Fridge", (0, 1, 0), (1, 2, 1), receptacle=True, openable=True, isOpen=True),
            thing("Bowl|1", "Bowl", (0, 1, 0), (0.2, 0.1, 0.2), receptacle=True, parentReceptacles=["Fridge|1"]),
            thing("Egg|1", "Egg", (0, 1.1, 0), (0.05, 0.05, 0.05), parentReceptacles=["Floor|1", "Fridge|1", "Bowl|1"]),
            thing(
                "Lamp|1", "FloorLamp", (2, 1, 0), (0.3, 1, 0.3), toggleable=True, isToggled=True, parentReceptacles=None
            ),
        ]
    }
    fridge, bowl, egg, lamp = objects_of(metadata, [], InstanceNumbers())
    assert (bowl.parent, bowl.relation) == ("Fridge|1", "in")
    assert (egg.parent, egg.relation) == ("Bowl|1", "on")
    assert (fridge.parent, fridge.is_open, fridge.is_on) == ("", True, None)
    assert (lamp.label, lamp.is_on, lamp.is_open) == ("floor lamp", True, None)
    np.testing.assert_allclose(lamp.box.center, [0, -2, 1])


def test_what_is_in_the_hand_is_nowhere_else_and_holds_what_it_held():
    metadata = {
        "inventoryObjects": [{"objectId": "Bowl|1"}],
        "objects": [
            thing("Bowl|1", "Bowl", (0, 1, 0), (0.2, 0.1, 0.2), receptacle=True, isPickedUp=True),
            thing("Egg|1", "Egg", (0, 1.1, 0), (0.05, 0.05, 0.05), parentReceptacles=["Bowl|1"]),
        ],
    }
    assert [o.state for o in objects_of(metadata, [], InstanceNumbers())] == ["held", "held"]


def test_what_has_been_cut_is_its_slices():
    size = (0.1, 0.1, 0.1)
    metadata = {
        "objects": [
            thing("Apple|1", "Apple", (0, 1, 0), size, sliceable=True, isSliced=True),
            thing("Apple|2", "Apple", (0, 1, 0), size, sliceable=True, isSliced=False),
            thing("Apple|1|AppleSliced_0", "AppleSliced", (0, 1, 0), size),
        ]
    }
    apple, piece = objects_of(metadata, [], InstanceNumbers())
    assert (apple.uid, apple.sliceable) == ("Apple|2", True)
    assert (piece.label, piece.sliceable) == ("apple sliced", False)


def test_scenes_of_the_build_are_known_by_name_and_houses_by_file(tmp_path, own_house):
    assert load_scene(None).content == "FloorPlan1"
    assert load_scene("FloorPlan301_physics").content == "FloorPlan301_physics"
    (tmp_path / "house.json").write_text(json.dumps(own_house))
    scene = load_scene(tmp_path / "house.json")
    assert scene.content == own_house
    assert scene.start == AgentPose(x=2.25, y=-1.25, yaw_rad=-math.pi / 2)
    assert [room.label for room in scene.rooms] == ["living room", "kitchen", "bedroom", "bathroom"]
    with pytest.raises(BadHouse):
        load_scene("Floor1")


def test_a_scene_of_the_build_is_one_room_of_the_kind_its_number_says():
    bounds = {"sceneBounds": {"center": {"x": 1, "y": 1.25, "z": 2}, "size": {"x": 4, "y": 2.5, "z": 6}}}
    room = room_of_bounds("FloorPlan214_physics", bounds)
    assert room.label == "living room"
    assert room.contains(2, -1)
    assert not room.contains(2, -3.1)
    assert room_of_bounds("FloorPlan7", bounds).label == "kitchen"
    assert room_of_bounds("FloorPlan401", bounds).label == "bathroom"
    assert room_at([room], 5.2, -1) == room.id
    assert room_at([room], 6, -1) == ""


@pytest.mark.parametrize("scene", ["FloorPlan1", "FloorPlan210", "FloorPlan305", "FloorPlan412"])
def test_metadata_of_the_real_thing_are_understood(shared_data, scene):
    """Dumps of AI2-THOR itself: each box told by its corners is the box told by centre and size."""
    told = json.loads(shared_data(f"houses/ithor_metadata/{scene}_physics.json").read_text())
    numbers = InstanceNumbers()
    objects = objects_of({"objects": list(told.values())}, [], numbers)
    assert len(objects) > 20
    assert not {o.label for o in objects} & {"floor", "wall", "window"}
    for o in objects:
        corners = ros_from_unity(told[o.uid]["axisAlignedBoundingBox"]["cornerPoints"])
        np.testing.assert_allclose(o.box.minimum, corners.min(axis=0), atol=1e-4)
        np.testing.assert_allclose(o.box.maximum, corners.max(axis=0), atol=1e-4)
        assert numbers.name(o.instance_id) == o.uid
    held = [o for o in objects if o.parent]
    boxes = {o.uid: o.box for o in objects}
    assert held
    assert all(o.box.gap_m(boxes[o.parent]) < 0.1 for o in held)
    assert all(o.parent in told[o.uid]["parentReceptacles"] for o in held)
