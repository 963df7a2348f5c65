# SPDX-License-Identifier: Apache-2.0
"""What an agent may do in a house, and what physics forbids."""

import hashlib
import json
import math

import numpy as np
import pytest

import sim
from memory_core.errors import BadHouse, BadSettings, NotPossible
from sim import Action, AgentPose
from sim.house.floor import Floor


@pytest.fixture
def house():
    """A fresh simulator."""
    return sim.make("house", width=160, height=120)


def fingerprint(frame):
    arrays = (frame.rgb, frame.depth, frame.instance_ids, frame.T_world_cam)
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays) + str(frame.stamp_ns).encode()).hexdigest()


def test_the_same_seed_and_actions_give_the_same_bytes():
    actions = [
        Action("MoveAhead"),
        Action("RotateLeft", angle_deg=45.0),
        Action("MoveAhead", distance_m=0.5),
        Action("LookDown"),
    ]
    runs = []
    for seed in (3, 3, 4):
        simulator = sim.make("house", width=160, height=120, seed=seed)
        runs.append([fingerprint(simulator.observe())] + [fingerprint(simulator.step(a).frame) for a in actions])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_plain_numpy_gives_the_same_ids_and_depths(house):
    plain = sim.make("house", settings=sim.SimSettings(width=160, height=120, compiled=False)).observe()
    frame = house.observe()
    assert np.mean(frame.instance_ids == plain.instance_ids) >= 0.999
    assert np.abs(frame.depth - plain.depth).max() < 1e-3


def test_reset_begins_anew(house):
    first = fingerprint(house.observe())
    house.step(Action("MoveAhead"))
    assert fingerprint(house.observe()) != first
    assert fingerprint(house.reset()) == first
    assert fingerprint(house.reset(seed=9)) != first


def test_time_is_simulated_and_passes_with_every_action(house):
    stamps = [house.observe().stamp_ns]
    actions = (Action("MoveAhead"), Action("MoveAhead", distance_m=9.0), Action("Done"))
    stamps += [house.step(action).frame.stamp_ns for action in actions]
    assert stamps == [1_000_000_000 + n * 100_000_000 for n in range(4)]


def test_frames_speak_of_instances_in_spoken_names(house):
    frame = house.observe()
    for number in np.unique(frame.instance_ids[frame.instance_ids > 0]):
        label = frame.instance_labels[int(number)]
        assert label == label.lower() == house.label_of(int(number))
        assert house.uid_of(int(number))
    assert (house.uid_of(0), house.label_of(0), house.uid_of(10**6), house.uid_of(-1)) == ("", "", "", "")


def test_every_uid_stands_for_its_number_in_the_images(house):
    for thing in house.objects():
        assert house.uid_of(thing.instance_id) == thing.uid
        assert house.label_of(thing.instance_id) == thing.label


def test_walking_ahead_moves_along_the_heading(house):
    start = house.agent_pose
    assert house.step(Action("RotateLeft", angle_deg=20.0)).ok
    assert house.step(Action("MoveAhead", distance_m=0.2)).ok
    pose = house.agent_pose
    heading = start.yaw_rad + math.radians(20)
    np.testing.assert_allclose([pose.x - start.x, pose.y - start.y], [0.2 * math.cos(heading), 0.2 * math.sin(heading)])
    assert house.step(Action("MoveBack", distance_m=0.2)).ok
    np.testing.assert_allclose([house.agent_pose.x, house.agent_pose.y], [start.x, start.y], atol=1e-12)
    np.testing.assert_allclose(house.T_world_base[:2, 3], [start.x, start.y], atol=1e-9)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (Action("MoveAhead", distance_m=5.0), "blocked by a wall or furniture"),
        (Action("MoveAhead", distance_m=-1.0), "wants 0 to 10 m"),
        (Action("MoveAhead", distance_m=float("nan")), "finite number"),
        (Action("RotateLeft", angle_deg=float("inf")), "finite number"),
        (Action("LookDown", angle_deg=80.0), "75 is the limit"),
        (Action("Teleport"), "wants a pose"),
        (Action("Teleport", pose=AgentPose(x=100.0, y=0.0, yaw_rad=0.0)), "cannot stand at"),
        (Action("Teleport", pose=AgentPose(x=7.0, y=-3.0, yaw_rad=0.0)), "cannot stand at"),  # in the bed
        (Action("Teleport", pose=AgentPose(x=float("nan"), y=0.0, yaw_rad=0.0)), "finite number"),
        (Action("PickupObject", "Unicorn|1"), "There is no object 'Unicorn"),
        (Action("PickupObject", "Sofa|2|1"), "cannot be picked up"),
        (Action("PickupObject", "Apple|3|1"), "not in view"),
        (Action("PutObject", "Sofa|2|1"), "hand is empty"),
        (Action("OpenObject", "Sofa|2|1"), "cannot be opened"),
        (Action("OpenObject", "Fridge|3|1"), "not in view"),
        (Action("CloseObject", "Fridge|3|1"), "already closed"),
        (Action("ToggleObjectOn", "Sofa|2|1"), "cannot be switched"),
        (Action("ToggleObjectOff", "Television|2|1"), "already off"),
        (Action("Fly"), "not an action"),
    ],
)
def test_what_is_forbidden_is_said_in_one_sentence_and_changes_nothing(simulator, action, message):
    simulator.reset()
    before, pose = simulator.objects(), simulator.agent_pose
    result = simulator.step(action)
    assert not result.ok
    assert message in result.error
    assert result.error.endswith(".")
    assert simulator.objects() == before
    assert simulator.agent_pose == pose


