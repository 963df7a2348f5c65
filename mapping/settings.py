# SPDX-License-Identifier: Apache-2.0
"""Settings of the mapper, with their units and limits."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import setting


@dataclass(frozen=True)
class MapperSettings:
    """How frames and segments become a map."""

    voxel_size_m: float = setting(0.05, "edge of an octree voxel", unit="m", minimum=0.005, maximum=1.0)
    max_range_m: float = setting(
        4.0, "depth beyond this does not enter the octree", unit="m", minimum=0.2, maximum=50.0
    )
    mesh_voxel_m: float = setting(
        0.05, "edge of a voxel of the surfaces that meshes are made of, 0 for none", unit="m", minimum=0.0, maximum=1.0
    )
    map_ram_mb: int = setting(
        1024, "RAM for the octree's voxels; the rest waits on disk", unit="MiB", minimum=8, maximum=1 << 20
    )
    device: str = setting(
        "cpu", "where the map is made: cuda for a GPU, auto for one if there is one", choices=("auto", "cpu", "cuda")
    )
    decay_half_life_s: float = setting(
        0.0, "time in which what the octree knows fades to half, 0 for never", unit="s", minimum=0.0, maximum=1e9
    )
    instance_voxel_m: float = setting(
        0.04, "edge of the voxels of an object's surface", unit="m", minimum=0.005, maximum=0.5
    )
    instance_range_m: float = setting(
        6.0, "depth beyond this is not used for objects", unit="m", minimum=0.2, maximum=50.0
    )
    instance_voxels: int = setting(6000, "surface voxels kept for one object", minimum=100, maximum=100_000)
    min_observations: int = setting(3, "frames that must show a thing before it is an object", minimum=1, maximum=1000)
    min_observations_unnamed: int = setting(10, "the same for things without a class", minimum=1, maximum=1000)
    min_points: int = setting(8, "depth pixels a segment needs in one frame", minimum=1, maximum=10_000)
    tentative_s: float = setting(
        10.0, "a thing not admitted is forgotten when unseen for this long", unit="s", minimum=0.1
    )
    overlap: float = setting(
        0.2, "share of a segment's voxels an object must own to be the same thing", minimum=0.01, maximum=1.0
    )
    box_overlap: float = setting(
        0.3, "overlap of boxes, by the smaller, that joins two views of one class", minimum=0.05, maximum=1.0
    )
    box_trim: float = setting(0.01, "share of voxels cut off at each side of an object's box", minimum=0.0, maximum=0.2)
    gone_frames: int = setting(
        5, "frames that must see the place of an object free before it is gone", minimum=1, maximum=1000
    )
    gap_s: float = setting(
        2.0, "an object unseen for this long ends its interval of visibility", unit="s", minimum=0.05
    )
    heartbeat_s: float = setting(
        60.0, "longest time between two records of an object that stays in view", unit="s", minimum=1.0
    )
    moved_m: float = setting(0.03, "change of a box that is worth a record", unit="m", minimum=0.001, maximum=1.0)
    near_m: float = setting(0.75, "gap between two boxes that counts as near", unit="m", minimum=0.0, maximum=10.0)
    near_limit: int = setting(4, "neighbours an object is said to be near", minimum=0, maximum=100)
    frontiers: bool = setting(True, "find where known free space ends, and from where to look on")
    keyframe_s: float = setting(1.0, "shortest time between two keyframes without a new object", unit="s", minimum=0.0)
    keyframe_m: float = setting(0.5, "motion after which a view is new", unit="m", minimum=0.01)
    keyframe_deg: float = setting(30.0, "turn after which a view is new", unit="deg", minimum=1.0, maximum=180.0)
    keyframe_width_px: int = setting(640, "widest keyframe kept", unit="px", minimum=32, maximum=8192)
    node_m: float = setting(
        0.25, "motion after which the trajectory gets a new node", unit="m", minimum=0.01, maximum=10.0
    )
    node_deg: float = setting(15.0, "turn after which it does", unit="deg", minimum=1.0, maximum=180.0)
    pose_sigma_m: float = setting(
        0.3, "a frame whose pose is known less well is not written", unit="m", minimum=0.001, maximum=1000.0
    )
    pose_sigma_deg: float = setting(10.0, "the same for its direction", unit="deg", minimum=0.01, maximum=180.0)
    fastest_m_s: float = setting(5.0, "speed beyond which a camera jumped", unit="m/s", minimum=0.01)
    fastest_deg_s: float = setting(360.0, "turning speed beyond which it did", unit="deg/s", minimum=1.0)
    jump_m: float = setting(0.5, "motion between two frames that is never a jump", unit="m", minimum=0.0)
    jump_deg: float = setting(60.0, "turn between two frames that is never a jump", unit="deg", minimum=0.0)
    jump_frames: int = setting(
        3, "frames in a row that must agree after a jump before the map goes on there", minimum=1, maximum=1000
    )
    keyframe_quality: int = setting(85, "JPEG quality of keyframes", minimum=1, maximum=100)
    features: str = setting(
        "auto", "embeddings of segments in the map: auto for those that have one", choices=("auto", "off")
    )
    feature_similarity: float = setting(
        0.9, "least cosine of an embedding to the one that stands for it", minimum=0.1, maximum=0.99
    )
    feature_items: int = setting(4096, "distinct embeddings kept for a map", minimum=16, maximum=1 << 16)
    movers: bool = setting(False, "follow what moves on the floor")
