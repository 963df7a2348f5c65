# SPDX-License-Identifier: Apache-2.0
"""What frames do to distances and colours, and that they are stored and come back as they were."""

from dataclasses import replace

import numpy as np
import pytest

from mapping.tsdf.kernels import MAX_WEIGHT
from mapping.tsdf.tsdf import Tsdf
from memory_core import CameraFrame
from memory_core.errors import BackendUnavailable, BadFrame, BadInput, BadSettings, CorruptMemory
from memory_core.geometry import canonical_pose, pose_matrix
from memory_core.packing import pack, unpack

SHAPE = (60, 80)
K = np.array([[75.0, 0, 39.5], [0, 75, 29.5], [0, 0, 1]])


def looking(depth, T=None, colour=(90, 120, 30), K=K):
    depth = np.asarray(depth, np.float32)
    rgb = np.empty((*depth.shape, 3), np.uint8)
    rgb[:] = colour
    return CameraFrame(stamp_ns=0, rgb=rgb, depth=depth, K=K, T_world_cam=np.eye(4) if T is None else T)


def wall(z_m, **about):
    return looking(np.full(SHAPE, z_m), **about)


def some_frames(rng, n=6):
    """Rough surfaces with holes, from anywhere."""
    frames = []
    for _ in range(n):
        depth = np.kron(rng.uniform(0.8, 3.0, (10, 10)), np.ones((6, 8)))
        depth[rng.random(SHAPE) < 0.1] = 0
        q = rng.normal(size=4)
        T = canonical_pose(pose_matrix(rng.uniform(-2, 2, 3), q / np.linalg.norm(q)))
        frames.append(looking(depth, T, rng.integers(0, 256, (*SHAPE, 3))))
    return frames


def along_axis(tsdf, z_m):
    return tsdf.distances(np.column_stack([np.zeros(len(z_m)), np.zeros(len(z_m)), z_m]))


@pytest.mark.parametrize("voxel_size_m", [0.01, 0.02, 0.05, 0.13])
def test_distances_are_those_to_a_wall(voxel_size_m):
    tsdf = Tsdf(voxel_size_m)
    tsdf.integrate(wall(2.03), 4.0)

    voxels = np.arange(int(1.9 / voxel_size_m), int(2.1 / voxel_size_m))
    distances = along_axis(tsdf, (voxels + 0.5) * voxel_size_m)
    expected = 2.03 - (voxels + 0.5) * voxel_size_m
    known = np.abs(expected) <= tsdf.truncation_m
    assert known.any()
    np.testing.assert_allclose(distances[known], expected[known], atol=2e-5 + tsdf.truncation_m / 32000)


def test_nothing_is_known_behind_the_truncation_distance_nor_far_before_it():
    tsdf = Tsdf(0.05)
    tsdf.integrate(wall(2.0), 4.0)

    assert np.isnan(along_axis(tsdf, np.arange(2.3, 4.0, 0.05))).all()
    assert np.isnan(along_axis(tsdf, np.arange(0.1, 1.3, 0.05))).all()
    assert np.isnan(tsdf.distances([[np.nan, 0, 0], [1e300, 0, 0]])).all()


def test_a_distance_is_the_mean_of_what_frames_say():
    tsdf = Tsdf(0.05)
    for z_m in (1.98, 2.00, 2.05):
        tsdf.integrate(wall(z_m))

    assert along_axis(tsdf, [2.025])[0] == pytest.approx((1.98 + 2.00 + 2.05) / 3 - 2.025, abs=1e-4)


def test_what_frames_no_longer_show_is_forgotten_after_as_many_frames_as_an_average_remembers():
    tsdf = Tsdf(0.05)
    for _ in range(150):
        tsdf.integrate(wall(2.0))
    for _ in range(3 * MAX_WEIGHT):
        tsdf.integrate(wall(2.1))

    assert along_axis(tsdf, [2.025])[0] == pytest.approx(0.075, abs=0.01)


def test_a_thing_that_left_is_cleared_by_looking_through_it():
    tsdf = Tsdf(0.05)
    for _ in range(5):
        tsdf.integrate(wall(1.0))
    assert (along_axis(tsdf, [1.075, 1.125]) < 0).all()
    for _ in range(20):
        tsdf.integrate(wall(3.0))

    assert (along_axis(tsdf, [1.075, 1.125]) > 0).all()
    assert (np.abs(tsdf.mesh().vertices[:, 2] - 3.0) < 0.01).all()


