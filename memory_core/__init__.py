# SPDX-License-Identifier: Apache-2.0
"""Vocabulary and memory: frames, segments, scene graphs, events, questions and the store that keeps them."""

from memory_core.errors import TolmanError
from memory_core.event import Event, Keyframe, MapUpdate
from memory_core.frame import CameraFrame, FrameSource
from memory_core.geometry import Box
from memory_core.graph import Instance, Passage, Place, Relation, Room, SceneGraph
from memory_core.memory import Memory
from memory_core.question import Answer, Evidence, Question, Result
from memory_core.segment import Segment, Segmenter

__all__ = [
    "Answer", "Box", "CameraFrame", "Event", "Evidence", "FrameSource", "Instance", "Keyframe", "MapUpdate", "Memory",
    "Passage", "Place", "Question", "Relation", "Result", "Room", "SceneGraph", "Segment", "Segmenter", "TolmanError",
]  # fmt: skip
