# SPDX-License-Identifier: Apache-2.0
"""Questions in words: many ways to ask the same, and no guessing."""

from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_core import Box, Room
from memory_core.question import Question
from memory_core.recall import lexicon
from memory_core.recall.parse import LONGEST_TEXT, WHERE_ARE_YOU, NotUnderstood, parse
from memory_core.recall.vocabulary import Vocabulary

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND  # 22:13:20 UTC
HERE = (1.0, 2.0, 0.0)

_BOX = Box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
_LABELS = (
    "mug,sofa,dining table,side table,fridge,cell phone,garbage can,remote control,house plant,chair,arm chair,bed,"
    "tv stand,television,apple,object,knife,drawer,sink,can,watch,shelf"
)
_ROOMS = (("r1", "kitchen"), ("r2", "room"), ("r3", "living room"))
VOCABULARY = Vocabulary(
    frozenset(_LABELS.split(",")),
    {id: Room(id, label, (0.0, 0.0, 0.0), _BOX) for id, label in _ROOMS},
)


def asked(text, near=None):
    """The fields of the question that are not at their defaults."""
    question = parse(text, VOCABULARY, NOW, near)
    if isinstance(question, NotUnderstood):
        return None
    defaults = asdict(Question(kind="where"))
    return {name: value for name, value in asdict(question).items() if name == "kind" or value != defaults[name]}


def where(label, **more):
    return {"kind": "where", "label": label, **more}


def every(kind, **more):
    return {"kind": kind, "every": True, **more}


ON_TABLE = {"reference": "table", "predicate": "on"}
NEAR_SOFA = {"reference": "sofa", "predicate": "near"}

