# SPDX-License-Identifier: Apache-2.0
"""All faces of a house in arrays a rasteriser reads; bodies can be moved, hidden and opened between frames."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from memory_core.geometry import Box, Vec
from sim.house.proxies import Part

PLAIN, PLANKS, TILES, PLASTER, STRIPES = range(5)
_LIGHT_BELOW_CEILING_M = 0.3
_FACE_CORNERS = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))


@dataclass(eq=False)
class Body:
    """One thing with a number of its own in the instance images: `number` counts from 1.

    Attributes:
        faces: (F, 4, 3) in its own frame, counter-clockwise seen from outside.
        T_world_body: (4, 4).
        doors: (F,) which faces belong to a door that is drawn only while it is closed.
    """

    number: int
    uid: str
    label: str
    room_id: str
    first_face: int
    faces: Vec
    doors: NDArray[np.bool_]
    T_world_body: Vec = field(default_factory=lambda: np.eye(4))
    glows: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Light:
    """What lights a room: `position` (3,) of its lamp, and how bright all and how bright what faces the lamp is."""

    position: Vec
    ambient: float = 0.4
    direct: float = 0.6


_GLOW = (1.6, 0.0)


@dataclass(frozen=True, eq=False, slots=True)
class FaceArrays:
    """What the rasteriser reads. F faces, B bodies; bodies are rows, a face's body is `body[f]`.

    Attributes:
        corners: (F, 4, 3) float64 world, metres.
        normals: (F, 3) float64 unit, pointing outwards.
        two_sided: (F,) whether a face is drawn from behind too.
        shown: (F,).
        body: (F,) int32 row of the body.
        colour: (F, 3) float32 0..255; material: (F,) int32.
        light: (F, 3) float64 world, the lamp; power: (F, 2) float64, ambient and direct.
        T_body_world: (B, 4, 4) for patterns that move with a body; pattern: (B, 4) float64 direction and frequency.
    """

    corners: Vec
    normals: Vec
    two_sided: NDArray[np.bool_]
    shown: NDArray[np.bool_]
    body: NDArray[np.int32]
    colour: NDArray[np.float32]
    material: NDArray[np.int32]
    light: Vec
    power: Vec
    T_body_world: Vec
    pattern: Vec


def box_faces(box: Box) -> Vec:
    """(6, 4, 3) faces of a box, counter-clockwise seen from outside."""
    ends = np.array([box.minimum, box.maximum])
    corners = np.array([[ends[i, 0], ends[j, 1], ends[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    return np.asarray(corners[np.array(_FACE_CORNERS)])


def seeded_colour(name: str, seed: int, low: float = 50, high: float = 230) -> tuple[float, float, float]:
    """A colour that depends on nothing but a name and a seed, each channel in low..high."""
    digest = hashlib.sha256(f"{seed}|{name}".encode()).digest()
    red, green, blue = (low + value * (high - low) / 255 for value in digest[:3])
    return (red, green, blue)


def seeded_pattern(name: str, seed: int) -> Vec:
    """(4,) direction and frequency (1/m) of a body's stripes."""
    digest = np.frombuffer(hashlib.sha256(f"pattern|{seed}|{name}".encode()).digest()[:4], np.uint8) / 255.0
    direction = digest[:3] - 0.5
    return np.append(direction / max(float(np.linalg.norm(direction)), 1e-3), 5.0 + 20.0 * digest[3])


_Finish = tuple[tuple[float, float, float], int, bool]  # colour, material, drawn from both sides


