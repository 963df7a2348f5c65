# SPDX-License-Identifier: Apache-2.0
"""Working memory: bounded, relative to the robot, answers what it can and passes on the rest."""

import math
from dataclasses import replace

import numpy as np
import pytest

from memory_core.errors import BadFrame, BadSettings
from memory_core.geometry import Box
from memory_core.graph import Instance, Room
from memory_core.question import Answer, Evidence, Question, Result
from memory_core.replacement import POLICIES
from memory_core.short_term import ShortTermMemory, describe

SECOND = 1_000_000_000


def instance(number, label, position=(1.0, 0.0, 0.5), seen_s=10, **changes):
    values = {
        "id": f"o{number}",
        "label": label,
        "label_scores": {label: 1.0},
        "box": Box.of(position, (0.1, 0.1, 0.1)),
        "state": "present",
        "first_seen_ns": 0,
        "last_seen_ns": seen_s * SECOND,
        "n_observations": 5,
        "confidence": 0.9,
    }
    return Instance(**{**values, **changes})


def result(number, label, seen_s=5, **changes):
    values = {
        "id": f"o{number}",
        "kind": "object",
        "label": label,
        "position": (1.0, 2.0, 0.0),
        "size": (0.1, 0.1, 0.1),
        "frame": "map",
        "room": "kitchen",
        "place": "",
        "state": "present",
        "first_seen_ns": 0,
        "last_seen_ns": seen_s * SECOND,
        "age_s": 0.0,
        "confidence": 0.9,
        "evidence": (Evidence(7, seen_s * SECOND, "k1"),),
    }
    return Result(**{**values, **changes})


class Shelf:
    """A long-term memory of fixed results that counts how often it is asked."""

    def __init__(self, *results):
        self.results, self.asked = results, []

    def recall(self, question):
        self.asked.append(question)
        found = tuple(r for r in self.results if r.label == question.label)
        return Answer(question, "found" if found else "not_seen", "from the shelf", found, len(found))


def pose(x=0.0, y=0.0, yaw=0.0):
    T = np.eye(4)
    T[:2, :2] = [[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]]
    T[:2, 3] = (x, y)
    return T


def where(label, **more):
    return Question(kind="where", label=label, **more)


def test_what_was_just_seen_is_answered_without_asking_the_long_term_memory():
    shelf = Shelf()
    memory = ShortTermMemory(shelf, 4)
    memory.observe([instance(1, "mug", (1.2, 0.4, 0.0))], pose(), 12 * SECOND)

    answer = memory.recall(where("mug"))

    assert (answer.status, answer.results[0].id, answer.results[0].age_s) == ("found", "o1", 2.0)
    assert "1.2 m ahead, 0.4 m left" in answer.text
    assert shelf.asked == []
    assert (memory.stats.hits, memory.stats.misses) == (1, 0)


def test_a_miss_falls_through_once_and_the_answer_is_kept_with_its_evidence():
    shelf = Shelf(result(3, "book"))
    memory = ShortTermMemory(shelf, 4)

    first, second = memory.recall(where("book")), memory.recall(where("book"))

    assert first.text == "from the shelf"
    assert second.results[0].evidence == first.results[0].evidence
    assert len(shelf.asked) == 1
    assert memory.stats.hit_rate == 0.5


def test_what_nobody_knows_is_asked_again_each_time():
    shelf = Shelf()
    memory = ShortTermMemory(shelf, 4)

    assert [memory.recall(where("unicorn")).status for _ in range(2)] == ["not_seen", "not_seen"]
    assert len(shelf.asked) == 2
    assert len(memory) == 0


@pytest.mark.parametrize(
    "question",
    [
        Question(kind="count", label="mug"),
        Question(kind="changed", label="mug"),
        where("mug", room="kitchen"),
        where("mug", reference="table", predicate="on"),
        where("mug", as_of_ns=0),
        where("mug", since_ns=0),
        where("mug", near=(0.0, 0.0, 0.0)),
        where("mug", every=True),
        where("object", words=("red",)),
    ],
    ids=lambda question: question.kind + str(question.as_of_ns),
)
def test_what_a_few_recent_things_cannot_settle_always_falls_through(question):
    shelf = Shelf()
    memory = ShortTermMemory(shelf, 4)
    memory.observe([instance(1, "mug")], pose(), 10 * SECOND)

    memory.recall(question)

    assert shelf.asked == [question]


