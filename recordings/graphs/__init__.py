# SPDX-License-Identifier: Apache-2.0
"""Graphs of other programs and data sets, as graphs to find ways in."""

from recordings.graphs.opening import is_graph, open_graph
from recordings.graphs.touchdown import read_routes

__all__ = ["is_graph", "open_graph", "read_routes"]
