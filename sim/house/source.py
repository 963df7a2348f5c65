# SPDX-License-Identifier: Apache-2.0
"""A walk through a house as a source of frames, like any recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from memory_core.frame import CameraFrame
from memory_core.geometry import Vec
from sim.house.assets import AssetTable
from sim.house.camera import Camera
from sim.house.schema import load_house
from sim.house.tour import plan_tour
from sim.house.world import World
from sim.settings import SimSettings
from sim.types import AgentPose, SimObject, SimRoom


class HouseTour:
    """The frames of a tour; poses and depth are perfect. `objects` and `rooms` are truth, for evaluation only."""

    def __init__(self, world: World, settings: SimSettings, map_id: str = "map") -> None:
        self.name = f"house:{world.house.name}"
        self.poses: list[AgentPose] = plan_tour(world, settings.camera_height_m)
        self.n_frames: int | None = len(self.poses)
        self.drops: dict[str, int] = {}
        self.warnings: list[str] = []
        self._world = world
        self._camera = Camera(world, settings, session_id=f"tour {world.house.name}", map_id=map_id)

    def frames(self, start: int = 0) -> Iterator[CameraFrame]:
        """Frames from index `start` on; O(1) to skip."""
        for n in range(start, len(self.poses)):
            yield self._camera.frame(self.poses[n], n)

    def trajectory(self) -> list[tuple[int, Vec]]:
        """Stamp and T_world_cam (4, 4) of every frame, without drawing them. O(frames)."""
        return [(self._camera.stamp_ns(n), self._camera.T_world_cam(pose)) for n, pose in enumerate(self.poses)]

    def objects(self) -> list[SimObject]:
        """The objects of the house as they truly are."""
        return [self._world.truth(thing) for thing in self._world.things.values()]

    def rooms(self) -> list[SimRoom]:
        return list(self._world.rooms.values())


def house_source(
    spec: str | Path | None = None,
    *,
    settings: SimSettings | None = None,
    width: int | None = None,
    height: int | None = None,
    asset_database: str | Path | None = None,
    map_id: str = "map",
) -> HouseTour:
    """A tour of a house: None or "house" for the one that comes along, FILE, or FILE#INDEX (one house a line).

    Raises:
        BadHouse: the description or the asset database cannot be used.
    """
    chosen = settings or SimSettings()
    chosen = replace(chosen, width=width or chosen.width, height=height or chosen.height)
    world = World(load_house(spec), AssetTable(asset_database), chosen.seed)
    return HouseTour(world, chosen, map_id)
