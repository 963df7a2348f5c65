# SPDX-License-Identifier: Apache-2.0
"""Laws of the feature channel: what looks like the query lights up, where it is, also after a restart."""

from dataclasses import replace

import numpy as np
import pytest

from mapping.features import FeatureLayer
from mapping.features.cells import FeatureCells
from mapping.octree.octree import Octree
from memory_core.errors import BadFrame, BadInput, CorruptMemory
from perception import TruthSegmenter

D = 32


@pytest.fixture
def room(box_world):
    box_world.put("table", (0, 0, 0.36), (1.03, 0.63, 0.73))  # no face lies on a border of voxels
    box_world.put("bowl", (-0.3, 0.0, 0.78), (0.23, 0.23, 0.13))
    box_world.put("chair", (0.2, -0.75, 0.41), (0.43, 0.43, 0.83))
    return box_world


def embedding(label, rng=None, noise=0.1):
    """A direction for each name, with some noise."""
    center = np.random.default_rng(sum(map(ord, label))).normal(size=D)
    extra = rng.normal(size=D) * noise if rng is not None else 0.0
    return (center / np.linalg.norm(center) + extra / np.sqrt(D)).astype(np.float32)


def embedded(frame, rng):
    """The true segments of a frame, each with the embedding of its label."""
    return [replace(s, embedding=embedding(s.label, rng)) for s in TruthSegmenter(min_pixels=8).segment(frame)]


def seen_by(frames, rng, layer=None):
    layer = FeatureLayer() if layer is None else layer
    for frame in frames:
        layer.observe(frame, embedded(frame, rng))
    return layer


@pytest.mark.parametrize("label", ["table", "bowl", "chair"])
def test_a_query_lights_up_the_surface_of_what_it_looks_like(room, rng, label):
    layer = seen_by(room.walk_around(n=12), rng)
    lit = layer.light_up(embedding(label), threshold=0.5)
    box, edge = room.boxes[label], 2 * layer.voxel_size_m  # cells are two voxels wide

    assert len(lit.points) > 20
    assert max(box.distance_m(point) for point in lit.points) <= edge * np.sqrt(3)
    assert (np.diff(lit.scores) <= 0).all()


def test_what_is_lit_lies_on_voxels_that_pixels_ended_in(room, rng):
    frames, octree = room.walk_around(n=12), Octree()
    layer = seen_by(frames, rng)
    for frame in frames:
        octree.integrate(frame)
    points = layer.light_up(embedding("table"), threshold=0.1).points

    assert (octree.occupancy(points) >= 0).all()
    assert (octree.occupancy(points) == 1).mean() > 0.9


def test_k_gives_the_k_brightest_of_all(room, rng):
    layer = seen_by(room.walk_around(n=6), rng)
    everything = layer.light_up(embedding("bowl"), threshold=0.0)

    for k in (0, 1, 7, 100, 10**9):
        some = layer.light_up(embedding("bowl"), k=k)
        assert np.array_equal(some.points, everything.points[:k])
        assert np.array_equal(some.scores, everything.scores[:k])


def test_a_nameless_query_into_an_empty_layer_lights_nothing():
    lit = FeatureLayer().light_up(np.ones(D), k=5)

    assert lit.points.shape == (0, 3)
    assert lit.scores.shape == (0,)


def test_cells_reconstruct_what_was_seen_there(room, rng):
    layer = seen_by(room.walk_around(n=12), rng)
    points = layer.light_up(embedding("chair"), threshold=0.9).points
    features = layer.features_at(np.concatenate([points, [[50.0, 0, 0]]]))

    assert (features[:-1] @ embedding("chair") / np.linalg.norm(embedding("chair"))).min() > 0.95
    assert not features[-1].any()


def test_the_bank_names_the_pixels_it_is_made_of(room, rng):
    frames = room.walk_around(n=6)
    layer = seen_by(frames, rng)
    item = int(np.argmax(layer.bank.attention(embedding("table"))))
    by_stamp = {frame.stamp_ns: frame for frame in frames}

    assert layer.bank.evidence(item)
    for evidence in layer.bank.evidence(item):
        frame = by_stamp[evidence.stamp_ns]
        assert frame.instance_labels[int(frame.instance_ids[evidence.row, evidence.column])] == "table"


def test_a_restart_leaves_no_trace(room, rng):
    frames = room.walk_around(n=12)
    segments = [embedded(frame, rng) for frame in frames]
    layer, blocks = FeatureLayer(), {}
    for frame, found in zip(frames[:6], segments[:6], strict=True):
        layer.observe(frame, found)
        blocks |= layer.changed_regions()
    resumed = FeatureLayer()
    resumed.restore_regions(blocks)
    for frame, found in zip(frames[6:], segments[6:], strict=True):
        layer.observe(frame, found)
        resumed.observe(frame, found)
    a, b = layer.light_up(embedding("bowl"), threshold=0.0), resumed.light_up(embedding("bowl"), threshold=0.0)

    assert resumed.changed_regions() == layer.changed_regions()
    assert np.array_equal(a.points, b.points)
    assert np.array_equal(a.scores, b.scores)
    assert layer.changed_regions() == {}


