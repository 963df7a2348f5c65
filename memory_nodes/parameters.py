# SPDX-License-Identifier: Apache-2.0
"""ROS parameters from settings dataclasses: declared with descriptors, checked, and read back as settings."""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Iterable
from dataclasses import Field, dataclass, fields
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from memory_core.config import settings_from
from memory_core.errors import BadSettings

# Parameters that rclpy declares on every node by itself.
_OF_ROS = ("use_sim_time", "start_type_description_service", "qos_overrides.")
_INT64_MAX = 2**63 - 1


@dataclass(frozen=True)
class Section:
    """Settings that become parameters: `defaults` is a settings dataclass, `names` those of its fields, () for all."""

    prefix: str
    defaults: Any
    names: tuple[str, ...] = ()

    def fields(self) -> list[Field[Any]]:
        return [spec for spec in fields(self.defaults) if not self.names or spec.name in self.names]


def declare(node: Node, *sections: Section) -> list[Any]:
    """Declare one read-only parameter for each field of each section and read them back.

    Args:
        node: made with `automatically_declare_parameters_from_overrides=True`, so that what was given is known.

    Returns:
        The settings of each section.

    Raises:
        BadSettings: a parameter that no section has, or a value of the wrong type or outside its range.
    """
    known = {section.prefix + spec.name for section in sections for spec in section.fields()}
    given = set(node.get_parameters_by_prefix(""))
    unknown = sorted(name for name in given - known if not name.startswith(_OF_ROS))
    if unknown:
        raise BadSettings(f"unknown parameter {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    checked = [_checked(node, section, given) for section in sections]
    for name in sorted(given & known):
        node.undeclare_parameter(name)  # it was declared without a descriptor
    for section, settings in zip(sections, checked, strict=True):
        for spec in section.fields():
            value = getattr(settings, spec.name)
            plain = list(value) if isinstance(value, tuple) else value
            node.declare_parameter(section.prefix + spec.name, plain, descriptor(spec), ignore_override=True)
    return checked


def _checked(node: Node, section: Section, given: set[str]) -> Any:
    names = [spec.name for spec in section.fields() if section.prefix + spec.name in given]
    values = {name: node.get_parameter(section.prefix + name).value for name in names}
    plain = {name: tuple(value) if isinstance(value, (list, array)) else value for name, value in values.items()}
    defaults = {spec.name: getattr(section.defaults, spec.name) for spec in fields(section.defaults)}
    try:
        return settings_from(type(section.defaults), {**defaults, **plain})
    except BadSettings as error:
        raise BadSettings(f"parameter {section.prefix}{error}") from error


def descriptor(spec: Field[Any]) -> ParameterDescriptor:
    """What `ros2 param describe` shows of a settings field: description, unit, range, choices."""
    about = spec.metadata
    unit = f" [{about['unit']}]" if about.get("unit") else ""
    choices = f"one of: {', '.join(about['choices'])}" if about.get("choices") else ""
    made = ParameterDescriptor(
        name=spec.name, description=about.get("description", "") + unit, additional_constraints=choices, read_only=True
    )
    low, high = about.get("minimum"), about.get("maximum")
    if low is None and high is None:
        return made
    if isinstance(spec.default, float):
        limit = sys.float_info.max
        made.floating_point_range = [FloatingPointRange(from_value=_or(low, -limit), to_value=_or(high, limit))]
    else:
        low, high = int(_or(low, -_INT64_MAX)), int(_or(high, _INT64_MAX))
        made.integer_range = [IntegerRange(from_value=low, to_value=high)]
    return made


def _or(value: float | None, otherwise: float) -> float:
    return float(otherwise if value is None else value)


def as_yaml(sections: Iterable[Section]) -> str:
    """A ROS parameter file with every parameter at its default, each described in a comment."""
    lines = ["/**:", "  ros__parameters:"]
    for section in sections:
        for spec in section.fields():
            about = descriptor(spec)
            remark = f"; {about.additional_constraints}" if about.additional_constraints else ""
            lines.append(f"    # {about.description}{_range_of(spec)}{remark}")
            value = getattr(section.defaults, spec.name)
            lines.append(f"    {section.prefix}{spec.name}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def _range_of(spec: Field[Any]) -> str:
    low, high = spec.metadata.get("minimum"), spec.metadata.get("maximum")
    if low is None and high is None:
        return ""
    return f", {'' if low is None else f'{low:g} '}..{'' if high is None else f' {high:g}'}"
