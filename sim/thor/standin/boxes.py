# SPDX-License-Identifier: Apache-2.0
"""A ray caster of boxes in Unity's own left-handed frame, which shares no line of mathematics with the rest.

It draws one right-angled room with boxes of stated size, turned in any way, and walks without physics. With it, a sign
that is wrong in our conversions cannot be wrong a second time in the picture they are checked against.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BadHouse
from sim.thor.standin.place import AGENT_Y_M, Images, Point, Stance, View, point, required

_INSET_M = 0.004  # the embedded house draws the sides of walls so far inside the room
_HEADINGS_DEG = {"MoveAhead": 0.0, "MoveRight": 90.0, "MoveBack": 180.0, "MoveLeft": 270.0}
Floats = NDArray[np.float64]


class _Box:
    """A box: its centre, its axes (rows: right, up, forward) and half its lengths along them, in Unity's world."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.name, self.asset = str(told["id"]), str(told["assetId"])
        self.center = _numbers(told["position"])
        self.axes = _turned_axes(**{f"{axis}_deg": float(told.get("rotation", {}).get(axis, 0.0)) for axis in "xyz"})
        self.half = _numbers(told["size"]) / 2

    def hit(self, eye: Floats, rays: Floats) -> Floats:
        """(H, W) how many times its own length each ray (H, W, 3) goes to the box, inf where it misses."""
        start, way = self.axes @ (eye - self.center), rays @ self.axes.T
        with np.errstate(divide="ignore", invalid="ignore"):
            one, other = (-self.half - start) / way, (self.half - start) / way
        enter = np.fmax.reduce(np.minimum(one, other), axis=-1)
        leave = np.fmin.reduce(np.maximum(one, other), axis=-1)
        return np.where((enter <= leave) & (enter > 0), enter, np.inf)

    def extent(self) -> Floats:
        """(3,) edge lengths along Unity's axes."""
        return 2 * np.asarray(np.abs(self.axes.T) @ self.half)