class Scene:
    """The bodies of a house and the arrays of their faces. Bodies are added, and never taken out; numbers stay."""

    def __init__(self, seed: int, lights: Mapping[str, Light]) -> None:
        """
        Args:
            lights: of each room; faces of bodies outside all rooms take the first.
        """
        self._seed = seed
        self._lights = dict(lights)
        self._pending: list[tuple[Body, _Finish]] = []
        self.bodies: list[Body] = []
        self.n_faces = 0
        self._arrays = _arrays([], seed)

    @property
    def arrays(self) -> FaceArrays:
        """What the rasteriser reads; O(all faces) after bodies were added, else O(1)."""
        if self._pending:
            new = _arrays(self._pending, self._seed)
            pairs = [(getattr(self._arrays, f.name), getattr(new, f.name)) for f in fields(FaceArrays)]
            self._arrays = FaceArrays(*(np.concatenate(pair) for pair in pairs))
            added = [body for body, _ in self._pending]
            self._pending = []
            for body in added:
                self.move(body, body.T_world_body, body.room_id)
        return self._arrays

    def add_surface(
        self, uid: str, label: str, room_id: str, faces: Vec, material: int, colour: Sequence[float]
    ) -> Body:
        """A part of the building, drawn from both sides, already in the map frame."""
        finish = ((colour[0], colour[1], colour[2]), material, True)
        return self._add(uid, label, room_id, faces, np.zeros(len(faces), bool), finish)

    def add_object(self, uid: str, label: str, room_id: str, parts: Sequence[Part], T_world_body: Vec) -> Body:
        """An object of boxes in its own frame."""
        faces = np.concatenate([box_faces(part.box) for part in parts])
        doors = np.repeat([part.door for part in parts], 6)
        body = self._add(uid, label, room_id, faces, doors, (seeded_colour(uid, self._seed), STRIPES, False))
        body.T_world_body = T_world_body
        return body

    def _add(self, uid: str, label: str, room_id: str, faces: Vec, doors: NDArray[np.bool_], finish: _Finish) -> Body:
        body = Body(len(self.bodies) + 1, uid, label, room_id, self.n_faces, np.asarray(faces, np.float64), doors)
        self.bodies.append(body)
        self._pending.append((body, finish))
        self.n_faces += len(faces)
        return body

    def faces_of(self, body: Body) -> slice:
        return slice(body.first_face, body.first_face + len(body.faces))

    def move(self, body: Body, T_world_body: Vec, room_id: str) -> None:
        """Put a body elsewhere; O(its faces)."""
        rows = self.faces_of(body)
        R, t = T_world_body[:3, :3], T_world_body[:3, 3]
        body.T_world_body, body.room_id = T_world_body, room_id
        corners = body.faces @ R.T + t
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        self.arrays.corners[rows] = corners
        self.arrays.normals[rows] = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        self._illuminate(body)
        self.arrays.T_body_world[body.number - 1] = np.linalg.inv(T_world_body)

    def light(self, room_id: str, light: Light) -> None:
        """Light a room in another way; O(bodies)."""
        self._lights[room_id] = light
        for body in self.bodies:
            if body.room_id == room_id:
                self._illuminate(body)

    def glow(self, body: Body, *, glows: bool) -> None:
        """Let a body shine by itself, or not."""
        body.glows = glows
        self._illuminate(body)

    def _illuminate(self, body: Body) -> None:
        rows = self.faces_of(body)
        light = self._lights.get(body.room_id, next(iter(self._lights.values())))
        self.arrays.light[rows] = light.position
        self.arrays.power[rows] = _GLOW if body.glows else (light.ambient, light.direct)

    def show(self, body: Body, *, shown: bool, door_closed: bool = True) -> None:
        """Draw a body or not, and its door or not."""
        self.arrays.shown[self.faces_of(body)] = shown & (door_closed | ~body.doors)

    def bounds(self, body: Body) -> Box:
        """Axis-aligned bounds of a body in the map frame, its door included."""
        corners = self.arrays.corners[self.faces_of(body)].reshape(-1, 3)
        low, high = corners.min(axis=0), corners.max(axis=0)
        return Box((float(low[0]), float(low[1]), float(low[2])), (float(high[0]), float(high[1]), float(high[2])))


def _arrays(bodies: Sequence[tuple[Body, _Finish]], seed: int) -> FaceArrays:
    """Arrays of some bodies, not placed yet."""
    rows = [finish for body, finish in bodies for _ in body.faces]
    n_faces = len(rows)
    return FaceArrays(
        corners=np.zeros((n_faces, 4, 3)),
        normals=np.zeros((n_faces, 3)),
        two_sided=np.array([row[2] for row in rows], bool),
        shown=np.ones(n_faces, bool),
        body=np.array([body.number - 1 for body, _ in bodies for _ in body.faces], np.int32),
        colour=np.array([row[0] for row in rows], np.float32).reshape(n_faces, 3),
        material=np.array([row[1] for row in rows], np.int32),
        light=np.zeros((n_faces, 3)),
        power=np.zeros((n_faces, 2)),
        T_body_world=np.zeros((len(bodies), 4, 4)),
        pattern=np.array([seeded_pattern(body.uid, seed) for body, _ in bodies]).reshape(len(bodies), 4),
    )


def room_light(corners: Vec, height_m: float) -> Vec:
    """(3,) where the lamp of a room hangs."""
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    return np.array([middle[0], middle[1], height_m - _LIGHT_BELOW_CEILING_M])
