# SPDX-License-Identifier: Apache-2.0
"""The simulator behind a connection that says what it is told to say."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import sim
from memory_core.errors import BackendUnavailable, NotPossible
from sim import Action, AgentPose
from sim.thor import backend

WIDTH, HEIGHT = 32, 24


def zero():
    return {"x": 0.0, "y": 0.0, "z": 0.0}


def metadata():
    bowl = {
        "objectId": "Bowl|1",
        "objectType": "Bowl",
        "position": zero(),
        "axisAlignedBoundingBox": {"center": {"x": 1.0, "y": 0.5, "z": 2.0}, "size": {"x": 0.2, "y": 0.1, "z": 0.2}},
    }
    return {
        "lastActionSuccess": True,
        "errorMessage": "",
        "actionReturn": None,
        "colors": [{"name": "Bowl|1", "color": [1, 2, 3]}],
        "objects": [bowl],
        "agent": {"position": {"x": 0.0, "y": 0.9, "z": 0.0}, "rotation": zero(), "cameraHorizon": 0.0},
        "cameraPosition": {"x": 0.0, "y": 1.575, "z": 0.0},
        "fov": 90.0,
        "sceneBounds": {"center": zero(), "size": {"x": 4.0, "y": 3.0, "z": 6.0}},
        "inventoryObjects": [],
    }


class Told:
    """A connection: what it answers is `metadata`, what it was told is in `actions`."""

    far_m = 20.0

    def __init__(self, scene, settings, thor):
        self.actions, self.metadata, self.is_open = [], metadata(), True

    @property
    def event(self):
        picture = np.full((HEIGHT, WIDTH, 3), (1, 2, 3), np.uint8)
        depth = np.full((HEIGHT, WIDTH), 2.0, np.float32)
        return SimpleNamespace(
            metadata=self.metadata, frame=picture, depth_frame=depth, instance_segmentation_frame=picture
        )

    def step(self, action):
        self.actions.append(action)
        return self.event

    def reset(self, scene):
        self.actions.append({"action": "Reset", "scene": scene.name})

    def close(self):
        self.is_open = False


@pytest.fixture
def thor(monkeypatch):
    monkeypatch.setattr(backend, "Connection", Told)
    return sim.make("ai2thor", scene="FloorPlan1", width=WIDTH, height=HEIGHT)


def test_a_frame_is_what_the_event_says(thor):
    frame = thor.observe()
    assert frame.session_id == "ai2thor FloorPlan1"
    assert frame.K[0, 0] == pytest.approx(HEIGHT / 2)
    np.testing.assert_allclose(frame.T_world_cam[:3, 3], [0, 0, 1.575])
    assert (frame.instance_ids == 1).all()
    assert frame.instance_labels == {1: "bowl"}
    assert thor.observe() is frame


def test_time_passes_with_actions_and_not_with_questions(thor):
    stamps = [thor.observe().stamp_ns]
    thor.reachable()
    stamps += [thor.step(Action("Done")).frame.stamp_ns for _ in range(2)]
    assert np.diff(stamps).tolist() == [100_000_000] * 2
    assert thor.reset().stamp_ns == stamps[0]


def test_a_refusal_is_a_sentence(thor):
    thor._connection.metadata |= {"lastActionSuccess": False, "errorMessage": "Bowl blocks it."}
    result = thor.step(Action("MoveAhead"))
    assert (result.ok, result.error) == (False, "Bowl blocks it.")


def test_teleport_keeps_the_height_that_the_agent_has(thor):
    thor.step(Action("Teleport", pose=AgentPose(x=1, y=2, yaw_rad=0)))
    assert thor._connection.actions[-1]["position"] == {"x": -2.0, "y": 0.9, "z": 1.0}


def test_truth_and_sight(thor):
    [bowl] = thor.objects()
    np.testing.assert_allclose(bowl.box.center, [2, -1, 0.5])
    assert thor.object("Bowl|1") == bowl
    assert thor.sees("Bowl|1")
    assert not thor.sees("Cup|1")
    assert (thor.uid_of(1), thor.label_of(1), thor.uid_of(2), thor.label_of(0)) == ("Bowl|1", "bowl", "", "")
    assert thor.rooms()[0].label == "kitchen"
    with pytest.raises(NotPossible, match="Cup"):
        thor.object("Cup|1")


def test_reachable_points_are_in_order_and_one_can_stand_next_to_them(thor):
    told = [(0.25, 0.0), (0.0, 0.25), (0.0, 0.0)]
    thor._connection.metadata["actionReturn"] = [{"x": x, "y": 0.9, "z": z} for x, z in told]
    np.testing.assert_allclose(thor.reachable(), [[0, -0.25], [0, 0], [0.25, 0]])
    assert thor.can_stand(np.array([[0.1, 0.1], [2.0, 2.0]])).tolist() == [True, False]
    thor._connection.metadata["actionReturn"] = []
    assert thor.reachable().shape == (0, 2)
    assert thor.can_stand(np.zeros((1, 2))).tolist() == [False]


def test_a_horizon_told_as_nearly_a_full_turn_looks_up(thor):
    thor._connection.metadata["agent"]["cameraHorizon"] = 330.0
    thor.step(Action("Done"))
    assert thor.agent_pose.horizon_rad == pytest.approx(-math.radians(30))


@pytest.mark.parametrize("key", ["colors", "objects", "agent", "cameraPosition", "fov"])
@pytest.mark.parametrize("spoilt", [None, "nonsense", [{"name": 3}]])
def test_metadata_of_another_kind_are_one_error(thor, key, spoilt):
    thor._connection.metadata[key] = spoilt
    with pytest.raises(BackendUnavailable, match="cannot be read"):
        (thor.step(Action("Done")), thor.objects(), thor.agent_pose)


def test_objects_without_what_is_needed_are_one_error(thor):
    del thor._connection.metadata["objects"][0]["axisAlignedBoundingBox"]["size"]
    thor.step(Action("Done"))
    with pytest.raises(BackendUnavailable, match="objects"):
        thor.objects()


def test_what_is_closed_says_so_until_it_is_reset(thor):
    thor.close()
    for ask in (thor.observe, thor.objects, thor.reachable, lambda: thor.step(Action("Done"))):
        with pytest.raises(BackendUnavailable, match="call reset"):
            ask()
    assert thor.reset("FloorPlan301").session_id == "ai2thor FloorPlan301"
    assert thor.rooms()[0].label == "bedroom"
