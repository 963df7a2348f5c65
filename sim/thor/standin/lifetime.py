# SPDX-License-Identifier: Apache-2.0
"""The stand-in ends with the process that started it, and, when told to, fails as a build may fail."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass

_LOOK_S = 0.5
_FAILED = 3


def end_with_parent() -> None:
    """Watch, from a thread, whether the process that started this one is still there."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_S)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure to play: "start", or "in:ACTION", "after:ACTION", "stuck:ACTION" for when that action comes."""

    when: str = ""

    def at_start(self) -> None:
        if self.when == "start":
            os._exit(_FAILED)

    def before(self, action: str) -> None:
        """Before an action is answered."""
        if self.when == f"in:{action}":
            os._exit(_FAILED)
        while self.when == f"stuck:{action}":
            time.sleep(_LOOK_S)

    def after(self, action: str) -> None:
        """After an action was answered."""
        if self.when == f"after:{action}":
            os._exit(_FAILED)
