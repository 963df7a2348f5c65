# SPDX-License-Identifier: Apache-2.0
"""Compiled loops of the velocity channels: moving them on, and weighing them by what was seen.

A channel (n, n) holds at most one mover in a cell [i, j]: evidence (sightings in line), share (probability that this is
its velocity), offset (where it is) and number (of the mover it speaks of). Its place, in cells from the grid's corner,
is (i, j) + offset + phase of the channel. Share 0 is nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mapping.compiled import compiled

_MOST = 255
_BIRTH = 1e-3  # share of a velocity that nothing spoke for so far
_FADE = 0.9  # exponent of what earlier sightings say: the last ten or so count, and a mover may turn
_FAR = 3.0  # standard deviations beyond which a sighting is of something else


@compiled
def shift(source: Any, shifts: Any, torus: bool, target: Any) -> None:
    """Move every channel of source by shifts (C, 2) cells into target, which is zeros.

    Both are (evidence, share, offsets, numbers).
    """
    evidence, share, offsets, numbers = source
    to_evidence, to_share, to_offsets, to_numbers = target
    n = share.shape[1]
    for c in range(share.shape[0]):
        di, dj = shifts[c, 0], shifts[c, 1]
        for i in range(n):
            for j in range(n):
                if share[c, i, j] <= 0.0:
                    continue
                a, b = i + di, j + dj
                if torus:
                    a, b = a % n, b % n
                if 0 <= a < n and 0 <= b < n:
                    to_evidence[c, a, b], to_share[c, a, b] = evidence[c, i, j], share[c, i, j]
                    to_numbers[c, a, b] = numbers[c, i, j]
                    to_offsets[c, a, b, 0], to_offsets[c, a, b, 1] = offsets[c, i, j, 0], offsets[c, i, j, 1]


@compiled(inline="always")
def _cell(position: Any, torus: Any, n: Any) -> Any:
    cell = np.int64(np.floor(position))
    return cell % n if torus else cell


@compiled
def _weigh_one(place: Any, channels: Any, phase: Any, noise: float, evidence: Any, weights: Any) -> Any:
    """evidence (C,) and weights (C,), which sum to 1, of something seen at place (2,); its number, -1 if it is new."""
    before, share, offsets, numbers = channels
    best, number = 0.0, -1
    n, reach, total = share.shape[1], int(np.ceil(_FAR * noise)), 0.0
    for c in range(share.shape[0]):
        x, y = place[0] - phase[c, 0], place[1] - phase[c, 1]
        i, j = int(np.floor(x)), int(np.floor(y))
        evidence[c], weights[c] = 1, _BIRTH
        for a in range(max(0, i - reach), min(n, i + reach + 1)):
            for b in range(max(0, j - reach), min(n, j + reach + 1)):
                if share[c, a, b] <= 0.0:
                    continue
                dx, dy = x - a - offsets[c, a, b, 0], y - b - offsets[c, a, b, 1]
                square = (dx * dx + dy * dy) / (noise * noise)
                if square > _FAR * _FAR:
                    continue
                weight = max(_BIRTH, np.float64(share[c, a, b]) ** _FADE * np.exp(-0.5 * square))
                if weight > weights[c] or evidence[c] == 1:
                    weights[c], evidence[c] = weight, min(_MOST, np.int64(before[c, a, b]) + 1)
                    if weight > best:
                        best, number = weight, numbers[c, a, b]
        total += weights[c]
    for c in range(share.shape[0]):
        weights[c] /= total
    return number


@compiled
def weigh(places: Any, channels: Any, phase: Any, observed: Any, noise: float, torus: bool, newest: int) -> int:
    """Bring channels = (evidence, share, offsets, numbers) up to date with what was seen of the floor.

    What is in a cell that was seen is gone, and so is all else that was thought of a mover seen again. Every sighting,
    at places (m, 2) in cells, enters all channels: its share of a channel is that of what the channel brought there,
    times the likelihood of where it was seen.

    Args:
        observed: (n, n) bool.
        noise: of a place, cells, standard deviation.
        newest: number of the newest mover; what it is afterwards is returned.
    """
    evidence, share, offsets, numbers = channels
    of = np.empty(places.shape[0], np.int64)
    n_channels, n = share.shape[0], share.shape[1]
    counts = np.empty((places.shape[0], n_channels), np.int64)
    weights = np.empty((places.shape[0], n_channels), np.float64)
    for k in range(places.shape[0]):
        of[k] = _weigh_one(places[k], channels, phase, noise, counts[k], weights[k])
        if of[k] < 0:
            newest += 1
            of[k] = newest
    for c in range(n_channels):
        for i in range(n):
            for j in range(n):
                if share[c, i, j] > 0.0:
                    a = _cell(i + offsets[c, i, j, 0] + phase[c, 0], torus, n)
                    b = _cell(j + offsets[c, i, j, 1] + phase[c, 1], torus, n)
                    gone = 0 <= a < n and 0 <= b < n and observed[a, b]
                    for k in range(of.shape[0]):
                        gone = gone or numbers[c, i, j] == of[k]
                    if gone:
                        evidence[c, i, j], share[c, i, j] = 0, np.float32(0.0)
                        offsets[c, i, j, 0] = offsets[c, i, j, 1] = np.float32(0.0)
    for k in range(places.shape[0]):
        for c in range(n_channels):
            x, y = places[k, 0] - phase[c, 0], places[k, 1] - phase[c, 1]
            i, j = _cell(x, torus, n), _cell(y, torus, n)
            if 0 <= i < n and 0 <= j < n:
                evidence[c, i, j], share[c, i, j] = counts[k, c], np.float32(weights[k, c])
                offsets[c, i, j, 0], offsets[c, i, j, 1] = x - np.floor(x), y - np.floor(y)
                numbers[c, i, j] = of[k]
    return newest


@compiled
def together(channels: Any, ahead: Any, torus: bool, probability: Any) -> None:
    """probability (n, n), zeros at first, of something in each cell: the sum of all shares that are there, 1 at most.

    ahead (C, 2) is how many cells each channel is ahead of its cells.
    """
    _, share, offsets, _ = channels
    n = share.shape[1]
    for c in range(share.shape[0]):
        for i in range(n):
            for j in range(n):
                if share[c, i, j] > 0.0:
                    a = _cell(i + offsets[c, i, j, 0] + ahead[c, 0], torus, n)
                    b = _cell(j + offsets[c, i, j, 1] + ahead[c, 1], torus, n)
                    if 0 <= a < n and 0 <= b < n:
                        probability[a, b] = min(np.float32(1.0), probability[a, b] + share[c, i, j])
