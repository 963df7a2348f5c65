# SPDX-License-Identifier: Apache-2.0
"""Replacement policies: laws that hold for all, what tells them apart, and hit rates on real and synthetic traces."""

import csv
import gzip
import itertools
import random
from collections import defaultdict

import pytest

from memory_core.errors import BadSettings
from memory_core.replacement import POLICIES, Flfu, Lfu, Lru, access, hit_rate, make_policy

N_CLASSES = 119
N_ACCESSES = 20_000

every_policy = pytest.mark.parametrize("name", sorted(POLICIES))


def zipf(exponent, length, rng):
    weights = [1 / (rank + 1) ** exponent for rank in range(N_CLASSES)]
    return rng.choices(range(N_CLASSES), weights, k=length)


def synthetic_trace(kind, seed):
    """Stationary Zipf; task sessions with one-off clutter; Zipf whose hot set moves by 17 every 2,000 accesses.

    The three are drawn one after the other from one generator, so that each is the same whichever is asked for.
    """
    rng = random.Random(seed)
    stationary = zipf(1.0, N_ACCESSES, rng)
    sessions = []
    while len(sessions) < N_ACCESSES:
        objects = zipf(0.8, 4, rng)
        sessions += [rng.choice(objects) for _ in range(rng.randint(3, 8))]
        sessions += [1000 + rng.randrange(5000) for _ in range(rng.randint(0, 6))]
    drifting = [(x + i // 2000 * 17) % N_CLASSES for i, x in enumerate(zipf(1.0, N_ACCESSES, rng))]
    return {"zipf": stationary, "sessions": sessions[:N_ACCESSES], "drifting": drifting}[kind]


@every_policy
def test_a_cache_never_holds_more_than_its_capacity(name):
    policy = make_policy(name, 7)
    for key in synthetic_trace("sessions", 0)[:3000]:
        access(policy, key)
        assert len(policy) <= 7
        assert len(set(policy)) == len(policy)


@every_policy
def test_what_admit_returns_is_exactly_what_left(name):
    policy, held = make_policy(name, 5), set()
    for key in synthetic_trace("drifting", 1)[:3000]:
        if key in policy:
            policy.touch(key)
        else:
            left = policy.admit(key)
            held = (held | {key}) - {left}
        assert set(policy) == held
        assert all(k in policy for k in held)


@every_policy
def test_a_cache_as_large_as_the_world_misses_each_key_once(name):
    policy = make_policy(name, N_CLASSES * 6)
    trace = synthetic_trace("zipf", 0)

    assert hit_rate(policy, trace) == pytest.approx(1 - len(set(trace)) / len(trace))


@every_policy
def test_evicting_everything_empties_the_cache_and_then_there_is_nothing_to_evict(name):
    policy = make_policy(name, 4)
    for key in "abcdabca":
        access(policy, key)

    assert {policy.evict() for _ in range(4)} == set("abcd")
    assert len(policy) == 0
    with pytest.raises(KeyError):
        policy.evict()


@every_policy
def test_a_discarded_key_can_come_back(name):
    policy = make_policy(name, 3)
    for key in "aabbc":
        access(policy, key)
    policy.discard("a")
    policy.discard("never held")

    assert "a" not in policy
    assert policy.admit("a") is None
    assert set(policy) == set("abc")
    assert {policy.evict() for _ in range(3)} == set("abc")


@every_policy
def test_touching_a_key_that_is_not_held_is_an_error(name):
    with pytest.raises(KeyError):
        make_policy(name, 3).touch("x")


@every_policy
def test_a_cache_of_one_holds_the_last_key(name):
    policy = make_policy(name, 1)
    for key in range(50):
        access(policy, key)
    assert set(policy) == {49}


def leaver(name, keys, capacity=3):
    policy = make_policy(name, capacity)
    for key in keys:
        access(policy, key)
    return policy.evict()


def test_each_policy_gives_up_its_own_kind_of_key():
    assert leaver("fifo", "abca") == "a"
    assert leaver("lru", "abca") == "b"
    assert leaver("lfu", "aaabbbc") == "c"
    assert leaver("lfu", "aaabbbcabcccc") == "a"


def test_flfu_lies_between_lfu_and_lru():
    trace = synthetic_trace("drifting", 0)[:5000]

    only_uses = [access(policy, key) for policy in [Flfu(10, weight=1.0)] for key in trace]
    only_age = [access(policy, key) for policy in [Flfu(10, weight=0.0)] for key in trace]

    assert only_uses == [access(policy, key) for policy in [Lfu(10)] for key in trace]
    assert only_age == [access(policy, key) for policy in [Lru(10)] for key in trace]


def test_flfu_evicts_the_key_that_minimises_the_published_score():
    rng, policy, uses = random.Random(3), Flfu(6, weight=0.5), {}
    for now, key in enumerate(rng.choices(range(20), k=2000)):
        if key not in policy and len(policy) == policy.capacity:
            expected = min(policy, key=lambda k: (0.5 * uses[k][0] - 0.5 * (now - uses[k][1]), uses[k][1]))
            assert policy.admit(key) == expected
            del uses[expected]
        else:
            access(policy, key)
        uses[key] = (uses.get(key, (0, 0))[0] + 1, now)


def test_a_scan_of_things_seen_once_does_not_wash_most_of_a_familiar_set_out_of_w_tinylfu():
    familiar, scan = list(range(6)) * 20, range(100, 400)
    policy = make_policy("w-tinylfu", 10)
    hit_rate(policy, familiar)
    hit_rate(policy, scan)

    assert len(set(familiar) & set(policy)) >= 4
    assert not set(familiar) & set(_after("lru", [*familiar, *scan]))


def _after(name, trace):
    policy = make_policy(name, 10)
    hit_rate(policy, trace)
    return policy


@pytest.mark.parametrize(
    ("kind", "capacity", "name", "options", "expected"),
    [
        ("zipf", 10, "fifo", {}, 0.330),
        ("zipf", 10, "lru", {}, 0.376),
        ("zipf", 10, "lfu", {}, 0.505),
        ("zipf", 20, "flfu", {}, 0.556),
        ("zipf", 20, "w-tinylfu", {}, 0.626),
        ("sessions", 5, "fifo", {}, 0.304),
        ("sessions", 5, "lru", {}, 0.306),
        ("sessions", 5, "w-tinylfu", {}, 0.257),
        ("sessions", 20, "w-tinylfu", {"window": 0.01}, 0.406),
        ("sessions", 20, "w-tinylfu", {}, 0.444),
        ("drifting", 10, "lfu", {}, 0.175),
        ("drifting", 10, "flfu", {}, 0.395),
        ("drifting", 40, "lru", {}, 0.706),
        ("drifting", 40, "w-tinylfu", {}, 0.738),
    ],
)
def test_hit_rates_on_synthetic_traces_are_the_reference_ones(kind, capacity, name, options, expected):
    rates = [hit_rate(make_policy(name, capacity, **options), synthetic_trace(kind, seed)) for seed in range(3)]
    assert sum(rates) / 3 == pytest.approx(expected, abs=0.01)


@pytest.fixture(scope="module")
def touches_by_scene(shared_data):
    """Object ids in the order they were manipulated, one list for each floor plan."""
    with gzip.open(shared_data("tasks/alfred_object_touches.csv.gz"), "rt", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: (row["floor_plan"], row["trial"], int(row["step"])))
    scenes = defaultdict(list)
    for row in rows:
        scenes[row["floor_plan"]].append(row["object_id"])
    return scenes


REFERENCE = {
    "fifo": {3: 0.675, 5: 0.704, 10: 0.724, 20: 0.740},
    "lru": {3: 0.683, 5: 0.717, 10: 0.737, 20: 0.752},
    "lfu": {3: 0.484, 5: 0.569, 10: 0.644, 20: 0.686},
    "flfu": {3: 0.654, 5: 0.726, 10: 0.745, 20: 0.754},
    "w-tinylfu": {3: 0.582, 5: 0.649, 10: 0.747, 20: 0.760},
}


@pytest.mark.parametrize(("name", "capacity"), list(itertools.product(REFERENCE, (3, 5, 10, 20))))
def test_hit_rates_on_real_household_tasks_are_the_reference_ones(touches_by_scene, name, capacity):
    hits = sum(
        hit_rate(make_policy(name, capacity), trace) * len(trace) for _, trace in sorted(touches_by_scene.items())
    )
    n_accesses = sum(len(trace) for trace in touches_by_scene.values())
    assert n_accesses == 43_990
    assert hits / n_accesses == pytest.approx(REFERENCE[name][capacity], abs=0.01)


@every_policy
@pytest.mark.parametrize("capacity", [0, -3, 2.5, True, "ten"])
def test_an_impossible_capacity_is_refused(name, capacity):
    with pytest.raises(BadSettings, match="capacity of a cache: want a whole number of at least 1"):
        make_policy(name, capacity)


def test_an_unknown_policy_or_option_is_refused_by_name():
    with pytest.raises(BadSettings, match="want one of fifo, lru, lfu, flfu, w-tinylfu, got 'clock'"):
        make_policy("clock", 5)
    with pytest.raises(BadSettings, match="replacement policy lru"):
        make_policy("lru", 5, window=0.3)
    with pytest.raises(BadSettings, match="window"):
        make_policy("w-tinylfu", 5, window=1.5)
    with pytest.raises(BadSettings, match="weight"):
        make_policy("flfu", 5, weight=-1.0)
