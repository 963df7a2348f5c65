# SPDX-License-Identifier: Apache-2.0
"""Worlds of data sets turned into the map frame: right-handed, z up (REP 103)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memory_core.errors import BadSource
from recordings import parse
from recordings.settings import RecordingSettings

OPTICAL_DOWN = (0.0, 1.0, 0.0)


def turned_to_map(settings: RecordingSettings, recorded: ArrayLike = OPTICAL_DOWN) -> NDArray[np.float64]:
    """`map_from_optical` with the gravity of the settings, else the recorded one. Raises BadSource."""
    return map_from_optical(parse.numbers(settings.gravity, 3, "gravity (x,y,z)") if settings.gravity else recorded)


def map_from_optical(gravity: ArrayLike = OPTICAL_DOWN) -> NDArray[np.float64]:
    """(4, 4) transform from a world with optical axes (x right, y down, z forward) to the map frame.

    The origin stays. Up is against gravity; forward is the world's z axis made level.
    With the default, map x, y, z are the world's z, -x, -y.

    Args:
        gravity: (3,) direction in which things fall, in the world; need not have length 1.

    Raises:
        BadSource: not a direction, or along the z axis so that no level forward is left.
    """
    down = np.asarray(gravity, np.float64)
    length = float(np.linalg.norm(down)) if down.shape == (3,) else 0.0
    if not 0.0 < length < np.inf:
        raise BadSource(f"gravity: want 3 numbers x, y, z that give a direction, got {down.tolist()}")
    up = -down / length
    forward = np.array([0.0, 0.0, 1.0]) - up[2] * up
    if np.linalg.norm(forward) < 1e-3:
        raise BadSource("gravity: it points along the camera's axis, so no forward direction is left; give another")
    forward /= np.linalg.norm(forward)
    T_map_world = np.eye(4)
    T_map_world[:3, :3] = np.stack([forward, np.cross(up, forward), up]) + 0.0
    return T_map_world
