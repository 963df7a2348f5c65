# SPDX-License-Identifier: Apache-2.0
"""What moves on the floor, how fast, and where it will be."""

from mapping.flow.flow import FlowLayer, Mover
from mapping.flow.settings import FlowSettings

__all__ = ["FlowLayer", "FlowSettings", "Mover"]
