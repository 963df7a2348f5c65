# SPDX-License-Identifier: Apache-2.0
"""Keeps everything in the map tied to the trajectory it was seen from, and moves it with the trajectory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.octree.octree import Octree
from mapping.octree.update import HIGHEST, LOWEST
from mapping.pose_graph import anchors, graph, keyframe_poses, rigid
from mapping.pose_graph.anchors import BlockAnchors
from mapping.pose_graph.constraints import Constraint, CorrectedPoses, Correction
from mapping.pose_graph.gate import LocalisationGate
from mapping.pose_graph.graph import PoseGraph
from mapping.pose_graph.keyframe_poses import KeyframePoses
from mapping.pose_graph.moving import Deltas, fill_unknown, move_blocks
from mapping.settings import MapperSettings
from memory_core.event import Keyframe
from memory_core.frame import CameraFrame
from memory_core.geometry import canonical_pose
from memory_core.packing import pack, unpack

LAYERS = (graph.LAYER, anchors.LAYER, keyframe_poses.LAYER)
_BLOCK = 8
_COLUMN = 8  # blocks along the edge of a square that is looked at again
_TOLD_M, _TOLD_RAD = 0.005, 0.001  # nodes whose surroundings move alike, to this, are told as one
_STILL_M, _STILL_RAD = 1e-4, 1e-5


class Anchoring:
    """The trajectory, the gate before it, and what was seen from where.

    Attributes:
        graph: the trajectory.
        node: index of the node that the latest frame belongs to, -1 before the first.
    """

    def __init__(self, settings: MapperSettings) -> None:
        self._settings = settings
        self.graph = PoseGraph(settings.node_m, settings.node_deg)
        self.node = -1
        self._gate = LocalisationGate(settings)
        self._blocks = BlockAnchors()
        self._keyframes = KeyframePoses()
        self._T_map_source = np.eye(4)

    def placed(self, frame: CameraFrame) -> CameraFrame:
        """The frame in the corrected map. O(1)."""
        if np.array_equal(self._T_map_source, np.eye(4)):
            return frame
        return replace(frame, T_world_cam=canonical_pose(self._T_map_source @ frame.T_world_cam))

    def begin_session(self) -> None:
        """The next frame is of another run, whose poses are in the map as they come."""
        self._gate.begin_session()
        self._T_map_source = np.eye(4)

    def check(self, frame: CameraFrame) -> bool:
        """Whether a frame that may be written begins a new segment of the trajectory. O(1).

        Raises:
            PoseRefused: its pose is not good enough.
        """
        return self._gate.check(frame)

    def enter(self, frame: CameraFrame, *, jumped: bool) -> None:
        """Add a frame that was written to the trajectory. O(1)."""
        self._gate.take(frame)
        self.node = self.graph.follow(frame.stamp_ns, frame.T_world_cam, frame.session_id, jumped=jumped)

    def look(self, frame: CameraFrame, voxel_size_m: float) -> None:
        """What this frame shows is anchored to its node. O(blocks in view)."""
        self._blocks.look(frame, self.node, _BLOCK * voxel_size_m, self._settings.max_range_m)

    def keep(self, keyframe: Keyframe) -> None:
        """A keyframe was taken at the latest frame."""
        self._keyframes.add(keyframe.id, self.node, keyframe.pose)

    def solve(self, poses: CorrectedPoses | None, constraints: Sequence[Constraint]) -> tuple[Deltas, Correction]:
        """Correct the trajectory: by better poses, else by constraints; how everything else is to follow.

        Raises:
            BadInput: they have nothing to do with this trajectory.
        """
        outliers: tuple[tuple[int, int], ...] = ()
        if poses is not None:
            better = self.graph.corrected_by_poses(poses)
        else:
            solution = self.graph.corrected_by_constraints(constraints)
            better = solution.poses
            self.graph.constraints += constraints
            every = zip(self.graph.constraints, solution.weights.tolist(), strict=True)
            outliers = tuple((one.a, one.b) for one, weight in every if weight < 0.5)
        before = self.graph.poses[: self.graph.n].copy()
        deltas = self.graph.adopt(better, steps_too=poses is not None)
        shift = np.linalg.norm(better[:, :3, 3] - before[:, :3, 3], axis=1)
        turn = np.linalg.norm(rigid.rotation_vector(deltas[:, :3, :3]), axis=1)
        n_moved = int(((shift > _STILL_M) | (turn > _STILL_RAD)).sum())
        largest = float(shift.max(initial=0.0)), float(turn.max(initial=0.0))
        return Deltas(deltas), Correction(self.graph.n, n_moved, *largest, outliers)

    def follow_source(self, deltas: Deltas, *, source_follows: bool) -> None:
        """Later frames of a source that was corrected as well come as they are; others are moved like the last one."""
        if self.node < 0:
            return
        last = deltas.T[self.node]
        self._T_map_source = np.eye(4) if source_follows else last @ self._T_map_source
        self._gate.move(last)

    def motion_at(self, points: NDArray[np.float64], voxel_size_m: float, deltas: Deltas) -> NDArray[np.float64]:
        """(N, 4, 4) metres, how what is at points (N, 3) moves: as the octree's blocks there do. O(N)."""
        at = np.floor(points / (_BLOCK * voxel_size_m)).astype(np.int64)
        blocks, which = np.unique(at, axis=0, return_inverse=True)
        return deltas.at(fill_unknown(blocks, self._blocks.of(blocks))[which.reshape(-1)])

    def move_octree(self, octree: Octree, deltas: Deltas, stamp_ns: int) -> NDArray[np.float64]:
        """Move the blocks of the map with their anchors; where from above that is: boxes (N, 4) in metres. O(map)."""
        blocks, voxels = octree.known_blocks()
        nodes = fill_unknown(blocks, self._blocks.of(blocks))
        moved = move_blocks(blocks, voxels, nodes, deltas, octree.voxel_size_m, (LOWEST, HIGHEST))
        self._blocks.replace(moved.blocks, moved.nodes)
        octree.replace_blocks(moved.blocks, moved.voxels, stamp_ns)
        columns = np.unique(np.concatenate([blocks, moved.blocks])[:, :2] // _COLUMN, axis=0)
        return np.concatenate([columns, columns + 1], axis=1) * (_COLUMN * _BLOCK * octree.voxel_size_m) - (
            0,
            0,
            1e-6,
            1e-6,
        )

    def told(self, deltas: Deltas) -> dict[str, Any]:
        """Payload of the event of a correction: nodes with how their surroundings move, and poses of keyframes."""
        T, n = deltas.T, self.graph.n
        turns = rigid.rotation_vector(T[:, :3, :3])
        cameras = self.graph.poses[:n, :3, 3]
        undone = rigid.move(rigid.invert(T), cameras)
        kept: list[int] = []
        for i in range(n):
            if kept and np.abs(turns[i] - turns[kept[-1]]).max() <= _TOLD_RAD:
                alike = T[kept[-1], :3, :3] @ undone[i] + T[kept[-1], :3, 3]
                if np.abs(alike - cameras[i]).max() <= _TOLD_M:
                    continue
            kept.append(i)
        quaternions = rigid.quaternion(T[kept, :3, :3]).tolist()
        names = [self.graph.sessions[index] for index in self.graph.session_of[kept].tolist()]
        stamps = self.graph.stamps_ns[kept].tolist()
        rows = zip(kept, stamps, names, T[kept, :3, 3].tolist(), quaternions, strict=True)
        nodes = [[i + 1, stamp, name, *at, *q] for i, stamp, name, at, q in rows]
        return {"nodes": nodes, "keyframes": self._keyframes.move(T)}

    def changed_blocks(self) -> dict[str, bytes]:
        """What is to be stored beside the octree's regions. O(what changed)."""
        parts = (self.graph.changed_chunks(), self._blocks.changed_regions(), self._keyframes.changed_chunks())
        return {name: content for part in parts for name, content in part.items()}

    def restore_blocks(self, layers: Mapping[str, Mapping[str, bytes]]) -> None:
        """Take over what `changed_blocks` gave, by layer."""
        self.graph.restore_chunks(layers.get(graph.LAYER, {}))
        self._blocks.restore_regions(layers.get(anchors.LAYER, {}))
        self._keyframes.restore_chunks(layers.get(keyframe_poses.LAYER, {}))
        self.node = self.graph.n - 1

    def state(self) -> bytes:
        return pack({
            "gate": self._gate.state(), "T_map_source": self._T_map_source, **self.graph.state()
        })  # fmt: skip

    def restore(self, state: bytes) -> None:
        values = unpack(state)
        self._gate.restore(values["gate"])
        self._T_map_source = values["T_map_source"]
        self.graph.restore(values)
