# SPDX-License-Identifier: Apache-2.0
"""Shortest ways: over the places of a scene graph, and over graphs of any size that grow as the robot goes."""

from memory_core.routes.scene import Route, describe, nearest_place, route

__all__ = ["Route", "describe", "nearest_place", "route"]
