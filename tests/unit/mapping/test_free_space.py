# SPDX-License-Identifier: Apache-2.0
"""Columns of an octree seen from above."""

from __future__ import annotations

import numpy as np
import pytest

from mapping.topology.free_space import (
    BLOCKED,
    OPEN,
    UNKNOWN,
    Storey,
    pack_runs,
    unpack_runs,
)
from memory_core.errors import CorruptMemory

VOXEL = 0.05
CAMERA_LAYER = 30
TILE = 32


class Stack:
    """The same column everywhere: occupancy by height above z = 0."""

    voxel_size_m = VOXEL

    def __init__(self, *bands):
        self.bands = bands
        self.n_read = 0

    def dense(self, minimum, maximum):
        first = np.floor(np.asarray(minimum) / VOXEL).astype(int)
        size = np.floor(np.asarray(maximum) / VOXEL).astype(int) + 1 - first
        z = (first[2] + np.arange(size[2]) + 0.5) * VOXEL
        column = np.full(size[2], -1, np.int8)
        for low, high, value in self.bands:
            column[(z > low) & (z < high)] = value
        self.n_read += int(size[0] * size[1])
        return np.broadcast_to(column, tuple(size)).copy()


FLOOR = (-0.05, 0.0, 1)
AIR = (0.0, 2.6, 0)


def storey_of(*bands):
    storey = Storey(CAMERA_LAYER, VOXEL, 1.2, TILE)
    storey.look(CAMERA_LAYER * VOXEL, (0.1, 0.1), (1.0, 1.0))
    storey.refresh(Stack(*bands))
    return storey


@pytest.mark.parametrize(
    ("bands", "drive", "rooms"),
    [
        ((FLOOR, AIR), OPEN, OPEN),
        ((FLOOR, AIR, (0.0, 0.04, 1)), OPEN, OPEN),  # a rug
        ((FLOOR, AIR, (0.0, 0.9, 1)), BLOCKED, OPEN),  # a counter
        ((FLOOR, AIR, (0.0, 2.6, 1)), BLOCKED, BLOCKED),  # a wall
        ((FLOOR, AIR, (2.1, 2.6, 1)), OPEN, BLOCKED),  # below a lintel
        ((FLOOR, AIR, (2.55, 2.65, 1)), OPEN, OPEN),  # below a low ceiling
        ((FLOOR, (0.0, 1.3, 0)), OPEN, OPEN),  # never looked up
        ((FLOOR, (0.0, 1.3, 1)), BLOCKED, BLOCKED),  # a wall, never looked up
        ((FLOOR, (0.0, 0.3, 0)), UNKNOWN, UNKNOWN),  # only seen near the floor
        ((), UNKNOWN, UNKNOWN),
    ],
)
def test_what_stands_in_a_column_decides_whether_one_drives_there_and_whether_it_is_a_wall(bands, drive, rooms):
    storey = storey_of(FLOOR, AIR)
    codes = storey._classify(Stack(*bands).dense(*_tile(storey)))
    assert (int(codes[3, 3] & 3), int(codes[3, 3] >> 2)) == (drive, rooms)


def _tile(storey):
    low = np.array([0.0, 0.0, storey.first_layer * VOXEL]) + VOXEL / 2
    return low, low + np.array([TILE - 1, TILE - 1, storey.n_layers - 1]) * VOXEL


def test_the_floor_is_the_lowest_large_level_surface():
    assert storey_of(FLOOR, AIR, (0.7, 0.75, 1)).floor_z == pytest.approx(-0.025)
    assert storey_of((0.2, 0.25, 1), (0.25, 2.6, 0)).floor_z == pytest.approx(0.225)


def test_without_any_level_surface_the_floor_is_put_a_robots_height_below_the_camera():
    storey = storey_of((0.5, 2.0, 0))
    assert storey.floor_z == pytest.approx(CAMERA_LAYER * VOXEL - 1.2 + VOXEL / 2)


def test_a_level_surface_above_the_camera_is_no_floor():
    below = CAMERA_LAYER * VOXEL - 1.2 + VOXEL / 2
    assert storey_of((2.0, 2.05, 1), (2.05, 2.6, 0)).floor_z == pytest.approx(below)


def test_only_tiles_that_were_looked_at_are_read():
    storey, octree = storey_of(FLOOR, AIR), Stack(FLOOR, AIR)
    assert not storey.refresh(octree)
    assert octree.n_read == 0
    storey.look(1.5, (0.1, 0.1), (0.2, 0.2))
    assert not storey.refresh(octree)  # the same as before
    assert octree.n_read == TILE * TILE
    storey.look(1.5, (0.1, 0.1), (0.2, 0.2))
    assert storey.refresh(Stack(FLOOR, AIR, (0.5, 0.9, 1))) == {(0, 0): (0, 0, TILE - 1, TILE - 1)}


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (7, 5)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_runs_give_back_the_grid(shape, dtype, rng):
    grid = rng.integers(0, 2, shape).astype(dtype)
    again = unpack_runs(pack_runs(grid))
    np.testing.assert_array_equal(again, grid)
    assert again.dtype == grid.dtype


def test_torn_runs_are_refused():
    with pytest.raises(CorruptMemory):
        unpack_runs(pack_runs(np.ones((3, 3), np.uint8))[:-1])
