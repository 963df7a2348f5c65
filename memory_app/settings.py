# SPDX-License-Identifier: Apache-2.0
"""Settings of the pipeline itself; those of its parts live in their packages."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import check, setting


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """How frames become commits."""

    segmenter: str = setting(
        "auto",
        "auto: the simulator's instance image when there is one, else geometric",
        choices=("auto", "truth", "geometric"),
    )
    commit_every: int = setting(50, "frames in one durable commit", unit="frames", minimum=1, maximum=10_000)

    def __post_init__(self) -> None:
        check(self)
