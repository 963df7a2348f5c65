# SPDX-License-Identifier: Apache-2.0
"""Houses for the tests of the simulator."""

import json
from importlib import resources

import numpy as np
import pytest

import sim
from sim.house.assets import AssetTable
from sim.house.schema import load_house
from sim.house.world import World


@pytest.fixture(scope="session")
def asset_database(shared_data):
    return shared_data("houses/procthor_databases/procthor/databases/asset-database.json")


@pytest.fixture(scope="session")
def procthor_world(shared_data, asset_database):
    """Returns a function: index of one of the 500 one-room houses -> its world."""
    file = shared_data("houses/procthor_1k/train.jsonl.gz")
    return lambda index: World(load_house(f"{file}#{index}"), AssetTable(asset_database))


@pytest.fixture
def own_house():
    """The JSON of the house that comes along, free to be spoilt."""
    return json.loads(resources.files("sim").joinpath("data", "own_house.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def own_world():
    return World(load_house(), AssetTable())


@pytest.fixture
def bathroom(tmp_path, own_house):
    """A file with one room of the house that comes along."""
    house = {key: [part for part in own_house[key] if "|5|" in part["id"]] for key in ("walls", "objects")}
    house["rooms"] = [room for room in own_house["rooms"] if room["id"] == "room|5"]
    (tmp_path / "bathroom.json").write_text(json.dumps(house))
    return tmp_path / "bathroom.json"


@pytest.fixture(scope="session")
def tour():
    """The tour of the house that comes along."""
    return sim.house_source("house", width=160, height=120)


@pytest.fixture(scope="module")
def simulator():
    return sim.make("house", width=160, height=120)


@pytest.fixture
def look_at():
    """Returns a function: teleport a simulator near an object, turned to it, so that it is seen; gives the result."""

    def look(simulator, uid, distance_m=0.4):
        thing = simulator.object(uid)
        center = np.array(thing.box.center)
        around = np.arange(-3.0, 3.1, 0.2)
        points = center[:2] + np.stack(np.meshgrid(around, around), axis=-1).reshape(-1, 2)
        points = points[simulator.can_stand(points)]
        outside = np.maximum(np.maximum(np.array(thing.box.minimum[:2]) - points, points - thing.box.maximum[:2]), 0)
        gaps = np.linalg.norm(outside, axis=1)
        for index in np.argsort(np.abs(gaps - distance_m)):
            x, y = points[index]
            yaw = np.arctan2(center[1] - y, center[0] - x)
            far = max(float(np.hypot(center[0] - x, center[1] - y)), 0.1)
            horizon = np.clip(np.arctan2(1.5 - center[2], far), -1.2, 1.2)
            pose = sim.AgentPose(x=x, y=y, yaw_rad=float(yaw), horizon_rad=float(horizon))
            result = simulator.step(sim.Action("Teleport", pose=pose))
            if result.ok and simulator.sees(uid):
                return result
        raise AssertionError(f"{uid} is seen from nowhere")

    return look
