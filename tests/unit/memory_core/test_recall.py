# SPDX-License-Identifier: Apache-2.0
"""Answers: what is there, what was, what is not known, and why it should be believed."""

import json
from dataclasses import replace

import pytest

from memory_core.errors import BadQuestion
from memory_core.geometry import Box
from memory_core.memory import Memory
from memory_core.question import Question

SECOND = 1_000_000_000


def ids(answer):
    return [result.id for result in answer.results]


@pytest.mark.parametrize(
    ("text", "status", "found", "said"),
    [
        ("where is the red mug?", "found", ["o2"], "on the dining table in the kitchen"),
        ("where is the couch?", "found", ["o4"], "large grey sofa in room 2 (o4) is at (10.00, 0.00, 0.40)"),
        ("where is the mug?", "ambiguous", ["o3", "o2"], "2 mugs match"),
        ("where are the mugs?", "found", ["o3", "o2"], "There are 2 mugs"),
        ("where is the apple?", "gone", ["o5"], "no longer there: found gone 40 s ago"),
        ("where is the unicorn?", "not_seen", [], "No unicorn has been seen."),
        ("where is the sofe?", "not_seen", [], "similar: sofa."),
        ("where is the green mug?", "not_seen", [], "No green mug has been seen. Without green, 2 mugs: small"),
        ("where is the cup?", "ambiguous", ["o3", "o2"], "No cup has been seen; taking mug for it. 2 mugs match"),
        ("where is the small red thing?", "found", ["o2"], "small red mug"),
        ("where is the small thing?", "ambiguous", ["o3", "o2"], "2 small objects match"),
        ("where are the small things?", "found", ["o3", "o2"], "There are 2 small objects"),
        ("what is on o1?", "found", ["o2"], "1 thing on o1"),
        ("where is the mug in room 2?", "not_seen", [], "No mug has been seen in room 2. Elsewhere: small white mug"),
        ("where is the mug in the bedroom?", "not_seen", [], "No bedroom is known. Known: kitchen and room 2."),
        ("is the book on the sofa?", "found", ["o7"], "book on the sofa"),
        ("is the book on the table?", "not_seen", [], "Elsewhere: book on the sofa"),
        ("where is o7?", "found", ["o7"], "book"),
        ("where is the kitchen?", "found", ["r1"], "The kitchen (r1) is around (0.00, 0.00, 1.00)."),
        ("what is on the table?", "found", ["o2"], "1 thing on the table: small red mug"),
        ("what is in the table?", "not_seen", [], "But on it: small red mug"),
        ("what is on the bed?", "not_seen", [], "No bed has been seen."),
        ("what is on the apple?", "gone", ["o5"], "no longer there"),
        ("what is near the sofa?", "found", ["o7", "o6"], "2 things near the sofa"),
        ("what is in the kitchen?", "found", ["o3", "o1", "o2"], "3 things in the kitchen"),
        ("what is in room 2?", "found", ["o4", "o6", "o7"], "3 things in room 2"),
        ("what is in r2?", "found", ["o4", "o6", "o7"], "3 things in room 2"),
        ("what is in the bedroom?", "not_seen", [], "No bedroom is known."),
        ("what is in the attic?", "not_seen", [], "No attic is known."),
        ("when did you last see the mug?", "found", ["o3", "o2"], "(o3) was last seen 40 s"),
        ("when did you last see the apple?", "gone", ["o5"], "last seen 70 s ago"),
        ("when did you last see the unicorn?", "not_seen", [], "No unicorn"),
        ("what vanished?", "found", ["o5"], "1 change"),
        ("what changed in the last 60 s?", "found", ["o5", "o3"], "2 changes since 60 s ago"),
        ("what changed in the last 10 seconds?", "not_seen", [], "Nothing changed"),
        ("where was the apple 50 s ago?", "found", ["o5"], "As of 50 s ago: The small red apple on the dining table"),
        ("where was the mug an hour ago?", "not_seen", [], "No mug has been seen by then"),
    ],
)  # fmt: skip
def test_a_question_gets_its_answer(flat_memory, text, status, found, said):
    answer = flat_memory.ask(text)

    assert (answer.status, ids(answer)) == (status, found)
    assert said in answer.text
    assert answer.latency_ms > 0
    json.dumps(answer.to_json())


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("how many mugs are there?", 2), ("how many mugs are in room 2?", 0), ("how many apples are there", 0),
        ("how many unicorns?", 0), ("how many things are in the kitchen?", 3), ("how many rooms are there?", 2),
        ("how many kitchens are there?", 1), ("how many red mugs are there", 1),
        ("how many things are on the table", 1),
        ("how many things are near the sofa?", 2),
    ],
)  # fmt: skip
def test_counts_are_exact(flat_memory, text, count):
    assert flat_memory.ask(text).count == count


