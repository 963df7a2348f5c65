# SPDX-License-Identifier: Apache-2.0
"""Room for images in Fast DDS, the default middleware of ROS 2.

Its shared memory holds 512 KB, less than one image. When an image fills it, small messages of the same process
(transforms, CameraInfo) are lost and come again only with the next heartbeat, seconds later. A publisher of images
therefore wants a larger segment. `python -m memory_nodes.transport` prints the profile for other processes, such as a
camera driver.
"""

from __future__ import annotations

import importlib.metadata
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_VARIABLE, _OLD_VARIABLE = "FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"
_CHOSEN_OTHERWISE = (_VARIABLE, _OLD_VARIABLE, "FASTDDS_BUILTIN_TRANSPORTS")
# The first rclpy that comes with Fast DDS 3, which renamed the variable.
_RENAMED_IN = 9

PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<profiles xmlns="http://www.eprosima.com">
  <transport_descriptors>
    <transport_descriptor>
      <transport_id>large_shared_memory</transport_id>
      <type>SHM</type>
      <segment_size>33554432</segment_size>
    </transport_descriptor>
    <transport_descriptor>
      <transport_id>udp</transport_id>
      <type>UDPv4</type>
    </transport_descriptor>
  </transport_descriptors>
  <participant profile_name="images" is_default_profile="true">
    <rtps>
      <userTransports>
        <transport_id>large_shared_memory</transport_id>
        <transport_id>udp</transport_id>
      </userTransports>
      <useBuiltinTransports>false</useBuiltinTransports>
    </rtps>
  </participant>
</profiles>
"""


@contextmanager
def room_for_images() -> Iterator[None]:
    """Participants made inside have a segment of 32 MB, unless the environment chooses transports already."""
    if any(os.environ.get(name) for name in _CHOSEN_OTHERWISE):
        yield
        return
    variable = _variable()
    with tempfile.NamedTemporaryFile("w", suffix=".xml", prefix="tolman_") as profile:
        profile.write(PROFILE)
        profile.flush()
        os.environ[variable] = profile.name
        try:
            yield
        finally:
            del os.environ[variable]


def _variable() -> str:
    for name in ("rclpy", "ros-rclpy"):
        try:
            major = int(importlib.metadata.version(name).split(".", 1)[0])
        except importlib.metadata.PackageNotFoundError:
            continue
        return _VARIABLE if major >= _RENAMED_IN else _OLD_VARIABLE
    return _VARIABLE


if __name__ == "__main__":
    print(PROFILE, end="")