def test_surfaces_beyond_the_range_are_left_out_yet_what_is_before_them_is_clear():
    tsdf = Tsdf(0.05)
    tsdf.integrate(wall(3.0), 2.0)
    assert not tsdf.changed_regions()

    for frame in (*[wall(1.0)] * 2, *[wall(3.0)] * 10):
        tsdf.integrate(frame, 2.0)
    assert len(tsdf.mesh().faces) == 0


def test_a_pixel_without_depth_tells_nothing():
    tsdf = Tsdf()
    tsdf.integrate(looking(np.zeros(SHAPE)))

    assert not tsdf.changed_regions()
    assert tsdf.bounds() is None
    assert len(tsdf.mesh().vertices) == 0


def test_colours_are_those_of_the_pixels_and_follow_a_change_of_light():
    tsdf = Tsdf(0.05)
    tsdf.integrate(wall(2.0, colour=(200, 0, 55)))
    assert tsdf.colours([[0, 0, 2.0]]).tolist() == [[200, 0, 55]]
    for _ in range(300):
        tsdf.integrate(wall(2.0, colour=(100, 9, 255)))

    assert tsdf.colours([[0, 0, 2.0]]).tolist() == [[100, 9, 255]]
    assert tsdf.colours([[0, 0, 40.0]]).tolist() == [[0, 0, 0]]


def test_colours_are_means_of_what_was_seen(rng):
    tsdf = Tsdf(0.05)
    for level in rng.permutation(np.repeat([100, 140], 30)):
        tsdf.integrate(wall(2.0, colour=(level,) * 3))

    assert abs(int(tsdf.colours([[0, 0, 2.0]])[0, 1]) - 120) <= 12


def test_a_mirrored_image_gives_the_same_map():
    rows_down, rows_up = Tsdf(0.05), Tsdf(0.05)
    depth = np.linspace(1.5, 2.5, SHAPE[0])[:, None] * np.ones(SHAPE)
    lens = K + np.array([[0, 0, 0.03], [0, 0, 0.17], [0, 0, 0]])  # no voxel lies just between two pixels
    rows_down.integrate(looking(depth, K=lens))
    flipped = lens * [[1], [-1], [1]]
    flipped[1, 2] = SHAPE[0] - 1 - lens[1, 2]
    rows_up.integrate(looking(depth[::-1], K=flipped))

    at = rows_down.mesh().vertices
    assert len(at) > 100
    np.testing.assert_allclose(rows_up.distances(at), rows_down.distances(at), atol=1e-4)


def test_the_same_frames_give_the_same_bytes_wherever_the_images_come_from(rng):
    frames = some_frames(rng)
    one, two = Tsdf(0.05), Tsdf(0.05)
    for frame in frames:
        one.integrate(frame)
        turned = {"rgb": np.asfortranarray(frame.rgb), "depth": np.asfortranarray(frame.depth)}
        two.integrate(replace(frame, stamp_ns=1, **turned))

    regions = one.changed_regions()
    assert regions == two.changed_regions()
    assert len(regions) > 4
    assert all(name.startswith("tsdf/") for name in regions)


def test_a_map_that_was_put_back_goes_on_as_if_never_stopped(rng):
    frames = some_frames(rng, 8)
    through, stored = Tsdf(0.05), {}
    for i, frame in enumerate(frames):
        through.integrate(frame)
        if i == 3:
            stored.update(through.changed_regions())
            resumed = Tsdf(0.05)
            resumed.restore_regions(stored)
            assert resumed.changed_regions() == {}
        if i > 3:
            resumed.integrate(frame)

    last = through.changed_regions()
    assert last == resumed.changed_regions()
    stored.update(last)
    again = Tsdf(0.05)
    again.restore_regions(stored)
    for a, b in ((through.mesh(), resumed.mesh()), (through.mesh(), again.mesh())):
        assert np.array_equal(a.vertices, b.vertices)
        assert np.array_equal(a.faces, b.faces)
        assert np.array_equal(a.colours, b.colours)


def test_only_regions_in_view_are_stored_again():
    tsdf = Tsdf(0.05)
    there, turned = np.eye(4), np.diag([-1.0, 1.0, -1.0, 1.0])
    tsdf.integrate(wall(2.0, T=there))
    before = tsdf.changed_regions()
    tsdf.integrate(wall(2.0, T=turned))
    after = tsdf.changed_regions()

    assert before
    assert after
    assert tsdf.changed_regions() == {}
    assert not set(before) & {name for name in after if name.endswith("_0")} - set(after)
    assert all(int(name.rsplit("_", 1)[1]) <= 0 for name in after)


