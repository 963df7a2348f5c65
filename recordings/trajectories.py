# SPDX-License-Identifier: Apache-2.0
"""Files of corrected trajectories: TUM lists of poses, and g2o graphs of constraints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BadFrame, BadSource
from memory_core.geometry import pose_matrix, quaternion_from_matrix
from recordings import parse

_UPPER = np.triu_indices(6)
_HALF = np.diag([1.0, 1.0, 1.0, 0.5, 0.5, 0.5])  # g2o's error is half a rotation vector (the vector of a quaternion)


@dataclass(frozen=True, eq=False, slots=True)
class Trajectory:
    """Poses of a camera over time.

    Attributes:
        stamps_ns: (N,) int64, ascending.
        poses: (N, 4, 4) T_world_cam, metres.
    """

    stamps_ns: NDArray[np.int64]
    poses: NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class GraphEdge:
    """An edge of a g2o graph: pose T_a_b (4, 4) of b in a; information (6, 6) of metres and rotation vector."""

    a: int
    b: int
    T_a_b: NDArray[np.float64]
    information: NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Graph:
    """A g2o graph: poses (4, 4) by number, which may be none, and edges."""

    vertices: dict[int, NDArray[np.float64]]
    edges: tuple[GraphEdge, ...]


def read_tum_trajectory(path: Path) -> Trajectory:
    """The poses of a TUM file, "stamp x y z qx qy qz qw" in each line, seconds and metres; # begins a remark.

    O(lines log lines). A stamp that repeats keeps its last pose.

    Raises:
        BadSource: the file is missing or torn, or has no pose.
    """
    poses: dict[int, NDArray[np.float64]] = {}
    for number, words in _lines(path):
        name = f"{path}, line {number}"
        if len(words) < 8:
            raise BadSource(f"{name}: want stamp x y z qx qy qz qw, got {' '.join(words)[:80]!r}")
        poses[parse.stamp_ns(words[0], name)] = parse.pose(" ".join(words[1:8]), name)
    if not poses:
        raise BadSource(f"{path}: want lines of stamp x y z qx qy qz qw; there is none")
    stamps = sorted(poses)
    return Trajectory(np.array(stamps, np.int64), np.stack([poses[stamp] for stamp in stamps]))


def read_g2o(path: Path) -> Graph:
    """The 3D poses and edges of a g2o file: VERTEX_SE3:QUAT and EDGE_SE3:QUAT; other lines are passed over.

    O(lines).

    Raises:
        BadSource: the file is missing or torn, or has no edge.
    """
    vertices: dict[int, NDArray[np.float64]] = {}
    edges: list[GraphEdge] = []
    for number, words in _lines(path):
        name = f"{path}, line {number}"
        if words[0] == "VERTEX_SE3:QUAT":
            values = _values(words, 1, 7, name)
            vertices[_whole(words[1], name)] = _pose(values, name)
        elif words[0] == "EDGE_SE3:QUAT":
            values = _values(words, 2, 28, name)
            a, b = _whole(words[1], name), _whole(words[2], name)
            edges.append(GraphEdge(a, b, _pose(values[:7], name), _information(values[7:])))
    if not edges:
        raise BadSource(f"{path}: want lines of EDGE_SE3:QUAT; there is none")
    return Graph(vertices, tuple(edges))


def g2o_lines(graph: Graph) -> list[str]:
    """The lines of a g2o file, from which `read_g2o` makes the same graph. O(vertices + edges)."""

    def numbers(T: NDArray[np.float64]) -> str:
        return " ".join(repr(float(v)) for v in (*T[:3, 3], *quaternion_from_matrix(T[:3, :3])))

    lines = [f"VERTEX_SE3:QUAT {number} {numbers(T)}" for number, T in graph.vertices.items()]
    whole = np.linalg.inv(_HALF)
    for edge in graph.edges:
        upper = (whole @ edge.information @ whole)[_UPPER]
        lines.append(f"EDGE_SE3:QUAT {edge.a} {edge.b} {numbers(edge.T_a_b)} {' '.join(repr(float(v)) for v in upper)}")
    return lines


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    rows = enumerate((line.split() for line in parse.read_text(path).splitlines()), start=1)
    return [(number, words) for number, words in rows if words and not words[0].startswith("#")]


def _values(words: list[str], n_ids: int, count: int, name: str) -> NDArray[np.float64]:
    return parse.numbers(" ".join(words[1 + n_ids :]), count, name)


def _whole(word: str, name: str) -> int:
    if not word.isdigit() or len(word) > 18:
        raise BadSource(f"{name}: want the number of a pose, got {word[:40]!r}")
    return int(word)


def _pose(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    try:
        return pose_matrix(values[:3], values[3:])
    except BadFrame as error:
        raise BadSource(f"{name}: {error}") from error


def _information(upper: NDArray[np.float64]) -> NDArray[np.float64]:
    matrix = np.zeros((6, 6))
    matrix[_UPPER] = upper
    matrix = matrix + np.triu(matrix, 1).T
    return np.asarray(_HALF @ matrix @ _HALF)
