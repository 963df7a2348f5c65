# SPDX-License-Identifier: Apache-2.0
"""The memory as its users see it: what was remembered is there, once, in order, at every time."""

import random
import threading
from dataclasses import replace

import pytest

from memory_core import Event, MapUpdate, SceneGraph
from memory_core.errors import BadInput, MemoryUnavailable
from memory_core.event import frontier_payload
from memory_core.graph import Frontier
from memory_core.memory import Memory
from memory_core.store.blobs import Blobs
from memory_core.store.schema import MIGRATIONS


def replayed(path, updates):
    with Memory.open(path) as memory:
        for one in updates:
            memory.remember(one)
        return memory.digest()


def test_what_is_remembered_is_there_after_opening_again(tmp_path, script):
    digest = replayed(tmp_path / "m", script.flat())

    with Memory.open(tmp_path / "m", read_only=True) as memory:
        graph = memory.graph()
        assert list(graph.instances) == ["o1", "o2", "o3", "o4", "o5", "o6", "o7"]
        assert graph.rooms == {room.id: room for room in script.ROOMS}
        assert graph.places == {place.id: place for place in script.PLACES}
        assert [(p.a, p.b, p.length_m) for p in graph.passages] == [("p1", "p2", 10.0)]
        assert [(r.subject, r.predicate, r.object) for r in graph.relations] == [
            ("o2", "on", "o1"), ("o4", "near", "o6"), ("o7", "on", "o4"),
        ]  # fmt: skip
        assert memory.map_blocks() == {"a": script.region(1), "b": script.region(3)}
        assert memory.checkpoint("s1").n_frames == 150
        assert memory.digest() == digest


def test_the_same_updates_give_the_same_digest_in_another_place(tmp_path, script):
    assert replayed(tmp_path / "one", script.flat()) == replayed(tmp_path / "two", script.flat())


@pytest.mark.parametrize("which", [0, 1, 2])
def test_another_event_gives_another_digest(tmp_path, script, which):
    updates = list(script.flat())
    updates[which] = updates[which].plus(Event(kind="said", stamp_ns=1, text="hello", session_id="s1"))

    assert replayed(tmp_path / "one", updates) != replayed(tmp_path / "two", script.flat())


def test_another_region_or_keyframe_gives_another_digest(tmp_path, script):
    first, second, third = script.flat()
    other_region = replace(second, map_blocks={"b": script.region(4)})
    other_keyframe = replace(second, keyframes=(replace(second.keyframes[0], jpeg=b"other"),))

    digests = {
        replayed(tmp_path / f"m{n}", (first, changed, third))
        for n, changed in enumerate((second, other_region, other_keyframe))
    }

    assert len(digests) == 3


def test_an_update_sent_again_is_not_remembered_again(flat_memory, script):
    digest = flat_memory.digest()

    for one in script.flat():
        assert flat_memory.remember(one) == []

    assert flat_memory.digest() == digest
    assert len(flat_memory.events()) == 16


def test_a_last_word_without_new_frames_is_remembered(flat_memory, script):
    last = script.update(200, 150, [Event(kind="did", stamp_ns=200, subject="finish", session_id="s1")])

    assert len(flat_memory.remember(last)) == 1
    assert flat_memory.remember(last) == []


def test_each_moment_of_the_past_can_be_seen_as_it_was(tmp_path, script):
    graphs = []
    with Memory.open(tmp_path / "m") as memory:
        for one in script.flat():
            memory.remember(one)
            graphs.append(memory.graph())
        for graph in graphs:
            assert memory.graph(as_of_ns=graph.stamp_ns) == graph
        assert memory.graph(as_of_ns=99 * script.SECOND).instances == {}
        assert memory.graph(as_of_ns=159 * script.SECOND).instances == graphs[0].instances


