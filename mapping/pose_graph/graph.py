# SPDX-License-Identifier: Apache-2.0
"""The trajectory of the camera as nodes that things are anchored to, with what is known between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.pose_graph import rigid
from mapping.pose_graph.constraints import Constraint, CorrectedPoses
from mapping.pose_graph.solver import Links, Solution, solve
from memory_core.errors import BadInput, CorruptMemory
from memory_core.packing import pack, unpack

LAYER = "poses"
CHUNK = 256  # nodes stored in one piece: what is written again when a node comes
STEP, SESSION, JUMP = 0, 1, 2  # how a node follows the one before it

_STEP_SIGMA = (0.005, 0.03)  # metres, and metres a metre moved
_TURN_SIGMA = (0.002, 0.01, 0.02)  # radians, radians a metre moved, and a radian turned
_STILL = 1e-9
_JUMP_SIGMA = (0.5, 0.5)  # how far the camera may really have gone while it was lost, metres and radians


class PoseGraph:
    """Nodes "n1", "n2", ... in order of time: one for every `step_m` or `step_deg` that the camera moves.

    A node keeps its number for good. Adding one costs O(1); the graph is stored in chunks of 256 nodes, of which an
    update writes only those that changed. 240 bytes a node: a robot that drives 10 km makes 10 MB.

    Attributes (the first `n` rows are in use):
        stamps_ns: (capacity,) int64.
        poses: (capacity, 4, 4) T_world_cam as it is known now.
        steps: (capacity, 4, 4) motion from the node before, as it was measured.
        kinds: (capacity,) uint8 STEP, SESSION or JUMP.
        session_of: (capacity,) int32 index into `sessions`.
        constraints: loop closures given so far.
    """

    def __init__(self, step_m: float, step_deg: float) -> None:
        self.step_m, self.step_deg = step_m, step_deg
        self.n = 0
        self.stamps_ns = np.zeros(CHUNK, np.int64)
        self.poses = np.tile(np.eye(4), (CHUNK, 1, 1))
        self.steps = np.tile(np.eye(4), (CHUNK, 1, 1))
        self.kinds = np.zeros(CHUNK, np.uint8)
        self.session_of = np.zeros(CHUNK, np.int32)
        self.sessions: list[str] = []
        self.constraints: list[Constraint] = []
        self._changed: set[int] = set()

    def follow(self, stamp_ns: int, T_world_cam: NDArray[np.float64], session_id: str, *, jumped: bool = False) -> int:
        """Index of the node that a frame belongs to, a new one where the camera moved on. O(1)."""
        is_new_session = not self.n or self.sessions[self.session_of[self.n - 1]] != session_id
        if self.n and not is_new_session and not jumped and not self._moved_on(T_world_cam):
            return self.n - 1
        if is_new_session and session_id not in self.sessions:
            self.sessions.append(session_id)
        kind = SESSION if is_new_session else JUMP if jumped else STEP
        self._add(stamp_ns, T_world_cam, self.sessions.index(session_id), kind)
        return self.n - 1

    def _moved_on(self, T: NDArray[np.float64]) -> bool:
        last = self.poses[self.n - 1]
        if float(np.linalg.norm(T[:3, 3] - last[:3, 3])) > self.step_m:
            return True
        cosine = (float(np.sum(T[:3, :3] * last[:3, :3])) - 1.0) / 2.0
        return bool(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))) > self.step_deg)

    def _add(self, stamp_ns: int, T: NDArray[np.float64], session: int, kind: int) -> None:
        if self.n == len(self.stamps_ns):
            for name in ("stamps_ns", "poses", "steps", "kinds", "session_of"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros_like(old)]))
        i = self.n
        self.stamps_ns[i], self.poses[i], self.kinds[i], self.session_of[i] = stamp_ns, T, kind, session
        self.steps[i] = rigid.invert(self.poses[i - 1 : i])[0] @ T if kind == STEP else np.eye(4)
        self.n += 1
        self._changed.add(i // CHUNK)

    def corrected_by_poses(self, better: CorrectedPoses) -> NDArray[np.float64]:
        """(n, 4, 4) poses of the nodes by a trajectory that is known better.

        The correction at the trajectory's poses is carried over to the nodes between them, and from its ends to the
        nodes before and after it, session by session. O(nodes + poses).

        Raises:
            BadInput: no pose of the trajectory is from the time of any node.
        """
        poses = self.poses[: self.n].copy()
        is_used = False
        for session in np.unique(self.session_of[: self.n]).tolist():
            if better.session_id and self.sessions[session] != better.session_id:
                continue
            rows = np.flatnonzero(self.session_of[: self.n] == session)
            stamps = self.stamps_ns[rows]
            here = (better.stamps_ns >= stamps[0]) & (better.stamps_ns <= stamps[-1])
            if here.any():
                is_used = True
                at, T = better.stamps_ns[here], rigid.orthonormal(better.poses[here])
                deltas = T @ rigid.invert(_interpolated(stamps, self.poses[rows], at))
                poses[rows] = rigid.orthonormal(_interpolated(at, deltas, stamps) @ self.poses[rows])
        if not is_used:
            raise BadInput(self._no_common_time(better))
        return poses

    def _no_common_time(self, better: CorrectedPoses) -> str:
        own = self.stamps_ns[: self.n] / 1e9
        span = f"{own.min():.3f} .. {own.max():.3f} s" if self.n else "no pose at all"
        return (
            f"corrected poses: want some from the time of the memory, {span}; got {better.stamps_ns[0] / 1e9:.3f} .. "
            f"{better.stamps_ns[-1] / 1e9:.3f} s" + (f" of session {better.session_id}" if better.session_id else "")
        )

    def corrected_by_constraints(self, more: Sequence[Constraint]) -> Solution:
        """Poses of the nodes that agree best with all constraints so far and these; weights are those of all of them.

        The first node of each session stays where it is, and so does the first after each jump: there the camera was
        localised in the map. O(see `solver.solve`).

        Raises:
            BadInput: a constraint names a node that there is not.
        """
        for constraint in more:
            if max(constraint.a, constraint.b) > self.n:
                raise BadInput(
                    f"constraint {constraint.a}-{constraint.b}: there are nodes 1 .. {self.n} in this memory"
                )
        links = self._links([*self.constraints, *more])
        if not len(links.a):
            return Solution(self.poses[: self.n].copy(), np.ones(0), 0.0, 0)
        solution = solve(self.poses[: self.n].copy(), links, self.kinds[: self.n] != STEP)
        n_given = len(self.constraints) + len(more)
        return Solution(solution.poses, solution.weights[len(links.a) - n_given :], solution.chi2, solution.n_steps)

    def _links(self, constraints: Sequence[Constraint]) -> Links:
        follows = np.flatnonzero(self.kinds[: self.n] != SESSION)
        T, is_jump = self.steps[follows], self.kinds[follows] == JUMP
        moved = np.linalg.norm(T[:, :3, 3], axis=1)
        turned = np.linalg.norm(rigid.rotation_vector(T[:, :3, :3]), axis=1)
        sigma_m = np.where(is_jump, _JUMP_SIGMA[0], _STEP_SIGMA[0] + _STEP_SIGMA[1] * moved)
        sigma_rad = _TURN_SIGMA[0] + _TURN_SIGMA[1] * moved + _TURN_SIGMA[2] * turned
        sigmas = np.repeat(np.stack([sigma_m, np.where(is_jump, _JUMP_SIGMA[1], sigma_rad)], axis=1), 3, axis=1)
        information = np.zeros((len(follows), 6, 6))
        np.einsum("mii->mi", information)[:] = sigmas**-2.0
        motions = Links(follows - 1, follows, T, information, np.zeros(len(follows), np.bool_))
        if not constraints:
            return motions
        return motions.plus(
            Links(
                np.array([one.a - 1 for one in constraints], np.int64),
                np.array([one.b - 1 for one in constraints], np.int64),
                np.stack([one.T_a_b for one in constraints]),
                np.stack([np.asarray(one.information, np.float64) for one in constraints]),
                np.array([not one.is_certain for one in constraints]),
            )
        )

    def adopt(self, poses: NDArray[np.float64], *, steps_too: bool) -> NDArray[np.float64]:
        """Take over corrected poses (n, 4, 4); returns (n, 4, 4) how each node's surroundings move in the map.

        Args:
            steps_too: the motions between the nodes are better known now as well.
        """
        deltas = poses @ rigid.invert(self.poses[: self.n])
        is_moved = np.abs(poses - self.poses[: self.n]).max(axis=(1, 2)) > _STILL
        deltas[~is_moved] = np.eye(4)
        self._changed.update((np.flatnonzero(is_moved) // CHUNK).tolist())
        self.poses[: self.n] = poses
        if steps_too and self.n:
            steps = rigid.orthonormal(rigid.invert(poses[:-1]) @ poses[1:])
            is_step = self.kinds[1 : self.n] == STEP
            self.steps[1 : self.n][is_step] = steps[is_step]
        return deltas

    def node_at(self, stamp_ns: int) -> int:
        """Index of the newest node not newer than a time, of the oldest when all are; -1 without nodes. O(n)."""
        before = np.flatnonzero(self.stamps_ns[: self.n] <= stamp_ns)
        return int(before[-1]) if len(before) else min(0, self.n - 1)

    def changed_chunks(self) -> dict[str, bytes]:
        """Chunks that changed since the last call, by the names under which a memory stores them. O(changed)."""
        chunks = {f"{LAYER}/{k}_0_0": self._chunk(k) for k in sorted(self._changed)}
        self._changed.clear()
        return chunks

    def _chunk(self, k: int) -> bytes:
        rows = slice(k * CHUNK, min((k + 1) * CHUNK, self.n))
        used = np.unique(self.session_of[rows]).tolist()
        return pack({
            "voxel_size_m": 0.0, "occupied": 0, "free": 0, "stamps_ns": self.stamps_ns[rows],
            "poses": self.poses[rows, :3], "steps": self.steps[rows, :3], "kinds": self.kinds[rows],
            "session_of": self.session_of[rows], "sessions": {str(i): self.sessions[i] for i in used},
        })  # fmt: skip

    def restore_chunks(self, chunks: Mapping[str, bytes]) -> None:
        """Become the graph that gave these chunks; constraints are not in them.

        Raises:
            CorruptMemory: one is damaged or missing.
        """
        self.__dict__.update(PoseGraph(self.step_m, self.step_deg).__dict__)
        names: dict[int, str] = {}
        parts: list[dict[str, Any]] = []
        for k in range(len(chunks)):
            if f"{LAYER}/{k}_0_0" not in chunks:
                raise CorruptMemory(f"pose graph: chunk {k} of {len(chunks)} is missing")
            parts.append(unpack(chunks[f"{LAYER}/{k}_0_0"]))
        try:
            for part in parts:
                names.update({int(index): str(name) for index, name in part["sessions"].items()})
                self._append(part)
            self.sessions = [names[index] for index in range(len(names))]
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise CorruptMemory(f"pose graph: a chunk does not hold what it should ({error!r})") from error

    def _append(self, part: Mapping[str, Any]) -> None:
        n = len(part["stamps_ns"])
        rows = slice(self.n, self.n + n)
        whole = {name: np.tile(np.eye(4), (n, 1, 1)) for name in ("poses", "steps")}
        for name, matrices in whole.items():
            matrices[:, :3] = part[name]
        values = {**{name: part[name] for name in ("stamps_ns", "kinds", "session_of")}, **whole}
        for name, value in values.items():
            old = getattr(self, name)
            if len(old) < rows.stop:
                old = np.concatenate([old, np.zeros((max(len(old), n), *old.shape[1:]), old.dtype)])
            old[rows] = value
            setattr(self, name, old)
        self.n = rows.stop

    def state(self) -> dict[str, Any]:
        """What is not in the chunks; O(constraints)."""
        given = self.constraints
        return {
            "pairs": np.array([[one.a, one.b, one.is_certain] for one in given], np.int64).reshape(-1, 3),
            "relative": np.array([one.T_a_b for one in given], np.float64).reshape(-1, 4, 4),
            "information": np.array([one.information for one in given], np.float64).reshape(-1, 6, 6),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        rows = zip(state["pairs"].tolist(), state["relative"], state["information"], strict=True)
        self.constraints = [Constraint(a, b, T, matrix, bool(certain)) for (a, b, certain), T, matrix in rows]


def _interpolated(stamps: NDArray[np.int64], poses: NDArray[np.float64], at: NDArray[np.int64]) -> NDArray[np.float64]:
    """(M, 4, 4) poses at times (M,) between poses (N, 4, 4); the first and the last hold beyond the ends."""
    after = np.clip(np.searchsorted(stamps, at, side="left"), 0, len(stamps) - 1)
    before = np.where(stamps[after] <= at, after, np.maximum(after - 1, 0))
    span = (stamps[after] - stamps[before]).astype(np.float64)
    fraction = np.where(span > 0, (at - stamps[before]) / np.where(span > 0, span, 1.0), 0.0)
    return rigid.between(poses[before], poses[after], np.clip(fraction, 0.0, 1.0))
