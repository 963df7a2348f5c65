# SPDX-License-Identifier: Apache-2.0
"""What people call things: synonyms, plurals, colours, sizes and rooms. Data and a few look-ups."""

from __future__ import annotations

from collections.abc import Container

# Each line names one class of thing; any of its names means all of them.
_SAME = """
sofa, couch, settee
television, tv, telly, tv set, television set
fridge, refrigerator
cell phone, phone, mobile phone, mobile, smartphone, cellphone, telephone
garbage can, trash can, trash, bin, trash bin, waste bin, wastebasket, rubbish bin, dustbin, garbage, waste container
remote control, remote, tv remote, remote controller
house plant, houseplant, plant, potted plant, pot plant
arm chair, armchair
counter top, countertop, counter, kitchen counter, worktop
night stand, nightstand, bedside table
tv stand, tv bench, tv cabinet
stove, hob, stovetop, cooker
stove burner, burner
bathtub, bath tub
sink basin, basin
washing machine, washer
tap, faucet
bookcase, bookshelf, book shelf
cupboard, cabinet
dresser, chest of drawers
laptop, laptop computer, notebook computer
monitor, computer monitor, computer screen, screen
spectacles, eyeglasses, glasses
soap bottle, soap dispenser
rug, carpet
curtains, curtain
hoover, vacuum cleaner, vacuum
football, soccer ball
basketball, basket ball
picture, painting
picture frame, photo frame
coffee machine, coffee maker
kettle, tea kettle
pan, frying pan
flower pot, flowerpot
wardrobe, closet
desk lamp, table lamp
floor lamp, standing lamp
coffee table, couch table
shelving unit, shelf unit
dish sponge, sponge
dog bed, pet bed
key, keychain, key chain
laundry hamper, hamper, laundry basket
"""

# Only when nothing goes by the name that was used, and then the answer says so.
_ALIKE = """
cup, mug, coffee mug, coffee cup, tea cup, teacup
bag, handbag, backpack, purse
table, desk
chair, stool, arm chair
sofa, arm chair
computer, laptop, desktop
pot, pan
box, crate, carton
picture, poster
bottle, flask
jar, vase
notebook, book
shelf, shelving unit, bookcase
"""

ROOM_NAMES = {
    "kitchen": "kitchen", "living room": "living room", "livingroom": "living room", "lounge": "living room",
    "sitting room": "living room", "family room": "living room", "bedroom": "bedroom", "bed room": "bedroom",
    "bathroom": "bathroom", "bath room": "bathroom", "restroom": "bathroom", "washroom": "bathroom",
    "dining room": "dining room", "office": "office", "study": "office", "hallway": "hallway", "corridor": "hallway",
    "hall": "hallway", "garage": "garage", "laundry room": "laundry room", "pantry": "pantry", "basement": "basement",
    "attic": "attic", "balcony": "balcony", "room": "room",
}  # fmt: skip

COLOURS = {
    "red": "red", "orange": "orange", "yellow": "yellow", "green": "green", "blue": "blue", "purple": "purple",
    "violet": "purple", "lilac": "purple", "pink": "pink", "magenta": "pink", "brown": "brown", "beige": "beige",
    "black": "black", "white": "white", "grey": "grey", "gray": "grey", "silver": "grey", "golden": "yellow",
    "turquoise": "turquoise", "cyan": "cyan",
}  # fmt: skip
SIZES = {
    "tiny": ("tiny",), "small": ("small", "tiny"), "little": ("small", "tiny"), "medium": ("medium",),
    "large": ("large",), "big": ("large",), "huge": ("large",), "middle-sized": ("medium",),
}  # fmt: skip
OTHER_ADJECTIVES = frozenset({
    "wooden", "metal", "plastic", "ceramic", "old", "new", "open", "closed", "empty", "full", "round", "square",
    "broken", "dirty", "clean", "favourite", "favorite", "other", "second", "first", "tall", "short", "long", "dark",
    "light", "bright", "striped", "soft", "hot", "cold",
})  # fmt: skip

