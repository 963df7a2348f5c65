# SPDX-License-Identifier: Apache-2.0
"""Exploring an unknown world by the map that grows from what the robot sees."""

from memory_app.exploring.explorer import Exploration, explore
from memory_app.exploring.settings import ExplorationSettings

__all__ = ["Exploration", "ExplorationSettings", "explore"]
