# SPDX-License-Identifier: Apache-2.0
"""Objects by label, words, room, relation, nearness and time, through the indexes of the views."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import apsw

from memory_core.geometry import Box
from memory_core.recall import lexicon
from memory_core.store import query, views

Order = Literal["best", "nearest", "latest"]

_COLUMNS = (
    "v.id, v.object, v.label, v.words, v.state, v.room, v.place, v.x0, v.y0, v.z0, v.x1, v.y1, v.z1, "
    "v.first_seen, v.last_seen, v.confidence, v.vf"
)
# Present before unverified before gone.
_TIER = "CASE v.state WHEN 'gone' THEN 2 WHEN 'unverified' THEN 1 ELSE 0 END"
_SLACK_M = 1e-6  # the R*Tree only has to find enough; exact conditions follow
_STABLE = "length(v.object), v.object"


@dataclass(frozen=True, slots=True)
class Match:
    """A version of an object, as its row in the view; `gap_m` to what it should be near, 0 when that was not asked."""

    event_id: int
    id: str
    label: str
    words: str
    state: str
    room: str
    place: str
    box: Box
    first_seen_ns: int
    last_seen_ns: int
    confidence: float
    since_ns: int
    gap_m: float


@dataclass(frozen=True, slots=True)
class Things:
    """Which things are meant: any of these labels, with all of these words.

    Attributes:
        labels: None for any label; empty for none that is known.
        id: this object only.
        rooms: ids of rooms one of which it is in; None for anywhere.
        is_there: True leaves out what is gone, False keeps only that, None both.
    """

    labels: tuple[str, ...] | None = None
    words: tuple[str, ...] = ()
    id: str = ""
    rooms: tuple[str, ...] | None = None
    is_there: bool | None = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search. See `Question` for the meaning of the fields."""

    things: Things
    reference: Things | None = None
    predicate: str = ""
    near: tuple[float, float, float] | None = None
    within_m: float | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    as_of_ns: int | None = None
    order: Order = "best"
    limit: int = 10


@dataclass
class _Select:
    """SQL put together with named values."""

    conditions: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def value(self, value: Any) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def any_of(self, values: tuple[str, ...]) -> str:
        return f"({', '.join(self.value(value) for value in values)})"


def find(connection: apsw.Connection, wanted: Wanted) -> tuple[list[Match], int]:
    """The best matches, and how many there are in all. O(matches x log versions)."""
    select = _Select()
    _add_things(select, "v", wanted.things, wanted.as_of_ns)
    _add_times(select, wanted)
    gap, source = "0.0", "object_version v"
    if wanted.near is not None:
        gap = _gap_to_point(select, wanted.near)
        if wanted.within_m is not None:
            _add_box(select, wanted.near, wanted)
            select.conditions.append(f"({gap}) <= {select.value(wanted.within_m**2)}")
    if wanted.reference is not None and wanted.predicate == "near":
        source, gap = _add_near_reference(select, wanted, wanted.reference)
    elif wanted.reference is not None:
        _add_relation(select, wanted, wanted.reference)
    return _run(connection, select, source, gap, wanted)


def current(connection: apsw.Connection, identity: str, as_of_ns: int | None) -> Match | None:
    """One object as it is, or was at a time. O(log versions)."""
    found, _ = find(connection, Wanted(Things(id=identity, is_there=None), as_of_ns=as_of_ns, limit=1))
    return found[0] if found else None


def _add_things(select: _Select, alias: str, things: Things, as_of_ns: int | None) -> None:
    add = select.conditions.append
    add(_held(select, alias, as_of_ns))
    if things.id:
        add(f"{alias}.object = {select.value(things.id)}")
    if things.labels is not None:
        add(f"{alias}.label IN {select.any_of(things.labels)}")
    if things.rooms is not None:
        add(f"{alias}.room IN {select.any_of(things.rooms)}")
    if things.is_there is not None:
        add(f"{alias}.state {'<>' if things.is_there else '='} 'gone'")
    for word in things.words:
        words = [f"instr({alias}.words, {select.value(f' {same} ')}) > 0" for same in lexicon.meanings(word)]
        add(f"({' OR '.join(words)})")


def _held(select: _Select, alias: str, as_of_ns: int | None, *, ever: bool = False) -> str:
    """Condition on a row of a view: it holds now, held at a time, or with `ever` at any time until then."""
    if as_of_ns is None:
        return "TRUE" if ever else f"{alias}.vt IS NULL"
    now = select.value(as_of_ns)
    return f"{alias}.vf <= {now}" + ("" if ever else f" AND ({alias}.vt IS NULL OR {alias}.vt > {now})")


def _add_times(select: _Select, wanted: Wanted) -> None:
    if wanted.since_ns is not None:
        select.conditions.append(f"v.last_seen >= {select.value(wanted.since_ns)}")
    if wanted.until_ns is not None:
        select.conditions.append(f"v.first_seen <= {select.value(wanted.until_ns)}")


