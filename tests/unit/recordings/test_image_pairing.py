# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from recordings.drops import Drops
from recordings.messages import ImageMessage
from recordings.pairing import ImagePairing

MS = 10**6


def image(stamp_ns):
    return ImageMessage(stamp_ns, "camera", (2, 2), True, lambda: np.zeros((2, 2)))


@pytest.fixture
def drops():
    return Drops()


@pytest.fixture
def pairing(drops):
    return ImagePairing(slop_ns=20 * MS, max_queue=8, drops=drops)


def feed(pairing, rows, *, finish=True):
    pairs = [pair for kind, stamp in rows for pair in pairing.add(kind, image(stamp))]
    pairs += pairing.finish() if finish else []
    return [(rgb.stamp_ns, depth.stamp_ns) for rgb, depth in pairs]


def test_equal_stamps_pair_at_once(pairing):
    assert feed(pairing, [("rgb", 100 * MS), ("depth", 100 * MS)], finish=False) == [(100 * MS, 100 * MS)]


def test_near_stamps_pair_and_far_ones_are_dropped_with_their_reasons(pairing, drops):
    rows = [("rgb", 100), ("depth", 110), ("rgb", 200), ("depth", 250), ("rgb", 300), ("depth", 301)]
    assert feed(pairing, [(k, t * MS) for k, t in rows]) == [(100 * MS, 110 * MS), (300 * MS, 301 * MS)]
    assert drops.counts == {"no_depth": 1, "no_rgb": 1}


def test_each_image_is_used_once_and_goes_to_the_nearest(pairing, drops):
    rows = [("rgb", 100), ("rgb", 115), ("depth", 118), ("rgb", 200), ("depth", 200)]
    assert feed(pairing, [(k, t * MS) for k, t in rows]) == [(115 * MS, 118 * MS), (200 * MS, 200 * MS)]
    assert drops.counts == {"unsynchronised": 1}


def test_the_interleaving_of_the_streams_does_not_matter(drops, rng):
    rgb = np.sort(rng.choice(4000, 60, replace=False)) * MS + 1
    depth = np.sort(rng.choice(4000, 60, replace=False)) * MS + 1
    results = []
    for _ in range(5):
        queue = {"rgb": list(rgb), "depth": list(depth)}
        order = rng.permutation(["rgb"] * 60 + ["depth"] * 60)
        rows = [(kind, int(queue[kind].pop(0))) for kind in order]
        pairing = ImagePairing(slop_ns=20 * MS, max_queue=1000, drops=Drops())
        results.append(feed(pairing, rows))
    assert len(results[0]) > 5
    assert all(result == results[0] for result in results)
    assert all(abs(a - b) <= 20 * MS for a, b in results[0])


def test_a_silent_stream_does_not_fill_memory(pairing, drops):
    assert feed(pairing, [("rgb", i * MS) for i in range(1, 101)], finish=False) == []
    assert drops.counts == {"no_depth": 92}


def test_duplicates_and_stragglers_are_counted(pairing, drops):
    rows = [("rgb", 100), ("rgb", 100), ("depth", 100), ("depth", 90)]
    assert feed(pairing, [(k, t * MS) for k, t in rows]) == [(100 * MS, 100 * MS)]
    assert drops.counts == {"duplicate": 1, "out_of_order": 1}


def test_what_stays_alone_at_the_end_is_counted(pairing, drops):
    assert feed(pairing, [("depth", 100 * MS), ("rgb", 300 * MS)]) == []
    assert drops.counts == {"no_rgb": 1, "no_depth": 1}
