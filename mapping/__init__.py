# SPDX-License-Identifier: Apache-2.0
"""Frames and segments to maps and scene graphs."""

from mapping.mapper import Mapper
from mapping.octree.octree import Octree
from mapping.settings import MapperSettings

__all__ = ["Mapper", "MapperSettings", "Octree"]