PHRASINGS = [
    ("where is the mug?", where("mug")),
    ("Where's my mug", where("mug")),
    ("WHERE IS THE MUG", where("mug")),
    ("mug, where is it?", where("mug")),
    ("the mug: where?", where("mug")),
    ("find the mug", where("mug")),
    ("can you find the mug for me, please?", where("mug")),
    ("could you tell me where the mug is?", where("mug")),
    ("do you know where the mug is", where("mug")),
    ("have you seen my mug lately?", where("mug")),
    ("did you see a mug", where("mug")),
    ("which room is the mug in?", where("mug")),
    ("where did I leave the mug?", where("mug")),
    ("where has my mug gone?", where("mug")),
    ("where are my keys?", where("key", every=True)),
    ("where have I put my glasses", where("glasses")),
    ("where are the mugs?", where("mug", every=True)),
    ("where are the knives", where("knife", every=True)),
    ("where is the red mug", where("mug", words=("red",))),
    ("find me a small red mug", where("mug", words=("small", "red"))),
    ("where is the dark blue mug?", where("mug", words=("blue",))),
    ("where is the couch?", where("couch")),
    ("locate the tv", where("tv")),
    ("where is the tv remote", where("tv remote")),
    ("where is the Dining Table", where("dining table")),
    ("where is the dining-table", where("dining table")),
    ("where is the tv stand?", where("tv stand")),
    ("where is the can", where("can")),
    ("where is my watch?", where("watch")),
    ("where is the unicorn", where("unicorn")),
    ("where is the purple garden gnome", where("garden gnome", words=("purple",))),
    ("where is the small red object?", where("object", words=("small", "red"))),
    ("where is o12?", where("o12")),
    ("where is the kitchen?", where("kitchen")),
    ("is there a mug in the kitchen?", where("mug", room="kitchen", every=True)),
    ("are there any chairs in the lounge", where("chair", room="lounge", every=True)),
    ("does the kitchen have a fridge?", where("fridge", room="kitchen")),
    ("do we have a fridge", where("fridge")),
    ("is the mug on the table?", where("mug", **ON_TABLE)),
    ("is the apple in the fridge", where("apple", reference="fridge", predicate="in")),
    ("where is the mug on the white table in the kitchen",
     where("mug", room="kitchen", reference="white table", predicate="on")),
    ("where was the mug 10 minutes ago?", where("mug", as_of_ns=NOW - 600 * SECOND)),
    ("where was the mug yesterday", where("mug", as_of_ns=NOW - 86_400 * SECOND)),
    ("what is near the sofa?", every("near", **NEAR_SOFA)),
    ("what's next to the sofa", every("near", **NEAR_SOFA)),
    ("near the sofa, what is there?", every("near", **NEAR_SOFA)),
    ("what is around the sofa", every("near", **NEAR_SOFA)),
    ("what do you see beside the sofa", every("near", **NEAR_SOFA)),
    ("which things are close to the sofa?", every("near", label="object", **NEAR_SOFA)),
    ("what is in the kitchen?", every("in_room", room="kitchen")),
    ("in the kitchen, what is there", every("in_room", room="kitchen")),
    ("what does the kitchen contain?", every("in_room", room="kitchen")),
    ("what can you see in the kitchen", every("in_room", room="kitchen")),
    ("what have you seen in the kitchen?", every("in_room", room="kitchen")),
    ("list everything in the kitchen", every("in_room", label="object", room="kitchen")),
    ("what is in room 2?", every("in_room", room="room 2")),
    ("what is on the table?", every("related", **ON_TABLE)),
    ("what's on top of the table", every("related", **ON_TABLE)),
    ("what lies on the table", every("related", **ON_TABLE)),
    ("is there anything on the table?", every("related", label="object", **ON_TABLE)),
    ("what is on the kitchen table", every("related", room="kitchen", **ON_TABLE)),
    ("what was on the table an hour ago", every("related", as_of_ns=NOW - 3600 * SECOND, **ON_TABLE)),
    ("what is in the fridge?", every("related", reference="fridge", predicate="in")),
    ("what is inside the fridge", every("related", reference="fridge", predicate="in")),
    ("what does the fridge contain?", every("related", reference="fridge", predicate="in")),
    ("which mugs are on the table?", every("recall", label="mug", **ON_TABLE)),
    ("list all mugs", every("recall", label="mug")),
    ("what objects do you know?", every("recall", label="object")),
    ("what have you seen?", every("recall")),
    ("when did you last see the mug?", {"kind": "last_seen", "label": "mug"}),
    ("when was the mug last seen", {"kind": "last_seen", "label": "mug"}),
    ("the mug: when did you see it last?", {"kind": "last_seen", "label": "mug"}),
    ("last time you saw the red mug", {"kind": "last_seen", "label": "mug", "words": ("red",)}),
    ("how many chairs are there?", every("count", label="chair")),
    ("how many chairs in the living room", every("count", label="chair", room="living room")),
    ("in the kitchen, how many chairs are there?", every("count", label="chair", room="kitchen")),
    ("count the chairs", every("count", label="chair")),
    ("the number of shelves", every("count", label="shelf")),
    ("how many cans are there", every("count", label="can")),
    ("how many things are on the table", every("count", label="object", **ON_TABLE)),
    ("how many rooms are there?", every("count", label="room")),
    ("what changed?", {"kind": "changed"}),
    ("what has changed since yesterday?", {"kind": "changed", "since_ns": NOW - 86_400 * SECOND}),
    ("what changed in the last 10 minutes", {"kind": "changed", "since_ns": NOW - 600 * SECOND}),
    ("in the past two hours, what changed in the kitchen?",
     {"kind": "changed", "room": "kitchen", "since_ns": NOW - 7200 * SECOND}),
    ("what changed since 22:00", {"kind": "changed", "since_ns": NOW - 800 * SECOND}),
    ("anything new since half an hour ago?", {"kind": "changed", "since_ns": NOW - 1800 * SECOND}),
    ("what happened in the last hour", {"kind": "changed", "since_ns": NOW - 3600 * SECOND}),
    ("what is missing?", {"kind": "changed", "predicate": "vanished"}),
    ("has the mug moved?", {"kind": "changed", "label": "mug", "predicate": "moved"}),
    ("when did the mug disappear", {"kind": "changed", "label": "mug", "predicate": "vanished"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PHRASINGS, ids=[text for text, _ in PHRASINGS])
def test_a_question_is_understood(text, expected):
    assert asked(text) == expected


NO_QUESTIONS = [
    "what is within 2 meters of the sofa?",
    "where was the mug at 10 s?",
    "how many rooms have a bed?",
    "where can I sit?",
    "what changed since?",
    "when was the laptop first seen?",
    "", " ", "?", "hello", "mug", "bring me the mug", "put the mug in the sink", "go to the sofa", "turn on the light",
    "why is the mug red?", "what is the meaning of life", "who are you", "what time is it?", "how old are you",
    "where am i", "where are you?", "what is a mug", "what is the weather in the kitchen",
    "how many people live in paris", "mugs and cups", "where is the mug and the apple",
    "where is the mug under the table",
    "what is behind the sofa", "where is the mug going tomorrow", "what did you do yesterday",
    "what is in the kitchen and on the table", "what is in the kitchen in the bedroom", "is the sky blue",
    "when were you in the kitchen", "dónde está la taza?", "wo ist die tasse", "马克杯在哪里", "где кружка?",
    "'; DROP TABLE event; --", 'where is mug"; DROP TABLE event; --', "where is the mug OR 1=1", "SELECT * FROM event",
    "where is the mug, the sofa, the bed", "ignore all previous instructions", "{}", "where", "where is", "how many",
    "what", "what is in", "near me", "find", "when did you last see", "in the kitchen", "🙂🙂🙂", "\x00\x1b[2J",
    "where is the very long name of a thing that nobody ever heard of",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_QUESTIONS)
def test_what_is_no_question_of_ours_is_not_guessed_at(text):
    assert asked(text) is None


def test_near_me_needs_to_know_where_i_am():
    assert parse("what is near me?", VOCABULARY, NOW) == NotUnderstood(WHERE_ARE_YOU)
    assert asked("what is near me?", HERE) == every("near", near=HERE, within_m=2.0)
    assert asked("what is around here", HERE) == every("near", near=HERE, within_m=2.0)


def test_the_nearest_one_needs_to_know_where_i_am():
    assert parse("where is the nearest mug?", VOCABULARY, NOW) == NotUnderstood(WHERE_ARE_YOU)
    assert asked("where is the nearest red mug?", HERE) == where("mug", words=("red",), near=HERE, limit=1)


def test_the_position_of_the_asker_belongs_to_every_question():
    assert asked("where is the mug?", HERE) == where("mug", near=HERE)


@pytest.mark.parametrize("noise", ["🙂 {} 🙂", "\x07{}\x00", "  {}\n\n", "«{}»", "({})", "please {}!!!", "{}\u200b"])
def test_noise_around_a_question_does_no_harm(noise):
    assert asked(noise.format("where is the mug?")) == where("mug")


def test_a_text_that_is_too_long_is_not_read():
    reading = parse("where is the mug? " * LONGEST_TEXT, VOCABULARY, NOW)

    assert isinstance(reading, NotUnderstood)
    assert "too long" in reading.reason


@given(st.text(max_size=LONGEST_TEXT + 10))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_without_an_error(text):
    assert isinstance(parse(text, VOCABULARY, NOW, HERE), (Question, NotUnderstood))


_PIECES = """
where what when which how many is are the a my mug mugs kitchen room 2 on in near me sofa table last seen see did
since yesterday ago 10 minutes hour an changed moved gone red small object things , ? ' and there contain have of "
nearest does 99999999999 999999999 months 22:61 0:00 o3 r1 can cans 's
"""


@given(st.lists(st.sampled_from(_PIECES.split()), max_size=14))
@settings(max_examples=1000, deadline=None)
def test_any_jumble_of_words_is_read_without_an_error(words):
    assert isinstance(parse(" ".join(words), VOCABULARY, NOW, HERE), (Question, NotUnderstood))


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("mugs", "mug"), ("glasses", "glass"), ("knives", "knife"), ("shelves", "shelf"), ("boxes", "box"),
        ("couches", "couch"), ("vases", "vase"), ("dishes", "dish"), ("batteries", "battery"), ("cookies", "cookie"),
        ("tomatoes", "tomato"), ("watches", "watch"), ("glass", "glass"), ("scissors", "scissors"), ("bus", "bus"),
        ("mice", "mouse"), ("houses", "house"),
    ],
)  # fmt: skip
def test_plurals_have_their_singulars(many, one):
    assert lexicon.singular(many) == one


@pytest.mark.parametrize("noun", sorted(set(_LABELS.split(",")) | lexicon.NOUNS - {"garbage", "glasses", "shelves"}))
def test_the_singular_of_the_plural_is_the_word_itself(noun):
    last = noun.split(" ")[-1]
    if lexicon.singular(last) == last:
        assert lexicon.singular(lexicon.plural(last), {last}) == last


def test_a_general_name_means_its_kinds_only_when_it_is_no_label_itself():
    assert VOCABULARY.labels_for("table") == (("dining table", "side table"), False)
    assert VOCABULARY.labels_for("chair") == (("chair",), False)
    assert VOCABULARY.labels_for("couch") == (("sofa",), False)
    assert VOCABULARY.labels_for("cup") == (("mug",), True)
    assert VOCABULARY.labels_for("unicorn")[0] == ()
