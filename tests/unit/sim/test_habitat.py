# SPDX-License-Identifier: Apache-2.0
"""Habitat behind the common interface: against habitat_sim where it can be imported, else against the stand-in.

$TOLMAN_HABITAT_SCENE may name any scene file for the real one; otherwise both load the house that comes along.
"""

import hashlib
import importlib
import importlib.util
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import sim
from memory_app.pipeline import Pipeline
from memory_core.errors import BackendUnavailable, BadHouse, BadSettings, NotPossible
from memory_core.geometry import unproject
from memory_core.memory import Memory
from sim import Action, AgentPose
from sim.habitat import hand, probe
from sim.habitat.body import Body
from sim.habitat.export import export_house, semantic_colour
from sim.habitat.things import Things
from sim.habitat.truth import rooms_of
from sim.house.agent import Refused
from sim.house.assets import AssetTable
from sim.house.schema import load_house
from sim.house.world import World

FAKES = Path(__file__).resolve().parents[2] / "fakes"
IS_REAL = importlib.util.find_spec("habitat_sim") is not None
SIZE = {"width": 160, "height": 120}
# The real one rasterises on a GPU or with llvmpipe, and its navigation mesh floats a little above the floor.
LARGEST_DEPTH_ERROR_M = 0.005 if IS_REAL else 0.001


def forget_habitat():
    for name in [name for name in sys.modules if name.partition(".")[0] == "habitat_sim"]:
        del sys.modules[name]
    probe._require_drawing.cache_clear()


@pytest.fixture(scope="module", autouse=True)
def library():
    """habitat_sim, or the stand-in for it."""
    with pytest.MonkeyPatch.context() as patch:
        if not IS_REAL:
            patch.syspath_prepend(str(FAKES))
        yield importlib.import_module("habitat_sim")
    if not IS_REAL:
        forget_habitat()


@pytest.fixture(scope="module")
def exported(tmp_path_factory, own_world):
    return export_house(own_world, tmp_path_factory.mktemp("habitat"))


@pytest.fixture(scope="module")
def exported_apart(tmp_path_factory, own_world):
    return export_house(own_world, tmp_path_factory.mktemp("habitat_apart"), movable_apart=True)


@pytest.fixture(scope="module")
def one_simulator(exported):
    simulator = sim.make("habitat", scene=exported.stage, **SIZE)
    yield simulator
    simulator.close()


@pytest.fixture
def habitat(one_simulator):
    one_simulator.reset(seed=0)
    return one_simulator


@pytest.fixture(scope="module")
def one_with_movables(exported_apart):
    simulator = sim.make("habitat", scene=exported_apart.scene, dataset=str(exported_apart.dataset), **SIZE)
    yield simulator
    simulator.close()


@pytest.fixture
def movables(one_with_movables):
    one_with_movables.reset(seed=0)
    return one_with_movables


@pytest.fixture(scope="module")
def house():
    return sim.make("house", **SIZE)


@pytest.fixture(scope="module")
def poses(house):
    """Places all over the house, looking every way."""
    rng = np.random.default_rng(7)
    points = house.reachable()[rng.choice(len(house.reachable()), 12, replace=False)]
    return [
        AgentPose(x=float(x), y=float(y), yaw_rad=float(rng.uniform(-3, 3)), horizon_rad=float(rng.uniform(-0.3, 0.7)))
        for x, y in points
    ]


def at(simulator, pose):
    result = simulator.step(Action("Teleport", pose=pose))
    assert result.ok, result.error
    return result.frame


def fingerprint(frame):
    arrays = (frame.rgb, frame.depth, frame.instance_ids, frame.T_world_cam)
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays) + str(frame.stamp_ns).encode()).hexdigest()


@pytest.mark.parametrize("kind", ["one_simulator", "one_with_movables"])
def test_a_house_looks_in_habitat_as_it_does_here(request, kind, house, poses):
    simulator = request.getfixturevalue(kind)
    simulator.reset()
    house.reset()
    agree = []
    for pose in poses:
        seen, wanted = at(simulator, pose), at(house, pose)
        np.testing.assert_allclose(seen.T_world_cam, wanted.T_world_cam, atol=1e-6)
        np.testing.assert_array_equal(seen.K, wanted.K)
        same = seen.instance_ids == wanted.instance_ids
        agree.append(same.mean())
        assert np.quantile(np.abs(seen.depth - wanted.depth)[same], 0.999) <= LARGEST_DEPTH_ERROR_M
        for number in np.unique(seen.instance_ids):
            assert simulator.label_of(int(number)) == house.label_of(int(number))
    assert np.mean(agree) >= 0.999


