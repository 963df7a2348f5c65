# SPDX-License-Identifier: Apache-2.0
"""Pixels to segments, without any learned weights."""

from __future__ import annotations

from memory_core.errors import BadSettings
from memory_core.frame import CameraFrame
from memory_core.segment import Segmenter
from perception.geometric import GeometricSegmenter
from perception.settings import GeometricSettings
from perception.truth import TruthSegmenter

__all__ = ["GeometricSegmenter", "GeometricSettings", "TruthSegmenter", "make"]


def make(kind: str, first: CameraFrame) -> Segmenter:
    """The segmenter for a source, chosen by its first frame.

    Args:
        kind: "truth", "geometric", or "auto" for truth where the frame has instance ids and geometric elsewhere.

    Raises:
        BadSettings: another kind.
    """
    if kind == "auto":
        kind = "geometric" if first.instance_ids is None else "truth"
    if kind == "truth":
        return TruthSegmenter()
    if kind == "geometric":
        return GeometricSegmenter()
    raise BadSettings(f"segmenter: want auto, truth or geometric, got {kind!r}")
