# SPDX-License-Identifier: Apache-2.0
"""Simulators by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from memory_core.config import check
from memory_core.errors import BackendUnavailable, BadSettings
from sim.house.backend import HouseSimulator
from sim.settings import SimSettings

_LATER = ("ai2thor", "habitat")


def make(
    name: str,
    *,
    house: str | Path | None = None,
    width: int | None = None,
    height: int | None = None,
    hfov_deg: float | None = None,
    camera_height_m: float | None = None,
    seed: int | None = None,
    settings: SimSettings | None = None,
    asset_database: str | Path | None = None,
    map_id: str = "map",
) -> HouseSimulator:
    """A simulator, begun.

    Args:
        name: "house", the embedded one.
        house: None or "house" for the house that comes along, FILE, or FILE#INDEX (one house a line).
        width, height, hfov_deg, camera_height_m, seed: override those of `settings`.
        asset_database: ProcTHOR's asset-database.json; default is the file $TOLMAN_ASSET_DATABASE names, if any.

    Raises:
        BackendUnavailable: a simulator that this version does not drive.
        BadSettings: an unknown name, or a setting out of range.
        BadHouse: the house cannot be loaded.
    """
    if name in _LATER:
        raise BackendUnavailable(f"the simulator {name!r} is not available in this version; use 'house'")
    if name != "house":
        raise BadSettings(f"simulator: want 'house', got {name!r}")
    given: dict[str, Any] = {
        "width": width,
        "height": height,
        "hfov_deg": hfov_deg,
        "camera_height_m": camera_height_m,
        "seed": seed,
    }
    chosen = replace(settings or SimSettings(), **{key: value for key, value in given.items() if value is not None})
    check(chosen)
    return HouseSimulator(house, chosen, asset_database, map_id)
