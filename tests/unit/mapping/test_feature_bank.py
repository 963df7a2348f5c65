# SPDX-License-Identifier: Apache-2.0
"""Laws of the feature bank: everything is covered, nothing depends on how the input is cut, its size is bounded."""

import numpy as np
import pytest

from mapping.features import FeatureBank
from mapping.features.bank import on_grid
from memory_core.errors import BadInput, BadSettings, CorruptMemory

ROUNDING = 2e-3  # of cosines, by the grid


def modes(rng, n_modes, n, dimension, noise):
    """Features (n, D) around random directions and the mode (n,) of each; the cosine within a mode is 1/(1+noise^2)."""
    centers = rng.normal(size=(n_modes, dimension))
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    of = rng.integers(n_modes, size=n)
    spread = rng.normal(size=(n, dimension)) * noise / np.sqrt(dimension)
    return (centers[of] + spread).astype(np.float32), of


def unit(features):
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def is_same(a, b):
    return a.n == b.n and all(np.array_equal(x, b.state()[name]) for name, x in a.state().items())


def test_a_hundred_thousand_features_of_300_modes_become_300_items(rng):
    features, of = modes(rng, 300, 100_000, 512, noise=0.3)
    bank = FeatureBank(0.85)
    items = bank.add(features)
    reconstruction = np.einsum("ij,ij->i", unit(features), bank.vectors[items])

    assert abs(bank.n - 300) <= 15
    assert reconstruction.min() >= 0.85 - ROUNDING
    assert len(np.unique(items * 300 + of)) == len(np.unique(items))  # an item stands for one mode only


@pytest.mark.parametrize("noise", [0.2, 0.6, 1.0, 3.0])
def test_everything_added_has_a_representative_however_much_it_overlaps(rng, noise):
    features, _ = modes(rng, 20, 3000, 32, noise)
    bank = FeatureBank(0.8)
    bank.add(features)
    items, cosines = bank.nearest(features)

    assert cosines.min() >= np.float32(0.8)
    assert bank.guarantee >= np.float32(0.8)
    assert np.einsum("ij,ij->i", on_grid(features), bank.vectors[items]).min() >= np.float32(0.8)


def test_a_rule_that_only_spreads_out_would_leave_some_uncovered(rng):
    """The rule this bank mends: reject what has a neighbour that is spoken for. So the test above can fail."""
    features, _ = modes(rng, 20, 1500, 32, noise=0.6)
    cosines = on_grid(features) @ on_grid(features).T
    near, covered = cosines >= 0.8, np.zeros(len(features), bool)
    for item in range(len(features)):
        if not (near[item] & covered).any():
            covered |= near[item]

    assert not covered.all()


@pytest.mark.parametrize("n_chunks", [2, 7, 300])
def test_how_the_input_is_cut_makes_no_difference_at_all(rng, n_chunks):
    features, _ = modes(rng, 50, 3000, 64, noise=0.7)
    places = rng.integers(1000, size=(3000, 3))
    whole, cut = FeatureBank(0.8, capacity=200), FeatureBank(0.8, capacity=200)
    whole.add(features, places)
    for part, at in zip(np.array_split(features, n_chunks), np.array_split(places, n_chunks), strict=True):
        cut.add(part, at)

    assert whole.similarity < 0.8  # it was full at least once
    assert is_same(whole, cut)


def test_the_order_of_chunks_changes_the_representatives_but_not_what_is_represented(rng):
    features, of = modes(rng, 60, 6000, 128, noise=0.3)
    chunks = np.array_split(np.arange(6000), 12)
    sizes, found = set(), set()
    for order in (range(12), reversed(range(12)), rng.permutation(12)):
        bank = FeatureBank(0.85)
        index = np.concatenate([chunks[i] for i in order])
        items = bank.add(features[index])
        sizes.add(bank.n)
        found.add(tuple(sorted({tuple(sorted(set(of[index][items == item]))) for item in range(bank.n)})))

    assert sizes == {60}
    assert len(found) == 1


def test_length_and_type_of_a_feature_do_not_matter(rng):
    features, _ = modes(rng, 10, 200, 16, noise=0.3)
    a, b = FeatureBank(), FeatureBank()
    a.add(features)
    b.add(np.asfortranarray(features.astype(np.float64) * 4.0))

    assert is_same(a, b)


