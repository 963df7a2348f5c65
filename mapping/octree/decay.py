# SPDX-License-Identifier: Apache-2.0
"""How what was seen long ago fades: all log-odds of the map halve once in every half-life.

Halvings are counted from time 0 of the frames' clock, so how often a value was halved depends on the time alone, not
on when anyone looked. A region keeps how many it has seen and catches up when it is next touched.
"""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.errors import BadSettings


@dataclass
class Decay:
    """The clock of the halvings; half_life_s 0 means that nothing fades.

    Attributes:
        halvings: how many there were up to the latest time.

    Raises:
        BadSettings: the half-life is negative or not a number.
    """

    half_life_s: float = 0.0
    halvings: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.half_life_s < 1e9:
            raise BadSettings(f"decay_half_life_s: want 0 (never) .. 1e9 s, got {self.half_life_s!r}")

    def advance(self, stamp_ns: int) -> bool:
        """Whether a halving has come since the last call; time that runs backwards changes nothing. O(1)."""
        if not self.half_life_s:
            return False
        halvings = max(self.halvings, stamp_ns // max(1, round(self.half_life_s * 1e9)))
        is_new, self.halvings = halvings > self.halvings, halvings
        return is_new
