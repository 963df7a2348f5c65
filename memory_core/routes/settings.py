# SPDX-License-Identifier: Apache-2.0
"""What a step costs, and when two observations are of one node."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import setting


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """Weight of an edge: per_edge + per_metre * metres + per_cost * learned cost, never below 0."""

    per_edge: float = setting(0.0, "weight of an edge, however short", minimum=0.0, maximum=1e6)
    per_metre: float = setting(1.0, "weight of a metre", minimum=0.0, maximum=1e6)
    per_cost: float = setting(0.5, "weight of a unit of learned cost", minimum=0.0, maximum=1e6)
    merge_distance: float = setting(
        0.7, "largest distance between the descriptors of two observations of one node", minimum=0.0
    )
    merge_gate_m: float = setting(
        5.0, "largest distance between the positions of two observations of one node", unit="m", minimum=0.01
    )
