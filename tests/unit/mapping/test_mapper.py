# SPDX-License-Identifier: Apache-2.0
"""Laws of the mapper: what the events say is the graph, a restart leaves no trace, standing still writes little."""

from dataclasses import replace

import numpy as np
import pytest

from mapping import Mapper, MapperSettings
from mapping.story.scene_graph import GraphView
from memory_core.errors import BadFrame, BadSettings, CorruptMemory


@pytest.fixture
def kitchen(box_world):
    """A table with a mug and a bowl on it, and two chairs of the same kind side by side."""
    box_world.put("table", (0, 0, 0.35), (1.0, 0.6, 0.7), colour=(150, 100, 50))
    box_world.put("mug", (0.2, 0.1, 0.75), (0.1, 0.1, 0.1), colour=(210, 20, 20))
    box_world.put("bowl", (-0.3, 0.0, 0.75), (0.2, 0.2, 0.1), colour=(30, 40, 220))
    box_world.put("chair1", (-0.3, -0.75, 0.4), (0.4, 0.4, 0.8), colour=(30, 160, 40))
    box_world.put("chair2", (0.2, -0.75, 0.4), (0.4, 0.4, 0.8), colour=(30, 160, 40))
    return box_world


def events_of(updates):
    return [event for update in updates for event in update.events]


def test_every_object_is_found_once_and_where_it_is(kitchen, mapped):
    _, updates = mapped(kitchen.walk_around())
    found = list(updates[-1].graph.instances.values())

    assert sorted(i.label for i in found) == ["bowl", "chair", "chair", "mug", "table"]
    for box in kitchen.boxes.values():
        nearest = min(np.linalg.norm(np.subtract(box.center, i.position)) for i in found)
        assert nearest < 0.05


def test_folding_the_events_gives_the_graph(kitchen, mapped):
    _, updates = mapped(kitchen.walk_around())
    view = GraphView()
    for update in updates:
        view.apply(update.events)
        assert view.graph(update.stamp_ns) == update.graph


def test_the_same_frames_give_the_same_bytes(kitchen, mapped):
    frames = kitchen.walk_around(n=16)
    first, second = mapped(frames)[1], mapped(frames)[1]

    assert [e.canonical() for e in events_of(first)] == [e.canonical() for e in events_of(second)]
    assert [u.state for u in first] == [u.state for u in second]
    assert [u.keyframes for u in first] == [u.keyframes for u in second]
    assert [u.map_blocks for u in first] == [u.map_blocks for u in second]


@pytest.mark.parametrize("stop", [8, 16])
def test_a_restart_leaves_no_trace(kitchen, mapped, stop):
    frames = kitchen.walk_around()
    kitchen.boxes.pop("mug")
    frames += kitchen.walk_around(start_s=3.0, n=16)
    _, whole = mapped(frames)
    _, begun = mapped(frames[:stop], final=False)

    blocks = {key: content for update in begun for key, content in update.map_blocks.items()}
    resumed = Mapper()
    resumed.restore(begun[-1].state, blocks)
    _, rest = mapped(frames, mapper=resumed, skip=stop)

    assert [e.canonical() for e in events_of(begun + rest)] == [e.canonical() for e in events_of(whole)]
    assert rest[-1].state == whole[-1].state
    assert rest[-1].graph == whole[-1].graph


def test_a_robot_that_stands_still_writes_ever_less(kitchen, mapped):
    frame = kitchen.frame((1.5, 0.5, 1.2), (0, 0, 0.5))
    frames = [replace(frame, stamp_ns=n * 2_000_000_000) for n in range(120)]
    _, updates = mapped(frames, every=20, final=False)
    counts = [len(update.events) for update in updates]
    n_objects = len(updates[-1].graph.instances)

    assert n_objects >= 3
    assert max(counts[2:]) <= n_objects  # in every 40 s after the first 80: heartbeats a minute apart
    assert sum(len(update.keyframes) for update in updates[1:]) == 0


