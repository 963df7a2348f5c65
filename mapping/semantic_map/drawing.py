# SPDX-License-Identifier: Apache-2.0
"""The semantic map as a picture: cells in colours, names in boxes."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Plane = NDArray[np.uint8]

_UNKNOWN, _FREE, _OBSTACLE, _PAST, _ROBOT = (
    (255, 255, 255),
    (232, 232, 228),
    (90, 90, 90),
    (70, 130, 220),
    (220, 30, 30),
)
_FONT, _SIZE, _PAD = cv2.FONT_HERSHEY_SIMPLEX, 0.4, 3
_TRIES = 12  # lines further down or up that a name moves to find room


def colour(name: str) -> tuple[int, int, int]:
    """RGB of a class, always the same."""
    hue = (sum((index + 1) * ord(letter) for index, letter in enumerate(name)) * 0.137) % 1.0
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue, 0.55, 0.6))
    return red, green, blue


def coloured(channels: Mapping[str, Plane], classes: Mapping[str, Plane]) -> Picture:
    """(n, n, 3) RGB of planes indexed [x, y], turned so that +x is right and +y is up."""
    cells = np.full((*channels["explored"].shape, 3), _UNKNOWN, np.uint8)
    for name, rgb in (("explored", _FREE), ("obstacle", _OBSTACLE)):
        cells[channels[name] > 0] = rgb
    for name, plane in classes.items():
        cells[plane > 0] = colour(name)
    cells[channels["past"] > 0] = _PAST
    cells[cv2.dilate(channels["current"], np.ones((5, 5), np.uint8)) > 0] = _ROBOT
    return np.ascontiguousarray(cells.transpose(1, 0, 2)[::-1])


def enlarged(cells: Picture, times: int) -> Picture:
    """Every cell as times x times pixels."""
    return np.ascontiguousarray(cells.repeat(times, axis=0).repeat(times, axis=1))


def write_names(picture: Picture, spots: Sequence[tuple[str, int, int]]) -> None:
    """Write (name, column, row) of the middle into the picture, each in a box, moved where another one stands."""
    taken: list[tuple[int, int, int, int]] = []
    for name, u, v in spots:
        (width, height), _ = cv2.getTextSize(name, _FONT, _SIZE, 1)
        half_u, half_v = width // 2 + _PAD, height // 2 + _PAD
        for attempt in range(_TRIES):
            at = v + (attempt + 1) // 2 * (2 * half_v + 1) * (1 if attempt % 2 else -1)
            box = (u - half_u, at - half_v, u + half_u, at + half_v)
            if not any(_overlap(box, other) for other in taken):
                taken.append(box)
                _write(picture, name, box)
                break


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _write(picture: Picture, name: str, box: tuple[int, int, int, int]) -> None:
    """A box with rounded corners in the class's colour, the name in it in black or white."""
    u0, v0, u1, v1 = box
    rgb = colour(name)
    cv2.rectangle(picture, (u0 + 2, v0), (u1 - 2, v1), rgb, -1)
    cv2.rectangle(picture, (u0, v0 + 2), (u1, v1 - 2), rgb, -1)
    for corner in ((u0 + 2, v0 + 2), (u1 - 2, v0 + 2), (u0 + 2, v1 - 2), (u1 - 2, v1 - 2)):
        cv2.circle(picture, corner, 2, rgb, -1)
    ink = (0, 0, 0) if sum(rgb) > 330 else (255, 255, 255)
    cv2.putText(picture, name, (u0 + _PAD, v1 - _PAD), _FONT, _SIZE, ink, 1, cv2.LINE_AA)
