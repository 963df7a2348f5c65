# SPDX-License-Identifier: Apache-2.0
"""What people change in a house while the robot looks on, and that the truth follows."""

import math

import numpy as np
import pytest

import sim
from memory_core.errors import NotPossible
from sim import Action, Change

S = 1_000_000_000


@pytest.fixture
def house():
    return sim.make("house", width=160, height=120)


def labels_in_view(simulator):
    ids = simulator.observe().instance_ids
    return {simulator.uid_of(int(n)) for n in np.unique(ids)}


def test_a_thing_moved_to_a_receptacle_is_there_in_truth_and_in_the_image(house, look_at):
    look_at(house, "CoffeeTable|2|1", distance_m=0.8)
    assert "Apple|3|2" not in labels_in_view(house)
    done = house.change(Change(name="move", uid="Apple|3|2", to="CoffeeTable|2|1"))
    apple, table = house.object("Apple|3|2"), house.object("CoffeeTable|2|1")
    assert (apple.parent, apple.relation, apple.room_id) == (table.uid, "on", "room|2")
    assert apple.box.gap_m(table.box) < 0.01
    assert done.before.parent != done.after.parent == table.uid
    assert (done.stamp_ns, done.error) == (house.now_ns, "")
    assert "Apple|3|2" in labels_in_view(house)
    assert house.history == [done]


def test_what_is_moved_into_something_closed_is_hidden_until_it_is_opened(house, look_at):
    house.change(Change(name="move", uid="Apple|3|2", to="Fridge|3|1"))
    look_at(house, "Fridge|3|1", distance_m=1.0)
    assert house.object("Apple|3|2").relation == "in"
    assert "Apple|3|2" not in labels_in_view(house)
    house.change(Change(name="open", uid="Fridge|3|1"))
    assert house.object("Fridge|3|1").is_open
    look_at(house, "Apple|3|2", distance_m=1.0)
    house.change(Change(name="close", uid="Fridge|3|1"))
    assert "Apple|3|2" not in labels_in_view(house)


def test_a_thing_moved_to_a_room_stands_free_on_its_floor(house):
    for room in house.rooms():
        house.change(Change(name="move", uid="BasketBall|2|1", to=room.id))
        ball = house.object("BasketBall|2|1")
        assert (ball.room_id, ball.parent) == (room.id, "")
        assert ball.box.minimum[2] == pytest.approx(0.0, abs=0.01)
        assert all(ball.box.gap_m(o.box) > 0 for o in house.objects() if o.uid != ball.uid)


def test_a_thing_is_put_nearest_to_a_wanted_place(house):
    table = house.object("DiningTable|3|1").box
    for x in (table.minimum[0], table.maximum[0]):
        house.change(Change(name="move", uid="Mug|2|1", to="DiningTable|3|1", position=(x, table.center[1], 1.0)))
        assert abs(house.object("Mug|2|1").box.center[0] - x) < table.size[0] / 2
    house.change(Change(name="move", uid="Mug|2|1", position=(2.0, -2.0, 0.5), yaw_rad=math.pi / 2))
    np.testing.assert_allclose(house.object("Mug|2|1").box.center, (2.0, -2.0, 0.5), atol=1e-9)


def test_what_a_thing_holds_comes_along_when_it_is_moved_or_taken(house):
    house.change(Change(name="move", uid="Apple|3|2", to="Plate|3|2"))
    house.change(Change(name="move", uid="Plate|3|2", to="CoffeeTable|2|1"))
    assert house.object("Apple|3|2").room_id == "room|2"
    house.change(Change(name="remove", uid="Plate|3|2"))
    uids = {o.uid for o in house.objects()}
    assert not uids & {"Apple|3|2", "Plate|3|2"}
    assert house.history[-1].after is None


def test_a_new_thing_has_a_new_number_and_a_name(house, look_at):
    before = {o.instance_id for o in house.objects()}
    house.change(Change(name="add", uid="Parcel", asset="Box_1", to="room|2"))
    parcel = house.object("Parcel")
    assert parcel.label == "box"
    assert parcel.instance_id > max(before)
    frame = look_at(house, "Parcel", distance_m=1.0).frame
    assert frame.instance_labels[parcel.instance_id] == house.label_of(parcel.instance_id) == "box"
    assert house.uid_of(parcel.instance_id) == "Parcel"
    points = np.array([parcel.box.center[:2]])
    assert not house.can_stand(points)[0]
    house.change(Change(name="remove", uid="Parcel"))
    assert house.can_stand(points)[0]
    assert "Parcel" not in labels_in_view(house)


