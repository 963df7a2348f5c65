# SPDX-License-Identifier: Apache-2.0
"""Every compiled loop of a correction called for once, so that the first one is not kept waiting for the compiler."""

from __future__ import annotations

import numpy as np

from mapping.octree.octree import Octree
from mapping.octree.update import HIGHEST, LOWEST
from mapping.pose_graph import rigid
from mapping.pose_graph.constraints import Constraint
from mapping.pose_graph.graph import PoseGraph
from mapping.pose_graph.moving import Deltas, move_blocks

_N = 6


def warm_up() -> None:
    """Compile or load what a correction of the trajectory and of the octree runs. Needs no map, changes nothing."""
    graph = PoseGraph(0.25, 15.0)
    pose = np.eye(4)
    for n in range(_N):
        pose = pose.copy()
        pose[0, 3] = 0.3 * n
        graph.follow(n, pose, "warm-up")
    relative = np.eye(4)
    relative[0, 3] = 0.3 * (_N - 1) + 0.1
    solution = graph.corrected_by_constraints([Constraint(1, _N, relative)])
    deltas = Deltas(solution.poses @ rigid.invert(graph.poses[: graph.n]))
    blocks = np.stack([np.arange(_N), np.zeros(_N), np.zeros(_N)], axis=1).astype(np.int64)
    voxels = np.full((_N, 512), LOWEST, np.int8)
    moved = move_blocks(blocks, voxels, np.arange(_N, dtype=np.int32), deltas, 0.05, (LOWEST, HIGHEST))
    Octree().replace_blocks(moved.blocks, moved.voxels, 0)
