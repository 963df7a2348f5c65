# SPDX-License-Identifier: Apache-2.0
"""Work done a little ahead of use by a few threads, results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ordered_map(work: Callable[[T], R], items: Iterable[T], *, threads: int, ahead: int) -> Iterator[R]:
    """work(item) for each item, in the order of the items.

    At most `ahead` results are held. An error in `work` is raised where its result would have come. Threads end
    when the iterator is exhausted or closed. `threads` 0 does the work in the caller's thread.
    """
    if threads == 0:
        yield from map(work, items)
        return
    rest = iter(items)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    try:
        waiting: deque[Future[R]] = deque(pool.submit(work, item) for item in islice(rest, ahead))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(work, item) for item in islice(rest, 1))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
