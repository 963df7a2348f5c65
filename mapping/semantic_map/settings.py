# SPDX-License-Identifier: Apache-2.0
"""Settings of the semantic map, with their units and limits."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import setting


@dataclass(frozen=True)
class SemanticMapSettings:
    """How large the map is and what counts."""

    size_m: float = setting(24.0, "edge of the map", unit="m", minimum=0.1, maximum=200.0)
    cell_m: float = setting(0.05, "edge of a cell", unit="m", minimum=0.01, maximum=1.0)
    n_classes: int = setting(
        32, "channels of classes; the first takes what has none of its own", minimum=2, maximum=256
    )
    hits: int = setting(5, "pixels of a class in a cell, in one frame, that make it so", minimum=1, maximum=255)
    min_cells: int = setting(10, "smaller patches get no label", minimum=1, maximum=100_000)
    low_m: float = setting(-0.4, "lower, from the floor, is not looked at", unit="m", minimum=-10.0, maximum=0.0)
    high_m: float = setting(2.0, "higher, from the floor, is not looked at", unit="m", minimum=0.1, maximum=10.0)
    obstacle_low_m: float = setting(0.25, "obstacles begin at this height", unit="m", minimum=0.0, maximum=2.0)
    obstacle_high_m: float = setting(1.4, "obstacles end at this height", unit="m", minimum=0.1, maximum=10.0)

    @property
    def n_cells(self) -> int:
        """Cells along an edge."""
        return max(1, round(self.size_m / self.cell_m))
