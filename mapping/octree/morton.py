# SPDX-License-Identifier: Apache-2.0
"""Morton codes: three coordinates of 21 bits each with their bits interleaved, x highest, in 63 bits.

Codes that share their leading bits are near each other: dropping 3 bits gives the code of the cell twice as large. The
code of a region (8x8x8 blocks) is that of any of its blocks without the last 9 bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BIAS = 1 << 20  # coordinates are -BIAS .. BIAS - 1

_STEPS = (
    (32, 0x1F00000000FFFF),
    (16, 0x1F0000FF0000FF),
    (8, 0x100F00F00F00F00F),
    (4, 0x10C30C30C30C30C3),
    (2, 0x1249249249249249),
)
_LAST = 0x1FFFFF


def encode(coordinates: NDArray[np.int64], bias: int = BIAS) -> NDArray[np.int64]:
    """Codes (N,) of coordinates (N, 3), each in -bias .. bias - 1 with bias <= BIAS. O(N)."""
    x, y, z = (_spread(coordinates[:, axis] + bias) for axis in range(3))
    return np.asarray((x << 2) | (y << 1) | z, np.int64)


def decode(codes: NDArray[np.int64], bias: int = BIAS) -> NDArray[np.int64]:
    """Coordinates (N, 3) of codes (N,). O(N)."""
    return np.stack([_gather(codes >> shift) for shift in (2, 1, 0)], axis=-1) - bias


def _spread(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Two zero bits between any two bits of values in 0 .. 2^21 - 1."""
    values = values.astype(np.int64)
    for shift, mask in _STEPS:
        values = (values | (values << shift)) & mask
    return values


def _gather(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Every third bit, the inverse of `_spread`."""
    values = values & _STEPS[-1][1]
    masks = [*(mask for _, mask in reversed(_STEPS[:-1])), _LAST]
    for (shift, _), mask in zip(reversed(_STEPS), masks, strict=True):
        values = (values | (values >> shift)) & mask
    return values
