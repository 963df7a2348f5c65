# SPDX-License-Identifier: Apache-2.0
"""Where known free space ends at what was never seen, and from where to look at it."""

from mapping.frontiers.frontiers import Frontiers
from mapping.frontiers.settings import FrontierSettings
from mapping.frontiers.sight import View

__all__ = ["FrontierSettings", "Frontiers", "View"]
