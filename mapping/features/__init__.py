# SPDX-License-Identifier: Apache-2.0
"""What surfaces look like to a learned eye: a bank of distinct embeddings, and cells of the map that point into it."""

from mapping.features.bank import Evidence, FeatureBank
from mapping.features.layer import FeatureLayer, Lit

__all__ = ["Evidence", "FeatureBank", "FeatureLayer", "Lit"]
