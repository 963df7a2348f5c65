# SPDX-License-Identifier: Apache-2.0
"""Recordings as sources of camera frames, and frames as recordings."""

from recordings.opening import open_source
from recordings.settings import RecordingSettings

__all__ = ["RecordingSettings", "open_source"]
