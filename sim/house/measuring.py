# SPDX-License-Identifier: Apache-2.0
"""A table of models and their sizes, measured from scenes that tell them, in the form of ProcTHOR's asset database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from memory_core.geometry import Vec
from sim.house.procthor import all_objects
from sim.house.specs import House, ObjectSpec

_MOST_APART_M = 0.03  # between the quartiles of one edge: a model measured less surely is left out


def measured_assets(houses: Iterable[House]) -> dict[str, list[dict[str, Any]]]:
    """Types, and the models of each with the median of their measured sizes; of what is closed and stands upright.

    The result, as JSON, is a file for `AssetTable`. O(objects).
    """
    sizes: dict[tuple[str, str], list[Vec]] = defaultdict(list)
    for house in houses:
        for spec in all_objects(house.objects):
            if spec.size is not None and not spec.is_open and _is_upright(spec) and spec.asset != spec.type:
                sizes[spec.type, spec.asset].append(spec.size)
    table: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for (kind, asset), measured in sorted(sizes.items()):
        low, middle, high = np.percentile(measured, [25, 50, 75], axis=0)
        if (high - low).max() <= _MOST_APART_M:
            depth, width, height = (round(float(edge), 4) for edge in middle)
            table[kind].append({"assetId": asset, "boundingBox": {"x": width, "y": height, "z": depth}})
    return dict(table)


def _is_upright(spec: ObjectSpec) -> bool:
    return bool(spec.rotation[2, 2] > 0.999)
