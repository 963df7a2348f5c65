# SPDX-License-Identifier: Apache-2.0
"""Names in the bags that Tolman writes."""

RGB = "/camera/color/image_raw"
DEPTH = "/camera/depth/image_raw"
INFO = "/camera/color/camera_info"
INSTANCES = "/camera/instances"
INSTANCE_LABELS = "/camera/instance_labels"
TF = "/tf"
# A latched String with JSON {"robot_id", "session_id", "map_id"}: whose recording this is.
RECORDING = "/tolman/recording"

WORLD_FRAME = "map"
CAMERA_FRAME = "camera_color_optical_frame"
