# SPDX-License-Identifier: Apache-2.0
"""Writes config/tolman.yaml from the settings dataclasses, their one source."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from mapping import MapperSettings
from memory_app.settings import PipelineSettings

SECTIONS: dict[str, type[Any]] = {"pipeline": PipelineSettings, "mapper": MapperSettings}


def lines_of(section: str, settings: type[Any]) -> list[str]:
    """One YAML section, each setting under its description, unit and range."""
    lines = [f"{section}:"]
    for field in fields(settings):
        about = field.metadata
        limits = [about.get("minimum"), about.get("maximum")]
        low, high = ("" if limit is None else str(limit) for limit in limits)
        span = f"{low} .. {high}".strip() if low or high else ""
        choices = f"one of {', '.join(about['choices'])}" if about.get("choices") else ""
        limits_text = ", ".join(part for part in (about.get("unit"), span, choices) if part)
        lines.append(f"  # {about['description']}" + (f" [{limits_text}]" if limits_text else ""))
        lines.append("  " + yaml.safe_dump({field.name: field.default}).strip())
    return lines


def main() -> None:
    header = ["# Every setting with its default, written by tools/write_config.py. Edit a copy; pass it with --config."]
    body = [line for name, settings in SECTIONS.items() for line in lines_of(name, settings)]
    path = Path(__file__).resolve().parent.parent / "config" / "tolman.yaml"
    path.write_text("\n".join(header + body) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