def test_what_leaves_view_is_told_with_the_moment_it_was_last_seen(kitchen, mapped):
    seen = [kitchen.frame((1.5, 0.5, 1.2), (0, 0, 0.5), stamp_s=0.1 * n) for n in range(10)]
    away = [kitchen.frame((1.5, 0.5, 1.2), (3, 3, 0.5), stamp_s=1.5 + 0.1 * n) for n in range(40)]
    mapper, _ = mapped(seen + away, final=False)
    last_seen = {i.last_seen_ns for i in mapper.graph().instances.values()}

    assert last_seen == {seen[-1].stamp_ns}


def test_every_object_is_shown_by_a_keyframe_that_its_appearance_names(kitchen, mapped):
    _, updates = mapped(kitchen.walk_around())
    keyframes = {k.id: k for update in updates for k in update.keyframes}
    appeared = [event for event in events_of(updates) if event.kind == "appeared"]

    assert appeared
    for event in appeared:
        assert event.subject in keyframes[event.snapshot].shows


def test_two_sessions_in_one_map_go_on_counting(kitchen, mapped):
    first_frames = kitchen.walk_around(n=16)
    kitchen.put("lamp", (0, 0.8, 0.5), (0.2, 0.2, 1.0), colour=(240, 240, 60))
    second_frames = [replace(frame, session_id="later") for frame in kitchen.walk_around(n=16)]
    mapper, first = mapped(first_frames)
    _, second = mapped(second_frames, mapper=mapper)
    ids = {event.subject for event in events_of(second) if event.kind == "appeared"}

    assert len(ids) == 1  # only the lamp is new
    assert ids.isdisjoint(first[-1].graph.instances)


def test_frames_of_another_map_are_refused_by_name(kitchen):
    mapper = Mapper()
    mapper.integrate(kitchen.frame((1.5, 0, 1), (0, 0, 0.5)), [])
    with pytest.raises(BadFrame, match="map_id: want 'map' as in earlier frames, got 'attic'"):
        mapper.integrate(kitchen.frame((1.5, 0, 1), (0, 0, 0.5), map_id="attic"), [])


def test_a_clock_that_goes_back_is_refused_and_nothing_is_lost(kitchen):
    mapper = Mapper()
    mapper.integrate(kitchen.frame((1.5, 0, 1), (0, 0, 0.5), stamp_s=2.0), [])
    with pytest.raises(BadFrame, match="stamp_ns: want 2000000000 or later, got 1000000000"):
        mapper.integrate(kitchen.frame((1.5, 0, 1), (0, 0, 0.5), stamp_s=1.0), [])
    assert mapper.update().n_frames == 1


def test_a_torn_state_is_refused():
    with pytest.raises(CorruptMemory, match="mapper state"):
        Mapper().restore(b"not a state", {})


def test_impossible_settings_are_refused():
    with pytest.raises(BadSettings, match="instance_voxel_m"):
        Mapper(MapperSettings(instance_voxel_m=0.0))


def test_every_object_is_explained_by_one_kept_image_that_shows_it(kitchen, mapped):
    _, updates = mapped(kitchen.walk_around())
    keyframes = {k.id: k for update in updates for k in update.keyframes}
    graph = updates[-1].graph

    assert set(graph.snapshots) == set(graph.instances)
    assert all(name in keyframes[image].shows for name, image in graph.snapshots.items())
    assert len(set(graph.snapshots.values())) < len(graph.instances)


def test_frontiers_are_told_and_may_be_turned_off(kitchen, mapped):
    frames = kitchen.walk_around()
    mapper, updates = mapped(frames)
    graph = updates[-1].graph

    assert {one.id for one in mapper.frontiers.all()} == set(graph.frontiers) != set()
    assert all(one.place_id in graph.places for one in graph.frontiers.values())
    _, silent = mapped(frames, mapper=Mapper(MapperSettings(frontiers=False)))
    assert not silent[-1].graph.frontiers
