# SPDX-License-Identifier: Apache-2.0
"""How much never seen space one would look into: rays through free space, past a frontier, to what stops them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mapping.frontiers.cells import Space
from mapping.frontiers.settings import FrontierSettings
from memory_core.frame import CameraFrame
from memory_core.geometry import Vec, invert_pose, transform_points
from memory_core.graph import Place

Point = tuple[float, float, float]

_CANDIDATES = 4
_NEAREST_M = 0.3
_STOREY_M = 0.5
_LEAST_SHARE = 0.25  # of a frontier's samples that a viewpoint must see
_MOST_UNKNOWN = 0.3  # of the way to a sample may never have been seen
_SPREAD = 4.0  # what a ray may stand for behind a frontier, compared with at it
_AZIMUTHS, _ELEVATIONS = 72, 12
_SLACK_M = 0.1
_LOYALTY = 1.25  # how much better another viewpoint must be


@dataclass(frozen=True, slots=True)
class View:
    """Where to stand and which way to look.

    Attributes:
        position: at floor height, metres; the robot fits there.
        yaw_rad: heading, 0 along x, counterclockwise.
        unseen_m3: never seen space that would be looked into.
    """

    position: Point
    yaw_rad: float
    unseen_m3: float
    place_id: str
    room_id: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Target:
    """A frontier to look at, metres.

    Attributes:
        center: (3,) its middle.
        samples: (S, 3) points on it.
        beyond: (S, 3) points in the unseen, one behind each of the samples.
    """

    center: Vec
    samples: Vec
    beyond: Vec
    area_m2: float
    floor_z: float


@dataclass
class Places:
    """Where a robot can stand, found by position. All methods cost O(places nearby)."""

    reach_m: float
    known: dict[str, Place] = field(default_factory=dict)
    _buckets: dict[tuple[int, int], dict[str, None]] = field(default_factory=dict)

    def put(self, place: Place) -> None:
        self.drop(place.id)
        self.known[place.id] = place
        self._buckets.setdefault(self._bucket(place.position), {})[place.id] = None

    def drop(self, place_id: str) -> None:
        place = self.known.pop(place_id, None)
        if place is not None:
            del self._buckets[self._bucket(place.position)][place_id]

    def near(self, target: Target) -> list[Place]:
        """The best few places to look at a target from: not right below it, nearest first."""
        found = []
        for place in self._around(target.center):
            away = math.dist(place.position[:2], target.center[:2].tolist())
            if _NEAREST_M <= away <= self.reach_m and abs(place.position[2] - target.floor_z) <= _STOREY_M:
                found.append((away, len(place.id), place.id, place))
        return [place for *_, place in sorted(found, key=lambda one: one[:3])[:_CANDIDATES]]

    def _around(self, point: Vec) -> Iterator[Place]:
        i, j = self._bucket((float(point[0]), float(point[1]), 0.0))
        for x in (i - 1, i, i + 1):
            for y in (j - 1, j, j + 1):
                for place_id in self._buckets.get((x, y), ()):
                    yield self.known[place_id]

    def _bucket(self, position: Point) -> tuple[int, int]:
        return math.floor(position[0] / self.reach_m), math.floor(position[1] / self.reach_m)


def viewpoints(
    octree: Space, targets: Sequence[Target], places: Places, settings: FrontierSettings, before: Sequence[View | None]
) -> list[View | None]:
    """For each target the place from which one looks into most, None where no place sees it.

    The place of the view before is kept unless another is clearly better. O(targets x rays x range), in one batch.
    """
    pairs = [(n, place) for n, target in enumerate(targets) for place in places.near(target)]
    if not pairs:
        return [None] * len(targets)
    unseen, shares = _look_past(octree, [(targets[n], place.position) for n, place in pairs], settings)
    best: list[View | None] = [None] * len(targets)
    worth = [-1.0] * len(targets)
    for (n, place), volume, share in zip(pairs, unseen.tolist(), shares.tolist(), strict=True):
        earlier = before[n]
        value = volume * (_LOYALTY if earlier is not None and earlier.place_id == place.id else 1.0)
        if share >= _LEAST_SHARE and value > worth[n]:
            yaw = heading(place.position, targets[n].center)
            best[n], worth[n] = View(place.position, yaw, volume, place.id, place.room_id), value
    return best


def heading(start: Point, end: Vec) -> float:
    """Radians from x, counterclockwise, of the way from one point to another."""
    return math.atan2(float(end[1]) - start[1], float(end[0]) - start[0])


def _look_past(
    octree: Space, pairs: Sequence[tuple[Target, Point]], settings: FrontierSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each pair of target and standing point: volume looked into (m3), and share of the samples in sight."""
    counts = np.array([len(target.samples) for target, _ in pairs])
    owner = np.repeat(np.arange(len(pairs)), counts)
    eyes = np.array([(x, y, z + settings.eye_m) for _, (x, y, z) in pairs])[owner]
    away = np.concatenate([target.samples for target, _ in pairs]) - eyes
    distance = np.maximum(np.linalg.norm(away, axis=1), 1e-6)
    unknown, along, stops = _unknown_along(octree, eyes, away / distance[:, None], settings)
    before = along[None, :] < distance[:, None]
    in_sight = (stops > distance) & ((unknown & before).sum(axis=1) <= _MOST_UNKNOWN * before.sum(axis=1))
    area = np.repeat([target.area_m2 / len(target.samples) for target, _ in pairs], counts)
    widening = np.minimum((along[None, :] / distance[:, None]) ** 2, _SPREAD)
    looked_into = unknown & ~before & in_sight[:, None]
    volume = area * _step(octree) * np.where(looked_into, widening, 0.0).sum(axis=1)
    return (
        np.asarray(np.bincount(owner, volume, len(pairs)), np.float64),
        np.asarray(np.bincount(owner, in_sight.astype(np.float64), len(pairs)) / counts, np.float64),
    )


