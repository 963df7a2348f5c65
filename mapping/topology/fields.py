# SPDX-License-Identifier: Apache-2.0
"""From the codes of columns to fields over a storey: open floor, clearance, where the robot fits, walls.

Each field of a cell follows from the cells within a fixed distance of it, so a window around a tile is enough to
compute the tile, and the result does not depend on the window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mapping.topology.free_space import BLOCKED, OPEN, UNKNOWN
from mapping.topology.tiles import Cells, Ints

Mask = NDArray[np.bool_]

TENTHS = 10  # clearances are in tenths of a cell
_TILE_M = 3.2
_HOLE_M2, _HOLE_M = 0.05, 0.5  # unseen specks of floor
_ISLAND_M = 2.0  # things as tall as walls are not longer than this
_POCKET_M = 2.0
_CLEARANCE_M = 1.5  # larger clearances are not told apart


@dataclass(frozen=True, slots=True)
class Necks:
    """What separates rooms, in metres and square metres."""

    door_width_m: float
    dip_m: float
    least_area_m2: float


@dataclass(frozen=True, slots=True)
class Rules:
    """How places and rooms are found; metres and square metres, see TopologySettings."""

    robot_radius_m: float
    reach_m: float
    least_gain_m2: float
    least_pocket_m2: float
    necks: Necks


class Scale:
    """The rules in cells. `side` of a tile is larger than all distances over which cells influence each other."""

    def __init__(self, rules: Rules, voxel_size_m: float) -> None:
        def cells(metres: float) -> int:
            return max(1, math.ceil(metres / voxel_size_m - 1e-6))

        self.voxel_size_m = voxel_size_m
        self.radius = rules.robot_radius_m / voxel_size_m
        self.reach = max(2, round(rules.reach_m / voxel_size_m))
        self.least_gain = max(1, round(rules.least_gain_m2 / voxel_size_m**2))
        self.hole_cells, self.hole = _HOLE_M2 / voxel_size_m**2, cells(_HOLE_M)
        self.pocket_cells, self.pocket = rules.least_pocket_m2 / voxel_size_m**2, cells(_POCKET_M)
        self.island = cells(_ISLAND_M)
        self.clear = cells(max(_CLEARANCE_M, rules.robot_radius_m + 0.5))
        self.saddle = TENTHS * (rules.necks.door_width_m / 2 / voxel_size_m + 0.5)
        self.dip = TENTHS * rules.necks.dip_m / voxel_size_m
        self.high = math.ceil((self.saddle + self.dip) / TENTHS) + 2
        self.room_cells = rules.necks.least_area_m2 / voxel_size_m**2
        apart = (2 * self.reach + 2, self.hole + self.clear, self.island + self.high, self.pocket)
        self.side = max(cells(_TILE_M), *(distance + 1 for distance in apart))

    @property
    def drive_halo(self) -> int:
        return self.hole + self.clear

    @property
    def wall_halo(self) -> int:
        return self.island + self.high


def drive_fields(codes: Cells, scale: Scale) -> tuple[Cells, Ints]:
    """(drive, clearance) of the tile in the middle of a window with `drive_halo` around it. O(cells of the window)."""
    drive = _fill_holes((codes & 3).astype(np.uint8), scale)
    clearance = _tenths((drive == OPEN).astype(np.uint8), scale.clear)
    inner = slice(scale.drive_halo, -scale.drive_halo)
    return np.ascontiguousarray(drive[inner, inner]), np.ascontiguousarray(clearance[inner, inner])


def where_it_fits(clearance: Ints, scale: Scale) -> Cells:
    """1 where the robot fits and is not in a pocket; a window with `scale.pocket` around the tile. O(cells)."""
    least = TENTHS * (scale.radius + 0.5 - 1e-6)
    fits = (clearance >= math.ceil(least)).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(fits, connectivity=4)
    long = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) > scale.pocket
    large = (stats[:, cv2.CC_STAT_AREA] >= scale.pocket_cells) | long
    large[0] = False
    inner = slice(scale.pocket, -scale.pocket)
    return np.ascontiguousarray(large[labels][inner, inner].astype(np.uint8))


def wall_heights(codes: Cells, covered: Mask | None, scale: Scale) -> Ints:
    """Distance to the nearest wall for cells of rooms, 0 elsewhere; unlike for driving, the unknown is no wall.

    Args:
        codes: a window with `wall_halo` around the tile.
        covered: where things stand that are known not to be walls.
    """
    rooms = codes >> 2
    blocked = rooms == BLOCKED
    if covered is not None:
        blocked &= ~_islands(blocked, covered, scale.island)
    heights = _tenths((~blocked).astype(np.uint8), scale.high)
    heights[~((rooms == OPEN) | ((rooms == BLOCKED) & ~blocked))] = 0
    inner = slice(scale.wall_halo, -scale.wall_halo)
    return np.ascontiguousarray(heights[inner, inner])


def _tenths(free: Cells, limit: int) -> Ints:
    """Distance of free cells to the nearest that is not, at most `limit` cells."""
    distance = cv2.distanceTransform(free, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.floor(np.minimum(distance, limit) * TENTHS + 1e-3).astype(np.int32)


def _fill_holes(drive: Cells, scale: Scale) -> Cells:
    """Unseen specks within open space count as open."""
    unknown = drive == UNKNOWN
    _, labels, stats, _ = cv2.connectedComponentsWithStats(unknown.astype(np.uint8), connectivity=4)
    length = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    small = (stats[:, cv2.CC_STAT_AREA] < scale.hole_cells) & (length <= scale.hole)
    blocked = cv2.dilate((drive == BLOCKED).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    small[labels[blocked & unknown]] = False
    return np.where(small[labels] & unknown, np.uint8(OPEN), drive)


def _islands(blocked: Mask, covered: Mask, longest: int) -> Mask:
    """Blocked cells that hang together, lie within footprints of things and touch nothing else."""
    inside = blocked & covered
    outside = cv2.dilate((blocked & ~covered).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=8)
    free = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) <= longest
    free[labels[outside & inside]] = False
    return np.asarray(inside & free[labels])