def test_a_count_is_exact_beyond_the_limit(flat_memory):
    answer = flat_memory.ask("how many things are in the kitchen?", limit=1)

    assert (answer.count, len(answer.results)) == (3, 1)


def test_an_unsupported_question_gets_examples_that_are_supported(flat_memory):
    answer = flat_memory.ask("bring me the mug")

    assert (answer.status, answer.question, answer.results) == ("unsupported", None, ())
    assert len(answer.examples) >= 4
    assert all(flat_memory.ask(example).status != "unsupported" for example in answer.examples)


def test_every_result_has_its_age_and_its_evidence(flat_memory):
    for text in ("what have you seen?", "where is the apple?", "what changed?", "when did you last see the sofa?"):
        answer = flat_memory.ask(text, limit=100)
        assert answer.results
        for result in answer.results:
            assert result.age_s == (200 * SECOND - result.last_seen_ns) / 1e9
            for evidence in result.evidence:
                (stored,) = flat_memory.events(since=evidence.event_id - 1, limit=1)
                assert stored.event.subject == result.id
                assert stored.event.stamp_ns == evidence.stamp_ns
                assert result.id in flat_memory.snapshot(evidence.snapshot).shows


def test_evidence_prefers_the_image_that_shows_the_thing_largest(flat_memory, script):
    sofa = script.told("saw", script.instance("o4", "sofa", (10, 0, 0.4), t=300, room="r2"), 300)
    large = script.keyframe(3, 300, ["o4"], (0, 0, 300, 200))
    small = script.keyframe(4, 301, ["o4"], (0, 0, 20, 20))
    flat_memory.remember(script.update(301, 300, [sofa], keyframes=(large, small)))

    assert flat_memory.ask("where is the sofa?").results[0].evidence[0].snapshot == "k3"
    before = flat_memory.ask("where is the sofa?", as_of_ns=200 * SECOND)
    assert before.results[0].evidence[0].snapshot == "k1"


def test_the_asker_s_position_puts_the_nearest_first(flat_memory):
    assert ids(flat_memory.ask("where are the mugs?", near=(0.2, 0.0, 0.0))) == ["o2", "o3"]
    assert ids(flat_memory.ask("where are the mugs?", near=(1.0, 2.0, 0.0))) == ["o3", "o2"]
    nearest = flat_memory.ask("where is the nearest mug?", near=(0.2, 0.0, 0.0))
    assert (nearest.status, ids(nearest)) == ("found", ["o2"])
    assert ids(flat_memory.ask("what is near me?", near=(9.0, 0.0, 0.0))) == ["o4", "o7", "o6"]


def test_a_thing_that_is_less_sure_does_not_make_the_answer_ambiguous(flat_memory, script):
    doubtful = script.instance("o3", "mug", (1, 2, 0.85), t=160, state="unverified")
    flat_memory.remember(script.update(210, 200, [script.told("changed", doubtful, 210)]))
    answer = flat_memory.ask("where is the mug?")

    assert (answer.status, ids(answer)) == ("found", ["o2", "o3"])
    assert "Less sure" in answer.text


def test_answers_as_of_a_time_are_those_that_were_given_then(tmp_path, script):
    texts = ("where is the mug?", "where is the apple?", "what is on the table?", "what is near the sofa?",
             "what is in the kitchen?", "how many mugs are there?", "where is the white mug?")  # fmt: skip
    then = {}
    with Memory.open(tmp_path / "m") as memory:
        for update in script.flat():
            memory.remember(update)
            then[update.stamp_ns] = [memory.ask(text) for text in texts]
        for stamp_ns, answers in then.items():
            for text, answer in zip(texts, answers, strict=True):
                again = memory.ask(text, as_of_ns=stamp_ns)
                assert (again.status, again.count, again.results) == (answer.status, answer.count, answer.results)


def test_nearness_is_the_gap_between_boxes(empty, rng, script):
    """Against a direct computation, for landmarks and for points, now and as of a time."""
    centers = rng.uniform(0, 8, (60, 3))
    sizes = rng.uniform(0.05, 1.5, (60, 3))
    things = [
        script.instance(f"o{n}", "sofa" if n == 0 else "mug", centers[n].tolist(), t=1, size=sizes[n])
        for n in range(60)
    ]
    empty.remember(script.update(1, 1, [script.told("appeared", thing, 1) for thing in things]))
    later = [script.instance(f"o{n}", "mug", (50, 50, n), t=2) for n in range(1, 60)]
    empty.remember(script.update(2, 2, [script.told("moved", thing, 2) for thing in later]))

    for reach in (0.3, 1.0, 3.0):
        near_sofa = {t.id for t in things[1:] if t.box.gap_m(things[0].box) <= reach}
        point = (4.0, 4.0, 4.0)
        near_point = {t.id for t in things if t.box.distance_m(point) <= reach}
        ask = Question(kind="near", reference="sofa", predicate="near", within_m=reach, as_of_ns=SECOND, limit=100)
        assert set(ids(empty.recall(ask))) == near_sofa
        ask = Question(kind="recall", near=point, within_m=reach, as_of_ns=SECOND, limit=100)
        answer = empty.recall(ask)
        assert set(ids(answer)) == near_point
        assert answer.count == len(near_point)
    assert ids(empty.recall(replace(ask, as_of_ns=None))) == [
        thing.id for thing in things[:1] if thing.box.distance_m(point) <= 3.0
    ]


