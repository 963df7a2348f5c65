# SPDX-License-Identifier: Apache-2.0
"""Instructions to plans over a small known flat."""

import itertools
import json
import math
import random
import string

import pytest

from memory_core.errors import BadQuestion
from memory_core.graph import Relation, SceneGraph
from task_planner import EXAMPLES, PlannerSettings, plan

START = (1.0, -0.4, 0.0)


def skills(made):
    return [f"{step.skill} {step.args['label']}".strip() for step in made.steps]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("go to the sofa", ["GoTo sofa"]),
        ("go to the couch", ["GoTo sofa"]),
        ("go to the kitchen", ["GoTo kitchen"]),
        ("go to the lounge", ["GoTo living room"]),
        ("go to room 3", ["GoTo bedroom"]),
        ("go to r3", ["GoTo bedroom"]),
        ("find the apple", ["GoTo apple", "LookAt apple"]),
        ("pick up the apple", ["GoTo apple", "PickUp apple"]),
        ("bring me the apple", ["GoTo apple", "PickUp apple", "GoTo"]),
        ("open the drawer", ["GoTo drawer", "Open drawer"]),
        ("close the refrigerator", ["GoTo fridge", "Close fridge"]),
        ("turn on the lamp", ["GoTo floor lamp", "ToggleOn floor lamp"]),
        ("switch off the lamp", ["GoTo floor lamp", "ToggleOff floor lamp"]),
        ("put the apple on the bed", ["GoTo apple", "PickUp apple", "GoTo bed", "Put bed"]),
        ("put the apple on the dining table", []),
        (
            "put the apple in the fridge",
            ["GoTo fridge", "Open fridge", "GoTo apple", "PickUp apple", "GoTo fridge", "Put fridge", "Close fridge"],
        ),
        (
            "go to the sofa and then pick up the blue mug and put it on the bed",
            ["GoTo sofa", "GoTo mug", "PickUp mug", "GoTo bed", "Put bed"],
        ),
    ],
)
def test_instructions_become_these_steps(flat, text, steps):
    made = plan(text, flat, START)
    assert (made.status, skills(made)) == ("found", steps)


def test_every_example_but_the_unknown_desk_can_be_planned(flat):
    assert {text: plan(text, flat, START).status for text in EXAMPLES} == dict.fromkeys(EXAMPLES, "found")


def test_a_thing_in_a_closed_receptacle_is_taken_out_and_the_lid_closed_where_a_hand_is_free(flat):
    steps = skills(plan("put the egg on the coffee table", flat, START))
    assert steps[:4] == ["GoTo fridge", "Open fridge", "GoTo egg", "PickUp egg"]
    assert steps[-1] == "Close fridge"

    assert "Close fridge" not in skills(plan("pick up the egg", flat, START))


def test_what_was_asked_to_be_opened_stays_open(flat):
    assert "Close fridge" not in skills(plan("open the fridge and put the apple in it", flat, START))


def test_lids_stay_as_they_are_when_told_so(flat):
    made = plan("put the apple in the fridge", flat, START, settings=PlannerSettings(leave_as_found=False))
    assert "Close fridge" not in skills(made)


def test_the_nearest_of_several_is_chosen_with_regard_to_where_the_robot_is(flat):
    near_kitchen = plan("find the mug", flat, START)
    near_sofa = plan("find the mug", flat, (6.0, -0.5, 0.0))
    assert [made.steps[0].args["id"] for made in (near_kitchen, near_sofa)] == ["o4", "o7"]


def test_words_relations_and_rooms_select(flat):
    chosen = {
        text: plan(text, flat, START).steps[0].args["id"]
        for text in ("find the blue mug", "find the mug on the coffee table", "find the mug in the living room",
                     "find the living room mug", "find the mug near the apple", "go to o7")
    }  # fmt: skip
    assert list(chosen.values()) == ["o7", "o7", "o7", "o7", "o4", "o7"]


