# SPDX-License-Identifier: Apache-2.0
"""tolman sim generate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from memory_app.cli.common import as_json, print_json
from memory_core.errors import BadInput
from sim.generator import HouseRequest, house_of
from sim.generator.request import KINDS


@click.command()
@click.option(
    "--rooms", type=int, default=4, show_default=True, metavar="N", help="Rooms, corridors among them: 1-200."
)
@click.option("--seed", type=int, default=0, show_default=True, metavar="S", help="Which of the many such houses.")
@click.option("--kind", type=click.Choice(KINDS), default="flat", show_default=True, help="What kind of building.")
@click.option(
    "--clutter", type=float, default=1.0, show_default=True, help="Small things, times the usual number: 0-5."
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="JSON to write.")
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), metavar="PNG", help="Draw its floor plan.")
@as_json
def generate(
    rooms: int, seed: int, kind: str, clutter: float, output: Path, picture: Path | None, as_json: bool
) -> None:
    """Make up a house in ProcTHOR's schema: rooms, doors, windows, furniture, and things on and in it.

    The same options always give the same file. Without a file, house:gen?rooms=5&seed=3&kind=office or
    house:generated#7 name such a house wherever a house can be named.
    """
    request = HouseRequest(rooms, seed, kind, clutter)
    house = house_of(request)
    try:
        output.write_text(json.dumps(house, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{output}: the house cannot be written: {error}") from error
    if picture:
        _draw(house, request.name, picture)
    counts = {"rooms": len(house["rooms"]), "doors": len(house["doors"]), "objects": _n_objects(house["objects"])}
    if as_json:
        print_json({"house": f"house:{request.name}", "file": str(output), **counts})
        return
    click.echo(f"{output}: {counts['rooms']} rooms, {counts['doors']} doors, {counts['objects']} objects")


def _draw(house: dict[str, Any], name: str, picture: Path) -> None:
    from memory_app.floor_plans import draw_floor_plan
    from sim.house.assets import AssetTable
    from sim.house.schema import parse_house
    from sim.house.world import World

    draw_floor_plan(World(parse_house(house, name), AssetTable()), picture)


def _n_objects(objects: list[dict[str, Any]]) -> int:
    return sum(1 + _n_objects(one.get("children", [])) for one in objects)