def test_the_past_of_random_histories_can_be_seen_as_it_was(tmp_path, script):
    draw = random.Random(3)
    graphs = []
    with Memory.open(tmp_path / "m") as memory:
        for t in range(1, 40):
            known = sorted(memory.graph().instances)
            relations = {(r.subject, r.predicate, r.object) for r in memory.graph().relations}
            events = []
            for _ in range(draw.randint(0, 4)):
                id = draw.choice([f"o{len(known) + 1}", *known])
                state = draw.choice(["present", "gone", "unverified"])
                center = (draw.random(), draw.random(), draw.random())
                one = script.instance(id, draw.choice(["mug", "cup"]), center, t=t, state=state)
                events.append(script.told("saw", one, t))
            pair = ("o1", draw.choice(["on", "in"]), f"o{draw.randint(2, 4)}")
            events.append(script.related(*pair, t, holds=pair not in relations))
            place = replace(script.PLACES[0], radius_m=draw.random())
            events.append(script.mapped(t, places=[place], gone_rooms=["r1"] if draw.random() < 0.3 else []))
            memory.remember(script.update(t, t, events))
            graphs.append(memory.graph())

        for graph in graphs:
            assert memory.graph(as_of_ns=graph.stamp_ns) == graph
        assert memory.verify().problems == []


def test_an_object_that_turned_out_to_be_another_leaves_the_graph_but_not_the_past(flat_memory, script):
    one = script.instance("o3", "mug", (1, 2, 0.85), t=210)
    flat_memory.remember(script.update(210, 200, [script.told("changed", one, 210, merged_into="o2")]))

    assert "o3" not in flat_memory.graph().instances
    assert "o3" in flat_memory.graph(as_of_ns=205 * script.SECOND).instances
    assert flat_memory.verify().ok


def test_views_made_again_from_the_events_are_the_same(flat_memory):
    digest, graph, answer = flat_memory.digest(), flat_memory.graph(), flat_memory.ask("what is on the table?")

    flat_memory.rebuild()

    assert flat_memory.digest() == digest
    assert flat_memory.graph() == graph
    assert replace(flat_memory.ask("what is on the table?"), latency_ms=0.0) == replace(answer, latency_ms=0.0)
    assert flat_memory.verify().problems == []


def test_events_can_be_followed_filtered_and_searched(flat_memory, script):
    every = flat_memory.events()
    assert [stored.id for stored in every] == list(range(1, 17))
    assert [s.event for s in every] == [event for one in script.flat() for event in one.events]
    assert flat_memory.events(since=14) == every[14:]
    assert [s.event.kind for s in flat_memory.events(subject="o5")] == ["appeared", "related", "vanished", "unrelated"]
    assert {s.event.subject for s in flat_memory.events(kinds=("moved", "vanished"))} == {"o3", "o5"}
    assert [s.event.subject for s in flat_memory.events(text="MUG white", newest_first=True)] == ["o3", "o3"]
    second = script.SECOND
    assert len(flat_memory.events(during_ns=(160 * second, 160 * second))) == 3
    assert flat_memory.events(limit=2, newest_first=True) == every[:-3:-1]


@pytest.mark.parametrize(
    "text", ['"', "mug OR", "label:*", "NEAR(", "-", "'; --", "\x00", "*", "mug AND NOT", "tv_stand"]
)
def test_full_text_syntax_is_only_text(flat_memory, text):
    assert isinstance(flat_memory.events(text=text), list)


def test_deeds_and_words_are_recorded_between_updates(flat_memory):
    (number,) = flat_memory.record(Event(kind="said", stamp_ns=5, text="The keys are mine.", source="person"))

    assert flat_memory.events(since=number - 1)[0].event.text == "The keys are mine."
    assert flat_memory.verify().ok


def test_snapshots_come_back_with_what_they_show(flat_memory, script):
    snapshot = flat_memory.snapshot("k1")

    assert snapshot == script.flat()[0].keyframes[0]
    with pytest.raises(BadInput, match="there is no snapshot 'k9'"):
        flat_memory.snapshot("k9")


def test_info_counts_what_is_there(flat_memory, script):
    info = flat_memory.info()

    assert {name: info[name] for name in ("schema_version", "map_id", "sessions", "frames", "events", "objects")} == {
        "schema_version": len(MIGRATIONS), "map_id": "map", "sessions": ["s1"], "frames": 150, "events": 16,
        "objects": 6,
    }  # fmt: skip
    assert (info["places"], info["rooms"], info["snapshots"], info["objects_gone"]) == (2, 2, 2, 1)
    size = len(script.region(1)) + len(script.region(3))
    assert info["octree"] == {"voxel_size_m": 0.05, "occupied": 14, "free": 18, "bytes": size}
    assert info["span_ns"] == [100 * script.SECOND, 200 * script.SECOND]
    assert info["bytes_on_disk"] > 10_000
    assert info["digest"] == flat_memory.digest()


