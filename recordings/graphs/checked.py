# SPDX-License-Identifier: Apache-2.0
"""Values out of files that nobody vouches for: each is what was wanted, or the error names the file and the spot."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from memory_core.errors import BadSource
from recordings.parse import read_text


def read_json(path: Path) -> Any:
    """The values of a JSON file. Raises BadSource with the line when it is torn."""
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadSource(f"{path}, line {error.lineno}: want JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise BadSource(f"{path}: want JSON with plain numbers and few levels: {error}") from error


def member(value: Any, key: str, kind: type | tuple[type, ...], spot: str) -> Any:
    """value[key] of the given type.

    Raises:
        BadSource: `value` is no object, lacks the key, or has something else there.
    """
    if not isinstance(value, dict) or key not in value:
        raise BadSource(f"{spot}: want an object with {key!r}, got {brief(value)}")
    found = value[key]
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
        names = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise BadSource(f"{spot}: want {key!r} of type {names}, got {brief(found)}")
    return found


def finite(values: Any, count: int, spot: str) -> list[float]:
    """A list of exactly so many finite numbers. Raises BadSource."""
    if not isinstance(values, list) or len(values) != count:
        raise BadSource(f"{spot}: want {count} numbers, got {brief(values)}")
    return [number(value, spot) for value in values]


def number(value: Any, spot: str) -> float:
    """A finite number. Raises BadSource."""
    try:
        made = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    except OverflowError:
        made = math.inf
    if not math.isfinite(made):
        raise BadSource(f"{spot}: want a finite number, got {brief(value)}")
    return made


def parsed(text: str, spot: str) -> float:
    """A finite number in a text. Raises BadSource."""
    try:
        made = float(text)
    except ValueError:
        made = math.nan
    if not math.isfinite(made):
        raise BadSource(f"{spot}: want a finite number, got {brief(text)}")
    return made


def brief(value: Any) -> str:
    """A value, short enough for a message."""
    if isinstance(value, (dict, list)):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = repr(value) if not isinstance(value, int) else f"{value:.6g}" if abs(value) < 2**60 else "a huge number"
    return text if len(text) <= 60 else text[:57] + "..."
