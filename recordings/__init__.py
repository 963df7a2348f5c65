# SPDX-License-Identifier: Apache-2.0
"""Recordings as sources of camera frames, and frames as recordings."""

from recordings.bag import BagSource
from recordings.bag_writer import BagSummary, write_bag
from recordings.drops import REASONS
from recordings.folder import FolderSource
from recordings.matching import FrameMatcher, Identity, PlacedFrame
from recordings.opening import open_source
from recordings.settings import RecordingSettings

__all__ = [
    "REASONS",
    "BagSource",
    "BagSummary",
    "FolderSource",
    "FrameMatcher",
    "Identity",
    "PlacedFrame",
    "RecordingSettings",
    "open_source",
    "write_bag",
]
