# SPDX-License-Identifier: Apache-2.0
"""Settings of the segmenters, with their units and limits."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import check, setting


@dataclass(frozen=True)
class GeometricSettings:
    """How things are told from the planes they stand on, hang on or stand before."""

    cell_px: int = setting(4, "edge of the square of pixels that is looked at as one", unit="px", minimum=1, maximum=16)
    range_m: float = setting(
        3.2, "depth beyond this is too noisy to tell things apart", unit="m", minimum=0.3, maximum=50.0
    )
    noise_m: float = setting(0.008, "depth noise of a surface at no distance", unit="m", minimum=0.0, maximum=0.1)
    noise_per_m2: float = setting(
        0.004, "growth of the noise with the square of the distance", minimum=0.0, maximum=0.1
    )
    plane_m2: float = setting(
        0.15, "flat regions from this size on are structure: floor, wall, table top", unit="m2", minimum=0.01
    )
    least_size_m: float = setting(0.05, "longest edge of the smallest thing", unit="m", minimum=0.005)
    most_size_m: float = setting(1.2, "longest edge of the largest thing", unit="m", minimum=0.05)
    least_cells: int = setting(10, "cells of the smallest thing", minimum=1)
    window: int = setting(5, "frames looked back at for stability", minimum=1, maximum=60)
    steady: int = setting(3, "frames of the window that must show a thing", minimum=1, maximum=60)

    def __post_init__(self) -> None:
        check(self)
