# SPDX-License-Identifier: Apache-2.0
"""The robot's hand in Habitat: rigid objects are taken away and set down again, without physics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from memory_core.frame import CameraFrame
from memory_core.geometry import Box, Vec
from sim.habitat.things import Movable, Things
from sim.house.agent import Refused
from sim.types import SimObject

_VISIBLE_SHARE = 1 / 7680  # of the image: 10 pixels at 320 x 240
_OUT_OF_SIGHT_M = 100.0
_CELL_M = 0.03
_EVEN_M = 0.02
_SEEN_SHARE = 0.8
_LIFT_M = 0.002


@dataclass(frozen=True, slots=True)
class Reach:
    """What the hand goes by: the present frame, where the robot stands (3,), and how far its arm reaches."""

    frame: CameraFrame
    position: Vec
    arm_m: float


class Hand:
    """Holds one thing at most. What is held is carried out of sight. A refused action changes nothing."""

    def __init__(self, things: Things) -> None:
        self._things = things
        self.held: Movable | None = None

    def pick_up(self, target: SimObject, reach: Reach) -> None:
        """
        Raises:
            Refused: it cannot be taken.
        """
        thing = self._things.movable.get(target.uid)
        if thing is None or not target.pickupable:
            raise Refused(f"{_name(target)} cannot be picked up.")
        if self.held is not None:
            raise Refused(f"The hand already holds the {self.held.label} {self.held.uid}.")
        _require_in_reach(target, reach)
        below = np.append(reach.position[:2], reach.position[2] - _OUT_OF_SIGHT_M)
        thing.move_by(below - np.array(target.box.center))
        thing.held, self.held = True, thing

    def put(self, receptacle: SimObject, reach: Reach) -> None:
        """Set down what is held on a level part of a receptacle that the camera sees, the nearest with room.

        Raises:
            Refused: there is nothing to put, or no such part.
        """
        thing = self.held
        if thing is None:
            raise Refused("The hand is empty.")
        if not receptacle.receptacle:
            raise Refused(f"Nothing can be put on or in {_name(receptacle)}.")
        _require_in_reach(receptacle, reach)
        box = thing.box
        spot = free_spot(reach.frame, receptacle.instance_id, box, reach.position)
        if spot is None:
            raise Refused(f"The camera sees no room for the {thing.label} {thing.uid} on or in {_name(receptacle)}.")
        bottom = np.append(box.center[:2], box.minimum[2])
        thing.move_by(spot - bottom)
        thing.held, self.held = False, None


def sees(frame: CameraFrame, number: int) -> bool:
    """Whether enough of a thing is in the image to act on it."""
    ids = frame.instance_ids
    return ids is not None and number > 0 and bool(np.count_nonzero(ids == number) >= ids.size * _VISIBLE_SHARE)


def free_spot(frame: CameraFrame, number: int, box: Box, near: Vec) -> Vec | None:
    """(3,) where the bottom of a thing as large as a box can stand on what has a number in a frame; None if nowhere.

    The part must be level, seen nearly whole, and free of other things; of all such the nearest to a point. O(pixels).
    """
    ids = frame.instance_ids
    if ids is None:
        return None
    points = _world_points(frame)
    own = points[(ids == number) & (frame.depth > 0)]
    if not len(own):
        return None
    low = own[:, :2].min(axis=0) - _CELL_M
    shape = np.ceil((own[:, :2].max(axis=0) + _CELL_M - low) / _CELL_M).astype(int) + 1
    top = _bridged(_heights(own, low, shape))
    others = _heights(points[(ids != number) & (frame.depth > 0)], low, shape)
    fits = _fits(top, others, np.ceil(np.array(box.size[:2]) / _CELL_M).astype(int) | 1)
    cells = np.argwhere(fits)
    if not len(cells):
        return None
    spots = np.column_stack([low + (cells + 0.5) * _CELL_M, top[tuple(cells.T)] + _LIFT_M])
    return np.asarray(spots[np.argmin(np.linalg.norm(spots[:, :2] - near[:2], axis=1))])


def _fits(top: Vec, others: Vec, window: NDArray[np.int_]) -> NDArray[np.bool_]:
    """(nx, ny) cells around which a window is level, mostly seen and not under anything else."""
    size = (int(window[0]), int(window[1]))
    seen = np.isfinite(top)
    share = ndimage.uniform_filter(seen.astype(float), size, mode="constant")
    highest = ndimage.maximum_filter(np.where(seen, top, -np.inf), size, mode="constant", cval=-np.inf)
    lowest = ndimage.minimum_filter(np.where(seen, top, np.inf), size, mode="constant", cval=np.inf)
    above = ndimage.maximum_filter(others, size, mode="constant", cval=-np.inf)
    with np.errstate(invalid="ignore"):
        level = (highest - lowest <= _EVEN_M) & (highest - np.where(seen, top, -np.inf) <= _EVEN_M)
    return np.asarray(seen & level & (share >= _SEEN_SHARE) & ~(above > highest + _LIFT_M))


def _bridged(top: Vec) -> Vec:
    """Heights where cells that no pixel hit take those next to them: far surfaces are seen with gaps."""
    return np.where(np.isfinite(top), top, ndimage.maximum_filter(top, 3, mode="constant", cval=-np.inf))


def _heights(points: Vec, low: Vec, shape: NDArray[np.int_]) -> Vec:
    """(nx, ny) the highest point over each cell, -inf where there is none."""
    found = np.full(tuple(shape), -np.inf)
    cells = np.floor((points[:, :2] - low) / _CELL_M).astype(int)
    inside = ((cells >= 0) & (cells < shape)).all(axis=1)
    np.maximum.at(found, tuple(cells[inside].T), points[inside, 2])
    return found


def _world_points(frame: CameraFrame) -> Vec:
    """(H, W, 3) points of the map frame; those without depth are at the camera."""
    height, width = frame.depth.shape
    u, v = np.meshgrid(np.arange(width), np.arange(height))
    z = frame.depth.astype(np.float64)
    rays = np.stack([(u - frame.K[0, 2]) / frame.K[0, 0], (v - frame.K[1, 2]) / frame.K[1, 1], np.ones_like(z)], -1)
    return np.asarray((rays * z[..., None]) @ frame.T_world_cam[:3, :3].T + frame.T_world_cam[:3, 3])


def _require_in_reach(target: SimObject, reach: Reach) -> None:
    if not sees(reach.frame, target.instance_id):
        raise Refused(f"{_name(target)} is not in view.")
    gap = target.box.distance_m((reach.position[0], reach.position[1], target.box.center[2]))
    if gap > reach.arm_m:
        raise Refused(f"{_name(target)} is {gap:.1f} m away, the arm reaches {reach.arm_m:g} m.")


def _name(thing: SimObject) -> str:
    return f"the {thing.label} {thing.uid}"