def test_food_becomes_slices_where_it_lay(house):
    before = house.object("Apple|3|2")
    done = house.change(Change(name="slice", uid="Apple|3|2"))
    assert done.made == tuple(f"Apple|3|2|AppleSliced_{k}" for k in range(4))
    for uid in done.made:
        piece = house.object(uid)
        assert piece.parent == before.parent
        assert before.box.distance_m(piece.box.center) == 0
        assert piece.pickupable
    with pytest.raises(NotPossible, match="no object"):
        house.object("Apple|3|2")


def test_the_robot_slices_what_it_can_reach(house, look_at):
    assert "not in view" in house.step(Action("SliceObject", "Apple|3|2")).error
    look_at(house, "Apple|3|2")
    assert "cannot be sliced" in house.step(Action("SliceObject", "Mug|3|1")).error
    assert house.step(Action("SliceObject", "Apple|3|2")).ok
    assert house.step(Action("PickupObject", "Apple|3|2|AppleSliced_0")).ok


def test_a_drawer_comes_out_with_what_is_in_it_and_goes_back(house, look_at):
    house.change(Change(name="add", uid="Drawer", asset="Drawer_1", position=(2.5, -2.0, 0.5), yaw_rad=0.0))
    house.change(Change(name="add", uid="Pen", asset="Pen_1", to="Drawer"))
    drawer, pen = house.object("Drawer").box, house.object("Pen").box
    look_at(house, "Drawer", distance_m=0.6)
    assert not house.sees("Pen")
    assert house.step(Action("OpenObject", "Drawer")).ok
    out = house.object("Drawer").box.center[0] - drawer.center[0]
    assert out == pytest.approx(0.6 * drawer.size[0])
    assert house.object("Pen").box.center[0] - pen.center[0] == pytest.approx(out)
    look_at(house, "Pen", distance_m=0.5)
    assert house.step(Action("Teleport", pose=sim.AgentPose(x=3.6, y=-2.0, yaw_rad=math.pi, horizon_rad=0.8))).ok
    house.change(Change(name="close", uid="Drawer"))
    assert house.object("Drawer").box == drawer
    assert not house.sees("Pen")
    assert house.step(Action("Teleport", pose=sim.AgentPose(x=3.1, y=-2.0, yaw_rad=math.pi, horizon_rad=0.8))).ok
    assert "stands in the way" in house.step(Action("OpenObject", "Drawer")).error
    with pytest.raises(NotPossible, match="in the way"):
        house.change(Change(name="open", uid="Drawer"))
    assert house.object("Drawer").box == drawer


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (Change(name="fly", uid="Apple|3|2"), "want one of move"),
        (Change(name="move", uid="Unicorn", to="Bed|4|1"), "no object 'Unicorn'"),
        (Change(name="move", uid="Apple|3|2", to="Unicorn"), "neither an object nor a room"),
        (Change(name="move", uid="Apple|3|2"), "want somewhere to put it"),
        (Change(name="move", uid="Apple|3|2", position=(float("nan"), 0, 0)), "want somewhere to put it"),
        (Change(name="move", uid="Plate|3|2", to="Plate|3|2"), "on or in itself"),
        (Change(name="move", uid="Apple|3|2", to="Painting|2|1"), "nothing can be put"),
        (Change(name="move", uid="Apple|3|2", to="Bathtub|5|1"), "no room"),
        (Change(name="move", uid="Pillow|2|1", to="Mug|3|1"), "nothing can be put"),
        (Change(name="add", uid="Apple|3|2", asset="Apple_1", to="room|2"), "no object ever had"),
        (Change(name="add", uid="New", to="room|2"), "name of a model"),
        (Change(name="add", uid="New", asset="Apple_1", to="Bathtub|5|1"), "no room"),
        (Change(name="open", uid="Apple|3|2"), "cannot be opened"),
        (Change(name="switch_on", uid="Apple|3|2"), "cannot be switched"),
        (Change(name="slice", uid="Mug|3|1"), "cannot be sliced"),
    ],
)
def test_what_cannot_be_changed_is_said_and_changes_nothing(simulator, change, message):
    simulator.reset()
    before = simulator.objects()
    with pytest.raises(NotPossible, match=message):
        simulator.change(change)
    assert simulator.objects() == before
    assert simulator.history == []


