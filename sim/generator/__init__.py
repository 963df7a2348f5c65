# SPDX-License-Identifier: Apache-2.0
"""Houses made up from a seed: floor plans, furniture and clutter in ProcTHOR's schema."""

from sim.generator.making import generate, house_of
from sim.generator.request import HouseRequest, request_of

__all__ = ["HouseRequest", "generate", "house_of", "request_of"]
