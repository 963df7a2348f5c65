# SPDX-License-Identifier: Apache-2.0
"""Goals to steps, from what the memory knows."""

from task_planner.goals import EXAMPLES
from task_planner.plan import Plan, Step
from task_planner.planner import Knowledge, plan
from task_planner.settings import PlannerSettings

__all__ = ["EXAMPLES", "Knowledge", "Plan", "PlannerSettings", "Step", "plan"]
