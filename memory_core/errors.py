# SPDX-License-Identifier: Apache-2.0
"""Every error Tolman raises on purpose.

TolmanError
├── BadInput                  what was given is wrong; the command line exits with 2
│   ├── BadFrame              an image, a depth map, intrinsics or a pose that cannot be used
│   ├── BadSource             a recording that is missing, torn or of an unknown kind
│   ├── BadHouse              a house description that cannot be loaded
│   ├── BadQuestion           a structured question with impossible fields
│   └── BadSettings           an unknown setting, or a value outside its range
├── TransformUnavailable      no pose for the camera at the time of the image
├── MemoryUnavailable         a memory directory that cannot be used
│   ├── NotAMemory            the path is something else
│   ├── NewerFormat           written by a newer Tolman
│   ├── CorruptMemory         damaged content
│   ├── MemoryLocked          another process is writing
│   └── StorageFull           the disk did not take the last commit; nothing earlier is lost
├── BackendUnavailable        an optional library, simulator or device that is not here
└── NotPossible               a plan or an action that cannot be carried out
"""

from __future__ import annotations


class TolmanError(Exception):
    """Base of all errors that a caller may want to catch."""


class BadInput(TolmanError):
    """Something given from outside is wrong; the message names what was wanted and what came."""


class BadFrame(BadInput):
    """An image, depth map, camera matrix or pose that cannot be used."""


class BadSource(BadInput):
    """A recording that is missing, torn, empty or of an unknown kind."""


class BadHouse(BadInput):
    """A house description that cannot be loaded."""


class BadQuestion(BadInput):
    """A structured question whose fields contradict each other or are out of range."""


class BadSettings(BadInput):
    """An unknown setting, or a value of the wrong type or outside its range."""


class TransformUnavailable(TolmanError):
    """No pose for the camera at the time of the image; the caller decides whether to drop or wait."""

    def __init__(self, target: str, source: str, stamp_ns: int, reason: str) -> None:
        super().__init__(f"no transform {target} <- {source} at {stamp_ns / 1e9:.3f} s: {reason}")
        self.target, self.source, self.stamp_ns, self.reason = target, source, stamp_ns, reason


class MemoryUnavailable(TolmanError):
    """A memory directory that cannot be opened, read or written."""


class NotAMemory(MemoryUnavailable, BadInput):
    """The path exists but is not a Tolman memory, or does not exist and must not be created."""


class NewerFormat(MemoryUnavailable, BadInput):
    """The memory was written by a newer version of Tolman."""


class CorruptMemory(MemoryUnavailable):
    """The memory's content is damaged."""


class MemoryLocked(MemoryUnavailable):
    """Another process is writing to this memory."""


class StorageFull(MemoryUnavailable):
    """The disk did not take the last commit; everything acknowledged before it is kept."""


class BackendUnavailable(TolmanError):
    """An optional library, simulator or device is missing; the message says what to do about it."""


class NotPossible(TolmanError):
    """A goal, plan or action that cannot be carried out, with the reason."""