class BoxPlace:
    """A room of boxes with an agent that goes wherever it is told."""

    def __init__(self, house: dict[str, Any] | None, view: View, camera_height_m: float) -> None:
        """
        Args:
            house: a ProcTHOR description of one right-angled room whose objects state their sizes.

        Raises:
            BadHouse: there is no house.
        """
        if house is None:
            raise BadHouse("the renderer 'boxes' shows houses that it is given, and has no scenes of its own")
        self._view, self._camera_height_m = view, camera_height_m
        self._boxes = [_Box(thing) for thing in house["objects"]]
        walls = [wall for wall in house["walls"] if not str(wall["id"]).startswith("wall|exterior")]
        corners = np.array([[_numbers(corner) for corner in wall["polygon"]] for wall in walls]).reshape(-1, 3)
        self._low, self._high = corners.min(axis=0), corners.max(axis=0)
        self._planes = list(self._room(str(house["rooms"][0]["id"]), walls))
        # Not where the house says: whoever wants to begin there has to go there.
        self._at, self._turn_deg, self._tilt_deg = (self._low + self._high) / 2, 0.0, 30.0

    def act(self, action: str, arguments: Mapping[str, Any]) -> str:
        if action in _HEADINGS_DEG:
            heading = math.radians(self._turn_deg + _HEADINGS_DEG[action])
            step = float(required(arguments, "moveMagnitude"))
            self._at = self._at + step * np.array([math.sin(heading), 0.0, math.cos(heading)])
        elif action in ("RotateLeft", "RotateRight"):
            clockwise = 1 if action == "RotateRight" else -1
            self._turn_deg = (self._turn_deg + clockwise * float(required(arguments, "degrees"))) % 360
        elif action in ("LookUp", "LookDown"):
            self._tilt_deg += (1 if action == "LookDown" else -1) * float(required(arguments, "degrees"))
        elif action == "Teleport":
            self._at = _numbers(required(arguments, "position"))
            self._turn_deg = float(required(arguments, "rotation")["y"])
            self._tilt_deg = float(required(arguments, "horizon"))
        elif action != "Done":
            return f"{action} is nothing that boxes can do."
        return ""

    def stance(self) -> Stance:
        ground = {"x": float(self._at[0]), "z": float(self._at[2])}
        here, camera = {**ground, "y": AGENT_Y_M}, {**ground, "y": self._camera_height_m}
        return Stance(here, self._turn_deg, self._tilt_deg, camera)

    def objects(self) -> list[dict[str, Any]]:
        return [
            {
                "objectId": box.name,
                "objectType": box.asset,
                "position": point(box.center),
                "axisAlignedBoundingBox": {"center": point(box.center), "size": point(box.extent())},
            }
            for box in self._boxes
        ]

    def names(self) -> Sequence[str]:
        return [name for name, _, _ in self._planes] + [box.name for box in self._boxes]

    def images(self) -> Images:
        eye = np.array([self._at[0], self._camera_height_m, self._at[2]])
        rays = self._rays()
        hits = [_hit_plane(axis, at, eye, rays) for _, axis, at in self._planes]
        depths = np.array(hits + [box.hit(eye, rays) for box in self._boxes])
        first = depths.argmin(axis=0)
        depth = depths.min(axis=0)
        numbers = np.where(np.isfinite(depth), first + 1, 0).astype(np.int32)
        rgb = np.repeat((numbers * 37 % 256).astype(np.uint8)[..., None], 3, axis=2)
        return Images(rgb, np.where(np.isfinite(depth), depth, 0.0).astype(np.float32), numbers)

    def reachable(self) -> list[Point]:
        return [{"x": float(self._at[0]), "y": AGENT_Y_M, "z": float(self._at[2])}]

    def bounds(self) -> tuple[Point, Point]:
        return point((self._low + self._high) / 2), point(self._high - self._low)

    def _rays(self) -> Floats:
        """(H, W, 3) from the eye through the middle of each pixel, one metre along the view."""
        turn, tilt = math.radians(self._turn_deg), math.radians(self._tilt_deg)
        ahead = np.array([math.sin(turn) * math.cos(tilt), -math.sin(tilt), math.cos(turn) * math.cos(tilt)])
        right = np.array([math.cos(turn), 0.0, -math.sin(turn)])
        up = np.array([math.sin(turn) * math.sin(tilt), math.cos(tilt), math.cos(turn) * math.sin(tilt)])
        width, height = self._view.width, self._view.height
        pixel = 2 * math.tan(math.radians(self._view.vfov_deg) / 2) / height
        across = (np.arange(width) - (width - 1) / 2) * pixel
        upwards = ((height - 1) / 2 - np.arange(height)) * pixel
        return np.asarray(ahead + across[None, :, None] * right + upwards[:, None, None] * up)

    def _room(self, room_id: str, walls: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, int, float]]:
        """Name, axis and place of each plane that bounds the room."""
        yield f"floor|{room_id}", 1, float(self._low[1])
        yield f"ceiling|{room_id}", 1, float(self._high[1])
        middle = (self._low + self._high) / 2
        for wall in walls:
            corners = np.array([_numbers(corner) for corner in wall["polygon"]])
            axis = int(np.ptp(corners[:, [0, 2]], axis=0).argmin()) * 2
            at = float(corners[0, axis])
            yield str(wall["id"]), axis, at + math.copysign(_INSET_M, middle[axis] - at)


def _hit_plane(axis: int, at: float, eye: Floats, rays: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        times = (at - eye[axis]) / rays[..., axis]
    return np.where(times > 0, times, np.inf)


def _turned_axes(x_deg: float, y_deg: float, z_deg: float) -> Floats:
    """Rows: where right, up and forward of a thing point that Unity has turned about z, then x, then y."""
    return np.array([_about_y(_about_x(_about_z(axis, z_deg), x_deg), y_deg) for axis in np.eye(3)])


def _about_z(v: Floats, deg: float) -> Floats:
    """Right turns towards up."""
    cos, sin = math.cos(math.radians(deg)), math.sin(math.radians(deg))
    return np.array([cos * v[0] - sin * v[1], sin * v[0] + cos * v[1], v[2]])


def _about_x(v: Floats, deg: float) -> Floats:
    """Forward turns towards down."""
    cos, sin = math.cos(math.radians(deg)), math.sin(math.radians(deg))
    return np.array([v[0], cos * v[1] - sin * v[2], sin * v[1] + cos * v[2]])


def _about_y(v: Floats, deg: float) -> Floats:
    """Forward turns towards right."""
    cos, sin = math.cos(math.radians(deg)), math.sin(math.radians(deg))
    return np.array([cos * v[0] + sin * v[2], v[1], cos * v[2] - sin * v[0]])


def _numbers(told: Mapping[str, Any]) -> Floats:
    return np.array([float(told[axis]) for axis in "xyz"])
