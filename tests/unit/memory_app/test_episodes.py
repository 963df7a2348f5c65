# SPDX-License-Identifier: Apache-2.0
"""Episodes: what they report, and that the seed alone decides them."""

import json
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from memory_app.cli.sim import sim as command
from memory_app.episodes import Episode, EpisodeSettings, Report, run_episodes
from memory_app.episodes.goals import goal_points, shortest_m
from memory_app.episodes.touring import tour
from memory_core.errors import BadSettings
from memory_core.geometry import Box
from sim import AgentPose, StepResult


def thing(uid, center, parent="", relation="", is_open=None):
    return SimpleNamespace(
        uid=uid, label=uid, box=Box.of(center, (0.2, 0.2, 0.2)), parent=parent, relation=relation, is_open=is_open
    )


GRID = np.array([(x, y) for x in np.arange(0, 3, 0.25) for y in np.arange(0, 3, 0.25)])


def test_goals_are_beside_things_that_are_not_shut_in():
    things = [
        thing("lamp", (1, 1, 1)),
        thing("fridge", (2, 2, 1), is_open=False),
        thing("egg", (2, 2, 1), "fridge", "in"),
        thing("magnet", (2, 2, 2), "fridge", "on"),
        thing("moon", (50, 50, 50)),
    ]
    goals = goal_points(things, GRID)
    assert set(goals) == {"lamp", "fridge", "magnet"}
    assert (np.linalg.norm(goals["lamp"] - (1, 1), axis=1) <= 1.2).all()


def test_the_shortest_way_goes_around_what_is_missing_from_the_floor():
    assert shortest_m(GRID, (0, 0), np.array([[2.0, 0.0]])) == pytest.approx(2.0)
    walled = GRID[~((GRID[:, 0] == 1.0) & (GRID[:, 1] < 2.0))]
    assert 4.0 < shortest_m(walled, (0, 0), np.array([[2.0, 0.0]])) < 5.0
    cut = GRID[GRID[:, 0] != 1.0]
    assert shortest_m(cut, (0, 0), np.array([[2.0, 0.0]])) == np.inf


class Hall:
    """A simulator with nothing but a floor."""

    def __init__(self):
        self.agent_pose = AgentPose(x=0.0, y=0.0, yaw_rad=0.0)

    def reachable(self):
        return GRID

    def step(self, action):
        self.agent_pose = action.pose
        return StepResult(None, ok=True)


def test_a_tour_comes_near_every_point_turns_around_and_never_jumps():
    hall, poses = Hall(), []
    tour(hall, lambda _: poses.append(hall.agent_pose))
    stood = np.array([(pose.x, pose.y) for pose in poses])
    gaps = np.linalg.norm(GRID[:, None] - stood[None], axis=2).min(axis=1)
    assert gaps.max() <= 1.75
    steps = [np.hypot(b.x - a.x, b.y - a.y) for a, b in pairwise(poses)]
    turns = [(b.yaw_rad - a.yaw_rad + np.pi) % (2 * np.pi) - np.pi for a, b in pairwise(poses)]
    assert max(steps) <= 0.25 + 1e-9
    assert np.abs(turns).max() <= np.radians(90)


def test_figures_that_do_not_apply_are_left_out_of_the_means():
    episodes = [
        Episode("search", "a", 0, True, "find the mug", {"SPL": 0.5, "walked m": 2.0}),
        Episode("search", "a", 1, None, "find the cup", {"SPL": None, "walked m": 4.0}),
        Episode("search", "a", 2, False, "find the hat", {"SPL": 0.0, "walked m": 6.0}),
    ]
    report = Report("house", "search", episodes)
    assert report.means == {"success": 0.5, "SPL": 0.25, "walked m": 4.0}
    assert "FAILED  a seed 2: find the hat" in episodes[2].line()
    assert json.loads(json.dumps(report.to_json()))["episodes"][1]["SPL"] is None


def test_searches_repeat_by_their_seed_and_use_what_earlier_ones_saw():
    settings = EpisodeSettings(kind="search", scenes=("gen?rooms=1&seed={seed}",), n_episodes=1, seed=3, size=(80, 60))
    (first,) = run_episodes(settings)
    (again,) = run_episodes(settings)
    assert first == again
    assert first.scene.endswith("seed=3")


def test_the_command_refuses_what_it_cannot_do():
    with pytest.raises(BadSettings, match="fetch: want the simulator 'house' without noise"):
        CliRunner().invoke(command, ["house", "fetch", "--noise", "tof"], catch_exceptions=False)
    result = CliRunner().invoke(command, ["house", "explore", "--episodes", "2", "--memory", "x"])
    assert result.exit_code == 2
    assert "each has a memory of its own" in result.output
    assert CliRunner().invoke(command, ["house", "dance"]).exit_code == 2
