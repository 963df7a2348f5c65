# SPDX-License-Identifier: Apache-2.0
"""Simulators by name; each is imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, overload

from memory_core.config import check, settings_from
from memory_core.errors import BadSettings
from sim.house.backend import HouseSimulator
from sim.settings import SimSettings
from sim.types import Simulator

SIMULATORS = ("house", "ai2thor", "habitat")
Scene = str | Path | None


@overload
def make(name: Literal["house"], **given: Any) -> HouseSimulator: ...


@overload
def make(name: str, **given: Any) -> Simulator: ...


def make(
    name: str,
    *,
    scene: Scene = None,
    width: int | None = None,
    height: int | None = None,
    hfov_deg: float | None = None,
    camera_height_m: float | None = None,
    seed: int | None = None,
    settings: SimSettings | None = None,
    asset_database: str | Path | None = None,
    map_id: str = "map",
    **options: Any,
) -> Simulator:
    """A simulator, begun.

    Args:
        name: "house", the embedded one, "ai2thor" or "habitat".
        scene: what to load. house: None or "house" for the house that comes along, FILE, or FILE#INDEX (one house a
            line). ai2thor: a scene of the build ("FloorPlan1", the default), or a ProcTHOR house as for "house".
            habitat: a scene file, or a scene of the data set.
        width, height, hfov_deg, camera_height_m, seed: override those of `settings`.
        asset_database: ProcTHOR's asset-database.json; default is the file $TOLMAN_ASSET_DATABASE names, if any.
            Only "house" needs to be told sizes.
        options: settings of the backend alone; ai2thor takes those of sim.thor.settings.ThorSettings,
            habitat those of sim.habitat.settings.HabitatSettings.

    Raises:
        BackendUnavailable: the simulator, its library or its build is not here, or does not start.
        BadSettings: an unknown name or option, or a setting out of range.
        BadHouse: the house cannot be loaded.
    """
    if name not in SIMULATORS:
        raise BadSettings(f"simulator: want one of {', '.join(map(repr, SIMULATORS))}, got {name!r}")
    given: dict[str, Any] = {
        "width": width,
        "height": height,
        "hfov_deg": hfov_deg,
        "camera_height_m": camera_height_m,
        "seed": seed,
    }
    chosen = replace(settings or SimSettings(), **{key: value for key, value in given.items() if value is not None})
    check(chosen)
    return _MAKERS[name](scene, chosen, asset_database, map_id, options)


def _house(scene: Scene, settings: SimSettings, assets: Scene, map_id: str, options: Mapping[str, Any]) -> Simulator:
    if options:
        raise BadSettings(f"simulator 'house': want no further options, got {', '.join(sorted(options))}")
    return HouseSimulator(scene, settings, assets, map_id)


def _ai2thor(scene: Scene, settings: SimSettings, assets: Scene, map_id: str, options: Mapping[str, Any]) -> Simulator:
    from sim.thor.backend import ThorSimulator
    from sim.thor.settings import ThorSettings

    return ThorSimulator(scene, settings, settings_from(ThorSettings, options), map_id)


def _habitat(scene: Scene, settings: SimSettings, assets: Scene, map_id: str, options: Mapping[str, Any]) -> Simulator:
    from sim.habitat.backend import HabitatSimulator
    from sim.habitat.settings import HabitatSettings

    return HabitatSimulator(scene, settings, settings_from(HabitatSettings, options), map_id)


_MAKERS: dict[str, Callable[[Scene, SimSettings, Scene, str, Mapping[str, Any]], Simulator]] = {
    "house": _house,
    "ai2thor": _ai2thor,
    "habitat": _habitat,
}
