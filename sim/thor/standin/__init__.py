# SPDX-License-Identifier: Apache-2.0
"""A process that speaks AI2-THOR's protocol to the real client and shows houses drawn by us, for where no build is.

`python -m sim.thor.standin` is to be named as the executable of sim.thor.settings.ThorSettings; see `command`.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]


def command(*arguments: str) -> str:
    """The command line that starts the stand-in with this very Python, from any working directory.

    Args:
        arguments: see `python -m sim.thor.standin --help`.
    """
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
    return shlex.join(["env", f"PYTHONPATH={path}", sys.executable, "-m", "sim.thor.standin", *arguments])
