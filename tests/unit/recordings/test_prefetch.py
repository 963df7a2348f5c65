# SPDX-License-Identifier: Apache-2.0
import threading

import pytest

from recordings.prefetch import ordered_map


@pytest.mark.parametrize("threads", [0, 1, 4])
def test_results_come_in_the_order_of_the_items(threads):
    assert list(ordered_map(lambda x: x * x, range(100), threads=threads, ahead=7)) == [x * x for x in range(100)]


def test_no_more_is_held_than_asked_for():
    taken = []

    def items():
        for i in range(100):
            taken.append(i)
            yield i

    results = ordered_map(lambda x: x, items(), threads=2, ahead=5)
    next(results)
    assert len(taken) <= 6


def test_an_error_comes_where_its_result_would_have():
    def work(x):
        if x == 3:
            raise ValueError("three")
        return x

    results = ordered_map(work, range(10), threads=2, ahead=8)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_closing_ends_the_threads():
    before = threading.active_count()
    results = ordered_map(lambda x: x, range(1000), threads=3, ahead=10)
    next(results)
    results.close()
    assert threading.active_count() == before
