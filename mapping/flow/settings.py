# SPDX-License-Identifier: Apache-2.0
"""Settings of the layer of movers, with their units and limits."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import setting


@dataclass(frozen=True)
class FlowSettings:
    """The grid on the floor and the velocities that have a channel."""

    size_m: float = setting(12.8, "edge of the grid around the robot", unit="m", minimum=0.1, maximum=1000.0)
    cell_m: float = setting(0.2, "edge of a cell", unit="m", minimum=0.01, maximum=10.0)
    fastest_m_s: float = setting(2.0, "fastest velocity along an axis", unit="m/s", minimum=0.01, maximum=100.0)
    velocity_step_m_s: float = setting(
        0.4, "between two neighbouring velocities", unit="m/s", minimum=0.01, maximum=100.0
    )
    noise_m: float = setting(0.25, "standard deviation of where a mover is seen", unit="m", minimum=0.001, maximum=10.0)
    min_evidence: int = setting(3, "sightings in line before something is a mover", minimum=2, maximum=100)
    torus: bool = setting(False, "what leaves the grid on one side comes back on the other")

    @property
    def n_cells(self) -> int:
        """Cells along an edge."""
        return max(1, round(self.size_m / self.cell_m))

    @property
    def n_steps(self) -> int:
        """Velocities above zero along an axis."""
        return max(1, round(self.fastest_m_s / self.velocity_step_m_s))