def test_an_empty_memory_answers_everything_with_nothing(empty):
    assert empty.info()["span_ns"] is None
    assert empty.info()["octree"]["voxel_size_m"] is None
    assert empty.graph().instances == {}
    assert empty.checkpoint() is None
    assert empty.ask("where is the mug?").status == "not_seen"
    assert empty.ask("what changed?").status == "not_seen"
    assert empty.verify().ok


def bad_events(script):
    thing = script.instance("o9", "mug", (0, 0, 0), t=1)
    told = script.told("saw", thing, 1)
    return {
        "an unknown kind": replace(told, kind="eaten"),
        "not a number": replace(told, confidence=float("nan")),
        "an infinite position": replace(told, position=(0.0, 0.0, float("inf"))),
        "no payload": replace(told, payload={}),
        "another subject": replace(told, subject="o8"),
        "an unknown state": replace(told, payload={"instance": {**told.payload["instance"], "state": "eaten"}}),
        "a stamp of 80 bits": replace(told, stamp_ns=1 << 80),
        "names that are no text": replace(told, kind="did", payload={1: "x"}),
        "half a character": replace(told, text="\ud800"),
        "a fraction of a nanosecond": replace(told, stamp_ns=1.0),
        "a number of more than 64 bits": script.told("saw", replace(thing, last_seen_ns=1 << 70), 1),
        "an unknown predicate": script.related("o1", "eats", "o2", 1),
        "bytes": replace(told, kind="did", payload={"x": b"x"}),
        "a box inside out": replace(
            told, payload={"instance": {**told.payload["instance"], "box": [[1, 1, 1], [0, 0, 0]]}}
        ),
    }


@pytest.mark.parametrize("which", list(range(14)))
def test_an_update_with_one_bad_event_is_refused_and_leaves_no_trace(flat_memory, script, which):
    name, event = list(bad_events(script).items())[which]
    files = sorted(path.name for path in (flat_memory.path / "blobs").iterdir())
    digest = flat_memory.digest()
    good = script.told("saw", script.instance("o1", "dining table", (0, 0, 0.4), t=300), 300)

    with pytest.raises(BadInput):
        flat_memory.remember(script.update(300, 200, [good, event], keyframes=(script.keyframe(7, 300),)))

    assert flat_memory.digest() == digest, name
    assert sorted(path.name for path in (flat_memory.path / "blobs").iterdir()) == files
    assert flat_memory.verify().ok


def test_a_region_that_is_not_packed_is_refused(flat_memory, script):
    with pytest.raises(BadInput, match="map region x"):
        flat_memory.remember(script.update(300, 200, blocks={"x": b"torn"}))


def test_the_id_of_a_keyframe_is_never_used_again(flat_memory, script):
    with pytest.raises(BadInput, match="keyframe k1"):
        flat_memory.remember(script.update(300, 200, keyframes=(script.keyframe(1, 300),)))


def test_what_was_replaced_is_deleted_and_what_is_shared_stays(flat_memory, script):
    def regions():
        return len(list((flat_memory.path / "blobs").glob("*.map")))

    assert regions() == 2
    flat_memory.remember(script.update(300, 200, blocks={"a": script.region(3)}))
    assert regions() == 1
    flat_memory.remember(script.update(301, 250, blocks={"b": script.region(5)}))
    assert flat_memory.map_blocks() == {"a": script.region(3), "b": script.region(5)}
    assert flat_memory.verify().ok


def test_readers_in_other_threads_always_see_a_whole_update(tmp_path, script):
    problems = []
    stop = threading.Event()
    with Memory.open(tmp_path / "m") as memory:
        memory.remember(script.flat()[0])

        def read(other):
            while not stop.is_set():
                graph = other.graph()
                seen = {graph.instances[id].n_observations for id in ("o2", "o3")}
                blocks = other.map_blocks()
                if len(seen) != 1 or set(blocks) != {"a", "b"}:
                    problems.append((seen, set(blocks)))

        with Memory.open(tmp_path / "m", read_only=True) as second:
            threads = [threading.Thread(target=read, args=(m,)) for m in (memory, second)]
            for thread in threads:
                thread.start()
            for n in range(2, 40):
                things = [script.instance(id, "mug", (1, 1, 1), t=100 + n, n=n) for id in ("o2", "o3")]
                events = [script.told("saw", thing, 100 + n) for thing in things]
                memory.remember(script.update(100 + n, 50 + n, events, blocks={"b": script.region(n)}))
            stop.set()
            for thread in threads:
                thread.join()

        assert problems == []
        assert memory.verify().ok


