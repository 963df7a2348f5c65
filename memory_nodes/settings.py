# SPDX-License-Identifier: Apache-2.0
"""Settings of the nodes, and which settings of other packages become ROS parameters."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import check, setting
from memory_core.replacement import POLICIES
from recordings.settings import RecordingSettings

# What a live camera has in common with a recorded one. Topics are remapped the usual way instead.
INPUT_NAMES = (
    "robot_id", "map_id", "pose_source", "world_frame", "camera_frame", "camera_in_base",
    "slop_s", "wait_s", "max_gap_s", "history_s", "jump_s", "max_queue",
)  # fmt: skip
# A recording can be searched for the root of its transforms; a robot's transforms come one by one.
INPUT_DEFAULTS = RecordingSettings(world_frame="map")


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """Where the memory is, how images are subscribed, and how long frames may wait."""

    memory_dir: str = setting("tolman_memory", "directory of the memory; created if missing, continued if there")
    image_transport: str = setting(
        "raw",
        "raw: rgb and depth are Image; compressed: rgb/compressed and depth/compressedDepth are CompressedImage",
        choices=("raw", "compressed"),
    )
    image_qos: str = setting(
        "reliable",
        "reliability asked of the camera; best_effort also matches drivers that offer no more, but loses large images",
        choices=("reliable", "best_effort"),
    )
    image_depth: int = setting(30, "images kept by each subscription", unit="messages", minimum=1, maximum=1000)
    use_instances: bool = setting(
        False, "each frame waits for a simulator's instance image on instances, with names on instance_labels"
    )
    queue_size: int = setting(
        1000, "frames that may wait for the mapper; when full, the oldest go", unit="frames", minimum=1, maximum=100_000
    )
    queue_mb: int = setting(
        1000, "images that may wait for the mapper; when full, the oldest go", unit="MB", minimum=1, maximum=100_000
    )
    working_memory_size: int = setting(
        32, "recent things kept in mind, and as many again for the task", minimum=1, maximum=10_000
    )
    working_memory_policy: str = setting(
        "flfu", "which thing leaves the working memory when it is full", choices=tuple(sorted(POLICIES))
    )
    commit_period_s: float = setting(
        1.0, "longest time that a mapped frame waits for its durable commit", unit="s", minimum=0.05, maximum=60.0
    )

    def __post_init__(self) -> None:
        check(self)
