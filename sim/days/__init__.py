# SPDX-License-Identifier: Apache-2.0
"""Scripted days: people carry, open, switch, bring and take things in a house while a robot looks or not."""

from sim.days.day import Day, Happening, differences
from sim.days.planning import day_of, plan_day

__all__ = ["Day", "Happening", "day_of", "differences", "plan_day"]