def test_the_agent_keeps_its_radius_from_everything(house):
    points = house.reachable()
    assert len(points) > 200
    assert house.can_stand(points).all()
    for thing in house.objects():
        if thing.box.minimum[2] < 1.0 and thing.box.maximum[2] > 0.1 and not thing.parent:
            inside = (points > thing.box.minimum[:2]) & (points < thing.box.maximum[:2])
            assert not inside.all(axis=1).any() or thing.label == "arm chair"  # the one that stands askew


def test_every_room_of_the_own_house_can_be_walked_to(house):
    points = house.reachable()
    for room in house.rooms():
        assert sum(room.contains(x, y) for x, y in points) > 20, room.label


def test_taking_and_putting_with_one_hand(simulator, look_at):
    simulator.reset()
    look_at(simulator, "Apple|3|2")
    assert simulator.step(Action("PickupObject", "Apple|3|2")).ok
    assert simulator.object("Apple|3|2").state == "held"
    assert simulator.held == "Apple|3|2"
    assert not simulator.sees("Apple|3|2")
    look_at(simulator, "Mug|2|1")
    assert "already holds" in simulator.step(Action("PickupObject", "Mug|2|1")).error
    look_at(simulator, "Fridge|3|1")
    assert "is closed" in simulator.step(Action("PutObject", "Fridge|3|1")).error
    assert simulator.step(Action("OpenObject", "Fridge|3|1")).ok
    assert simulator.step(Action("PutObject", "Fridge|3|1")).ok
    apple, fridge = simulator.object("Apple|3|2"), simulator.object("Fridge|3|1")
    assert (apple.parent, apple.relation, apple.state, simulator.held) == ("Fridge|3|1", "in", "present", "")
    assert fridge.box.gap_m(apple.box) == 0
    assert simulator.sees("Apple|3|2")


def test_what_lies_in_a_thing_is_taken_and_put_with_it(simulator, look_at):
    simulator.reset()
    for name, uid in (("PickupObject", "Apple|3|2"), ("PutObject", "Plate|3|2"), ("PickupObject", "Plate|3|2")):
        look_at(simulator, uid)
        assert simulator.step(Action(name, uid)).ok
    apple = simulator.object("Apple|3|2")
    assert (apple.parent, apple.state, apple.room_id) == ("Plate|3|2", "held", "")
    look_at(simulator, "CoffeeTable|2|1")
    assert simulator.step(Action("PutObject", "CoffeeTable|2|1")).ok
    apple, table = simulator.object("Apple|3|2"), simulator.object("CoffeeTable|2|1")
    assert (apple.state, apple.room_id) == ("present", "room|2")
    assert apple.box.gap_m(table.box) < 0.2


def test_every_reachable_point_is_walked_to_step_by_step(own_world):
    floor = Floor(own_world)
    start = floor.start(None)
    points = {(round(x, 6), round(y, 6)) for x, y in floor.reachable(start)}
    open_points, found = [tuple(np.round(start, 6))], {tuple(np.round(start, 6))}
    while open_points:
        x, y = open_points.pop()
        for dx, dy in ((0.25, 0), (-0.25, 0), (0, 0.25), (0, -0.25)):
            after = (round(x + dx, 6), round(y + dy, 6))
            if after in points and after not in found and floor.can_walk(np.array([x, y]), np.array(after)):
                found.add(after)
                open_points.append(after)
    assert found == points


def test_a_robot_that_fits_nowhere_is_refused(tmp_path, own_house):
    size = {"x": 40, "y": 2, "z": 40}
    own_house["objects"].append({"id": "Crate", "assetId": "Box_1", "position": {"x": 5, "y": 1, "z": 5}, "size": size})
    (tmp_path / "full.json").write_text(json.dumps(own_house))
    with pytest.raises(BadHouse, match=r"room for a robot 0\.4 m wide"):
        sim.make("house", scene=tmp_path / "full.json")