def test_blocks_say_what_a_block_of_a_map_must_say(room, rng):
    from memory_core.packing import peek

    for content in seen_by(room.walk_around(n=2), rng).changed_regions().values():
        about = peek(content)
        assert (about["voxel_size_m"], about["occupied"], about["free"]) == (0.05, 0, 0)


def test_a_feature_image_does_the_same_as_segments(room, rng):
    frame = room.walk_around(n=3)[1]
    labels = frame.instance_labels
    image = np.zeros((*frame.depth.shape, D), np.float32)
    for number, label in labels.items():
        image[frame.instance_ids == number] = embedding(label)
    layer = FeatureLayer()
    layer.observe_image(frame, image)
    lit = layer.light_up(embedding("table"), threshold=0.5)

    assert layer.bank.n == len(labels)
    assert len(lit.points) > 20
    assert max(room.boxes["table"].distance_m(point) for point in lit.points) <= 0.1 * np.sqrt(3)


def test_a_coarse_feature_image_spans_the_whole_view(room, rng):
    frame = room.walk_around(n=3)[0]
    layer = FeatureLayer()
    layer.observe_image(frame, np.tile(embedding("any"), (2, 3, 1)), max_range_m=20.0)
    v, u = np.nonzero(frame.depth > 0)
    z = frame.depth[v, u]
    points = np.stack([(u - frame.K[0, 2]) * z / frame.K[0, 0], (v - frame.K[1, 2]) * z / frame.K[1, 1], z], axis=1)
    world = points @ frame.T_world_cam[:3, :3].T + frame.T_world_cam[:3, 3]

    assert layer.bank.n == 1
    assert layer.features_at(world).any(axis=1).mean() > 0.95


def test_a_cell_keeps_what_has_more_than_a_fifth_of_its_votes(rng):
    cells = FeatureCells()
    items = np.concatenate([np.full(50, 7), rng.integers(100, 160, 140)])
    for item in rng.permutation(items):
        cells.vote(np.array([[1, 2, 3, item, 1]], np.int32))
    kept = cells.items[0][cells.counts[0] > 0]

    assert 7 in kept


def test_what_changed_wins_in_the_end(rng):
    cells = FeatureCells()
    for item, times in ((1, 2000), (2, 600)):
        for _ in range(times):
            cells.vote(np.array([[0, 0, 0, item, 1]], np.int32))
    values = np.array([0.0, 0.0, 1.0], np.float32)

    assert cells.scores(values)[0, 0] > 0.5


def test_memory_does_not_grow_where_nothing_new_is_seen(room, rng):
    frames = room.walk_around(n=6)
    layer = seen_by(frames, rng)
    n_blocks, n_items = layer.cells.n, layer.bank.n
    seen_by(frames * 3, rng, layer)

    assert (layer.cells.n, layer.bank.n) == (n_blocks, n_items)


def test_merged_bank_items_are_renamed_in_every_cell(room, rng):
    frames = room.walk_around(n=4)
    layer = seen_by(frames, rng, FeatureLayer(capacity=16))
    before = layer.features_at(layer.light_up(embedding("table"), k=50).points)
    points = layer.light_up(embedding("table"), k=50).points
    layer.observe_image(frames[0], rng.normal(size=(4, 6, D)), max_range_m=0.1)  # fills the bank, shows no surface
    after = layer.features_at(points)

    assert layer.bank.n <= 16
    assert np.einsum("ij,ij->i", before, after).min() > 0.5
    blocks, other = layer.changed_regions(), FeatureLayer(capacity=16)
    other.restore_regions(blocks)
    assert np.array_equal(other.features_at(points), after)


def test_frames_without_embeddings_cost_and_store_nothing(room):
    layer, frame = FeatureLayer(), room.walk_around(n=2)[0]
    layer.observe(frame, TruthSegmenter(min_pixels=8).segment(frame))

    assert layer.bank.n == layer.cells.n == 0
    assert layer.changed_regions() == {}


def test_two_kinds_of_embeddings_do_not_mix(room, rng):
    frame = room.walk_around(n=2)[0]
    layer = seen_by([frame], rng)
    before = layer.changed_regions()
    odd = [replace(s, embedding=np.ones(D + 1, np.float32)) for s in embedded(frame, rng)]
    with pytest.raises(BadFrame, match=f"want {D} numbers as before, got {D + 1}"):
        layer.observe(frame, odd)

    assert before
    assert layer.changed_regions() == {}


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_embeddings_without_direction_are_refused(room, rng, value):
    frame = room.walk_around(n=2)[0]
    bad = [replace(s, embedding=np.full(D, value, np.float32)) for s in embedded(frame, rng)]
    with pytest.raises(BadFrame, match="embedding: want"):
        FeatureLayer().check(bad)


