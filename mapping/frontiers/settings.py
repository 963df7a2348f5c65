# SPDX-License-Identifier: Apache-2.0
"""Settings of frontiers, with their units and limits."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import setting


@dataclass(frozen=True)
class FrontierSettings:
    """What counts as a border of the known that is worth a look."""

    cell_m: float = setting(
        0.1,
        "edge of the cells that are free or unseen as a whole; rounded to voxels",
        unit="m",
        minimum=0.01,
        maximum=2.0,
    )
    lowest_m: float = setting(0.1, "lowest height above the floor that matters", unit="m", minimum=0.0, maximum=5.0)
    highest_m: float = setting(1.6, "highest height above the floor that matters", unit="m", minimum=0.1, maximum=20.0)
    reach_m: float = setting(2.4, "widest frontier; wider borders are several", unit="m", minimum=0.2, maximum=50.0)
    least_m2: float = setting(0.15, "smaller borders are passed over", unit="m2", minimum=0.0, maximum=100.0)
    least_unseen_m3: float = setting(
        0.1, "borders that hide less are passed over", unit="m3", minimum=0.0, maximum=1000.0
    )
    view_m: float = setting(3.0, "farthest viewpoint of a frontier", unit="m", minimum=0.3, maximum=50.0)
    eye_m: float = setting(
        1.2, "height of the camera above the floor at a viewpoint", unit="m", minimum=0.05, maximum=5.0
    )
    max_range_m: float = setting(4.0, "how far frames change the octree", unit="m", minimum=0.2, maximum=50.0)
    looks: int = setting(
        12, "poses that look into a frontier without changing it before it is given up", minimum=1, maximum=100_000
    )