def test_a_closed_memory_says_so(tmp_path, script):
    memory = Memory.open(tmp_path / "m")
    memory.close()
    memory.close()

    with pytest.raises(MemoryUnavailable, match="closed"):
        memory.graph()
    with pytest.raises(MemoryUnavailable, match="closed"):
        memory.remember(script.update(1, 1))


def test_a_memory_open_for_reading_refuses_to_be_written(tmp_path, script):
    replayed(tmp_path / "m", script.flat())
    with Memory.open(tmp_path / "m", read_only=True) as memory:
        for write in (lambda: memory.remember(script.update(300, 200)), memory.rebuild, memory.compact):
            with pytest.raises(MemoryUnavailable, match="reading only"):
                write()


@pytest.mark.parametrize("pose", [(float("nan"),) * 16, ("x",) * 16, 3.0])
def test_a_keyframe_with_an_impossible_pose_is_refused_and_nothing_is_stored(flat_memory, script, pose):
    before = flat_memory.info()
    bad = replace(script.keyframe(3, 300), pose=pose)

    with pytest.raises(BadInput, match="keyframe k3"):
        flat_memory.remember(script.update(300, 200, keyframes=(bad,)))

    assert flat_memory.info() == before


def test_numbers_beyond_64_bits_are_refused(flat_memory):
    with pytest.raises(BadInput, match="64 bits"):
        flat_memory.events(since=1 << 70)


def test_the_map_is_read_although_a_writer_goes_on_replacing_regions(flat_memory, script, monkeypatch):
    regions = {f"m{n:02}": script.region(n) for n in range(20)}
    flat_memory.remember(script.update(300, 200, blocks=regions))
    read, calls = Blobs.get, iter(range(1000))

    def get(blobs, name):
        n = next(calls)
        if n % 5 == 0:
            flat_memory.remember(script.update(301 + n, 201 + n, blocks={"m19": script.region(50 + n)}))
        return read(blobs, name)

    monkeypatch.setattr(Blobs, "get", get)
    latest = script.region(50 + 20)
    assert flat_memory.map_blocks() == {"a": script.region(1), "b": script.region(3), **regions, "m19": latest}


def test_frontiers_and_snapshots_hold_for_as_long_as_they_were_told(tmp_path, script):
    def update(t, **changes):
        changes = {"frontiers": [], "gone_frontiers": [], "snapshots": [], **changes}
        payload = {**script.mapped(t).payload, **changes}
        event = replace(script.mapped(t), payload=payload)
        return MapUpdate(event.stamp_ns, t, SceneGraph(event.stamp_ns), (event,))

    gap = Frontier("f1", "floor", (1, 0, 1), (0, 0, 0), 0.0, 1.5, 9.0, (1, 0, 0), 5, "r1", "p1", "k1")
    with Memory.open(tmp_path) as memory:
        memory.remember(update(1, frontiers=[frontier_payload(gap)], snapshots=[["o2", "k1"], ["o10", "k2"]]))
        memory.remember(update(2, gone_frontiers=["f1"], snapshots=[["o2", ""], ["o10", "k1"]]))

        assert memory.graph(script.SECOND).frontiers == {"f1": gap}
        assert memory.graph(script.SECOND).snapshots == {"o2": "k1", "o10": "k2"}
        assert (memory.graph().frontiers, memory.graph().snapshots) == ({}, {"o10": "k1"})
        assert memory.info()["frontiers"] == 0
        memory.rebuild()
        assert memory.graph(script.SECOND).frontiers == {"f1": gap}
        assert memory.verify().ok


def test_a_frontier_that_is_none_is_refused(tmp_path, script):
    event = script.mapped(1)
    event.payload["frontiers"] = [{"id": "f1"}]
    with Memory.open(tmp_path) as memory, pytest.raises(BadInput, match=r"mapped .* bad payload"):
        memory.remember(MapUpdate(1, 1, SceneGraph(1), (event,)))
