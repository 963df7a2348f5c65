# SPDX-License-Identifier: Apache-2.0
"""Places, rooms and the ways between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memory_app.benchmarks import rooms, routes
from memory_app.benchmarks.report import machine

_HOUSES = "house:"


def run(data: Path | None = None, frames: int | None = None) -> dict[str, Any]:
    """Measure ways in a graph, rooms of houses, and what an update costs while a building grows 100-fold.

    Args:
        data: a file or folder that `tolman route` reads, or city:N for a graph drawn here: ways alone. house:FILE,
            house:FILE#INDEX or house:FOLDER: rooms of these houses alone. None: a drawn city, the house that ships
            and the growing building.
        frames: pairs of nodes that ways are found between; 1,000 when None.
    """
    name = str(data or "")
    if name.startswith(_HOUSES):
        rows = rooms.house_rows(_houses(name.removeprefix(_HOUSES)))
    else:
        rows = routes.rows(data, frames)
        if data is None:
            rows += rooms.house_rows([None]) + rooms.growth_rows()
    return {
        "bench": f"topology {data or 'drawn city, own house, growing building'}",
        "machine": machine(),
        "rows": rows,
    }


def _houses(spec: str) -> list[str | None]:
    """Each house of a folder, or the one that is named; none is the one that ships."""
    folder = Path(spec)
    if spec and folder.is_dir():
        return [str(file) for file in sorted(folder.glob("*.json"))]
    return [spec or None]
