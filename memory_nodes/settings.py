# SPDX-License-Identifier: Apache-2.0
"""Settings of the nodes; each field becomes one ROS parameter."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import check, setting


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """Where the live node takes its input from and how it keeps its promises. Topics are remapped the usual way."""

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
    queue_size: int = setting(
        64, "frames waiting for the mapper; the oldest is dropped", unit="frames", minimum=1, maximum=10_000
    )
    pose_source: str = setting(
        "auto",
        "tf: transforms; odom: nav_msgs/Odometry on odom; pose: geometry_msgs/PoseStamped on pose; auto: first to come",
        choices=("auto", "tf", "odom", "pose"),
    )
    world_frame: str = setting("map", "frame that positions are remembered in")
    camera_frame: str = setting("", "optical frame of the camera; empty: the frame_id of the depth image")
    max_step_back_s: float = setting(
        1.0,
        "a stamp this much older than the newest is a jump back: a new session",
        unit="s",
        minimum=0.0,
        maximum=60.0,
    )
    commit_period_s: float = setting(
        1.0, "longest time that frames wait for a durable commit", unit="s", minimum=0.05, maximum=60.0
    )

    def __post_init__(self) -> None:
        check(self)
