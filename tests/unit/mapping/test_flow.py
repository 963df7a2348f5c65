# SPDX-License-Identifier: Apache-2.0
"""Laws of the velocity channels: movers are where they must be after a long time out of sight; time adds up."""

import numpy as np
import pytest

from mapping.flow import FlowLayer, FlowSettings
from memory_core.errors import BadInput, BadSettings, CorruptMemory

WORLD, WINDOW, FASTEST = 50, 32, 2
TORUS = FlowSettings(
    size_m=WORLD, cell_m=1.0, fastest_m_s=FASTEST, velocity_step_m_s=1.0, noise_m=0.1, min_evidence=2, torus=True
)


class Episode:
    """Five movers on a torus, a robot that sees a corner of it and wanders; one step is one second, one cell 1 m."""

    def __init__(self, rng):
        self.rng, self.robot = rng, np.zeros(2, int)
        self.at = rng.integers(0, WORLD, (5, 2))
        self.velocity = rng.integers(-FASTEST, FASTEST + 1, (5, 2))
        self.seen = np.zeros((WORLD, WORLD), bool)
        self.seen[:WINDOW, :WINDOW] = True

    def step(self):
        """The robot's step in cells; afterwards `cells` are the movers' in the robot's grid."""
        ego = self.rng.integers(-4, 5, 2)
        self.robot, self.at = (self.robot + ego) % WORLD, (self.at + self.velocity) % WORLD
        return tuple(int(c) for c in ego)

    @property
    def cells(self):
        return (self.at - self.robot) % WORLD

    def truth(self):
        cells = np.zeros((WORLD, WORLD), bool)
        cells[tuple(self.cells.T)] = True
        return cells


def iou(a, b):
    return (a & b).sum() / max(1, (a | b).sum())


def blind_rollout(rng, n_seen=50, n_blind=70):
    """Mean overlap with the truth over the blind steps: of the velocity channels, and of a map that only shifts."""
    episode, layer = Episode(rng), FlowLayer(TORUS)
    static = np.zeros((WORLD, WORLD), bool)
    ours, theirs = [], []
    for step in range(n_seen + n_blind):
        ego = episode.step() if step else (0, 0)
        static = np.roll(static, (-ego[0], -ego[1]), (0, 1))
        if step < n_seen:
            static[episode.seen] = episode.truth()[episode.seen]
            positions = episode.cells + np.array(layer.origin) + ego + 0.5
            layer.update(positions, dt_s=float(step > 0), observed=episode.seen, ego_shift=ego)
        else:
            layer.update(np.empty((0, 2)), dt_s=1.0, observed=np.zeros_like(static), ego_shift=ego)
            ours.append(iou(layer.predict() >= 0.5, episode.truth()))
            theirs.append(iou(static, episode.truth()))
    return np.mean(ours), np.mean(theirs)


def test_seventy_blind_steps_later_the_movers_are_where_the_channels_say():
    rng = np.random.default_rng(0)
    ours, static = np.mean([blind_rollout(rng) for _ in range(25)], axis=0)

    assert ours >= 0.95
    assert static <= 0.1


def test_predicting_is_letting_time_pass(rng):
    episode, layer = Episode(rng), FlowLayer(TORUS)
    for _ in range(6):
        ego = episode.step()
        layer.update(episode.cells + np.array(layer.origin) + ego + 0.5, dt_s=1.0, ego_shift=ego)
    before = layer.predict(7.0)
    layer.advance(7.0)

    assert np.array_equal(before, layer.predict())


@pytest.mark.parametrize("parts", [2, 3, 10])
def test_time_may_be_cut_as_one_likes(rng, parts):
    whole, cut = FlowLayer(center=(0, 0)), FlowLayer(center=(0, 0))
    seen = rng.uniform(-3, 3, (4, 2))
    for layer in (whole, cut):
        layer.update(seen)
    whole.advance(0.75)
    for _ in range(parts):
        cut.advance(0.75 / parts)

    assert whole.predict() == pytest.approx(cut.predict(), abs=1e-6)


def walk(layer, velocity, n=20, dt_s=0.1, start=(-2.0, 0.0), jitter=0.0, rng=None):
    """A person walks in a line and is seen every dt_s; returns where they are in the end."""
    at = np.array(start, float)
    for step in range(n):
        at = at + np.array(velocity) * dt_s * (step > 0)
        seen = at + (rng.normal(size=2) * jitter if rng is not None else 0)
        layer.update([seen], dt_s=dt_s * (step > 0))
    return at


