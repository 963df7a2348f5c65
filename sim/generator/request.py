# SPDX-License-Identifier: Apache-2.0
"""What house is wanted, as a value and as a short text: "gen?rooms=5&seed=3&kind=flat" or "generated#7"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from memory_core.errors import BadHouse

KINDS = ("flat", "house", "office")
MOST_ROOMS = 200
_MOST_CLUTTER = 5.0
_QUERY = "gen?"
_NUMBERED = "generated#"
_FIELDS = {"rooms": int, "seed": int, "kind": str, "clutter": float}


@dataclass(frozen=True, slots=True)
class HouseRequest:
    """Which house to make. The same request always gives the same house.

    Attributes:
        n_rooms: rooms in all, corridors among them, 1 to 200.
        seed: 0 or more.
        kind: "flat", "house" (larger rooms) or "office".
        clutter: how many small things there are, as a multiple of the usual number, 0 to 5.
    """

    n_rooms: int = 4
    seed: int = 0
    kind: str = "flat"
    clutter: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.n_rooms <= MOST_ROOMS:
            raise BadHouse(f"generated house: want 1 to {MOST_ROOMS} rooms, got {self.n_rooms}")
        if not 0 <= self.seed < 2**63:
            raise BadHouse(f"generated house: want a seed of 0 or more, got {self.seed}")
        if self.kind not in KINDS:
            raise BadHouse(f"generated house: want kind {', '.join(KINDS)}, got {self.kind!r}")
        if not 0 <= self.clutter <= _MOST_CLUTTER:
            raise BadHouse(f"generated house: want clutter from 0 to {_MOST_CLUTTER:g}, got {self.clutter:g}")

    @property
    def name(self) -> str:
        """The text that asks for this house."""
        clutter = "" if self.clutter == 1.0 else f"&clutter={self.clutter:g}"
        return f"{_QUERY}rooms={self.n_rooms}&seed={self.seed}&kind={self.kind}{clutter}"

    def random(self, *stream: int) -> np.random.Generator:
        """The stream of chance for one part of the house; streams do not depend on each other."""
        return np.random.default_rng([self.seed, self.n_rooms, KINDS.index(self.kind), *stream])


def request_of(spec: str) -> HouseRequest | None:
    """The request a text makes, None when the text names something else.

    "gen?rooms=5&seed=3&kind=office&clutter=2" says what is wanted, all of it optional. "generated#SEED" draws kind
    (flat twice as often as the others) and number of rooms (1 to 10) from the seed too.

    Raises:
        BadHouse: it is such a text, but with an unknown or impossible part.
    """
    if spec.startswith(_NUMBERED):
        return _numbered(spec)
    if not spec.startswith(_QUERY):
        return None
    given: dict[str, Any] = {}
    for part in filter(None, spec.removeprefix(_QUERY).split("&")):
        key, _, text = part.partition("=")
        if key not in _FIELDS:
            raise BadHouse(f"{spec}: want {', '.join(_FIELDS)} as in gen?rooms=5&seed=3, got {key!r}")
        try:
            given["n_rooms" if key == "rooms" else key] = _FIELDS[key](text)
        except ValueError as error:
            raise BadHouse(f"{spec}: want {key}={_FIELDS[key].__name__}, got {text!r}") from error
    return HouseRequest(**given)


def _numbered(spec: str) -> HouseRequest:
    text = spec.removeprefix(_NUMBERED)
    if not text.isdecimal():
        raise BadHouse(f"{spec}: want generated#SEED with a whole number, got {text!r}")
    random = np.random.default_rng(int(text))
    kind = KINDS[int(random.choice(3, p=[0.5, 0.25, 0.25]))]
    return HouseRequest(int(random.integers(1, 11)), int(text), kind)
