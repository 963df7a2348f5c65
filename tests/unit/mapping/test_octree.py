# SPDX-License-Identifier: Apache-2.0
"""What one and several frames do to the map, and what the map then says."""

import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from mapping.octree.octree import Octree, warm_up
from memory_core import CameraFrame
from memory_core.errors import BackendUnavailable, BadFrame, BadInput, BadSettings
from memory_core.geometry import canonical_pose, pose_matrix, transform_points, unproject

HIT, MISS = np.log(0.7 / 0.3), np.log(0.4 / 0.6)
STEP = 1 / 27.126


def lens(shape, focal=40.0):
    height, width = shape
    return np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1.0]])


def looking(depth, T=None, K=None):
    """A frame whose camera is at the origin looking along z, unless T says otherwise."""
    depth = np.asarray(depth, np.float32)
    K = lens(depth.shape) if K is None else np.asarray(K, np.float64)
    rgb = np.zeros((*depth.shape, 3), np.uint8)
    return CameraFrame(stamp_ns=0, rgb=rgb, depth=depth, K=K, T_world_cam=np.eye(4) if T is None else T)


def some_pose(rng, reach_m=3.0):
    q = rng.normal(size=4)
    return canonical_pose(pose_matrix(rng.uniform(-reach_m, reach_m, 3), q / np.linalg.norm(q)))


