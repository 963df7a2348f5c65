# SPDX-License-Identifier: Apache-2.0
"""Frontiers: what an update costs while the map grows, what is left to see, and how many images explain the objects.

A tour of a house is walked again and again, each time in a copy of the house a few metres farther on, so that the map
grows and the work does not. The peer is the same code finding everything anew, which every update must equal. One
thread, processor time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import perception
from mapping import Mapper
from mapping.frontiers import Frontiers
from mapping.octree.octree import Octree
from mapping.topology.topology import Topology
from memory_app.benchmarks.report import machine, row
from memory_core.frame import CameraFrame
from sim.house.source import house_source

_EVERY = 30  # frames between two updates
_HOUSES = 8
_APART_M = 12.0


@dataclass
class _Growing:
    """A map that grows house by house, and what each step of its frontiers cost, in ms."""

    octree: Octree = field(default_factory=Octree)
    topology: Topology = field(default_factory=Topology)
    frontiers: Frontiers = field(default_factory=Frontiers)
    observed_ms: list[float] = field(default_factory=list)
    updated_ms: list[float] = field(default_factory=list)

    def walk(self, frames: list[CameraFrame], offset_m: float) -> None:
        for n, frame in enumerate(frames, 1):
            frame = _shifted(frame, offset_m)  # noqa: PLW2901 - the same walk elsewhere
            self.octree.integrate(frame, 4.0)
            self.topology.observe(frame)
            self.observed_ms.append(_ms(self.frontiers.observe, frame))
            if n % _EVERY == 0:
                change = self.topology.update(self.octree, {})
                self.updated_ms.append(_ms(self.frontiers.update, self.octree, change.places, change.gone_places))

    def anew(self) -> float:
        """Milliseconds to find all frontiers of the map from nothing."""
        fresh = Frontiers()
        low, high = self.octree.bounds() or (np.zeros(3), np.zeros(3))
        fresh.note_change(low.tolist(), high.tolist())
        return _ms(fresh.update, self.octree, self.topology.places.values())


def run(data: Path | None = None, frames: int | None = None) -> dict[str, Any]:
    """Measure on a house (`data`, FILE or FILE#INDEX; default: the one that ships), `frames` frames of its tour."""
    walk = list(islice(house_source(data, width=160, height=120).frames(), 0, frames))[::2]
    growing, by_house, open_ends = _Growing(), [], []
    for house in range(_HOUSES):
        before = len(growing.updated_ms)
        growing.walk(walk, house * _APART_M)
        by_house.append(float(np.median(growing.updated_ms[before:] or [0.0])))
        open_ends.append(len(growing.frontiers.all()))
    anew = growing.anew()
    last = by_house[-1]
    extra: dict[str, Any] = {
        "ms_by_house": by_house,
        "frontiers_by_house": open_ends,
        "frames": len(walk),
        "every": _EVERY,
    }
    rows = [
        row("update, first houses", float(np.median(by_house[1:3])), "ms", **extra),
        row(f"update, house {_HOUSES}", last, "ms", peer="all anew", peer_value=anew, ratio=anew / max(last, 1e-9)),
        row("growth of an update", last / max(float(np.median(by_house[1:3])), 1e-9), f"x in {_HOUSES} houses"),
        row("observe", float(np.median(growing.observed_ms)), "ms/frame"),
        row("frontiers left of a house", open_ends[0], ""),
        *_covering(walk),
    ]
    return {"bench": f"frontiers, {_HOUSES} houses", "machine": machine(), "rows": rows}


def _covering(walk: list[CameraFrame]) -> Iterator[dict[str, Any]]:
    """Images that explain all objects, against all that were kept."""
    mapper, segmenter, n_images, told = Mapper(), perception.make("truth", walk[0]), 0, 0
    for n, frame in enumerate(walk, 1):
        mapper.integrate(frame, segmenter.segment(frame))
        if n % _EVERY == 0 or n == len(walk):
            update = mapper.update(final=n == len(walk))
            n_images += len(update.keyframes)
            told += sum(len(event.payload.get("frontiers", ())) for event in update.events)
    n_objects, n_covering = len(mapper.snapshots.covered()), len(mapper.snapshots.all())
    yield row(
        "images that explain all objects", n_covering, "images", peer="all kept", peer_value=n_images,
        ratio=n_images / max(1, n_covering), objects=n_objects,
    )  # fmt: skip
    yield row("frontiers told in events", told, "")


def _shifted(frame: CameraFrame, offset_m: float) -> CameraFrame:
    pose = frame.T_world_cam.copy()
    pose[0, 3] += offset_m
    return replace(frame, T_world_cam=pose)


def _ms(function: Callable[..., Any], *arguments: Any) -> float:
    began = time.process_time()
    function(*arguments)
    return 1e3 * (time.process_time() - began)