SUPERLATIVES = frozenset({"nearest", "closest"})
GENERIC = frozenset({"object", "thing", "item", "stuff", "something", "anything", "everything", "one", "all"})

_IRREGULAR = {
    "knives": "knife", "shelves": "shelf", "loaves": "loaf", "leaves": "leaf", "scarves": "scarf", "mice": "mouse",
    "people": "person", "men": "man", "women": "woman", "children": "child", "feet": "foot", "teeth": "tooth",
    "tomatoes": "tomato", "potatoes": "potato", "dishes": "dish", "watches": "watch", "benches": "bench",
    "couches": "couch", "boxes": "box", "glasses": "glass", "brushes": "brush", "vases": "vase", "houses": "house",
    "cookies": "cookie", "movies": "movie",
}  # fmt: skip
_PLURALS = {singular: plural for plural, singular in _IRREGULAR.items()}
_NEVER_PLURAL = frozenset({"gas", "bus", "lens", "scissors", "news", "chess", "cactus", "canvas", "jeans", "pants"})


def _groups(lines: str) -> list[tuple[str, ...]]:
    return [tuple(name.strip() for name in line.split(",")) for line in lines.strip().splitlines()]


def _index(lines: str) -> dict[str, frozenset[str]]:
    index: dict[str, frozenset[str]] = {}
    for group in _groups(lines):
        for name in group:
            index[name] = index.get(name, frozenset()) | frozenset(group)
    return index


_SYNONYMS = _index(_SAME)
_COUSINS = _index(_ALIKE)
NOUNS = frozenset(_SYNONYMS) | frozenset(_COUSINS)


def synonyms(label: str) -> frozenset[str]:
    """Names of the very same class of thing, the given one included."""
    return _SYNONYMS.get(label, frozenset()) | {label}


def cousins(label: str) -> frozenset[str]:
    """Names of things that may have been meant when nothing goes by the given name."""
    alike: frozenset[str] = frozenset()
    for name in synonyms(label):
        for cousin in _COUSINS.get(name, ()):
            alike |= synonyms(cousin)
    return alike - synonyms(label)


def singular(word: str, known: Container[str] = ()) -> str:
    """The singular of an English noun; of several possible ones that which is `known`."""
    if word in known or word in _NEVER_PLURAL:
        return word
    guesses = _singulars(word)
    return next((guess for guess in guesses if guess in known), guesses[0])


def _singulars(word: str) -> list[str]:
    if word in _IRREGULAR:
        return [_IRREGULAR[word]]
    if not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return [word]
    if len(word) < 4:
        return [word, word[:-1]]
    if word.endswith("ies"):
        return [word[:-3] + "y", word[:-1]]
    if word.endswith(("shes", "ches", "xes", "sses", "zes", "oes")):
        return [word[:-2], word[:-1]]
    return [word[:-1], word]


def plural(noun: str) -> str:
    """The plural of an English noun phrase: "dining tables"."""
    *before, last = noun.split(" ")
    if last in _PLURALS:
        last = _PLURALS[last]
    elif last.endswith(("s", "x", "z", "ch", "sh")):
        last = last if last in _NEVER_PLURAL or last.endswith("es") else last + "es"
    elif last.endswith("y") and last[-2:-1] not in tuple("aeiou"):
        last = last[:-1] + "ies"
    else:
        last += "s"
    return " ".join([*before, last])


def with_article(noun: str) -> str:
    """ "a mug", "an apple", "scissors"."""
    if noun.rsplit(" ", maxsplit=1)[-1] in _NEVER_PLURAL:
        return noun
    return f"{'an' if noun[:1] in tuple('aeio') else 'a'} {noun}"


def meanings(word: str) -> tuple[str, ...]:
    """Words in the memory that a descriptive word of a question agrees with."""
    return SIZES.get(word) or (COLOURS.get(word, word),)


def is_adjective(word: str) -> bool:
    return any(word in words for words in (COLOURS, SIZES, OTHER_ADJECTIVES, SUPERLATIVES))