def test_an_answer_about_the_past_is_not_kept():
    memory = ShortTermMemory(Shelf(result(3, "book")), 4)
    memory.recall(where("book", as_of_ns=5))
    assert "o3" not in memory


def test_doubtful_things_are_not_answered_from_here():
    shelf = Shelf()
    memory = ShortTermMemory(shelf, 4, min_confidence=0.5)
    memory.observe([instance(1, "mug", confidence=0.4)], pose(), 10 * SECOND)

    memory.recall(where("mug"))

    assert len(shelf.asked) == 1


def test_words_must_fit_to_answer_from_here():
    shelf = Shelf()
    memory = ShortTermMemory(shelf, 4)
    memory.observe([instance(1, "mug", words=("small", "red"))], pose(), 10 * SECOND)

    assert memory.recall(where("mug", words=("red",))).status == "found"
    assert shelf.asked == []
    memory.recall(where("mug", words=("blue",)))
    assert len(shelf.asked) == 1


def test_what_the_long_term_memory_told_is_known_by_its_words():
    shelf = Shelf(result(3, "mug", words=("small", "red")))
    memory = ShortTermMemory(shelf, 4)
    memory.recall(where("mug"))

    assert memory.recall(where("mug", words=("red",))).results[0].id == "o3"
    memory.recall(where("mug", words=("blue",)))
    assert len(shelf.asked) == 2


def test_other_names_and_shades_of_words_are_understood_as_in_all_questions():
    shelf = Shelf()
    memory = ShortTermMemory(shelf, 4)
    memory.observe([instance(1, "sofa", words=("large", "grey"))], pose(), 10 * SECOND)

    assert memory.recall(where("couch", words=("big", "gray"))).results[0].id == "o1"
    assert shelf.asked == []


def test_two_of_a_kind_are_both_named_the_latest_seen_first():
    memory = ShortTermMemory(Shelf(), 4)
    memory.observe([instance(1, "mug", seen_s=5), instance(2, "mug", seen_s=9)], pose(), 10 * SECOND)

    answer = memory.recall(where("mug"))

    assert (answer.status, [r.id for r in answer.results], answer.count) == ("ambiguous", ["o2", "o1"], 2)


def test_things_that_are_gone_leave():
    memory = ShortTermMemory(Shelf(), 4)
    memory.observe([instance(1, "mug")], pose(), 10 * SECOND)
    memory.observe([instance(1, "mug", seen_s=11, state="gone")], pose(), 11 * SECOND)
    assert len(memory) == 0


def test_an_older_observation_does_not_replace_a_newer_one():
    memory = ShortTermMemory(Shelf(result(1, "mug", seen_s=3)), 4)
    memory.observe([instance(1, "mug", (2.0, 0.0, 0.0), seen_s=10)], pose(), 10 * SECOND)
    memory.observe([instance(1, "mug", (9.0, 0.0, 0.0), seen_s=4)], pose(), 11 * SECOND)
    memory.recall(Question(kind="count", label="mug"))

    assert memory.things()[0].position == pytest.approx((2.0, 0.0, 0.0))


def test_positions_follow_the_robot():
    memory = ShortTermMemory(Shelf(), 4)
    memory.observe([instance(1, "mug", (3.0, 1.0, 0.0))], pose(), 10 * SECOND)
    assert memory.things()[0].description == "3.0 m ahead, 1.0 m left"

    memory.observe([], pose(3.0, 0.0, math.pi / 2), 11 * SECOND)

    assert memory.things()[0].relative == pytest.approx((1.0, 0.0, 0.0))
    assert memory.things()[0].description == "1.0 m ahead"


