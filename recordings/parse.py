# SPDX-License-Identifier: Apache-2.0
"""Small texts with numbers in them: matrices, intrinsics, poses, stamps."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BadFrame, BadSource
from memory_core.geometry import pose_matrix

Matrix = NDArray[np.float64]

_MAX_TEXT_BYTES = 256 << 20


def numbers(text: str, count: int, name: str) -> Matrix:
    """Exactly `count` finite numbers separated by commas or white space.

    Raises:
        BadSource: another count, or something that is not a finite number.
    """
    try:
        values = np.array([float(word) for word in text.replace(",", " ").split()])
    except ValueError as error:
        raise BadSource(f"{name}: want {count} numbers, got {text.strip()[:80]!r}") from error
    if values.shape != (count,) or not np.isfinite(values).all():
        raise BadSource(f"{name}: want {count} finite numbers, got {values.size}: {text.strip()[:80]!r}")
    return values


def read_text(path: Path) -> str:
    """The text of a file of a recording. Raises BadSource when it cannot be read."""
    try:
        if path.stat().st_size > _MAX_TEXT_BYTES:
            raise BadSource(f"{path}: want a text of at most {_MAX_TEXT_BYTES >> 20} MiB, it is larger")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSource(f"{path}: cannot be read as text: {error}") from error


def intrinsics(text: str, name: str = "intrinsics") -> Matrix:
    """(3, 3) K of "fx,fy,cx,cy" in pixels. Raises BadSource."""
    fx, fy, cx, cy = numbers(text, 4, f"{name} (fx,fy,cx,cy)")
    return camera_matrix(fx, fy, cx, cy)


def camera_matrix(fx: float, fy: float, cx: float, cy: float) -> Matrix:
    """(3, 3) pinhole K, pixels."""
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]], np.float64)


def pose(text: str, name: str) -> Matrix:
    """(4, 4) of "x y z qx qy qz qw", metres. Raises BadSource."""
    values = numbers(text, 7, f"{name} (x y z qx qy qz qw)")
    try:
        return pose_matrix(values[:3], values[3:])
    except BadFrame as error:
        raise BadSource(f"{name}: {error}") from error


def stamp_ns(text: str, name: str) -> int:
    """Nanoseconds of decimal seconds, without rounding through float. Raises BadSource."""
    try:
        stamp = Decimal(text) * 1_000_000_000
        is_in_range = 0 <= stamp < 2**63
    except ArithmeticError as error:
        raise BadSource(f"{name}: want seconds, got {text[:40]!r}") from error
    if not is_in_range:
        raise BadSource(f"{name}: want seconds since an epoch, got {text[:40]!r}")
    return int(stamp)


def nominal_stamp_ns(index: int) -> int:
    """Stamp of image `index` of a data set without a clock: 30 images a second from second 1 on."""
    return 1_000_000_000 + round(index * 1e9 / 30)
