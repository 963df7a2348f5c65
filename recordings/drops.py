# SPDX-License-Identifier: Apache-2.0
"""Why an input could not become a frame: named reasons, counted, each explained once."""

from __future__ import annotations

from memory_core.errors import BadFrame

REASONS = {
    "no_rgb": "a depth image without a colour image at its time",
    "no_depth": "a colour image without a depth image at its time",
    "no_pose": "no pose for the camera at the time of the image",
    "no_camera_info": "no CameraInfo for the image",
    "no_instances": "no instance image at the time of the image",
    "unsynchronised": "colour and depth within reach in time, but each closer to another image",
    "bad_image": "a damaged or impossible image",
    "bad_encoding": "an image encoding that cannot be used",
    "bad_depth_size": "depth of another size than colour",
    "bad_camera_info": "CameraInfo with impossible values or for another image size",
    "bad_pose": "a pose that is not a rigid transform or has NaN in it",
    "bad_stamp": "a message without a time",
    "bad_message": "a message that cannot be decoded",
    "duplicate": "a second image with the same time",
    "out_of_order": "an image older than one that was already used",
    "queue_full": "too many images waiting",
    "unreadable": "messages lost to damage of the recording",
}


class Rejected(BadFrame):
    """An input that cannot become a frame; `reason` is one of REASONS."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Drops:
    """Counts of rejected inputs by reason, and the first message of each reason.

    Attributes:
        counts: reason -> how many.
        messages: one line for the first of each reason.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.messages: list[str] = []

    def add(self, reason: str, message: str, n: int = 1) -> None:
        """Count n rejected inputs."""
        if reason not in self.counts:
            self.messages.append(f"{reason}: {message}")
        self.counts[reason] = self.counts.get(reason, 0) + n

    def note(self, message: str) -> None:
        """Remember a remark that is not about a rejected input, once."""
        if message not in self.messages:
            self.messages.append(message)

    def restart_from(self, other: Drops) -> None:
        """Become a copy of other, keeping the identity of `counts` and `messages`."""
        self.counts.clear()
        self.counts.update(other.counts)
        self.messages[:] = other.messages
