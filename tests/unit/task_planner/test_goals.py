# SPDX-License-Identifier: Apache-2.0
"""Instructions in many wordings, and text that is no instruction."""

import random
import string
import time

import pytest

from task_planner.goals import EXAMPLES, MAX_CHARACTERS, parse

ROOMS = frozenset({"kitchen", "living room", "bedroom"})


def understood(text):
    return [str(goal) for goal in parse(text, ROOMS)]


@pytest.mark.parametrize(
    ("texts", "goals"),
    [
        (
            ["go to the sofa", "Go to the sofa!", "drive over to the sofa", "please move to the sofa",
             "go near the sofa", "could you walk to the sofa please", "take me to the sofa", "approach the sofa",
             "GO  TO\tTHE SOFA."],
            ["go sofa"],
        ),
        (["go to the kitchen", "go into the kitchen", "navigate to kitchen", "enter the kitchen"], ["go kitchen"]),
        (
            ["find the mug", "look for a mug", "search for my mug", "locate the mug", "show me the mug",
             "Hey robot, go and find the mug", "can you find the mug?", "please go find the mug"],
            ["find mug"],
        ),
        (["look at the painting", "inspect the painting", "face the painting"], ["look painting"]),
        (
            ["pick up the apple", "pick the apple up", "grab the apple", "take the apple", "get an apple",
             "lift the apple"],
            ["take apple"],
        ),
        (["bring me the apple", "fetch me the apple", "hand the apple to me", "bring the apple here"], ["bring apple"]),
        (
            ["put the apple in the fridge", "place the apple inside the fridge", "put the apple into the fridge",
             "store the apple in the fridge", "Could you put the apple in the fridge, please?"],
            ["put apple in fridge"],
        ),
        (["put the book on the desk", "place the book onto the desk", "lay the book on top of the desk",
          "put down the book on the desk", "leave the book on the desk"], ["put book on desk"]),
        (["take the mug to the desk", "move the mug to the desk", "carry the mug to the desk",
          "bring the mug to the desk"], ["put mug to desk"]),
        (["open the drawer", "open up the drawer", "please open the drawer"], ["open drawer"]),
        (["close the fridge", "shut the fridge"], ["close fridge"]),
        (["turn on the lamp", "switch the lamp on", "turn the lamp on", "switch on the lamp please"],
         ["switch on lamp"]),
        (["turn off the lamp", "power off the lamp", "turn the lamp off"], ["switch off lamp"]),
    ],
)  # fmt: skip
def test_many_wordings_mean_the_same(texts, goals):
    assert {text: understood(text) for text in texts} == dict.fromkeys(texts, goals)


@pytest.mark.parametrize(
    ("text", "goals"),
    [
        ("go to the sofa and then find the mug", ["go sofa", "find mug"]),
        ("go near the sofa, then pick up the mug; put it on the desk", ["go sofa", "take mug", "put mug on desk"]),
        ("open the fridge, put the apple in it and close it", ["open fridge", "put apple in fridge", "close fridge"]),
        ("pick up the mug and put it in the sink", ["take mug", "put mug in sink"]),
        ("can you go to the kitchen and grab the mug?", ["go kitchen", "take mug"]),
    ],
)
def test_goals_come_in_the_order_they_were_said(text, goals):
    assert understood(text) == goals


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("find the mug in the kitchen", "find mug in kitchen"),
        ("put the mug on the table in the kitchen", "put mug on table in kitchen"),
        ("find the red mug on the table in the kitchen", "find red mug on table in kitchen"),
        ("put the mug that is on the table in the sink", "put mug on table in sink"),
        ("take the mug from the table", "take mug at table"),
        ("go to the chair next to the sofa", "go chair near sofa"),
        ("put the salt and pepper shaker on the shelf", "put salt and pepper shaker on shelf"),
    ],
)
def test_phrases_may_say_where_a_thing_is(text, goal):
    assert understood(text) == [goal]


def test_where_a_thing_is_and_where_it_goes_are_told_apart():
    (goal,) = parse("put the mug on the shelf in the sink", ROOMS)
    assert (goal.thing.reference.phrase, goal.relation, goal.destination.phrase) == ("shelf", "in", "sink")

    (goal,) = parse("put the mug on the shelf in the kitchen", ROOMS)
    assert (goal.thing.reference, goal.relation, goal.destination.phrase) == (None, "on", "shelf")
    assert goal.destination.room == "kitchen"


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "?!", "the", "go", "go to", "go to the", "put", "put the mug", "put the mug in", "move the chair",
        "dance", "what is the time", "where is the mug", "pick it up", "put it on the desk", "close it", "and then",
        "find", "\x00\x01", "open", "🤖", "drop table objects",
    ],
)  # fmt: skip
def test_what_is_not_understood_whole_gives_no_goals(text):
    assert parse(text, ROOMS) == ()


def test_every_example_is_understood():
    assert all(understood(text) for text in EXAMPLES)


def test_longer_texts_than_allowed_are_not_read():
    assert parse("go to the sofa" + " and then go to the sofa" * MAX_CHARACTERS, ROOMS) == ()
    assert parse("go to the " + "so" * MAX_CHARACTERS, ROOMS) == ()


def test_any_text_is_parsed_without_error_and_quickly():
    rng = random.Random(0)
    words = "go to the put on in it and then , ; please open turn take me a an of up down pick sofa \u0130 'DROP" + chr(
        0
    )
    pieces = [*words.split(), *string.printable, "\u202e", "％", "ﬀ"]
    for _ in range(2000):
        text = rng.choice(["", " "]).join(rng.choices(pieces, k=rng.randint(1, 80)))[:MAX_CHARACTERS]
        goals = parse(text, ROOMS)
        assert all(goal.thing.phrase for goal in goals)


@pytest.mark.parametrize(
    "piece", ["go to ", "put in ", "please ", "and then ", "take me to ", "pick up ", ", ", "on ", "a "]
)
def test_repetition_does_not_blow_up(piece):
    began = time.process_time()
    parse((piece * MAX_CHARACTERS)[:MAX_CHARACTERS], ROOMS)
    assert time.process_time() - began < 5.0
