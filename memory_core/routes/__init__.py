# SPDX-License-Identifier: Apache-2.0
"""Shortest ways: over the places of a scene graph, and over graphs of any size that grow as the robot goes."""

from memory_core.routes.route_graph import Edge, Node, RouteGraph, Way
from memory_core.routes.scene import Route, describe, nearest_place, route
from memory_core.routes.settings import RouteSettings

__all__ = [
    "Edge",
    "Node",
    "Route",
    "RouteGraph",
    "RouteSettings",
    "Way",
    "describe",
    "nearest_place",
    "route",
]