def damaged(content, **changes):
    return pack({**unpack(content), **changes})


def hostile(content):
    values = unpack(content)
    keys, weight = values["keys"], values["weight"]
    yield damaged(content, keys=keys[::-1])
    yield damaged(content, keys=keys + (1 << 50))
    yield damaged(content, keys=-keys)
    yield damaged(content, keys=keys[:-1])
    yield damaged(content, keys=keys.astype(np.int32))
    yield damaged(content, keys="many")
    yield damaged(content, seen=values["seen"][:, :-1])
    yield damaged(content, weight=weight[:-1])
    yield damaged(content, weight=np.zeros_like(weight))
    yield damaged(content, weight=np.full_like(weight, 255))
    yield damaged(content, tsdf_high=np.full_like(values["tsdf_high"], -128))
    yield damaged(content, rgb=values["rgb"][:2])
    yield content[:-1]
    yield b""


def test_damaged_regions_are_refused_and_leave_the_map_as_it_was(rng):
    source, tsdf = Tsdf(0.05), Tsdf(0.05)
    for frame in some_frames(rng, 3):
        source.integrate(frame)
    tsdf.integrate(wall(1.0))
    regions = source.changed_regions()
    name, content = max(regions.items(), key=lambda item: len(item[1]))
    before = tsdf.mesh()

    for bad in hostile(content):
        with pytest.raises(CorruptMemory):
            tsdf.restore_regions({**regions, name: bad})
    for other in ("tsdf/1_2", "0_0_0", "tsdf/00_1_2", "tsdf/9_9_9", "tsdf/../x", "tsdf/99999999_0_0"):
        with pytest.raises(CorruptMemory):
            tsdf.restore_regions({other: content})
    with pytest.raises(BadSettings, match="voxel_size_m"):
        Tsdf(0.04).restore_regions(regions)
    with pytest.raises(BadSettings, match="truncation_m"):
        Tsdf(0.05, truncation_m=0.3).restore_regions(regions)
    assert np.array_equal(tsdf.mesh().vertices, before.vertices)


def test_settings_out_of_range_are_refused():
    for voxel_size_m in (0, -1, 1e-4, 11, float("nan")):
        with pytest.raises(BadSettings, match="voxel_size_m"):
            Tsdf(voxel_size_m)
    for truncation_m in (0.0, 0.05, 10.0, float("nan")):
        with pytest.raises(BadSettings, match="truncation_m"):
            Tsdf(0.05, truncation_m)
    for max_range_m in (0, -1, 1e9, float("nan")):
        with pytest.raises(BadSettings, match="max_range_m"):
            Tsdf().integrate(wall(1.0), max_range_m)
    with pytest.raises(BackendUnavailable):
        Tsdf(device="abacus")
    for min_weight in (0, 101):
        with pytest.raises(BadInput, match="min_weight"):
            Tsdf().mesh(min_weight)


def test_a_view_beyond_the_maps_coordinates_is_refused():
    T = np.eye(4)
    T[:3, 3] = 1e6, 0, 0
    tsdf = Tsdf(0.05)

    with pytest.raises(BadFrame, match="origin"):
        tsdf.integrate(wall(1.0, T=T))
    assert tsdf.changed_regions() == {}


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 1), (7, 5)])
def test_images_of_any_size_are_taken(shape):
    lens = np.array([[2.0, 0, 0], [0, 2.0, 0], [0, 0, 1]])
    tsdf = Tsdf(0.2)
    tsdf.integrate(looking(np.full(shape, 1.0), K=lens, colour=(7, 8, 9)))

    assert tsdf.changed_regions()
    assert tsdf.colours([[0.1, 0.1, 0.99]]).tolist() == [[7, 8, 9]]


def test_a_map_far_from_the_origin_is_as_exact_as_one_near_it():
    T = np.eye(4)
    T[:3, 3] = 4000.0, -4000.0, 2000.0  # multiples of the blocks' edges
    near, far = Tsdf(0.05), Tsdf(0.05)
    near.integrate(wall(2.03))
    far.integrate(wall(2.03, T=T))

    at = np.array([[0.01, 0.01, 1.925], [0.3, 0.2, 2.075]])
    np.testing.assert_allclose(far.distances(at + T[:3, 3]), near.distances(at), atol=1e-4)
