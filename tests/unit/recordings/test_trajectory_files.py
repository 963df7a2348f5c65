# SPDX-License-Identifier: Apache-2.0
"""Files of corrected trajectories: what is written reads back, what is torn is refused with its line."""

import numpy as np
import pytest

from memory_core.errors import BadSource
from memory_core.geometry import canonical_pose, pose_matrix
from recordings.trajectories import Graph, GraphEdge, g2o_lines, read_g2o, read_tum_trajectory


def any_pose(rng):
    q = rng.normal(size=4)
    return canonical_pose(pose_matrix(rng.normal(size=3), q / np.linalg.norm(q)))


def test_a_tum_file_is_read_in_order_of_time(tmp_path):
    path = tmp_path / "poses.tum"
    path.write_text(
        "# stamp x y z qx qy qz qw\n2.5 1 0 0 0 0 0 1\n\n0.000000001 0 0 0 0 0 0.7071068 0.7071068\n2.5 3 0 0 0 0 0 1\n"
    )
    read = read_tum_trajectory(path)

    assert read.stamps_ns.tolist() == [1, 2_500_000_000]
    assert read.poses[1, 0, 3] == 3
    assert np.allclose(read.poses[0, :3, :3], [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-6)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is none"),
        ("1 2 3\n", "line 1: want stamp x y z"),
        ("1 0 0 0 0 0 0 1\n2 0 0 nan 0 0 0 1\n", "line 2.*finite"),
        ("1 0 0 0 0 0 0 0\n", "line 1.*quaternion"),
        ("yesterday 0 0 0 0 0 0 1\n", "line 1: want seconds"),
    ],
)
def test_a_torn_tum_file_is_refused(tmp_path, text, says):
    path = tmp_path / "poses.tum"
    path.write_text(text)
    with pytest.raises(BadSource, match=says):
        read_tum_trajectory(path)


def test_a_g2o_graph_reads_back(tmp_path, rng):
    A = rng.normal(size=(6, 6))
    graph = Graph({1: any_pose(rng), 7: any_pose(rng)}, (GraphEdge(1, 7, any_pose(rng), A @ A.T),))
    path = tmp_path / "graph.g2o"
    path.write_text("\n".join(["VERTEX_SE2 3 0 0 0", *g2o_lines(graph), "FIX 1"]))
    read = read_g2o(path)

    assert list(read.vertices) == [1, 7]
    assert all(np.array_equal(read.vertices[n], graph.vertices[n]) for n in (1, 7))
    assert (read.edges[0].a, read.edges[0].b) == (1, 7)
    assert np.array_equal(read.edges[0].T_a_b, graph.edges[0].T_a_b)
    assert np.allclose(read.edges[0].information, graph.edges[0].information)


def test_information_of_half_turns_becomes_that_of_turns(tmp_path):
    upper = [[100.0 if i == j else 0.0 for j in range(i, 6)] for i in range(6)]
    words = " ".join(str(v) for line in upper for v in line)
    path = tmp_path / "graph.g2o"
    path.write_text(f"EDGE_SE3:QUAT 1 2 0 0 0 0 0 0 1 {words}\n")

    assert np.allclose(np.diag(read_g2o(path).edges[0].information), [100, 100, 100, 25, 25, 25])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("VERTEX_SE3:QUAT 1 0 0 0 0 0 0 1\n", "want lines of EDGE_SE3:QUAT"),
        ("EDGE_SE3:QUAT 1 2 0 0 0 0 0 0 1 1 2 3\n", "line 1: want 28"),
        ("EDGE_SE3:QUAT 1 -2 0 0 0 0 0 0 1" + " 1" * 21 + "\n", "line 1: want the number of a pose"),
    ],
)
def test_a_torn_g2o_file_is_refused(tmp_path, text, says):
    path = tmp_path / "graph.g2o"
    path.write_text(text)
    with pytest.raises(BadSource, match=says):
        read_g2o(path)