def test_the_same_script_gives_the_same_trajectory(habitat, house):
    house.reset()
    start = house.agent_pose
    script = [
        Action("Teleport", pose=start),
        *[Action("MoveAhead", distance_m=0.25)] * 3,
        Action("RotateLeft", angle_deg=90.0),
        Action("MoveBack", distance_m=0.2),
        Action("LookDown", angle_deg=30.0),
        Action("MoveLeft", distance_m=0.3),
        Action("MoveAhead", distance_m=9.0),
        Action("RotateRight", angle_deg=123.0),
        Action("LookUp", angle_deg=50.0),
        Action("MoveRight", distance_m=0.1),
        Action("LookDown", angle_deg=100.0),
        Action("Teleport", pose=AgentPose(x=100.0, y=0.0, yaw_rad=0.0)),
        Action("Teleport", pose=AgentPose(x=7.0, y=-3.0, yaw_rad=0.0)),  # in the bed
        Action("Teleport"),
        Action("MoveAhead", distance_m=float("nan")),
        Action("Fly"),
        Action("Done"),
    ]
    for action in script:
        here, there = habitat.step(action), house.step(action)
        assert (here.ok, here.error) == (there.ok, there.error)
        assert here.frame.stamp_ns == there.frame.stamp_ns
        np.testing.assert_allclose(here.frame.T_world_cam, there.frame.T_world_cam, atol=1e-6)
        np.testing.assert_allclose(habitat.T_world_base, house.T_world_base, atol=1e-6)


class Walk:
    """The frames of a simulator at places, and while it turns there."""

    name = "walk"

    def __init__(self, simulator, poses):
        self.n_frames, self.drops, self.warnings = 6 * len(poses), {}, []
        self._simulator, self._poses = simulator, poses

    def frames(self, start=0):
        for pose in self._poses:
            yield at(self._simulator, pose)
            for _ in range(5):
                yield self._simulator.step(Action("RotateLeft", angle_deg=8.0)).frame


def remembered(simulator, poses, folder):
    """Of each thing in the memory of a walk: its class and where it is."""
    simulator.reset()
    with Memory.open(folder) as memory:
        Pipeline().run(Walk(simulator, poses), memory)
        return sorted((i.label, *np.round(i.box.center, 2).tolist()) for i in memory.graph().instances.values())


def test_the_same_walk_gives_the_same_memory(habitat, house, poses, tmp_path):
    here, there = (remembered(s, poses[:5], tmp_path / s.__class__.__name__) for s in (habitat, house))
    assert len(there) > 10
    assert [row[0] for row in here] == [row[0] for row in there]
    np.testing.assert_allclose([row[1:] for row in here], [row[1:] for row in there], atol=0.05)


