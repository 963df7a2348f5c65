# SPDX-License-Identifier: Apache-2.0
"""Size and colour words: what can be said of a thing without knowing its class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapping.compiled import compiled
from memory_core.segment import Segment

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey")
N_COLOURS = len(COLOURS)
_SECOND_SHARE = 0.3  # a second colour is named when this much of the thing has it
_SIZES = ((0.12, "tiny"), (0.35, "small"), (1.0, "medium"))


def size_word(size: tuple[float, float, float]) -> str:
    """tiny, small, medium or large, by the longest edge of a box in metres."""
    longest = max(size)
    for limit, word in _SIZES:
        if longest < limit:
            return word
    return "large"


def colour_words(shares: NDArray[np.float64]) -> tuple[str, ...]:
    """The main colour, and a second one where it covers much of the thing.

    Args:
        shares: (N_COLOURS,) how much of the thing has each colour; any scale.
    """
    total = float(shares.sum())
    if total <= 0.0:
        return ()
    order = np.argsort(-shares, kind="stable")
    words = [COLOURS[order[0]]]
    if shares[order[1]] >= _SECOND_SHARE * total:
        words.append(COLOURS[order[1]])
    return tuple(words)


def colour_shares(rgb: NDArray[np.uint8], segment: Segment, step: int) -> NDArray[np.float64]:
    """(N_COLOURS,) share of every step-th pixel of a segment that has each colour."""
    counts = np.zeros(N_COLOURS, np.float64)
    _count(rgb, segment.box_px[0], segment.box_px[1], segment.mask, step, counts)
    return counts / max(1.0, float(counts.sum()))


@compiled
def _count(
    rgb: NDArray[np.uint8], u0: int, v0: int, mask: NDArray[np.bool_], step: int, counts: NDArray[np.float64]
) -> None:
    for row in range(0, mask.shape[0], step):
        for column in range(0, mask.shape[1], step):
            if mask[row, column]:
                pixel = rgb[v0 + row, u0 + column]
                counts[colour_index(pixel[0], pixel[1], pixel[2])] += 1.0


@compiled
def colour_index(red: int, green: int, blue: int) -> int:
    """Which of COLOURS a pixel (0..255 each) has, by hue and saturation rather than brightness."""
    r, g, b = float(red), float(green), float(blue)
    high, low = max(r, g, b), min(r, g, b)
    spread = high - low
    if high < 45:
        return 8
    if spread < 0.18 * high or spread < 18:
        return 8 if high < 60 else (9 if high > 185 else 10)
    if high == r:
        hue = 60.0 * ((g - b) / spread)
    elif high == g:
        hue = 60.0 * ((b - r) / spread) + 120.0
    else:
        hue = 60.0 * ((r - g) / spread) + 240.0
    if hue < 0:
        hue += 360.0
    return _by_hue(hue, spread / high, high)


@compiled
def _by_hue(hue: float, saturation: float, value: float) -> int:
    if hue < 14 or hue >= 345:
        if value > 170 and saturation < 0.45:
            return 6
        return 7 if value < 110 and saturation < 0.6 else 0
    if hue < 42:
        return 7 if value < 170 or saturation < 0.5 else 1
    if hue < 68:
        return 7 if value < 90 else 2
    if hue < 165:
        return 3
    if hue < 255:
        return 4
    if hue < 300:
        return 5
    return 6