def some_depth(rng, shape):
    """A rough surface 1 to 3 m away, with steps and holes."""
    coarse = rng.uniform(1.0, 3.0, (-(-shape[0] // 6), -(-shape[1] // 6)))
    depth = np.kron(coarse, np.ones((6, 6)))[: shape[0], : shape[1]] + rng.normal(0, 0.01, shape)
    depth[rng.random(shape) < 0.1] = 0
    return depth.astype(np.float32)


def in_order(points):
    return points[np.lexsort(points.T)]


def same_map(a, b):
    return a.changed_regions() == b.changed_regions()


def test_nothing_is_known_before_the_first_frame():
    octree = Octree()

    assert octree.counts() == (0, 0)
    assert octree.occupancy([[0, 0, 0], [1, 2, 3]]).tolist() == [-1, -1]
    assert np.isnan(octree.log_odds([[0, 0, 0]])).all()
    assert octree.bounds() is None
    assert octree.changed_regions() == {}
    assert octree.occupied_centers().shape == (0, 3)
    assert np.isinf(octree.raycast([[0, 0, 0]], [[0, 0, 1]], 10.0)).all()


@pytest.mark.parametrize("voxel_size_m", [0.01, 0.02, 0.05, 0.13, 0.5])
def test_a_wall_is_occupied_with_free_space_before_it_and_nothing_known_behind(voxel_size_m):
    octree = Octree(voxel_size_m)
    octree.integrate(looking(np.full((60, 80), 2.0 + voxel_size_m / 3), K=lens((60, 80), 200.0)))

    on_axis = np.arange(0.3, 2.0 - voxel_size_m, voxel_size_m)
    assert (octree.occupancy(np.outer(on_axis, [0, 0, 1]) + 1e-6) == 0).all()
    wall = octree.occupied_centers()
    assert np.ptp(wall[:, 2]) < 1e-9
    assert abs(wall[0, 2] - (2.0 + voxel_size_m / 3)) <= voxel_size_m / 2
    behind = wall + np.array([0, 0, voxel_size_m])
    assert (octree.occupancy(behind) == -1).all()


def test_a_pixel_without_depth_tells_nothing():
    octree = Octree()
    octree.integrate(looking(np.zeros((24, 32))))

    assert octree.counts() == (0, 0)
    assert octree.changed_regions() == {}


def test_before_a_patch_without_depth_nothing_is_known():
    depth = np.full((120, 160), 3.0)
    depth[40:90, 50:110] = 0
    frame = looking(depth, K=lens(depth.shape, 100.0))
    octree = Octree()
    octree.integrate(frame)

    free = octree.free_centers()
    u, v, _ = frame.K @ (free / free[:, 2:]).T
    size = 0.05 / free[:, 2] * 100.0
    far_inside = (u - size > 51) & (u + size < 108) & (v - size > 41) & (v + size < 88) & (free[:, 2] > 0.3)
    assert not far_inside.any()
    assert len(free) > 10_000


def test_a_voxel_in_which_a_pixel_ends_is_hit_even_if_others_look_through_it():
    depth = np.full((48, 64), 3.0)
    depth[::2, ::2] = 1.02
    octree = Octree()
    octree.integrate(looking(depth))

    near = octree.log_odds([[0.01, 0.01, 1.02]])
    assert near == pytest.approx(HIT, abs=STEP)
    assert octree.log_odds([[0.01, 0.01, 0.7]]) == pytest.approx(MISS, abs=STEP)


def test_evidence_adds_up_and_is_clamped_as_in_octomap():
    octree = Octree()
    frame = looking(np.full((24, 32), 1.02))
    points = [[0.01, 0.01, 1.02], [0.01, 0.01, 0.52]]
    seen = []
    for _ in range(8):
        octree.integrate(frame)
        seen.append(octree.log_odds(points))

    times = np.arange(1, 9)[:, None]
    clamped = np.clip(times * [HIT, MISS], np.log(0.1192 / 0.8808), np.log(0.971 / 0.029))
    np.testing.assert_allclose(seen, clamped, atol=STEP)


def test_free_space_that_fills_up_becomes_occupied_and_clears_again():
    octree = Octree()
    there = [[0.01, 0.01, 1.02]]
    states = []
    for depth, times in ((2.0, 3), (1.02, 3), (2.0, 6)):
        for _ in range(times):
            octree.integrate(looking(np.full((24, 32), depth)))
        states.append(int(octree.occupancy(there)[0]))

    assert states == [0, 1, 0]


def test_beyond_the_range_space_is_cleared_up_to_it_and_nothing_is_hit():
    octree = Octree()
    octree.integrate(looking(np.full((60, 80), 9.0)), max_range_m=2.0)

    occupied, free = octree.counts()
    assert occupied == 0
    assert free > 0
    distances = np.linalg.norm(octree.free_centers(), axis=1)
    assert 1.9 < distances.max() < 2.0 + 0.05 * np.sqrt(3)
    assert octree.occupancy([[0.01, 0.01, 1.9]]) == 0


def test_the_range_is_measured_along_the_ray_not_along_the_axis():
    octree = Octree()
    octree.integrate(looking(np.full((61, 81), 1.9), K=lens((61, 81), 40.0)), max_range_m=2.0)

    hit_from_camera = np.linalg.norm(octree.occupied_centers(), axis=1)
    assert hit_from_camera.max() < 2.0 + 0.05 * np.sqrt(3) / 2
    assert octree.occupancy([[1.8, 0.01, 1.92]]) == -1


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (33, 47), (64, 81)])
def test_occupied_voxels_are_those_in_which_a_pixel_ends(rng, shape):
    for voxel_size_m in (0.03, 0.05, 0.2):
        T = some_pose(rng)
        frame = looking(some_depth(rng, shape), T, lens(shape, 90.0))
        octree = Octree(voxel_size_m)
        octree.integrate(frame, max_range_m=20.0)

        ends = transform_points(T, unproject(frame.depth, frame.K)) / voxel_size_m
        found = {tuple(v) for v in np.round(octree.occupied_centers() / voxel_size_m - 0.5).astype(int)}
        certain = np.abs(ends - np.round(ends)).min(axis=1) > 5e-3
        assert found >= {tuple(v) for v in np.floor(ends[certain]).astype(int)}
        around = {tuple(v) for d in (-5e-3, 5e-3) for v in np.floor(ends + d * frame.T_world_cam[:3, 2]).astype(int)}
        nearly = {tuple(v) for d in np.mgrid[-1:2, -1:2, -1:2].reshape(3, -1).T * 5e-3 for v in np.floor(ends + d)}
        assert found <= {tuple(int(c) for c in v) for v in nearly | around}


def test_free_voxels_are_those_that_a_pixel_at_their_place_looks_beyond(rng):
    shape, voxel_size_m = (120, 160), 0.05
    K = lens(shape, 110.0)
    for _ in range(4):
        T = some_pose(rng)
        depth = some_depth(rng, shape)
        depth[40:90, 50:110] = 0
        frame = looking(depth, T, K)
        octree = Octree(voxel_size_m)
        octree.integrate(frame)
        low, high = octree.bounds()
        low, high = low - 8 * voxel_size_m, high + 8 * voxel_size_m
        box = octree.dense(low, high)
        centers = (np.argwhere(box > -2) + octree.voxel_of(low) + 0.5) * voxel_size_m
        x, y, z = np.linalg.inv(T)[:3] @ np.column_stack([centers, np.ones(len(centers))]).T
        ahead = z > 0.1
        u = np.round(np.where(ahead, x / z, 9) * K[0, 0] + K[0, 2]).astype(int)
        v = np.round(np.where(ahead, y / z, 9) * K[1, 1] + K[1, 2]).astype(int)
        inside = ahead & (u >= 0) & (v >= 0) & (u < shape[1]) & (v < shape[0])
        beyond = np.zeros(len(z), bool)
        beyond[inside] = frame.depth[v[inside], u[inside]] > z[inside] + 1e-4
        state = box.ravel()
        assert (state[beyond] != -1).all()
        window = np.ceil(voxel_size_m / np.where(ahead, z, 1) * K[0, 0]).astype(int) + 1
        freed = (state == 0) & inside
        for size in np.unique(window[freed]):
            these = freed & (window == size)
            farthest = maximum_filter(frame.depth, 2 * size + 1, mode="nearest")
            assert (farthest[v[these], u[these]] > z[these] - 1e-4).all()


def test_moving_everything_by_whole_blocks_moves_the_map(rng):
    voxel_size_m = 2.0**-4
    shift = np.array([-3, 70_001, 12]) * 8 * voxel_size_m
    here, there = Octree(voxel_size_m), Octree(voxel_size_m)
    for _ in range(3):
        depth, T = some_depth(rng, (48, 64)), some_pose(rng)
        T[:3, 3] = np.round(T[:3, 3] * 2**20) / 2**20  # so that adding the shift is exact
        moved = T.copy()
        moved[:3, 3] += shift
        here.integrate(looking(depth, T))
        there.integrate(looking(depth, moved))

    assert here.counts() == there.counts()
    np.testing.assert_array_equal(in_order(here.occupied_centers() + shift), in_order(there.occupied_centers()))
    np.testing.assert_array_equal(in_order(here.free_centers() + shift), in_order(there.free_centers()))


def test_an_image_upside_down_with_a_negative_focal_length_is_the_same_image(rng):
    depth, T = some_depth(rng, (48, 64)), some_pose(rng)
    K = lens(depth.shape)
    flipped = K.copy()
    flipped[1, 1] = -K[1, 1]
    upright, upside_down = Octree(), Octree()
    upright.integrate(looking(depth, T, K))
    upside_down.integrate(looking(depth[::-1].copy(), T, flipped))

    assert upright.counts() == upside_down.counts()
    np.testing.assert_array_equal(upright.occupied_centers(), upside_down.occupied_centers())


def test_while_nothing_is_clamped_the_order_of_frames_does_not_matter(rng):
    frames = [looking(some_depth(rng, (48, 64)), some_pose(rng, 0.3)) for _ in range(4)]
    forwards, backwards = Octree(), Octree()
    for frame, other in zip(frames, reversed(frames), strict=True):
        forwards.integrate(frame)
        backwards.integrate(other)

    assert same_map(forwards, backwards)


def test_the_same_frames_give_the_same_bytes_however_the_image_lies_in_memory(rng):
    depth = some_depth(rng, (48, 64))
    read_only = depth.copy()
    read_only.flags.writeable = False
    columns_first = np.asfortranarray(depth)
    maps = []
    for image in (depth, read_only, columns_first):
        octree = Octree()
        octree.integrate(looking(image))
        maps.append(octree.changed_regions())

    assert maps[0] == maps[1] == maps[2]


def test_images_of_different_cameras_can_follow_each_other(rng):
    frames = [
        looking(some_depth(rng, shape), K=lens(shape, f))
        for shape, f in (((48, 64), 50), ((9, 200), 80), ((48, 64), 60))
    ]
    together = Octree()
    for frame in [*frames, frames[0]]:
        together.integrate(frame)
    again = Octree()
    for frame in [frames[2], frames[0], frames[0], frames[1]]:
        again.integrate(frame)

    assert same_map(together, again)


def test_counts_boxes_centres_and_points_agree_with_each_other(rng):
    octree = Octree(0.04)
    for _ in range(4):
        octree.integrate(looking(some_depth(rng, (60, 80)), some_pose(rng, 0.5)), max_range_m=2.0)
    box = octree.dense(*octree.bounds())
    centers = (np.argwhere(box > -2) + octree.voxel_of(octree.bounds()[0]) + 0.5) * 0.04

    np.testing.assert_array_equal(octree.occupancy(centers), box.ravel())
    assert octree.counts() == ((box == 1).sum(), (box == 0).sum())
    assert len(octree.occupied_centers()) == octree.counts()[0]
    assert (octree.occupancy(octree.occupied_centers()) == 1).all()
    assert (octree.occupancy(octree.free_centers()) == 0).all()
    odds = octree.log_odds(centers)
    np.testing.assert_array_equal(np.isnan(odds), box.ravel() == -1)
    np.testing.assert_array_equal(odds >= 0, box.ravel() == 1)


def test_rays_end_where_small_steps_along_them_first_meet_something_occupied(rng):
    octree = Octree(0.1)
    for _ in range(8):
        octree.integrate(looking(some_depth(rng, (48, 64)), some_pose(rng, 0.5)))
    origins = rng.uniform(-2, 2, (300, 3))
    directions = rng.normal(size=(300, 3))
    directions[:60] = np.eye(3)[rng.integers(0, 3, 60)] * rng.choice([-1, 1], (60, 1))
    distances = octree.raycast(origins, directions, 6.0)

    steps = np.arange(0, 6.0, 0.002)
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    along = (origins[:, None] + steps[:, None] * unit[:, None]).reshape(-1, 3)
    occupied = octree.occupancy(along).reshape(300, -1) == 1
    first = np.where(occupied.any(axis=1), steps[occupied.argmax(axis=1)], np.inf)
    assert 20 < np.isfinite(first).sum() < 280
    assert (distances <= first + 1e-9).all()
    inside = octree.occupancy(origins + (np.where(np.isfinite(distances), distances, 0)[:, None] + 1e-9) * unit) == 1
    assert inside[np.isfinite(distances)].all()


def test_rays_measure_to_the_surface_and_stop_at_their_range():
    octree = Octree()
    octree.integrate(looking(np.full((48, 64), 2.02)))
    origins, directions = np.zeros((3, 3)) + 0.01, np.array([[0, 0, 5.0], [0, 0, -1], [1, 0, 0]])

    distances = octree.raycast(origins, directions, 4.0)
    assert distances[0] == pytest.approx(2.0 - 0.01)
    assert np.isinf(distances[1:]).all()
    assert np.isinf(octree.raycast(origins[:1], directions[:1], 1.9)).all()
    assert octree.raycast([[0.01, 0.01, 2.02]], [[1, 0, 0]], 1.0) == 0.0


def test_points_that_cannot_be_in_the_map_are_unknown():
    octree = Octree()
    octree.integrate(looking(np.full((24, 32), 1.0)))

    assert octree.occupancy([[np.nan, 0, 0], [np.inf, 0, 0], [1e30, 0, 0], [-1e9, 1e9, 1]]).tolist() == [-1] * 4
    assert octree.occupancy(np.zeros((0, 3))).shape == (0,)


@pytest.mark.parametrize("focal", [0.7, 1e7])
def test_absurd_focal_lengths_do_no_harm(focal):
    octree = Octree()
    octree.integrate(looking(np.full((24, 32), 2.0), K=[[focal, 0, 16], [0, focal, 12], [0, 0, 1]]))
    octree.integrate(looking(np.full((24, 32), 2.0), K=[[focal, 0, -1e12], [0, focal, 1e12], [0, 0, 1]]))

    assert sum(octree.counts()) <= (2 * 4.0 / octree.voxel_size_m + 2) ** 3


def test_the_largest_depth_a_float_can_hold_is_just_out_of_range():
    octree = Octree()
    octree.integrate(looking(np.full((24, 32), np.finfo(np.float32).max)))

    occupied, free = octree.counts()
    assert occupied == 0
    assert free > 0


def test_a_camera_outside_the_maps_coordinates_is_refused_and_nothing_changes():
    octree = Octree()
    octree.integrate(looking(np.full((24, 32), 1.0)))
    before = octree.counts()
    T = np.eye(4)
    T[1, 3] = 60_000.0
    with pytest.raises(BadFrame, match=r"want a view within 52429 m of the map's origin, got a camera at \[0.0, 60000"):
        octree.integrate(looking(np.full((24, 32), 1.0), T))

    assert octree.counts() == before
    T[1, 3] = 52_000.0
    octree.integrate(looking(np.full((24, 32), 1.0), T))
    assert octree.occupancy([[0.01, 52_000.01, 0.6]]) == 0


@pytest.mark.parametrize("voxel_size_m", [0.0, -1.0, np.nan, np.inf, 100.0])
def test_impossible_voxel_sizes_are_refused(voxel_size_m):
    with pytest.raises(BadSettings, match=r"voxel_size_m: want 0\.001 \.\. 10 m"):
        Octree(voxel_size_m)


@pytest.mark.parametrize("max_range_m", [0.0, -1.0, np.nan, np.inf, 1e6])
def test_impossible_ranges_are_refused(max_range_m):
    with pytest.raises(BadSettings, match=r"max_range_m: want 0 .. 204.8 m"):
        Octree().integrate(looking(np.ones((4, 4))), max_range_m)


def test_other_devices_are_refused_by_name():
    with pytest.raises(BackendUnavailable, match="got 'abacus'"):
        Octree(device="abacus")


def test_malformed_questions_are_refused():
    octree = Octree()
    with pytest.raises(BadInput, match=r"points: want \(N, 3\) numbers, got shape \(3,\)"):
        octree.occupancy([0, 0, 0])
    with pytest.raises(BadInput, match="directions that are not 0"):
        octree.raycast([[0, 0, 0]], [[0, 0, 0]], 1.0)
    with pytest.raises(BadInput, match="finite origins"):
        octree.raycast([[0, np.nan, 0]], [[0, 0, 1]], 1.0)
    with pytest.raises(BadInput, match="minimum <= maximum"):
        octree.dense([0, 0, 0], [1, -1, 1])
    with pytest.raises(BadInput, match="too large"):
        octree.dense([0, 0, 0], [1e4, 1e4, 1e4])


def test_warming_up_is_silent(capfd, recwarn):
    warm_up()

    assert capfd.readouterr() == ("", "")
    assert not recwarn.list
