# SPDX-License-Identifier: Apache-2.0
"""Grids as Nav2's map server loads them."""

import numpy as np
import pytest
import yaml

from mapping.exporters import write_grid
from mapping.octree.octree import Octree
from memory_app.benchmarks.room import room_frames
from memory_core.errors import BadInput


def load(path):
    """What a map server makes of a YAML file: origin, resolution and cells, by its documented rules."""
    about = yaml.safe_load(path.read_text())
    kind, size, depth, body = (path.parent / about["image"]).read_bytes().split(b"\n", 3)
    assert (kind, depth, about["mode"], about["negate"]) == (b"P5", b"255", "trinary", 0)
    width, height = map(int, size.split())
    occupied = (255 - np.frombuffer(body, np.uint8).reshape(height, width)[::-1].astype(float)) / 255
    cells = np.where(occupied > about["occupied_thresh"], 100, np.where(occupied < about["free_thresh"], 0, -1))
    return about["origin"], about["resolution"], cells


@pytest.mark.parametrize("name", ["map.yaml", "map.pgm", "map"])
def test_a_map_server_loads_the_grid_that_was_written(tmp_path, name):
    octree = Octree(0.1)
    for frame in room_frames(4):
        octree.integrate(frame)
    grid = octree.occupancy_grid(0.2, 1.5)
    image = write_grid(grid.cells, grid.origin, grid.resolution_m, tmp_path / name)
    yaml_path = tmp_path / name if name == "map" else tmp_path / "map.yaml"
    origin, resolution, cells = load(yaml_path)

    assert image == tmp_path / "map.pgm"
    assert origin == [*grid.origin.tolist(), 0.0]
    assert resolution == 0.1
    np.testing.assert_array_equal(cells, grid.cells)


def test_the_maps_of_nav2_mean_the_same_in_our_reading(shared_data):
    origin, resolution, cells = load(shared_data("maps/nav2/nav2_bringup/maps/depot.yaml"))

    assert len(origin) == 3
    assert resolution > 0
    assert set(np.unique(cells)) >= {0, 100}


def test_a_grid_of_nothing_is_refused(tmp_path):
    grid = Octree().occupancy_grid(0.0, 1.0)
    with pytest.raises(BadInput, match="nothing is mapped at these heights"):
        write_grid(grid.cells, grid.origin, grid.resolution_m, tmp_path / "map.yaml")
    assert not list(tmp_path.iterdir())
