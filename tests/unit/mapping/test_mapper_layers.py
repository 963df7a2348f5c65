# SPDX-License-Identifier: Apache-2.0
"""The mapper feeds the feature channel and the velocity channels, keeps them, and goes on with them after a restart."""

from dataclasses import replace

import numpy as np
import pytest

from mapping import Mapper, MapperSettings
from memory_core.errors import BadFrame
from perception import TruthSegmenter

D = 16


def embedding(label):
    return np.random.default_rng(sum(map(ord, label))).normal(size=D).astype(np.float32)


def run(frames, mapper, every=8, skip=0):
    """Updates of a mapper fed with embedded true segments."""
    segmenter, updates = TruthSegmenter(min_pixels=8), []
    for n, frame in enumerate(frames, start=1):
        if n > skip:
            mapper.integrate(frame, [replace(s, embedding=embedding(s.label)) for s in segmenter.segment(frame)])
            if n % every == 0:
                updates.append(mapper.update())
    return updates


@pytest.fixture
def room(box_world):
    box_world.put("table", (0, 0, 0.36), (1.03, 0.63, 0.73))
    box_world.put("chair", (0.2, -0.75, 0.41), (0.43, 0.43, 0.83))
    return box_world


def test_a_query_lights_up_occupied_voxels_of_what_it_looks_like(room):
    mapper = Mapper()
    run(room.walk_around(n=16), mapper)
    lit = mapper.space.light_up(embedding("table"), threshold=0.5)

    assert len(lit.points) > 100
    assert (mapper.octree.occupancy(lit.points) == 1).all()
    assert max(room.boxes["table"].distance_m(point) for point in lit.points) < 0.2


def test_what_went_away_is_not_lit_any_more(room):
    frames = room.walk_around(n=16)
    box = room.boxes.pop("chair")
    frames += room.walk_around(n=32, start_s=3.0)
    mapper = Mapper()
    run(frames, mapper)
    points = mapper.space.light_up(embedding("chair"), threshold=0.5).points

    assert sum(box.distance_m(point) == 0 and point[2] > 0.15 for point in points) < 20


@pytest.mark.parametrize("settings", [MapperSettings(), MapperSettings(movers=True)])
def test_a_restart_leaves_no_trace(room, settings):
    frames = room.walk_around(n=24)
    whole, first = Mapper(settings), Mapper(settings)
    updates = run(frames, whole)
    begun = run(frames[:8], first)
    resumed = Mapper(settings)
    resumed.restore(begun[-1].state, dict(begun[-1].map_blocks))
    rest = run(frames, resumed, skip=8)

    assert [u.map_blocks for u in begun + rest] == [u.map_blocks for u in updates]
    assert [u.state for u in begun + rest] == [u.state for u in updates]
    assert any(name.startswith("features/") for name in updates[0].map_blocks)


def test_features_can_be_off(room):
    mapper = Mapper(MapperSettings(features="off"))
    updates = run(room.walk_around(n=24)[:8], mapper)

    assert not any(name.startswith("features/") for update in updates for name in update.map_blocks)


def test_a_frame_with_another_kind_of_embedding_is_refused_before_anything_is_written(room):
    frames = room.walk_around(n=24)[:3]
    mapper = Mapper()
    run(frames[:2], mapper)
    odd = [replace(s, embedding=np.ones(D + 1, np.float32)) for s in TruthSegmenter().segment(frames[2])]
    with pytest.raises(BadFrame, match="embedding"):
        mapper.integrate(frames[2], odd)

    assert mapper.update().n_frames == 2


def test_movers_are_followed_only_when_asked_for(room):
    frames = [room.frame((-3.0, 0.0, 1.3), (0.0, 0.0, 0.9), stamp_s=0.1 * k) for k in range(6)]
    for k in range(14):
        room.put("person", (-1.3, -1.2 + 0.08 * k, 0.85), (0.35, 0.35, 1.7))
        frames.append(room.frame((-3.0, 0.0, 1.3), (0.0, 0.0, 0.9), stamp_s=0.1 * (6 + k)))
    follows, ignores = Mapper(MapperSettings(movers=True)), Mapper()
    run(frames, follows)
    run(frames, ignores)
    ahead = follows.space.movers(after_s=1.0)[0]

    assert ignores.space.movers() == []
    assert abs(ahead.vy - 0.8) < 0.4
    assert abs(ahead.y - (-1.2 + 0.08 * 13 + 0.8)) < 0.6