def _gap_to_point(select: _Select, point: tuple[float, float, float]) -> str:
    """SQL for the squared distance of a box to a point, m2."""
    names = [select.value(coordinate) for coordinate in point]
    gaps = [f"max(0.0, v.{a}0 - {name}, {name} - v.{a}1)" for a, name in zip("xyz", names, strict=True)]
    return " + ".join(f"{gap} * {gap}" for gap in gaps)


def _add_box(select: _Select, point: tuple[float, float, float], wanted: Wanted) -> None:
    """Only what the R*Tree finds around a point; it rounds outwards, so exact conditions must follow."""
    reach = (wanted.within_m or 0.0) + _SLACK_M
    sides = [
        f"b.{a}0 <= {select.value(coordinate + reach)} AND b.{a}1 >= {select.value(coordinate - reach)}"
        for a, coordinate in zip("xyz", point, strict=True)
    ]
    when = _in_time(select, "b", wanted.as_of_ns)
    select.conditions.append(f"v.id IN (SELECT b.id FROM object_box b WHERE {' AND '.join(sides)} AND {when})")


def _in_time(select: _Select, alias: str, as_of_ns: int | None) -> str:
    if as_of_ns is None:
        return f"{alias}.t1 >= {select.value(views.FOREVER_S)}"
    now = select.value(views.seconds(as_of_ns))
    return f"{alias}.t0 <= {now} AND {alias}.t1 >= {now}"


def _add_near_reference(select: _Select, wanted: Wanted, reference: Things) -> tuple[str, str]:
    """Join with the boxes around each thing that serves as a landmark; returns the source and the squared gap."""
    _add_things(select, "r", reference, wanted.as_of_ns)
    reach = select.value(wanted.within_m or 0.0)
    around = select.value((wanted.within_m or 0.0) + _SLACK_M)
    sides = [f"b.{a}0 <= r.{a}1 + {around} AND b.{a}1 >= r.{a}0 - {around}" for a in "xyz"]
    gaps = [f"max(0.0, v.{a}0 - r.{a}1, r.{a}0 - v.{a}1)" for a in "xyz"]
    gap = " + ".join(f"{one} * {one}" for one in gaps)
    select.conditions += [*sides, _in_time(select, "b", wanted.as_of_ns), "v.object <> r.object"]
    select.conditions.append(f"({gap}) <= {reach} * {reach}")
    return "object_version r CROSS JOIN object_box b CROSS JOIN object_version v ON v.id = b.id", gap


def _add_relation(select: _Select, wanted: Wanted, reference: Things) -> None:
    landmarks = _Select(values=select.values)
    _add_things(landmarks, "r", reference, wanted.as_of_ns)
    # What is gone is no longer on anything: it counts where it ever was.
    when = _held(select, "g", wanted.as_of_ns, ever=wanted.things.is_there is False)
    predicate = select.value(wanted.predicate)
    select.conditions.append(
        "v.object IN (SELECT g.subject FROM object_version r CROSS JOIN edge g ON g.object = r.object "
        f"WHERE {' AND '.join(landmarks.conditions)} AND g.predicate = {predicate} AND {when})"
    )


def _run(
    connection: apsw.Connection, select: _Select, source: str, gap: str, wanted: Wanted
) -> tuple[list[Match], int]:
    order = {
        "best": f"{_TIER}, gap, v.confidence DESC, v.last_seen DESC, {_STABLE}",
        "nearest": f"gap, {_STABLE}",
        "latest": f"v.last_seen DESC, {_STABLE}",
    }[wanted.order]
    conditions = " AND ".join(select.conditions)
    tail = f"ORDER BY {order} LIMIT {int(wanted.limit)}"
    if wanted.reference is not None and wanted.predicate == "near":
        sql = (
            f"WITH close AS MATERIALIZED (SELECT v.id, min({gap}) AS gap FROM {source} WHERE {conditions} GROUP BY 1) "
            f"SELECT {_COLUMNS}, gap, (SELECT count(*) FROM close) FROM close JOIN object_version v USING (id) {tail}"
        )
        rows = list(query.rows(connection, sql, select.values))
        return [_match(row[:-1]) for row in rows], rows[0][-1] if rows else 0
    sql = f"SELECT {_COLUMNS}, {gap} AS gap FROM {source} WHERE {conditions} {tail}"
    found = [_match(row) for row in query.rows(connection, sql, select.values)]
    if len(found) < wanted.limit:
        return found, len(found)
    count = f"SELECT count(*) FROM {source} WHERE {conditions}"
    return found, query.value(connection, count, select.values)


def _match(row: query.Row) -> Match:
    (number, identity, label, words, state, room, place, x0, y0, z0, x1, y1, z1, first, last, sure, since, gap) = row
    box = Box((x0, y0, z0), (x1, y1, z1))
    return Match(number, identity, label, words.strip(), state, room, place, box, first, last, sure, since, gap**0.5)
