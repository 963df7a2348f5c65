# SPDX-License-Identifier: Apache-2.0
"""What became of episodes: figures of each, and their means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Episode:
    """One run.

    Attributes:
        ok: what the simulator's truth says of the goal; None where there is none but the figures.
        text: what was to be done, and what went wrong if something did.
        figures: name to value; None where it does not apply, which means leave out.
        details: what was missed or invented, for a person to look at.
    """

    kind: str
    scene: str
    seed: int
    ok: bool | None
    text: str
    figures: Mapping[str, float | None]
    details: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """The episode in one line."""
        mark = {None: "      ", True: "ok    ", False: "FAILED"}[self.ok]
        shown = ", ".join(f"{name} {_number(value)}" for name, value in self.figures.items() if value is not None)
        return f"{mark}  {self.scene} seed {self.seed}: {self.text + '; ' if self.text else ''}{shown}"


@dataclass(frozen=True, slots=True)
class Report:
    """All episodes of a run, in order."""

    simulator: str
    kind: str
    episodes: Sequence[Episode]

    @property
    def means(self) -> dict[str, float]:
        """Mean of every figure over the episodes that have it, and the share of goals reached."""
        names = dict.fromkeys(name for episode in self.episodes for name in episode.figures)
        values = {name: [e.figures[name] for e in self.episodes if e.figures.get(name) is not None] for name in names}
        goals = [episode.ok for episode in self.episodes if episode.ok is not None]
        means = {"success": float(np.mean(goals))} if goals else {}
        return {**means, **{name: float(np.mean(some)) for name, some in values.items() if some}}  # type: ignore[arg-type]

    def summary(self) -> str:
        """The means in one line."""
        shown = ", ".join(f"{name} {_number(value)}" for name, value in self.means.items())
        return f"{self.simulator} {self.kind}, {len(self.episodes)} episodes: {shown}"

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        episodes = [
            {"scene": e.scene, "seed": e.seed, "ok": e.ok, "text": e.text, **e.figures, "details": dict(e.details)}
            for e in self.episodes
        ]
        return {"simulator": self.simulator, "kind": self.kind, "means": self.means, "episodes": episodes}


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.3g}"
