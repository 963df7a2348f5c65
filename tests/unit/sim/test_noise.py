# SPDX-License-Identifier: Apache-2.0
"""Imperfect sensors: what they change, what they leave alone, and that a seed says it all."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest

import sim
from memory_core.errors import BadSettings
from sim.noise import CAMERAS, DROPPED, NoisySimulator, NoisySource, Odometry, with_depth_noise
from sim.settings import NoiseSettings

ALL = NoiseSettings(depth_camera="structured_light", drift=0.02, drop=0.3, noise_seed=5)


@pytest.fixture(scope="module")
def frame():
    robot = sim.make("house", width=320, height=240)
    robot.step(sim.Action("RotateLeft", angle_deg=120.0))
    return robot.step(sim.Action("LookDown", angle_deg=20.0)).frame


@pytest.fixture(scope="module")
def plane(frame):
    """Returns a function: a grey wall straight ahead at a distance."""

    def at(distance_m, brightness=150):
        depth = np.full_like(frame.depth, distance_m)
        return replace(frame, depth=depth, rgb=np.full_like(frame.rgb, brightness))

    return at


def noisy(frame, camera, seed=0):
    return with_depth_noise(frame, NoiseSettings(depth_camera=camera, noise_seed=seed)).depth


def same(a, b):
    return a.stamp_ns == b.stamp_ns and all(
        np.array_equal(x, y)
        for x, y in (
            (a.rgb, b.rgb),
            (a.depth, b.depth),
            (a.T_world_cam, b.T_world_cam),
            (a.instance_ids, b.instance_ids),
        )
    )


@pytest.mark.parametrize("camera", sorted(CAMERAS))
def test_noise_follows_from_the_seed_and_the_stamp(frame, camera):
    assert np.array_equal(noisy(frame, camera), noisy(frame, camera))
    assert not np.array_equal(noisy(frame, camera), noisy(frame, camera, seed=1))
    assert not np.array_equal(noisy(frame, camera), noisy(replace(frame, stamp_ns=1), camera))


@pytest.mark.parametrize("camera", sorted(CAMERAS))
def test_most_of_a_room_is_still_measured_to_a_few_centimetres(frame, camera):
    depth = noisy(frame, camera)
    near = (frame.depth > 0.5) & (frame.depth < 4.0)
    assert np.mean(depth[near] > 0) > 0.85
    both = near & (depth > 0)
    assert np.median(np.abs(depth - frame.depth)[both]) < 0.02
    assert np.all(depth[frame.depth == 0] == 0)


@pytest.mark.parametrize("camera", sorted(CAMERAS))
def test_noise_grows_with_distance_and_ends_at_the_range(plane, camera):
    spread = [np.std(noisy(plane(z), camera)[plane(z).depth > 0]) for z in (1.0, 2.0, 4.0)]
    assert spread[0] * 1.5 < spread[1]
    assert spread[1] * 1.5 < spread[2]
    assert not noisy(plane(0.2), camera).any()
    assert not noisy(plane(9.0), camera).any()


def test_structured_light_gives_steps_of_the_disparity(plane):
    depth = noisy(plane(4.0), "structured_light")
    steps = 585 * 0.075 * 8 / depth[depth > 0].astype(np.float64)
    assert np.abs(steps - np.round(steps)).max() < 1e-3
    assert len(np.unique(depth)) < 20


def test_dark_surfaces_give_holes(plane):
    for camera, distance in (("structured_light", 2.0), ("tof", 5.0)):
        bright, dark = (np.mean(noisy(plane(distance, b), camera) > 0) for b in (150, 5))
        assert dark < 0.5
        assert bright > 0.9


def test_a_shadow_without_depth_lies_beside_a_near_thing(plane):
    frame = plane(3.0)
    frame.depth[:, 100:150] = 1.0
    gone = np.mean(noisy(frame, "structured_light") == 0, axis=0)
    parallax_px = frame.K[0, 0] * 0.075 * (1 / 1.0 - 1 / 3.0)
    right = slice(152, 150 + int(parallax_px) - 2)
    assert gone[right].min() > 0.9
    assert gone[60:97].max() < 0.2


def test_pixels_fly_between_a_near_thing_and_what_is_behind_it(plane):
    frame = plane(3.0)
    frame.depth[:, 100:150] = 1.0
    depth = noisy(frame, "tof")
    between = (depth > 1.2) & (depth < 2.8)
    columns = np.flatnonzero(between.any(axis=0))
    assert np.isin(columns, (99, 100, 149, 150)).all()
    assert np.mean(between[:, 150]) > 0.2


def test_hollow_corners_look_deeper_to_a_tof_camera(plane):
    frame = plane(2.0)
    u = np.arange(320)
    frame.depth[:] = 2.0 - 0.6 * np.abs(u - 160) / 160  # a corner that points away
    error = (noisy(frame, "tof") - frame.depth).mean(axis=0)
    assert error[158:163].mean() > error[100:110].mean() + 0.002


def walked(settings, n=200, stride_m=0.25):
    """An odometry that went straight ahead for n strides, and its errors."""
    odometry = Odometry(settings)
    errors = []
    for k in range(n):
        T = np.array([[0.0, 0, 1, k * stride_m], [-1, 0, 0, 0], [0, -1, 0, 1.5], [0, 0, 0, 1]])
        odometry.believe(k + 1, T)
        errors.append(odometry.error[0])
    return odometry, np.array(errors)


def test_drift_is_about_its_share_of_the_way():
    runs = np.array([walked(NoiseSettings(drift=0.01, noise_seed=seed), n=41)[1] for seed in range(30)])
    assert np.sqrt(np.mean(runs[:, -1] ** 2)) == pytest.approx(0.01 * 10 * np.sqrt(2), rel=0.5)
    assert np.all(runs[:, 0] == 0)
    twice = walked(NoiseSettings(drift=0.02, noise_seed=3), n=41)[1]
    assert twice[-1] == pytest.approx(2 * runs[3, -1], rel=0.1)


def test_a_loop_puts_the_robot_right_and_tells_the_corrected_trajectory():
    there = [(x, 0.0) for x in np.arange(0, 4, 0.25)] + [(4.0, y) for y in np.arange(0, 4, 0.25)]
    ring = there + [(4 - x, 4 - y) for x, y in there] + [(0.0, 0.0)]
    settings = NoiseSettings(drift=0.05, noise_seed=2)
    open_loop, closed = Odometry(replace(settings, loop_closures=False)), Odometry(settings)
    closures = []
    for k, (x, y) in enumerate(ring):
        T = np.array([[0.0, 0, 1, x], [-1, 0, 0, y], [0, -1, 0, 1.5], [0, 0, 0, 1]])
        open_loop.believe(k + 1, T)
        closed.believe(k + 1, T)
        closures += [closed.closure] if closed.closure else []
    assert closed.error[0] < 0.5 * open_loop.error[0]
    assert len(closures) == 1
    loop = closures[0]
    assert loop.stamps_ns.tolist() == list(range(1, loop.stamp_ns + 1))
    assert loop.shift_m > 0.05
    assert np.linalg.norm(np.diff(loop.poses[:, :2, 3], axis=0), axis=1).max() < 0.35
    np.testing.assert_allclose(loop.poses[:, 2, 3], 1.5)


@pytest.fixture(scope="module")
def short(tour):
    """The first frames of a tour."""
    first = copy(tour)
    first.poses, first.n_frames = tour.poses[:30], 30
    return first


def test_the_same_settings_give_the_same_frames_and_others_do_not(short):
    runs = [list(NoisySource(short, s).frames()) for s in (ALL, ALL, replace(ALL, noise_seed=6))]
    assert all(same(a, b) for a, b in zip(runs[0], runs[1], strict=True))
    assert not same(runs[0][-1], runs[2][-1])


@pytest.mark.parametrize("knows", [True, False])
def test_a_source_can_be_read_from_any_frame_on(short, knows):
    class Plain:
        name, n_frames, drops, warnings = "plain", 30, {}, []
        frames = short.frames

    source = NoisySource(short if knows else Plain(), ALL)
    everything = list(source.frames())
    assert source.drops == {DROPPED: 30 - len(everything)}
    assert 10 < len(everything) < 30
    assert source.n_frames == (len(everything) if knows else None)
    for start in (0, 1, 7, len(everything) - 1, len(everything), len(everything) + 3):
        rest = list(source.frames(start))
        assert len(rest) == max(0, len(everything) - start)
        assert all(same(a, b) for a, b in zip(everything[start:], rest, strict=True))


def test_without_noise_nothing_changes(short):
    assert all(same(a, b) for a, b in zip(short.frames(), NoisySource(short, NoiseSettings()).frames(), strict=True))
    assert NoisySource(short, NoiseSettings()).name == short.name


def test_settings_out_of_range_are_refused(short):
    for bad in ({"drop": 0.95}, {"drift": -0.1}, {"depth_camera": "lidar"}, {"drift": float("nan")}):
        with pytest.raises(BadSettings, match=next(iter(bad))):
            NoisySource(short, NoiseSettings(**bad))


def test_a_robot_acts_on_what_it_believes():
    robot = NoisySimulator(sim.make("house", width=64, height=48), replace(ALL, drop=0.0, drift=0.1))
    first = robot.observe()
    assert robot.observe() is first
    for _ in range(12):
        robot.step(sim.Action("MoveAhead", distance_m=0.2))
        robot.step(sim.Action("RotateLeft", angle_deg=20.0))
    true, believed = robot.simulator.agent_pose, robot.agent_pose
    assert np.hypot(true.x - believed.x, true.y - believed.y) == pytest.approx(robot.pose_error[0], abs=1e-6)
    assert robot.pose_error[0] > 0.01
    np.testing.assert_allclose(robot.observe().T_world_cam[:2, 3], [believed.x, believed.y], atol=1e-6)
    np.testing.assert_allclose(robot.T_world_base[:2, 3], [believed.x, believed.y], atol=1e-6)
    assert robot.objects() == robot.simulator.objects()
    assert not np.array_equal(robot.wait(1.0).depth, robot.simulator.observe().depth)
    assert robot.step(sim.Action("Teleport", pose=believed)).ok
    after = robot.simulator.agent_pose
    np.testing.assert_allclose([after.x, after.y, after.yaw_rad], [true.x, true.y, true.yaw_rad], atol=1e-6)


def test_a_lost_frame_leaves_the_one_before_and_a_reset_begins_anew():
    robot = NoisySimulator(sim.make("house", width=64, height=48), replace(ALL, drop=0.5))

    def run():
        return [robot.step(sim.Action("RotateLeft")).frame for _ in range(20)]

    first, again = run(), (robot.reset(), run())[1]
    stamps = [frame.stamp_ns for frame in first]
    assert stamps == sorted(stamps)
    assert 3 < len(set(stamps)) < 18
    assert all(same(a, b) for a, b in zip(first, again, strict=True))
