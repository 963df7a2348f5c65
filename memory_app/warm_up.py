# SPDX-License-Identifier: Apache-2.0
"""Every kernel compiled or loaded before the first frame, so that no frame is kept waiting for it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

import perception
from mapping import Mapper, MapperSettings, pose_graph
from memory_core import CameraFrame

_LOOKING_AHEAD = np.array([[0.0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 1], [0, 0, 0, 1]])


@cache
def warm_up(mapper: MapperSettings) -> None:
    """Compile or load every kernel, so that the first frame is not kept waiting: seconds once, then a fraction of one.

    Kernels are compiled for types only, so a tiny frame with a thing in it calls for all of them. Once in a process.
    """
    K = np.array([[40.0, 0, 31.5], [0, 40.0, 23.5], [0, 0, 1]])
    depth = np.full((48, 64), 2.0, np.float32)
    depth[16:32, 24:40] = 1.5
    ids = (depth < 2.0).astype(np.int32)
    frame = CameraFrame(
        stamp_ns=1, rgb=np.zeros((48, 64, 3), np.uint8), depth=depth, K=K, T_world_cam=_LOOKING_AHEAD,
        instance_ids=ids, instance_labels={1: "box"},
    )  # fmt: skip
    for kind in ("truth", "geometric"):
        scratch, segmenter = Mapper(mapper), perception.make(kind, frame)
        for stamp_ns in range(mapper.min_observations + 1):
            shown = replace(frame, stamp_ns=1 + stamp_ns)
            scratch.integrate(shown, segmenter.segment(shown))
        scratch.update(final=True)
    pose_graph.warm_up()
