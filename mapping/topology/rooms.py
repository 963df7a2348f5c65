# SPDX-License-Identifier: Apache-2.0
"""What kind of room it is, told by what stands in it."""

from __future__ import annotations

import math
from collections.abc import Iterable

UNKNOWN_ROOM = "room"

# How many times likelier a class is to be met in a room of this kind than in a room of another kind.
_TELLS: dict[str, dict[str, float]] = {
    "kitchen": {
        "fridge": 30, "refrigerator": 30, "stove": 30, "stove burner": 30, "oven": 30, "microwave": 20,
        "dishwasher": 30,
        "counter top": 8, "kitchen counter": 20, "toaster": 20, "coffee machine": 10, "kettle": 10, "pan": 12, "pot": 8,
        "spatula": 12, "sink": 3, "sink basin": 3, "faucet": 2, "cabinet": 3, "pepper shaker": 8, "salt shaker": 8,
        "butter knife": 6, "knife": 6, "ladle": 12, "egg": 6, "bread": 6, "lettuce": 6, "tomato": 6, "potato": 6,
        "apple": 4, "bowl": 2.5, "plate": 2.5, "mug": 2, "cup": 2, "dish sponge": 3, "bottle": 1.5, "wine bottle": 2.5,
        "dining table": 3, "chair": 1.5, "stool": 2, "garbage can": 1.5,
    },
    "bathroom": {
        "toilet": 60, "shower": 40, "shower door": 40, "shower curtain": 40, "shower head": 40, "bathtub": 60,
        "bath tub": 60, "toilet paper": 20, "toilet paper hanger": 20, "plunger": 20, "towel": 8, "towel holder": 15,
        "hand towel": 15, "hand towel holder": 15, "scrub brush": 15, "soap bar": 12, "soap bottle": 4, "sink": 4,
        "sink basin": 4, "faucet": 4, "mirror": 4, "washing machine": 6, "toothbrush": 20, "dish sponge": 1.5,
        "cloth": 4, "candle": 2, "garbage can": 1.5, "spray bottle": 3,
    },
    "bedroom": {
        "bed": 50, "dresser": 5, "pillow": 6, "alarm clock": 10, "wardrobe": 12, "night stand": 15, "nightstand": 15,
        "blanket": 8, "teddy bear": 8, "baseball bat": 6, "basket ball": 4, "basketball": 4, "tennis racket": 6,
        "dumbbell": 3, "laundry hamper": 4, "cd": 4, "desk": 2.5, "laptop": 1.5, "cell phone": 1.5, "side table": 1.3,
        "shelving unit": 1.2, "mirror": 1.5, "desk lamp": 2, "crib": 30,
    },
    "living room": {
        "sofa": 25, "couch": 25, "arm chair": 6, "armchair": 6, "television": 6, "tv stand": 8, "coffee table": 15,
        "remote control": 6, "ottoman": 6, "fireplace": 15, "piano": 6, "newspaper": 4, "bookcase": 2,
        "shelving unit": 1.5, "house plant": 1.5, "floor lamp": 2.5, "painting": 1.2, "vase": 1.5, "statue": 1.5,
        "game console": 4, "dog bed": 3, "rug": 1.5, "watch": 1.5, "pillow": 1.3, "dining table": 1.3,
    },
    "office": {
        "desk": 5, "desktop": 8, "computer": 8, "monitor": 12, "keyboard": 10, "office chair": 12, "printer": 15,
        "whiteboard": 12, "filing cabinet": 15, "bookshelf": 3, "bookcase": 3, "laptop": 2, "desk lamp": 2.5, "pen": 2,
        "pencil": 2, "paper": 2,
    },
    "hallway": {"coat rack": 12, "shoe rack": 12, "umbrella": 4, "doormat": 8, "bench": 2},
    "dining room": {"dining table": 4, "chair": 1.3, "sideboard": 8, "chandelier": 4, "wine rack": 5},
}  # fmt: skip

_PRIOR = {"hallway": 0.3, "office": 0.4, "dining room": 0.4}  # others 1: houses have fewer of these
_LEAST_EVIDENCE = math.log(3.0)
_LEAST_CONFIDENCE = 0.5
_REPEATS = 2  # a third chair says no more than two


def label_room(contents: Iterable[tuple[str, float]]) -> tuple[str, float]:
    """Most likely kind of a room and its probability, from the classes in it and how sure each is.

    Naive Bayes over kinds. ("room", 0.0) when nothing tells kinds apart well enough.
    O(things).
    """
    score = evidence(contents)
    best = max(sorted(score), key=lambda kind: score[kind])
    total = sum(math.exp(value - score[best]) for value in score.values())
    if score[best] < _LEAST_EVIDENCE or 1.0 / total < _LEAST_CONFIDENCE:
        return UNKNOWN_ROOM, 0.0
    return best, round(1.0 / total, 4)


def evidence(contents: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Logarithm of how much likelier each kind of room has become by the things in it, its rarity included.

    A class counts twice at most. O(things).
    """
    weights: dict[str, list[float]] = {}
    for label, confidence in contents:
        weights.setdefault(label, []).append(min(1.0, max(0.0, confidence)))
    score = {kind: math.log(_PRIOR.get(kind, 1.0)) for kind in _TELLS}
    for label in sorted(weights):
        weight = sum(sorted(weights[label], reverse=True)[:_REPEATS])
        for kind, tells in _TELLS.items():
            score[kind] += weight * math.log(tells.get(label, 1.0))
    return score
