# SPDX-License-Identifier: Apache-2.0
"""Settings of AI2-THOR alone."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.config import setting


@dataclass(frozen=True, slots=True)
class ThorSettings:
    """How AI2-THOR is started and how long it may take."""

    executable: str = setting("", "command line of the build to start; empty for the one that ai2thor downloads")
    display: str = setting("", "X display of the build, such as :0; empty for $DISPLAY, or none when that is not set")
    server: str = setting("FIFO", "how to talk to the build", choices=("FIFO", "WSGI"))
    start_timeout_s: float = setting(120.0, "how long a start or a reset may take", unit="s", minimum=1.0)
    action_timeout_s: float = setting(10.0, "how long an action may take", unit="s", minimum=0.1)
