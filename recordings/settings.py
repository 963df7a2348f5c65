# SPDX-License-Identifier: Apache-2.0
"""How recordings are read; every field may also be given to `open_source` by name."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import setting


@dataclass(frozen=True)
class RecordingSettings:
    """What to read, how to pair images with each other and with poses, and how much to hold in memory."""

    robot_id: str = setting("", "name of the robot; empty: as recorded, else 'robot'")
    session_id: str = setting("", "name of the session; empty: as recorded, else the recording's own name")
    map_id: str = setting("", "name of the world frame in the memory; empty: as recorded, else 'map'")

    intrinsics: str = setting("", "fx,fy,cx,cy in pixels; empty: as recorded, or the data set's published values")
    depth_units_per_m: float = setting(
        0.0, "values per metre in a folder's depth images; 0: the data set's own", unit="1/m", minimum=0.0, maximum=1e6
    )
    gravity: str = setting("", "x,y,z down direction in a folder's world; empty: gravity-direction.txt or the axes")

    rgb_topic: str = setting("", "topic of colour images; empty: chosen by type and name")
    depth_topic: str = setting("", "topic of depth images; empty: chosen by type and name")
    info_topic: str = setting("", "topic of the camera's CameraInfo; empty: the one beside the images")
    instance_topic: str = setting("", "topic of a simulator's instance images (32SC1); empty: by name, if any")
    label_topic: str = setting("", "topic of a simulator's instance names (JSON); empty: by name, if any")
    pose_source: str = setting("auto", "where poses come from", choices=("auto", "tf", "odometry", "pose"))
    pose_topic: str = setting("", "topic of Odometry or PoseStamped; empty: chosen by type and name")
    world_frame: str = setting("", "tf frame that becomes the map; empty: map, odom or world above the camera")
    camera_frame: str = setting("", "optical frame of the camera; empty: frame_id of the depth images")
    camera_in_base: str = setting("", "x y z qx qy qz qw of the optical frame in the body that a pose topic moves")

    slop_s: float = setting(0.02, "largest time between a colour and a depth image of one frame", unit="s", minimum=0.0)
    wait_s: float = setting(1.0, "how long an image waits for its partner, pose or CameraInfo", unit="s", minimum=0.0)
    max_gap_s: float = setting(1.0, "longest gap between two poses that is interpolated over", unit="s", minimum=0.0)
    history_s: float = setting(10.0, "how long transforms are kept", unit="s", minimum=0.1)
    jump_s: float = setting(1.0, "a step back in time that starts a new session", unit="s", minimum=0.001)
    max_queue: int = setting(32, "images of one kind that may wait", unit="images", minimum=1, maximum=10_000)

    decode_threads: int = setting(2, "threads that decode images ahead of use; 0: none", minimum=0, maximum=64)
    prefetch_frames: int = setting(8, "frames decoded ahead of use", unit="frames", minimum=1, maximum=1000)