@pytest.mark.parametrize("index", [17, 250])
def test_houses_of_procthor_look_in_habitat_as_they_do_here(
    index, procthor_world, shared_data, asset_database, tmp_path
):
    exported = export_house(procthor_world(index), tmp_path, movable_apart=index % 2 == 0)
    there = sim.make("habitat", scene=f"{exported.dataset}#{exported.scene}", **SIZE)
    scene = f"{shared_data('houses/procthor_1k/train.jsonl.gz')}#{index}"
    here = sim.make("house", scene=scene, asset_database=asset_database, **SIZE)
    points = here.reachable()
    agree = []
    for number, (x, y) in enumerate(points[:: len(points) // 5]):
        pose = AgentPose(x=float(x), y=float(y), yaw_rad=float(number), horizon_rad=0.3)
        seen, wanted = at(there, pose), at(here, pose)
        if np.abs(seen.T_world_cam - wanted.T_world_cam).max() > 1e-6:
            continue  # moved off a wall
        same = seen.instance_ids == wanted.instance_ids
        agree.append(same.mean())
        assert np.quantile(np.abs(seen.depth - wanted.depth)[same], 0.999) <= LARGEST_DEPTH_ERROR_M
    assert len(agree) >= 4
    assert np.mean(agree) >= 0.999
    there.close()


def test_the_same_seed_gives_the_same_bytes_and_another_another_start(habitat):
    script = [Action("RotateLeft", angle_deg=40.0), Action("MoveAhead"), Action("LookDown")]
    runs = []
    for seed in (3, 3, 4):
        first = fingerprint(habitat.reset(seed=seed))
        runs.append([first, *(fingerprint(habitat.step(action).frame) for action in script)])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_objects_are_where_the_house_has_them(habitat, house):
    wanted = {o.instance_id: o for o in house.objects()}
    found = {o.instance_id: o for o in habitat.objects()}
    assert found.keys() == wanted.keys()
    for number, thing in found.items():
        assert thing.label == wanted[number].label
        np.testing.assert_allclose(thing.box.minimum, wanted[number].box.minimum, atol=0.002)
        np.testing.assert_allclose(thing.box.maximum, wanted[number].box.maximum, atol=0.002)
        assert habitat.uid_of(number) == thing.uid
        assert habitat.object(thing.uid) == thing
    assert (habitat.uid_of(0), habitat.label_of(0), habitat.uid_of(10**6), habitat.uid_of(-1)) == ("", "", "", "")


def test_what_lies_on_a_thing_is_told_to_be_on_it(habitat, house):
    uids = {o.uid: o.instance_id for o in house.objects()}
    here = {o.uid: o.instance_id for o in habitat.objects()}
    wanted = {o.instance_id: (uids.get(o.parent, 0), o.relation) for o in house.objects()}
    found = {o.instance_id: (here.get(o.parent, 0), o.relation) for o in habitat.objects()}
    assert np.mean([found[number] == wanted[number] for number in wanted]) > 0.9


def test_regions_are_rooms(habitat, house):
    assert len(habitat.rooms()) == len(house.rooms())
    room_of = {o.instance_id: o.room_id for o in house.objects()}
    pairs = {(room_of[o.instance_id], o.room_id) for o in habitat.objects()}
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
    for room in habitat.rooms():
        assert any(np.allclose(room.box.center[:2], other.box.center[:2], atol=0.05) for other in house.rooms())


def test_pixels_of_an_object_lie_in_its_box(habitat, poses):
    boxes = {o.instance_id: o.box for o in habitat.objects()}
    inside = total = 0
    for pose in poses:
        frame = at(habitat, pose)
        points = unproject(frame.depth, frame.K)
        points = points @ frame.T_world_cam[:3, :3].T + frame.T_world_cam[:3, 3]
        numbers = frame.instance_ids[frame.depth > 0]
        for number in set(numbers.tolist()) & boxes.keys():
            own = points[numbers == number]
            within = (own > np.array(boxes[number].minimum) - 0.02) & (own < np.array(boxes[number].maximum) + 0.02)
            inside, total = inside + int(within.all(axis=1).sum()), total + len(own)
    assert total > 10_000
    assert inside / total >= 0.99


def test_where_it_can_walk_is_about_where_it_can_walk_in_the_house(habitat, house):
    house.reset()
    at(habitat, house.agent_pose)
    here = {tuple(point) for point in np.round(habitat.reachable(), 3)}
    there = {tuple(point) for point in np.round(house.reachable(), 3)}
    assert len(here & there) / len(here | there) > 0.85
    assert habitat.can_stand(habitat.reachable()).all()
    assert not habitat.can_stand(np.array([[100.0, 0.0]])).any()


def test_a_teleport_next_to_a_wall_is_moved_off_it(habitat, exported, house):
    house.reset()
    free = at(habitat, house.agent_pose)
    wall = next(
        p for p in (house.agent_pose.x + np.arange(0, 9, 0.01)) if not habitat.can_stand([[p, free_y(house)]])[0]
    )
    wanted = AgentPose(x=float(wall) + 0.03, y=free_y(house), yaw_rad=0.0)
    assert habitat.step(Action("Teleport", pose=wanted)).ok
    assert free.stamp_ns < habitat.observe().stamp_ns
    moved = math.hypot(habitat.agent_pose.x - wanted.x, habitat.agent_pose.y - wanted.y)
    assert 0.02 < moved < 0.1
    assert habitat.can_stand([[habitat.agent_pose.x, habitat.agent_pose.y]])[0]


def free_y(house):
    return house.agent_pose.y


@pytest.mark.parametrize("name", ["OpenObject", "CloseObject", "ToggleObjectOn", "ToggleObjectOff", "SliceObject"])
def test_what_habitat_cannot_do_is_refused_in_one_sentence(habitat, name):
    before = habitat.agent_pose
    result = habitat.step(Action(name, "fridge_66"))
    assert not result.ok
    assert result.error.startswith(name)
    assert result.error.endswith(".")
    assert habitat.agent_pose == before


def uid(simulator, label):
    return next(o.uid for o in simulator.objects() if o.label == label)


def look_from_near(simulator, target, distance_m=0.5):
    """Stand near an object, turned to it, so that it is seen."""
    center = np.array(simulator.object(target).box.center)
    points = simulator.reachable()
    gaps = np.linalg.norm(points - center[:2], axis=1)
    for x, y in points[np.argsort(np.abs(gaps - distance_m))][:40]:
        yaw = math.atan2(center[1] - y, center[0] - x)
        horizon = math.atan2(1.5 - center[2], max(math.hypot(center[0] - x, center[1] - y), 0.1))
        pose = AgentPose(x=float(x), y=float(y), yaw_rad=yaw, horizon_rad=min(horizon, 1.2))
        if simulator.step(Action("Teleport", pose=pose)).ok and simulator.sees(target):
            return
    raise AssertionError(f"{target} is seen from nowhere")


def test_a_rigid_object_is_taken_and_put_down_elsewhere(movables):
    mug, table = uid(movables, "mug"), uid(movables, "coffee table")
    number = movables.object(mug).instance_id
    look_from_near(movables, mug)
    assert movables.step(Action("PickupObject", mug)).ok
    assert (movables.held, movables.object(mug).state, movables.object(mug).room_id) == (mug, "held", "")
    assert not movables.sees(mug)
    book = uid(movables, "book")
    look_from_near(movables, book)
    assert "already holds" in movables.step(Action("PickupObject", book)).error
    look_from_near(movables, table, 0.8)
    result = movables.step(Action("PutObject", table))
    assert result.ok, result.error
    there = movables.object(mug)
    assert (movables.held, there.state, there.parent, there.relation) == ("", "present", table, "on")
    assert there.box.minimum[2] == pytest.approx(movables.object(table).box.maximum[2], abs=0.02)
    assert (result.frame.instance_ids == number).any()
    others = [o for o in movables.objects() if o.parent == table and o.uid != mug]
    assert all(there.box.gap_m(o.box) > 0 for o in others)


def test_reset_puts_everything_back(movables):
    before = movables.objects()
    mug = uid(movables, "mug")
    look_from_near(movables, mug)
    assert movables.step(Action("PickupObject", mug)).ok
    movables.reset()
    assert movables.objects() == before
    assert movables.held == ""


def test_the_hand_refuses_in_one_sentence(movables):
    movables.reset()
    sofa, fridge, mug = uid(movables, "sofa"), uid(movables, "fridge"), uid(movables, "mug")
    refusals = [
        (Action("PickupObject", "Unicorn"), "There is no object 'Unicorn'"),
        (Action("PickupObject", sofa), "cannot be picked up"),
        (Action("PutObject", sofa), "hand is empty"),
    ]
    before = movables.objects()
    for action, message in refusals:
        result = movables.step(action)
        assert message in result.error
        assert result.error.endswith(".")
        assert result.error[0].isupper()
    assert movables.objects() == before
    look_from_near(movables, mug)
    movables.step(Action("RotateLeft", angle_deg=180.0))
    assert "not in view" in movables.step(Action("PickupObject", mug)).error
    look_from_near(movables, fridge, 3.5)
    assert "the arm reaches 1.5 m" in movables.step(Action("PutObject", fridge)).error or movables.held == ""


def test_a_closed_simulator_says_so_and_reset_opens_it(exported):
    simulator = sim.make("habitat", scene=exported.stage, **SIZE)
    first = fingerprint(simulator.observe())
    simulator.close()
    simulator.close()
    for call in (simulator.observe, simulator.objects, simulator.reachable):
        with pytest.raises(NotPossible, match="closed"):
            call()
    assert fingerprint(simulator.reset()) == first
    simulator.close()


def test_a_missing_file_is_named(tmp_path, exported):
    with pytest.raises(BadHouse, match=r"nowhere\.glb: no such file"):
        sim.make("habitat", scene=tmp_path / "nowhere.glb")
    with pytest.raises(BadHouse, match=r"none\.json: no such file"):
        sim.make("habitat", scene="house", dataset=str(tmp_path / "none.json"))
    with pytest.raises(BadHouse, match="want scene=FILE"):
        sim.make("habitat")


def test_a_scene_of_a_data_set_can_be_named_in_one_word(exported_apart, movables):
    simulator = sim.make("habitat", scene=f"{exported_apart.dataset}#{exported_apart.scene}", **SIZE)
    assert fingerprint(simulator.observe()) == fingerprint(movables.observe())
    assert simulator.objects() == movables.objects()
    simulator.close()


def test_a_scene_that_cannot_be_loaded_is_one_error(tmp_path, exported):
    (tmp_path / "torn.glb").write_bytes(b"glTF" + bytes(40))
    with pytest.raises(BackendUnavailable, match="cannot load"):
        sim.make("habitat", scene=tmp_path / "torn.glb")


def test_after_a_scene_that_fails_reset_loads_the_one_before(tmp_path, exported):
    simulator = sim.make("habitat", scene=exported.stage, **SIZE)
    first = fingerprint(simulator.observe())
    with pytest.raises(BadHouse):
        simulator.reset(scene=str(tmp_path / "nowhere.glb"))
    assert fingerprint(simulator.reset()) == first
    simulator.close()


@pytest.mark.skipif(IS_REAL, reason="replaces functions of the stand-in")
def test_a_navigation_mesh_is_loaded_or_the_robot_does_not_start(tmp_path, exported, library, monkeypatch):
    (tmp_path / "scene.navmesh").write_bytes(b"")
    mesh = str(tmp_path / "scene.navmesh")
    loaded = []
    finder = importlib.import_module("habitat_sim.pathfinder").PathFinder
    with pytest.raises(BackendUnavailable, match="cannot load the navigation mesh"):
        sim.make("habitat", scene=exported.stage, navmesh=mesh, **SIZE)
    monkeypatch.setattr(finder, "load_nav_mesh", lambda self, path: loaded.append(path) or True)
    sim.make("habitat", scene=exported.stage, navmesh=mesh, **SIZE).close()
    assert loaded == [mesh]
    monkeypatch.setattr(library.Simulator, "recompute_navmesh", lambda *args: False)
    with pytest.raises(BackendUnavailable, match="nothing would stop the robot"):
        sim.make("habitat", scene=exported.stage, **SIZE)


def test_settings_are_checked(exported):
    with pytest.raises(BadSettings, match="gpu_device_id"):
        sim.make("habitat", scene=exported.stage, gpu_device_id=-2)
    with pytest.raises(BadSettings, match="unknown setting colour"):
        sim.make("habitat", scene=exported.stage, colour="blue")


@pytest.mark.skipif(IS_REAL, reason="habitat_sim is here")
def test_without_habitat_the_remedy_is_named(exported, monkeypatch):
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(FAKES)])
    for name in [name for name in sys.modules if name.partition(".")[0] == "habitat_sim"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(BackendUnavailable, match="conda install habitat-sim"):
        sim.make("habitat", scene=exported.stage)


@pytest.mark.skipif(IS_REAL, reason="the machine may have this device")
def test_a_device_that_is_not_there_ends_only_the_child(exported):
    with pytest.raises(BackendUnavailable, match="status 1, it said: unable to find CUDA device 7"):
        sim.make("habitat", scene=exported.stage, gpu_device_id=7)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import os\nos._exit(1)", "status 1, it said: nothing"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "status -9"),
        ("import threading\nthreading.Event().wait()", "did not draw an image within 1 s"),
        ("raise ImportError('libEGL.so.1: cannot open shared object file')", "libEGL.so.1"),
    ],
)
def test_a_library_that_ends_the_process_is_one_error(tmp_path, exported, monkeypatch, source, message):
    (tmp_path / "habitat_sim.py").write_text(source)
    for name in [name for name in sys.modules if name.partition(".")[0] == "habitat_sim"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(BackendUnavailable, match=message):
        sim.make("habitat", scene=exported.stage, probe_timeout_s=1.0)


@pytest.mark.skipif(IS_REAL, reason="needs a scene without annotations")
def test_a_scene_without_semantics_has_images_and_no_objects(exported, tmp_path):
    (tmp_path / "bare.glb").write_bytes(exported.stage.with_name("house.glb").read_bytes())
    simulator = sim.make("habitat", scene=tmp_path / "bare.glb", **SIZE)
    frame = simulator.observe()
    assert (frame.depth > 0).mean() > 0.9
    assert not frame.instance_ids.any()
    assert (simulator.objects(), simulator.rooms()) == ([], [])
    assert len(simulator.reachable()) > 100
    simulator.close()


class Ramp:
    """A navigation mesh that rises with x and ends at 4 m around the origin; it stands in for a connection."""

    slope = 0.4

    def walked(self, start, end):
        far = np.abs(end[:2]).max() > 4
        return np.array([*(start if far else end)[:2], self.slope * (start if far else end)[0]])

    def snapped(self, position):
        x, y = np.clip(position[:2], -4, 4)
        return np.array([x, y, self.slope * x]) if np.abs(position[:2]).max() < 50 else np.full(3, np.nan)

    def start(self, seed):
        return np.zeros(3)

    def stand(self, position, yaw_rad, horizon_rad):
        self.at = position


def test_the_robot_stands_on_the_floor_at_whatever_height():
    ramp = Ramp()
    robot = Body(ramp, snap_m=0.1, seed=0)
    robot.act(Action("MoveAhead", distance_m=1.0))
    np.testing.assert_allclose(ramp.at, [1.0, 0.0, 0.4])
    robot.act(Action("MoveAhead", distance_m=1.5))
    assert robot.floor_m == pytest.approx(1.0)
    with pytest.raises(Refused, match="blocked"):
        robot.act(Action("MoveAhead", distance_m=2.0))
    assert (robot.pose.x, robot.floor_m) == (pytest.approx(2.5), pytest.approx(1.0))


def test_only_the_storey_is_reachable():
    robot = Body(Ramp(), snap_m=0.1, seed=0)
    points = robot.reachable()
    assert np.abs(points[:, 0]).max() == pytest.approx(1.25)  # half a metre up or down
    assert np.abs(points[:, 1]).max() == pytest.approx(4.0)


@pytest.mark.parametrize("point", [(4.2, 0.0), (100.0, 0.0), (3.0, 0.0)])  # off the mesh, where there is none, upstairs
def test_a_teleport_off_the_floor_is_refused(point):
    robot = Body(Ramp(), snap_m=0.1, seed=0)
    with pytest.raises(Refused, match="cannot stand"):
        robot.act(Action("Teleport", pose=AgentPose(x=point[0], y=point[1], yaw_rad=0.0)))
    assert (robot.pose.x, robot.pose.y) == (0, 0)


class Something:
    """An object with just these attributes."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def semantic_object(number, name, uid="", region=None, half=(1.0, 1.0, 1.0)):
    box = Something(center=np.zeros(3), half_extents=np.array(half), rotation=np.array([0, 0, 0, 1.0]))
    category = Something(name=lambda: name) if name is not None else None
    return Something(id=uid, semantic_id=number, category=category, region=region, obb=box)


def test_what_has_no_name_or_no_number_is_background():
    rows = [(1, "chair"), (2, ""), (3, None), (4, "Unknown"), (0, "wall"), (5, "dining_table"), (2**31, "lamp")]
    things = Things([semantic_object(*row) for row in rows], [])
    assert dict(things.labels) == {1: "chair", 5: "dining table"}
    image = np.array([[0, 1, 2, 3], [4, 5, 6, 2**32 - 1]], np.uint32)
    np.testing.assert_array_equal(things.read(image), [[0, 1, 0, 0], [0, 5, 0, 0]])
    assert things.read(image).dtype == np.int32


def test_a_region_with_a_category_is_a_room_of_that_kind():
    kitchen = Something(id="0_3", category=Something(name=lambda: "Kitchen"))
    hall = Something(id="0_4", category=None)
    rows = [(1, "oven", "a", kitchen), (2, "wall", "b", kitchen), (3, "wall", "c", hall), (4, "lamp", "d", None)]
    rooms = rooms_of(Things([semantic_object(*row) for row in rows], []))
    assert [(room.id, room.label) for room in rooms] == [("0_3", "kitchen"), ("0_4", "room")]
    assert rooms[0].contains(0.0, 0.0)


def test_names_and_numbers_are_given_once():
    things = Things([semantic_object(n, "chair", "0_0_1") for n in (1, 2, 2)], [])
    assert [(t.number, t.uid) for t in things.fixed] == [(1, "0_0_1"), (2, "chair#2")]


def test_a_box_that_habitat_does_not_know_is_left_out():
    things = Things(
        [semantic_object(1, "chair", half=(0.0, 0.0, 0.0)), semantic_object(2, "lamp", half=[np.nan] * 3)], []
    )
    assert [t.box for t in things.fixed] == [None, None]


def test_rigid_objects_numbered_by_class_get_numbers_of_their_own():
    handles = [
        "frl_apartment_chair_01_:0000",
        "frl_apartment_chair_01_:0001",
        "objects/frl_apartment_wall_cabinet_02_:0000",
    ]
    rigid = [Something(handle=h, semantic_id=4, translation=np.zeros(3)) for h in handles]
    things = Things([semantic_object(9, "lamp")], rigid)
    assert [t.label for t in things.movable.values()] == ["chair", "chair", "wall cabinet"]
    assert sorted(t.number for t in things.movable.values()) == [10, 11, 12]
    assert [r.semantic_id for r in rigid] == [10, 11, 12]


def test_semantic_colours_differ_for_all_numbers_that_houses_have():
    colours = {semantic_colour(number) for number in range(1, 20_000)}
    assert len(colours) == 19_999
    assert (0, 0, 0) not in colours


def test_a_thing_is_put_only_on_a_level_part_that_is_seen(own_world):
    simulator = sim.make("house", **SIZE)
    frame = simulator.observe()
    wall = next(n for n in np.unique(frame.instance_ids) if simulator.label_of(int(n)) == "wall")
    small, large = (
        type(own_world.scene.bounds(own_world.scene.bodies[0])).of((0, 0, 0), (s, s, s)) for s in (0.1, 3.0)
    )
    assert hand.free_spot(frame, int(wall), small, np.zeros(3)) is None
    floor = next(n for n in np.unique(frame.instance_ids) if simulator.label_of(int(n)) == "floor")
    spot = hand.free_spot(frame, int(floor), small, frame.T_world_cam[:3, 3])
    assert spot is not None
    assert spot[2] == pytest.approx(0, abs=0.01)
    assert hand.free_spot(frame, int(floor), large, np.zeros(3)) is None
    assert hand.free_spot(frame, 10**6, small, np.zeros(3)) is None


def test_opened_doors_and_held_things_are_not_exported(tmp_path):
    world = World(load_house(), AssetTable())
    thing = next(t for t in world.things.values() if t.type.pickupable)
    thing.held = True
    world.redraw(thing)
    exported = export_house(world, tmp_path)
    text = exported.stage.with_name("house.semantic.txt").read_text()
    numbers = {int(line.split(",")[0]) for line in text.splitlines()[1:]}
    assert thing.body.number not in numbers
    assert len(numbers) > 100


@pytest.mark.skipif(not (IS_REAL and os.environ.get("TOLMAN_HABITAT_SCENE")), reason="wants habitat_sim and a scene")
def test_any_scene_can_be_walked_in():
    simulator = sim.make("habitat", scene=os.environ["TOLMAN_HABITAT_SCENE"], **SIZE)
    assert len(simulator.reachable()) > 10
    results = [simulator.step(Action("MoveAhead" if n % 3 else "RotateLeft")) for n in range(30)]
    assert any(result.ok for result in results)
    assert all((result.frame.depth >= 0).all() for result in results)
    simulator.close()
