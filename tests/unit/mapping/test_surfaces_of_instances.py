# SPDX-License-Identifier: Apache-2.0
"""The hash from voxels to owners behaves like a plain dictionary of sets."""

import numpy as np

from mapping.objects.surfaces import Surfaces


def test_any_history_of_adding_releasing_and_joining_equals_a_dictionary(rng):
    store, plain = Surfaces(10_000), {}
    for _ in range(300):
        owner, action = int(rng.integers(0, 12)), rng.integers(0, 10)
        keys = np.unique(rng.integers(0, 2000, rng.integers(1, 200)))
        if action < 8:
            store.add(owner, keys, np.zeros((len(keys), 3), np.float32))
            plain.setdefault(owner, {}).update({k: plain.get(owner, {}).get(k, 0) + 1 for k in keys.tolist()})
        elif action == 8:
            store.release(owner)
            plain.pop(owner, None)
        else:
            other = (owner + 1) % 12
            store.join(owner, other)
            for key, hits in plain.pop(other, {}).items():
                mine = plain.setdefault(owner, {})
                mine[key] = mine.get(key, 0) + hits
        votes = {o: len(set(plain[o]) & set(keys.tolist())) for o in plain}
        assert dict(store.overlaps(keys)) == {o: n for o, n in votes.items() if n}
    for owner, voxels in plain.items():
        keys, hits, _ = store.of(owner)
        assert dict(zip(keys.tolist(), hits.tolist(), strict=True)) == voxels


def test_a_restored_store_goes_on_as_the_first_one(rng):
    store = Surfaces(1000)
    for owner in range(5):
        store.add(owner, rng.integers(0, 500, 100), rng.uniform(0, 1, (100, 3)).astype(np.float32))
    store.release(2)
    copy = Surfaces(1000)
    copy.restore(
        {name: np.copy(value) if isinstance(value, np.ndarray) else value for name, value in store.state().items()}
    )
    more = rng.integers(0, 800, 150), rng.uniform(0, 1, (150, 3)).astype(np.float32)
    for one in (store, copy):
        one.add(7, *more)

    for name, value in store.state().items():
        np.testing.assert_array_equal(value, copy.state()[name])


def test_a_voxel_remembers_the_mean_of_what_was_seen_in_it():
    store = Surfaces(100)
    for x in (1.0, 2.0, 6.0):
        store.add(0, np.array([5]), np.array([[x, 0, 0]], np.float32))

    assert store.of(0)[2][0, 0] == np.float32(3.0)