def test_a_full_bank_merges_and_tells_what_it_still_guarantees(rng):
    features = rng.normal(size=(4000, 16)).astype(np.float32)
    bank = FeatureBank(0.9, capacity=64)
    items = bank.add(features)
    cosines = np.einsum("ij,ij->i", on_grid(features), bank.vectors[items])

    assert bank.n <= 64
    assert bank.similarity < 0.9
    assert cosines.min() >= bank.guarantee
    assert bank.counts.sum() == 4000


def test_items_that_were_merged_away_are_renamed_to_what_absorbed_them(rng):
    features = rng.normal(size=(60, 8)).astype(np.float32)
    bank = FeatureBank(0.95, capacity=64)
    old_items = bank.add(features)
    before = bank.vectors.copy()
    assert bank.take_renames() is None
    bank.add(rng.normal(size=(60, 8)))
    names = bank.take_renames()
    later = bank.vectors[names[: len(before)]]

    assert set(old_items) <= set(range(len(names)))
    assert np.einsum("ij,ij->i", before, later).min() > 0.0
    assert bank.take_renames() is None


def test_merging_is_gentle_even_where_all_directions_are_equally_far_apart(rng):
    bank = FeatureBank(0.9, capacity=128)
    bank.add(rng.normal(size=(129, 256)))

    assert bank.n > 64


def test_evidence_is_the_five_most_similar_pixels_best_first(rng):
    center = np.eye(1, 16)[0]
    features = center + 0.05 * rng.normal(size=(40, 16))
    features[0] = center
    places = np.stack([np.arange(40) * 10, np.arange(40), np.arange(40) + 100], axis=1)
    bank = FeatureBank(0.7)
    bank.add(features, places)
    cosines = on_grid(features) @ bank.vectors[0]
    best = np.argsort(-cosines, kind="stable")[:5]

    assert bank.n == 1
    assert [e.stamp_ns for e in bank.evidence(0)] == (best * 10).tolist()
    assert [(e.row, e.column) for e in bank.evidence(0)] == [(i, i + 100) for i in best]


def test_attention_is_a_softmax_of_cosines(rng):
    bank = FeatureBank(0.9)
    bank.add(np.eye(8))
    shares = bank.attention(np.eye(8)[3] + 0.2 * np.eye(8)[5], temperature=0.1)

    assert shares.sum() == pytest.approx(1.0, abs=1e-6)
    assert np.argsort(-shares)[:2].tolist() == [3, 5]
    assert np.log(shares[3] / shares[5]) * 0.1 == pytest.approx(0.8 / np.hypot(1, 0.2), abs=ROUNDING)


@pytest.mark.parametrize("capacity", [64, 4096])
def test_a_restored_bank_goes_on_to_the_bit(rng, capacity):
    features = rng.normal(size=(300, 12))
    bank = FeatureBank(0.9, capacity)
    bank.add(features[:150], np.arange(450).reshape(150, 3))
    other = FeatureBank()
    other.restore(bank.about(), [bank.state(0, 50), bank.state(50, 100), bank.state(100)][: -(-bank.n // 50)])
    bank.add(features[150:])
    other.add(features[150:])

    assert is_same(bank, other)
    assert bank.about() == other.about()


@pytest.mark.parametrize("bad", [np.zeros((1, 4)), np.full((1, 4), np.nan), np.full((1, 4), np.inf), np.zeros(4)])
def test_what_has_no_direction_is_refused_and_nothing_is_added(bad):
    bank = FeatureBank()
    with pytest.raises(BadInput, match="features: want"):
        bank.add(bad)
    assert bank.n == 0


def test_another_dimension_is_refused():
    bank = FeatureBank()
    bank.add(np.eye(4))
    with pytest.raises(BadInput, match="want 4 numbers each as before, got 5"):
        bank.add(np.eye(5))


@pytest.mark.parametrize("values", [{"similarity": 1.0}, {"similarity": 0.0}, {"capacity": 3}, {"capacity": 1 << 17}])
def test_impossible_banks_are_refused(values):
    with pytest.raises(BadSettings):
        FeatureBank(**values)


@pytest.mark.parametrize("about", [{}, {"n": 3, "dimension": 4, "similarity": 0.9, "capacity": 64}])
def test_a_damaged_bank_is_refused(about):
    bank = FeatureBank()
    bank.add(np.eye(4))
    with pytest.raises(CorruptMemory, match="feature bank"):
        FeatureBank().restore(about, [bank.state()])
