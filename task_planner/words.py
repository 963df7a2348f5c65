# SPDX-License-Identifier: Apache-2.0
"""Phrases to class names. Stands in until there is one lexicon for questions and instructions."""

from __future__ import annotations

from collections.abc import Collection

SYNONYMS = {"couch": "sofa", "tv": "television", "refrigerator": "fridge", "remote": "remote control"}
ROOMS = frozenset({"kitchen", "living room", "bedroom", "bathroom"})


def labels_of(phrase: str, known: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The known class names a phrase may mean, and the words before its noun."""
    tokens = phrase.split()
    for start in range(len(tokens)):
        noun = " ".join(tokens[start:])
        noun = SYNONYMS.get(noun, noun)
        for form in (noun, noun.removesuffix("s")):
            if form in known:
                return (form,), tuple(tokens[:start])
            ending = tuple(sorted(label for label in known if label.endswith(" " + form)))
            if ending:
                return ending, tuple(tokens[:start])
    return (), tuple(tokens[:-1])