def test_a_refused_addition_leaves_its_name_free(house):
    with pytest.raises(NotPossible):
        house.change(Change(name="add", uid="New", asset="Apple_1", to="Bathtub|5|1"))
    house.change(Change(name="add", uid="New", asset="Apple_1", to="DiningTable|3|1"))


def test_nothing_is_taken_from_the_robots_hand_nor_put_where_it_stands(house, look_at):
    look_at(house, "Mug|2|1")
    assert house.step(Action("PickupObject", "Mug|2|1")).ok
    with pytest.raises(NotPossible, match="hand"):
        house.change(Change(name="move", uid="Mug|2|1", to="Bed|4|1"))
    pose = house.agent_pose
    with pytest.raises(NotPossible, match="no room"):
        house.change(Change(name="move", uid="BasketBall|2|1", position=(pose.x, pose.y, 0.12)))
    house.change(Change(name="move", uid="BasketBall|2|1", to="room|2", position=(pose.x, pose.y, 0.0)))
    assert house.can_stand(np.array([[pose.x, pose.y]]))[0]


def test_scheduled_changes_happen_at_their_time_in_order(house):
    house.schedule([(3 * S, Change(name="open", uid="Fridge|3|1")), (2 * S, Change(name="remove", uid="Apple|3|2"))])
    house.schedule([(2 * S + 1, Change(name="slice", uid="Apple|3|2"))])
    house.wait(0.9)
    assert house.now_ns == 1_900_000_000
    assert house.history == []
    house.step(Action("Done"))
    assert [done.change.name for done in house.history] == ["remove"]
    house.wait(60)
    assert [(done.change.name, bool(done.error)) for done in house.history] == [
        ("remove", False),
        ("slice", True),
        ("open", False),
    ]
    assert [done.stamp_ns for done in house.history] == [2 * S, 2 * S + 1, 3 * S]
    assert house.object("Fridge|3|1").is_open
    assert house.observe().stamp_ns == 62 * S
    house.reset()
    assert not house.object("Fridge|3|1").is_open
    assert house.object("Apple|3|2").state == "present"
    assert house.history == []


def test_a_house_with_the_same_changes_gives_the_same_images():
    def run():
        simulator = sim.make("house", width=80, height=60)
        simulator.schedule([
            (2 * S, Change(name="add", uid="Ball", asset="BasketBall_1", to="room|2")),
            (2 * S, Change(name="move", uid="Mug|2|1", to="Sofa|2|1")),
            (3 * S, Change(name="switch_off", uid="room|2")),
        ])  # fmt: skip
        frames = [simulator.wait(0.5) for _ in range(6)]
        return b"".join(f.rgb.tobytes() + f.depth.tobytes() + f.instance_ids.tobytes() for f in frames)

    assert run() == run()


def test_a_dark_room_is_dark_and_as_deep_as_ever(house):
    room = next(r for r in house.rooms() if r.contains(house.agent_pose.x, house.agent_pose.y))
    lit = house.observe()
    house.change(Change(name="switch_off", uid=room.id))
    dark = house.observe()
    own = {o.instance_id for o in house.objects() if o.room_id == room.id}
    inside = np.isin(lit.instance_ids, list(own))
    assert inside.any()
    assert dark.rgb[inside].mean() < 0.15 * lit.rgb[inside].mean()
    assert np.array_equal(lit.depth, dark.depth)
    assert np.array_equal(lit.instance_ids, dark.instance_ids)
    house.change(Change(name="switch_on", uid=room.id))
    assert np.array_equal(house.observe().rgb, lit.rgb)


def test_a_lamp_lights_a_dark_room(house):
    lamp = next(o for o in house.objects() if o.label == "floor lamp")
    house.step(Action("RotateLeft", angle_deg=180.0))
    house.change(Change(name="switch_off", uid=lamp.room_id))
    dark = house.observe().rgb.mean()
    house.change(Change(name="switch_on", uid=lamp.uid))
    lit = house.observe().rgb.mean()
    assert lit > 3 * dark
    house.change(Change(name="switch_off", uid=lamp.uid))
    assert house.observe().rgb.mean() == dark


def test_a_light_switch_is_that_of_its_room(house):
    house.change(Change(name="add", uid="Switch", asset="LightSwitch_1", position=(1.0, -1.0, 1.2)))
    assert house.object("Switch").is_on
    house.change(Change(name="switch_off", uid="Switch"))
    assert house.observe().rgb.mean() < 20 or house.object("Switch").room_id != "room|2"
    house.change(Change(name="switch_on", uid=house.object("Switch").room_id))
    assert house.object("Switch").is_on
