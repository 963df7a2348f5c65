# SPDX-License-Identifier: Apache-2.0
"""A bank of distinct embeddings: few enough to keep, and yet each one ever seen has a representative in it.

An embedding enters the bank when no item of it is as near as the bank's similarity; so all that were added are covered,
whatever their order. Vectors are kept on a grid of 2^-11. Sums of their products are then exact in float32, and the
bank is the same to the last bit however the input is cut, whatever library multiplies and on how many threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mapping.features.kernels import keep_evidence, to_grid
from memory_core.errors import BadInput, BadSettings, CorruptMemory

Vectors = NDArray[np.float32]
Items = NDArray[np.int32]

N_EVIDENCE = 5
MOST_ITEMS = 1 << 16  # cells keep an item in 16 bits
_PARTS = ("vectors", "counts", "worst", "cosines", "places")
_GRID = 2048.0
_MOST_SIMILAR = 0.99  # above it, rounding to the grid would make one thing two
_CHUNK = 1024
_WIDER = 1.25  # steps in which a full bank looks for a wider angle
_HALVINGS = 12  # of such a step
_ROOM = 0.75  # of the capacity that may be left after that


@dataclass(frozen=True, slots=True)
class Evidence:
    """A pixel that looks like a bank item: image taken at stamp_ns, pixel (row, column), cosine to the item."""

    stamp_ns: int
    row: int
    column: int
    cosine: float


def on_grid(features: ArrayLike) -> Vectors:
    """Unit vectors (N, D) of features (N, D), on the bank's grid.

    Raises:
        BadInput: not (N, D) finite numbers, or a row is all zeros.
    """
    with np.errstate(over="ignore"):
        rows = np.require(features, np.float32, ["C", "A"]).view()
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise BadInput(f"features: want (N, D) numbers, got shape {rows.shape}")
    rows.flags.writeable = False  # one type for the compiler, whoever made the array
    units = np.empty(rows.shape, np.float32)
    if not to_grid(rows, _GRID, units):
        raise BadInput("features: want finite vectors with a direction, got NaN, infinity or only zeros")
    return units


class FeatureBank:
    """Distinct unit embeddings, how often each stood for something, and its best evidence.

    When the bank is full and something new comes, items near each other are merged: the similarity is lowered until a
    quarter of the places is free. Items that stood for most stay; those they absorb get their index (`take_renames`).
    `guarantee` says what that cost.

    Args:
        similarity: least cosine between an embedding and the item that stands for it.
        capacity: most items.

    Raises:
        BadSettings: a value is out of range.
    """

    def __init__(self, similarity: float = 0.9, capacity: int = 4096) -> None:
        if not 0.0 < similarity <= _MOST_SIMILAR:
            raise BadSettings(f"similarity: want a cosine above 0, {_MOST_SIMILAR} at most, got {similarity!r}")
        if not 16 <= capacity <= MOST_ITEMS:
            raise BadSettings(f"capacity: want 16 .. {MOST_ITEMS} items, got {capacity!r}")
        self.similarity, self.capacity = float(similarity), int(capacity)
        self.n = self.dimension = 0
        self._renames: Items | None = None
        self._make_arrays(0, 0)

    def _make_arrays(self, n: int, dimension: int) -> None:
        self._vectors: Vectors = np.zeros((n, dimension), np.float32)
        self._counts: NDArray[np.int64] = np.zeros(n, np.int64)
        self._worst: Vectors = np.ones(n, np.float32)  # least cosine to what the item stands for
        self._cosines: Vectors = np.full((n, N_EVIDENCE), -2.0, np.float32)
        self._places: NDArray[np.int64] = np.zeros((n, N_EVIDENCE, 3), np.int64)
        self.changed: NDArray[np.uint8] = np.zeros(n, np.uint8)

    @property
    def vectors(self) -> Vectors:
        """(n, D) unit vectors, on the grid; read only."""
        view = self._vectors[: self.n]
        view.flags.writeable = False
        return view

    @property
    def counts(self) -> NDArray[np.int64]:
        """(n,) how many of the added features each item stood for."""
        return self._counts[: self.n].copy()

    @property
    def guarantee(self) -> float:
        """No feature ever added has a lower cosine to the item that stands for it now; 1.0 for an empty bank."""
        return min(1.0, float(self._worst[: self.n].min())) if self.n else 1.0

    def add(self, features: ArrayLike, places: ArrayLike | None = None) -> Items:
        """The item (N,) that stands for each feature; those that none stands for become items. O(N * items * D).

        Args:
            features: (N, D), of any length but 0.
            places: (N, 3) stamp_ns, row and column of the pixel each was seen at, to be kept as evidence.

        Raises:
            BadInput: the shapes do not fit, another D than before, or features without direction.
        """
        rows = self._checked(features)
        at = None if places is None else np.ascontiguousarray(np.asarray(places, np.int64))
        if at is not None and at.shape != (len(rows), 3):
            raise BadInput(f"places: want {(len(rows), 3)} stamps, rows and columns, got {at.shape}")
        items = np.empty(len(rows), np.int32)
        for first in range(0, len(rows), _CHUNK):
            chunk = slice(first, min(first + _CHUNK, len(rows)))
            self._add_chunk(rows, chunk, items, None if at is None else at)
        return items

    def _checked(self, features: ArrayLike) -> Vectors:
        rows = on_grid(features)
        if self.dimension and rows.shape[1] != self.dimension:
            raise BadInput(f"features: want {self.dimension} numbers each as before, got {rows.shape[1]}")
        if not self.dimension and len(rows):
            self.dimension = rows.shape[1]
            self._make_arrays(64, self.dimension)
        return rows

    def _add_chunk(self, rows: Vectors, chunk: slice, items: Items, places: NDArray[np.int64] | None) -> None:
        """Items and evidence of rows[chunk], one after the other: a new item may stand for those that follow."""
        of, best = self._nearest(rows[chunk])
        start, left = chunk.start, rows[chunk]
        while True:
            new = np.nonzero(best < np.float32(self.similarity))[0]
            end = int(new[0]) if len(new) else len(left)
            self._count(of[:end], best[:end], None if places is None else places[start : start + end])
            items[start : start + end] = of[:end]
            if end == len(left):
                return
            start, left, of, best = start + end, left[end:], of[end:], best[end:]
            if self.n == self.capacity:
                names = self._merge()
                items[:start] = names[items[:start]]
                of, best = self._nearest(left)
                continue
            item = self._accept(left[0])
            cosines = left @ left[0]
            better = cosines > best
            better[0] = True
            of, best = np.where(better, np.int32(item), of), np.where(better, cosines, best)
            best[0] = max(best[0], np.float32(1.0))

    def nearest(self, features: ArrayLike) -> tuple[Items, Vectors]:
        """Item (N,) nearest to each feature (N, D) and the cosine (N,) to it; -1 and -1.0 when the bank is empty."""
        rows = on_grid(features)
        if self.dimension and rows.shape[1] != self.dimension:
            raise BadInput(f"features: want {self.dimension} numbers each, got {rows.shape[1]}")
        return self._nearest(rows)

    def _nearest(self, rows: Vectors) -> tuple[Items, Vectors]:
        if self.n == 0:
            return np.full(len(rows), -1, np.int32), np.full(len(rows), -2.0, np.float32)
        cosines = rows @ self._vectors[: self.n].T
        of = cosines.argmax(axis=1).astype(np.int32)
        return of, cosines[np.arange(len(rows)), of]

    def _count(self, items: Items, cosines: Vectors, places: NDArray[np.int64] | None) -> None:
        np.add.at(self._counts, items, 1)
        np.minimum.at(self._worst, items, cosines)
        self.changed[items] = 1
        if places is not None:
            keep_evidence(items, cosines, places, self._cosines, self._places)

    def _accept(self, vector: Vectors) -> int:
        if self.n == len(self._vectors):
            self._resize(min(self.capacity, 2 * self.n))
        item = self.n
        self.n += 1
        for array, empty in zip(self._arrays(), (vector, 0, 1.0, -2.0, 0, 1), strict=True):
            array[item] = empty
        return item

    def _resize(self, capacity: int) -> None:
        n, old = self.n, self._arrays()
        self._make_arrays(capacity, self.dimension)
        for array, before in zip(self._arrays(), old, strict=True):
            array[:n] = before[:n]

    def _arrays(self) -> tuple[NDArray[Any], ...]:
        return self._vectors, self._counts, self._worst, self._cosines, self._places, self.changed

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, headroom included."""
        return sum(array.nbytes for array in self._arrays())

    def _merge(self) -> Items:
        """Lower the similarity until there is room again; the new index (n,) of each item. O(n^2 D)."""
        vectors = self._vectors[: self.n]
        cosines = vectors @ vectors.T
        order = np.lexsort((np.arange(self.n), -self._counts[: self.n]))
        angle, kept = _spread_out(cosines, order, float(np.arccos(self.similarity)), self.capacity)
        names: Items = cosines[:, kept].argmax(axis=1).astype(np.int32)
        names[kept] = np.arange(len(kept), dtype=np.int32)
        self._absorb(kept, names)
        self.similarity = float(np.cos(angle))
        self._renames = names if self._renames is None else names[self._renames]
        return names

    def _absorb(self, kept: NDArray[np.int64], names: Items) -> None:
        """Only the kept items stay; the others give them their counts and evidence."""
        n, old = self.n, [array[: self.n].copy() for array in self._arrays()]
        vectors, counts, worst, cosines, places, _ = old
        self.n = len(kept)
        for array, before in zip(self._arrays(), old, strict=True):
            array[: self.n] = before[kept]
        self.changed[:n] = 1
        for item in np.setdiff1d(np.arange(n), kept):
            to, known = names[item], cosines[item] > -2.0
            towards = np.float32(self._vectors[to] @ vectors[item])
            self._counts[to] += counts[item]
            self._worst[to] = min(self._worst[to], _after(worst[item], towards))
            at, seen = np.full(int(known.sum()), to, np.int32), np.minimum(cosines[item][known], towards)
            keep_evidence(at, seen, places[item][known], self._cosines, self._places)

    def take_renames(self) -> Items | None:
        """New index of each item that there was at the last call, None while no item has been merged."""
        names, self._renames = self._renames, None
        return names

    def evidence(self, item: int) -> list[Evidence]:
        """The pixels most like an item, best first, at most five."""
        if not 0 <= item < self.n:
            raise BadInput(f"item: want 0 .. {self.n - 1}, got {item}")
        known = [i for i in range(N_EVIDENCE) if self._cosines[item, i] > -2.0]
        at, cosines = self._places[item], self._cosines[item]
        return [Evidence(int(at[i, 0]), int(at[i, 1]), int(at[i, 2]), float(cosines[i])) for i in known]

    def attention(self, query: ArrayLike, temperature: float = 0.05) -> Vectors:
        """Share (n,) of the attention each item gets: softmax(query . items / temperature). O(n * D).

        Raises:
            BadInput: the query is not (D,) with a direction, or the temperature not positive.
        """
        if not temperature > 0:
            raise BadInput(f"temperature: want a positive number, got {temperature!r}")
        row = on_grid(np.reshape(np.asarray(query, np.float64), (1, -1)))[0]
        if self.n == 0:
            return np.zeros(0, np.float32)
        if len(row) != self.dimension:
            raise BadInput(f"query: want {self.dimension} numbers, got {len(row)}")
        logits = (self._vectors[: self.n] @ row) / np.float32(temperature)
        weights = np.exp(logits - logits.max())
        return np.asarray(weights / weights.sum(), np.float32)

    def state(self, first: int = 0, end: int | None = None) -> dict[str, Any]:
        """Arrays of items first..end from which `restore` makes the same items. O(items * D)."""
        part = slice(first, self.n if end is None else min(end, self.n))
        vectors = np.rint(self._vectors[part] * _GRID).astype(np.int16)
        rest = {name: array[part] for name, array in zip(_PARTS[1:], self._arrays()[1:], strict=False)}
        return {"vectors": vectors, **rest}

    def about(self) -> dict[str, Any]:
        """The rest of the state: JSON values."""
        names = ("n", "dimension", "similarity", "capacity")
        return {name: getattr(self, name) for name in names}

    def restore(self, about: dict[str, Any], parts: list[dict[str, Any]]) -> None:
        """Go on from `about` and the `state` of consecutive ranges of items.

        Raises:
            CorruptMemory: they do not fit together.
        """
        try:
            n, dimension = int(about["n"]), int(about["dimension"])
            similarity, capacity = float(about["similarity"]), int(about["capacity"])
            whole = {name: np.concatenate([part[name] for part in parts]) for name in _PARTS} if parts else {}
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptMemory(f"feature bank: {error!r} in what was stored") from error
        best = (n, N_EVIDENCE)
        shapes = dict(zip(_PARTS, ((n, dimension), (n,), (n,), best, (*best, 3)), strict=True))
        if (n and {name: array.shape for name, array in whole.items()} != shapes) or not 0 <= n <= capacity:
            raise CorruptMemory(f"feature bank: its parts are not {n} items of {dimension} numbers")
        self.n, self.dimension, self.similarity, self.capacity = n, dimension, similarity, capacity
        self._renames = None
        self._make_arrays(min(capacity, max(64, 1 << max(0, n - 1).bit_length())) if dimension else 0, dimension)
        if n:
            self._vectors[:n] = whole["vectors"] / np.float32(_GRID)
            for name, array in zip(_PARTS[1:], self._arrays()[1:], strict=False):
                array[:n] = whole[name]


