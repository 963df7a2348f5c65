# SPDX-License-Identifier: Apache-2.0
"""Settings: frozen dataclasses whose fields carry their own description, unit and range.

YAML files, ROS parameters and `--help` texts are derived from these fields; nothing is declared twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from memory_core.errors import BadSettings

S = TypeVar("S")


def setting(
    default: Any,
    description: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A dataclass field with its documentation and limits."""
    about = {"description": description, "unit": unit, "minimum": minimum, "maximum": maximum, "choices": choices}
    return field(default=default, metadata=about)


def check(settings: Any) -> None:
    """Raise BadSettings for the first field whose value has the wrong type or is out of range."""
    for spec in fields(settings):
        _check_field(spec, getattr(settings, spec.name))


def _check_field(spec: Field[Any], value: Any) -> None:
    if spec.default is MISSING:
        return
    wanted = type(spec.default)
    accepted = (int, float) if wanted is float else wanted
    if isinstance(value, bool) != (wanted is bool) or not isinstance(value, accepted):
        raise BadSettings(f"{spec.name}: want {wanted.__name__}, got {value!r}")
    about = spec.metadata
    low, high, choices = about.get("minimum"), about.get("maximum"), about.get("choices")
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        raise BadSettings(f"{spec.name}: want {low} .. {high} {about.get('unit', '')}".rstrip() + f", got {value!r}")
    if choices and value not in choices:
        raise BadSettings(f"{spec.name}: want one of {', '.join(choices)}, got {value!r}")


def settings_from(kind: type[S], values: Mapping[str, Any]) -> S:
    """A settings object from names and values.

    Raises:
        BadSettings: a name that is not a field, or a bad value.
    """
    known = {spec.name: spec for spec in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise BadSettings(f"unknown setting {', '.join(unknown)}; there are {', '.join(known)}")
    made = kind(**{n: float(v) if _is_whole(known[n], v) else v for n, v in values.items()})
    check(made)
    return made


def _is_whole(spec: Field[Any], value: Any) -> bool:
    return isinstance(spec.default, float) and isinstance(value, int) and not isinstance(value, bool)


def load_settings(kind: type[S], path: Path, section: str) -> S:
    """Settings from one section of a YAML file.

    Raises:
        BadSettings: the file is missing or not YAML, the section is absent, or a value is bad.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadSettings(f"{path}: cannot be read as YAML: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get(section), dict):
        raise BadSettings(f"{path}: want a section {section!r} with names and values")
    return settings_from(kind, content[section])
