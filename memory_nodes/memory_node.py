# SPDX-License-Identifier: Apache-2.0
"""The memory as a node: what the camera sees goes in on one thread, answers come out on another."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from numpy.typing import NDArray
from rclpy.qos import DurabilityPolicy, QoSProfile
from visualization_msgs.msg import MarkerArray

from mapping import MapperSettings
from memory_app.settings import PipelineSettings
from memory_app.warm_up import warm_up
from memory_core import SceneGraph
from memory_core.memory import Memory
from memory_nodes import convert, parameters
from memory_nodes.counts import Counts
from memory_nodes.diagnostics import Diagnostics, Health
from memory_nodes.inputs import FrameInput
from memory_nodes.parameters import Section
from memory_nodes.runtime import ServedNode, guarded, warn
from memory_nodes.services import Services
from memory_nodes.settings import INPUT_DEFAULTS, INPUT_NAMES, NodeSettings
from memory_nodes.worker import FrameQueue, MappingWorker
from memory_nodes.working_memory import WorkingMemory
from recordings.matching import PlacedFrame
from task_planner import PlannerSettings

NAME = "tolman"
SECTIONS = (
    Section("", NodeSettings()),
    Section("input.", INPUT_DEFAULTS, INPUT_NAMES),
    Section("pipeline.", PipelineSettings()),
    Section("mapper.", MapperSettings()),
    Section("planner.", PlannerSettings()),
)
_PERIOD_S = 1.0


class MemoryNode(ServedNode):
    """Publishes ~/objects, ~/working_memory and /diagnostics, serves the doors of `Services`; owns the mapping thread.

    `input` is the node that listens to the camera; serve it on a thread of its own.

    Raises:
        BadSettings: a parameter that does not exist or is out of range.
        MemoryUnavailable: the memory directory cannot be used.
        BackendUnavailable: a message type that was asked for is not installed.
    """

    n_threads = 3

    def __init__(self, **node_options: Any) -> None:
        super().__init__(NAME, automatically_declare_parameters_from_overrides=True, **node_options)
        self.settings, recording, pipeline, mapper, self.planner_settings = parameters.declare(self, *SECTIONS)
        self.counts = Counts()
        self.frame = recording.world_frame or "map"
        self._T_world_cam: NDArray[np.float64] | None = None
        self.memory = Memory.open(Path(self.settings.memory_dir).expanduser())
        self._drawn: dict[str, Any] = {}
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._objects = self.create_publisher(MarkerArray, "~/objects", latched)
        self.working_memory = WorkingMemory(
            self, self.memory, self.settings.working_memory_size, self.settings.working_memory_policy
        )
        self._worker = MappingWorker(
            self.memory,
            pipeline,
            mapper,
            queue=FrameQueue(self.settings.queue_size, self.settings.queue_mb * 1_000_000),
            commit_period_s=self.settings.commit_period_s,
            counts=self.counts,
            on_commit=self._on_commit,
            report=lambda message: warn(self, message),
        )
        Services(self, self.memory, self.frame, self.counts, self._worker.save)
        warm_up(mapper)
        self.input = FrameInput(f"{NAME}_input", self.settings, recording, self.counts, self._on_frame, **node_options)
        self._diagnostics = Diagnostics(self.get_fully_qualified_name())
        self._health = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(_PERIOD_S, guarded(self, self.counts, "diagnostics", self._publish_health))
        self._publish_objects(self.memory.graph())
        self._worker.start()
        waiting = ", ".join(f"{name} on {topic}" for name, topic in self.input.topics.items())
        self.get_logger().info(f"memory in {self.memory.path}; waiting for {waiting}")

    def close(self) -> None:
        """Map and commit what is pending; the input must not be served any more."""
        self._worker.stop()
        self.memory.close()

    @property
    def robot_position(self) -> tuple[float, float, float] | None:
        """Where the camera was in the last frame, metres; None before the first."""
        if self._T_world_cam is None:
            return None
        x, y, z = self._T_world_cam[:3, 3].tolist()
        return (x, y, z)

    def _on_frame(self, frame: PlacedFrame) -> None:
        self._T_world_cam = frame.T_world_cam
        self._worker.put(frame)

    def _on_commit(self, graph: SceneGraph) -> None:
        self._publish_objects(graph)
        if self._T_world_cam is not None:
            self.working_memory.observe(graph, self._T_world_cam)

    def _publish_objects(self, graph: SceneGraph) -> None:
        shown = {instance.id: instance for instance in convert.shown(graph)}
        if shown != self._drawn:
            gone = [convert.marker_id(instance) for key, instance in self._drawn.items() if key not in shown]
            self._drawn = shown
            self._objects.publish(convert.markers(graph, self.frame, gone))

    def _publish_health(self) -> None:
        topics = self.input.topics
        health = Health(
            counts=self.counts.all(),
            drops=self.input.drops,
            topics=topics,
            publishers={name: self.count_publishers(topic) for name, topic in topics.items()},
            n_waiting=self._worker.n_waiting,
            queue_size=self.settings.queue_size,
            commit_age_s=self._worker.commit_age_s,
            memory_bytes=_bytes_in(self.memory.path),
        )
        now_ns = self.get_clock().now().nanoseconds
        self._health.publish(self._diagnostics.message(health, now_ns, time.monotonic_ns()))


def _bytes_in(directory: Path) -> int:
    """Size of the database and its log; the blobs beside it are counted by `tolman info`."""
    return sum(path.stat().st_size for path in directory.glob("memory.db*"))