def test_relative_positions_keep_their_distance_from_any_pose(rng):
    memory = ShortTermMemory(Shelf(), 20)
    things = [instance(i, "mug", tuple(rng.uniform(-5, 5, 3))) for i in range(20)]
    for _ in range(10):
        x, y, yaw = rng.uniform(-3, 3, 3)
        memory.observe(things, pose(x, y, yaw), 10 * SECOND)
        for thing in memory.things():
            assert np.linalg.norm(thing.relative) == pytest.approx(
                np.linalg.norm(np.subtract(thing.position, (x, y, 0)))
            )
        distances = [np.linalg.norm(thing.relative) for thing in memory.things()]
        assert distances == sorted(distances)


@pytest.mark.parametrize(
    ("relative", "words"),
    [
        ((1.2, 0.4, 0.9), "1.2 m ahead, 0.4 m left"),
        ((-2.0, -0.31, 0.0), "2.0 m behind, 0.3 m right"),
        ((0.0, 1.0, 0.0), "1.0 m left"),
        ((0.02, -0.01, 1.0), "here"),
    ],
)
def test_relative_positions_are_said_as_people_say_them(relative, words):
    assert describe(relative) == words


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_it_never_grows_beyond_its_bounds(policy, rng):
    memory = ShortTermMemory(Shelf(*(result(i, f"class {i % 9}") for i in range(50))), 5, policy, pin_capacity=3)
    for step in range(300):
        seen = [instance(int(i), f"class {i % 9}", seen_s=step) for i in rng.integers(0, 50, 4)]
        memory.observe(seen, pose(), step * SECOND)
        memory.recall(where(f"class {rng.integers(0, 9)}"))
        if step % 40 == 0:
            memory.focus([f"class {rng.integers(0, 9)}"])
        assert len(memory) <= 8
        assert len(memory.things()) == len(memory)
        assert sum(thing.is_pinned for thing in memory.things()) <= 3
    assert memory.stats.evictions > 0


def test_what_the_task_is_about_stays_however_much_else_is_seen():
    memory = ShortTermMemory(Shelf(), 3, "lru")
    memory.observe([instance(0, "mug")], pose(), 10 * SECOND)
    memory.focus(["mug"])
    for i in range(1, 40):
        memory.observe([instance(i, "book", seen_s=10 + i)], pose(), (10 + i) * SECOND)
    assert "o0" in memory

    memory.focus([])
    for i in range(50, 60):
        memory.observe([instance(i, "book", seen_s=60 + i)], pose(), (60 + i) * SECOND)
    assert "o0" not in memory


def test_focus_fetches_what_the_long_term_memory_knows():
    shelf = Shelf(result(3, "book"))
    memory = ShortTermMemory(shelf, 3)

    memory.focus(["book"])

    assert [(thing.result.id, thing.is_pinned) for thing in memory.things()] == [("o3", True)]
    memory.recall(where("book"))
    assert len(shelf.asked) == 1


def test_rooms_are_named_when_they_are_given():
    memory = ShortTermMemory(Shelf(), 3)
    room = Room("r1", "kitchen", (0, 0, 0), Box((0, 0, 0), (1, 1, 1)))
    memory.observe([instance(1, "mug", room_id="r1")], pose(), 10 * SECOND, {"r1": room})
    assert memory.recall(where("mug")).text.startswith("The mug is in the kitchen, 1.0 m ahead")


def test_results_that_are_rooms_or_gone_are_not_kept():
    shelf = Shelf(result(1, "mug", state="gone"), replace(result(2, "mug"), kind="room"))
    memory = ShortTermMemory(shelf, 3)
    memory.recall(where("mug"))
    assert len(memory) == 0


def test_bad_poses_and_settings_are_refused():
    with pytest.raises(BadSettings, match="want one of fifo"):
        ShortTermMemory(Shelf(), 3, "magic")
    with pytest.raises(BadSettings, match="capacity"):
        ShortTermMemory(Shelf(), 0)
    memory = ShortTermMemory(Shelf(), 3)
    memory.observe([instance(1, "mug")], pose(), SECOND)
    with pytest.raises(BadFrame):
        memory.observe([instance(2, "book")], np.full((4, 4), np.nan), SECOND)
    assert (len(memory), "o1" in memory) == (1, True)