def test_a_closed_fridge_hides_what_is_in_it(simulator, look_at):
    simulator.reset()
    inside = [o.uid for o in simulator.objects() if o.parent == "Fridge|3|1"]
    look_at(simulator, "Fridge|3|1", distance_m=1.0)
    assert not any(simulator.sees(uid) for uid in inside)
    assert simulator.step(Action("OpenObject", "Fridge|3|1")).ok
    look_at(simulator, inside[0], distance_m=1.0)
    assert simulator.step(Action("CloseObject", "Fridge|3|1")).ok
    assert not any(simulator.sees(uid) for uid in inside)


def test_only_what_is_in_reach_can_be_handled(simulator, look_at):
    simulator.reset()
    look_at(simulator, "Television|2|1", distance_m=2.5)
    assert "the arm reaches 1.5 m" in simulator.step(Action("ToggleObjectOn", "Television|2|1")).error
    look_at(simulator, "Television|2|1", distance_m=1.0)
    assert simulator.step(Action("ToggleObjectOn", "Television|2|1")).ok
    assert simulator.object("Television|2|1").is_on is True


def test_a_thing_is_put_where_nothing_else_is(simulator, look_at):
    simulator.reset()
    look_at(simulator, "Mug|3|1")
    assert simulator.step(Action("PickupObject", "Mug|3|1")).ok
    look_at(simulator, "DiningTable|3|1")
    assert simulator.step(Action("PutObject", "DiningTable|3|1")).ok
    mug = simulator.object("Mug|3|1")
    table = simulator.object("DiningTable|3|1")
    assert mug.box.minimum[2] == pytest.approx(table.box.maximum[2], abs=0.01)
    others = [o for o in simulator.objects() if o.parent == table.uid and o.uid != mug.uid]
    assert len(others) >= 5
    assert all(mug.box.gap_m(o.box) > 0 for o in others)


def test_what_is_too_large_does_not_fit(simulator, look_at):
    simulator.reset()
    look_at(simulator, "Pillow|2|1")
    assert simulator.step(Action("PickupObject", "Pillow|2|1")).ok
    for uid, reason in (("GarbageCan|5|1", "does not belong"), ("SideTable|4|2", "no room")):
        look_at(simulator, uid)
        assert reason in simulator.step(Action("PutObject", uid)).error
        assert simulator.held == "Pillow|2|1"


def test_a_closed_door_blocks_the_way_until_it_is_opened(tmp_path, own_house, look_at):
    door = next(d for d in own_house["doors"] if d["id"] == "door|3|2")
    door.update(assetId="Doorway_1", openable=True, openness=0)
    (tmp_path / "house.json").write_text(json.dumps(own_house))
    simulator = sim.make("house", scene=tmp_path / "house.json")
    kitchen = next(room for room in simulator.rooms() if room.label == "kitchen")

    def can_reach_the_kitchen():
        return any(kitchen.contains(x, y) for x, y in simulator.reachable())

    assert not can_reach_the_kitchen()
    assert simulator.step(Action("Teleport", pose=AgentPose(x=2.25, y=-4.25, yaw_rad=-math.pi / 2, horizon_rad=0.3))).ok
    assert simulator.step(Action("OpenObject", "door|3|2")).ok
    assert can_reach_the_kitchen()
    assert simulator.step(Action("MoveAhead", distance_m=0.75)).ok
    assert "doorway" in simulator.step(Action("CloseObject", "door|3|2")).error
    assert simulator.step(Action("MoveAhead", distance_m=0.25)).ok
    assert "not in view" in simulator.step(Action("CloseObject", "door|3|2")).error
    assert simulator.step(Action("RotateLeft", angle_deg=180.0)).ok
    assert simulator.step(Action("LookDown", angle_deg=20.0)).ok
    assert simulator.step(Action("CloseObject", "door|3|2")).ok
    assert not any(
        room.label != "kitchen" and room.contains(x, y) for room in simulator.rooms() for x, y in simulator.reachable()
    )


def test_make_says_what_it_cannot_make(tmp_path):
    with pytest.raises(BadSettings, match=r"want one of 'house', .* got 'moon'"):
        sim.make("moon")
    with pytest.raises(BadSettings, match="no further options, got colour"):
        sim.make("house", colour="blue")
    with pytest.raises(BadSettings, match="hfov_deg"):
        sim.make("house", hfov_deg=500.0)
    with pytest.raises(BadHouse):
        sim.make("house", scene=tmp_path / "none.json")


def test_a_closed_simulator_says_so(house):
    house.close()
    with pytest.raises(NotPossible, match="closed"):
        house.observe()
    with pytest.raises(NotPossible, match="no object"):
        house.object("Unicorn")
    assert house.reset().stamp_ns == 1_000_000_000
