# SPDX-License-Identifier: Apache-2.0
"""What can be done with a thing, by its class: common knowledge, and a guess by size for things without a class."""

from __future__ import annotations

from collections.abc import Container

from memory_core.graph import Instance
from memory_core.recall import lexicon
from memory_core.segment import UNLABELLED

PORTABLE = frozenset({
    "alarm clock", "aluminum foil", "apple", "baseball bat", "basket ball", "basketball", "book", "boots", "bottle",
    "bowl", "box", "bread", "butter knife", "candle", "cd", "cell phone", "cloth", "credit card", "cup", "dish sponge",
    "dumbbell", "egg", "fork", "garbage bag", "hand towel", "kettle", "key chain", "knife", "ladle", "laptop",
    "lettuce", "mug", "newspaper", "pan", "paper towel roll", "pen", "pencil", "pepper shaker", "pillow", "plate",
    "plunger", "pot", "potato", "remote control", "salt shaker", "scrub brush", "soap bar", "soap bottle", "spatula",
    "spoon", "spray bottle", "statue", "table top decor", "teddy bear", "tennis racket", "tissue box", "toilet paper",
    "tomato", "towel", "vase", "watch", "watering can", "wine bottle",
})  # fmt: skip

# Closed until opened; what is inside can only be reached while they are open.
OPENABLE = frozenset({
    "cabinet", "cupboard", "drawer", "fridge", "microwave", "oven", "safe", "wardrobe",
    "washing machine", "clothes dryer", "dishwasher",
})  # fmt: skip

# Have a lid or a door, but nothing is kept behind it, or it is mostly left open.
OPENABLE_ONLY = frozenset({
    "blinds", "book", "box", "curtains", "laptop", "laundry hamper", "shower curtain", "shower door", "toilet",
})  # fmt: skip

CONTAINERS = OPENABLE | frozenset({
    "basket", "bathtub", "bin", "bowl", "box", "cart", "cup", "garbage can", "laundry hamper", "mug", "pan", "pot",
    "shelving unit", "sink", "sink basin", "toaster", "vase",
})  # fmt: skip

SURFACES = frozenset({
    "arm chair", "bed", "bench", "box", "cabinet", "cart", "chair", "coffee machine", "coffee table", "counter top",
    "desk", "dining table", "dog bed", "dresser", "footstool", "fridge", "hand towel holder", "microwave", "ottoman",
    "plate", "safe", "shelf", "shelving unit", "side table", "sofa", "stool", "stove burner", "table",
    "toaster", "toilet", "toilet paper hanger", "towel holder", "tv stand", "washing machine", "clothes dryer",
})  # fmt: skip

SWITCHED = frozenset({
    "candle", "cell phone", "clothes dryer", "coffee machine", "desk lamp", "desktop", "faucet", "floor lamp", "lamp",
    "laptop", "light switch", "microwave", "radio", "shower head", "stove burner", "stove knob", "television",
    "toaster", "washing machine",
})  # fmt: skip

# Where a thing of a class is usually kept; asked only when it was never seen.
_KITCHEN, _LIVING, _BEDROOM, _BATHROOM = "kitchen", "living room", "bedroom", "bathroom"
LIKELY_ROOMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("apple", "bread", "egg", "lettuce", "potato", "tomato", "butter knife", "fork", "knife", "spoon", "ladle",
         "spatula", "kettle", "pan", "pot", "dish sponge", "salt shaker", "pepper shaker", "toaster", "fridge",
         "microwave", "coffee machine", "sink", "counter top", "stove burner", "aluminum foil"),
        (_KITCHEN,),
    ),
    **dict.fromkeys(("mug", "cup", "bowl", "plate", "bottle", "wine bottle"), (_KITCHEN, _LIVING)),
    **dict.fromkeys(("sofa", "television", "remote control", "tv stand", "coffee table", "newspaper"), (_LIVING,)),
    **dict.fromkeys(("book", "laptop", "cell phone", "key chain", "credit card", "watch"), (_LIVING, _BEDROOM)),
    **dict.fromkeys(("bed", "alarm clock", "teddy bear", "pillow", "dresser", "desk", "pen", "pencil"), (_BEDROOM,)),
    **dict.fromkeys(
        ("toilet", "toilet paper", "soap bar", "soap bottle", "towel", "hand towel", "shower curtain", "plunger",
         "scrub brush", "bathtub", "spray bottle"),
        (_BATHROOM,),
    ),
}  # fmt: skip

# Every class this module knows something of.
CLASSES = PORTABLE | OPENABLE | OPENABLE_ONLY | CONTAINERS | SURFACES | SWITCHED | frozenset(LIKELY_ROOMS)

MAX_PORTABLE_SIZE_M = 0.4


def is_portable(instance: Instance) -> bool:
    """Can a robot with one hand pick it up? Things of unknown class are judged by their largest edge."""
    if instance.label == UNLABELLED:
        return max(instance.box.size) <= MAX_PORTABLE_SIZE_M
    return _is_any(instance.label, PORTABLE)


def is_openable(instance: Instance) -> bool:
    return _is_any(instance.label, OPENABLE | OPENABLE_ONLY)


def is_closed_container(instance: Instance) -> bool:
    """Does it have to be opened before something goes in or comes out?"""
    return _is_any(instance.label, OPENABLE)


def holds(instance: Instance, relation: str) -> bool:
    """Can things be put `relation` ("in" or "on") it?"""
    return _is_any(instance.label, CONTAINERS if relation == "in" else SURFACES)


def is_switched(instance: Instance) -> bool:
    return _is_any(instance.label, SWITCHED)


def likely_rooms(label: str) -> tuple[str, ...]:
    """Rooms where such things are usually kept, the likeliest first; () when nothing is known."""
    names = [label, *sorted(lexicon.synonyms(label) - {label})]
    return next((LIKELY_ROOMS[name] for name in names if name in LIKELY_ROOMS), ())


def _is_any(label: str, classes: Container[str]) -> bool:
    """Is the class, by any of its names, one of these?"""
    return any(name in classes for name in lexicon.synonyms(label))
