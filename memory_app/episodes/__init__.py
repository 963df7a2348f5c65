# SPDX-License-Identifier: Apache-2.0
"""Closed-loop episodes in a simulator, judged by its truth."""

from memory_app.episodes.report import Episode, Report
from memory_app.episodes.running import KINDS, EpisodeSettings, run_episodes

__all__ = ["KINDS", "Episode", "EpisodeSettings", "Report", "run_episodes"]
