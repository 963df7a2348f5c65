# SPDX-License-Identifier: Apache-2.0
"""What a model's name means: its type, its size, and what one can do with it."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from memory_core.errors import BadHouse
from memory_core.geometry import Vec
from sim.frames import size_from_unity
from sim.house.reading import Value
from sim.house.specs import ObjectSpec

ASSET_DATABASE_VARIABLE = "TOLMAN_ASSET_DATABASE"
_UNKNOWN_SIZE_M = (0.3, 0.3, 0.3)


@dataclass(frozen=True, slots=True)
class ObjectType:
    """What all objects of a type share.

    Attributes:
        size_m: typical (width, height, depth).
        shape: name of the proxy that draws it; see sim.house.proxies.
        holds_inside: what it holds is "in" it, not "on" it.
        slides: it comes forward when it is opened, with what is in it.
    """

    name: str
    size_m: tuple[float, float, float]
    shape: str
    pickupable: bool = False
    receptacle: bool = False
    openable: bool = False
    toggleable: bool = False
    holds_inside: bool = False
    sliceable: bool = False
    slides: bool = False


@cache
def object_types() -> dict[str, ObjectType]:
    """All types that come along, by name."""
    rows = _table()["types"].items()
    return {
        name: ObjectType(name, tuple(row["size_m"]), row["shape"], **dict.fromkeys(row["abilities"], True))
        for name, row in rows
    }


@cache
def _table() -> dict[str, Any]:
    text = resources.files("sim").joinpath("data", "types.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


@cache
def type_from_name(asset: str) -> str:
    """The type a model's name speaks of ("RoboTHOR_dresser_hemnes" -> "Dresser"); the name itself when none does."""
    words = [word for word in re.split(r"[_\s|]+", asset.removeprefix("RoboTHOR_")) if word]
    aliases: dict[str, str] = _table()["aliases"]
    names = {name.lower(): name for name in object_types()} | {alias.lower(): name for alias, name in aliases.items()}
    for n_words in range(len(words), 0, -1):
        joined = "".join(words[:n_words]).lower()
        for candidate in (joined, re.sub(r"\d+[a-z]?$", "", joined), re.sub(r"\d.*$", "", joined)):
            if candidate in names:
                return names[candidate]
    return words[0] if words else asset


class AssetTable:
    """Types and sizes of models: from a database file where there is one, else typical ones.

    Attributes:
        guessed: how many objects got their size by what rule, other than from the database or the house itself.
    """

    def __init__(self, database: str | Path | None = None) -> None:
        """Open a ProcTHOR asset-database.json, or the one $TOLMAN_ASSET_DATABASE names, or none.

        Raises:
            BadHouse: the file is not such a database.
        """
        path = database or os.environ.get(ASSET_DATABASE_VARIABLE)
        self._known = _read_database(Path(path)) if path else {}
        self.guessed: Counter[str] = Counter()

    def describe(self, spec: ObjectSpec) -> tuple[ObjectType, Vec]:
        """The type of an object and its size (3,) along its own axes (forward, left, up), metres; counts guesses."""
        kind = self._type(spec)
        if spec.size is None and spec.asset not in self._known:
            self.guessed["typical size of the type" if kind.name in object_types() else "default size"] += 1
        return kind, self.size(spec)

    def size(self, spec: ObjectSpec) -> Vec:
        """The size of `describe`, without counting."""
        if spec.size is not None:
            return spec.size
        if spec.asset in self._known:
            return self._known[spec.asset][1]
        return size_from_unity(self._type(spec).size_m)

    def _type(self, spec: ObjectSpec) -> ObjectType:
        known = self._known.get(spec.asset)
        name = spec.type or (known[0] if known else type_from_name(spec.asset))
        return object_types().get(name) or ObjectType(name, _UNKNOWN_SIZE_M, "box")


@cache
def _read_database(path: Path) -> dict[str, tuple[str, Vec]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadHouse(f"{path}: want ProcTHOR's asset-database.json: {error}") from error
    if not isinstance(content, dict):
        raise BadHouse(f"{path}: want ProcTHOR's asset-database.json, got a {type(content).__name__}")
    sizes: dict[str, tuple[str, Vec]] = {}
    for name in content:
        for asset in Value(content, f"{path.name}: ").at(name).items():
            box = asset.at("boundingBox")
            size = size_from_unity([box.at(axis).number() for axis in "xyz"])
            sizes[asset.at("assetId").text()] = (name, np.maximum(size, 1e-3))
    return sizes