@pytest.mark.parametrize("velocity", [(1.2, 0.0), (-0.8, 0.4), (0.0, -1.6), (0.5, 0.5), (1.1, -0.7)])
def test_a_walker_has_one_mover_with_its_velocity(velocity):
    layer = FlowLayer()
    at = walk(layer, velocity)
    movers = layer.movers(dt_s=1.0)

    assert np.hypot(movers[0].vx - velocity[0], movers[0].vy - velocity[1]) < 0.4
    assert np.hypot(movers[0].x - at[0] - velocity[0], movers[0].y - at[1] - velocity[1]) < 0.5


def test_a_walker_seen_with_jitter_is_still_followed(rng):
    errors = []
    for _ in range(20):
        layer = FlowLayer()
        at = walk(layer, (1.0, 0.6), rng=rng, jitter=0.05)
        movers = layer.movers(dt_s=1.0)
        errors.append(np.hypot(movers[0].x - at[0] - 1.0, movers[0].y - at[1] - 0.6) if movers else np.inf)

    assert np.median(errors) < 0.4


def test_what_stands_still_is_no_mover():
    layer = FlowLayer()
    for step in range(20):
        layer.update([(1.0, 1.0)], dt_s=0.1 * (step > 0))

    assert [m for m in layer.movers() if np.hypot(m.vx, m.vy) > 0.2] == []


def test_seen_once_means_anywhere_soon():
    layer = FlowLayer()
    layer.update([(0.1, 0.1)])

    assert layer.predict().max() == pytest.approx(1.0, abs=1e-3)
    assert layer.predict(1.0).max() < 0.05
    assert layer.predict(1.0).sum() == pytest.approx(1.0, abs=0.05)


def test_a_place_seen_empty_is_empty():
    layer = FlowLayer()
    walk(layer, (1.0, 0.0))
    layer.update(np.empty((0, 2)))

    assert not layer.predict().any()


def test_the_grid_goes_with_the_robot_and_the_movers_stay_where_they_are():
    layer = FlowLayer()
    walk(layer, (1.0, 0.0), start=(0.0, 0.0))
    before = layer.movers()[0]
    layer.center_on(1.3, -2.2)

    assert tuple(layer.movers()[0]) == pytest.approx(tuple(before), abs=1e-6)
    assert layer.origin == pytest.approx((1.2 - 6.4, -2.4 + 0.0 - 6.4), abs=0.21)


def test_a_restart_leaves_no_trace(rng):
    layer = FlowLayer()
    walk(layer, (0.9, 0.3), rng=rng, jitter=0.05)
    other = FlowLayer(center=(5.0, 5.0))
    other.restore(layer.state())
    for both in (layer, other):
        both.update([(0.3, 0.6)], dt_s=0.13)

    assert np.array_equal(layer.predict(0.4), other.predict(0.4))
    assert layer.movers() == other.movers()
    assert all(np.array_equal(value, other.state()[name]) for name, value in layer.state().items())


def test_its_size_never_changes(rng):
    layer = FlowLayer()
    size = layer.n_bytes
    for _ in range(30):
        layer.update(rng.uniform(-20, 20, (200, 2)), dt_s=0.1)

    assert layer.n_bytes == size


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda layer: layer.advance(-1.0), "dt_s"),
        (lambda layer: layer.predict(float("nan")), "dt_s"),
        (lambda layer: layer.update([(np.nan, 0.0)]), "positions"),
        (lambda layer: layer.update([(0.0, 0.0)], observed=np.ones((2, 2), bool)), "observed"),
    ],
)
def test_nonsense_is_refused(call, message):
    with pytest.raises(BadInput, match=message):
        call(FlowLayer())


def test_states_of_other_grids_are_refused():
    with pytest.raises(CorruptMemory, match="movers"):
        FlowLayer().restore(FlowLayer(TORUS).state())
    with pytest.raises(CorruptMemory, match="movers"):
        FlowLayer().restore({})
    with pytest.raises(BadSettings, match="noise_m"):
        FlowLayer(FlowSettings(noise_m=0.0))