@pytest.mark.parametrize("shape", [(4, D), (0, 3, D)])
def test_what_is_no_feature_image_is_refused(room, shape):
    with pytest.raises(BadInput, match=r"want \(h, w, D\)"):
        FeatureLayer().observe_image(room.walk_around(n=2)[0], np.ones(shape))


def test_damaged_storage_is_refused_by_name(room, rng):
    blocks = seen_by(room.walk_around(n=3), rng).changed_regions()
    region = next(name for name in blocks if "bank" not in name)
    with pytest.raises(CorruptMemory, match="the block that describes the bank"):
        FeatureLayer().restore_regions({region: blocks[region]})
    with pytest.raises(CorruptMemory, match="features/bank_0 of the bank is missing"):
        FeatureLayer().restore_regions({"features/bank": blocks["features/bank"]})
    with pytest.raises(CorruptMemory, match=f"of region {region}"):
        FeatureLayer().restore_regions({**blocks, region: blocks["features/bank_0"]})


def turned(angle, shift):
    T = np.eye(4)
    T[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    T[:3, 3] = shift
    return T


def moved(layer, T):
    layer.move(np.tile(T, (layer.cells.n, 1, 1)))
    return layer


def test_what_is_lit_moves_with_the_map(room, rng):
    layer = seen_by(room.walk_around(n=12), rng)
    before = layer.light_up(embedding("bowl"), threshold=0.5).points
    T = turned(0.3, (1.04, -0.37, 0.11))
    after = moved(layer, T).light_up(embedding("bowl"), threshold=0.5).points

    assert len(after) == pytest.approx(len(before), rel=0.3)
    nearest = np.linalg.norm((before @ T[:3, :3].T + T[:3, 3])[:, None] - after, axis=2)
    assert nearest.min(axis=0).max() < 2.1 * layer.voxel_size_m * np.sqrt(3)
    assert nearest.min(axis=1).max() < 2.1 * layer.voxel_size_m * np.sqrt(3)


def test_moving_by_whole_blocks_and_back_changes_nothing(room, rng):
    layer, same = (seen_by(room.walk_around(n=4), np.random.default_rng(3)) for _ in range(2))
    stored = {**same.changed_regions()}
    moved(moved(layer, turned(0.0, (0.4, -0.8, 1.2))), turned(0.0, (-0.4, 0.8, -1.2)))
    regions = layer.changed_regions()
    assert {name: content for name, content in regions.items() if name in stored} == stored


def test_a_moved_layer_is_restored_from_what_was_stored_before_and_after(room, rng):
    layer = seen_by(room.walk_around(n=6), rng)
    stored = layer.changed_regions()
    moved(layer, turned(0.2, (7.0, 0.0, 0.0)))
    stored.update(layer.changed_regions())
    again = FeatureLayer()
    again.restore_regions(stored)

    assert not layer.changed_regions()
    lit, expected = again.light_up(embedding("table")), layer.light_up(embedding("table"))
    np.testing.assert_array_equal(lit.points, expected.points)
    np.testing.assert_array_equal(lit.scores, expected.scores)


def test_blocks_that_come_to_lie_on_each_other_add_up_their_votes(room, rng):
    layer = FeatureLayer()
    layer.cells.vote(np.array([[0, 0, 0, 5, 1], [4, 0, 0, 5, 2], [4, 0, 0, 6, 2]], np.int32))
    T = np.tile(np.eye(4), (2, 1, 1))
    T[np.argmax(layer.block_centers()[:, 0]), 0, 3] = -8 * layer.voxel_size_m
    layer.move(T)
    items, counts = layer.cells.items[0, 0], layer.cells.counts[0, 0]

    assert layer.cells.n == 1
    assert dict(zip(items[counts > 0].tolist(), counts[counts > 0].tolist(), strict=True)) == {5: 2, 6: 1}
    assert layer.cells.seen[0, 0] == 3


def test_a_motion_for_each_block_is_wanted_and_none_out_of_the_map(room, rng):
    layer = seen_by(room.walk_around(n=2), rng)
    before = layer.changed_regions()
    with pytest.raises(BadInput, match="one for each block"):
        layer.move(np.eye(4)[None])
    with pytest.raises(BadInput, match="out of the map"):
        moved(layer, turned(0.0, (1e6, 0.0, 0.0)))
    assert not layer.changed_regions()
    assert before
