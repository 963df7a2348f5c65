# SPDX-License-Identifier: Apache-2.0
"""How objects stand to each other: on, in, near. Recomputed only around what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mapping.objects.boxes import BoxGrid
from mapping.objects.support import SurfaceOf, parent_of
from mapping.settings import MapperSettings
from memory_core.graph import Instance, Relation

Key = tuple[str, str, str]

_REACH_M = 0.15  # a change of one object may concern the parents of objects this near


class Relations:
    """The relations of a set of objects, kept up to date.

    Every object has at most one parent (on or in) and names at most `near_limit` neighbours; near is stored once,
    with the smaller id first, when either names the other.
    """

    def __init__(self, settings: MapperSettings) -> None:
        self._settings = settings
        self._grid = BoxGrid()
        self._parents: dict[str, Relation] = {}
        self._nears: dict[str, tuple[str, ...]] = {}
        self._named_by: dict[str, dict[str, None]] = {}  # id -> ids that have it as parent or neighbour
        self._known: dict[Key, Relation] = {}

    def update(
        self, instances: Mapping[str, Instance], changed: Iterable[str], surface: SurfaceOf
    ) -> tuple[list[Relation], list[Relation]]:
        """Relations that began and that ended. O(changed objects, their neighbours and the surfaces around them).

        Args:
            instances: all objects by id; those not "present" have no relations.
            changed: ids of the objects that are new, have another box or state, or are no more.
            surface: id to (N, 3) points on the object, metres; may be empty.
        """
        affected = sorted(self._affected(instances, changed), key=_number)
        before = self._relations_of(affected)
        for id in affected:
            self._forget(id)
            one = instances.get(id)
            if one is not None and one.state == "present":
                self._relate(one, instances, surface)
        after = self._relations_of(affected)
        began = [after[key] for key in sorted(after, key=_order) if key not in before]
        ended = [before[key] for key in sorted(before, key=_order) if key not in after]
        return began, ended

    def state(self) -> dict[str, Any]:
        """JSON values from which `restore` goes on."""
        parents = {id: [r.predicate, r.object, r.confidence] for id, r in self._parents.items()}
        return {"parents": parents, "nears": {id: list(names) for id, names in self._nears.items()}}

    def restore(self, state: Mapping[str, Any], instances: Mapping[str, Instance]) -> None:
        for id, (predicate, target, confidence) in state["parents"].items():
            self._set_parent(Relation(id, predicate, target, confidence))
        for id, names in state["nears"].items():
            self._set_nears(id, tuple(names))
        for instance in instances.values():
            if instance.state == "present":
                self._grid.put(_number(instance.id), instance.box)

    def _affected(self, instances: Mapping[str, Instance], changed: Iterable[str]) -> set[str]:
        """What changed, what was related to it, and what is near it now; the grid is brought up to date."""
        affected: set[str] = set()
        reach_m = max(self._settings.near_m, _REACH_M)
        for id in changed:
            affected.add(id)
            affected.update(self._named_by.get(id, ()))
            one = instances.get(id)
            if one is None or one.state != "present":
                self._grid.drop(_number(id))
                continue
            self._grid.put(_number(id), one.box)
            affected.update(
                other for number in self._grid.near(one.box, reach_m)
                if (other := f"o{number}") in instances and instances[other].box.gap_m(one.box) <= reach_m
            )  # fmt: skip
        return affected

    def _relate(self, one: Instance, instances: Mapping[str, Instance], surface: SurfaceOf) -> None:
        reach_m = max(self._settings.near_m, _REACH_M)
        around = [
            other for number in self._grid.near(one.box, reach_m)
            if (other := instances.get(f"o{number}")) is not None and other.id != one.id
        ]  # fmt: skip
        parent = parent_of(one, around, surface)
        if parent is not None:
            self._set_parent(parent)
        gaps = [(round(one.box.gap_m(other.box), 2), _number(other.id), other.id) for other in around]
        nearest = sorted(gap for gap in gaps if gap[0] <= self._settings.near_m)[: self._settings.near_limit]
        self._set_nears(one.id, tuple(id for _, _, id in nearest))

    def _relations_of(self, ids: Iterable[str]) -> dict[Key, Relation]:
        """All relations that one of the ids takes part in."""
        found: dict[Key, Relation] = {}
        for id in ids:
            for namer in (id, *self._named_by.get(id, ())):
                for relation in self._made_by(namer):
                    if id in (relation.subject, relation.object):
                        found[relation.subject, relation.predicate, relation.object] = relation
        return found

    def _made_by(self, id: str) -> list[Relation]:
        parent = self._parents.get(id)
        nears = [Relation(*_pair(id, other)) for other in self._nears.get(id, ()) if not self._stacked(id, other)]
        return [*nears, parent] if parent else nears

    def _stacked(self, a: str, b: str) -> bool:
        """Whether one is on or in the other: then near says nothing."""
        return any(p is not None and p.object == t for p, t in ((self._parents.get(a), b), (self._parents.get(b), a)))

    def _set_parent(self, relation: Relation) -> None:
        self._parents[relation.subject] = relation
        self._named_by.setdefault(relation.object, {})[relation.subject] = None

    def _set_nears(self, id: str, names: tuple[str, ...]) -> None:
        self._nears[id] = names
        for name in names:
            self._named_by.setdefault(name, {})[id] = None

    def _forget(self, id: str) -> None:
        """Forget what the id names; what names it is recomputed on its own, being affected too."""
        parent = self._parents.pop(id, None)
        for name in (*self._nears.pop(id, ()), *((parent.object,) if parent else ())):
            namers = self._named_by.get(name, {})
            namers.pop(id, None)
            if not namers:
                self._named_by.pop(name, None)


def _pair(a: str, b: str) -> tuple[str, Any, str]:
    first, second = sorted((a, b), key=_number)
    return first, "near", second


def _number(id: str) -> int:
    return int(id[1:])


def _order(key: Key) -> tuple[int, str, int]:
    return _number(key[0]), key[1], _number(key[2])