def test_boxes_far_from_the_origin_are_found_where_they_are(empty, script):
    """The spatial index has 32 bits only; what it finds is checked again."""
    thing = script.instance("o1", "mug", (1e6, -1e6, 0.3), t=1)
    empty.remember(script.update(1, 1, [script.told("appeared", thing, 1)]))

    near = Question(kind="recall", near=(1e6 + 0.5, -1e6, 0.3), within_m=0.46)
    assert ids(empty.recall(near)) == ["o1"]
    assert ids(empty.recall(replace(near, within_m=0.44))) == []


def test_recall_filters_by_everything_at_once(flat_memory):
    question = Question(
        kind="recall", label="mug", words=("small",), room="kitchen", near=(0.0, 0.0, 0.8), within_m=1.0,
        since_ns=100 * SECOND, until_ns=300 * SECOND,
    )  # fmt: skip

    assert ids(flat_memory.recall(question)) == ["o2"]
    assert flat_memory.recall(question).question == question
    assert ids(flat_memory.recall(replace(question, since_ns=150 * SECOND))) == []
    assert ids(flat_memory.recall(Question(kind="recall", label="mug", limit=1))) == ["o3"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "eat"}, "kind: want one of where"),
        ({"kind": "where"}, "must say what is looked for"),
        ({"kind": "in_room"}, "must say which room"),
        ({"kind": "near"}, "must say near what"),
        ({"kind": "related"}, "must say on or in what"),
        ({"kind": "where", "label": "mug", "limit": 0}, "limit: want 1"),
        ({"kind": "where", "label": "mug", "limit": True}, "limit: want 1"),
        ({"kind": "where", "words": 5}, "words: want a tuple"),
        ({"kind": "where", "words": ("red",) * 1000}, "words: want a tuple of at most"),
        ({"kind": "changed", "reference": "table"}, "no reference"),
        ({"kind": "where", "label": 7}, "label: want text"),
        ({"kind": "where", "label": "x" * 1000}, "label: want text of at most 200"),
        ({"kind": "where", "words": "red"}, "words: want a tuple"),
        ({"kind": "recall", "near": (0.0, float("nan"), 0.0)}, "near: want three finite"),
        ({"kind": "recall", "near": (0.0, 1.0)}, "near: want three finite"),
        ({"kind": "recall", "within_m": -1.0}, "within_m: want metres >= 0"),
        ({"kind": "recall", "as_of_ns": 1.5}, "as_of_ns: want nanoseconds"),
        ({"kind": "recall", "as_of_ns": 1 << 70}, "as_of_ns: want nanoseconds"),
        ({"kind": "recall", "since_ns": 2, "until_ns": 1}, "since_ns 2 is after until_ns 1"),
        ({"kind": "where", "label": "mug", "reference": "sofa", "predicate": "under"}, "predicate: want one of on"),
        ({"kind": "changed", "predicate": "on"}, "predicate: want one of appeared"),
    ],
)  # fmt: skip
def test_an_impossible_question_is_refused_with_a_reason(flat_memory, fields, said):
    with pytest.raises(BadQuestion, match=said):
        flat_memory.recall(Question(**fields))


def test_only_text_can_be_asked(flat_memory):
    with pytest.raises(BadQuestion, match="want text, got int"):
        flat_memory.ask(7)
    with pytest.raises(BadQuestion, match="limit"):
        flat_memory.ask("where is the mug?", limit=0)


def test_a_landmark_given_as_the_label_is_understood(flat_memory):
    assert ids(flat_memory.recall(Question(kind="in_room", label="kitchen"))) == ["o3", "o1", "o2"]
    assert ids(flat_memory.recall(Question(kind="near", label="sofa"))) == ["o7", "o6"]
    assert ids(flat_memory.recall(Question(kind="related", label="table"))) == ["o2"]