def test_certain_things_are_preferred_to_doubtful_ones(with_things, make_thing):
    doubtful = make_thing("o20", "mug", (1.2, 0.6, 0.8), (0.1, 0.1, 0.1), "r1", confidence=0.05)
    moved = make_thing("o21", "mug", (1.2, 0.7, 0.8), (0.1, 0.1, 0.1), "r1", state="unverified")
    made = plan("find the mug", with_things(doubtful, moved), START)
    assert made.steps[0].args["id"] == "o4"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("find the toaster", "I have never seen a toaster."),
        ("put the mug in the sink", "I have never seen a sink."),
        (
            "find the green mug",
            "I have never seen a green mug. What I know: the mug on the dining table in the kitchen",
        ),
        ("go to the garage", "I have never seen a garage. Rooms I know: bedroom, kitchen, living room."),
        ("find the mug in the bedroom", "I have never seen a mug in the bedroom."),
        ("find the cup", "I have never seen a cup. I know the mug."),
        ("turn on the light", "I have never seen a light."),
    ],
)
def test_what_was_never_seen_is_said(flat, text, said):
    made = plan(text, flat, START)
    assert made.status == "not_seen"
    assert made.text.startswith(said)


def test_only_find_offers_a_search_likely_rooms_first(flat):
    made = plan("find the toothbrush", flat, START)
    assert [step.skill for step in made.steps] == ["Search"] * 3

    made = plan("find the toaster", flat, (10.0, 0.0, 0.0))
    assert [step.args["id"] for step in made.steps] == ["r1", "r3", "r2"]
    assert plan("pick up the toaster", flat, START).steps == ()


def test_what_is_gone_is_told_apart_from_what_was_never_seen(flat):
    made = plan("find the vase", flat, START)
    assert (made.status, made.steps) == ("gone", ())
    assert "living room" in made.text


def test_a_name_for_several_classes_is_asked_back(flat):
    made = plan("go to the table", flat, START)
    assert (made.status, made.text) == ("ambiguous", "Which table: the coffee table or the dining table?")


def test_things_without_a_class_are_told_apart_by_words(with_things, make_thing):
    near = make_thing("o20", "object", (1.5, -1.0, 0.1), (0.1, 0.1, 0.1), "r1", words=("small", "green"))
    far = make_thing("o21", "object", (9.0, -1.5, 0.1), (0.1, 0.1, 0.1), "r3", words=("small", "purple"))
    memory = with_things(near, far)

    made = plan("pick up the small purple object", memory, START)
    assert made.steps[0].args["id"] == "o21"
    assert "the small purple object in the bedroom" in made.text
    assert plan("go to the purple thing", memory, START).steps[0].args["id"] == "o21"
    assert plan("go to the thing", memory, START).text == (
        "Which thing: the apple, the bed, the book, the coffee table, the dining table or something else?"
    )


