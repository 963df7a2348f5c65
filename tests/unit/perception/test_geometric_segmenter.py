# SPDX-License-Identifier: Apache-2.0
"""The geometric segmenter finds what stands out of planes, steadily, and calls it an object."""

import itertools

import numpy as np
import pytest

from memory_core import CameraFrame
from memory_core.geometry import Box
from perception import GeometricSegmenter, GeometricSettings
from perception.planes import Planes
from perception.steady import Steady

WIDTH, HEIGHT, FOCAL = 320, 240, 290.0
K = np.array([[FOCAL, 0, (WIDTH - 1) / 2], [0, FOCAL, (HEIGHT - 1) / 2], [0, 0, 1.0]])
SETTINGS = GeometricSettings(cell_px=2)


def scene(boxes, shift_m=0.0, noise_m=0.0, seed=0, stamp_ns=0):
    """A camera above a table top, looking down at 45 degrees, 1 m above it; boxes stand on the table."""
    down = np.radians(45)
    pose = np.eye(4)
    forward = np.array([np.cos(down), 0, -np.sin(down)])
    right = np.array([0.0, -1.0, 0.0])
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = (-1.0, shift_m, 1.0)
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH]
    rays = np.stack([(u - K[0, 2]) / FOCAL, (v - K[1, 2]) / FOCAL, np.ones_like(u, float)], -1).reshape(-1, 3)
    directions = rays @ pose[:3, :3].T
    depth = np.where(directions[:, 2] < 0, -1.0 / np.minimum(directions[:, 2], -1e-6), np.inf)
    names = np.zeros(len(depth), int)
    for k, box in enumerate(boxes, start=1):
        with np.errstate(divide="ignore"):
            a, b = ((np.asarray(side) - pose[:3, 3]) / directions for side in (box.minimum, box.maximum))
        near, far = np.minimum(a, b).max(axis=1), np.maximum(a, b).min(axis=1)
        hit = (near <= far) & (near > 0) & (near < depth)
        depth[hit], names[hit] = near[hit], k
    depth += noise_m * np.random.default_rng(seed).standard_normal(depth.shape) * depth**2
    depth = np.where(depth < 6, depth, 0).astype(np.float32).reshape(HEIGHT, WIDTH)
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    return CameraFrame(stamp_ns=stamp_ns, rgb=rgb, depth=depth, K=K, T_world_cam=pose), names.reshape(HEIGHT, WIDTH)


CUPS = [Box.of((0.0, y, 0.06), (0.09, 0.09, 0.12)) for y in (-0.25, 0.0, 0.25)]


def pasted(segments):
    image = np.zeros((HEIGHT, WIDTH), int)
    for k, one in enumerate(segments, start=1):
        u0, v0, u1, v1 = one.box_px
        image[v0:v1, u0:u1][one.mask] = k
    return image


@pytest.mark.parametrize("noise_m", [0.0, 0.002])
def test_cups_on_a_table_are_told_apart_and_the_table_is_none(noise_m):
    segmenter = GeometricSegmenter(SETTINGS)
    for k in range(5):
        frame, names = scene(CUPS, shift_m=0.01 * k, noise_m=noise_m, seed=k)
        segments = segmenter.segment(frame)
    found = pasted(segments)

    assert len(segments) == 3
    assert all(s.label_scores == {"object": 1.0} and s.source == "geometric" for s in segments)
    for cup in (1, 2, 3):
        votes = np.bincount(found[names == cup], minlength=4)
        assert votes[1:].max() > 0.6 * votes.sum()  # most of the cup is one segment
    assert np.count_nonzero(found[names == 0]) < 0.15 * np.count_nonzero(found)


def test_an_empty_table_has_no_things():
    segmenter = GeometricSegmenter(SETTINGS)
    assert [segmenter.segment(scene([], 0.01 * k, 0.002, k)[0]) for k in range(6)] == [[]] * 6


def test_nothing_is_told_before_it_was_seen_in_several_frames():
    segmenter = GeometricSegmenter(SETTINGS)
    counts = [len(segmenter.segment(scene(CUPS, 0.01 * k)[0])) for k in range(4)]

    assert counts == [0, 0, 3, 3]


def test_a_restored_segmenter_goes_on_as_the_first_one():
    frames = [scene(CUPS, 0.01 * k, 0.002, k)[0] for k in range(6)]
    whole, begun, resumed = (GeometricSegmenter(SETTINGS) for _ in range(3))
    for frame in frames[:2]:
        begun.segment(frame)
    resumed.restore(begun.state())
    results = [whole.segment(frame) for frame in frames], [resumed.segment(frame) for frame in frames[2:]]

    for one, other in zip(results[0][2:], results[1], strict=True):
        assert [s.box_px for s in one] == [s.box_px for s in other]
        assert all((a.mask == b.mask).all() for a, b in zip(one, other, strict=True))
    assert whole.state() == resumed.state()


def test_after_a_reset_everything_is_new_again():
    segmenter = GeometricSegmenter(SETTINGS)
    first = [segmenter.segment(scene(CUPS)[0]) for _ in range(3)][-1]
    segmenter.reset()

    assert len(first) == 3
    assert segmenter.segment(scene(CUPS)[0]) == []


def test_an_image_without_any_depth_has_no_things():
    frame, _ = scene([])
    blind = CameraFrame(stamp_ns=0, rgb=frame.rgb, depth=np.zeros_like(frame.depth), K=K, T_world_cam=np.eye(4))
    assert GeometricSegmenter().segment(blind) == []


def test_a_corner_of_a_known_table_is_still_the_table(rng):
    planes = Planes()
    top = np.column_stack([rng.uniform(0, 1, (400, 2)), np.full(400, 0.7)])
    planes.see(np.array([0, 0, 1.0]), top, 0.01)
    corner = top[(top[:, 0] < 0.2) & (top[:, 1] < 0.2)]

    assert planes.share_on(corner + np.array([0, 0, 0.004]), 0.01) == 1.0
    assert planes.share_on(corner + np.array([0, 0, 0.08]), 0.01) == 0.0
    assert planes.share_on(corner + np.array([3.0, 0, 0]), 0.01) == 0.0


def test_what_flickers_is_not_steady():
    box = Box.of((0, 0, 0), (0.2, 0.2, 0.2))
    steady = Steady(window=5, steady=3)
    seen = [steady.admit([box] if k % 3 == 0 else [], [True] if k % 3 == 0 else []) for k in range(12)]

    assert not any(itertools.chain(*seen))


@pytest.mark.parametrize(("first", "n_frames"), [(0, 60), (270, 60)])
def test_a_real_kitchen_has_a_stable_and_sensible_number_of_things(shared_data, first, n_frames):
    from recordings import open_source

    source = open_source(shared_data("rgbd/sevenscenes_redkitchen"))
    segmenter = GeometricSegmenter()
    counts = []
    for frame in itertools.islice(source.frames(first), n_frames):
        segments = segmenter.segment(frame)
        counts.append(len(segments))
        assert {s.label for s in segments} <= {"object"}
        assert all(s.n_pixels >= 25 for s in segments)
    settled = np.array(counts[10:])

    assert 2 <= np.median(settled) <= 15
    assert np.abs(np.diff(settled)).mean() <= 1.5
