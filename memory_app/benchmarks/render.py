# SPDX-License-Identifier: Apache-2.0
"""How fast the embedded house is drawn, compiled and in plain numpy, and whether its pixels lie where they belong."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from memory_app.benchmarks.report import machine, row
from memory_core.errors import BadHouse, NotPossible
from memory_core.geometry import Vec, invert_pose, transform_points, unproject
from sim.frames import base_pose, camera_pose
from sim.house.assets import AssetTable
from sim.house.changes import Change, apply
from sim.house.floor import Floor
from sim.house.renderer import Images, Renderer
from sim.house.schema import load_house
from sim.house.world import World
from sim.noise import CAMERAS

_SIZES = ((640, 480), (320, 240))
_N_OBJECTS = 300
_N_VIEWS, _N_SLOW_VIEWS = 40, 6
_N_HOUSES, _VIEWS_A_HOUSE = 100, 8
_SLACK_M = 0.02
_CLUTTER = ("Mug", "Book", "Apple", "Bowl", "Candle", "Vase", "Cup", "AlarmClock")


def run(data: Path | None = None, frames: int | None = None) -> dict[str, Any]:
    """Draw a house of 10 rooms and 300 objects, and many houses for the share of pixels in their boxes.

    Args:
        data: houses, FILE with one a line (default: houses made up here).
        frames: how many houses. [default: 100, or 20 made up]

    Seconds are of the processor, so that what else runs does not count; rows "wall" are by the clock. A file's objects
    get their sizes from the asset database $TOLMAN_ASSET_DATABASE names.
    """
    world = crowded(_N_OBJECTS)
    views = list(_views(world, np.random.default_rng(0), _N_VIEWS))
    rows = [row("objects drawn", len(world.things), "", faces=world.scene.n_faces, rooms=len(world.rooms))]
    for width, height in _SIZES:
        rows += _speed(world, views, width, height)
    rows += [_moving(world), *_agreement(world, views), *_noise(world, views[0])]
    return {"bench": "render", "machine": machine(), "rows": [*rows, *_boxes(data, frames)]}


def crowded(n_objects: int) -> World:
    """A house of 10 rooms with small things put on everything until it holds so many objects."""
    world = World(load_house("gen?rooms=10&seed=3"), AssetTable())
    holders = [thing.uid for thing in world.things.values() if thing.type.receptacle and not thing.type.pickupable]
    for k in range(100 * n_objects):
        if len(world.things) >= n_objects:
            break
        asset, holder = _CLUTTER[k % len(_CLUTTER)], holders[k % len(holders)]
        try:
            apply(world, Change(name="add", uid=f"extra|{k}", asset=asset, to=holder), 0)
        except NotPossible:
            continue
    return world


def _views(world: World, rng: np.random.Generator, n_views: int) -> Iterator[Vec]:
    floor = Floor(world)
    wanted = world.house.start
    grid = floor.reachable(floor.start((wanted.x, wanted.y) if wanted else None))
    for x, y in grid[rng.integers(len(grid), size=n_views)]:
        yield camera_pose(base_pose(x, y, rng.uniform(-np.pi, np.pi)), 1.5, rng.uniform(-0.2, 0.8))


def _speed(world: World, views: list[Vec], width: int, height: int) -> list[dict[str, Any]]:
    fast, plain = (Renderer(world.scene, width, height, 90.0, compiled=c) for c in (True, False))
    fast.render(views[0])
    ours, peers, walls = [], [], []
    for k, T in enumerate(views):
        began = time.perf_counter()
        ours.append(_cpu_s(fast.render, T))
        walls.append(time.perf_counter() - began)
        if k % (len(views) // _N_SLOW_VIEWS) == 0:
            peers.append(_cpu_s(plain.render, T))
    ids = statistics.median(_cpu_s(fast.ids, T) for T in views)
    speed, peer = 1 / statistics.median(ours), 1 / statistics.median(peers)
    name = f"{width}x{height}"
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return [
        row(f"{name} colour, depth, ids", speed, "frames/s", peer="numpy", peer_value=peer, ratio=speed / peer),
        row(f"{name} the same, wall", 1 / statistics.median(walls), "frames/s", load=load),
        row(f"{name} ids alone", 1 / ids, "frames/s"),
    ]


def _cpu_s(draw: Callable[[Vec], Any], T_world_cam: Vec) -> float:
    began = time.process_time()
    draw(T_world_cam)
    return time.process_time() - began


def _moving(world: World) -> dict[str, Any]:
    thing = next(t for t in world.things.values() if t.type.pickupable)
    T = thing.body.T_world_body.copy()
    seconds = [_cpu_s(lambda pose: world.move(thing, pose), T) for _ in range(50)]
    return row("move an object", 1e3 * statistics.median(seconds), "ms")


def _agreement(world: World, views: list[Vec]) -> list[dict[str, Any]]:
    """The compiled renderer against the one in plain numpy."""
    fast, plain = (Renderer(world.scene, 320, 240, 90.0, compiled=c) for c in (True, False))
    pairs: list[tuple[Images, Images]] = [(fast.render(T), plain.render(T)) for T in views[:_N_SLOW_VIEWS]]
    equal = np.mean([a[2] == b[2] for a, b in pairs])
    apart = max(float(np.abs(a[1] - b[1])[a[2] == b[2]].max()) for a, b in pairs)
    return [
        row("ids as in plain numpy", float(equal), ""),
        row("depth against plain numpy, most", 1e3 * apart, "mm"),
    ]


def _noise(world: World, T: Vec) -> list[dict[str, Any]]:
    renderer = Renderer(world.scene, 320, 240, 90.0)
    rgb, depth, _ = renderer.render(T)
    rows = []
    for name, camera in CAMERAS.items():
        seconds = [
            _cpu_s(lambda _: camera(depth, rgb, renderer.K, np.random.default_rng(0)), T)  # noqa: B023
            for _ in range(5)
        ]
        rows.append(row(f"320x240 noise of {name}", 1e3 * statistics.median(seconds), "ms"))
    return rows


def _boxes(data: Path | None, n_houses: int | None) -> list[dict[str, Any]]:
    """Pixels of objects that lie in the box of their object, grown by 2 cm."""
    wanted = n_houses or (_N_HOUSES if data else 20)
    specs = [f"{data}#{k}" if data else f"gen?rooms={1 + k % 6}&seed={k}" for k in range(wanted)]
    inside, worst, failed, guessed = [0, 0], 1.0, [], 0
    for spec in specs:
        assets = AssetTable()
        try:
            world = World(load_house(spec), assets)
            shares = list(_shares(world))
        except BadHouse as error:
            failed.append(str(error))
            continue
        guessed += sum(assets.guessed.values())
        inside = [inside[0] + sum(s[0] for s in shares), inside[1] + sum(s[1] for s in shares)]
        worst = min([worst, *(good / n for good, n in shares)])
    return [
        row("houses that load and render", 1 - len(failed) / len(specs), f"of {len(specs)}", failed=failed),
        row("pixels in the box of their object", inside[0] / max(inside[1], 1), f"of {inside[1]}", guessed=guessed),
        row("the same, worst object in a view", worst, ""),
    ]


def _shares(world: World) -> Iterator[tuple[int, int]]:
    """Of each object in each view: its pixels in its box, and its pixels."""
    renderer = Renderer(world.scene, 160, 120, 90.0)
    things = {thing.body.number: thing for thing in world.things.values()}
    for T in _views(world, np.random.default_rng(0), _VIEWS_A_HOUSE):
        _, depth, ids = renderer.render(T)
        points, numbers = transform_points(T, unproject(depth, renderer.K)), ids[depth > 0]
        for number in np.unique(numbers):
            if thing := things.get(int(number)):
                own = transform_points(invert_pose(thing.body.T_world_body), points[numbers == number])
                outside = (np.abs(own) > thing.size / 2 + _SLACK_M).any(axis=1)
                yield len(own) - int(np.count_nonzero(outside)), len(own)
