# SPDX-License-Identifier: Apache-2.0
"""Where the camera was, as a graph that can be corrected, and how everything seen from there moves with it."""

from mapping.pose_graph.constraints import Constraint, CorrectedPoses, Correction
from mapping.pose_graph.gate import PoseRefused
from mapping.pose_graph.graph import PoseGraph
from mapping.pose_graph.solver import Solution, solve
from mapping.pose_graph.warming import warm_up

__all__ = ["Constraint", "CorrectedPoses", "Correction", "PoseGraph", "PoseRefused", "Solution", "solve", "warm_up"]