def _spread_out(
    cosines: Vectors, order: NDArray[np.int64], angle: float, capacity: int
) -> tuple[float, NDArray[np.int64]]:
    """An angle above the given one, and the items it keeps: half to three quarters of the capacity where possible."""
    low = high = angle
    kept = order
    while len(kept) > _ROOM * capacity:
        low, high = high, min(np.pi, high * _WIDER)
        kept = _distinct(cosines, order, float(np.cos(high)))
    for _ in range(_HALVINGS):
        if 2 * len(kept) >= capacity:
            break
        middle = (low + high) / 2
        fewer = _distinct(cosines, order, float(np.cos(middle)))
        if len(fewer) > _ROOM * capacity:
            low = middle
        else:
            high, kept = middle, fewer
    return high, kept


def _distinct(cosines: Vectors, order: NDArray[np.int64], similarity: float) -> NDArray[np.int64]:
    """Items, ascending, that are kept when each one, in order, absorbs all that are as similar to it. O(n^2)."""
    covered = np.zeros(len(order), bool)
    kept = []
    for item in order:
        if not covered[item]:
            kept.append(int(item))
            covered |= cosines[item] >= similarity
    return np.sort(np.array(kept, np.int64))


def _after(a: np.float32, b: np.float32) -> float:
    """Least cosine between vectors whose cosines to a third are a and b."""
    return float(np.cos(min(np.pi, np.arccos(np.clip(a, -1.0, 1.0)) + np.arccos(np.clip(b, -1.0, 1.0)))))
