# SPDX-License-Identifier: Apache-2.0
"""Houses by name: files of several kinds, the house that comes along, and houses made up."""

from __future__ import annotations

import gzip
import json
import zlib
from importlib import resources
from pathlib import Path
from typing import IO, Any

from memory_core.errors import BadHouse
from sim.house.ithor import is_metadata, parse_metadata
from sim.house.procthor import parse_procthor
from sim.house.specs import House, ObjectSpec, OpeningSpec, RoomSpec, WallSpec

__all__ = [
    "OWN_HOUSE",
    "House",
    "ObjectSpec",
    "OpeningSpec",
    "RoomSpec",
    "WallSpec",
    "load_house",
    "parse_house",
    "read_house",
]

OWN_HOUSE = "house"
_LARGEST_TEXT = 64 * 1024 * 1024


def load_house(spec: str | Path | None = None) -> House:
    """The house of a specification.

    Args:
        spec: None or "house" for the one that comes along; FILE, or FILE#INDEX for a file with one house a line;
            "gen?rooms=5&seed=3&kind=office" or "generated#7" for one made up here, see sim.generator.

    Raises:
        BadHouse: the file cannot be read, is not JSON, has no such index, or lacks something needed.
    """
    return parse_house(*read_house(spec))


def read_house(spec: str | Path | None = None) -> tuple[Any, str]:
    """The parsed JSON of a specification, as it stands in the file, and its name.

    Raises:
        BadHouse: the file cannot be read, is not JSON, or has no such index.
    """
    if spec is None or str(spec) == OWN_HOUSE:
        text = resources.files("sim").joinpath("data", "own_house.json").read_text(encoding="utf-8")
        return _parse_json(text, OWN_HOUSE), OWN_HOUSE
    from sim import generator

    if request := generator.request_of(str(spec)):
        return generator.house_of(request), request.name
    path, index = _split(str(spec))
    name = path.name if index is None else f"{path.name}#{index}"
    return _parse_json(_house_text(path, index), name), name


def parse_house(content: Any, name: str) -> House:
    """The house of parsed JSON, a ProcTHOR description or a dump of an iTHOR scene's metadata.

    Args:
        name: begins the messages of errors; of a dump, the scene's number in it tells the kind of room.

    Raises:
        BadHouse: something needed is missing or impossible, with its path.
    """
    try:
        return parse_metadata(content, name) if is_metadata(content) else parse_procthor(content, name)
    except RecursionError as error:
        raise BadHouse(f"{name}: want things in things in things, but not hundreds of them") from error


def _split(spec: str) -> tuple[Path, int | None]:
    file, mark, index = spec.rpartition("#")
    if mark and index.isdecimal() and not Path(spec).exists():
        return Path(file), int(index)
    return Path(spec), None


def _house_text(path: Path, index: int | None) -> str:
    try:
        with _open(path) as lines:
            if not _is_line_file(path) and (index is None or (index == 0 and path.suffix == ".json")):
                return _limited(lines.read(_LARGEST_TEXT + 1), path)
            return _line(lines, path, index or 0)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise BadHouse(f"{path}: cannot be read: {error}") from error


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _is_line_file(path: Path) -> bool:
    return ".jsonl" in path.suffixes[-2:]


def _line(lines: IO[str], path: Path, index: int) -> str:
    n_lines = 0
    while line := lines.readline(_LARGEST_TEXT + 1):
        _limited(line, path)
        if not line.strip():
            continue
        if n_lines == index:
            return line
        n_lines += 1
    raise BadHouse(f"{path}: want house #{index}, the file holds {n_lines} (counted from #0)")


def _limited(text: str, path: Path) -> str:
    if len(text) > _LARGEST_TEXT:
        raise BadHouse(f"{path}: want a house of at most {_LARGEST_TEXT >> 20} MiB of JSON, got more")
    return text


def _parse_json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadHouse(f"{name}: want a house in JSON: {error}") from error
