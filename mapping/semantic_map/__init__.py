# SPDX-License-Identifier: Apache-2.0
"""An annotated map from above whose size never changes: what a planner or a vision model can read at a glance."""

from mapping.semantic_map.from_memory import semantic_map_of
from mapping.semantic_map.grid import Label, SemanticMap
from mapping.semantic_map.settings import SemanticMapSettings

__all__ = ["Label", "SemanticMap", "SemanticMapSettings", "semantic_map_of"]
