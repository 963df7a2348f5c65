# SPDX-License-Identifier: Apache-2.0
"""Scene graphs in the formats of others."""

from memory_core.export.dsg import to_dsg
from memory_core.export.geojson import to_geojson
from memory_core.export.graphml import to_graphml
from memory_core.export.write import FORMATS, write_graph

__all__ = ["FORMATS", "to_dsg", "to_geojson", "to_graphml", "write_graph"]
