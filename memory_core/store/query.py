# SPDX-License-Identifier: Apache-2.0
"""Reading rows, one line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apsw

from memory_core.errors import CorruptMemory

Row = tuple[Any, ...]
Values = Sequence[Any] | Mapping[str, Any]


def rows(connection: apsw.Connection, sql: str, values: Values = ()) -> Iterator[Row]:
    """The rows of a query, read as they are asked for."""
    yield from connection.execute(sql, values)


def row(connection: apsw.Connection, sql: str, values: Values = ()) -> Row | None:
    """The first row of a query, None when there is none."""
    return next(rows(connection, sql, values), None)


def only(connection: apsw.Connection, sql: str, values: Values = ()) -> Row:
    """The row of a query that always has one.

    Raises:
        CorruptMemory: it has none.
    """
    found = row(connection, sql, values)
    if found is None:
        raise CorruptMemory(f"{connection.filename}: a row that another refers to is missing ({sql:.60})")
    return found


def value(connection: apsw.Connection, sql: str, values: Values = ()) -> Any:
    """The first column of the first row, None when there is none."""
    found = row(connection, sql, values)
    return found[0] if found else None
