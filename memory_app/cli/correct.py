# SPDX-License-Identifier: Apache-2.0
"""tolman correct."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

from mapping.exporters import write_file
from mapping.pose_graph import Constraint, CorrectedPoses, PoseGraph, rigid
from memory_app.cli.common import as_json, memory_argument, open_memory, print_json
from memory_app.correcting import correct_memory, trajectory_of
from memory_core.memory import Memory
from recordings.trajectories import Graph, GraphEdge, g2o_lines, read_g2o, read_tum_trajectory

_FILE = click.Path(path_type=Path, dir_okay=False)
_STEP_INFORMATION = np.diag([1e4] * 3 + [1e5] * 3)


@click.command()
@memory_argument
@click.option("--trajectory", type=_FILE, help="TUM file: stamp x y z qx qy qz qw of the camera, as known now.")
@click.option("--constraints", type=_FILE, help="g2o file: EDGE_SE3:QUAT between nodes, n1 being 1.")
@click.option("--session", default="", help="With --trajectory: only poses of this session. [default: all]")
@click.option("--write-graph", type=_FILE, help="Write the trajectory as a g2o file instead, for a loop detector.")
@as_json
def correct(
    memory_dir: Path, trajectory: Path | None, constraints: Path | None, session: str, write_graph: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Correct the trajectory of the memory at DIR after a loop closure; objects, map and images move along.

    The recording is not needed. The trajectory is that of the camera's optical frame in the memory's map frame.
    """
    if [trajectory, constraints, write_graph].count(None) != 2:
        raise click.UsageError("want one of --trajectory, --constraints and --write-graph")
    if write_graph is not None:
        with open_memory(memory_dir) as memory:
            nodes = trajectory_of(memory)
        write_file(write_graph, "\n".join([*g2o_lines(_graph_of(nodes)), ""]).encode())
        report = {"nodes": nodes.n, "file": str(write_graph)}
    else:
        better = _poses(trajectory, session) if trajectory else None
        given = _constraints(constraints) if constraints else []
        with Memory.open(memory_dir, create=False) as memory:
            report = {**asdict(correct_memory(memory, better, given)), "digest": memory.digest()}
    if as_json:
        print_json(report)
        return
    for name, value in report.items():
        click.echo(f"{name:>14}  {value}")


def _poses(path: Path, session: str) -> CorrectedPoses:
    read = read_tum_trajectory(path)
    return CorrectedPoses(read.stamps_ns, read.poses, session)


def _constraints(path: Path) -> list[Constraint]:
    return [Constraint(edge.a, edge.b, edge.T_a_b, edge.information) for edge in read_g2o(path).edges]


def _graph_of(nodes: PoseGraph) -> Graph:
    """Nodes and the motions between them."""
    poses = nodes.poses[: nodes.n]
    relative = rigid.invert(poses[:-1]) @ poses[1:]
    edges = (GraphEdge(i + 1, i + 2, T, _STEP_INFORMATION) for i, T in enumerate(relative))
    return Graph({i + 1: T for i, T in enumerate(poses)}, tuple(edges))
