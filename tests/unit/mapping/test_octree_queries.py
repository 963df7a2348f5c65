# SPDX-License-Identifier: Apache-2.0
"""Levels, boxes, distances, frustums and exports agree with the voxels one by one."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from mapping.octree.octree import Octree
from memory_app.benchmarks.room import room_frames
from memory_core.errors import BadInput

SIZE = 0.1


@pytest.fixture(scope="module")
def octree():
    octree = Octree(SIZE)
    for frame in list(room_frames(8)) * 2:
        octree.integrate(frame)
    return octree


@pytest.fixture(scope="module")
def voxels(octree):
    """All voxels of the room and some around it: the first one and the array."""
    low, high = octree.bounds()
    return octree.voxel_of(low - 0.8), octree.dense(low - 0.8, high + 0.8)


def some_points(octree, n, rng):
    low, high = octree.bounds()
    return rng.uniform(low - 0.7, high + 0.7, (n, 3))


@pytest.mark.parametrize("level", range(7))
def test_a_cell_is_occupied_when_any_voxel_is_and_free_when_all_are(octree, level, rng):
    size = 1 << level
    points = np.vstack([some_points(octree, 300, rng), [[90.0, 0, 0], [np.nan, 0, 0]]])
    got = octree.occupancy(points, level)
    for point, value in zip(points[:300], got, strict=False):
        first = (octree.voxel_of(point) >> level) * size
        box = octree.dense((first + 0.5) * SIZE, (first + size - 0.5) * SIZE)
        assert value == (1 if (box == 1).any() else 0 if (box == 0).all() else -1)
    assert got[300:].tolist() == [-1, -1]


def test_a_dense_box_at_a_level_is_the_occupancy_of_its_cells(octree):
    low, high = octree.bounds()
    for level in (1, 3, 5):
        box = octree.dense(low, high, level)
        first = octree.voxel_of(low) >> level
        at = (np.argwhere(box > -2) + first + 0.5) * (SIZE * (1 << level))
        np.testing.assert_array_equal(octree.occupancy(at, level), box.ravel())
        assert (box == 1).any()


def test_boxes_count_what_lies_in_them(octree, voxels, rng):
    first, box = voxels
    corner = rng.integers(0, np.array(box.shape) - 1, (200, 3))
    size = rng.integers(1, 40, (200, 3))
    last = np.minimum(corner + size, np.array(box.shape)) - 1
    boxes = np.hstack([(first + corner + 0.5) * SIZE, (first + last + 0.5) * SIZE])
    parts = [box[tuple(slice(a, b + 1) for a, b in zip(c, d, strict=True))] for c, d in zip(corner, last, strict=True)]

    np.testing.assert_array_equal(octree.count(boxes), [[(p == 1).sum(), (p == 0).sum()] for p in parts])
    np.testing.assert_array_equal(octree.any_occupied(boxes), [(p == 1).any() for p in parts])
    everything = [[-1e5, -1e5, -1e5, 1e5, 1e5, 1e5]]
    assert octree.count(everything)[0].tolist() == list(octree.counts())
    assert octree.any_occupied([[50, 50, 50, 60, 60, 60]]).tolist() == [False]
    assert octree.count(np.zeros((0, 6))).shape == (0, 2)


def test_the_distance_is_that_to_the_nearest_occupied_voxel(octree, rng):
    points = np.vstack([some_points(octree, 1500, rng), octree.occupied_centers()[:3]])
    centers = octree.occupied_centers()
    near = cKDTree(centers).query(points, k=60)[1]
    gaps = np.maximum(np.abs(centers[near] - points[:, None]) - SIZE / 2, 0)
    truth = np.linalg.norm(gaps, axis=2).min(axis=1)
    got = octree.distance(points, 1.0)

    np.testing.assert_allclose(got[truth < 1], truth[truth < 1], atol=1e-9)
    assert np.isinf(got[truth > 1 + 1e-9]).all()
    assert got[-3:].tolist() == [0, 0, 0]
    assert np.isinf(octree.distance([[400.0, 0, 0]])).all()


def test_the_distance_field_of_a_box_is_that_of_the_whole_map(octree):
    low, high = np.array([-1.0, -1.0, 0.2]), np.array([0.6, 0.5, 1.4])
    field = octree.esdf(low, high, 1.5)
    box = octree.dense(low, high)
    at = (np.argwhere(box > -2) + octree.voxel_of(low) + 0.5) * SIZE
    nearest = cKDTree(octree.occupied_centers()).query(at)[0].reshape(box.shape)

    assert field.shape == box.shape
    outside = box != 1
    np.testing.assert_allclose(field[outside], np.minimum(nearest[outside], 1.5), atol=1e-4)
    assert (field[~outside] < 0).all()


def test_visible_voxels_are_those_that_rays_of_the_image_end_in(octree):
    frame = next(room_frames(8))
    size = (frame.depth.shape[1], frame.depth.shape[0])
    seen = octree.visible(frame.T_world_cam, frame.K, size, 6.0)
    v, u = np.mgrid[0 : size[1] : 4, 0 : size[0] : 4]
    rays = np.stack([(u - frame.K[0, 2]) / frame.K[0, 0], (v - frame.K[1, 2]) / frame.K[1, 1], np.ones(u.shape)], -1)
    rays = rays.reshape(-1, 3) @ frame.T_world_cam[:3, :3].T
    origin = np.broadcast_to(frame.T_world_cam[:3, 3], rays.shape)
    met = octree.raycast(origin, rays, 6.0)
    ends = (origin + (met + 1e-6)[:, None] * rays / np.linalg.norm(rays, axis=1, keepdims=True))[np.isfinite(met)]
    hit = {tuple(v) for v in np.floor(ends / SIZE).astype(int).tolist()}
    named = {tuple(v) for v in np.floor(seen / SIZE).astype(int).tolist()}

    assert len(named) == len(seen)
    assert (octree.occupancy(seen) == 1).all()
    assert len(named - hit) <= 0.02 * len(named)
    assert len(hit & named) >= 0.8 * len(hit), "only those of which a corner peeps out are left out"


def test_the_grid_from_above_says_what_a_column_holds(octree, voxels):
    first, box = voxels
    grid = octree.occupancy_grid(0.3, 1.2)
    rows = (np.arange(box.shape[2]) + first[2] >= 3) & (np.arange(box.shape[2]) + first[2] <= 12)
    band = box[:, :, rows]
    truth = np.where((band == 1).any(axis=2), 100, np.where((band == 0).any(axis=2), 0, -1))
    x0, y0 = np.round(grid.origin / SIZE).astype(int) - first[:2]
    height, width = grid.cells.shape
    inner = truth[x0 : x0 + width, y0 : y0 + height]

    np.testing.assert_array_equal(grid.cells.T, inner)
    assert (inner >= 0).sum() == (truth >= 0).sum(), "nothing known is left out"
    assert {-1, 0, 100} == set(np.unique(grid.cells))


def test_an_empty_map_has_an_empty_grid():
    assert Octree().occupancy_grid(0.0, 1.0).cells.shape == (0, 0)
    assert Octree().changed_since(-1).shape == (0, 6)
    assert Octree().distance([[0, 0, 0]]).tolist() == [np.inf]
    assert Octree().count([[0, 0, 0, 1, 1, 1]]).tolist() == [[0, 0]]


def test_changed_since_names_the_blocks_whose_voxels_changed():
    octree = Octree(SIZE)
    first, *_, last = room_frames(8)
    octree.integrate(first)
    before, _ = octree.known_blocks()
    assert len(octree.changed_since(-1)) == len(before)
    assert octree.changed_since(first.stamp_ns).shape == (0, 6)
    old = octree.dense([-4, -4, -1], [4, 4, 4])
    octree.integrate(last)
    boxes = octree.changed_since(first.stamp_ns)
    new = octree.dense([-4, -4, -1], [4, 4, 4])
    at = (np.argwhere(new != old) + octree.voxel_of([-4, -4, -1]) + 0.5) * SIZE

    np.testing.assert_allclose(boxes[:, 3:] - boxes[:, :3], 0.8)
    named = {tuple(b) for b in np.round(boxes[:, :3] / 0.8).astype(int).tolist()}
    assert named >= {tuple(b) for b in np.floor(at / 0.8).astype(int).tolist()}
    assert octree.last_seen_ns([boxes[0, :3] + 0.4, [500, 0, 0]]).tolist() == [last.stamp_ns, 0]


def test_blocks_taken_out_and_put_back_are_the_same_map(octree):
    blocks, voxels = octree.known_blocks()
    other = Octree(SIZE)
    other.replace_blocks(np.array([[70, 70, 70]]), np.zeros((1, 512), np.int8), 5)
    other.changed_regions()
    other.replace_blocks(blocks[::-1], voxels[::-1], 9)

    assert other.counts() == octree.counts()
    np.testing.assert_array_equal(other.occupied_centers(), octree.occupied_centers())
    changed = other.changed_regions()
    emptied = Octree(SIZE)
    emptied.restore_regions(changed)
    assert emptied.counts() == octree.counts()
    assert "8_8_8" in changed, "that nothing is left of a region is told too"


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda o: o.occupancy([[0, 0, 0]], level=7), r"level: want 0 .. 6, got 7"),
        (lambda o: o.count([[0, 0, 0, -1, 1, 1]]), r"boxes: want \(N, 6\) metres"),
        (lambda o: o.any_occupied([0, 0, 0, 1, 1, 1]), r"boxes: want \(N, 6\) metres"),
        (lambda o: o.distance([[np.nan, 0, 0]]), "want finite points"),
        (lambda o: o.distance([[0, 0, 0]], 0.0), "want finite points and max_m"),
        (lambda o: o.esdf([0, 0, 0], [-1, 0, 0]), "minimum <= maximum"),
        (lambda o: o.visible(np.eye(3), np.eye(3), (4, 4)), r"want T_world_cam \(4, 4\)"),
        (lambda o: o.occupancy_grid(1.0, 0.0), "z_min <= z_max"),
    ],
)
def test_malformed_questions_are_refused(octree, ask, message):
    with pytest.raises(BadInput, match=message):
        ask(octree)
