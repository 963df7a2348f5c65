# SPDX-License-Identifier: Apache-2.0
"""Places, rooms and the ways between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memory_app.benchmarks import routes
from memory_app.benchmarks.report import machine


def run(data: Path | None = None, frames: int | None = None) -> dict[str, Any]:
    """Measure ways in a graph: `data` is a file or folder that `tolman route` reads, or city:N for one drawn here.

    Args:
        frames: pairs of nodes that ways are found between; 1,000 when None.
    """
    rows = routes.rows(data, frames)
    return {"bench": f"topology {data or 'drawn city'}", "machine": machine(), "rows": rows}