def _step(octree: Space) -> float:
    return max(0.1, octree.voxel_size_m)


def _unknown_along(
    octree: Space, origins: Vec, directions: Vec, settings: FrontierSettings
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """(N, S) where nothing is known along rays, up to what stops them; (S,) metres along; (N,) metres to the stop."""
    step = _step(octree)
    along = np.arange(step / 2, settings.max_range_m, step)
    points = origins[:, None, :] + directions[:, None, :] * along[None, :, None]
    unknown = (octree.occupancy(points.reshape(-1, 3)) < 0).reshape(len(origins), len(along))
    stops = octree.raycast(origins, directions, settings.max_range_m)
    return unknown & (along[None, :] < stops[:, None]), along, stops


def best_heading(
    octree: Space, position: Point, towards: Vec, settings: FrontierSettings, fov_rad: float,
    elevations: tuple[float, float],
) -> tuple[float, float]:  # fmt: skip
    """(yaw, m3) of the heading at a standing point that looks into most never seen space. O(rays x range).

    Args:
        towards: (3,) point that must be in view.
        fov_rad: horizontal field of view.
        elevations: lowest and highest ray, radians above the horizon.
    """
    azimuths = (np.arange(_AZIMUTHS) + 0.5) * 2 * np.pi / _AZIMUTHS - np.pi
    heights = np.linspace(*elevations, _ELEVATIONS)
    a, e = (grid.ravel() for grid in np.meshgrid(azimuths, heights, indexing="ij"))
    directions = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=1)
    eye = np.array([position[0], position[1], position[2] + settings.eye_m])
    unknown, along, _ = _unknown_along(octree, np.tile(eye, (len(directions), 1)), directions, settings)
    floor_z, ceiling_z = position[2] + settings.lowest_m, position[2] + settings.highest_m
    z = eye[2] + directions[:, 2:] * along[None, :]
    matters = unknown & (z >= floor_z) & (z <= ceiling_z)
    solid_angle = np.cos(e) * (2 * np.pi / _AZIMUTHS) * (elevations[1] - elevations[0]) / _ELEVATIONS
    volume = solid_angle * (matters * along[None, :] ** 2).sum(axis=1) * _step(octree)
    by_azimuth = volume.reshape(_AZIMUTHS, _ELEVATIONS).sum(axis=1)
    width = min(_AZIMUTHS, max(1, round(fov_rad / (2 * np.pi) * _AZIMUTHS)))
    windows = np.array([np.roll(by_azimuth, -k)[:width].sum() for k in range(_AZIMUTHS)])
    aim = int((heading(position, towards) + math.pi) / (2 * math.pi) * _AZIMUTHS)
    windows[(aim - np.arange(_AZIMUTHS)) % _AZIMUTHS >= width] = -1.0
    first = int(np.argmax(np.round(windows, 9)))
    yaw = float(azimuths[first]) + (width - 1) / 2 * 2 * math.pi / _AZIMUTHS
    return (yaw + math.pi) % (2 * math.pi) - math.pi, float(windows[first])


def shares_in_view(frame: CameraFrame, targets: Iterable[Vec], max_range_m: float) -> list[tuple[float, float]]:
    """For each set of points (S, 3): share of them that an image looks at, and how well it does, both 0..1.

    A point is looked at when it is in the image, in range, and nothing measured stands before it; pixels without a
    measurement look at it too. An image looks well at what is near its middle. O(points).
    """
    sets = list(targets)
    if not sets:
        return []
    counts = np.array([len(points) for points in sets])
    owner = np.repeat(np.arange(len(sets)), counts)
    x, y, z = transform_points(invert_pose(frame.T_world_cam), np.concatenate(sets)).T
    height, width = frame.depth.shape
    ahead = (z > 0.05) & (z <= max_range_m)
    depth = np.where(ahead, z, 1.0)
    u = frame.K[0, 0] * x / depth + frame.K[0, 2]
    v = frame.K[1, 1] * y / depth + frame.K[1, 2]
    inside = ahead & (u >= -0.5) & (v >= -0.5) & (u < width - 0.5) & (v < height - 0.5)
    column, row = (np.where(inside, np.rint(value), 0).astype(np.int64) for value in (u, v))
    measured = frame.depth[row, column]
    seen = inside & ((measured == 0) | (measured >= z - _SLACK_M))
    centred = 1.0 - 0.5 * np.maximum(np.abs(2 * u / width - 1), np.abs(2 * v / height - 1))
    share = np.bincount(owner, seen.astype(np.float64), len(sets)) / counts
    quality = np.bincount(owner, np.where(seen, centred, 0.0), len(sets)) / counts
    return list(zip(share.tolist(), quality.tolist(), strict=True))
