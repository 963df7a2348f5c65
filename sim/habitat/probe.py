# SPDX-License-Identifier: Apache-2.0
"""Whether Habitat is here and can draw. The library ends the whole process when it cannot, so a child asks."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from memory_core.errors import BackendUnavailable

_CHECK = Path(__file__).with_name("gl_check.py")


def require_habitat(gpu_device_id: int, timeout_s: float) -> None:
    """Return when habitat_sim is installed and draws; asked once per device and installation.

    Raises:
        BackendUnavailable: it is not installed, or cannot draw with this device.
    """
    found = importlib.util.find_spec("habitat_sim")
    if found is None:
        raise BackendUnavailable(
            "habitat_sim is not installed; install it with conda install habitat-sim headless -c conda-forge "
            "-c aihabitat, or use the simulator 'house'"
        )
    _require_drawing(gpu_device_id, timeout_s, str(found.origin))


@lru_cache(maxsize=8)
def _require_drawing(gpu_device_id: int, timeout_s: float, origin: str) -> None:
    """`origin` is where habitat_sim lies; another one is asked anew."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, str(_CHECK), str(gpu_device_id)]
    try:
        ended = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BackendUnavailable(
            f"Habitat from {origin} did not draw an image within {timeout_s:g} s; give it more time with "
            "probe_timeout_s=, or look at its OpenGL driver"
        ) from error
    if ended.returncode != 0:
        lines = (ended.stdout + b"\n" + ended.stderr).decode(errors="replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
        raise BackendUnavailable(
            f"Habitat cannot draw with gpu_device_id={gpu_device_id} (status {ended.returncode}, it said: "
            f"{said[:200]}); use -1, which wants EGL and an OpenGL driver, or the number of a CUDA device"
        )
