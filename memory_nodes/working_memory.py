# SPDX-License-Identifier: Apache-2.0
"""What the robot has in mind: recent things and those its task is about, told relative to the robot."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String

from memory_core import SceneGraph
from memory_core.memory import Memory
from memory_core.short_term import Held, ShortTermMemory

_RECENT_NS = 2_000_000_000


class WorkingMemory:
    """A short-term memory over the long-term one, published on ~/working_memory (String, JSON, latched).

    All methods may be called from several threads.

    Args:
        capacity: how many recent things it holds; as many again may be held for the task.
    """

    def __init__(self, node: Node, memory: Memory, capacity: int, policy: str) -> None:
        self._short_term = ShortTermMemory(memory, capacity, policy, pin_capacity=capacity)
        self._lock = threading.Lock()
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._told = node.create_publisher(String, "~/working_memory", latched)

    def observe(self, graph: SceneGraph, T_world_cam: NDArray[np.float64]) -> None:
        """Take in what was seen in the last two seconds, and tell. O(graph)."""
        recent = [i for i in graph.instances.values() if i.last_seen_ns >= graph.stamp_ns - _RECENT_NS]
        with self._lock:
            self._short_term.observe(recent, level_base(T_world_cam), graph.stamp_ns, graph.rooms)
            self._tell()

    def focus(self, labels: Iterable[str]) -> None:
        """Keep things of these classes in mind while the task lasts, and tell. O(things of these classes)."""
        with self._lock:
            self._short_term.focus(labels)
            self._tell()

    def _tell(self) -> None:
        stats = self._short_term.stats
        things = [_thing(held) for held in self._short_term.things()]
        content = {"things": things, "hits": stats.hits, "misses": stats.misses, "evictions": stats.evictions}
        self._told.publish(String(data=json.dumps(content, allow_nan=False)))


def level_base(T_world_cam: NDArray[np.float64]) -> NDArray[np.float64]:
    """A robot's base (x ahead, y left, z up) at the camera, level, looking where the camera looks.

    A camera that looks straight down or up lends the direction of its image's upper edge.
    """
    ahead, up_in_image = T_world_cam[:3, 2], -T_world_cam[:3, 1]
    chosen = ahead if np.hypot(*ahead[:2]) > 0.1 else -np.sign(ahead[2]) * up_in_image
    yaw = float(np.arctan2(chosen[1], chosen[0]))
    base = np.eye(4)
    base[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
    base[:3, 3] = T_world_cam[:3, 3]
    return base


def _thing(held: Held) -> dict[str, object]:
    result = held.result
    return {
        "id": result.id,
        "label": result.label,
        "position": list(result.position),
        "relative": None if held.relative is None else list(held.relative),
        "where": held.description,
        "room": result.room,
        "age_s": result.age_s,
        "for_task": held.is_pinned,
    }