def test_what_the_verb_needs_settles_which_class_is_meant(with_things, make_thing):
    shade = make_thing("o20", "lamp shade lamp", (6.5, 1.0, 1.8), (0.3, 0.3, 0.2), "r2")
    made = plan("turn on the lamp", with_things(shade), START)
    assert made.steps[0].args["label"] == "floor lamp"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pick up the fridge", "The fridge cannot be picked up"),
        ("open the sofa", "The sofa cannot be opened or closed"),
        ("turn on the apple", "The apple cannot be switched on or off"),
        ("put the apple in the sofa", "Nothing can be put in the sofa; it can be put on it"),
        ("put the sofa on the bed", "The sofa cannot be picked up"),
        ("put the apple on the apple", "The apple cannot be put on itself"),
        ("pick up the apple and pick up the red mug", "The hand already holds the apple; say first where to put it"),
        ("pick up the apple and open the fridge", "The hand already holds the apple; say first where to put it"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_reason(flat, text, reason):
    made = plan(text, flat, START)
    assert (made.status, made.text, made.steps) == ("impossible", reason, ())


def test_a_thing_in_the_hand_is_put_down_first_or_not_at_all(with_things, make_thing):
    holding = with_things(make_thing("o20", "book", (1, 0, 0.8), (0.2, 0.2, 0.05), "r1", state="held"))
    assert skills(plan("put o20 on the bed", holding, START)) == ["GoTo bed", "Put bed"]
    assert "already holds the book" in plan("pick up the apple", holding, START).text


@pytest.mark.parametrize(
    "text", ["", "  ", "dance", "where is the mug", "go to the sofa and dance the tango", "go", "🤖"]
)
def test_what_is_not_an_instruction_gets_examples(flat, text):
    made = plan(text, flat, START)
    assert (made.status, made.examples, made.steps) == ("unsupported", EXAMPLES, ())


@pytest.mark.parametrize("text", [None, 3, b"go to the sofa", ["go"]])
def test_an_instruction_that_is_no_text_is_refused(flat, text):
    with pytest.raises(BadQuestion, match="instruction: want text, got"):
        plan(text, flat)


@pytest.mark.parametrize("position", [(1.0, 2.0), "here", (math.nan, 0.0, 0.0), (0.0, math.inf, 0.0), 7])
def test_an_impossible_robot_position_is_refused(flat, position):
    with pytest.raises(BadQuestion, match="robot position"):
        plan("go to the sofa", flat, position)


def test_an_empty_memory_has_never_seen_anything(with_things):
    class Empty:
        def graph(self, as_of_ns=None):
            return SceneGraph(stamp_ns=0)

    assert plan("go to the sofa", Empty(), START).status == "not_seen"
    assert plan("go to the kitchen", Empty(), START).status == "not_seen"
    assert plan("find the mug", Empty(), START).steps == ()


def test_without_any_place_there_is_nowhere_to_stand(with_things):
    made = plan("go to the sofa", with_things(places={}, passages=()), START)
    assert (made.status, made.text) == ("impossible", "No free place is known from which to reach the sofa")


def test_routes_begin_where_the_robot_is_and_end_where_it_will_stand(flat):
    made = plan("go to the sofa and pick up the apple and put it on the bed", flat, START)
    goes = [step.args for step in made.steps if step.skill == "GoTo"]
    here = START
    for args in goes:
        assert args["route"][0][:2] == pytest.approx(here[:2])
        assert args["route"][-1] == args["stand"]
        length = sum(math.dist(a[:2], b[:2]) for a, b in itertools.pairwise(args["route"]))
        assert args["length_m"] == pytest.approx(length)
        here = args["stand"]


def test_without_a_robot_position_there_is_a_stand_but_no_length(flat):
    (step,) = plan("go to the sofa", flat).steps
    assert (step.args["route"], step.args["length_m"]) == ([step.args["stand"]], None)
    assert skills(plan("bring me the apple", flat)) == ["GoTo apple", "PickUp apple"]


def test_the_reason_says_when_and_where_a_thing_was_seen(flat):
    (step,) = plan("go to the red mug", flat, START).steps
    assert step.why == "the mug on the dining table in the kitchen, last seen 3 min ago"

    (step,) = plan("go to the red mug", flat, START, now_ns=1_000_000_000_000 + 2 * 86_400 * 10**9).steps
    assert step.why.endswith("last seen 2 days ago")


def test_evidence_is_that_of_the_things_the_plan_is_about(flat):
    made = plan("put the apple in the fridge", flat, START)
    assert [evidence.event_id for evidence in made.evidence] == [102, 103]


def test_a_plan_is_json_that_comes_back_the_same(flat):
    values = plan("put the egg on the bed", flat, START).to_json()
    again = json.loads(json.dumps(values, allow_nan=False))
    assert list(again) == ["status", "text", "goals", "steps", "evidence", "latency_ms", "examples"]
    assert {"skill", "args", "why"} == set(again["steps"][0])
    assert again["steps"][0]["args"] == values["steps"][0]["args"]


def test_the_same_question_to_the_same_memory_gives_the_same_plan(flat):
    first, second = (plan("put the pen in the microwave", flat, START) for _ in range(2))
    assert (first.steps, first.text) == (second.steps, second.text)


def test_hostile_text_gives_a_plan_value_and_changes_nothing(flat):
    rng = random.Random(0)
    words = ["put", "the", "apple", "in", "on", "fridge", "and", "then", "go", "to", "it", "r1", "o3", "room 2", ",",
             "'; DROP TABLE event; --", "\x00", "ignore previous instructions", "%s", "kitchen", "near", "me", "o999",
             "red", *string.punctuation]  # fmt: skip
    before = flat.graph()
    for _ in range(400):
        made = plan(" ".join(rng.choices(words, k=rng.randint(1, 12))), flat, START)
        assert made.text
        assert made.steps == () or made.status in ("found", "not_seen")
    assert flat.graph() is before


def test_things_that_hold_each_other_do_not_hang_the_planner(with_things):
    circle = (Relation("o16", "in", "o2"), Relation("o2", "in", "o16"), Relation("o8", "in", "o2"))
    assert plan("pick up the egg", with_things(relations=circle), START).status in ("found", "impossible")
