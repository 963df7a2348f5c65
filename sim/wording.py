# SPDX-License-Identifier: Apache-2.0
"""How people may word a question about a thing: other names, plurals, politeness. Drawn from a seeded generator."""

from __future__ import annotations

import numpy as np

_OTHER_NAMES = {
    "sofa": "couch",
    "television": "tv",
    "fridge": "refrigerator",
    "garbage can": "trash can",
    "cell phone": "phone",
    "remote control": "remote",
    "arm chair": "armchair",
    "house plant": "plant",
    "counter top": "counter",
    "painting": "picture",
    "faucet": "tap",
    "coffee machine": "coffee maker",
    "basket ball": "basketball",
    "washing machine": "washer",
    "laundry hamper": "laundry basket",
}
_IRREGULAR = {"knife": "knives", "shelf": "shelves", "potato": "potatoes", "tomato": "tomatoes"}
# fmt: off
_PHRASES: dict[str, tuple[str, ...]] = {
    "where": (
        "where is the {x}?", "Where's the {x}", "where can I find the {x}?", "the {x}, where is it?",
        "do you know where the {x} is?", "please tell me where the {x} is", "find the {x}",
    ),
    "near": (
        "what is near the {x}?", "What's next to the {x}", "what things are near the {x}?",
        "which objects are close to the {x}?",
    ),
    "in_room": (
        "what is in the {room}?", "What's in the {room}", "which things are in the {room}?",
        "what objects are there in the {room}?",
    ),
    "on": ("what is on the {x}?", "What's on the {x}", "which things are on the {x}?", "what is lying on the {x}?"),
    "in": ("what is in the {x}?", "What's inside the {x}", "what is inside the {x}?"),
    "last_seen": (
        "when did you last see the {x}?", "When was the {x} last seen", "when did you see the {x} last?",
        "when was the last time you saw the {x}?",
    ),
    "count": (
        "how many {xs} are there?", "How many {xs}", "how many {xs} did you see?", "how many {xs} do you know of?",
    ),
    "count_in_room": (
        "how many {xs} are in the {room}?", "how many {xs} are there in the {room}?",
        "in the {room}, how many {xs} are there?",
    ),
}
# fmt: on


def worded(kind: str, rng: np.random.Generator, *, label: str = "", room: str = "") -> str:
    """A question of a kind about a label or a room in one of several wordings, sometimes by another name."""
    name = _OTHER_NAMES[label] if label in _OTHER_NAMES and rng.random() < 0.4 else label
    phrase = str(rng.choice(_PHRASES[kind]))
    return phrase.format(x=name, xs=plural(name), room=room)


def plural(name: str) -> str:
    """More than one of a name."""
    if name in _IRREGULAR:
        return _IRREGULAR[name]
    if name.endswith(("s", "x", "ch", "sh")):
        return name + "es"
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    return name + "s"