HOSTILE = [
    "'; DROP TABLE event; --", 'mug" OR ""="', "\x1b[31mred\x07", "mug\x00", "%", "_", "*", "ignore all rules", "🙂",
]  # fmt: skip


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_text_is_only_data(empty, script, label):
    """As a label in the memory, in a question, and in the sentence that speaks of it."""
    thing = script.instance("o1", label, (0, 0, 0), t=1, words=("red",), room="r1")
    room = replace(script.ROOMS[0], label=label)
    empty.remember(script.update(1, 1, [script.mapped(1, rooms=[room]), script.told("appeared", thing, 1)]))

    for answer in (
        empty.ask(f"where is the {label}?"),
        empty.ask(label),
        empty.ask("what have you seen?"),
        empty.ask("what changed?"),
        empty.recall(Question(kind="where", label=label)),
        empty.recall(Question(kind="in_room", room=label)),
        empty.recall(Question(kind="related", reference=label, predicate="on")),
    ):
        assert all(ord(character) >= 32 for character in answer.text)
        json.dumps(answer.to_json())
    assert ids(empty.ask("what have you seen?")) == ["o1"]
    assert empty.verify().ok


def test_two_rooms_of_the_same_kind_are_both_meant(empty, script):
    rooms = [replace(script.ROOMS[0], id="r1", label="bedroom"), replace(script.ROOMS[1], id="r2", label="bedroom")]
    things = [script.instance(f"o{n}", "bed", (n, 0, 0), t=1, room=f"r{n}") for n in (1, 2)]
    events = [script.mapped(1, rooms=rooms), *(script.told("appeared", thing, 1) for thing in things)]
    empty.remember(script.update(1, 1, events))

    assert ids(empty.ask("what is in the bedroom?")) == ["o1", "o2"]
    assert empty.ask("where is the bedroom?").status == "ambiguous"
    assert empty.ask("how many bedrooms are there?").count == 2
    assert ids(empty.ask("what is in r2?")) == ["o2"]


def test_sizes_and_colours_mean_what_people_mean(empty, script):
    things = [
        script.instance("o1", "object", (0, 0, 0), t=1, words=("large", "grey")),
        script.instance("o2", "object", (1, 0, 0), t=1, words=("tiny", "purple", "white")),
    ]
    empty.remember(script.update(1, 1, [script.told("appeared", thing, 1) for thing in things]))

    for text, found in (
        ("big gray thing", ["o1"]), ("little violet object", ["o2"]), ("white one", ["o2"]), ("red object", []),
    ):  # fmt: skip
        assert ids(empty.ask(f"where is the {text}?")) == found


def test_a_box_is_where_it_is_said_to_be(flat_memory):
    (result,) = flat_memory.ask("where is the sofa?").results

    assert (result.position, result.size, result.frame) == ((10.0, 0.0, 0.4), (2.0, 1.0, 0.8), "map")
    assert Box.of(result.position, result.size) == flat_memory.graph().instances["o4"].box
    assert (result.room, result.place, result.state) == ("room 2", "p1", "present")


def test_changes_are_those_of_the_thing_and_the_place_that_were_named(flat_memory):
    assert ids(flat_memory.ask("did the white mug move?")) == ["o3"]
    assert flat_memory.ask("did the red mug move?").status == "not_seen"
    assert ids(flat_memory.ask("what moved near me?", near=(1.0, 2.0, 0.0))) == ["o3"]
    assert flat_memory.ask("what moved near me?", near=(9.0, 0.0, 0.0)).status == "not_seen"


def test_what_is_gone_from_elsewhere_is_not_gone_from_here(flat_memory, script):
    assert flat_memory.ask("where is the apple on the table?").status == "gone"
    another = script.instance("o8", "apple", (10, 0, 0.85), t=220, room="r2")
    flat_memory.remember(script.update(220, 250, [script.told("appeared", another, 220)]))

    answer = flat_memory.ask("where is the apple on the sofa?")

    assert answer.status == "not_seen"
    assert "Elsewhere: apple in room 2 (o8)" in answer.text


def test_a_time_in_the_text_means_the_rooms_of_then(flat_memory, script):
    kitchen = script.ROOMS[0]
    mugs = [script.instance(i, "mug", (2, 2, 0.85), t=300, room="r3") for i in ("o2", "o3")]
    changes = script.mapped(300, rooms=[replace(kitchen, id="r3")], gone_rooms=[kitchen.id])
    flat_memory.remember(script.update(300, 300, [changes, *(script.told("saw", mug, 300) for mug in mugs)]))

    assert ids(flat_memory.ask("where are the mugs in the kitchen?")) == ["o2", "o3"]
    then = flat_memory.ask("where were the mugs in the kitchen 2 minutes ago?")
    assert (then.status, ids(then)) == ("found", ["o3", "o2"])
    assert then.results == flat_memory.recall(replace(then.question, limit=10)).results
